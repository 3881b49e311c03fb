"""Modulated convolutions, in the ways in which they are exported, against ONNX Runtime on the file's own nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import assert_near, evaluate, run_onnx
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(70)
K = {
    "to_map": f32(RNG, 6, 48),
    "to_plane": f32(RNG, 6, 16),
    "plane_shape": np.array([1, 1, 4, 4]),
    "map_shape": np.array([1, 3, 4, 4]),
    "to_style": f32(RNG, 6, 3),
    "style_shape": np.array([1, 1, 3, 1, 1]),
    "vector_shape": np.array([1, 3, 1, 1]),
    "kernel": f32(RNG, 1, 5, 3, 3, 3),
    "plain_kernel": f32(RNG, 5, 3, 3, 3),
    "turned_kernel": f32(RNG, 3, 5, 3, 3),
    "one_by_one": f32(RNG, 1, 5, 3, 1, 1),
    "depthwise": f32(RNG, 3, 1, 3, 3),
    "matrix": f32(RNG, 1, 3, 7),
    "two": np.float32(2),
    "eps": np.float32(1e-8),
    "axes": np.array([2, 3, 4]),
    "five": np.array([1, 5, 1, 1, 1]),
    "five_map": np.array([1, 5, 1, 1]),
    "weight_shape": np.array([5, 3, 3, 3]),
    "rgb_shape": np.array([5, 3, 1, 1]),
    "turned_shape": np.array([3, 5, 3, 3]),
    "grouped_shape": np.array([3, 1, 3, 3]),
    "depthwise_shape": np.array([3, 1, 1, 1]),
    "bias": f32(RNG, 5),
    "bias_map": f32(RNG, 1, 5, 1, 1),
    "const_map": f32(RNG, 1, 3, 4, 4),
    "rows_shape": np.array([1, 16, 3]),
    "row_style": np.array([1, 3, 1]),
    "sums": np.abs(f32(RNG, 5, 3)),
    "const_rows": f32(RNG, 1, 16, 3),
    "hyper": f32(RNG, 6, 135),
    "one": np.float32(1),
    "blur": f32(RNG, 1, 1, 3, 3),
    "as_frames": np.array([-1, 1, 4, 4]),
    "as_map": np.array([1, 3, 4, 4]),
}
PADS = "pads = [1, 1, 1, 1]"
MAP = "m = Gemm(x, to_map) h = Reshape(m, map_shape) a = Gemm(x, to_style) "
STYLE = "s = Reshape(a, style_shape) w = Mul(kernel, s) "
DEMOD = """p = Pow(w, two) q = ReduceSum<keepdims = 0>(p, axes) e = Add(q, eps) r = Sqrt(e) i = Reciprocal(r)
    d = Reshape(i, five) v = Mul(w, d) """
SPELLINGS = {
    "modulated": MAP + STYLE + f"k = Reshape(w, weight_shape) y = Conv<{PADS}>(h, k)",
    "demodulated": MAP + STYLE + DEMOD + f"k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k)",
    "with a bias": MAP + STYLE + DEMOD + f"k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k, bias)",
    "divided by the root": MAP + STYLE + """p = Mul(w, w) q = ReduceSum<keepdims = 1>(p, axes) e = Add(q, eps)
        r = Sqrt(e) v = Div(w, r)""" + f" k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k)",
    "ReduceSumSquare": MAP + STYLE + """q = ReduceSumSquare<axes = [2, 3, 4]>(w) e = Add(q, eps) r = Sqrt(e)
        v = Div(w, r)""" + f" k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k)",
    "ReduceL2": MAP + STYLE + """r = ReduceL2<axes = [2, 3, 4]>(w) e = Add(r, eps) v = Div(w, e)"""
        + f" k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k)",
    "to colours": MAP + "s = Reshape(a, style_shape) w = Mul(one_by_one, s) k = Reshape(w, rgb_shape) y = Conv(h, k)",
    "upsampled": MAP + STYLE + DEMOD + """t = Transpose<perm = [0, 2, 1, 3, 4]>(v) k = Reshape(t, turned_shape)
        y = ConvTranspose<strides = [2, 2]>(h, k)""",
    "style on the map": MAP + f"""s = Reshape(a, style_shape) w = Mul(kernel, s) {DEMOD.replace("v = Mul(w, d)", "")}
        z = Reshape(a, vector_shape) g = Mul(h, z) c = Conv<{PADS}>(g, plain_kernel) f = Reshape(i, five_map)
        y = Mul(c, f)""",
    "depthwise": MAP + f"""s = Reshape(a, depthwise_shape) w = Mul(depthwise, s)
        y = Conv<{PADS}, group = 3>(h, w)""",
    "of a constant map": "a = Gemm(x, to_style) " + STYLE + f"""k = Reshape(w, weight_shape)
        y = Conv<{PADS}>(const_map, k)""",
    "a style that is normalized": MAP + f"""t = Mul(a, a) j = ReduceMean(t) b = Sqrt(j) n = Div(a, b)
        s = Reshape(n, style_shape) w = Mul(kernel, s) {DEMOD} k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k)""",
    "Einsum": MAP + f"""t = Mul(a, a) q = Einsum<equation = "bi,oi->bo">(t, sums) e = Add(q, eps) r = Sqrt(e)
        z = Reshape(a, vector_shape) g = Mul(h, z) c = Conv<{PADS}>(g, plain_kernel) f = Reshape(r, five_map)
        i = Reciprocal(f) y = Mul(c, i)""",
    "Einsum of weights": MAP + f"""w = Einsum<equation = "oikl,bi->boikl">(plain_kernel, a)
        q = Einsum<equation = "boikl,boikl->bo">(w, w) e = Add(q, eps) r = Sqrt(e) f = Reshape(r, five)
        v = Div(w, f) k = Reshape(v, weight_shape) y = Conv<{PADS}>(h, k)""",
    "a matrix and a constant": MAP + "s = Reshape(a, row_style) w = Mul(matrix, s) y = MatMul(const_rows, w)",
    "a matrix": MAP + """t = Reshape(m, rows_shape) s = Reshape(a, row_style) w = Mul(matrix, s) y = MatMul(t, w)""",
}  # fmt: skip


def check(path: Path) -> None:
    """Check the graph of a model against ONNX Runtime, and the reference of its own nodes."""
    loaded = load(path)
    for _ in range(2):
        inputs = {"x": f32(RNG, 1, 6)}
        (wanted,) = run_onnx(path, inputs)
        (port,) = loaded.graph.outputs
        made = port.from_stream(evaluate(loaded.graph, inputs)[port.name][None])
        assert_near(made, wanted, "output", 1e-4)


@pytest.mark.parametrize("body", SPELLINGS.values(), ids=SPELLINGS)
def test_weights_times_a_style_are_a_map_times_it(tmp_path: Path, body: str) -> None:
    opset = 17 if "axes = [2" in body else 18 if "axes)" in body else 17
    path = save(tmp_path, body.replace("ReduceSum<", "ReduceSum<noop_with_empty_axes = 0, "), (1, 6), K, opset=opset)
    check(path)
    assert kinds(load(path).graph)["mul"] >= 1 or "const_" in body


def test_the_reference_keeps_the_nodes_of_the_file(tmp_path: Path) -> None:
    loaded = load(save(tmp_path, SPELLINGS["demodulated"], (1, 6), K))
    (port,) = loaded.onnx_model.graph.output
    makers = {name: node for node in loaded.onnx_model.graph.node for name in node.output}
    constants = {tensor.name for tensor in loaded.onnx_model.graph.initializer}
    assert makers[port.name].op_type == "Conv" and makers[port.name].input[1] not in constants


def test_weights_of_another_network_are_refused_with_a_way_out(tmp_path: Path) -> None:
    body = MAP + f"w = Gemm(x, hyper) k = Reshape(w, weight_shape) y = Conv<{PADS}>(h, k)"
    with pytest.raises(UnsupportedError, match=r"joins the computed tensors \['h', 'k'\]") as caught:
        load(save(tmp_path, body, (1, 6), K))
    assert "multiply the map in front of it" in caught.value.hint
    check(
        save(tmp_path, MAP + f"z = Reshape(a, vector_shape) g = Mul(h, z) y = Conv<{PADS}>(g, plain_kernel)", (1, 6), K)
    )


@pytest.mark.parametrize(
    "body",
    [
        f"h = Gemm(x, to_map) f = Reshape(h, as_frames) b = Conv<{PADS}>(f, blur) y = Reshape(b, as_map)",
        "h = Gemm(x, to_map) f = Reshape(h, as_frames) b = ConvTranspose<strides = [2, 2]>(f, blur) "
        "y = Flatten<axis = 0>(b)",
        "h = Gemm(x, to_map) f = Reshape(h, as_frames) b = AveragePool<kernel_shape = [2, 2]>(f) "
        "y = Flatten<axis = 0>(b)",
    ],
)
def test_channels_on_the_batch_axis_are_groups(tmp_path: Path, body: str) -> None:
    check(save(tmp_path, body, (1, 6), K))


@pytest.mark.parametrize(
    "body",
    [
        "a = Gemm(x, to_style) z = Reshape(a, vector_shape) y = Mul(const_map, z)",
        "a = Gemm(x, to_style) z = Reshape(a, vector_shape) s = Sub(const_map, z) y = Relu(s)",
        "a = Gemm(x, to_style) z = Reshape(a, vector_shape) b = Gemm(x, to_plane) "
        "p = Reshape(b, plane_shape) y = Mul(z, p)",
        "m = Gemm(x, to_map) h = Reshape(m, map_shape) r = ReduceMax<axes = [2, 3]>(h) "
        "c = ReduceMean<axes = [2, 3]>(h) e = Mul(const_map, r) y = Add(e, c)",
    ],
)  # fmt: skip
def test_operands_that_no_layer_spreads_are_expanded(tmp_path: Path, body: str) -> None:
    check(save(tmp_path, body, (1, 6), K))


def test_channels_of_a_map_with_noise_for_each_pixel_are_parted(tmp_path: Path) -> None:
    values = {"noise": f32(RNG, 1, 1, 40, 40), "k": f32(RNG, 4, 1, 3, 3)}
    body = f"c = Conv<{PADS}>(x, k) n = Add(c, noise) a, b = Split<axis = 1>(n) g = Sigmoid(b) y = Mul(a, g)"
    path = save(tmp_path, body, (1, 1, 40, 40), values, opset=13)
    loaded, inputs = load(path), {"x": f32(RNG, 1, 1, 40, 40)}
    (port,) = loaded.graph.outputs
    made = port.from_stream(evaluate(loaded.graph, inputs)[port.name][None])
    assert_near(made, run_onnx(path, inputs)[0], "output", 1e-4)


def test_what_is_multiplied_by_nothing_falls_away(tmp_path: Path) -> None:
    body = """h = Gemm(x, to_style) s = Softmax(h) n = RandomNormalLike(h) a = Mul(s, no) b = Mul(no, n) c = Add(h, a)
        y = Add(c, b)"""
    check(save(tmp_path, body, (1, 6), {**K, "no": np.zeros(1, np.float32)}))


def test_what_is_multiplied_by_a_view_of_nothing_falls_away(tmp_path: Path) -> None:
    body = """h = Gemm(x, to_style) same = Identity(no) n = RandomNormalLike(h) a = Mul(same, n)
        row = Reshape(same, two) m = RandomNormalLike(h) b = Mul(m, row) c = Add(h, a) y = Add(c, b)"""
    values = {"no": np.zeros(1, np.float32), "two": np.array([1, 1])}
    check(save(tmp_path, body, (1, 6), {**K, **values}))
