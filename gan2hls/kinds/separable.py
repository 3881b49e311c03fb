"""Depthwise convolutions whose weights are products of one for the row and one for the column, fixed by sizes alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gan2hls.kinds.base import Reading, check_axis, check_size, image_index, image_order
from gan2hls.numbers import FloatArray
from gan2hls.ops import AxisTaps, Linear, LinearGeometry


def separable(
    kind: str, shape: tuple[int, ...], out_shape: tuple[int, ...], weights: Sequence[FloatArray], *, last: bool = False
) -> Reading:
    """Return the layer of ``kind`` that weighs rows and columns of an ONNX tensor.

    Args:
        kind: of the layer.
        shape: of the tensor, ``[N, C, H, W]`` or ``[N, C, W]``, with ``last`` ``[N, H, W, C]``; channels of a stream
            are those of all ``N``, one after the other.
        out_shape: of what it makes.
        weights: float64 ``[out, in]`` of each spatial axis.
        last: whether channels are last.
    """
    programs, kernels = map(list, zip(*map(_taps, weights), strict=True))
    if len(programs) == 1:
        programs.insert(0, AxisTaps(1, 1, (((0, 0),),)))
        kernels.insert(0, np.ones(1))
    images, each = shape[0], shape[-1 if last else 1]
    channels = images * each
    geometry = LinearGeometry(programs[0], programs[1], channels, channels, channels)
    check_size(out_shape, "its output")
    linear = Linear(kind, geometry, np.repeat(np.outer(*kernels).reshape(-1, 1, 1), channels, axis=1))
    if last:
        order = np.arange(math.prod(shape)).reshape(shape).transpose(1, 2, 0, 3).ravel()
        rows, columns = out_shape[1:3]
        index = np.arange(math.prod(out_shape)).reshape(rows, columns, images, each).transpose(2, 0, 1, 3)
        return Reading(linear, None, order, index)
    order = image_order(channels, programs[0].in_size, programs[1].in_size)
    index = image_index(channels, programs[0].out_size, programs[1].out_size, out_shape)
    return Reading(linear, None, order, index)


def _taps(weights: FloatArray) -> tuple[AxisTaps, FloatArray]:
    """Return the tap program of an axis, and the weight of each kernel index.

    A kernel index stands for a weight, and for the how manieth of that weight it is among an output's taps.
    """
    weights = np.round(weights, 7)  # float32's rounding of coordinates is no weight of its own
    check_axis(len(weights), 1, 1, 1)
    places: dict[tuple[float, int], int] = {}
    found = []
    for row in weights:
        seen: Counter[float] = Counter()
        pairs = []
        for i in np.flatnonzero(row):
            value = float(row[i])
            pairs.append((int(i), places.setdefault((value, seen[value]), len(places))))
            seen[value] += 1
        found.append(tuple(sorted(pairs, key=lambda pair: pair[1])))
    check_axis(len(weights), len(places), 1, 1)
    return AxisTaps(weights.shape[1], len(places), tuple(found)), np.array([value for value, _ in places])
