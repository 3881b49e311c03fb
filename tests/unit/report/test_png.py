from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gan2hls.report.picture import picture_range
from gan2hls.report.png import png_grid, to_bytes

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((1, 1, 8, 6), (8, 6)),
        ((1, 3, 8, 6), (8, 6)),
        ((1, 8, 6, 3), (8, 6)),
        ((1, 8, 6, 1), (8, 6)),
        ((1, 784), (28, 28)),
        ((1, 10), None),
        ((1, 7, 8, 6), None),
    ],
)
def test_layouts(shape: tuple[int, ...], size: tuple[int, int] | None) -> None:
    found = to_bytes(RNG.normal(size=(2, *shape[1:])), shape, (-1.0, 1.0))
    assert (found is None) == (size is None)
    if found is not None and size is not None:
        assert found.shape == (2, *size, 3)


def test_channels_and_range() -> None:
    values = np.stack([np.full((2, 2), v) for v in (-1.0, 0.0, 5.0)])[None]
    found = to_bytes(values, (1, 3, 2, 2), (-1.0, 1.0))
    assert found is not None
    assert found[0, 0, 0].tolist() == [0, 128, 255]


def test_grid_wraps_rows_and_is_deterministic() -> None:
    values = RNG.uniform(-1, 1, (5, 1, 8, 8))
    first, second = (png_grid([("a", values), ("b", values)], (1, 1, 8, 8), (-1.0, 1.0), 3) for _ in range(2))
    assert first is not None and first == second
    with Image.open(io.BytesIO(first)) as image:
        pixels = np.asarray(image)
    assert pixels.shape[0] % 4 == 0  # two lines of two rows
    quarter = pixels.shape[0] // 4
    assert np.array_equal(pixels[:quarter, 60:], pixels[quarter : 2 * quarter, 60:])


def test_what_is_no_image_gives_none() -> None:
    assert png_grid([("a", np.zeros((2, 10)))], (1, 10), (0.0, 1.0)) is None


@pytest.mark.parametrize(
    ("values", "expected"), [([-1.0, 0.9], (-1.0, 1.0)), ([0.0, 1.0], (0.0, 1.0)), ([-3.0, 7.0], (-3.0, 7.0))]
)
def test_picture_range(values: list[float], expected: tuple[float, float]) -> None:
    assert picture_range(np.array(values)) == expected
