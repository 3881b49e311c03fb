"""Curves that differ from channel to channel: a table for each, with an index range of its own.

The requantizer has multipliers and offsets per channel, so every function's index spans just the inputs over which it
still changes.  Channels that share a function share a range.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.fit import MULT_BITS, WIDE_MULT_BITS, make_requant
from gan2hls.model import Piecewise, Split
from gan2hls.numbers import FloatArray, Int64Array, IntType, QuantType, Requant, Table
from gan2hls.quantize.curves import Curves
from gan2hls.quantize.domains import check_defined

#: Points at which each function is looked at.
_GRID: FloatArray = np.linspace(0.0, 1.0, 1025, dtype=np.float64)[:, None]
#: An accumulator of this many bits more than an index needs is the index: nothing is rounded twice.
_SPARE_BITS = 1
#: Least range of an index, of the widest that it could have.
NARROWEST = 1e-6
#: Accumulators whose products with wide multipliers are exact in float64.
_WIDE_ACC_BITS = 53 - WIDE_MULT_BITS


def _of(curves: Curves, sets: Int64Array, x: FloatArray) -> FloatArray:
    """Return what the functions ``sets`` make of ``x`` ``[N, len(sets)]``."""
    for point in curves.of(sets):
        x = point(x)
    return x


def channel_tables(
    chain: Split,
    acc_scale: FloatArray,
    acc_type: IntType,
    out: QuantType,
    *,
    where: str,
    most: float,
    bits: tuple[int, int],
) -> tuple[Requant, Table]:
    """Return the requantizer to an index and the tables of a curve that is not the same for all channels.

    Args:
        chain: pieces and curve.
        acc_scale: float64 ``[C]``, what one step of an accumulator means.
        acc_type: of the accumulators.
        out: of the output.
        where: the layer, for errors.
        most: codes of the output that a step of the index may move it by, as far as ``bits`` allow.
        bits: least and greatest width of an index.
    """
    channels = acc_scale.size
    curves = Curves(chain.curve, channels)
    every = np.arange(curves.count)
    low, high = reach(chain.piecewise, acc_scale, acc_type)
    low, high = _active_ranges(curves, curves.least(low), -curves.least(-high), out)
    width = _index_bits(curves, low, high, out, most, bits)
    words = np.stack([acc_scale, *chain.piecewise.slope, *chain.piecewise.offset, chain.piecewise.knot])
    if acc_type.bits <= min(bits[1], width + _SPARE_BITS) and curves.same(words):
        accs = np.arange(acc_type.lo, acc_type.hi + 1, dtype=np.float64)[:, None]
        x = chain.piecewise(accs * acc_scale)[:, curves.first]
        ones, zeros = np.ones((1, channels), np.int64), np.zeros((1, channels), np.int64)
        requant = Requant(ones, zeros, zeros[0], 0, 0, acc_type.lo, acc_type.hi, acc_type)
        index_type = acc_type
    else:
        step = np.maximum((high - low) / ((1 << width) - 1), 1e-12)
        x = low + step * np.arange(1 << width, dtype=np.float64)[:, None]
        x = np.clip(x, chain.piecewise.lo, chain.piecewise.hi)
        of = curves.of_channel
        slope, offset = chain.piecewise.slope / step[of], (chain.piecewise.offset - low[of]) / step[of]
        index = replace(chain.piecewise, slope=slope, offset=offset, lo=-np.inf, hi=np.inf)
        index_type = IntType(width, signed=False)
        mult_bits = _mult_bits(np.abs(slope).max(axis=0) * acc_scale, width, acc_type)
        requant = make_requant(index, acc_scale, acc_type, QuantType(index_type, 1.0), mult_bits=mult_bits, where=where)
    made = _of(curves, every, x)
    check_defined(curves.of(every), x, made)
    values = out.quantize(made).T[curves.of_channel]
    return requant, Table(index_type, _once(np.ascontiguousarray(values)), out.int_type)


def reach(piecewise: Piecewise, acc_scale: FloatArray, acc_type: IntType) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest value of each channel, float64 ``[C]``."""
    low, high = acc_scale * acc_type.lo, acc_scale * acc_type.hi
    ends = np.stack([piecewise(x) for x in (low, np.zeros_like(low), np.clip(piecewise.knot, low, high), high)])
    return ends.min(axis=0), ends.max(axis=0)


def _active_ranges(curves: Curves, low: FloatArray, high: FloatArray, out: QuantType) -> tuple[FloatArray, FloatArray]:
    """Trim the ends of ``low..high`` ``[S]`` over which each output code no longer changes.

    What never changes takes the widest range of the others: its multipliers are to be no greater than theirs.
    """
    low, high = low.copy(), high.copy()
    open_sets, still = np.arange(low.size), np.zeros(low.size, bool)
    for _ in range(64):
        if not open_sets.size:
            break
        span = high[open_sets] - low[open_sets]
        grid = low[open_sets] + span * _GRID
        curve = _of(curves, open_sets, grid)
        changed = np.diff(out.quantize(curve), axis=0) != 0
        count, last = changed.sum(axis=0), len(changed) - 1
        first_at = np.maximum(0, changed.argmax(axis=0) - 1)
        last_at = np.minimum(last + 1, last - changed[::-1].argmax(axis=0) + 2)
        columns = np.arange(open_sets.size)
        narrowed = np.stack([grid[first_at, columns], grid[last_at, columns]])
        rise = np.abs(curve[last_at, columns] - curve[first_at, columns])
        single = (count == 1) & (rise < out.scale)
        width = np.minimum((narrowed[1] - narrowed[0]) * out.scale / np.maximum(rise, 1e-300), span)
        centred = narrowed.mean(axis=0) + 0.5 * np.stack([-width, width])
        still[open_sets] = count == 0
        narrowed = np.where(count == 0, np.stack([low[open_sets], high[open_sets]]), narrowed)
        narrowed = np.where(single, centred, narrowed)
        done = (count == 0) | single | (narrowed[1] - narrowed[0] > 0.9 * span)
        low[open_sets], high[open_sets] = narrowed
        open_sets = open_sets[~done]
    widest = float((high - low)[~still].max()) if not still.all() else 1.0
    high = np.where(still, low + widest, np.maximum(high, low + NARROWEST * widest))
    return low, high


def _index_bits(
    curves: Curves, low: FloatArray, high: FloatArray, out: QuantType, most: float, bits: tuple[int, int]
) -> int:
    """Return the least index width at which one index step moves no output by more than ``most`` codes."""
    made = _of(curves, np.arange(low.size), low + (high - low) * _GRID)
    rise = np.abs(np.diff(made, axis=0)).max() * (len(_GRID) - 1)
    return int(np.clip(np.ceil(np.log2(max(1.0, rise / (out.scale * most)))), *bits))


def _mult_bits(gain: FloatArray, width: int, acc_type: IntType) -> int:
    """Return the bits of multipliers for ``gain`` ``[C]``, which share a shift.

    Wide ones where the least would have too few bits to place the index to within an eighth of a step.
    """
    live = gain[gain > 0]
    fine = live.size == 0 or live.max() / live.min() * 2.0 ** (width + 3) <= 2.0**MULT_BITS
    return MULT_BITS if fine or acc_type.bits > _WIDE_ACC_BITS else WIDE_MULT_BITS


def _once(values: Int64Array) -> Int64Array:
    """Return ``[S, N]`` of ``[C, N]``: the rows of the shortest period."""
    channels = len(values)
    for period in range(1, channels):
        if channels % period == 0 and (values.reshape(-1, period, values.shape[1]) == values[:period]).all():
            return values[:period]
    return values
