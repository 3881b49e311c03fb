"""Quantized and compressed files, as exporters spell them: weights fold exactly, activation quantizers become types."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from gan2hls import passes
from gan2hls.calibrate import FloatModel, probes
from gan2hls.frontend import Loaded, load
from gan2hls.frontend.lookups import LOOKUPS
from gan2hls.ir import Graph
from gan2hls.numerics import IntType, QuantType
from gan2hls.points import Affine, Clip, Curve, Leaky, Sign
from tests.quantized_models import CODE_TYPES, QONNX, Network, run_file

INT8 = IntType(8, signed=True)
F32 = np.float32


def weight_of(net: Network, folder: Path) -> np.ndarray:
    """The dense weight ``[CI, CO]`` that a Gemm of one input row ends up with."""
    (layer,) = load(net.save(folder)).graph.layers
    assert layer.weight is not None
    return layer.weight[0].T


def final(net: Network, folder: Path) -> tuple[Loaded, Graph]:
    loaded = load(net.save(folder))
    return loaded, passes.run(loaded.graph)


def names(graph: Graph) -> list[list[str]]:
    return [[type(point).__name__ for point in layer.points] for layer in graph.layers]


def check_reference(net: Network, folder: Path, graph: Graph, loaded: Loaded, spread: float = 1.0) -> np.ndarray:
    """Hold the float reference to what qonnx or ONNX Runtime computes of the file; returns its output."""
    x = np.random.default_rng(1).normal(0, spread, (5, *net.shape[1:])).astype(F32)
    (port,) = graph.outputs
    made = port.from_stream(FloatModel(loaded.onnx_model, probes(graph)).run({"x": x})[port.name])
    assert made == pytest.approx(run_file(net.save(folder), x), rel=1e-5, abs=1e-6)
    return made


# --- weights


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
    assert layer.weight is not None and np.allclose(layer.weight[0].T, expected, rtol=1e-6, atol=0)
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


@pytest.mark.parametrize("spelling", ["Gather", "GatherND", "blocks"])
def test_ten_million_weights_fold_in_seconds(tmp_path: Path, spelling: str):
    shape = (2560, 4096)
    net = Network((1, 2560), opset=21)
    indices = np.random.default_rng(0).integers(0, 16, shape)
    book = np.linspace(-1, 1, 16, dtype=F32)
    if spelling == "Gather":
        net.gemm(net.node("Gather", net.constant(book), net.constant(indices, np.int64)))
    elif spelling == "GatherND":
        net.gemm(net.node("GatherND", net.constant(book), net.constant(indices[..., None], np.int64)))
    else:
        net.gemm(net.codes_weight(indices, "uint4", np.full((40, 4096), 0.5), axis=0, block_size=64))
    path = net.save(tmp_path)
    begun = time.perf_counter()
    load(path)
    assert time.perf_counter() - begun < 10


# --- activations


def test_a_chain_of_qonnx(tmp_path: Path):
    net = Network((1, 12))
    net.quant(0.05, 8).gemm(net.quant_weight(net.floats(12, 32), 4), net.constant(net.floats(32)))
    net.then("Relu").quant(0.1, 4, signed=0).reshape(1, 8, 2, 2)
    net.up(net.quant_weight(net.floats(8, 3, 4, 4), 3, axis=1)).then("Tanh").quant(1 / 127, 8, narrow=1)
    loaded, graph = final(net, tmp_path)
    assert names(graph) == [["Affine", "Leaky"], ["Curve", "Clip"]]
    float_scale = [float(F32(scale)) for scale in (0.05, 0.1, 1 / 127)]
    assert graph.pinned == {
        "x": QuantType(INT8, float_scale[0]),
        "l0_dense": QuantType(IntType(4, signed=False), float_scale[1]),
        "l1_conv_transpose": QuantType(INT8, float_scale[2]),
    }
    check_reference(net, tmp_path, graph, loaded)


def test_a_chain_of_qcdq_with_a_layout_between(tmp_path: Path):
    net = Network((1, 12))
    net.qdq(0.05, "uint8", zero=120).gemm(net.codes_weight(net.rng.integers(-8, 8, (12, 32)), "int8", 0.1)).then("Relu")
    step, zero = net.constant(0.2537), net.constant(0, np.uint8)
    net.then("QuantizeLinear", step, zero).reshape(1, 8, 2, 2).then("Identity").then("Transpose", perm=[0, 1, 3, 2])
    net.then("DequantizeLinear", step, zero)
    net.up(net.codes_weight(net.rng.integers(-8, 8, (8, 3, 4, 4)), "int8", [0.1, 0.2, 0.3], [0] * 3, axis=1))
    net.qdq(0.537, "int8", clip=(-7, 7))
    loaded, graph = final(net, tmp_path)
    assert names(graph) == [["Leaky"], ["Clip"]]
    assert graph.pinned == {
        "x": QuantType(IntType(8, signed=False), float(F32(0.05)), 120),
        "l0_dense": QuantType(IntType(8, signed=False), float(F32(0.2537))),
        "l1_conv_transpose": QuantType(IntType(4, signed=True), float(F32(0.537))),
    }
    check_reference(net, tmp_path, graph, loaded)


def test_dequantized_by_other_numbers_than_quantized(tmp_path: Path):
    net = Network((1, 12))
    net.gemm(net.constant(net.floats(12, 32))).then("QuantizeLinear", net.constant(0.25), net.constant(3, np.int8))
    net.then("DequantizeLinear", net.constant(0.5), net.constant(-2, np.int8))
    loaded, graph = final(net, tmp_path)
    assert graph.pinned == {"l0_dense": QuantType(INT8, 0.5, -2)}
    out = check_reference(net, tmp_path, graph, loaded)
    ((point,),) = (layer.points for layer in graph.layers)
    assert isinstance(point, Affine) and (point.scale, point.bias) == (2.0, 2.5)
    assert (np.round(out / 0.5) == out / 0.5).all()


def test_initializers_that_are_inputs_too(tmp_path: Path):
    """Brevitas lists every constant among the graph's inputs."""
    net = Network((1, 12)).quant(0.05, 8)
    net.gemm(net.quant_weight(net.floats(12, 32), 4))
    model = net.model()
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    assert load(path).graph.layers


def test_a_domain_without_a_version(tmp_path: Path):
    model = Network((1, 12)).quant(0.05, 8).then("Relu").model()
    del model.opset_import[1]
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert passes.run(load(tmp_path / "m.onnx").graph).pinned


def test_types_of_the_domain_of_onnxruntime(tmp_path: Path):
    """Before opset 21 ONNX Runtime's quantizer writes 16-bit codes in its own domain."""
    net = Network((1, 12), opset=17)
    step, zero = net.constant(0.001), net.constant(7, np.int16)
    net.then("QuantizeLinear", step, zero, domain="com.microsoft").then(
        "DequantizeLinear", step, zero, domain="com.microsoft"
    )
    net.gemm(net.constant(net.floats(12, 8)))
    model = net.model()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    loaded = load(tmp_path / "m.onnx")
    assert passes.run(loaded.graph).pinned == {"x": QuantType(IntType(16, signed=True), float(F32(0.001)), 7)}
    FloatModel(loaded.onnx_model, ()).run({"x": np.zeros((1, 12), F32)})


@pytest.mark.parametrize("mode", ["ROUND", "HALF_EVEN", "half_up", "HALF_DOWN", "FLOOR", "CEIL", "UP", "DOWN"])
def test_rounding_modes(tmp_path: Path, mode: str):
    """The points with which a mode is built round as it says, but for ties and what lies next to a code."""
    net = Network((1, 400)).then("Relu").quant(0.5, 8, signed=0, mode=mode)
    loaded = load(net.save(tmp_path))
    values = np.linspace(-2, 60, 400).astype(F32)[None]
    wanted = run_file(net.save(tmp_path), values)
    made = values.astype(np.float64)
    for layer in loaded.graph.layers:
        for point in layer.points:
            made = point(made)
    away = np.abs(2 * values[0] - np.floor(2 * values[0]) - 0.5) > 1e-3
    near = np.abs(2 * values[0] - np.round(2 * values[0])) < 1e-3
    assert (away & ~near).sum() > 300
    assert (made[0] == wanted[0])[away & ~near].all()
    (reference,) = FloatModel(loaded.onnx_model, probes(loaded.graph)[-1:]).run({"x": values}).values()
    assert (reference.ravel() == wanted.ravel()).all()


@pytest.mark.parametrize("mode", ["FLOOR", "CEIL", "ROUND"])
def test_codes_stay_codes_under_any_rounding(tmp_path: Path, mode: str):
    net = Network((1, 16)).then("Relu").quant(0.5, 4, signed=0, mode=mode)
    made = np.arange(16) * 0.5
    for layer in load(net.save(tmp_path)).graph.layers:
        for point in layer.points:
            made = point(made)
    assert (made == np.arange(16) * 0.5).all()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL"])
def test_trunc(tmp_path: Path, version: int, mode: str):
    net = Network((1, 12), version=version)
    net.gemm(net.quant_weight(net.floats(12, 64), 4)).quant(0.25, 7)
    widths = [4.0] if version == 1 else [2.0, 4.0]
    constants = (net.constant(value) for value in (0.25, 0.0, 7.0, *widths))
    net.then("Trunc", *constants, domain=QONNX, rounding_mode=mode)
    loaded, graph = final(net, tmp_path)
    out = check_reference(net, tmp_path, graph, loaded, spread=4.0)
    quant = graph.pinned[graph.outputs[0].name]
    assert quant.scale == (0.25 if version == 1 else 2.0)
    ahead, engine = graph.layers
    codes = np.arange(-64, 64) * 0.25
    made = codes.copy()
    for point in engine.points:
        made = point(made)
    rounding = {"FLOOR": np.floor, "ROUND": np.round, "CEIL": np.ceil}[mode]
    wanted = np.clip(rounding(np.arange(-64, 64) / 8), quant.int_type.lo, quant.int_type.hi)
    difference = np.abs(quant.quantize(made) - wanted)
    assert difference.max() <= (1 if mode == "ROUND" else 0), "ties may differ"
    assert np.unique(out).size > 4 and graph.pinned[ahead.name].int_type.bits == 7


def test_bipolar_activations(tmp_path: Path):
    net = Network((1, 12)).quant(0.05, 8)
    net.gemm(net.quant_weight(net.floats(12, 64), 4), net.constant(net.floats(64))).then("Tanh")
    net.then("BipolarQuant", net.constant(0.5), domain=QONNX)
    net.gemm(net.quant_weight(net.floats(64, 8), 4), net.constant(net.floats(8))).quant(0.5, 1)
    loaded, graph = final(net, tmp_path)
    assert names(graph) == [["Affine", "Sign"], ["Affine", "Sign"]], "the sign of a Tanh is that of its input"
    two_bits = QuantType(IntType(2, signed=True), 0.5)
    assert {name: graph.pinned[name] for name in ("l0_dense", "l1_dense")} == {
        "l0_dense": two_bits,
        "l1_dense": two_bits,
    }
    assert set(np.unique(check_reference(net, tmp_path, graph, loaded))) == {-0.5, 0.5}


# --- what moves before a quantizer, and what does not


def test_relu_scale_and_equal_quantizers_move_before_a_quantizer(tmp_path: Path):
    net = Network((1, 12))
    net.gemm(net.constant(net.floats(12, 32))).qdq(0.25, "int8", zero=10).then("Relu").qdq(0.25, "uint8")
    net.then("Mul", net.constant(0.5)).then("Add", net.constant(1.0)).qdq(0.125, "uint8", zero=8)
    loaded, graph = final(net, tmp_path)
    assert len(graph.layers) == 1 and graph.pinned["l0_dense"].scale == 0.125
    check_reference(net, tmp_path, graph, loaded)


@pytest.mark.parametrize("op", ["Tanh", "LeakyRelu"])
def test_a_quantizer_in_the_middle_ends_an_engine(tmp_path: Path, op: str):
    net = Network((1, 12))
    net.gemm(net.constant(net.floats(12, 32))).qdq(0.05, "int8").then(op).qdq(0.1, "int8")
    loaded, graph = final(net, tmp_path)
    assert [layer.kind for layer in graph.layers] == ["dense", "pointwise"]
    assert [graph.pinned[layer.name].scale for layer in graph.layers] == [float(F32(0.05)), float(F32(0.1))]
    assert isinstance(graph.layers[1].points[0], Curve if op == "Tanh" else Leaky)
    check_reference(net, tmp_path, graph, loaded)


def test_a_clip_between_two_levels_stays_behind(tmp_path: Path):
    net = Network((1, 12))
    low, high = net.constant(-0.3), net.constant(0.6)
    net.gemm(net.constant(net.floats(12, 32))).qdq(0.25, "int8").then("Clip", low, high)
    loaded, graph = final(net, tmp_path)
    assert names(graph) == [[], ["Clip"]] and isinstance(graph.layers[1].points[0], Clip)
    check_reference(net, tmp_path, graph, loaded)


def test_input_quantizers_fix_the_type_of_the_input(tmp_path: Path):
    scaled = Network((1, 12)).then("Div", scaled_by := "c0")
    scaled.initializers.append(numpy_helper.from_array(np.asarray(4.0, F32), scaled_by))
    scaled.qdq(0.25, "int8", zero=3)
    loaded, graph = final(scaled, tmp_path)
    assert graph.pinned["x"] == QuantType(INT8, 1.0, 3) and graph.pinned["l0_pointwise"] == QuantType(INT8, 0.25, 3)
    check_reference(scaled, tmp_path, graph, loaded)
    floor = Network((1, 12)).quant(0.5, 4, mode="FLOOR")
    _, graph = final(floor, tmp_path)
    assert graph.pinned["x"] == QuantType(IntType(16, signed=True), 0.5 / 2**10, -(2**9))


def test_help_does_not_import_qonnx():
    code = "import sys, gan2hls.cli; sys.exit(any(name.split('.')[0] == 'qonnx' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sign_of_a_falling_line():
    """Where a channel falls, 0 itself still counts as positive."""
    from gan2hls.points import split

    chain = split((Affine(np.array([2.0, -2.0, 0.0]), np.array([1.0, 1.0, -1.0])), Sign(0.5)), 3)
    x = np.array([[-0.6, 0.4, 0.0], [-0.5, 0.5, 9.0], [0.0, 0.6, -9.0]])
    assert not chain.rest and not chain.curve
    assert chain.piecewise(x).tolist() == [[-0.5, 0.5, -0.5], [0.5, 0.5, -0.5], [0.5, -0.5, -0.5]]
