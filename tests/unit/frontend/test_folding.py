"""Constant sub-graphs, shapes computed from shapes, and what is dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from gan2hls.frontend import load
from gan2hls.frontend.naming import RESERVED, identifier
from gan2hls.model.ir import IDENTIFIER
from tests.float_evaluator import check
from tests.onnx_models import f32, make_model, save

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


#: Learned constants with a map behind them, of which onnx's reference evaluator makes something else than ONNX Runtime.
OF_CONSTANTS = {
    "a transposed convolution of groups with a bias": (
        "c = ConvTranspose<group = 4, strides = [2, 2], pads = [1, 1, 1, 1]>(learned, taps, bias)",
        17,
    ),
    "a transposed convolution of groups that is an inverse wavelet": (
        "c = ConvTranspose<group = 2, strides = [2, 2]>(learned, halves)",
        17,
    ),
    "a transposed convolution whose size is given": (
        "c = ConvTranspose<strides = [2, 2], output_shape = [7, 9], group = 4>(learned, taps)",
        17,
    ),
    "a softmax over all axes from one on": ("c = Softmax<axis = 1>(learned)", 11),
    "a pool with another row in front": ('c = MaxPool<kernel_shape = [2, 2], auto_pad = "SAME_LOWER">(learned)', 17),
    "an interpolation of an old operator set": ('c = Upsample<mode = "linear">(learned, twice)', 9),
    "an interpolation between corners": (
        'c = Resize<mode = "linear", coordinate_transformation_mode = "align_corners">(learned, roi, scales)',
        11,
    ),
}


@pytest.mark.parametrize(("made", "opset"), OF_CONSTANTS.values(), ids=OF_CONSTANTS)
def test_constants_are_what_onnx_runtime_makes_of_them(tmp_path: Path, made: str, opset: int):
    """The size of the map is that of what ONNX Runtime makes, and so are the values that are added to it."""
    constants = {
        "learned": f32(RNG, 1, 4, 3, 4),
        "taps": f32(RNG, 4, 1, 4, 4),
        "halves": f32(RNG, 4, 2, 2, 2),
        "bias": f32(RNG, 4),
        "twice": np.array([1, 1, 2, 2], np.float32),
        "scales": np.array([1, 1, 1.5, 1.75], np.float32),
        "roi": np.zeros(0, np.float32),
    }
    names = [name for name in constants if f"{name}," in made or f"{name})" in made]
    alone = make_model(f"{made} y = Add(c, x)", (1, 1, 1, 1), {n: constants[n] for n in names}, opset=opset)
    session = onnxruntime.InferenceSession(alone.SerializeToString(), providers=["CPUExecutionProvider"])
    (value,) = session.run(None, {"x": np.zeros((1, 1, 1, 1), np.float32)})
    path = save(tmp_path, f"{made} y = Add(c, x)", value.shape, {n: constants[n] for n in names}, opset=opset)
    _, final = check(path)
    assert len(final.layers) == 1


def test_what_onnx_runtime_does_not_compute_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Of the greater of two integers of 16 bits it has no kernel."""
    constants = {"small": np.array([[1, 2, 3, 4]], np.int16), "twos": np.array([[2, 2, 2, 2]], np.int16)}
    body = "m = Max(small, twos) f = Cast<to = 1>(m) y = Add(x, f)"
    with caplog.at_level("WARNING"):
        load(save(tmp_path, body, (1, 4), constants, opset=18))
    assert "reference evaluator" in caplog.text
