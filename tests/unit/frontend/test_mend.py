"""Files that runtimes take: floats of 16 and 64 bits, and nodes out of order."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gan2hls.detect.split import find_structure
from gan2hls.frontend import load
from gan2hls.frontend.mend import needs_mending
from gan2hls.quantize.float_runs import FloatModel, probes
from tests.float_evaluator import check
from tests.onnx_models import f32, make_model, save

RNG = np.random.default_rng(0)
KINDS = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.BFLOAT16: ml_dtypes.bfloat16,
    TensorProto.DOUBLE: np.float64,
}


def network(elem: int, folder: Path, *, inside: bool = False) -> Path:
    """Save a generator that computes with ``elem``; if not ``inside``, its input and output are that, too."""
    kind, rng = KINDS[elem], np.random.default_rng(0)
    weights = {"w": f32(rng, 12, 32), "k": f32(rng, 8, 3, 4, 4), "b": f32(rng, 3)}
    body = f"""
        c = Cast<to = {elem}>(x) a = Gemm(c, w) r = Relu(a) s = Reshape(r, n)
        u = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(s, k, b) t = Tanh(u) h = Constant()
        m = Mul(t, h) y = Cast<to = {TensorProto.FLOAT if inside else elem}>(m)
    """
    rounded = {name: value.astype(ml_dtypes.bfloat16).astype(kind) for name, value in weights.items()}
    model = make_model(body, (1, 12), {**rounded, "n": np.array([1, 8, 2, 2])})
    (half,) = (node for node in model.graph.node if node.op_type == "Constant")
    half.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.asarray(0.5, kind))))
    for info in () if inside else (*model.graph.input, *model.graph.output):
        info.type.tensor_type.elem_type = elem
    path = folder / f"m{elem}.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("elem", list(KINDS))
def test_other_floats_become_float32(tmp_path: Path, elem: int, inside: bool):
    path = network(elem, tmp_path, inside=inside)
    loaded, plain = load(path), load(network(TensorProto.FLOAT, tmp_path))
    assert needs_mending(onnx.load(path)) == (elem != TensorProto.FLOAT)
    x = RNG.normal(size=(3, 12)).astype(np.float32)
    made, wanted = (FloatModel(m.onnx_model, probes(m.graph)[-1:]).run({"x": x}) for m in (loaded, plain))
    assert made.keys() == wanted.keys() and all((made[name] == wanted[name]).all() for name in made)
    assert loaded.params == plain.params


def test_doubles_that_compute_a_size_stay_doubles(tmp_path: Path):
    """2 ** 24 + 2, less 2 ** 24: as float32, 1 more would be lost."""
    big = np.array([2.0**24 + 1, 12 + 2.0**24])
    body = f"d = Sub(big, off) n = Cast<to = {TensorProto.INT64}>(d) y = Reshape(x, n)"
    body += " z = MatMul(y, w)"
    model = make_model(body, (1, 12), {"big": big, "off": np.full(2, 2.0**24), "w": f32(RNG, 12, 3)})
    model.graph.output[0].name = "z"
    assert not needs_mending(model)
    onnx.save(model, tmp_path / "m.onnx")
    check(tmp_path / "m.onnx")


def test_codes_times_a_scale_of_16_bits_are_not_rounded(tmp_path: Path):
    codes, scale = RNG.integers(-8, 8, (12, 32)), np.float16(0.0123)
    body = "f = DequantizeLinear(q, s) c = Cast<to = 1>(f) y = MatMul(x, c)"
    path = save(tmp_path, body, (1, 12), {"q": codes.astype(np.int8), "s": scale}, opset=19)
    (layer,) = load(path).graph.layers
    found = find_structure(layer.op.weight)
    assert found is not None and found.exact and found.weight.precision == "int4"
    assert (codes == found.weight.values[0].T).all() and found.weight.scale == pytest.approx([float(scale)])


def test_nodes_out_of_order_are_sorted(tmp_path: Path):
    path = save(tmp_path, "y = Tanh(c) b = Gemm(a, w) c = Relu(b) a = Mul(x, s)", (1, 4), {
        "w": f32(RNG, 4, 5), "s": np.float32(0.5),
    })  # fmt: skip
    loaded, _ = check(path)
    assert [node.op_type for node in loaded.onnx_model.graph.node] == ["Mul", "Gemm", "Relu", "Tanh"]
