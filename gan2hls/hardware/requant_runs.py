"""Runs of equal words among a requantizer's constants: those of the operands of a concatenation.

What a tensor brings along has one scale, so its channels have the same multiplier, offset and threshold.  Where a few
runs make up more words than logic holds, the requantizer's memory has a word for each.
"""

from __future__ import annotations

import numpy as np

from gan2hls.base import remembered
from gan2hls.fabric import LUT_ROM_DEPTH
from gan2hls.model import IntLayer
from gan2hls.numbers import Int64Array

#: Runs at most: each takes a comparison.
_MOST_RUNS = 8


@remembered
def requant_constants(layer: IntLayer, lanes: int, words: int) -> tuple[Int64Array, Int64Array]:
    """Return the multipliers, and all other constants, of the words of a requantizer.

    Args:
        layer: whose requantizer it is.
        lanes: channels of a word.
        words: that it has.

    Returns:
        int64 ``[n, words, lanes]`` each: of each piece; thresholds follow the offsets, clipped to where they decide.
    """
    requant, acc, stored = layer.requant, layer.acc_type, words * lanes
    others = [*requant.offset[:, :stored]]
    if requant.pieces > 1:
        others.append(np.clip(requant.threshold[:stored], acc.lo, acc.hi + 1).astype(np.int64))
    mults = requant.mult[:, :stored].reshape(-1, words, lanes)
    return mults, np.stack(others).reshape(-1, words, lanes)


@remembered
def requant_runs(layer: IntLayer, lanes: int, words: int) -> tuple[int, ...]:
    """Return the first words of runs of equal ones; none where words are few, or runs many."""
    if words <= LUT_ROM_DEPTH:
        return ()
    rows = np.concatenate(requant_constants(layer, lanes, words)).swapaxes(0, 1).reshape(words, -1)
    starts = (0, *(np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1).tolist())
    return starts if len(starts) <= _MOST_RUNS else ()
