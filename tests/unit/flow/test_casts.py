"""Numbers beyond the type of a Cast are told, and what is advised ends the warning."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import gan2hls
from gan2hls.base import VerificationError
from gan2hls.flow import verify_project
from gan2hls.quantize import undefined_casts
from tests.onnx_models import f32, make_model

W = {"w": f32(np.random.default_rng(5), 6, 16), "lo": np.float32(0), "hi": np.float32(255)}
ROAD: dict[str, Any] = {"verify": {"steps": ["float"]}, "calibration": {"samples": 32}}


def cast_model(folder: Path, factor: float, tail: str) -> Path:
    body = f"h = Gemm(x, w) t = Tanh(h) m = Mul(t, factor) a = Add(m, half) {tail}"
    model = make_model(body, (1, 6), W | {"factor": np.float32(factor), "half": np.float32(127.5)})
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8 if tail.startswith("y") else 1
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def warned(caplog: pytest.LogCaptureFixture) -> str:
    text = " ".join(record.getMessage() for record in caplog.records if "(Cast)" in record.getMessage())
    caplog.clear()
    return text


@pytest.mark.parametrize("tail", ["y = Cast<to = 2>(a)", "c = Cast<to = 2>(a) y = Cast<to = 1>(c)"])
def test_what_is_beyond_the_type_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, tail: str) -> None:
    caplog.set_level(logging.WARNING, "gan2hls")
    path = cast_model(tmp_path, 400, tail)
    with pytest.raises(VerificationError) as caught:
        gan2hls.build(path, output=tmp_path, overrides=ROAD)
    said = warned(caplog)
    assert "node '/g/Cast_4' (Cast)" in said and "% of what it reads is beyond UINT8, 0..255" in said
    for hint in (said, caught.value.hint):
        assert "put a Clip to 0..255 in front of it" in hint
    assert "more bits" not in caught.value.hint
    gan2hls.build(
        cast_model(tmp_path, 400, "l = Clip(a, lo, hi) " + tail.replace("(a)", "(l)")), write=False, overrides=ROAD
    )
    assert not warned(caplog)


def test_what_fits_is_not_told_and_verify_tells_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "gan2hls")
    gan2hls.build(cast_model(tmp_path, 127.5, "y = Cast<to = 2>(a)"), write=False, overrides=ROAD)
    assert not warned(caplog)
    path = cast_model(tmp_path, 127.9, "y = Cast<to = 2>(a)")  # down to -0.4, which is cut to 0
    gan2hls.build(path, write=False, overrides=ROAD)
    assert not warned(caplog)
    path = cast_model(tmp_path, 400, "y = Cast<to = 2>(a)")
    result = gan2hls.build(path, output=tmp_path, overrides={"verify": {"steps": []}})
    assert "beyond UINT8" in warned(caplog) and result.path is not None
    ladder = verify_project(result.path, onnx_path=path, overrides=ROAD)
    assert ladder.steps["float"].status == "failed" and "beyond UINT8" in warned(caplog)


@pytest.mark.parametrize(("elem", "lo", "hi"), [(2, 0, 255), (3, -128, 127), (4, 0, 65535), (5, -32768, 32767)])
def test_the_share_is_counted(elem: int, lo: int, hi: int) -> None:
    model = make_model(f"y = Cast<to = {elem}>(m) m = Relu(x)", (1, 8))
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("m", 1, (1, 8)))
    model.graph.output[0].type.tensor_type.elem_type = elem
    x = np.array([[0, 1, hi - 1, hi, hi + 0.75, hi + 1, hi + 2, -5]], np.float32)
    (cast,) = undefined_casts(model, {"x": x})
    assert (cast.lo, cast.hi, cast.share) == (lo, hi, 2 / 8)
