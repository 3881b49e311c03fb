"""Activation quantizers, as exporters spell them, become types of tensors and points of layers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from gan2hls import passes
from gan2hls.frontend import Loaded, load
from gan2hls.model.ir import Graph
from gan2hls.model.points import Affine, Clip, Curve, Leaky, Sign
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.quantize.float_runs import FloatModel, probes
from tests.quantized_models import CODE_TYPES, QONNX, Network, run_file

INT8 = IntType(8, signed=True)
F32 = np.float32


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


def test_a_chain_of_qonnx(tmp_path: Path):
    net = Network((1, 12))
    net.quant(0.05, 8).gemm(net.quant_weight(net.floats(12, 32), 4), net.constant(net.floats(32)))
    net.then("Relu").quant(0.1, 4, signed=0).reshape(1, 8, 2, 2)
    net.up(net.quant_weight(net.floats(8, 3, 4, 4), 3, axis=1)).then("Tanh").quant(1 / 127, 8, narrow=1)
    loaded, graph = final(net, tmp_path)
    assert names(graph) == [["Affine", "Leaky"], ["Curve", "Clip"]]
    float_scale = [float(F32(scale)) for scale in (0.05, 0.1, 1 / 127)]
    assert graph.pinned == {
        "x": QuantType(INT8, float_scale[0], ties="even"),
        "l0_dense": QuantType(IntType(4, signed=False), float_scale[1], ties="even"),
        "l1_conv_transpose": QuantType(INT8, float_scale[2], ties="even"),
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
        "x": QuantType(IntType(8, signed=False), float(F32(0.05)), 120, "even"),
        "l0_dense": QuantType(IntType(8, signed=False), float(F32(0.2537)), ties="even"),
        "l1_conv_transpose": QuantType(IntType(4, signed=True), float(F32(0.537)), ties="even"),
    }
    check_reference(net, tmp_path, graph, loaded)


@pytest.mark.parametrize("to", ["uint8", "int16"])
def test_codes_that_are_cast(tmp_path: Path, to: str):
    """PyTorch's FX models cast codes to the type that they have."""
    net = Network((1, 12), opset=21)
    net.then("QuantizeLinear", net.constant(0.25), net.constant(3, np.uint8))
    net.then("Cast", to=helper.np_dtype_to_tensor_dtype(np.dtype(to)))
    net.then("DequantizeLinear", net.constant(0.25), net.constant(3, CODE_TYPES[to])).gemm(
        net.constant(net.floats(12, 8))
    )
    loaded, graph = final(net, tmp_path)
    assert graph.pinned == {"x": QuantType(IntType(8, signed=False), 0.25, 3, "odd")}
    check_reference(net, tmp_path, graph, loaded)


def test_dequantized_by_other_numbers_than_quantized(tmp_path: Path):
    net = Network((1, 12))
    net.gemm(net.constant(net.floats(12, 32))).then("QuantizeLinear", net.constant(0.25), net.constant(3, np.int8))
    net.then("DequantizeLinear", net.constant(0.5), net.constant(-2, np.int8))
    loaded, graph = final(net, tmp_path)
    assert graph.pinned == {"l0_dense": QuantType(INT8, 0.5, -2, "odd")}
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
    assert passes.run(loaded.graph).pinned == {"x": QuantType(IntType(16, signed=True), float(F32(0.001)), 7, "odd")}
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
    assert (quant.quantize(made) == wanted).all()
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


@pytest.mark.parametrize("bias", [0.0, 0.75, 1.0])
def test_a_scale_behind_a_quantizer_leaves_its_ties(tmp_path: Path, bias: float):
    net = Network((1, 12))
    net.gemm(net.constant(net.floats(12, 32))).qdq(0.5, "int8", zero=3)
    net.then("Mul", net.constant(0.5)).then("Add", net.constant(bias))
    _, graph = final(net, tmp_path)
    assert graph.pinned == {"l0_dense": QuantType(INT8, 0.25, 3 - round(bias / 0.25), "odd")}


@pytest.mark.parametrize("op", ["Tanh", "LeakyRelu"])
def test_a_quantizer_in_the_middle_ends_an_engine(tmp_path: Path, op: str):
    net = Network((1, 12))
    net.gemm(net.constant(net.floats(12, 32))).qdq(0.05, "int8").then(op).qdq(0.1, "int8")
    loaded, graph = final(net, tmp_path)
    assert [layer.op.kind for layer in graph.layers] == ["dense", "pointwise"]
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
    assert graph.pinned["x"] == QuantType(INT8, 1.0, 3, "odd")
    assert graph.pinned["l0_pointwise"] == QuantType(INT8, 0.25, 3, "odd")
    check_reference(scaled, tmp_path, graph, loaded)
    floor = Network((1, 12)).quant(0.5, 4, mode="FLOOR")
    _, graph = final(floor, tmp_path)
    assert graph.pinned["x"] == QuantType(IntType(16, signed=True), 0.5 / 2**10, -(2**9))


@pytest.mark.slow
def test_help_does_not_import_qonnx():
    code = "import sys, gan2hls.cli; sys.exit(any(name.split('.')[0] == 'qonnx' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sign_of_a_falling_line():
    """Where a channel falls, 0 itself still counts as positive."""
    from gan2hls.model.points import split

    chain = split((Affine(np.array([2.0, -2.0, 0.0]), np.array([1.0, 1.0, -1.0])), Sign(0.5)), 3)
    x = np.array([[-0.6, 0.4, 0.0], [-0.5, 0.5, 9.0], [0.0, 0.6, -9.0]])
    assert not chain.rest and not chain.curve
    assert chain.piecewise(x).tolist() == [[-0.5, 0.5, -0.5], [0.5, 0.5, -0.5], [0.5, -0.5, -0.5]]
