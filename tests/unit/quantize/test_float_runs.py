"""Calibration inputs, ONNX Runtime's tensors as streams, and ranges of activations and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import ModelError
from gan2hls.fit.ranges import RULES, activation_type, fixed_type, range_type, squared_error, weight_scale
from gan2hls.formats.precision import Precision
from gan2hls.model import Graph, Layer, Port
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops import Linear
from gan2hls.quantize.float_runs import FloatModel, Source, draw, frame_limit, probes
from tests.float_evaluator import evaluate, run_onnx
from tests.onnx_models import make_model
from tests.randomized import conv, port

PORT = port("z", (2, 2, 3))
GRAPH = Graph("g", (PORT,), (), ())


# --- inputs ---


def test_a_draw_has_the_distribution_that_is_asked_for() -> None:
    normal = draw(GRAPH.inputs, Source(first=3.0, second=0.5, samples=500))["z"]
    assert normal.shape == (500, 3, 2, 2) and normal.dtype == np.float32
    assert abs(normal.mean() - 3.0) < 0.03 and abs(normal.std() - 0.5) < 0.03
    uniform = draw(GRAPH.inputs, Source(distribution="uniform", first=-2.0, second=5.0, samples=500))["z"]
    assert uniform.min() >= -2 and uniform.max() <= 5 and abs(uniform.mean() - 1.5) < 0.1


def test_a_draw_depends_on_its_seed_only() -> None:
    first, again, other = (draw(GRAPH.inputs, Source(samples=3, seed=seed))["z"] for seed in (1, 1, 2))
    assert (first == again).all() and not np.isin(first, other).any()


def test_inputs_of_a_draw_are_independent() -> None:
    both = draw((PORT, port("y", (2, 2, 3))), Source(samples=2))
    assert not (both["z"] == both["y"]).any()


@pytest.mark.parametrize("shape", [(5, 3, 2, 2), (5, 12)])
def test_files_are_read_in_the_layout_of_the_onnx_input(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.arange(60, dtype=np.float64).reshape(shape)
    np.save(tmp_path / "x.npy", values)
    assert (draw(GRAPH.inputs, Source(tmp_path / "x.npy"))["z"] == values.reshape(5, 3, 2, 2)).all()
    np.savez(tmp_path / "x.npz", other=np.zeros(3), z=values.astype(np.int32))
    found = draw(GRAPH.inputs, Source(tmp_path / "x.npz", samples=4))["z"]
    assert found.dtype == np.float32 and (found == values.reshape(5, 3, 2, 2)[:4]).all()


def test_a_file_has_an_array_for_each_input_by_its_name(tmp_path: Path) -> None:
    """Labels have no axis but that of frames."""
    ports = (Port("z", "z", (1, 4), (1, 1, 4), np.arange(4)), Port("label", "label", (1,), (1, 1, 1), np.arange(1)))
    z = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.savez(tmp_path / "x.npz", z=z, label=np.array([3, 0, 9]))
    found = draw(ports, Source(tmp_path / "x.npz", samples=2))
    assert found["z"].tolist() == z[:2].tolist() and found["label"].tolist() == [3, 0]
    assert ports[1].to_stream(found["label"]).shape == (2, 1, 1, 1)
    np.savez(tmp_path / "one.npz", z=z[:1], label=np.array([3]))
    assert draw(ports, Source(tmp_path / "one.npz"))["label"].tolist() == [3]


def test_one_frame_without_a_batch_axis(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 2, 2)))
    assert draw(GRAPH.inputs, Source(tmp_path / "x.npy"))["z"].shape == (1, 3, 2, 2)


# --- ONNX Runtime's tensors ---


def test_inner_tensors_become_streams(tmp_path: Path) -> None:
    from gan2hls import passes
    from gan2hls.frontend import load
    from tests.tiny_onnx import save_tiny

    loaded = load(save_tiny(tmp_path / "tiny.onnx"))
    graph = passes.run(loaded.graph)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    streams = FloatModel(loaded.onnx_model, probes(graph)).run({"z": x})
    assert set(streams) == {layer.name for layer in graph.layers}
    for n in range(3):
        expected = evaluate(graph, {"z": x[n : n + 1]})
        for layer in graph.layers:
            assert streams[layer.name].shape == (3, *layer.shape)
            assert np.abs(streams[layer.name][n] - expected[layer.name]).max() < 1e-5
    (image,) = run_onnx(loaded.onnx_model, {"z": x[2:]})
    (out,) = graph.outputs
    assert np.abs(out.from_stream(streams[out.name])[2] - image[0]).max() < 1e-6


def test_a_model_that_the_runtime_refuses_is_a_model_error() -> None:
    model = make_model("y = Relu(x)", [1, 4])
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ModelError, match=r"ONNX Runtime \S+ refuses"):
        FloatModel(model, ())


def test_large_models_calibrate_on_fewer_frames_but_on_some() -> None:
    def graph(size: int, channels: int) -> Graph:
        g = conv((size, size), channels, channels)
        out = port("l0_conv", g.out_shape)
        layer = Layer("l0_conv", "", ("z",), g.out_shape, Linear("conv", g, np.zeros(g.weight_shape)), (), out)
        return Graph("g", (port("z", g.in_shape),), (layer,), (out,))

    assert frame_limit(graph(4, 2), 10_000) == 10_000
    wide, wider = frame_limit(graph(128, 32), 10_000), frame_limit(graph(128, 128), 10_000)
    assert 4 <= wider < wide < 10_000
    assert frame_limit(graph(4, 2), 3) == 3


# --- activation types ---


def heavy_tail(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=16_000)
    values[:3] = 10, -12, 9
    return values.astype(np.float32)


@pytest.mark.parametrize("bits", [3, 4, 5])
def test_least_squares_beats_the_full_range_on_heavy_tails(bits: int) -> None:
    precision = Precision("int", bits)
    error = {
        rule: squared_error(heavy_tail().astype(float), activation_type(heavy_tail(), precision, rule))
        for rule in RULES
    }
    assert error["mse"] < 0.8 * error["minmax"]


@pytest.mark.parametrize("bits", [4, 8])
def test_percentile_serves_the_body_better_than_the_full_range(bits: int) -> None:
    values = heavy_tail().astype(float)
    body = values[np.abs(values) < 4]
    found = {rule: squared_error(body, activation_type(heavy_tail(), Precision("int", bits), rule)) for rule in RULES}
    assert found["percentile"] < 0.4 * found["minmax"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("shift", [-5.0, -1.0, 0.0, 0.3, 5.0])
@pytest.mark.parametrize("signed", [None, False])
def test_zero_is_always_a_code_and_nothing_is_far_off(rule: str, bits: int, shift: float, signed: bool | None) -> None:
    values = np.random.default_rng(bits).normal(shift, 1.0, 3000)
    quant = activation_type(values, Precision("int", bits, 0, signed), rule)  # type: ignore[arg-type]
    assert quant.dequantize(quant.quantize(0.0)) == 0.0
    assert quant.int_type.lo <= quant.zero_point <= quant.int_type.hi
    assert quant.int_type.bits == bits
    if signed is False:
        assert not quant.int_type.signed
    if rule == "minmax":
        error = np.abs(quant.dequantize(quant.quantize(values)) - values)
        assert error.max() <= quant.scale * 1.01


@pytest.mark.parametrize("rule", RULES)
def test_relu_output_is_unsigned_without_zero_point(rule: str) -> None:
    values = np.maximum(np.random.default_rng(0).normal(size=5000), 0)
    quant = activation_type(values, Precision("int", 8), rule)  # type: ignore[arg-type]
    assert not quant.int_type.signed and quant.zero_point == 0


def test_balanced_ranges_are_signed_without_zero_point() -> None:
    quant = range_type(-0.9, 1.0, Precision("int", 8))
    assert quant == QuantType(IntType(8, signed=True), 1 / 127)
    asked = range_type(-0.9, 1.0, Precision("int", 8, 0, False))
    assert not asked.int_type.signed and asked.zero_point > 0


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (-1.0, 0.1), (-3.0, 0.0), (-7.0, -2.0), (2.0, 3.0)])
@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_lopsided_ranges_are_covered(low: float, high: float, bits: int) -> None:
    quant = range_type(low, high, Precision("int", bits))
    ends = quant.dequantize([quant.int_type.lo, quant.int_type.hi])
    assert not quant.int_type.signed
    if bits == 2 and low < 0 < high:
        assert ends[0] <= low + quant.scale / 2 and ends[1] >= high - quant.scale / 2  # the short side is lost
        return
    assert ends[0] <= min(low, 0) + 1e-9 and ends[1] >= max(high, 0) - 1e-9
    assert ends[1] - ends[0] <= (max(high, 0) - min(low, 0)) * (1 + 1.01 / ((1 << bits) - 2))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("values", [np.zeros(10), np.full(10, 1e-30), np.full(3, -2.0), np.full(1, 7.0)])
def test_constant_tensors_have_a_usable_type(rule: str, values: np.ndarray) -> None:
    quant = activation_type(values, Precision("int", 8), rule)  # type: ignore[arg-type]
    assert np.isfinite(quant.scale) and quant.scale > 0
    assert np.abs(quant.dequantize(quant.quantize(values)) - values).max() <= 0.01 * np.abs(values).max()


@pytest.mark.parametrize("text", ["fixed<8,3>", "ufixed<8,0>", "fixed<4,-2>", "fixed<16,16>", "fixed<2,1>"])
@pytest.mark.parametrize("rule", RULES)
def test_fixed_says_everything_itself(text: str, rule: str) -> None:
    precision = Precision.parse(text)
    quant = activation_type(heavy_tail(), precision, rule)  # type: ignore[arg-type]
    assert quant == fixed_type(precision)
    assert quant.zero_point == 0 and quant.int_type == IntType(precision.bits, signed=not text.startswith("u"))
    top = quant.dequantize(quant.int_type.hi)
    signed = quant.int_type.signed
    assert top + quant.scale == 2.0 ** (precision.int_bits - signed)  # ap_fixed<W,I> ends below 2**(I - 1)


# --- weight scales ---


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
def test_weight_scale_is_no_worse_than_the_peak_and_near_the_best(bits: int) -> None:
    rng = np.random.default_rng(bits)
    weight = rng.standard_t(4, (9, 5, 16))
    top = (1 << (bits - 1)) - 1

    def error(scale: np.ndarray) -> np.ndarray:
        codes = np.clip(np.round(weight / scale[:, None]), -top - 1, top)
        return np.square(codes * scale[:, None] - weight).sum(axis=(0, 2))

    found = weight_scale(weight, bits)
    peak = np.abs(weight).max(axis=(0, 2)) / top
    assert found.shape == (5,)
    assert (error(found) <= error(peak) * (1 + 1e-9)).all()
    best = np.min([error(peak * part) for part in np.linspace(0.4, 1, 121)], axis=0)
    if bits < 8:
        assert (error(found) <= best * 1.05).all()


def test_dead_channels_have_a_scale() -> None:
    weight = np.zeros((4, 3, 2))
    weight[:, 1] = 0.5
    scale = weight_scale(weight, 8)
    assert np.isfinite(scale).all() and (scale > 0).all()
    assert scale[1] == pytest.approx(0.5 / 127, rel=0.2)
