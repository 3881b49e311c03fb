"""The float graph, layer by layer, with other weights in it."""

from __future__ import annotations

from itertools import product

import numpy as np

from gan2hls.model.ir import Layer
from gan2hls.model.shuffle import shuffled
from gan2hls.model.taps import AxisTaps, LinearGeometry
from gan2hls.numbers import Float32Array, FloatArray, Int64Array

#: Values of one chunk of frames.
_CHUNK_VALUES = 1 << 23


def run_layer(layer: Layer, weight: FloatArray | None, bias: FloatArray | None, x: Float32Array) -> Float32Array:
    """Return a layer's output stream, float32 ``[N, H, W, C]``.

    Args:
        layer: with its points.
        weight: float64 ``[T, CO, CI / groups]`` in place of the layer's own; None for a pointwise layer.
        bias: float64 ``[CO]`` to add to the linear map's result, or None.
        x: its input, frames of ``(H, W, C)`` in any shape.
    """
    frames = len(x)
    geometry = layer.geometry
    shape = layer.shape if geometry is None else geometry.out_shape
    step = max(1, _CHUNK_VALUES // int(np.prod(shape)))
    made = np.empty((frames, *layer.shape), np.float32)
    for start in range(0, frames, step):
        part = x[start : start + step]
        sums = part.reshape(-1, *shape) if geometry is None or weight is None else linear(geometry, weight, part)
        channels = shape[2]
        values: FloatArray = sums.reshape(-1, channels).astype(np.float64)
        if bias is not None:
            values += bias
        for point in layer.points:
            values = point(values)
        made[start : start + step] = shuffled(values.reshape(-1, *shape), layer.shape)
    return made


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


def joined(axis: AxisTaps) -> list[tuple[Int64Array, Int64Array]]:
    """Return per kernel index the inputs and the outputs that it joins; no output occurs twice."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(axis.kernel)]
    for o, pairs in enumerate(axis.taps):
        for i, k in pairs:
            found[k].append((i, o))
    return [(np.array([i for i, _ in pairs], np.int64), np.array([o for _, o in pairs], np.int64)) for pairs in found]
