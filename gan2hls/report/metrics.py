"""Measures of what integers lost: PSNR, SQNR and SSIM."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

#: Standard deviation and cut of SSIM's window.  Source: Wang et al. 2004, section III.B (11 x 11 Gaussian, 1.5).
_SSIM_SIGMA = 1.5
_SSIM_TRUNCATE = 3.5


def psnr_db(reference: Array, measured: Array, peak: float) -> float:
    """Return ``10 log10(peak^2 / mean squared error)``; infinite when equal.  Any shape."""
    error = float(np.square(np.asarray(reference, np.float64) - measured).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(peak * peak / error))


def sqnr_db(power: float, error: float) -> float:
    """Return ``10 log10(power / error)`` of a mean square and a mean squared error; infinite without an error."""
    if error == 0:
        return float("inf")
    return float("-inf") if power == 0 else 10 * float(np.log10(power / error))


def ssim(reference: Array, measured: Array, peak: float) -> float:
    """Return the mean structural similarity of images ``[N, H, W, C]``.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, equation 13, with K1 = 0.01 and K2 = 0.03.
    """
    from scipy.ndimage import gaussian_filter  # heavy to import

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2

    def blur(x: Array) -> Array:
        blurred: Array = gaussian_filter(x, (0, _SSIM_SIGMA, _SSIM_SIGMA, 0), truncate=_SSIM_TRUNCATE)
        return blurred

    a, b = np.asarray(reference, np.float64), np.asarray(measured, np.float64)
    mean_a, mean_b = blur(a), blur(b)
    var_a = blur(a * a) - mean_a**2
    var_b = blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return float((luminance * structure).mean())


def as_images(values: Array, onnx_shape: tuple[int, ...]) -> Array | None:
    """Return ``[N, *onnx_shape[1:]]`` as images ``[N, H, W, C]``, or None when it is no image.

    Four axes are NCHW or NHWC, whichever has 1, 3 or 4 channels; a flat vector of a square's size is one grey image.
    """
    shape = onnx_shape[1:]
    if len(shape) == 3:
        if shape[0] in (1, 3, 4):
            return values.reshape(-1, *shape).transpose(0, 2, 3, 1)
        return values.reshape(-1, *shape)
    size = int(np.prod(shape))
    side = round(size**0.5)
    return values.reshape(-1, side, side, 1) if side * side == size and side >= 4 else None
