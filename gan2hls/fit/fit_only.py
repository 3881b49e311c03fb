"""Weights fitted to nothing but themselves.  No inputs are correlated, so memory stays near that of the layer."""

from __future__ import annotations

import numpy as np

from gan2hls.fit.solution import Mask, Solution
from gan2hls.fit.weight import DEFAULT, FitOptions, fit_weight
from gan2hls.formats import Precision
from gan2hls.numbers import Float32Array, FloatArray
from gan2hls.ops import LinearGeometry, linear

#: Values of one chunk of frames.
_CHUNK_VALUES = 1 << 20


def fit_alone(
    geometry: LinearGeometry,
    weight: FloatArray,
    wanted: Float32Array,
    found: Float32Array,
    precision: Precision | None,
    options: FitOptions = DEFAULT,
    keep: Mask | None = None,
    *,
    correct_bias: bool,
    sensitivity: FloatArray | None = None,
) -> Solution:
    """Return a layer's weights in ``precision``, and what they lack in the mean of every channel's sums.

    Args:
        geometry: of the layer.
        weight: float64 ``[T, CO, CI / groups]``.
        wanted: inputs in the float model, ``N`` frames of ``(H, W, C)`` in any shape.
        found: inputs in the compressed model.
        precision: the number format; None: float.
        options: of its fit.
        keep: ``[T, CO, CI / groups]``, False where a weight must be 0; None: all stay.
        correct_bias: whether the mean error goes to the bias [Nagel et al. 2019].
        sensitivity: what each output matters, of mean 1, ``[M, H, W, CO]`` of the first ``M`` frames; the other frames
            are left out.  None: 1.
    """
    masked = weight if keep is None else weight * keep
    fitted = None if precision is None else fit_weight(masked, precision, options)
    values = masked if fitted is None else fitted.values * fitted.scale[:, None]
    frames = len(wanted) if sensitivity is None else min(len(wanted), len(sensitivity))
    step = max(1, _CHUNK_VALUES // int(np.prod(geometry.out_shape)))
    mass, lack, square, energy = np.zeros((4, geometry.out_channels))
    for start in range(0, frames, step):
        part = slice(start, min(start + step, frames))
        sums = linear(geometry, weight, wanted[part]).astype(np.float64)
        error = sums - linear(geometry, values, found[part])
        matters = np.ones_like(sums) if sensitivity is None else sensitivity[part].reshape(sums.shape)
        for total, value in ((mass, 1.0), (lack, error), (square, np.square(error)), (energy, np.square(sums))):
            total += (matters * value).sum(axis=(0, 1, 2))
    bias = lack / np.maximum(mass, 1e-30) if correct_bias else np.zeros(geometry.out_channels)
    square += mass * np.square(bias) - 2 * bias * lack
    count = frames * geometry.out_channels * geometry.y.out_size * geometry.x.out_size
    floats = values if fitted is None else None
    return Solution(fitted, floats, bias, max(0.0, float(square.sum())) / count, float(energy.sum()) / count)
