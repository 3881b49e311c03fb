"""The linear map of taps and weights in float: forward, and backward for gradients."""

from __future__ import annotations

from itertools import product

import numpy as np

from gan2hls.numbers import Float32Array, FloatArray, Int64Array
from gan2hls.ops.taps import AxisTaps, LinearGeometry


def linear(geometry: LinearGeometry, weight: FloatArray, x: Float32Array) -> Float32Array:
    """Return the linear map of ``x``, float32 ``[N, OH, OW, CO]``: one matrix product per kernel tap."""
    g = geometry
    frames = x.reshape(-1, *g.in_shape).astype(np.float32, copy=False)
    made = np.zeros((len(frames), *g.out_shape), np.float32)
    for (ky, (iy, oy)), (kx, (ix, ox)) in product(enumerate(joined(g.y)), enumerate(joined(g.x))):
        if not len(iy) or not len(ix):
            continue
        matrix = weight[ky * g.x.kernel + kx].astype(np.float32)
        part = frames[:, iy[:, None], ix]
        for n in range(g.groups):
            inner, outer = (slice(n * size, (n + 1) * size) for size in (g.group_in, g.group_out))
            target = np.s_[:, oy[:, None], ox, outer]
            made[target] += part[..., inner] @ matrix[outer].T
    return made


def linear_backward(geometry: LinearGeometry, weight: FloatArray, gradient: Float32Array) -> Float32Array:
    """Return the gradient at the linear map's input, float32 ``[N, *in_shape]``, of ``[N, OH, OW, CO]`` at its sums."""
    g = geometry
    made = np.zeros((len(gradient), *g.in_shape), np.float32)
    taps = weight.astype(np.float32)
    for (ky, (iy, oy)), (kx, (ix, ox)) in product(enumerate(joined(g.y)), enumerate(joined(g.x))):
        matrix = taps[ky * g.x.kernel + kx]
        for n in range(g.groups if iy.size and ix.size else 0):
            inner, outer = (slice(n * size, (n + 1) * size) for size in (g.group_in, g.group_out))
            part = gradient[:, oy[:, None], ox, outer] @ matrix[outer]
            target = np.s_[:, iy[:, None], ix, inner]
            if np.unique(iy).size == iy.size and np.unique(ix).size == ix.size:
                made[target] += part
            else:
                np.add.at(made, target, part)  # type: ignore[arg-type]
    return made


def joined(axis: AxisTaps) -> list[tuple[Int64Array, Int64Array]]:
    """Return per kernel index the inputs and the outputs that it joins; no output occurs twice."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(axis.kernel)]
    for o, pairs in enumerate(axis.taps):
        for i, k in pairs:
            found[k].append((i, o))
    return [(np.array([i for i, _ in pairs], np.int64), np.array([o for _, o in pairs], np.int64)) for pairs in found]
