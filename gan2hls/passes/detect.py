"""Note the codes that weights betray, before any pass multiplies into them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.detect import find_structure
from gan2hls.model import Graph, Layer
from gan2hls.numbers import FloatArray, IntType
from gan2hls.ops import COPY, IntWeight, Linear, Structure


def detect(graph: Graph) -> Graph:
    """Give every linear layer the structure of its weights."""
    return replace(graph, layers=tuple(_detected(layer) for layer in graph.layers))


def _detected(layer: Layer) -> Layer:
    if not isinstance(layer.op, Linear):
        return layer
    weight = layer.op.weight
    structure = _ones(weight) if layer.op.kind == COPY else find_structure(weight)
    return replace(layer, op=replace(layer.op, structure=structure))


def _ones(weight: FloatArray) -> Structure:
    """Return the weights of a copy as codes that need no multiplier: ones, and zeros where it mixes channels."""
    codec = "binary" if weight.all() else "ternary"
    codes = weight.astype(np.int64)
    return Structure(IntWeight(codes, IntType(2, signed=True), np.ones(1), codec, codec), error=0.0)
