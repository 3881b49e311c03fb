"""Pointwise functions on real values, and how a chain of them becomes a requantizer and a table.

A layer carries a chain of points (bias, BatchNorm, activation, output scaling).  ``split`` turns the chain into the
two forms that hardware has: one or two linear pieces per channel with a common clamp (``Requant``), followed by an
optional curve (``Table``), the same for all channels or one for each.  A quantizer of the file ends an engine: it fixes
the type of what the engine makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, final

import numpy as np

from gan2hls.numbers import FloatArray, Int64Array, QuantType


@final
@dataclass(frozen=True, eq=False)
class Affine:
    """``scale * x + bias``; float64 ``[C]`` or ``[1]`` each."""

    scale: FloatArray
    bias: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return x * self.scale + self.bias


@final
@dataclass(frozen=True, eq=False)
class Leaky:
    """``x if x >= 0 else slope * x``; float64 ``[C]`` or ``[1]``.  ReLU is slope 0, PReLU a slope per channel."""

    slope: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return np.where(x >= 0, x, x * self.slope)


@final
@dataclass(frozen=True)
class Clip:
    """``min(max(x, lo), hi)``; infinite ends allowed."""

    lo: float
    hi: float

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return np.clip(x, self.lo, self.hi)


def _sigmoid(x: FloatArray) -> FloatArray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


#: Curves by ONNX operator name, lower case; each takes ``x`` and its operator's attributes.
CURVES: Mapping[str, Callable[..., FloatArray]] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "selu": lambda x, alpha, gamma: gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "trunc": np.trunc,
    "hardswish": lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
}


@final
@dataclass(frozen=True)
class Curve:
    """A smooth function of ``CURVES`` with its attributes, the same for all channels."""

    name: str
    attributes: tuple[tuple[str, float], ...] = ()

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return np.asarray(CURVES[self.name](x, **dict(self.attributes)), np.float64)


class Evaluator(Protocol):
    """A function of one number, made of parts."""

    @property
    def input(self) -> str:
        """The ONNX name of what it reads."""

    def __call__(self, x: FloatArray, sets: Int64Array) -> FloatArray:
        """Evaluate on ``x`` with the parameters of set ``sets`` for each element; NaN where it has no value."""

    def steps(self, x: FloatArray, sets: Int64Array) -> Iterator[tuple[str, FloatArray]]:
        """Yield what each part makes of ``x``, the last the result, NaN and infinite where that is so, and its name."""


@final
@dataclass(frozen=True, eq=False)
class Function:
    """Any other function of one number.

    Attributes:
        name: for people.
        evaluate: the function, of ``x`` and which set of its parameters each element has.
        sets: float64 ``[C]`` or ``[1]``, whole numbers: the set of each channel, or that of all.
    """

    name: str
    evaluate: Evaluator
    sets: FloatArray = field(default_factory=lambda: np.zeros(1))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return np.asarray(self.evaluate(x, self.sets.astype(np.int64)), np.float64)

    def raw(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``; NaN and infinite where the function has no finite value."""
        *_, (_, made) = self.evaluate.steps(x, self.sets.astype(np.int64))
        return np.broadcast_to(made, np.broadcast_shapes(made.shape, x.shape))


@final
@dataclass(frozen=True)
class Sign:
    """``scale if x >= 0 else -scale``: a bipolar activation."""

    scale: float

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return np.where(x >= 0, self.scale, -self.scale)


@final
@dataclass(frozen=True)
class Quantize:
    """The nearest value that ``type`` has a code for; only the last point of an engine's chain."""

    type: QuantType

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        return self.type.dequantize(self.type.quantize(x))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value."""
        ends = self.type.dequantize(np.array([self.type.int_type.lo, self.type.int_type.hi]))
        return float(ends[0]), float(ends[1])


Point = Affine | Leaky | Clip | Curve | Function | Sign | Quantize


@final
@dataclass(frozen=True, eq=False)
class Piecewise:
    """One or two linear pieces per channel, then a clamp common to all channels.

    ``y = clip(slope[p, c] * x + offset[p, c], lo, hi)`` with ``p = 1 if x >= knot[c] else 0``.

    Attributes:
        slope: float64 ``[pieces, C]``.
        offset: float64 ``[pieces, C]``.
        knot: float64 ``[C]``, may be infinite; unused with one piece.
        lo: least value, may be ``-inf``.
        hi: greatest value, may be ``inf``.
    """

    slope: FloatArray
    offset: FloatArray
    knot: FloatArray
    lo: float = -np.inf
    hi: float = np.inf

    @staticmethod
    def identity(channels: int) -> Piecewise:
        """Return ``y = x`` for ``channels`` channels."""
        return Piecewise(np.ones((1, channels)), np.zeros((1, channels)), np.zeros(channels))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate on ``[..., C]``."""
        high = x >= self.knot if len(self.slope) == 2 else np.zeros(x.shape, bool)
        slope = np.where(high, self.slope[-1], self.slope[0])
        y: FloatArray = slope * x + np.where(high, self.offset[-1], self.offset[0])
        return np.clip(y, self.lo, self.hi)

    def then(self, point: Point) -> Piecewise | None:
        """Return this followed by ``point``, or None when that is no longer a Piecewise."""
        match point:
            case Affine():
                return self._then_affine(point)
            case Leaky() if not point.slope.any():
                return self._then_clip(Clip(0.0, np.inf))
            case Leaky():
                return self._bend(point.slope)
            case Clip():
                return self._then_clip(point)
            case Sign():
                return self._then_sign(point)
            case _:
                return None

    def _then_affine(self, point: Affine) -> Piecewise | None:
        unclamped = replace(
            self, slope=self.slope * point.scale, offset=self.offset * point.scale + point.bias, lo=-np.inf, hi=np.inf
        )
        if self.lo == -np.inf and self.hi == np.inf:
            return unclamped
        if point.scale.size == 1 and point.bias.size == 1 and point.scale[0] != 0:
            ends = sorted(float(point.scale[0] * end + point.bias[0]) for end in (self.lo, self.hi))
            return replace(unclamped, lo=ends[0], hi=ends[1])
        if self.lo == 0.0 and self.hi == np.inf and not point.bias.any() and (point.scale > 0).all():
            return replace(unclamped, lo=0.0)
        if self.lo == 0.0 and self.hi == np.inf:  # a ReLU: say it with pieces, then it commutes with the affine
            bent = replace(self, lo=-np.inf)._bend(np.zeros(1))
            return bent and bent._then_affine(point)
        return None

    def _then_clip(self, point: Clip) -> Piecewise:
        lo, hi = (float(np.clip(end, point.lo, point.hi)) for end in (self.lo, self.hi))
        return replace(self, lo=lo, hi=hi)

    def _then_sign(self, point: Sign) -> Piecewise | None:
        if len(self.slope) == 2 or not self.lo < 0 < self.hi:
            return None
        bent = self if (self.lo, self.hi) == (-np.inf, np.inf) else replace(self, lo=-np.inf, hi=np.inf)
        made = bent._bend(-np.ones(1))  # |x|: its pieces are where x is negative and where not
        assert made is not None
        signs = np.where((made.slope == bent.slope) & (made.offset == bent.offset), point.scale, -point.scale)
        knot = np.where(bent.slope[0] < 0, np.nextafter(made.knot, np.inf), made.knot)  # 0 itself counts as positive
        return Piecewise(np.zeros_like(made.slope), signs, knot)

    def _bend(self, negative_slope: FloatArray) -> Piecewise | None:
        if len(self.slope) == 2 or self.lo != -np.inf or self.hi != np.inf:
            return None
        slope, offset = self.slope[0], self.offset[0]
        flat = slope == 0
        knot = np.where(flat, 0.0, -offset / np.where(flat, 1.0, slope))
        bent = slope * negative_slope, offset * negative_slope
        high_is_positive = np.where(flat, offset >= 0, slope > 0)
        low_is_positive = np.where(flat, offset >= 0, slope < 0)
        return Piecewise(
            np.stack([np.where(low_is_positive, slope, bent[0]), np.where(high_is_positive, slope, bent[0])]),
            np.stack([np.where(low_is_positive, offset, bent[1]), np.where(high_is_positive, offset, bent[1])]),
            knot,
        )


@final
@dataclass(frozen=True, eq=False)
class Split:
    """A chain of points in hardware form: ``piecewise``, then ``curve`` (may be empty), then ``rest`` (a new layer).

    Where ``quantize`` is given, the file fixes the type of what leaves the engine.
    """

    piecewise: Piecewise
    curve: tuple[Point, ...] = field(default=())
    rest: tuple[Point, ...] = field(default=())
    quantize: Quantize | None = None

    def evaluate_curve(self, x: FloatArray) -> FloatArray:
        """Apply the points of the curve to ``x`` (``[..., C]``, any shape where the curve is the same for all)."""
        for point in self.curve:
            x = point(x)
        return x

    @property
    def curve_is_common(self) -> bool:
        """Whether one table serves all channels."""
        return all(map(_common, self.curve))


def split(points: tuple[Point, ...], channels: int) -> Split:
    """Split ``points`` into the longest head that one layer can compute, and the rest."""
    for n, point in enumerate(points):
        if isinstance(point, Quantize):
            head = _split(points[:n], channels)
            if head.rest:
                return replace(head, rest=(*head.rest, *points[n:]))
            return replace(head, rest=points[n + 1 :], quantize=point)
    return _split(points, channels)


def _split(points: tuple[Point, ...], channels: int) -> Split:
    """Split points without a quantizer among them."""
    piecewise = Piecewise.identity(channels)
    for n, point in enumerate(points):
        longer = piecewise.then(point)
        if longer is None:
            tail, common = n, True
            while tail < len(points) and (isinstance(points[tail], Function) or not common or _common(points[tail])):
                common = common and _common(points[tail])
                tail += 1
            if tail > n:
                return Split(piecewise, points[n:tail], points[tail:])
            return Split(piecewise, (), points[n:])
        piecewise = longer
    return Split(piecewise)


def _common(point: Point) -> bool:
    """Whether ``point`` treats all channels alike, so that one table serves them."""
    match point:
        case Function():
            return point.sets.size == 1
        case Affine():
            return point.scale.size == 1 and point.bias.size == 1
        case Leaky():
            return point.slope.size == 1
        case _:
            return True
