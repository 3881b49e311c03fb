"""Resampling by interpolation, bilinear and bicubic: a depthwise convolution whose taps and weights the sizes fix.

Every output is a weighted sum of a few inputs along each axis; outputs that lie alike between inputs share weights.
The coordinates are those of ONNX's Resize, in float32 as ONNX Runtime computes them.  Source of the cubic kernel: Keys
1981, "Cubic convolution interpolation for digital image processing", equation 15, with its parameter ``a``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.kinds.base import Array, Kind, Reading, Tensor, fixed_shape, select_outputs
from gan2hls.kinds.separable import separable
from gan2hls.numbers import Float32Array, FloatArray

_HALF = np.float32(0.5)
#: ``(output indices, scale, input size, output size) -> input coordinates``.
COORDINATES: Mapping[str, Callable[[Float32Array, np.float32, int, int], Float32Array]] = {
    "half_pixel": lambda x, scale, _n, _m: (x + _HALF) / scale - _HALF,
    "asymmetric": lambda x, scale, _n, _m: x / scale,
    "pytorch_half_pixel": lambda x, scale, _n, m: (x + _HALF) / scale - _HALF if m > 1 else 0 * x,
    "tf_half_pixel_for_nn": lambda x, scale, _n, _m: (x + _HALF) / scale,
    "align_corners": lambda x, _scale, n, m: x * np.float32(n - 1) / np.float32(m - 1) if m > 1 else 0 * x,
    "half_pixel_symmetric": lambda x, scale, n, m: _symmetric(x, scale, n, m),
}


def _symmetric(x: Float32Array, scale: np.float32, n: int, m: int) -> Float32Array:
    """Return half-pixel coordinates of an output that is centred over its input, whatever the rounding of its size."""
    adjustment = np.float32(m) / (scale * np.float32(n))
    centre = np.float32(n) / np.float32(2)
    return centre * (1 - adjustment) + (x + _HALF) / scale - _HALF


def resize(
    x: Tensor,
    _: Array | None = None,
    *inputs: Array | None,
    mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    scales: Sequence[float] | None = None,
    keep_aspect_ratio_policy: str = "stretch",
    **__: object,
) -> Reading:
    """Read Resize and Upsample in the modes ``linear`` and ``cubic``.

    Raises:
        UnsupportedError: another mode or rank, or coordinates that this version does not know.
    """
    if len(inputs) < 2:  # Upsample, and Resize of opset 10
        coordinate_transformation_mode = "asymmetric"
    coordinates = COORDINATES.get(coordinate_transformation_mode)
    if mode not in ("linear", "cubic") or coordinates is None or antialias or keep_aspect_ratio_policy != "stretch":
        raise UnsupportedError(
            f"resamples in mode {mode!r} by {coordinate_transformation_mode!r}"
            f"{' with antialias' if antialias else ''} and {keep_aspect_ratio_policy!r}",
            hint=f"supported are nearest, linear and cubic without antialias, by {', '.join(COORDINATES)}",
        )
    rank, out_shape = len(x.shape), x.out_shape
    changed = [axis for axis, (size, wanted) in enumerate(zip(x.shape, out_shape, strict=True)) if size != wanted]
    last = rank == 4 and 1 in changed and 3 not in changed
    if rank not in (3, 4) or set(changed) & {0, 3 if last else 1}:
        raise UnsupportedError(
            f"resamples {list(x.shape)} to {list(out_shape)}",
            hint="rows and columns of [N, C, H, W], [N, H, W, C] or [N, C, W] are resampled",
        )
    given = (inputs[0] if len(inputs) < 2 else inputs[1]) if inputs else None
    factors = np.ravel(given).tolist() if given is not None and given.size else list(scales or ())
    by_axis = dict(zip((axis % rank for axis in axes) if axes is not None else range(rank), factors, strict=False))
    spatial = (1, 2) if last else tuple(range(2, rank))
    weights = []
    for axis in spatial:
        size, wanted = x.shape[axis], out_shape[axis]
        at = coordinates(
            np.arange(wanted, dtype=np.float32), np.float32(by_axis.get(axis, wanted / size)), size, wanted
        )
        made = _linear(at, size) if mode == "linear" else _cubic(at, size, cubic_coeff_a, bool(exclude_outside))
        weights.append(made if wanted != size else np.eye(size))
    return separable("resize", x.shape, out_shape, weights, last=last)


def _linear(at: Float32Array, size: int) -> FloatArray:
    """Return the weights ``[out, in]`` of linear interpolation at coordinates ``at``; ends are repeated."""
    x = np.clip(at, 0, size - 1).astype(np.float64)
    low = np.minimum(np.floor(x).astype(np.int64), size - 1)
    high = np.minimum(low + 1, size - 1)
    weights, rows = np.zeros((at.size, size)), np.arange(at.size)
    np.add.at(weights, (rows, low), 1 - (x - low))
    np.add.at(weights, (rows, high), x - low)
    return weights


def _cubic(at: Float32Array, size: int, a: float, exclude: bool) -> FloatArray:
    """Return the weights ``[out, in]`` of cubic convolution; ends are repeated, or left out with ``exclude``."""
    low = np.floor(at).astype(np.int64)
    weights, rows = np.zeros((at.size, size)), np.arange(at.size)
    for tap in range(-1, 3):
        d = np.abs((at - low).astype(np.float64) - tap)
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        value = np.where(d <= 1, near, np.where(d < 2, far, 0.0))
        inside = (low + tap >= 0) & (low + tap < size)
        np.add.at(weights, (rows, np.clip(low + tap, 0, size - 1)), np.where(inside | (not exclude), value, 0.0))
    return weights / weights.sum(axis=1, keepdims=True) if exclude else weights


KIND = Kind("resize", {"Resize": resize, "Upsample": resize}, select_outputs, fixed_shape)
