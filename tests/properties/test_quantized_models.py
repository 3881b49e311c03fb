"""Quantized models, however they are spelled: the reference is the file's arithmetic, and the codes are the file's."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls import passes
from gan2hls.config.schema import Config, parse_config
from gan2hls.flow.inputs import read_inputs
from gan2hls.frontend import load
from gan2hls.model.golden import Golden
from gan2hls.model.ir import Graph
from gan2hls.quantize.assign import assign_precision
from gan2hls.quantize.float_runs import FloatModel, probes
from gan2hls.quantize.lower import lower, quantize_weights
from gan2hls.quantize.quantize import quantize, quantize_inputs
from tests.quantized_models import Network, run_file
from tests.randomized import run_alone

MODES = ("ROUND", "HALF_EVEN", "FLOOR", "CEIL", "HALF_UP", "HALF_DOWN", "half_up")


@st.composite
def quantizers(draw: st.DrawFn, spelling: str, peak: float) -> dict[str, object]:
    """Draw a quantizer of values up to ``peak``."""
    bits = draw(st.integers(2, 9 if spelling == "qonnx" else 8))
    signed = draw(st.booleans())
    scale = peak * draw(st.floats(0.5, 1.2)) / 2 ** (bits - signed)
    if spelling == "qonnx":
        mode = draw(st.sampled_from(MODES))
        zero = draw(st.sampled_from([0, 0, 1, -3, 2 ** (bits - 1)]))
        return {"scale": scale, "bits": bits, "signed": int(signed), "narrow": draw(st.integers(0, 1)),
                "mode": mode, "zero": float(zero)}  # fmt: skip
    dtype = f"{'' if signed else 'u'}int8"
    lo, hi = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    zero = draw(st.integers(lo, hi))
    clip = draw(st.sampled_from([None, (lo, hi), (lo + 1, hi)])) if bits == 8 else (lo, hi)
    return {"scale": scale, "dtype": dtype, "zero": zero, "clip": clip}


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw a small generator whose every engine ends in a quantizer of the file."""
    spelling = draw(st.sampled_from(["qonnx", "qcdq"]))
    net = Network((1, 12), seed=draw(st.integers(0, 2**16)), opset=draw(st.sampled_from([13, 17, 21])))

    def quantize(peak: float) -> None:
        drawn = draw(quantizers(spelling, peak))
        net.quant(**drawn) if spelling == "qonnx" else net.qdq(**drawn)  # type: ignore[arg-type]

    def weight(*shape: int, axis: int) -> str:
        per_channel = draw(st.booleans())
        if spelling == "qonnx":
            kinds = ("Quant", "IntQuant", "BipolarQuant")
            op = draw(st.sampled_from(kinds))
            return net.quant_weight(
                net.floats(*shape), draw(st.integers(2, 8)), axis=axis if per_channel else None, op=op
            )
        codes = net.rng.integers(-128, 128, shape)
        count = shape[axis] if per_channel else 1
        scale = net.rng.uniform(0.5, 1.5, count).astype(np.float32) / 300
        zero = net.rng.integers(-3, 4, count) if draw(st.booleans()) else np.zeros(count)
        return net.codes_weight(codes, "int8", scale, zero, axis=axis)

    if draw(st.booleans()):
        net.then("Div", net.constant(4.0))
    quantize(3.0)
    net.gemm(weight(12, 32, axis=1), net.constant(net.floats(32)))
    if draw(st.booleans()):
        net.then(draw(st.sampled_from(["Relu", "LeakyRelu", "Tanh", "Sigmoid"])))
    quantize(2.0)
    net.reshape(1, 8, 2, 2)
    if draw(st.booleans()):  # an engine of its own
        net.then(draw(st.sampled_from(["LeakyRelu", "Tanh", "Relu", "Neg"])))
        quantize(2.0)
    net.up(weight(8, 3, 4, 4, axis=1), net.constant(net.floats(3)))
    if draw(st.booleans()):
        net.then("Tanh")
    quantize(1.5)
    if draw(st.booleans()):
        net.then("Mul", net.constant(0.5)).then("Relu")
    return net


@settings(max_examples=60, deadline=None)
@given(networks())
def test_codes_are_those_of_the_file(net: Network) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = net.save(Path(folder))
        loaded = load(path)
        frames = np.random.default_rng(1).normal(size=(8, 12)).astype(np.float32)
        whole = run_file(path, frames)
    graph = passes.run(loaded.graph)
    assert {layer.name for layer in graph.layers} <= graph.pinned.keys(), "the file fixes every type"
    assert all(layer.op.structure is not None for layer in graph.layers if layer.op.kind != "pointwise")
    reference = FloatModel(loaded.onnx_model, probes(graph)).run({"x": frames})
    (port,) = graph.outputs
    codes = graph.pinned[port.name].quantize(port.to_stream(whole))
    assert (codes == graph.pinned[port.name].quantize(reference[port.name])).all(), "the reference is the file"
    streams = {**reference, "x": graph.inputs[0].to_stream(frames)}
    for name, difference in one_by_one(graph, streams).items():
        assert difference <= 1, f"{name} is {difference} codes off"


@st.composite
def shifting_networks(draw: st.DrawFn) -> Network:
    """Draw a generator whose scales are powers of two, as Brevitas' fixed-point quantizers make them."""
    spelling = draw(st.sampled_from(["qonnx", "qcdq"]))
    net = Network((1, 12), seed=draw(st.integers(0, 2**16)))

    def quantize(power: int) -> None:
        bits, zero = draw(st.sampled_from([2, 4, 8])), draw(st.sampled_from([0, 0, 1, -2]))
        if spelling == "qonnx":
            net.quant(2.0**power, bits, signed=draw(st.integers(0, 1)), zero=float(zero))
        else:
            net.qdq(2.0**power, "int8", zero=zero, clip=(-(1 << (bits - 1)), (1 << (bits - 1)) - 1))

    def weight(*shape: int) -> str:
        bits = draw(st.sampled_from([2, 4]))
        codes = net.rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
        return net.codes_weight(codes, "int8", 2.0 ** draw(st.integers(-4, -1)), 0)

    def bias(count: int) -> str:
        return net.constant(np.round(net.floats(count) * 64) / 64 if draw(st.booleans()) else net.floats(count))

    quantize(draw(st.integers(-3, 0)))
    net.gemm(weight(12, 32), bias(32)).then(draw(st.sampled_from(["Relu", "Identity", "Neg"])))
    quantize(draw(st.integers(-2, 1)))
    net.reshape(1, 8, 2, 2).up(weight(8, 3, 4, 4), bias(3))
    quantize(draw(st.integers(-3, 1)))
    return net


@settings(max_examples=40, deadline=None)
@given(shifting_networks())
def test_power_of_two_scales_leave_no_difference(net: Network) -> None:
    """Ties are common with them, and an odd code at one layer becomes many at the next."""
    with tempfile.TemporaryDirectory() as folder:
        path = net.save(Path(folder))
        graph = passes.run(load(path).graph)
        frames = np.random.default_rng(1).normal(size=(8, 12)).astype(np.float32)
        whole = run_file(path, frames)
    model = lower(graph, quantize_weights(graph, assign_precision(graph, Config())), dict(graph.pinned))
    (port,) = graph.outputs
    made = Golden(model).run(quantize_inputs(model, {graph.inputs[0].onnx_name: frames}))[port.name]
    assert (made == graph.pinned[port.name].quantize(port.to_stream(whole))).all()


def test_an_input_that_the_file_leaves_open_is_fine_enough(tmp_path: Path) -> None:
    net = Network((1, 12))
    net.gemm(net.quant_weight(net.floats(12, 32), 4), net.constant(net.floats(32))).then("Relu").quant(0.05, 8)
    net.reshape(1, 8, 2, 2).up(net.quant_weight(net.floats(8, 3, 4, 4), 4, axis=1)).quant(0.05, 8)
    path = net.save(tmp_path)
    loaded = load(path)
    graph = passes.run(loaded.graph)
    (source,), (port,) = graph.inputs, graph.outputs
    assert source.name not in graph.pinned
    frames = np.random.default_rng(1).normal(size=(64, 12)).astype(np.float32)
    wanted = graph.pinned[port.name].quantize(port.to_stream(run_file(path, frames)))
    wrong = []
    for values in ({}, {"precision": {"input": "int8"}}):
        config = parse_config(values)
        drawn, precisions = read_inputs(graph.inputs, config).calibration, assign_precision(graph, config)
        model = quantize(graph, loaded.onnx_model, drawn, precisions, None).model
        made = Golden(model).run(quantize_inputs(model, {source.onnx_name: frames}))[port.name]
        wrong.append(float((made != wanted).mean()))
    assert 20 * wrong[0] < wrong[1] and wrong[0] < 0.01


def one_by_one(graph: Graph, streams: dict[str, np.ndarray]) -> dict[str, int]:
    """Return per layer the greatest difference of its codes when it is given the reference's input."""
    weights = quantize_weights(graph, assign_precision(graph, Config()))
    model = lower(graph, weights, dict(graph.pinned))
    found = {}
    for layer in model.layers:
        source = layer.inputs[0]
        made = run_alone(layer, graph.pinned[source].quantize(streams[source]))
        wanted = graph.pinned[layer.name].quantize(streams[layer.name])
        found[layer.name] = int(np.abs(made - wanted).max())
    return found
