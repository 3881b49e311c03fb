"""The passes over elements of a normalization in integers, compiled."""

from __future__ import annotations

import numpy as np

from gan2hls.base import compiled_once
from gan2hls.numbers import Int64Array


@compiled_once
def add_up(codes: Int64Array, zero_point: int, total: Int64Array, power: Int64Array) -> None:
    """Add codes ``[N, pixels, groups, channels]`` less their zero point, and their squares, to ``[N, groups]``."""
    frames, pixels, groups, channels = codes.shape
    for n in range(frames):
        for p in range(pixels):
            for g in range(groups):
                first, second = np.int64(0), np.int64(0)
                for c in range(channels):
                    d = codes[n, p, g, c] - zero_point
                    first += d
                    second += d * d
                total[n, g] += first
                power[n, g] += second


@compiled_once
def normalize(
    codes: Int64Array,
    zero_point: int,
    count: int,
    mean: Int64Array,
    root: Int64Array,
    shift: Int64Array,
    fraction: int,
    root_bits: int,
    accumulators: Int64Array,
) -> None:
    """Write the accumulators of ``codes``; ``mean``, ``root`` and ``shift`` are those of sets, ``[N, groups]``."""
    frames, pixels, groups, channels = codes.shape
    half = np.int64(1) << (root_bits - 1)
    for n in range(frames):
        for p in range(pixels):
            for g in range(groups):
                for c in range(channels):
                    u = count * (codes[n, p, g, c] - zero_point) - mean[n, g]
                    value = ((u << fraction) >> shift[n, g]) * root[n, g]
                    accumulators[n, p, g, c] = (value + half) >> root_bits
