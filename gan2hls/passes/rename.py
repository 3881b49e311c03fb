"""Name the final layers by their index and kind."""

from __future__ import annotations

from dataclasses import replace

from gan2hls.model import Graph, rewired, with_layers


def rename(graph: Graph) -> Graph:
    """Name layer ``n`` ``l{n}_{kind}``, its tensor and its probe alike."""
    names = {layer.name: f"l{n}_{layer.op.kind}" for n, layer in enumerate(graph.layers)}
    layers = (
        replace(rewired(layer, names), name=names[layer.name], probe=replace(layer.probe, name=names[layer.name]))
        for layer in graph.layers
    )
    pinned = {names.get(name, name): quant for name, quant in graph.pinned.items()}
    return replace(with_layers(graph, layers, names), pinned=pinned)
