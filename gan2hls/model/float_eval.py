"""The float graph, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan2hls.model.ir import Layer
from gan2hls.numbers import Float32Array, FloatArray
from gan2hls.ops import shuffled

#: Values of one chunk of frames.
_CHUNK_VALUES = 1 << 23


def run_layer(layer: Layer, inputs: Sequence[Float32Array], bias: FloatArray | None = None) -> Float32Array:
    """Return a layer's output stream, float32 ``[N, H, W, C]``.

    Args:
        layer: with its points.
        inputs: what it reads, frames of ``(H, W, C)`` in any shape.
        bias: float64 ``[CO]`` to add to what the operation makes, or None.
    """
    frames = len(inputs[0])
    shape = layer.op.sums_shape(layer.shape)
    step = max(1, _CHUNK_VALUES // int(np.prod(shape)))
    made = np.empty((frames, *layer.shape), np.float32)
    for start in range(0, frames, step):
        part = [x[start : start + step] for x in inputs]
        values: FloatArray = layer.op.evaluate(part).reshape(-1, shape[2]).astype(np.float64)
        if bias is not None:
            values += bias
        for point in layer.points:
            values = point(values)
        made[start : start + step] = shuffled(values.reshape(-1, *shape), layer.shape)
    return made
