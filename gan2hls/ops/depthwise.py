"""Sums of a depthwise operation, a channel for itself, compiled: one pass over what is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gan2hls.base import compiled_once


@compiled_once
def depthwise(
    pixels: npt.NDArray[Any], gather: npt.NDArray[np.int64], weight: npt.NDArray[Any], out: npt.NDArray[Any]
) -> None:
    """Write sums of inputs ``[N, pixels, C]`` by ``weight``, ``[taps, C]`` of the same dtype, to ``[N, P, C]``.

    ``gather`` is ``[P, taps]``, flat pixels of the input.  Products have the dtype of their factors, sums that of
    ``out``; whoever calls knows that both are exact.
    """
    frames, _, channels = pixels.shape
    places, taps = gather.shape
    for n in range(frames):
        for p in range(places):
            for c in range(channels):
                out[n, p, c] = pixels[n, gather[p, 0], c] * weight[0, c]
            for t in range(1, taps):
                for c in range(channels):
                    out[n, p, c] += pixels[n, gather[p, t], c] * weight[t, c]
