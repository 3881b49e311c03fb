"""Curves that differ from channel to channel by a scale and a shift of what they read: found by looking.

``f_c(x) = f_0(scale_c * x + shift_c)`` is one curve behind an affine map per channel, which a requantizer has anyway.
"""

from __future__ import annotations

import numpy as np

from gan2hls.frontend.functions import Region
from gan2hls.model import Affine
from gan2hls.numbers import FloatArray

#: Where functions are compared.
_GRID: FloatArray = np.unique(np.concatenate([np.linspace(-4, 4, 161), np.linspace(-64, 64, 129)]))[:, None]
#: Relative differences that are float64's rounding, and those that float32 constants make.
_ROUNDING, _SAME = 1e-9, 1e-6


def common_front(region: Region, count: int) -> tuple[Affine, ...]:
    """Return the affine map, a number for each set, behind which the curves of all sets are that of the first.

    Scale and shift are those of some straight part of the region.  Returns nothing where no part is the one, and where
    there is but one set.

    Args:
        region: a curve.
        count: its sets of parameters.
    """
    if count == 1:
        return ()
    sets = np.arange(count)
    wanted = region(_GRID, sets)
    bound = _SAME * np.maximum(np.abs(wanted).max(), np.abs(wanted))
    for _, made in region.steps(_GRID, sets):
        front = _affine(np.broadcast_to(made, (_GRID.size, count)))
        if front is not None and (np.abs(region(front(_GRID)) - wanted) <= bound).all():
            return (front,)
    return ()


def _affine(y: FloatArray) -> Affine | None:
    """Return how the columns of ``y`` depend on the first, as maps of what they read; None: they are not straight."""
    ends, zero = (0, -1), int(np.searchsorted(_GRID[:, 0], 0.0))
    with np.errstate(all="ignore"):
        slope = (y[ends[1]] - y[ends[0]]) / (_GRID[ends[1]] - _GRID[ends[0]])
        offset = y[zero]
        straight = np.abs(slope * _GRID + offset - y) <= _ROUNDING * (np.abs(slope * _GRID) + np.abs(offset))
        if not straight.all() or not slope.all():
            return None
    return Affine(slope / slope[0], (offset - offset[0]) / slope[0])
