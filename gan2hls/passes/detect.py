"""Note the codes that weights betray, before any pass multiplies into them."""

from __future__ import annotations

from dataclasses import replace

from gan2hls.detect import find_structure
from gan2hls.model import Graph, Layer


def detect(graph: Graph) -> Graph:
    """Give every linear layer the structure of its weights."""
    return replace(graph, layers=tuple(_detected(layer) for layer in graph.layers))


def _detected(layer: Layer) -> Layer:
    if layer.weight is None:
        return layer
    return replace(layer, structure=find_structure(layer.weight))
