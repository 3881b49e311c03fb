"""Tensors of several readers, and layers that join several tensors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gan2hls.model import Graph
from tests.float_evaluator import check
from tests.onnx_models import f32, make_model, save

RNG = np.random.default_rng(33)
PADS = "pads = [1, 1, 1, 1]"
K: dict[str, np.ndarray] = {
    "first": f32(RNG, 4, 3, 3, 3),
    **{f"w{n}": f32(RNG, 4, 4, 3, 3) / 3 for n in range(6)},
    "bias": f32(RNG, 4),
    "one": f32(RNG, 4, 3, 1, 1),
    "wide": f32(RNG, 12, 4, 3, 3),
    "slope": f32(RNG, 4, 1, 1),
    "reflected": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "small": np.float32(0.2),
    "twice": np.array([1, 1, 2, 2], np.float32),
    "halves": np.array([2, 2]),
    "half": f32(RNG, 4, 2, 3, 3),
    "start": np.array([1, 1]),
    "end": np.array([-1, -1]),
    "axes": np.array([2, 3]),
    "front": np.array([0]),
    "second": np.array([1]),
    "none": np.float32(0),
    "rows": np.arange(6).reshape(6, 1) % 2 == 0,
}


def kinds(graph: Graph) -> Counter[str]:
    """How many layers of each kind a graph has."""
    return Counter(layer.op.kind for layer in graph.layers)


def built(tmp_path: Path, body: str, shape: tuple[int, ...] = (1, 3, 6, 8)) -> Counter[str]:
    """Hold the model to ONNX Runtime; return the kinds of its layers."""
    return kinds(check(save(tmp_path, body, shape, K))[1])


def with_ports(
    tmp_path: Path,
    body: str,
    inputs: dict[str, tuple[int, ...]],
    outputs: tuple[str, ...],
    constants: dict[str, np.ndarray] | None = None,
    types: dict[str, int] | None = None,
) -> Path:
    """Write a model of several inputs or outputs."""
    model = make_model(body, (1, 1), constants or K)
    del model.graph.input[:], model.graph.output[:]
    elems = dict.fromkeys(inputs, TensorProto.FLOAT) | (types or {})
    model.graph.input.extend(helper.make_tensor_value_info(n, elems[n], s) for n, s in inputs.items())
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs)
    path = tmp_path / "ports.onnx"
    onnx.save(model, path)
    return path


# --- residual networks


def block(source: str, n: int, tail: str = "") -> str:
    """A residual block with reflected pads, in NCHW, that makes ``s{n}``."""
    return f"""
        p{n} = Pad<mode = "reflect">({source}, reflected) c{n} = Conv(p{n}, w{2 * n}, bias) r{n} = Relu(c{n})
        q{n} = Pad<mode = "reflect">(r{n}, reflected) d{n} = Conv(q{n}, w{2 * n + 1}) s{n} = Add({source}, d{n}) {tail}
    """


def test_residual_blocks_need_no_copies(tmp_path: Path) -> None:
    body = f"h = Conv<{PADS}>(x, first) s = Relu(h) {block('s', 0)} {block('s0', 1)} y = Conv<{PADS}>(s1, wide)"
    assert built(tmp_path, body) == {"conv": 6, "add": 2}


def test_residual_blocks_with_a_function_behind_the_sum(tmp_path: Path) -> None:
    body = f"s = Conv<{PADS}>(x, first) {block('s', 0, 't = PRelu(s0, slope)')} y = Conv<{PADS}>(t, wide)"
    assert built(tmp_path, body) == {"conv": 4, "add": 1}


def last_channels(source: str, made: str, conv: str) -> str:
    """A convolution between two Transposes, as exporters write one for a tensor whose channels are last."""
    return f"""
        a_{made} = Transpose<perm = [0, 3, 1, 2]>({source}) b_{made} = {conv.replace("@", f"a_{made}")}
        {made} = Transpose<perm = [0, 2, 3, 1]>(b_{made})
    """


def test_residual_blocks_with_channels_last_need_no_copies(tmp_path: Path) -> None:
    body = f"""
        {last_channels("x", "h", f"Conv<{PADS}>(@, first)")} s = Relu(h)
        p = Pad<mode = "reflect">(s, padded) {last_channels("p", "c", "Conv(@, w0)")} r = Relu(c)
        q = Pad<mode = "reflect">(r, padded) {last_channels("q", "d", "Conv(@, w1)")} u = Add(d, s)
        {last_channels("u", "e", f"Conv<{PADS}>(@, w2)")} v = Add(u, e) {last_channels("v", "y", "Conv(@, wide)")}
    """
    constants = {**K, "padded": np.array([0, 1, 1, 0, 0, 1, 1, 0])}
    _, final = check(save(tmp_path, body, (1, 6, 8, 3), constants))
    assert kinds(final) == {"conv": 5, "add": 2}


def test_a_skip_over_a_pixel_shuffle_needs_no_copy(tmp_path: Path) -> None:
    body = f"""
        h = Conv<{PADS}>(x, deep) up = DepthToSpace<blocksize = 2, mode = "CRD">(h)
        near = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric">(x, , twice)
        skip = Conv<{PADS}>(near, first) y = Add(up, skip)
    """
    _, final = check(save(tmp_path, body, (1, 3, 4, 5), {**K, "deep": f32(RNG, 16, 3, 3, 3)}))
    assert kinds(final) == {"conv": 2, "add": 1}


def test_the_input_is_a_skip(tmp_path: Path) -> None:
    assert built(tmp_path, f"h = Conv<{PADS}>(x, same) y = Add(x, h)".replace("same", "w0"), (1, 4, 5, 6)) == {
        "conv": 1, "add": 1
    }  # fmt: skip
    assert built(tmp_path, f"r = Relu(x) s = Add(h, r) h = Conv<{PADS}>(x, w0) y = Conv(s, w1)", (1, 4, 5, 6)) == {
        "conv": 2, "add": 1, "pointwise": 1
    }  # fmt: skip


def test_dense_layers_follow_the_order_that_is_there(tmp_path: Path) -> None:
    constants = {
        "w": f32(RNG, 6, 48), "v": f32(RNG, 6, 48), "k": f32(RNG, 3, 3, 3, 3), "u": f32(RNG, 48, 5),
        "image": np.array([1, 3, 4, 4]),
    }  # fmt: skip
    body = f"""
        a = Gemm(x, w) b = Gemm(x, v) s = Add(a, b) i = Reshape(s, image) c = Conv<{PADS}>(i, k) t = Sub(c, i)
        f = Flatten(t) y = Gemm(f, u)
    """
    _, final = check(save(tmp_path, body, (1, 6), constants))
    assert kinds(final) == {"dense": 3, "add": 2, "conv": 1}


# --- views of tensors that others read too


def test_a_crop_of_a_tensor_of_several_readers(tmp_path: Path) -> None:
    crop = "c = Slice(h, start, end, axes)"
    assert built(tmp_path, f"h = Conv(x, first) {crop} a = Conv(h, w0) y = Add(a, c)") == {
        "conv": 2, "add": 1, "reorder": 1
    }  # fmt: skip
    assert built(tmp_path, f"h = Conv(x, first) a = Conv(h, w0) {crop} b = Conv<{PADS}>(c, w1) y = Add(a, b)") == {
        "conv": 3, "add": 1
    }  # fmt: skip


def test_what_all_readers_leave_out_is_not_computed(tmp_path: Path) -> None:
    body = f"h = Conv(x, first) c = Slice(h, start, end, axes) r = Relu(c) a = Conv<{PADS}>(r, w0) y = Add(a, r)"
    _, final = check(save(tmp_path, body, (1, 3, 8, 8), K))
    assert kinds(final) == {"conv": 2, "add": 1}
    assert final.layers[0].shape == (4, 4, 4)


def test_halves_of_the_channels_go_different_ways(tmp_path: Path) -> None:
    body = f"h = Conv(x, first) l, r = Split<axis = 1>(h, halves) a = Conv<{PADS}>(l, half) b = Conv<{PADS}>(r, half) "
    assert built(tmp_path, body + "y = Sub(a, b)") == {"conv": 3, "add": 1}
    assert built(tmp_path, "h = Conv(x, first) l, r = Split<axis = 1>(h, halves) y = Add(l, r)") == {
        "conv": 1, "add": 1, "reorder": 2
    }  # fmt: skip


def test_operands_of_different_orders(tmp_path: Path) -> None:
    constants = {**K, "backwards": np.array([3, 2, 1, 0]), "again": f32(RNG, 4, 3, 3, 3)}
    body = "h = Conv(x, first) f = Gather<axis = 1>(h, backwards) g = Conv(x, again) a = Conv(g, w0) s = Add(g, f) "
    _, final = check(save(tmp_path, f"{body} b = Conv(s, w1) y = Add(a, b)", (1, 3, 6, 8), constants))
    assert kinds(final) == {"conv": 4, "add": 2}, "one convolution computes its channels backwards"
    body = "h = Conv(x, first) f = Gather<axis = 1>(h, backwards) y = Add(f, h)"
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), constants))
    assert kinds(final) == {"conv": 1, "add": 1, "reorder": 1}


def test_operands_with_zeros_and_repetitions(tmp_path: Path) -> None:
    one = "h = Conv(x, first) g = Relu(h) a = Conv(g, w0)"
    assert built(tmp_path, f"{one} p = Pad(a, reflected) y = Add(p, g)") == {"conv": 2, "add": 1, "reorder": 1}
    up = 'Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric">'
    both = f"{one} b = Conv(h, w1) r = {up}(a, , twice) s = {up}(b, , twice) t = Add(r, s) y = Conv(t, w2)"
    assert built(tmp_path, both) == {"conv": 4, "add": 1, "pointwise": 1}, "what both repeat is repeated behind"


def test_operands_of_different_shapes(tmp_path: Path) -> None:
    constants = {**K, "row": f32(RNG, 4, 4, 4, 1), "shape": np.array([1, 4, 4, 6])}
    body = "h = Conv(x, first) m = Conv(h, row) y = Add(h, m)"
    for spelled in (body, "h = Conv(x, first) m = Conv(h, row) e = Expand(m, shape) y = Add(h, e)"):
        _, final = check(save(tmp_path, spelled, (1, 3, 6, 8), constants))
        assert kinds(final) == {"conv": 2, "add": 1, "reorder": 1}


@pytest.mark.parametrize(
    ("op", "kind"), [("Add", "add"), ("Sub", "add"), ("Mul", "mul"), ("Max", "extremum"), ("Min", "extremum")]
)
@pytest.mark.parametrize(
    ("small", "spread"),
    [
        ("Conv(h, whole)", "vector"),
        ("Conv(h, plane)", "plane"),
        (f"Conv<{PADS}>(h, w1)", ""),
    ],
)
def test_a_map_meets_a_map_a_vector_and_a_plane(tmp_path: Path, op: str, kind: str, small: str, spread: str) -> None:
    constants = {
        **K, "whole": f32(RNG, 4, 4, 4, 6), "plane": f32(RNG, 1, 4, 1, 1),
    }  # fmt: skip
    for order in ("h, m", "m, h"):
        body = f"h = Conv(x, first) m = {small} p = {op}({order}) y = Relu(p)"
        _, final = check(save(tmp_path, body, (1, 3, 6, 8), constants))
        assert kinds(final) == {"conv": 2, kind: 1}
        assert [layer.op.spread for layer in final.layers if layer.op.kind == kind] == [spread]


def test_what_meets_with_channels_last(tmp_path: Path) -> None:
    body = f"""
        {last_channels("x", "h", f"Conv<{PADS}>(@, first)")} {last_channels("h", "v", "Conv(@, whole)")}
        {last_channels("h", "q", "Conv(@, plane)")} g = Sigmoid(v) m = Mul(h, g) n = Mul(q, m)
        {last_channels("n", "y", f"Conv<{PADS}>(@, w1)")}
    """
    constants = {**K, "whole": f32(RNG, 4, 4, 6, 8), "plane": f32(RNG, 1, 4, 1, 1)}
    _, final = check(save(tmp_path, body, (1, 6, 8, 3), constants))
    assert kinds(final) == {"conv": 4, "mul": 2}


def test_extremes_of_many(tmp_path: Path) -> None:
    body = f"h = Conv<{PADS}>(x, first) a = Conv<{PADS}>(h, w0) b = Conv<{PADS}>(h, w1) y = Max(a, small, h, b)"
    assert built(tmp_path, body) == {"conv": 3, "extremum": 2}


# --- functions


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("t = Tanh(h) y = Add(h, t)", {"conv": 1}),
        ("t = Tanh(h) s = Add(h, t) c = Conv<PADS>(t, w0) y = Add(s, c)", {"conv": 2, "pointwise": 2, "add": 1}),
        ("s = Sigmoid(h) m = Mul(h, s) c = Conv<PADS>(m, w0) y = Sub(c, s)", {"conv": 2, "pointwise": 2, "add": 1}),
        ("r = Relu(h) a = Conv<PADS>(r, w0) b = Relu(a) s = Add(b, r) y = Tanh(s)", {"conv": 2, "add": 1}),
        ("g = Greater(h, small) a = Where(g, h, small) c = Conv<PADS>(a, w0) d = Cast<to = 1>(g) y = Add(c, d)",
         {"conv": 2, "pointwise": 2, "add": 1}),
        ("a = Conv<PADS>(h, w0) m = Mul(a, small) y = Add(h, m)", {"conv": 2, "add": 1}),
        ("a = Conv<PADS>(h, w0) m = Mul(h, small) y = Add(a, m)", {"conv": 2, "add": 1}),
        ("a = Conv<PADS>(h, w0) n = Neg(h) m = Sub(n, a) y = Relu(m)", {"conv": 2, "add": 1}),
    ],
)  # fmt: skip
def test_functions_between_forks_and_sums(tmp_path: Path, body: str, expected: dict[str, int]) -> None:
    assert built(tmp_path, f"h = Conv<{PADS}>(x, first) " + body.replace("PADS", PADS)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Sum(h, a, h)", {"conv": 2, "add": 2}),
        ("m = Mean(h, a, small, r) y = Relu(m)", {"conv": 2, "add": 2, "pointwise": 1}),
        ("y = Sum(a, r, slope)", {"conv": 2, "add": 1, "pointwise": 1}),
        ("y = Sum(h, r, small)", {"conv": 1}),
    ],
)
def test_sums_of_many(tmp_path: Path, body: str, expected: dict[str, int]) -> None:
    front = f"h = Conv<{PADS}>(x, first) a = Conv<{PADS}>(h, w0) r = Relu(h) "
    assert built(tmp_path, front + body) == expected


@pytest.mark.parametrize("axis", ["front", "second"])
@pytest.mark.parametrize(
    ("reduced", "expected"),
    [
        ("ReduceSum<keepdims = 0>(t, AXIS) y = Identity(v)", {"conv": 2, "pointwise": 1, "add": 2}),
        ("ReduceMean<keepdims = 0>(t, AXIS) y = Relu(v)", {"conv": 2, "pointwise": 1, "add": 2}),
        ("ReduceMax(t, AXIS) y = Squeeze(v, AXIS)", {"conv": 2, "pointwise": 1, "extremum": 2}),
    ],
)
def test_branches_that_are_stacked_and_reduced(
    tmp_path: Path, axis: str, reduced: str, expected: dict[str, int]
) -> None:
    body = f"""
        h = Conv<{PADS}>(x, first) a = Conv<{PADS}>(h, w0) r = Abs(h) us = Unsqueeze(h, AXIS) ut = Unsqueeze(a, AXIS)
        uu = Unsqueeze(r, AXIS) t = Concat<axis = {K[axis][0]}>(us, ut, uu) v = {reduced}
    """
    model = make_model(body.replace("AXIS", axis), (1, 3, 6, 8), K, opset=18)
    onnx.save(model, tmp_path / "stacked.onnx")
    assert kinds(check(tmp_path / "stacked.onnx")[1]) == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("m = Greater(z, small) y = Where(m, a, x)", {"conv": 1, "pointwise": 2, "mul": 2, "add": 1}),
        ("m = Cast<to = 9>(z) y = Where(m, none, a)", {"conv": 1, "pointwise": 1, "mul": 1}),
        ("g = Greater(z, small) m = Not(g) y = Where(m, small, a)", {"conv": 1, "pointwise": 2, "mul": 1, "add": 1}),
        ("s = Sigmoid(z) w = Where(rows, a, s) y = Relu(w)", {"conv": 1, "pointwise": 3, "add": 1}),
    ],
)
def test_a_choice_by_another_tensor(tmp_path: Path, chosen: str, expected: dict[str, int]) -> None:
    body = f"a = Conv<{PADS}>(x, w0) {chosen}"
    path = with_ports(tmp_path, body, {"x": (1, 4, 6, 6), "z": (1, 1, 6, 6)}, ("y",))
    assert kinds(check(path)[1]) == expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("g = Greater(a, b) y = Where(g, a, b)", {"conv": 2, "pointwise": 2, "add": 2, "mul": 2}),
        ("l = LessOrEqual(a, b) f = Cast<to = 1>(l) y = Sub(f, c)", {"conv": 3, "add": 2}),
        (
            "m = ReduceMean<axes = [1]>(a) g = Less(a, m) n = Not(g) z = Where(n, a, none) y = Relu(z)",
            {"conv": 1, "pool": 1, "add": 1, "mul": 1},
        ),
        ("s = Sigmoid(a) g = Greater(s, a) y = Where(g, s, a)", {"conv": 1}),
    ],
)
def test_comparisons_of_two_tensors(tmp_path: Path, comparison: str, expected: dict[str, int]) -> None:
    body = f"a = Conv<{PADS}>(x, w0) b = Conv<{PADS}>(x, w1) c = Conv<{PADS}>(x, w2) {comparison}"
    assert built(tmp_path, body, (1, 4, 6, 6)) == expected


@pytest.mark.parametrize(
    "product",
    [
        "f = Reshape(a, line) q = Reshape(s, column) m = MatMul(f, q) y = Reshape(m, channels)",
        "f = Reshape(a, lines) q = Reshape(s, columns) m = MatMul(f, q) y = Reshape(m, channels)",
        "f = Reshape(a, line) t = Transpose<perm = [0, 2, 1]>(f) q = Reshape(s, row) m = MatMul(q, t) y = Flatten(m)",
        'f = Reshape(a, line) q = Reshape(s, row) m = Einsum<equation = "bin, bcn -> bci">(q, f) y = Flatten(m)',
        'q = Squeeze(s, second) m = Einsum<equation = "bchw, bhw -> bc">(a, q) y = Relu(m)',
    ],
    ids=["a column", "a column of rank 4", "a row", "a row by letters", "a plane by letters"],
)
def test_a_map_weighted_by_one_number_a_pixel_and_summed(tmp_path: Path, product: str) -> None:
    """As global context is, which is attention of one query for the whole image."""
    body = f"a = Conv<{PADS}>(x, first) l = Conv(a, key) s = Sigmoid(l) {product}"
    sizes = {"line": [1, 4, 48], "column": [1, 48, 1], "row": [1, 1, 48], "channels": [1, 4]}
    sizes |= {"lines": [1, 1, 4, 48], "columns": [1, 1, 48, 1]}
    constants = {**K, "key": f32(RNG, 1, 4, 1, 1), **{name: np.array(size) for name, size in sizes.items()}}
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), constants))
    assert kinds(final) == {"conv": 2, "mul": 1, "pool": 1}


@pytest.mark.parametrize(
    "joined",
    [
        "s = Gemm(z, style) g = Unsqueeze(s, second) m = Mul(t, g) y = MatMul(m, last)",
        "s = Gemm(z, style) m = Add(t, s) y = MatMul(m, last)",
        "n = MatMul(t, one) s = Sigmoid(n) m = Mul(s, t) y = MatMul(m, last)",
    ],
    ids=["a vector", "a vector of rank 2", "a column"],
)
def test_rows_of_channels_meet(tmp_path: Path, joined: str) -> None:
    """As pixels of a generator by coordinates, or frames of sound, behind products by matrices."""
    constants = {"front": f32(RNG, 4, 5), "style": f32(RNG, 3, 5), "last": f32(RNG, 5, 2), "one": f32(RNG, 5, 1)}
    body = f"r = MatMul(x, front) t = Tanh(r) {joined}"
    inputs = {"x": (1, 6, 4), **({"z": (1, 3)} if "z" in joined else {})}
    _, final = check(with_ports(tmp_path, body, inputs, ("y",), {**constants, "second": np.array([1])}))
    assert kinds(final)["reorder"] == 0


def test_halves_of_channels_that_stand_last(tmp_path: Path) -> None:
    """A gated linear unit on ``[1, H, W, C]``: pixels stay rows and columns for both of its halves."""
    constants = {"twice": f32(RNG, 4, 8), "bias": f32(RNG, 8)}
    body = f"""h = Conv<{PADS}>(x, first) t = Transpose<perm = [0, 2, 3, 1]>(h) p = MatMul(t, twice) q = Add(p, bias)
        u, v = Split<axis = 3>(q) s = Sigmoid(v) g = Mul(u, s) c = Transpose<perm = [0, 3, 1, 2]>(g)
        y = Conv<{PADS}>(c, w0)"""
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), {**K, **constants}))
    assert kinds(final) == {"conv": 3, "reorder": 2, "mul": 1}


def test_a_gate(tmp_path: Path) -> None:
    body = f"c = Conv<{PADS}>(x, w0) s = Sigmoid(c) y = Mul(x, s)"
    assert built(tmp_path, body, (1, 4, 5, 6)) == {"conv": 1, "mul": 1}


@pytest.mark.parametrize(
    ("quotient", "expected"),
    [
        ("s = Sigmoid(c) y = Div(x, s)", {"conv": 1, "mul": 1}),
        ("s = Sigmoid(c) y = Div(s, x)", {"conv": 1, "pointwise": 1, "mul": 1}),
        ("s = Sigmoid(c) t = Exp(c) y = Div(s, t)", {"conv": 1}),
        ("s = Softplus(c) m = ReduceMean<axes = [2, 3]>(s) y = Div(x, m)", {"conv": 1, "pool": 1, "mul": 1}),
        ("s = Sigmoid(c) t = Div(x, s) u = Div(t, s) y = Relu(u)", {"conv": 1, "mul": 2}),
    ],
)
def test_quotients(tmp_path: Path, quotient: str, expected: dict[str, int]) -> None:
    assert built(tmp_path, f"c = Conv<{PADS}>(x, w0) {quotient}", (1, 4, 5, 6)) == expected
