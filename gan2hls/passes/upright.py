"""Stand maps of one row on end: maps of one column have the same elements in the same order.

A line buffer holds the rows that a kernel reaches.  Of a signal, which the front end reads as one row, that is all of
it, and a layer begins when the one before is done; of a column it is a few elements, and all layers work at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gan2hls.model import Graph, Layer, Port
from gan2hls.ops import Shape


def upright(graph: Graph) -> Graph:
    """Make maps of one row maps of one column, but for those of layers that make something else of a column."""
    shapes = {port.name: port.shape for port in graph.inputs} | {layer.name: layer.shape for layer in graph.layers}
    lying = {name for name, (height, width, _) in shapes.items() if height == 1 < width}
    while True:
        turned = {name: _turned(shape) if name in lying else shape for name, shape in shapes.items()}
        made = [_layer(layer, turned) if _touched(layer, lying) else layer for layer in graph.layers]
        kept = {
            name
            for layer, found in zip(graph.layers, made, strict=True)
            if found is None
            for name in _touched(layer, lying)
        }
        if not kept:
            break
        lying -= kept
    return replace(
        graph,
        inputs=tuple(_port(port, turned[port.name]) for port in graph.inputs),
        layers=tuple(layer for layer in made if layer is not None),
        outputs=tuple(_port(port, turned[port.name]) for port in graph.outputs),
    )


def _touched(layer: Layer, names: set[str]) -> set[str]:
    """Return those of ``names`` that ``layer`` reads or makes."""
    return names.intersection((layer.name, *layer.inputs))


def _turned(shape: Shape) -> Shape:
    height, width, channels = shape
    return width, height, channels


def _layer(layer: Layer, shapes: Mapping[str, Shape]) -> Layer | None:
    """Return ``layer`` between streams of other ``shapes``; None: it is none between those.

    What makes a map of several rows, or the elements of one pixel, reads a row and a column alike.
    """
    inputs, shape = [shapes[name] for name in layer.inputs], shapes[layer.name]
    several = shape == layer.shape and shape[:2] != (1, 1)
    op = layer.op if several else layer.op.upright()
    if op is None and shape == layer.shape:
        op = layer.op
    if op is None:
        return None
    if not op.fits(inputs, shape):
        return None
    return replace(layer, shape=shape, op=op, probe=_port(layer.probe, shape))


def _port(port: Port, shape: Shape) -> Port:
    return port if port.shape == shape else replace(port, shape=shape)
