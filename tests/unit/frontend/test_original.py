"""What was read of a file is held against the file: by the float step of every build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import gan2hls
from gan2hls import frontend
from gan2hls.base import ModelError, VerificationError
from gan2hls.flow import verify_project
from gan2hls.frontend import evaluating
from tests.onnx_models import f32, make_model

ROAD: dict[str, Any] = {"verify": {"steps": ["float"]}, "calibration": {"samples": 32}}


def scaled_model(folder: Path) -> Path:
    """Save a model whose scale is computed from constants."""
    rng = np.random.default_rng(3)
    constants = {"w": f32(rng, 6, 16), "v": f32(rng, 4, 4)}
    path = folder / "m.onnx"
    onnx.save(make_model("h = Gemm(x, w) s = Det(v) y = Mul(h, s)", (1, 6), constants), path)
    return path


def test_it_is_the_file_with_nothing_folded(tmp_path: Path) -> None:
    path = scaled_model(tmp_path)
    model = frontend.original(path, frontend.load(path).sha256, input_shapes={})
    assert [node.op_type for node in model.graph.node] == ["Gemm", "Det", "Mul"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = scaled_model(tmp_path)
    sha256 = frontend.load(path).sha256
    model = onnx.load(path)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((6, 16), np.float32), "w"))
    onnx.save(model, path)
    with pytest.raises(ModelError, match="is not what it was when it was read"):
        frontend.original(path, sha256, input_shapes={})


def test_a_constant_that_is_folded_wrong_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference of all that follows is folded too, so nothing else would tell."""
    path = scaled_model(tmp_path)
    gan2hls.build(path, output=tmp_path, overrides=ROAD)
    assert verify_project(tmp_path / "m", overrides=ROAD, onnx_path=path).passed
    compute = evaluating.Computation.__call__

    def wrong(self: evaluating.Computation, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return [value * value.dtype.type(1.1) for value in compute(self, given)]

    monkeypatch.setattr(evaluating.Computation, "__call__", wrong)
    with pytest.raises(VerificationError) as caught:
        gan2hls.build(path, write=False, overrides=ROAD)
    assert "what was read of the file has a PSNR of" in caught.value.message
    assert caught.value.hint is not None and "that is an error of gan2hls" in caught.value.hint
