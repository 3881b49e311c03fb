"""Name the final layers by their index and kind."""

from __future__ import annotations

from dataclasses import replace

from gan2hls.model import Graph


def rename(graph: Graph) -> Graph:
    """Name layer ``n`` ``l{n}_{kind}``, its tensor and its probe alike."""
    names = {layer.name: f"l{n}_{layer.kind}" for n, layer in enumerate(graph.layers)}
    layers = tuple(
        replace(
            layer,
            name=names[layer.name],
            inputs=tuple(names.get(name, name) for name in layer.inputs),
            probe=replace(layer.probe, name=names[layer.name]),
        )
        for layer in graph.layers
    )
    outputs = [replace(port, name=names.get(port.name, port.name)) for port in graph.outputs]
    pinned = {names.get(name, name): quant for name, quant in graph.pinned.items()}
    return replace(graph, layers=layers, outputs=tuple(outputs), pinned=pinned)
