"""Recognize block-scaled weights: runs of input channels that lie on a coarse grid each, with a step of their own.

A file's steps are floats, an engine has integers: each step becomes a factor, a multiple of one scale per output
channel or tensor.  Where the steps lie on no grid that keeps ``code * factor`` within 16 bits, the factors are rounded
to the finest one that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np

from gan2hls.detect.common_step import FLOAT32, grid_step
from gan2hls.formats import MAX_BITS
from gan2hls.numbers import FloatArray, Int64Array

#: Greatest code: 8 bits with any zero point.
_MOST_CODE = 255
#: Greatest product of code and factor.
_MOST_VALUE = (1 << (MAX_BITS - 1)) - 1
#: Fewest weights that may share a step.
_LEAST_WEIGHTS = 8
#: Weights that are not 0 which a step must describe on average, and how many beyond two a step there must be.
_PER_STEP, _EVIDENCE = 4, 16
#: Output channels and blocks on which a length is judged first.
_CHANNELS, _JUDGED = 16, 256
#: Weights that are fitted at once.
_CHUNK = 1 << 18
#: Scales that are tried where factors must be rounded.
_TRIALS = 32
#: Bits of a factor and of an offset, before they are known.
_FACTOR_BITS, _OFFSET_BITS = 8, 4


@final
@dataclass(frozen=True, eq=False)
class Blockwise:
    """Codes and factors of block-scaled weights.

    Attributes:
        codes: int64 ``[T, CO, CI / groups]``; ``codes * factor of the block * scale`` are the weights.
        factors: int64 ``[T, CO, blocks]``, or ``[1, CO, blocks]`` where all taps share them.
        scale: float64 ``[CO]`` or ``[1]``.
        block: input channels that share a factor; the last ones of a channel may be fewer.
        code_bits: of a stored code.
        bits: of all codes, factors and offsets.
    """

    codes: Int64Array
    factors: Int64Array
    scale: FloatArray
    block: int
    code_bits: int
    bits: int


def find_blocks(weight: FloatArray, most_bits: float) -> Blockwise | None:
    """Return the blocks of ``weight`` ``[T, CO, CI / groups]`` in fewer than ``most_bits`` bits a weight, or None."""
    some = weight[:, np.unique(np.linspace(0, weight.shape[1] - 1, _CHANNELS).astype(np.int64))]
    promising = []
    for block, shared in _lengths(*weight.shape):
        units = _units(some, block, shared)
        found = _fit(units[np.unique(np.linspace(0, len(units) - 1, _JUDGED).astype(np.int64))])
        if found is None or not found[1].any():
            continue
        low, high = found[0].min(axis=1), found[0].max(axis=1)
        plain, based, _ = _widths(low, high)
        tables = (_FACTOR_BITS, _FACTOR_BITS + _OFFSET_BITS)
        cost = min(width + table / units.shape[1] for width, table in zip((plain, based), tables, strict=True))
        promising.append((cost, block, shared))
    for cost, block, shared in sorted(promising):
        if cost >= most_bits:
            break
        made = _blocks(weight, block, shared)
        if made is not None:
            return made if made.bits < most_bits * weight.size else None
    return None


def _lengths(taps: int, _: int, ci: int) -> Iterator[tuple[int, bool]]:
    """Yield lengths of blocks, for each tap on its own and for all taps together."""
    usual = {1 << n for n in range(9) if 1 << n < ci} | {n for n in range(1, ci + 1) if ci % n == 0}
    for block in sorted(usual):
        if block >= _LEAST_WEIGHTS and (taps > 1 or block < ci):
            yield block, False
        if taps > 1 and block < ci and block * taps >= _LEAST_WEIGHTS:
            yield block, True


def _units(weight: FloatArray, block: int, shared: bool) -> FloatArray:
    """Return the weights that share a step, ``[units, weights]``, zeros behind the last channel."""
    taps, co, ci = weight.shape
    blocks = -(-ci // block)
    if ci % block:
        weight = np.concatenate([weight, np.zeros((taps, co, blocks * block - ci))], axis=2)
    units = weight.reshape(taps, co, blocks, block)
    return units.transpose(1, 2, 0, 3).reshape(-1, taps * block) if shared else units.reshape(-1, block)


def _fit(units: FloatArray) -> tuple[Int64Array, FloatArray] | None:
    """Return codes ``[units, weights]`` and the greatest step ``[units]`` of each unit, 0 for zeros; None: no grid.

    The least difference of magnitudes is a whole number of steps, 1, 2, ...: all of them are tried.
    """
    magnitude = np.sort(np.abs(units), axis=1)
    top = magnitude[:, -1]
    gaps = np.diff(magnitude, axis=1, prepend=0.0)
    gaps[gaps <= 2 * FLOAT32 * magnitude] = np.inf
    ratio = top / gaps.min(axis=1)
    if (ratio > 1.01 * _MOST_CODE).any():
        return None
    codes, steps = np.zeros(units.shape, np.int64), np.zeros(len(units))
    left = np.flatnonzero(top)
    for pieces in range(1, _MOST_CODE + 1):
        if not left.size:
            break
        many = ratio[left] * pieces
        if (many > _MOST_CODE + 0.5).any():
            return None
        whole = np.abs(many - np.rint(many)) <= 0.1
        some, step = left[whole], (top[left] / np.rint(many))[whole, None]
        part = units[some]
        found = np.rint(part / step)
        exact = (np.abs(part - found * step) <= 2 * FLOAT32 * np.abs(part)).all(axis=1)
        done, part, found = some[exact], part[exact], found[exact]
        codes[done] = found
        steps[done] = (part * found).sum(axis=1) / (found * found).sum(axis=1)
        whole[whole] = exact
        left = left[~whole]
    return (codes, steps) if not left.size else None


def _widths(low: Int64Array, high: Int64Array) -> tuple[int, int, int]:
    """Return the bits of a code with one base for all, and those of a code and of an offset with a base per block."""
    least = int(low.min())
    plain, based = (max(1, int(span).bit_length()) for span in (int(high.max()) - least, (high - low).max()))
    return plain, based, int(np.maximum(high - ((1 << based) - 1) - least, 0).max()).bit_length()


def _blocks(weight: FloatArray, block: int, shared: bool) -> Blockwise | None:
    """Return blocks of one length, or None where a block lies on no grid or they prove nothing."""
    units = _units(weight, block, shared)
    codes, steps = np.empty(units.shape, np.int16), np.empty(len(units))
    rows = max(1, _CHUNK // units.shape[1])
    for start in range(0, len(units), rows):
        found = _fit(units[start : start + rows])
        if found is None:
            return None
        codes[start : start + rows], steps[start : start + rows] = found
    live, known = np.count_nonzero(steps), np.count_nonzero(codes)
    if known < _PER_STEP * live or known - 2 * live < _EVIDENCE:
        return None
    del units
    taps, co, ci = weight.shape
    low, high = codes.min(axis=1).astype(np.int64), codes.max(axis=1).astype(np.int64)
    shape = (1 if shared else taps, co, -(-ci // block))
    factors, scale, times = _factors(*(part.reshape(shape) for part in (steps, low, high)))
    times = times.ravel()
    plain, based, offset_bits = _widths(low * times, high * times)
    offsets = codes.size * (plain - based) > steps.size * offset_bits
    width, table = (based, offset_bits) if offsets else (plain, 0)
    table += int(factors.max()).bit_length()
    every = (codes * times[:, None]).reshape(co, shape[2], taps, block) if shared else codes * times[:, None]
    whole = every.transpose(2, 0, 1, 3) if shared else every
    values = np.ascontiguousarray(whole.reshape(taps, co, -1)[:, :, :ci])
    return Blockwise(values, factors, scale, block, width, weight.size * width + steps.size * table)


def _factors(steps: FloatArray, low: Int64Array, high: Int64Array) -> tuple[Int64Array, FloatArray, Int64Array]:
    """Return factors, scale ``[CO]`` or ``[1]``, and what to multiply codes by, for steps ``[T, CO, blocks]``.

    ``low`` and ``high`` are the least and the greatest code of each block.  A factor of 0, which only rounding makes,
    is 1, and its codes become 0.
    """
    top = np.maximum(high, -low)
    scale, exact = _scales(steps, top)
    ratio = steps / scale[:, None]
    factors = np.rint(ratio).astype(np.int64)
    exact = np.broadcast_to(exact[:, None], steps.shape)
    times = _times(factors, low, high, exact)
    factors = np.where(exact, factors // times, np.rint(ratio / times).astype(np.int64))
    return np.maximum(factors, 1), scale, np.where(factors > 0, times, 0)


def _scales(steps: FloatArray, top: Int64Array) -> tuple[FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Return the scale, float64 ``[CO]`` or ``[1]``, and where all steps are multiples of it, or as good as."""
    step = grid_step(np.unique(steps))
    if step is not None and (np.rint(steps / step) * top).max() <= _MOST_VALUE:
        return np.array([step]), np.ones(1, bool)
    scale, exact = _finest(steps, top), np.zeros(steps.shape[1], bool)
    for channel in np.flatnonzero(scale):
        own, most = steps[:, channel], top[:, channel]
        values = np.unique(own)
        if np.count_nonzero(values) == 2:
            two = _step_of_two(values[values > 0], int(_MOST_VALUE // most.max()))
            if _miss(own, most, two) < _miss(own, most, float(scale[channel])):
                scale[channel], exact[channel] = two, True
        gaps = np.diff(values, prepend=0.0)
        least = float(gaps.min(initial=np.inf, where=gaps > 2 * FLOAT32 * values))
        if (own * most).max() > 1.01 * _MOST_VALUE * least:
            continue  # a grid is no coarser than the least difference
        step = grid_step(values)
        if step is not None and (np.rint(own / step) * most).max() <= _MOST_VALUE:
            scale[channel], exact[channel] = step, True
    scale[scale == 0] = scale.max()
    return scale, exact


def _step_of_two(values: FloatArray, most: int) -> float:
    """Return the step of which two ``values`` (ascending) are nearest to multiples, of ``most`` steps at most.

    Mostly they are to within float32's rounding: some fraction of few digits nearly always meets one ratio.
    """
    low, high = values.tolist()
    return float(high / Fraction(low / high).limit_denominator(most).denominator)


def _miss(steps: FloatArray, top: Int64Array, scale: float) -> float:
    """Return by how much a weight of a channel is off at most if its ``steps`` become multiples of ``scale``."""
    ratio = steps / scale
    return float((np.abs(np.rint(ratio) - ratio) * top).max()) * scale


def _finest(steps: FloatArray, top: Int64Array) -> FloatArray:
    """Return the scale ``[CO]`` at which rounding the factors does the least harm, 0 for channels of zeros.

    The greatest weight of a channel takes 16 bits, or a little less where that suits the other blocks better; half a
    code is left for the rounding of its factor.
    """
    peak, widest = (steps * top).max(axis=(0, 2)), float(top.max())
    best, least = np.zeros(len(peak)), np.full(len(peak), np.inf)
    for trial in range(_TRIALS):
        scale = peak / (_MOST_VALUE - widest * (0.5 + trial / 4))
        ratio = steps / np.where(peak > 0, scale, 1.0)[:, None]
        error = (np.abs(np.rint(ratio) - ratio) * top).max(axis=(0, 2)) * scale
        better = error < least
        best[better], least[better] = scale[better], error[better]
    return best


def _times(
    factors: Int64Array, low: Int64Array, high: Int64Array, exact: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> Int64Array:
    """Return by what to multiply each block's codes, and to divide its factor, so that factors have few bits.

    Codes of a block that happen to be even have twice the others' step.  They may be multiplied as long as all codes
    stay within the range and the span that codes have anyway; a factor that is exact must be a multiple of it.
    """
    limits = [
        np.where(high > 0, high.max() // np.maximum(high, 1), _MOST_CODE),
        np.where(low < 0, low.min() // np.minimum(low, -1), _MOST_CODE),
        np.where(high > low, (high - low).max() // np.maximum(high - low, 1), _MOST_CODE),
    ]
    most = np.maximum(np.minimum.reduce(limits), 1)
    times = np.ones_like(factors)
    bound = (1 << int(factors[most == 1].max(initial=1)).bit_length()) - 1
    over = np.nonzero(factors > bound)
    if not over[0].size:
        return times
    large, most, exact = factors[over], most[over], exact[over]
    least, tried = large.copy(), range(2, int(most.max()) + 1)
    for n in tried:
        legal = (n <= most) & (~exact | (large % n == 0))
        least[legal] = -(-large[legal] // n)
    bound = max(bound, (1 << int(least.max()).bit_length()) - 1)
    chosen = np.ones_like(large)
    for n in tried:
        needed = (chosen == 1) & (large > bound) & (n <= most) & (~exact | (large % n == 0)) & (large <= n * bound)
        chosen[needed] = n
    times[over] = chosen
    return times
