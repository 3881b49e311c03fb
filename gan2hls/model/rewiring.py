"""Graph surgery: who reads a tensor, and a graph in which some tensors have become others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gan2hls.model.ir import Graph, Layer


def readings(graph: Graph) -> Counter[str]:
    """Return how often each tensor is read, by name: by layers, and once more where it is an output of the model."""
    read = [name for layer in graph.layers for name in layer.inputs]
    return Counter([*read, *(port.name for port in graph.outputs)])


def rewired(layer: Layer, renamed: Mapping[str, str]) -> Layer:
    """Return ``layer`` reading what the tensors that it reads have become; ``renamed`` maps old names to new ones."""
    inputs = tuple(renamed.get(name, name) for name in layer.inputs)
    return layer if inputs == layer.inputs else replace(layer, inputs=inputs)


def with_layers(graph: Graph, layers: Iterable[Layer], renamed: Mapping[str, str] | None = None) -> Graph:
    """Return ``graph`` with other ``layers``, its outputs being what ``renamed`` says they have become."""
    layers = tuple(layers)
    shapes = {port.name: port.shape for port in graph.inputs} | {layer.name: layer.shape for layer in layers}
    outputs = []
    for port in graph.outputs:
        name = (renamed or {}).get(port.name, port.name)
        outputs.append(replace(port, name=name, shape=shapes[name]))
    return replace(graph, layers=layers, outputs=tuple(outputs))
