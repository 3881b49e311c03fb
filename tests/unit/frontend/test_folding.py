"""Constant sub-graphs, shapes computed from shapes, and what is dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from gan2hls.frontend import load
from gan2hls.frontend.naming import RESERVED, identifier
from gan2hls.model.ir import IDENTIFIER
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(5)


def test_shape_arithmetic_with_a_dynamic_batch_folds(tmp_path: Path):
    body = """
        s = Shape(x) i = Constant<value_int = 0>() b = Gather(s, i) z = Constant<value_ints = [0]>()
        u = Unsqueeze(b, z) rest = Constant<value_ints = [3, 2, 2]>() n = Concat<axis = 0>(u, rest)
        h = Gemm(x, w) r = Reshape(h, n) y = ConvTranspose(r, k)
    """
    path = save(tmp_path, body, ("batch", 5), {"w": f32(RNG, 5, 12), "k": f32(RNG, 3, 1, 2, 2)})
    loaded, _ = check(path)
    assert [node.op_type for node in loaded.onnx_model.graph.node] == ["Gemm", "Reshape", "ConvTranspose"]
    assert loaded.graph.inputs[0].onnx_shape == (1, 5)
    assert loaded.params == 60 + 12


def test_size_and_weights_computed_from_constants(tmp_path: Path):
    body = """
        n = Size(x) m = Cast<to = 1>(n) g = Sqrt(v) f = Div(w, g) t = Transpose<perm = [1, 0]>(f) h = Gemm(x, t)
        y = Div(h, m)
    """
    loaded, final = check(save(tmp_path, body, (1, 6), {"w": f32(RNG, 4, 6), "v": np.full(6, 2.0, np.float32)}))
    assert [node.op_type for node in loaded.onnx_model.graph.node] == ["Gemm", "Div"]
    assert len(final.layers) == 1


def test_half_precision_weights_are_cast(tmp_path: Path):
    weights = {"w": f32(RNG, 6, 4).astype(np.float16)}
    check(save(tmp_path, "f = Cast<to = 1>(w) y = MatMul(x, f)", (1, 6), weights))


def test_unused_nodes_and_initializers_are_dropped(tmp_path: Path):
    body = "dead = Erf(x) y = MatMul(x, w)"
    unused = np.full((100, 100), np.nan, np.float32)
    loaded, _ = check(save(tmp_path, body, (1, 6), {"w": f32(RNG, 6, 4), "unused": unused}))
    assert [i.name for i in loaded.onnx_model.graph.initializer] == ["w"] and loaded.params == 24


def test_initializers_that_are_also_listed_as_inputs(tmp_path: Path):
    path = save(tmp_path, "y = MatMul(x, w)", (1, 6), {"w": f32(RNG, 6, 4)}, opset=9)
    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, (6, 4)))
    onnx.save(model, path)
    check(path)


def test_model_local_functions_are_inlined(tmp_path: Path):
    text = """
        <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[1, 4] x) => (float[1, 4] y) { y = local.half(x) }
        <domain: "local", opset_import: ["" : 17]>
        half (a) => (b) { c = Constant<value_float = 0.5>() m = Mul(a, c) b = Tanh(m) }
    """
    path = tmp_path / "function.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    _, final = check(path)
    assert [layer.op.kind for layer in final.layers] == ["pointwise"]


def test_input_shape_fixes_dynamic_sizes(tmp_path: Path):
    path = save(tmp_path, "y = Conv(x, w)", ("n", 2, "h", "w"), {"w": f32(RNG, 1, 2, 3, 3)})
    _, final = check(path, input_shapes={"x": (1, 2, 5, 6)})
    assert final.outputs[0].onnx_shape == (1, 1, 3, 4)
    assert check(save(tmp_path, "y = MatMul(x, w)", None, {"w": f32(RNG, 3, 2)}), input_shapes={"x": (1, 3)})


def test_external_data_beside_the_model(tmp_path: Path):
    path = save(tmp_path, "y = MatMul(x, w)", (1, 600), {"w": f32(RNG, 600, 4)})
    before = load(path)
    (tmp_path / "ext").mkdir()
    moved = tmp_path / "ext" / "moved.onnx"
    onnx.save(onnx.load(path), moved, save_as_external_data=True, location="weights.bin", size_threshold=0)
    after, _ = check(moved)
    assert np.array_equal(before.graph.layers[0].op.weight, after.graph.layers[0].op.weight)
    digest = after.sha256
    data = bytearray((tmp_path / "ext" / "weights.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "ext" / "weights.bin").write_bytes(data)
    assert load(moved).sha256 != digest


@pytest.mark.parametrize(
    "text", ['../../x"; DROP', "", "9lives", "module", "l0_conv", "Ünïcode", "a" * 300, "clk_i", "__"]
)
def test_identifiers_from_untrusted_names(text: str):
    made = identifier(text, "model")
    assert IDENTIFIER.match(made) and made not in RESERVED


def test_hostile_names_stay_in_source_and_onnx_name(tmp_path: Path):
    path = save(tmp_path, "a = MatMul(x, w) y = Relu(a)", (1, 6), {"w": f32(RNG, 6, 4)})
    model = onnx.load(path)
    hostile = '../../x"; DROP'
    model.graph.node[0].name = model.graph.node[0].output[0] = model.graph.node[1].input[0] = hostile
    onnx.save(model, path)
    loaded, final = check(path)
    assert hostile in final.layers[0].source and loaded.graph.layers[0].probe.onnx_name == hostile
    assert final.layers[0].name == "l0_dense"
