"""Resize and Upsample by interpolation, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import UnsupportedError
from gan2hls.frontend import load
from gan2hls.model import Graph
from tests.unit.frontend.test_repeated import check, f32, save

RNG = np.random.default_rng(3)
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")


def resize(how: str) -> str:
    return f"c = Conv(x, u) y = Resize<{how}>(c, e, s)"


def constants(*scales: float) -> dict[str, np.ndarray]:
    return {
        "e": np.array([], np.float32),
        "s": np.array([1, 1, *scales], np.float32),
        "u": f32(RNG, 2, 3, 1, 1),
    }


@pytest.mark.slow
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_every_way_that_onnx_has(tmp_path: Path, mode: str, coordinates: str) -> None:
    for size, scales in (((3, 5), (2.0, 2.0)), ((4, 3), (3.0, 1.5)), ((6, 8), (0.5, 0.5)), ((5, 7), (2.3, 1.0))):
        how = f'mode = "{mode}", coordinate_transformation_mode = "{coordinates}"'
        check(save(tmp_path, resize(how), (1, 3, *size), constants(*scales), opset=19))


@pytest.mark.parametrize("how", ["cubic_coeff_a = -0.5", "exclude_outside = 1"])
def test_cubic_attributes(tmp_path: Path, how: str) -> None:
    check(save(tmp_path, resize(f'mode = "cubic", {how}'), (1, 3, 4, 5), constants(2.0, 2.0), opset=17))


@pytest.mark.parametrize(
    ("body", "opset"),
    [
        ('y = Upsample<mode = "linear">(x, s)', 9),
        ('y = Resize<mode = "linear">(x, s)', 10),
        ('y = Resize<mode = "linear">(x, , , t)', 13),
        ('y = Resize<mode = "cubic", axes = [2, 3]>(x, , p)', 18),
        ('r = Transpose<perm = [0, 2, 3, 1]>(x) y = Resize<mode = "linear">(r, , q)', 17),
    ],
)
def test_spellings(tmp_path: Path, body: str, opset: int) -> None:
    values = {
        "s": np.array([1, 1, 2, 2], np.float32),
        "p": np.array([2, 2], np.float32),
        "q": np.array([1, 2, 2, 1], np.float32),
        "t": np.array([1, 2, 6, 8]),
    }
    check(save(tmp_path, body, (1, 2, 3, 4), values, opset=opset))


@pytest.mark.parametrize(
    "body",
    [
        'i = Reshape(c, images) r = Resize<mode = "linear">(i, , q)',
        't = Transpose<perm = [0, 2, 3, 1]>(c) i = Reshape(t, rows) r = Resize<mode = "linear">(i, , p)',
        'i = Reshape(c, signals) r = Resize<mode = "linear">(i, , o)',
    ],
)
def test_images_on_the_batch_axis(tmp_path: Path, body: str) -> None:
    """As frames of a video stand there; one after the other they are channels of one image."""
    values = {
        "k": f32(RNG, 6, 2, 1, 1),
        "images": np.array([3, 2, 4, 6]),
        "q": np.array([1, 1, 2, 2], np.float32),
        "rows": np.array([2, 2, 6, 6]),
        "p": np.array([1, 2, 2, 1], np.float32),
        "signals": np.array([3, 2, 24]),
        "o": np.array([1, 1, 2], np.float32),
        "flat": np.array([1, -1]),
    }
    check(save(tmp_path, f"c = Conv(x, k) {body} y = Reshape(r, flat)", (1, 2, 4, 6), values, opset=17))


def test_doubling_has_four_weights_and_four_products(tmp_path: Path) -> None:
    """Weights are those of the four positions between pixels, whatever the size."""
    _, final = check(save(tmp_path, resize('mode = "linear"'), (1, 3, 8, 8), constants(2.0, 2.0), opset=17))
    assert isinstance(final, Graph)
    op = final.layers[-1].op
    assert op.kind == "resize" and set(np.unique(op.weight * 16)) == {1.0, 3.0, 4.0, 9.0, 12.0, 16.0}
    assert op.geometry.useful_macs == 2 * (4 * 14 * 14 + 2 * 2 * 2 * 14 + 4)


def test_antialias_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, resize('mode = "linear", antialias = 1'), (1, 3, 8, 8), constants(0.5, 0.5), opset=18)
    with pytest.raises(UnsupportedError, match="with antialias"):
        load(path)
