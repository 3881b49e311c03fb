"""Operators that are not built but where they change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save

SHAPE = (1, 4, 5, 5)
C = {
    "k": f32(np.random.default_rng(2), 4, 3, 3, 3),
    "one": np.array([1]),
    "ones": np.ones(4, np.int64),
    "same": np.array([1, 3, 7, 7]),
    "unit": np.ones(4, np.float32),
    "near": np.array([1, 1, 1.1, 1], np.float32),
    "up": np.array([1, 1, 2, 2], np.float32),
    "whole": np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32),
    "part": np.array([0, 0, 0, 0, 1, 1, 0.5, 1], np.float32),
    "none": np.zeros((1, 0, 7, 7), np.float32),
    "batch": np.array([0]),
    "rows": np.array([2]),
}
BODY = "c = ConvTranspose(x, k) h = {} y = Tanh(h)"


@pytest.mark.parametrize(
    ("operator", "opset"),
    [
        ("Expand(c, one)", 17),
        ("Expand(c, same)", 17),
        ("Tile(c, ones)", 17),
        ("Concat<axis = 1>(c)", 17),
        ("Concat<axis = 1>(c, none)", 17),
        ("Upsample(c, unit)", 9),
        ("Upsample<mode = 'linear'>(c, unit)", 9),
        ("Resize(c, unit)", 10),
        ("Resize(c, , unit)", 17),
        ("Resize(c, , , same)", 17),
        ("Resize<mode = 'linear', coordinate_transformation_mode = 'align_corners'>(c, , unit)", 17),
        ("Resize<mode = 'cubic', coordinate_transformation_mode = 'half_pixel'>(c, , , same)", 17),
        ("Resize<coordinate_transformation_mode = 'tf_half_pixel_for_nn'>(c, , unit)", 17),
        ("Resize<mode = 'linear', coordinate_transformation_mode = 'tf_crop_and_resize'>(c, whole, unit)", 17),
        ("DepthToSpace<blocksize = 1>(c)", 17),
        ("Split<axis = 1>(c)", 13),
        ("ReduceMean<axes = [0]>(c)", 17),
        ("ReduceSum(c, batch)", 17),
    ],
)
def test_what_changes_nothing_is_taken(tmp_path: Path, operator: str, opset: int):
    body = BODY.format(operator.replace("'", '"'))
    _, final = check(save(tmp_path, body, SHAPE, C, opset=opset))
    assert [layer.op.kind for layer in final.layers] == ["conv_transpose"]


@pytest.mark.parametrize(
    ("operator", "opset"),
    [
        ("Resize<mode = 'linear', coordinate_transformation_mode = 'tf_crop_and_resize'>(c, part, unit)", 17),
        ("ReduceProd<axes = [1]>(c)", 17),
    ],
)
def test_what_changes_something_is_refused(tmp_path: Path, operator: str, opset: int):
    body = BODY.format(operator.replace("'", '"'))
    with pytest.raises(UnsupportedError, match=r"is not supported|resamples in mode"):
        load(save(tmp_path, body, SHAPE, C, opset=opset))
