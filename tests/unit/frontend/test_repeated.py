"""Resize, Upsample and Pads that repeat what is there: the taps of the convolution behind them share it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import ModelError, UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(21)
COORDINATES = ("half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners", "tf_half_pixel_for_nn")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_nearest_in_every_way_that_onnx_has(tmp_path: Path, coordinates: str, rounding: str) -> None:
    opset = 11 if coordinates == "tf_half_pixel_for_nn" else 17
    for size, scales in (((3, 5), (2.0, 2.0)), ((4, 3), (3.0, 1.5)), ((5, 7), (2.3, 1.0))):
        body = (
            f'c = Conv(x, u) r = Resize<mode = "nearest", coordinate_transformation_mode = "{coordinates}", '
            f'nearest_mode = "{rounding}">(c, e, s) y = Conv<pads = [1, 1, 1, 1]>(r, w)'
        )
        constants = {"s": np.array([1, 1, *scales], np.float32), "u": f32(RNG, 2, 3, 1, 1), "w": f32(RNG, 4, 2, 3, 3)}
        constants["e"] = np.array([], np.float32)
        _, final = check(save(tmp_path, body, (1, 3, *size), constants, opset=opset))
        first = final.layers[0].op.geometry
        assert first is not None and np.prod(first.out_shape[:2]) <= np.prod(size), "a pixel is computed once"


@pytest.mark.parametrize(
    ("body", "opset"),
    [
        ("r = Upsample<mode = 'nearest'>(x, s) y = Conv<pads = [1, 1, 1, 1]>(r, w)", 9),
        ("r = Resize<mode = 'nearest'>(x, s) y = Conv<pads = [1, 1, 1, 1]>(r, w)", 10),
        ("r = Resize<mode = 'nearest'>(x, , , t) y = Conv<pads = [1, 1, 1, 1]>(r, w)", 13),
        ("r = Resize<mode = 'nearest', axes = [2, 3]>(x, , p) y = Conv(r, w)", 18),
        ("r = Resize<mode = 'nearest'>(x, , s) q = PRelu(r, a) y = ConvTranspose<strides = [2, 2]>(q, w)", 17),
    ],
)
def test_upsampling_in_all_its_spellings(tmp_path: Path, body: str, opset: int) -> None:
    constants = {
        "s": np.array([1, 1, 2, 3], np.float32),
        "p": np.array([2, 3], np.float32),
        "t": np.array([1, 2, 6, 12]),
        "w": f32(RNG, 2, 2, 3, 3),
        "a": f32(RNG, 2, 1, 1),
    }
    check(save(tmp_path, body.replace("'", '"'), (1, 2, 3, 4), constants, opset=opset))


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap", "constant"])
@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 2, 1], [0, 0, 2, 0, 0, 0, -1, 2]])
def test_pads_in_every_mode(tmp_path: Path, mode: str, pads: list[int]) -> None:
    body = f'c = Conv(x, u) p = Pad<mode = "{mode}">(c, n) y = Conv(p, w)'
    constants = {"n": np.array(pads), "u": f32(RNG, 2, 3, 1, 1), "w": f32(RNG, 4, 2, 3, 3)}
    check(save(tmp_path, body, (1, 3, 4, 5), constants, opset=19))


def test_a_reflection_of_a_padded_and_resized_image(tmp_path: Path) -> None:
    body = """
        z = Pad(x, n) r = Resize<mode = "nearest">(z, , s) q = Pad<mode = "reflect">(r, n)
        a = LeakyRelu(q) y = Conv(a, w)
    """
    constants = {
        "n": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "s": np.array([1, 1, 2, 2], np.float32),
        "w": f32(RNG, 3, 2, 3, 3),
    }
    check(save(tmp_path, body, (1, 2, 3, 3), constants))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "r = Resize<mode = 'nearest', keep_aspect_ratio_policy = 'not_larger', axes = [2, 3]>(x, , , t)"
            "y = Conv(r, w)",
            "'not_larger'",
        ),
    ],
)
def test_what_cannot_be_placed_is_refused(tmp_path: Path, body: str, expected: str) -> None:
    constants = {
        "s": np.array([1, 1, 2, 2], np.float32),
        "t": np.array([6, 6]),
        "w": f32(RNG, 3, 2, 1, 1),
    }
    with pytest.raises(UnsupportedError, match=expected):
        load(save(tmp_path, body.replace("'", '"'), (1, 2, 3, 3), constants, opset=18))


def test_a_reflection_larger_than_the_image(tmp_path: Path) -> None:
    constants = {"n": np.array([0, 0, 3, 0, 0, 0, 0, 0]), "w": f32(RNG, 3, 2, 1, 1)}
    with pytest.raises(ModelError, match="reflects 3 elements"):
        load(save(tmp_path, 'p = Pad<mode = "reflect">(x, n) y = Conv(p, w)', (1, 2, 3, 3), constants))
