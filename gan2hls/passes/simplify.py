"""Fewer points that say the same: affine maps in a row become one, identities vanish, equal channels are said once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.ir import Graph, Layer
from gan2hls.layers.base import map_parameters
from gan2hls.numerics import FloatArray
from gan2hls.points import Affine, Clip, Leaky, Point


def simplify_points(graph: Graph) -> Graph:
    """Simplify every layer's chain."""
    return replace(graph, layers=tuple(replace(layer, points=simplified(layer.points)) for layer in graph.layers))


def simplified(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return a chain that computes the same with no more points."""
    made: list[Point] = []
    for original in points:
        point = map_parameters(original, _shrink)
        if made:
            before = made[-1]
            if isinstance(before, Affine) and isinstance(point, Affine):
                made.pop()
                scale, bias = before.scale * point.scale, before.bias * point.scale + point.bias
                point = map_parameters(Affine(scale, bias), _shrink)
        if not _is_identity(point):
            made.append(point)
    return tuple(made)


def _shrink(value: FloatArray) -> FloatArray:
    return value[:1] if (value == value[0]).all() else value


def _is_identity(point: Point) -> bool:
    match point:
        case Affine():
            return bool((point.scale == 1).all() and (point.bias == 0).all())
        case Leaky():
            return bool((point.slope == 1).all())
        case Clip():
            return point.lo == -np.inf and point.hi == np.inf
        case _:
            return False


def drop_identities(graph: Graph) -> Graph:
    """Drop pointwise layers without points, but not the only layer."""
    dropped: dict[str, str] = {}
    kept: list[Layer] = []
    shapes = {port.name: port.shape for port in graph.inputs}
    for layer in graph.layers:
        inputs = tuple(dropped.get(name, name) for name in layer.inputs)
        empty = layer.geometry is None and not layer.points
        wanted = layer.name in {port.name for port in graph.outputs} and inputs[0] in {p.name for p in graph.inputs}
        if empty and not wanted:
            dropped[layer.name] = inputs[0]
        else:
            kept.append(replace(layer, inputs=inputs))
            shapes[layer.name] = layer.shape
    outputs = []
    for port in graph.outputs:
        name = dropped.get(port.name, port.name)
        outputs.append(replace(port, name=name, shape=shapes[name]))
    return replace(graph, layers=tuple(kept), outputs=tuple(outputs))
