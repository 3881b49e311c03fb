"""PSNR, SQNR and SSIM against closed forms and a plain SSIM of the paper's equations."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.report.metrics import as_images, psnr_db, sqnr_db, ssim


def test_psnr_of_a_constant_error_is_twenty_log_of_the_ratio() -> None:
    reference = np.zeros((2, 3, 4, 1))
    assert psnr_db(reference, reference + 0.1, 1.0) == pytest.approx(20.0)
    assert psnr_db(reference, reference - 0.02, 2.0) == pytest.approx(40.0)
    assert psnr_db(reference, reference, 1.0) == np.inf


def test_psnr_of_float32_is_computed_in_float64() -> None:
    reference = np.full(4, 1.0, np.float32)
    measured = reference.astype(np.float64) + 1e-9
    assert psnr_db(reference, measured, 1.0) == pytest.approx(180.0, abs=0.01)


def test_sqnr_by_hand() -> None:
    assert sqnr_db(12.5, 0.5) == pytest.approx(10 * np.log10(25))
    assert sqnr_db(12.5, 0.0) == np.inf
    assert sqnr_db(0.0, 0.0) == np.inf
    assert sqnr_db(0.0, 1.0) == -np.inf


def _plain_ssim(a: np.ndarray, b: np.ndarray, peak: float) -> float:
    """Equation 13 pixel by pixel with an 11 x 11 Gaussian of sigma 1.5; edges mirrored."""
    at = np.arange(-5, 6)
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    found = []
    for channel in range(a.shape[2]):
        x, y = (np.pad(image[:, :, channel], 5, mode="symmetric") for image in (a, b))
        for row in range(a.shape[0]):
            for column in range(a.shape[1]):
                u, v = x[row : row + 11, column : column + 11], y[row : row + 11, column : column + 11]
                mu, mv = (window * u).sum(), (window * v).sum()
                du, dv = u - mu, v - mv
                cov, var_u, var_v = (window * du * dv).sum(), (window * du * du).sum(), (window * dv * dv).sum()
                found.append((2 * mu * mv + c1) * (2 * cov + c2) / ((mu * mu + mv * mv + c1) * (var_u + var_v + c2)))
    return float(np.mean(found))


def test_ssim_equals_the_paper_s_equation() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (1, 12, 9, 2))
    b = a + rng.normal(0, 0.3, a.shape)
    assert ssim(a, b, 2.0) == pytest.approx(_plain_ssim(a[0], b[0], 2.0), abs=1e-9)


def test_ssim_of_constant_images_is_the_luminance_term() -> None:
    a, b, peak = np.full((1, 16, 16, 1), 0.25), np.full((1, 16, 16, 1), 0.75), 1.0
    c1 = 0.01**2
    assert ssim(a, b, peak) == pytest.approx((2 * 0.25 * 0.75 + c1) / (0.25**2 + 0.75**2 + c1))


def test_ssim_is_one_only_for_equal_images_and_does_not_mix_frames_or_channels() -> None:
    rng = np.random.default_rng(1)
    a = rng.uniform(0, 1, (3, 16, 16, 3))
    assert ssim(a, a, 1.0) == pytest.approx(1.0)
    b = a.copy()
    b[1, :, :, 2] = 1 - b[1, :, :, 2]
    single = ssim(a[1:2, :, :, 2:], b[1:2, :, :, 2:], 1.0)
    assert single < 0
    assert ssim(a, b, 1.0) == pytest.approx((8 + single) / 9)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 3, 8, 6), (2, 8, 6, 3)),
        ((1, 8, 6, 3), (2, 8, 6, 3)),
        ((1, 1, 8, 8), (2, 8, 8, 1)),
        ((1, 64), (2, 8, 8, 1)),
        ((1, 1, 28, 28, 1), (2, 28, 28, 1)),
    ],
)
def test_images_of_every_layout(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    found = as_images(np.zeros((2, *shape[1:])), shape)
    assert found is not None and found.shape == expected


def test_channels_first_is_transposed_not_reshaped() -> None:
    values = np.arange(2 * 3 * 4 * 5, dtype=np.float64).reshape(2, 3, 4, 5)
    found = as_images(values, (1, 3, 4, 5))
    assert found is not None and found[1, 2, 3, 0] == values[1, 0, 2, 3] and found[1, 2, 3, 2] == values[1, 2, 2, 3]


@pytest.mark.parametrize("shape", [(1, 10), (1, 9), (1, 3, 5)])
def test_what_is_no_image(shape: tuple[int, ...]) -> None:
    assert as_images(np.zeros((2, *shape[1:])), shape) is None
