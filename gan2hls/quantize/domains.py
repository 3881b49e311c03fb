"""Functions that are not finite everywhere, such as Log and Reciprocal: held to the range that occurs.

A function must have a finite value over all of what calibration makes of its input.  Beyond that, where a table may
still reach, it keeps the value that it has where its values end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.base import UnsupportedError
from gan2hls.model import Function, Graph, Layer, Point, Quantize
from gan2hls.numbers import Float32Array, FloatArray, Int64Array
from gan2hls.quantize.curves import Curves

#: Where functions are looked at: all over the line, within a range, and beyond its ends in parts of its size.
_FAR: FloatArray = np.geomspace(1e-3, 1e6, 400)
_EVERYWHERE: FloatArray = np.unique(np.concatenate([-_FAR, [0.0], _FAR, np.linspace(-16, 16, 1025)]))[:, None]
_WITHIN: FloatArray = np.linspace(0.0, 1.0, 1025)[:, None]
_BEYOND: FloatArray = np.concatenate([[0.0], np.geomspace(1e-4, 1e6, 800)])[:, None]
#: Bends of each function that are looked at closely, for poles.
_BENDS = 16
#: Rounds of looking closer, each four times so; a pole still grows in the later ones, by this much more than at first.
_ROUNDS, _EARLY, _GROWTH = 26, 10, 3.0
_CLOSER: FloatArray = np.linspace(0.0, 1.0, 9)[:, None]
#: Growth below this part of the values is rounding.
_ROUNDING = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Range:
    """``x`` clipped to ``low..high``, float64 ``[U]``, a range for each set; what is infinite stays."""

    input: str
    low: FloatArray
    high: FloatArray

    def __call__(self, x: FloatArray, sets: Int64Array) -> FloatArray:
        """Evaluate on ``x``."""
        return np.where(np.isfinite(x), np.clip(x, self.low[sets], self.high[sets]), x)

    def steps(self, x: FloatArray, sets: Int64Array) -> Iterator[tuple[str, FloatArray]]:
        """Yield the result."""
        yield "its range", self(x, sets)


def within_domains(graph: Graph, streams: Mapping[str, Float32Array]) -> Graph:
    """Return ``graph`` with functions that are not finite everywhere bounded to where they are.

    Args:
        graph: after the passes.
        streams: of the inputs and all layers by name, ``[N, H, W, C]``, what calibration makes.

    Raises:
        UnsupportedError: a function that is not finite over the range that occurs.
    """
    layers = (_bounded(layer, [streams[name] for name in layer.inputs]) for layer in graph.layers)
    return replace(graph, layers=tuple(layers))


def _bounded(layer: Layer, inputs: Sequence[Float32Array]) -> Layer:
    """Return ``layer`` with its curve bounded; ``inputs`` are what it reads."""
    ends = [n for n, point in enumerate(layer.points) if isinstance(point, Quantize)]
    last = ends[0] if ends else len(layer.points)
    first = next((n for n, point in enumerate(layer.points[:last]) if isinstance(point, Function)), last)
    if first == last or not all(np.isfinite(x).all() for x in inputs):
        return layer
    curves = Curves(layer.points[first:last], layer.channels)
    if not _faults(curves, np.broadcast_to(_EVERYWHERE, (len(_EVERYWHERE), curves.count)))[0].size:
        return layer
    bounds = _held(curves, *_seen(layer, layer.points[:first], inputs))
    return replace(layer, points=(*layer.points[:first], bounds, *layer.points[first:]))


def _seen(layer: Layer, points: tuple[Point, ...], inputs: Sequence[Float32Array]) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest number of each channel, float64 ``[C]``, that ``points`` make of sums."""
    low, high = np.full(layer.channels, np.inf), np.full(layer.channels, -np.inf)
    for n in range(len(inputs[0])):
        sums = layer.op.evaluate([x[n : n + 1] for x in inputs])
        made: FloatArray = sums.reshape(-1, layer.channels).astype(np.float64)
        for point in points:
            made = point(made)
        low, high = np.minimum(low, made.min(axis=0)), np.maximum(high, made.max(axis=0))
    return low, high


def _held(curves: Curves, least: FloatArray, greatest: FloatArray) -> Function:
    """Return the range around ``least..greatest``, float64 ``[C]`` each, in which the curves are finite.

    Raises:
        UnsupportedError: they are not finite in between.
    """
    low, high = curves.least(least), -curves.least(-greatest)
    inside = low + (high - low) * _WITHIN
    zero = np.clip(np.zeros((1, curves.count)), low, high)
    places, which = _faults(curves, np.sort(np.concatenate([inside, zero]), axis=0))
    if places.size:
        n = int(which[0])
        raise _undefined(curves.of(which[:1]), float(places[0]), float(low[n]), float(high[n]))
    reach = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-3)
    low, high = -_end(curves, -low, reach, -1.0), _end(curves, high, reach, 1.0)
    sets = curves.of_channel.astype(np.float64) if curves.count > 1 else np.zeros(1)
    return Function("range", Range(_input(curves.points), low, high), sets)


def _input(points: tuple[Point, ...]) -> str:
    """Return the ONNX name of what the first of ``points``, a function, reads."""
    assert isinstance(points[0], Function)
    return points[0].evaluate.input


def _raw(points: tuple[Point, ...], x: FloatArray) -> FloatArray:
    """Return what ``points`` make of ``x``, NaN and infinite where that is so."""
    with np.errstate(all="ignore"):
        for point in points:
            x = point.raw(x) if isinstance(point, Function) else point(x)
    return x


def _end(curves: Curves, start: FloatArray, reach: FloatArray, way: float) -> FloatArray:
    """Return how far up from ``start`` ``[S]`` the functions are finite, of ``way * x``."""
    grid, points = start + reach * _BEYOND, curves.of(np.arange(curves.count))
    places, which = _faults(curves, way * grid)
    fault = np.full(start.size, np.inf)
    np.minimum.at(fault, which, np.maximum(way * places, start[which]))
    before = np.where(grid < fault, grid, -np.inf).max(axis=0)
    left, right = np.maximum(before, start), np.where(np.isfinite(fault), fault, before)
    for _ in range(80):
        middle = 0.5 * (left + right)
        finite = np.isfinite(_raw(points, way * middle[None])[0])
        left, right = np.where(finite, middle, left), np.where(finite, right, middle)
    made: FloatArray = left
    return made


def _faults(curves: Curves, x: FloatArray) -> tuple[FloatArray, Int64Array]:
    """Return where the functions are not finite among ``x`` ``[N, S]``, columns sorted, and between; and which each is.

    Between stand poles: bends that grow without end when they are looked at closer.
    """
    y = _raw(curves.of(np.arange(curves.count)), x)
    rows, columns = np.nonzero(~np.isfinite(y))
    places, which = [x[rows, columns]], [columns]
    with np.errstate(all="ignore"):
        bend = np.abs(np.diff(np.nan_to_num(y, nan=0.0, posinf=0.0, neginf=0.0), n=2, axis=0))
    strongest = np.argsort(-bend, axis=0)[:_BENDS] + 1
    row, column = strongest.ravel(), np.tile(np.arange(x.shape[1]), len(strongest))
    left, right = (
        np.minimum(x[row - 1, column], x[row + 1, column]),
        np.maximum(x[row - 1, column], x[row + 1, column]),
    )
    for sign in (1.0, -1.0):
        place, endless = _poles(curves.of(column), left, right, sign)
        places.append(place[endless])
        which.append(column[endless])
    return np.concatenate(places), np.concatenate(which)


def _poles(
    points: tuple[Point, ...], left: FloatArray, right: FloatArray, sign: float
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return where ``sign`` times the functions is greatest in ``left..right`` ``[K]``, and whether without end.

    What grows are the numbers beside the greatest: that itself may stand alone, such as ``Where(x == 3, 9, 0)``.
    """
    columns = np.arange(left.size)
    early, spread, endless = np.zeros(left.size), np.zeros(left.size), np.zeros(left.size, bool)
    place, beside = left, np.full(left.size, -np.inf)
    with np.errstate(all="ignore"):
        for n in range(_ROUNDS):
            x = left + (right - left) * _CLOSER
            y = sign * _raw(points, x)
            endless |= ~np.isfinite(y).all(axis=0)
            top = np.where(np.isfinite(y), y, np.inf).argmax(axis=0)
            place = x[top, columns]
            beside = np.maximum(beside, np.where(x == place, -np.inf, y).max(axis=0))
            if n == 0:
                spread = y.max(axis=0) - y.min(axis=0)
            if n == _EARLY:
                early = beside
            left, right = x[np.maximum(top - 1, 0), columns], x[np.minimum(top + 1, len(x) - 1), columns]
        grown = beside - early
        endless |= (grown > _GROWTH * spread) & (grown > _ROUNDING * np.abs(beside))
    return place, endless


def _undefined(points: tuple[Point, ...], place: float, low: float, high: float) -> UnsupportedError:
    """Return the error that the function ``points`` is not finite at ``place``, within ``low..high``."""
    around = [place]
    for end in (-np.inf, np.inf):
        near = place
        for _ in range(3):
            near = float(np.nextafter(near, end))
            around.append(near)
    name = _input(points)
    where, value = _culprit(points, np.array(around)[:, None])
    what = "has no value" if np.isnan(value) else "is infinite"
    return UnsupportedError(
        f"{what} where {name!r} is {place:.6g}, and that goes from {low:.6g} to {high:.6g} in calibration",
        where=where,
        hint="keep what it reads within what it is defined for: put a Max with a small number, such as Max(x, 0.001), "
        "or a Clip in front of it; or give inputs of your own with --calibration",
    )


def _culprit(points: tuple[Point, ...], x: FloatArray) -> tuple[str, float]:
    """Return the first part that is not finite at one of ``x``, which makes the whole so, and what it makes."""
    wrong = ~np.isfinite(_raw(points, x))
    x = x[wrong[:, 0]][:1] if wrong.any() else x[:1]
    where, value = "", np.inf
    for point in points:
        if isinstance(point, Function):
            for where, made in point.evaluate.steps(x, point.sets.astype(np.int64)):
                value = float(made.ravel()[0])
                if not np.isfinite(value):
                    return where, value
        x = _raw((point,), x)
    return where, np.inf


def check_defined(points: tuple[Point, ...], x: FloatArray, made: FloatArray) -> None:
    """Check that a curve ``points`` has values ``made`` at the inputs ``x`` of its table, ``[N]`` or ``[N, S]``.

    Raises:
        UnsupportedError: it has none at one of them.
    """
    if np.isnan(made).any():
        row, *column = (int(n[0]) for n in np.nonzero(np.isnan(made)))
        own = Curves(points, made.shape[1]).of(np.array(column)) if made.ndim > 1 else points
        first = next(n for n, point in enumerate(own) if isinstance(point, Function))
        raise _undefined(own[first:], float(x[(row, *column)]), float(x.min()), float(x.max()))
