"""The requantizer where every intermediate is an exact float64, compiled: one pass over the accumulators."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gan2hls.base import compiled_once


@compiled_once
def requantize(
    acc: npt.NDArray[Any],
    mult: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    threshold: npt.NDArray[np.float64],
    scale: float,
    half_even: bool,
    zero_point: float,
    lo: float,
    hi: float,
    codes: npt.NDArray[np.int64],
) -> None:
    """Write the codes of accumulators ``[N, C]``, whole numbers of any dtype, as ``Requant`` defines them.

    ``mult`` and ``offset`` are ``[pieces, C]``, ``scale`` is ``2**-shift``: a quotient by a power of two is exact.
    """
    pieces, channels = mult.shape
    last = pieces - 1
    for n in range(len(acc)):
        for c in range(channels):
            value = np.float64(acc[n, c])
            below = (value * mult[0, c] + offset[0, c]) * scale
            above = (value * mult[last, c] + offset[last, c]) * scale
            total = above if value >= threshold[c] else below  # both: to choose is faster than to branch
            rounded = np.rint(total - 0.5) if half_even else np.floor(total)
            codes[n, c] = np.int64(min(max(rounded + zero_point, lo), hi))
