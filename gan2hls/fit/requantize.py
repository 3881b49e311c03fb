"""How a piecewise linear function of an accumulator becomes a requantizer: multipliers, biases, and where ties go."""

from __future__ import annotations

import numpy as np

from gan2hls.base import ConfigError
from gan2hls.model import Piecewise
from gan2hls.numbers import FloatArray, IntType, QuantType, Requant
from gan2hls.ops import IntWeight

#: Bits of a requantizer's multiplier, sign included: one port of a DSP48, and the other.
MULT_BITS, WIDE_MULT_BITS = 18, 25
#: Products and biases below these keep their sums within the 62 bits of hardware.
_MOST_SUM, _MOST_BIAS = 2.0**60, 2.0**58
#: A bias this close to an integer is that integer.
_NOISE = 2.0**-20


def scale_bits(weight: IntWeight, mult_bits: int = MULT_BITS) -> int:
    """Return the bits of the distinct scales of ``weight``, each a multiplier of the requantizer."""
    return int(np.unique(weight.scale).size) * mult_bits


def make_requant(
    piecewise: Piecewise,
    acc_scale: FloatArray,
    acc_type: IntType,
    out: QuantType,
    *,
    mult_bits: int = MULT_BITS,
    where: str = "",
) -> Requant:
    """Return the integer form of ``piecewise(acc_scale[c] * acc)`` in codes of ``out``.

    The shift is the greatest at which every multiplier fits ``mult_bits``.  Where all of them are exact (scales that
    are powers of two), factors of 2 that they share are taken out again, so that ``fixed`` scales give ``mult = 1``;
    the code is that of the real number then, ties as ``out.ties`` says.

    Raises:
        ConfigError: the output's range is too narrow for the layer called ``where``.
    """
    gain = piecewise.slope * acc_scale / out.scale
    top = (1 << (mult_bits - 1)) - 1
    peak = float(np.abs(gain).max())
    if peak * max(-acc_type.lo, acc_type.hi) >= _MOST_SUM:
        raise _too_narrow(f"one step of its sums is {peak:.3g} steps of its output", where)
    shift = 30 if peak == 0 else int(np.clip(np.floor(np.log2(top / peak)), 0, 44))
    mult = np.floor(gain * 2.0**shift + 0.5)
    met = gain * 2.0**shift == mult
    exact = peak > 0 and bool(met.all())
    while exact and shift > 0 and not np.any(mult % 2):  # keep only as many fraction bits as acc has
        mult, shift = mult / 2, shift - 1
    bias = _snapped(piecewise.offset / out.scale * 2.0**shift)
    if exact and shift == 0 and out.ties != "up" and (bias % 1 == 0.5).any():  # ties that the bias alone makes
        mult, shift, bias = 2 * mult, 1, 2 * bias
    half_even = out.ties != "up" and shift > 0 and bool((met & (gain != 0)).any())
    if exact and shift > 0:  # a bias between two integers rounds as the lesser does, but makes no tie
        lesser = np.floor(bias)
        between = bias > lesser
        half_even = half_even and not between.all()
        if half_even and between.any():  # one bit more, which keeps their sums from being ties
            mult, shift, lesser = 2 * mult, shift + 1, 2 * lesser + between
        bias = lesser
    bias = np.floor(bias + 0.5)
    if np.abs(bias).max() >= _MOST_BIAS:
        codes = np.abs(piecewise.offset).max() / out.scale
        raise _too_narrow(f"a bias of it is {codes:.3g} steps of its output", where)
    zero_point = out.zero_point
    if half_even and zero_point % 2 != (out.ties == "odd"):  # Requant makes even what is before the zero point
        bias, zero_point = bias + 2.0**shift, zero_point - 1
    knot = np.clip(np.ceil(piecewise.knot / acc_scale), acc_type.lo, acc_type.hi + 1)
    lo, hi = (_clamp(end, out) for end in (piecewise.lo, piecewise.hi))
    return Requant(
        mult.astype(np.int64),
        bias.astype(np.int64),
        knot.astype(np.int64),
        shift,
        zero_point,
        lo,
        hi,
        out.int_type,
        half_even,
    )


def _snapped(bias: FloatArray) -> FloatArray:
    """Return ``bias`` without the rounding errors that keep it from an integer."""
    nearest = np.rint(bias)
    return np.where(np.abs(bias - nearest) <= _NOISE, nearest, bias)


def _too_narrow(message: str, where: str) -> ConfigError:
    return ConfigError(message, where=where, hint="give this layer's activation more integer bits")


def _clamp(end: float, out: QuantType) -> int:
    if not np.isfinite(end):
        return out.int_type.lo if end < 0 else out.int_type.hi
    return int(out.quantize(end))
