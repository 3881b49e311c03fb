"""Fewer points that say the same: affine maps in a row become one, identities vanish, equal channels are said once.

A quantizer of the file ends an engine, so what can stand before it instead of behind it moves there: ``ReLU`` and
``Clip`` at one of its levels, a scale, and another quantizer with the same levels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.kinds import map_parameters
from gan2hls.model import Affine, Clip, Curve, Graph, Layer, Leaky, Point, Quantize, Sign, rewired, with_layers
from gan2hls.numbers import FloatArray, QuantType
from gan2hls.ops import Identity

#: Relative difference of two scales that float32 made of one.
_EQUAL = 1e-6
#: Zero points beyond this are no part of a code any more.
_MOST_ZERO_POINT = 1 << 16


def simplify_points(graph: Graph) -> Graph:
    """Simplify every layer's chain."""
    return replace(graph, layers=tuple(replace(layer, points=simplified(layer.points)) for layer in graph.layers))


def simplified(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return a chain that computes the same with no more points."""
    made: list[Point] = []
    for point in points:
        _push(made, map_parameters(point, _shrink))
    return tuple(made)


def _push(made: list[Point], point: Point) -> None:
    """Append ``point`` to the simplified chain ``made``, or what both together amount to."""
    before = made[-1] if made else None
    merged: tuple[Point, ...] | None = None
    match before, point:
        case Affine(), Affine():
            scale, bias = before.scale * point.scale, before.bias * point.scale + point.bias
            merged = (map_parameters(Affine(scale, bias), _shrink),)
        case Quantize(), _:
            merged = _behind_quantizer(before, point)
        case ((Leaky() | Curve()), Sign()) if _keeps_sign(before):
            merged = (point,)
    if merged is None:
        if not _is_identity(point):
            made.append(point)
        return
    made.pop()
    for part in merged:
        _push(made, part)


def _behind_quantizer(before: Quantize, point: Point) -> tuple[Point, ...] | None:
    """Return what the two are with the quantizer last, or None where only another engine can follow it."""
    low, high = before.range
    match point:
        case Leaky() if not point.slope.any():
            return _behind_quantizer(before, Clip(0.0, np.inf))
        case Clip() if _on_levels(before.type, point):
            if point.lo > high or point.hi < low:  # of all its levels nothing is left but one end
                return _constant(before.type, point.lo if point.lo > high else point.hi)
            return (*((point,) if point.lo > low or point.hi < high else ()), before)
        case Affine() if point.scale.size == point.bias.size == 1 and point.scale[0] > 0:
            return _scaled(before.type, float(point.scale[0]), float(point.bias[0]), point)
        case Quantize() if _same_levels(before.type, point.type):
            inside = point.range
            return (*((Clip(low, high),) if low > inside[0] or high < inside[1] else ()), point)
        case _:
            return None


def _constant(quant: QuantType, value: float) -> tuple[Point, ...]:
    """Return ``value``, a multiple of the step of ``quant``, whatever comes in, and a quantizer that has it."""
    zero_point = quant.int_type.lo - round(value / quant.scale)
    return Clip(value, value), Quantize(replace(quant, zero_point=zero_point))


def _scaled(quant: QuantType, scale: float, bias: float, point: Affine) -> tuple[Point, ...] | None:
    """Return the affine map, then the quantizer to the levels that it moves those of ``quant`` to."""
    step = quant.scale * scale
    shift = _whole(bias / step)
    if shift is None or abs(quant.zero_point - shift) > _MOST_ZERO_POINT:
        return None
    return point, Quantize(replace(quant, scale=step, zero_point=quant.zero_point - shift))


def _on_levels(quant: QuantType, clip: Clip) -> bool:
    """Whether the finite ends of ``clip`` lie on levels of ``quant``, not between two."""
    return all(not np.isfinite(end) or _whole(end / quant.scale) is not None for end in (clip.lo, clip.hi))


def _same_levels(one: QuantType, other: QuantType) -> bool:
    return abs(one.scale - other.scale) <= _EQUAL * one.scale


def _whole(value: float) -> int | None:
    nearest = round(value) if abs(value) <= _MOST_ZERO_POINT else 0
    return nearest if abs(value - nearest) <= _EQUAL * max(1, abs(nearest)) else None


def _keeps_sign(point: Leaky | Curve) -> bool:
    """Whether ``point`` changes no sign, and keeps 0."""
    if isinstance(point, Leaky):
        return bool((point.slope > 0).all())
    return point.name in ("tanh", "softsign")


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
    """Drop pointwise layers without points, but none that makes an output of an input or of another output."""
    dropped: dict[str, str] = {}
    kept: list[Layer] = []
    outputs = {port.name for port in graph.outputs}
    taken = {port.name for port in graph.inputs} | outputs
    for original in graph.layers:
        layer = rewired(original, dropped)
        empty = isinstance(layer.op, Identity) and not layer.points
        if empty and not (layer.name in outputs and layer.inputs[0] in taken):
            dropped[layer.name] = layer.inputs[0]
            taken.update(layer.inputs if layer.name in outputs else ())
        else:
            kept.append(layer)
    return with_layers(graph, kept, dropped)
