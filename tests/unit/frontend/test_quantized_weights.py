"""Quantized and compressed weights, as exporters spell them, fold exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from gan2hls import passes
from gan2hls.frontend import load
from gan2hls.frontend.lookups import LOOKUPS
from gan2hls.model.points import Affine
from gan2hls.report.inspect import inspect_model
from tests.quantized_models import CODE_TYPES, QONNX, Network

F32 = np.float32


def weight_of(net: Network, folder: Path) -> np.ndarray:
    """The dense weight ``[CI, CO]`` that a Gemm of one input row ends up with."""
    (layer,) = load(net.save(folder)).graph.layers
    assert layer.op.kind != "pointwise"
    return layer.op.weight[0].T


@pytest.mark.parametrize("dtype", list(CODE_TYPES))
@pytest.mark.parametrize("grain", ["tensor", "channel", "rows", "blocks"])
def test_dequantized_weights(tmp_path: Path, dtype: str, grain: str):
    rng = np.random.default_rng(3)
    net = Network((1, 8), opset=25)
    lo, hi = {"int2": (-2, 1), "uint2": (0, 3), "int4": (-8, 7), "uint4": (0, 15)}.get(dtype, (0, 100))
    codes = rng.integers(lo, hi + 1, (8, 6))
    shape, attributes = {
        "tensor": ((), {}), "channel": ((6,), {"axis": 1}), "rows": ((8,), {"axis": -2}),
        "blocks": ((3, 6), {"axis": 0, "block_size": 3}),
    }[grain]  # fmt: skip
    scale = rng.uniform(0.01, 0.02, shape).astype(F32)
    zero = rng.integers(lo, hi + 1, shape)
    full = {
        "tensor": lambda v: v, "channel": lambda v: v, "rows": lambda v: v[:, None],
        "blocks": lambda v: np.repeat(v, 3, 0)[:8],
    }[grain]  # fmt: skip
    net.gemm(net.codes_weight(codes, dtype, scale, zero, **attributes))
    assert (weight_of(net, tmp_path) == (codes - full(zero)).astype(F32) * full(scale)).all()


def test_weights_that_are_quantized_in_the_file(tmp_path: Path):
    """TensorRT's export: float weights, then QuantizeLinear and DequantizeLinear on them, ties to even."""
    net = Network((1, 3), opset=13)
    float_weight = np.array([[0.5, 1.5, 2.5, -0.5], [100.0, -100.0, 0.26, 0.24], [3.0, -2.5, -1.5, 9.0]], F32)
    scale = np.array([1.0, 1.0, 0.5, 0.125], F32)
    step, zero = net.constant(scale), net.constant(np.zeros(4), np.int8)
    codes = net.node("QuantizeLinear", net.constant(float_weight), step, zero, axis=1)
    net.gemm(net.node("DequantizeLinear", codes, step, zero, axis=1))
    wanted = [[0.0, 2.0, 2.5, -0.5], [100.0, -100.0, 0.5, 0.25], [3.0, -2.0, -1.5, 9.0]]
    assert (weight_of(net, tmp_path) == np.array(wanted)).all()


def test_int32_bias_and_clipped_codes(tmp_path: Path):
    """What brevitas exports: 4-bit weights as INT8 and Clip, the bias as INT32."""
    net = Network((1, 3))
    codes = net.constant([[-7, 7, -8], [1, 2, 3], [9, 5, 0]], np.int8)
    clipped = net.node("Clip", codes, net.constant(-7, np.int8), net.constant(7, np.int8))
    weight = net.node(
        "DequantizeLinear", clipped, net.constant([0.1, 0.2, 0.3]), net.constant([0] * 3, np.int8), axis=1
    )
    bias = net.node("DequantizeLinear", net.constant([100000, -5, 0], np.int32), net.constant([0.25] * 3), axis=0)
    net.gemm(weight, bias)
    (layer,) = load(net.save(tmp_path)).graph.layers
    expected = np.array([[-7, 7, -7], [1, 2, 3], [7, 5, 0]]) * np.array([0.1, 0.2, 0.3], F32).astype(float)
    assert layer.op.kind != "pointwise" and np.allclose(layer.op.weight[0].T, expected, rtol=1e-6, atol=0)
    (point,) = layer.points
    assert isinstance(point, Affine) and point.bias.tolist() == [25000.0, -1.25, 0.0]


BOOK = np.array([-0.7, -0.1, 0.2, 1.3], F32)
INDICES = np.random.default_rng(5).integers(0, 4, (6, 8))
BOOKS = np.random.default_rng(6).normal(size=(8, 4)).astype(F32)  # one per output channel
SIGNS = np.random.default_rng(7).choice([-1.0, 1.0], (6, 8)).astype(F32)


def _plain(net: Network) -> str:
    return net.node("Gather", net.constant(BOOK), net.constant(INDICES, np.int64))


def _cast(net: Network) -> str:
    indices = net.node("Cast", net.constant(INDICES, np.uint8), to=onnx.TensorProto.INT32)
    made = net.node("Gather", net.constant(BOOK.astype(np.float16)), indices)
    return net.node("Cast", made, to=onnx.TensorProto.FLOAT)


def _four_bits(net: Network) -> str:
    return net.node(
        "Gather",
        net.constant(BOOK),
        net.node("Cast", net.constant(INDICES, CODE_TYPES["uint4"]), to=onnx.TensorProto.INT64),
    )


def _flat(net: Network) -> str:
    made = net.node("Gather", net.constant(BOOK), net.constant(INDICES.ravel(), np.int32))
    return net.node("Reshape", made, net.constant([6, 8], np.int64))


def _turned(net: Network) -> str:
    made = net.node("Gather", net.constant(BOOK[:, None]), net.constant(INDICES.T - 4, np.int64), axis=0)
    return net.node("Transpose", net.node("Squeeze", made, net.constant([2], np.int64)), perm=[1, 0])


def _signed(net: Network) -> str:
    return net.node("Mul", net.node("Gather", net.constant(BOOK), net.constant(INDICES, np.int64)), net.constant(SIGNS))


def _one_hot(net: Network) -> str:
    depth, values = net.constant([4], np.int64), net.constant([0, 1])
    return net.node(
        "Squeeze",
        net.node(
            "MatMul", net.node("OneHot", net.constant(INDICES, np.int64), depth, values), net.constant(BOOK[:, None])
        ),
        net.constant([2], np.int64),
    )


def _per_channel(net: Network) -> str:
    made = net.node("GatherElements", net.constant(BOOKS), net.constant(INDICES.T, np.int64), axis=1)
    return net.node("Transpose", made, perm=[1, 0])


def _per_channel_nd(net: Network) -> str:
    made = net.node("GatherND", net.constant(BOOKS), net.constant(INDICES.T[..., None], np.int64), batch_dims=1)
    return net.node("Transpose", made, perm=[1, 0])


def _offsets(net: Network) -> str:
    return net.node("Gather", net.constant(BOOKS.ravel()), net.constant(INDICES + 4 * np.arange(8), np.int64))


_OWN = np.take_along_axis(BOOKS, INDICES.T, axis=1).T
SPELLINGS: list[tuple[Callable[[Network], str], np.ndarray]] = [
    (_plain, BOOK[INDICES]), (_cast, BOOK.astype(np.float16)[INDICES]), (_four_bits, BOOK[INDICES]),
    (_flat, BOOK[INDICES]), (_turned, BOOK[INDICES]), (_signed, BOOK[INDICES] * SIGNS),
    (_one_hot, BOOK[INDICES]),
    (_per_channel, _OWN), (_per_channel_nd, _OWN), (_offsets, _OWN),
]  # fmt: skip


@pytest.mark.parametrize(("spell", "expected"), SPELLINGS, ids=[spell.__name__ for spell, _ in SPELLINGS])
def test_codebooks(tmp_path: Path, spell: Callable[[Network], str], expected: np.ndarray):
    net = Network((1, 6), opset=21)
    net.gemm(spell(net))
    assert (weight_of(net, tmp_path) == expected).all()


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("place", ["initializer", "constant", "scatter"])
def test_sparse_weights(tmp_path: Path, linear: bool, place: str):
    net = Network((1, 5), opset=17)
    dense = np.where(np.random.default_rng(2).random((5, 7)) < 0.3, 1.25, 0.0).astype(F32)
    at = np.flatnonzero(dense) if linear else np.argwhere(dense)
    values = numpy_helper.from_array(dense[dense != 0], "w")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(at.astype(np.int64), "w_at"), [5, 7])
    if place == "initializer":
        net.sparse.append(sparse)
        weight = "w"
    elif place == "constant":
        weight = net.node("Constant", sparse_value=sparse)
    else:
        zeros, ones = net.constant(np.zeros((5, 7))), net.constant(dense[dense != 0])
        weight = net.node("ScatterND", zeros, net.constant(np.argwhere(dense), np.int64), ones)
    net.gemm(weight)
    assert (weight_of(net, tmp_path) == dense).all()


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("axis", [None, 1])
@pytest.mark.parametrize("op", ["Quant", "IntQuant", "BipolarQuant"])
@pytest.mark.parametrize("domain", [QONNX, "onnx.brevitas", "finn.custom_op.general"])
def test_qonnx_weights(tmp_path: Path, bits: int, axis: int | None, op: str, domain: str):
    net = Network((1, 6))
    net.domain = domain
    value = net.floats(6, 8)
    net.gemm(net.quant_weight(value, bits, axis=axis, op=op))
    peak = np.abs(value).max() if axis is None else np.abs(value).max(axis=0)
    scale = (peak / F32(max(1, 2 ** (bits - 1) - 1))).astype(F32)
    codes = np.where(value >= 0, 1.0, -1.0) if op == "BipolarQuant" else np.rint(value / scale)
    assert np.allclose(weight_of(net, tmp_path), codes.astype(F32) * scale, rtol=1e-6, atol=0)


def test_look_ups_equal_the_evaluator_of_onnx():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(4, 5, 6)).astype(F32)
    cases = [
        ("Gather", (data, rng.integers(-5, 5, (2, 3))), {"axis": 1}),
        ("GatherElements", (data, rng.integers(-6, 6, (4, 5, 2))), {"axis": 2}),
        ("GatherElements", (data, rng.integers(-4, 4, (7, 5, 6))), {"axis": 0}),
        ("GatherND", (data, rng.integers(0, 4, (3, 2, 2))), {}),
        ("GatherND", (data, rng.integers(-5, 5, (4, 3, 1))), {"batch_dims": 1}),
        ("GatherND", (data, rng.integers(-5, 5, (4, 2))), {"batch_dims": 1}),
        ("ScatterND", (data, np.array([[0], [3]]), np.zeros((2, 5, 6), F32)), {}),
        ("ScatterElements", (data, np.tile(np.arange(2), (4, 5, 1)), np.ones((4, 5, 2), F32)), {"axis": 2}),
        ("OneHot", (rng.integers(-6, 6, (3, 4)), np.array(5), np.array([0, 1], F32)), {}),
        ("OneHot", (rng.integers(0, 6, (3, 4)), np.array(6), np.array([1, 3], F32)), {"axis": 1}),
    ]  # fmt: skip
    for op, inputs, attributes in cases:
        named = {f"i{n}": value for n, value in enumerate(inputs)}
        node = helper.make_node(op, list(named), ["y"], **attributes)
        infos = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
            for n, v in named.items()
        ]
        graph = helper.make_graph([node], "g", infos, [helper.make_empty_tensor_value_info("y")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        (expected,) = ReferenceEvaluator(model).run(None, named)
        made = LOOKUPS[op](*inputs, **attributes)
        assert made is not None and made.shape == expected.shape and (made == expected).all(), (op, attributes)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bits"), [("int4", 4), ("uint4", 4), ("int8", 8)])
@pytest.mark.parametrize("op", ["MatMul", "Gemm", "ConvTranspose", "Conv"])
def test_blocks_of_input_channels_stay_codes(tmp_path: Path, op: str, dtype: str, bits: int):
    """Blocked DequantizeLinear along the input channels, a zero point per block: in few bits, rounded to 16 bits."""
    rng = np.random.default_rng(5)
    axis, shape, data = {
        "MatMul": (0, (96, 40), (1, 96)),
        "Gemm": (1, (40, 96), (1, 96)),
        "ConvTranspose": (0, (96, 10, 4, 4), (1, 96, 2, 2)),
        "Conv": (1, (10, 96, 3, 3), (1, 96, 4, 4)),
    }[op]
    net = Network(data, opset=21)
    blocks = tuple(size // 32 if n == axis else size for n, size in enumerate(shape))
    lo = 0 if dtype == "uint4" else -(1 << (bits - 1))
    scale, zero = rng.uniform(0.01, 0.05, blocks).astype(F32), rng.integers(lo + 4, lo + 12, blocks)
    codes = rng.integers(lo, lo + (1 << bits), shape)
    attributes = {"Gemm": {"transB": 1}}.get(op, {})
    net.then(op, net.codes_weight(codes, dtype, scale, zero, axis=axis, block_size=32), **attributes)
    path = net.save(tmp_path)
    (layer,) = passes.run(load(path).graph).layers
    assert layer.op.kind != "pointwise" and layer.op.structure is not None
    real = (codes - np.repeat(zero, 32, axis)).astype(F32) * np.repeat(scale, 32, axis)
    assert np.array_equal(np.sort(layer.op.weight, axis=None), np.sort(real.astype(np.float64), axis=None))
    found = layer.op.structure.weight
    assert (found.codec, found.precision) == ("blockscale", f"int{bits}/32")
    golden = found.values * found.scale[:, None]
    top = np.abs(codes - np.repeat(zero, 32, axis)).max()
    assert np.abs(golden - layer.op.weight).max() <= top * 2.0**-16 * np.abs(real).max() * 1.1
    (facts,) = inspect_model(path).layers
    assert facts.weights is not None
    assert (facts.weights.codec, facts.weights.precision) == ("blockscale", f"int{bits}/32")


def test_blocks_with_steps_on_a_grid_are_exact(tmp_path: Path):
    rng = np.random.default_rng(5)
    net = Network((1, 96), opset=21)
    scale = (rng.integers(1, 2000, (3, 40)) * F32(2.0**-15)).astype(F32)
    codes = rng.integers(-8, 8, (96, 40))
    net.gemm(net.codes_weight(codes, "int4", scale, axis=0, block_size=32))
    (layer,) = passes.run(load(net.save(tmp_path)).graph).layers
    assert layer.op.structure is not None and layer.op.structure.exact
    found = layer.op.structure.weight
    assert found.precision == "int4/32" and (found.values * found.scale[:, None] == layer.op.weight).all()


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("op", ["Quant", "BipolarQuant", "DequantizeLinear", "QuantizeLinear"])
def test_scales_of_either_sign(tmp_path: Path, op: str, sign: float):
    """A negative scale turns the codes around, and with them the end of the range that has one code more."""
    net = Network((1, 3), opset=13)
    scale = (sign * np.array([0.5, 0.25, 1.0, 2.0])).astype(F32)
    weight = np.array([[-4.0, 2.0, 9.0, 0.0], [4.0, -2.0, -9.0, 1.0], [1.0, 0.25, 8.0, -4.0]], F32)
    if op == "Quant":
        inputs = (net.constant(weight), net.constant(scale), net.constant(0.0), net.constant(4.0))
        made = net.node(op, *inputs, domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND")
        wanted = np.clip(np.rint(weight / scale), -8, 7) * scale
    elif op == "BipolarQuant":
        made = net.node(op, net.constant(weight), net.constant(scale), domain=QONNX)
        wanted = np.where(weight >= 0, scale, -scale)
    elif op == "DequantizeLinear":
        made = net.codes_weight(weight, "int8", scale, axis=1)
        wanted = weight.astype(np.int8) * scale
    else:
        step, zero = net.constant(scale), net.constant(np.full(4, 3), np.int8)
        made = net.node(op, net.constant(weight), step, zero, axis=1)
        made = net.node("DequantizeLinear", made, step, zero, axis=1)
        wanted = np.rint(weight / scale) * scale
    net.gemm(made)
    assert (weight_of(net, tmp_path) == wanted).all()
