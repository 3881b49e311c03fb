"""How reals become integer types: scales and zero points of activations, scales of weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from gan2hls.formats import Precision
from gan2hls.numbers import FloatArray, IntType, QuantType

RangeRule = Literal["minmax", "percentile", "mse"]
#: Every rule that ``range: auto`` tries.
RULES: tuple[RangeRule, ...] = ("minmax", "percentile", "mse")

#: What the rule ``percentile`` keeps of each side, by default.
PERCENTILE = 99.95
_SAMPLES = 1 << 16
#: Values on which least squares judges a range.
_JUDGED = 1 << 13
#: From so many bits on, saturating unseen inputs costs more than the resolution that headroom takes.
_ROOMY_BITS, _HEADROOM = 10, 1.25
#: Parts of the full range that least squares tries; activations behind BatchNormalization have tails of 100 sigma.
_SHRINKS = np.geomspace(1.0, 0.05, 28)
#: The same for weights.
_WEIGHT_SHRINKS = np.linspace(1.0, 0.4, 31)
#: From so many bits on, cutting a weight's peak gains little: few candidates are tried.
_FINE_BITS = 8
_FINE_SHRINKS = np.linspace(1.0, 0.85, 4)


def activation_type(
    values: npt.NDArray[np.generic], precision: Precision, rule: RangeRule, percentile: float = PERCENTILE
) -> QuantType:
    """Return the quantization of an activation tensor from float samples (any shape).

    ``fixed<W,I>`` fixes everything; ``flex<N,E>`` takes the exponent that holds the samples' peak; ``int<N>`` takes
    the rule's range, with a zero point when the range is lopsided.
    ``percentile`` is what the rule of that name keeps of each side.
    """
    if precision.kind == "fixed":
        return fixed_type(precision)
    flat = _subsample(values)
    if precision.kind == "flex":
        return QuantType(IntType(precision.bits, signed=True), flex_scale(float(np.abs(flat).max()), precision))
    low, high = min(0.0, float(flat.min())), max(0.0, float(flat.max()))
    if rule == "percentile":
        low, high = _percentile_range(flat, percentile)
    if rule == "minmax" and precision.bits >= _ROOMY_BITS:
        low, high = low * _HEADROOM, high * _HEADROOM
    if rule != "mse":
        return range_type(low, high, precision)
    candidates = [range_type(low * r, high * r, precision) for r in _SHRINKS]
    if low < 0 < high:
        candidates += [range_type(low, high * r, precision) for r in _SHRINKS]
        candidates += [range_type(low * r, high, precision) for r in _SHRINKS]
    judged = np.concatenate([flat[:_JUDGED], [low, high]])
    return min(candidates, key=lambda quant: squared_error(judged, quant))


def range_type(low: float, high: float, precision: Precision) -> QuantType:
    """Return the affine type of ``precision.bits`` bits that spans ``low..high``; zero is always a code.

    A range without negatives is unsigned, a balanced one signed and symmetric (no zero point, so nothing to subtract
    before the multipliers), any other, and every ``uint<N>``, unsigned with a zero point.
    """
    low, high = min(0.0, low), max(0.0, high)
    if high - low <= 0.0:
        low, high = 0.0, 1.0
    bits = precision.bits
    if low == 0.0:
        return QuantType(IntType(bits, signed=False), high / ((1 << bits) - 1))
    if precision.signed is None and min(-low, high) >= 0.8 * max(-low, high):
        return QuantType(IntType(bits, signed=True), max(-low, high) / ((1 << (bits - 1)) - 1))
    steps = (1 << bits) - 1
    exact = -low * steps / (high - low)
    nearest = int(exact + 0.5)
    around = (max(1, int(exact)), min(int(exact) + 1, steps - 1)) if 0 < nearest < steps else (nearest,)
    scale, zero_point = min((_scale_around(low, high, steps, at), at) for at in around)
    return QuantType(IntType(bits, signed=False), scale, zero_point)


def _scale_around(low: float, high: float, steps: int, zero_point: int) -> float:
    """Return the least scale that covers ``low..high``; a side that has no code is given up."""
    above = high / (steps - zero_point) if zero_point < steps else 0.0
    return max(above, -low / zero_point if zero_point else 0.0)


def fixed_type(precision: Precision) -> QuantType:
    """Return the type of ``fixed<W,I>``: ``I`` integer bits including the sign, as in hls4ml and ap_fixed."""
    assert precision.kind == "fixed"
    return QuantType(
        IntType(precision.bits, signed=bool(precision.signed)), 2.0 ** (precision.int_bits - precision.bits)
    )


def flex_scale(peak: float, precision: Precision) -> float:
    """Return the least power of two, of an exponent that ``flex<N,E>`` has, at which ``peak`` fits N signed bits.

    Exponents of E bits are ``-2**(E-1) .. 2**(E-1) - 1`` for the most significant mantissa bit.
    """
    half = 1 << (precision.int_bits - 1)
    top = (1 << (precision.bits - 1)) - 1
    exponent = int(np.ceil(np.log2(peak / top))) if peak > 0 else -half - precision.bits + 2
    least, most = -half - precision.bits + 2, half - 1 - precision.bits + 2
    return float(2.0 ** np.clip(exponent, least, most))


def weight_scale(weight: FloatArray, bits: int) -> FloatArray:
    """Return the symmetric scale ``[CO]`` of least squared error per output channel of ``[T, CO, CI]``."""
    top = (1 << (bits - 1)) - 1
    peak = np.abs(weight).max(axis=(0, 2))
    peak = np.where(peak > 0, peak, 1.0)
    best, best_error = peak / top, np.full(peak.shape, np.inf)
    for shrink in _WEIGHT_SHRINKS if bits < _FINE_BITS else _FINE_SHRINKS:
        scale = (peak * shrink / top)[:, None]
        off = weight / scale  # and on in place: the layer may be large
        off += 0.5
        np.clip(np.floor(off, out=off), -top - 1, top, out=off)
        off *= scale
        off -= weight
        error = np.square(off, out=off).sum(axis=(0, 2))
        better = error < best_error
        best, best_error = np.where(better, scale[:, 0], best), np.where(better, error, best_error)
    return best


def squared_error(values: FloatArray, quant: QuantType) -> float:
    """Return the mean squared error of quantizing ``values``."""
    return float(np.square(quant.dequantize(quant.quantize(values)) - values).mean())


def _percentile_range(flat: FloatArray, percentile: float) -> tuple[float, float]:
    """Cut the tails of each side on its own, so that a ReLU's zeros do not move the cut."""
    negative, positive = -flat[flat < 0], flat[flat > 0]
    low = -float(np.percentile(negative, percentile)) if negative.size else 0.0
    return low, float(np.percentile(positive, percentile)) if positive.size else 0.0


def _subsample(values: npt.NDArray[np.generic]) -> FloatArray:
    flat = values.reshape(-1)
    if flat.size > _SAMPLES:
        ends = np.array([flat.min(), flat.max()])
        picked = np.random.default_rng(0).integers(0, flat.size, _SAMPLES)
        flat = np.concatenate([flat[picked], ends])
    return flat.astype(np.float64)
