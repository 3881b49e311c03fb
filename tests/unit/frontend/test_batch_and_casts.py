"""A file with a fixed batch builds one frame of it; a Cast to integers, or a quantizer, may end a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import gan2hls
from gan2hls.base.errors import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.quantize.float_runs import FloatModel
from tests.float_evaluator import evaluate, run_onnx
from tests.onnx_models import f32, make_model, save

RNG = np.random.default_rng(11)
W = {"w": f32(RNG, 6, 32), "k": f32(RNG, 8, 3, 4, 4), "bias": f32(RNG, 32)}
UP = "ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>"


# --- a fixed batch


@pytest.mark.parametrize(
    "body",
    [
        f"h = Gemm(x, w, bias) r = Reshape(h, s) y = {UP}(r, k)",
        f"h = Gemm(x, w) r = Reshape(h, open) y = {UP}(r, k)",
        f"h = Gemm(x, w) c = Constant<value = int64[4] {{4, 8, 2, 2}}>() r = Reshape(h, c) y = {UP}(r, k)",
        f"h = Gemm(x, w) r = Reshape(h, s) u = {UP}(r, k) y = Reshape(u, flat)",
        "h = Gemm(x, w) r = Reshape(h, rows) y = Reshape(r, back)",
        "h = Gemm(x, w) r = Reshape(h, zero) y = Relu(r)",
        f"h = Gemm(x, w) d = Shape<end = 1>(x) t = Concat<axis = 0>(d, tail) r = Reshape(h, t) y = {UP}(r, k)",
    ],
)
def test_one_frame_of_a_fixed_batch(tmp_path: Path, body: str):
    shapes = {
        "s": [4, 8, 2, 2], "open": [-1, 8, 2, 2], "flat": [4, -1], "rows": [16, 8], "back": [4, 32],
        "zero": [0, 8, 4], "tail": [8, 2, 2],
    }  # fmt: skip
    path = save(tmp_path, body, (4, 6), W | {name: np.array(value) for name, value in shapes.items()})
    x = f32(np.random.default_rng(2), 4, 6)
    (wanted,) = run_onnx(path, {"x": x})
    with pytest.raises(UnsupportedError, match="--input-shape x:1,6"):
        load(path)
    loaded = load(path, input_shapes={"x": (1, 6)})
    (port,) = loaded.graph.outputs
    made = port.from_stream(FloatModel(loaded.onnx_model, [port]).run({"x": x})[port.name])
    np.testing.assert_allclose(made.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-6)
    stream = evaluate(loaded.graph, {"x": x[:1]})[port.name]
    np.testing.assert_allclose(port.from_stream(stream[None]).ravel(), wanted[:1].ravel(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        f"h = Gemm(x, w, bias) r = Reshape(h, s) y = {UP}(r, k)",
        f"h = Gemm(x, w) c = Constant<value = int64[4] {{4, 8, 2, 2}}>() r = Reshape(h, c) y = {UP}(r, k)",
        f"h = Gemm(x, w) r = Reshape(h, s) u = {UP}(r, k) y = Reshape(u, flat)",
        "h = Gemm(x, w) r = Reshape(h, rows) y = Reshape(r, back)",
    ],
)
@pytest.mark.parametrize("open_size", ["N", None, 0])
def test_one_frame_of_a_batch_that_is_fixed_inside(tmp_path: Path, body: str, open_size: str | int | None):
    shapes = {"s": [4, 8, 2, 2], "flat": [4, -1], "rows": [16, 8], "back": [4, 32]}
    constants = W | {name: np.array(value) for name, value in shapes.items()}
    x = f32(np.random.default_rng(2), 4, 6)
    (wanted,) = run_onnx(save(tmp_path, body, (4, 6), constants), {"x": x})
    path = save(tmp_path, body, (open_size, 6), constants)
    with pytest.raises(UnsupportedError, match="fixes a batch of 4") as caught:
        load(path)
    assert "(Reshape)" in caught.value.where and "--input-shape x:1,6" in caught.value.hint
    loaded = load(path, input_shapes={"x": (1, 6)})
    (port,) = loaded.graph.outputs
    stream = evaluate(loaded.graph, {"x": x[:1]})[port.name]
    np.testing.assert_allclose(port.from_stream(stream[None]).ravel(), wanted[:1].ravel(), rtol=1e-4, atol=1e-5)


def test_the_other_way_out_of_a_batch_that_is_fixed_inside(tmp_path: Path):
    body = f"h = Gemm(x, w) r = Reshape(h, s) y = {UP}(r, k)"
    with pytest.raises(UnsupportedError) as caught:
        load(save(tmp_path, body, ("N", 6), W | {"s": np.array([4, 8, 2, 2])}))
    assert "a Reshape to [-1, ...]" in caught.value.hint
    load(save(tmp_path, body, ("N", 6), W | {"s": np.array([-1, 8, 2, 2])}))


def test_a_reshape_against_a_batch_of_1_is_a_broken_file(tmp_path: Path):
    body = f"h = Gemm(x, w) r = Reshape(h, s) y = {UP}(r, k)"
    for options in ({}, {"input_shapes": {"x": (1, 6)}}):
        with pytest.raises(ModelError):
            load(save(tmp_path, body, (1, 6), W | {"s": np.array([4, 8, 2, 2])}), **options)


@pytest.mark.parametrize(
    ("body", "constants"),
    [
        ("h = Gemm(x, w) t = Transpose<perm = [1, 0]>(h) r = Reshape(t, s) y = Relu(r)", {"s": np.array([16, 8])}),
        ("h = Gemm(x, w) y = Add(h, c)", {"c": f32(RNG, 4, 32)}),
        ("h = MatMul(m, x) y = Relu(h)", {"m": f32(RNG, 4, 4)}),
    ],
)
def test_what_ties_the_frames_of_a_batch_together_is_refused(tmp_path: Path, body: str, constants: dict):
    with pytest.raises(Gan2HlsError) as caught:
        load(save(tmp_path, body, (4, 6), W | constants), input_shapes={"x": (1, 6)})
    assert "batch of 4" in caught.value.hint and "'/g/" in caught.value.where


# --- integers at the end


@pytest.mark.parametrize(
    ("elem", "low", "high"),
    [
        (TensorProto.UINT8, 0, 255),
        (TensorProto.INT8, -128, 127),
        (TensorProto.UINT16, 0, 65535),
        (TensorProto.INT16, -32768, 32767),
    ],
)
@pytest.mark.parametrize("tail", ["", " y = Transpose<perm = [1, 0]>(c)", " y = Cast<to = 1>(c)"])
def test_casts_to_integers_cut_toward_zero(tmp_path: Path, elem: int, low: int, high: int, tail: str):
    body = f"a = Mul(x, c200) c = Cast<to = {elem}>(a)" + (tail if "Transpose" not in tail else "")
    body = body.replace("c = Cast", "y = Cast") if not tail or "Transpose" in tail else body
    path = save(tmp_path, body, (1, 400), {"c200": np.float32(200)})
    rng = np.random.default_rng(1)
    x = (rng.integers(low, high, (1, 400)) + rng.uniform(0.1, 0.9, (1, 400))).astype(np.float32) / np.float32(200)
    if low < 0:
        x[0, 0] = np.float32(-0.5 / 200)
    loaded = load(path)
    (port,) = loaded.graph.outputs
    made = port.from_stream(evaluate(loaded.graph, {"x": x})[port.name][None])
    assert (made == np.trunc(x * np.float32(200))).all()
    reference = port.from_stream(FloatModel(loaded.onnx_model, [port]).run({"x": x})[port.name])
    assert (made == reference).all()


def test_what_a_cast_leaves_undefined_saturates(tmp_path: Path):
    path = save(tmp_path, "a = Mul(x, c) y = Cast<to = 2>(a)", (1, 4), {"c": np.float32(100)})
    loaded = load(path)
    x = np.array([[-3.0, -0.005, 2.555, 9.0]], np.float32)
    (port,) = loaded.graph.outputs
    stream = evaluate(loaded.graph, {"x": x})[port.name]
    assert port.from_stream(stream[None]).tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize("elem", [TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL])
def test_casts_to_wide_integers_are_refused(tmp_path: Path, elem: int):
    with pytest.raises(UnsupportedError, match=TensorProto.DataType.Name(elem)) as caught:
        load(save(tmp_path, f"y = Cast<to = {elem}>(x)", (1, 4)))
    assert "UINT8" in caught.value.hint


def picture_model(tail: str) -> onnx.ModelProto:
    constants = {
        **W, "s": np.array([1, 8, 2, 2]), "one": np.float32(1), "half": np.float32(127.5),
        "step": np.float32(1 / 128), "zero": np.int8(0),
    }  # fmt: skip
    return make_model(f"h = Gemm(x, w, bias) r = Reshape(h, s) u = {UP}(r, k) t = Tanh(u) {tail}", (1, 6), constants)


@pytest.mark.parametrize(
    ("tail", "elem"),
    [
        ("a = Add(t, one) m = Mul(a, half) y = Cast<to = 2>(m)", TensorProto.UINT8),
        ("a = Add(t, one) m = Mul(a, half) c = Cast<to = 2>(m) y = Transpose<perm = [0, 2, 3, 1]>(c)",
         TensorProto.UINT8),
        ("y = QuantizeLinear(t, step, zero)", TensorProto.INT8),
    ],
)  # fmt: skip
def test_a_picture_of_8_bits_builds(tmp_path: Path, tail: str, elem: int):
    model = picture_model(tail)
    model.graph.output[0].type.tensor_type.elem_type = elem
    path = tmp_path / "picture.onnx"
    path.write_bytes(model.SerializeToString())
    result = gan2hls.build(
        path, output=tmp_path, overrides={"verify": {"steps": ["float"]}, "calibration": {"samples": 32}}
    )
    assert result.report is not None
    out = result.integer_model.type_of(result.integer_model.outputs[0].name)
    assert (out.int_type.bits, out.int_type.signed, out.scale, out.zero_point) == (
        8, elem == TensorProto.INT8, 1.0, 0)  # fmt: skip
    assert result.report.quality.psnr_db > 30


def test_a_cast_behind_a_fixed_batch_that_cannot_follow_keeps_its_class(tmp_path: Path):
    with pytest.raises(ModelError):
        load(save(tmp_path, "h = Gemm(x, w) y = Cast<to = 2>(h)", (4, 7), W), input_shapes={"x": (1, 7)})
