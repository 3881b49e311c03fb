"""Lowering: requantizers and tables against the reals they stand for, and networks of every width against float."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls import passes
from gan2hls.base.errors import ConfigError
from gan2hls.fit.layer_precision import LayerPrecision
from gan2hls.fit.requantize import MULT_BITS, make_requant
from gan2hls.fit.weight import fit_weight
from gan2hls.formats.precision import Precision
from gan2hls.frontend import load
from gan2hls.model.golden import Golden
from gan2hls.model.integer import IntegerModel
from gan2hls.model.ir import Graph
from gan2hls.model.points import Affine, Clip, Leaky, Piecewise, split
from gan2hls.numbers.numerics import IntType, QuantType, Ties
from gan2hls.quantize.lower import choose_types, lower, quantize_weights
from tests.float_evaluator import evaluate
from tests.onnx_models import f32, final_graph, make_model
from tests.randomized import port
from tests.tiny_onnx import save_tiny

INT12 = IntType(12, signed=True)


def streams_of(graph: Graph, frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Float streams of normal inputs by the independent evaluator."""
    rng = np.random.default_rng(seed)
    (port,) = graph.inputs
    runs = [{port.onnx_name: rng.normal(size=port.onnx_shape)} for _ in range(frames)]
    found = [evaluate(graph, run) for run in runs]
    return {name: np.stack([one[name] for one in found]).astype(np.float32) for name in found[0]}


def lowered(graph: Graph, streams: dict[str, np.ndarray], weight: str, activation: str) -> IntegerModel:
    both = LayerPrecision(Precision.parse(weight), Precision.parse(activation))
    precisions = dict.fromkeys(streams, both)
    return lower(graph, quantize_weights(graph, precisions), choose_types(graph, streams, precisions, "minmax"))


def psnr(graph: Graph, model: IntegerModel, streams: dict[str, np.ndarray]) -> float:
    (source,), (out,) = graph.inputs, graph.outputs
    codes = Golden(model).run({source.name: model.input_types[0].quantize(streams[source.name])})
    wanted = streams[out.name]
    error = np.square(model.real(out.name, codes[out.name]) - wanted).mean()
    return float(10 * np.log10((wanted.max() - wanted.min()) ** 2 / error))


# --- requantizers ---


@st.composite
def piecewises(draw: st.DrawFn) -> tuple[Piecewise, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    piecewise = Piecewise.identity(5).then(Affine(rng.normal(size=5), rng.normal(size=5)))
    assert piecewise is not None
    kind = draw(st.sampled_from(["affine", "relu", "leaky", "prelu", "relu6"]))
    points = {
        "affine": (),
        "relu": (Leaky(np.zeros(1)), Affine(rng.uniform(0.5, 2, 5), rng.normal(size=5))),
        "leaky": (Leaky(np.full(1, 0.2)),),
        "prelu": (Leaky(rng.normal(size=5)), Affine(rng.normal(size=5), rng.normal(size=5))),
        "relu6": (Clip(0.0, 1.5),),
    }[kind]
    for point in points:
        longer = piecewise.then(point)
        assert longer is not None
        piecewise = longer
    return piecewise, rng


@settings(max_examples=120, deadline=None)
@given(piecewises(), st.sampled_from([4, 8, 12]), st.booleans())
def test_requant_is_the_rounded_piecewise(
    drawn: tuple[Piecewise, np.random.Generator], bits: int, signed: bool
) -> None:
    piecewise, rng = drawn
    acc_scale = rng.uniform(0.5, 2, 5) * 1e-3
    span = 6.0 / (1 << bits)
    out = QuantType(IntType(bits, signed), span, 0 if signed else int(rng.integers(0, 1 << bits)))
    requant = make_requant(piecewise, acc_scale, INT12, out)
    acc = np.arange(INT12.lo, INT12.hi + 1)[:, None] * np.ones(5, int)
    reals = piecewise(acc * acc_scale)
    exact = np.clip(reals / out.scale + out.zero_point, out.int_type.lo, out.int_type.hi)
    error = requant(acc, INT12) - exact
    # half a code from rounding, and what an 18-bit multiplier leaves; a clamp's end is rounded too
    assert np.abs(error).max() <= 0.5 + 0.05 + (1 << bits) * 2.0 ** (2 - MULT_BITS) * 4
    assert requant.mult_type.bits <= MULT_BITS


@pytest.mark.parametrize("power", [-20, -9, -1, 0, 3])
def test_powers_of_two_need_no_multiplier(power: int) -> None:
    out = QuantType(IntType(8, signed=True), 2.0**-4)
    scale = np.full(3, 2.0 ** (power - 4))
    piecewise = Piecewise.identity(3).then(Affine(np.ones(1), np.array([0.5, -0.25, 0.0])))
    assert piecewise is not None
    requant = make_requant(piecewise, scale, INT12, out)
    assert (requant.mult == max(1, 2**power)).all() and requant.shift == max(0, -power)
    acc = np.arange(INT12.lo, INT12.hi + 1)[:, None] * np.ones(3, int)
    exact = np.floor(acc * 2.0**power + np.array([8, -4, 0]) + 0.5)  # ties go up, as in numerics.md
    assert (requant(acc, INT12) == np.clip(exact, -128, 127)).all()


def test_different_powers_of_two_per_channel_stay_exact() -> None:
    out = QuantType(IntType(16, signed=True), 1.0)
    requant = make_requant(Piecewise.identity(3), np.array([0.5, 4.0, 2.0**-6]), INT12, out)
    acc = np.arange(INT12.lo, INT12.hi + 1)[:, None] * np.ones(3, int)
    assert (requant(acc, INT12) == np.floor(acc * np.array([0.5, 4.0, 2.0**-6]) + 0.5)).all()


@pytest.mark.parametrize("ties", ["up", "even", "odd"])
@pytest.mark.parametrize("zero_point", [0, 3, -6])
@pytest.mark.parametrize("fractions", ["none", "some", "all"])
def test_powers_of_two_round_as_the_real_numbers_do(ties: Ties, zero_point: int, fractions: str) -> None:
    """Wherever the bias lies, and whichever code a tie goes to."""
    out = QuantType(IntType(8, signed=True), 2.0**-4, zero_point, ties)
    scale = np.array([2.0**-7, 2.0**-9, 2.0**-6, 2.0**-7])
    steps = np.array([3.0, -2, 0, 5]) + {"none": 0, "some": np.array([0, 0.75, 0, 0.125]), "all": 0.625}[fractions]
    for slope in (1.0, -1.0):
        piecewise = Piecewise.identity(4).then(Affine(np.full(1, slope), steps * 2.0**-9))
        assert piecewise is not None
        requant = make_requant(piecewise, scale, INT12, out)
        assert requant.half_even == (ties != "up" and fractions != "all")
        assert requant.mult_type.bits <= 6
        acc = np.arange(INT12.lo, INT12.hi + 1)[:, None] * np.ones(4, int)
        assert (requant(acc, INT12) == out.quantize(piecewise(acc * scale))).all()


@pytest.mark.parametrize("ties", ["up", "even", "odd"])
def test_ties_that_only_the_bias_makes(ties: Ties) -> None:
    """Sums on whole codes: nothing to shift out but the bias' own half."""
    out = QuantType(IntType(8, signed=True), 0.25, ties=ties)
    piecewise = Piecewise.identity(3).then(Affine(np.ones(1), np.array([0.125, -0.375, 0.3])))
    assert piecewise is not None
    scale = np.full(3, 0.5)
    requant = make_requant(piecewise, scale, INT12, out)
    acc = np.arange(INT12.lo, INT12.hi + 1)[:, None] * np.ones(3, int)
    assert (requant(acc, INT12) == out.quantize(piecewise(acc * scale))).all()


def test_a_bias_that_float64_keeps_from_an_integer_is_that_integer() -> None:
    bias = np.array([0.3])
    assert np.floor(bias / 0.2 * 2) == 2, "and yet it is 3 half steps"
    piecewise = Piecewise.identity(1).then(Affine(np.ones(1), bias))
    assert piecewise is not None
    requant = make_requant(piecewise, np.full(1, 0.1), INT12, QuantType(IntType(8, True), 0.2, ties="even"))
    assert requant.bias.tolist() == [[3]] and (requant.shift, requant.half_even) == (1, True)


def test_the_exact_piece_of_a_leaky_relu_takes_ties_to_even() -> None:
    piecewise = Piecewise.identity(1).then(Leaky(np.full(1, 0.2)))
    assert piecewise is not None
    requant = make_requant(piecewise, np.full(1, 0.25), INT12, QuantType(IntType(8, True), 1.0, ties="even"))
    assert requant(np.array([[2, 6, 10, -10, -50]]).T, INT12).ravel().tolist() == [0, 2, 2, 0, -2]


def test_relu_clamps_at_the_code_of_zero_and_relu6_at_that_of_six() -> None:
    out = QuantType(IntType(8, signed=False), 0.05, 30)
    relu6 = split((Clip(0.0, 6.0),), 2).piecewise
    requant = make_requant(relu6, np.full(2, 0.01), INT12, out)
    assert (requant.lo, requant.hi, requant.pieces) == (30, 150, 1)


def test_a_slope_of_zero_is_the_constant() -> None:
    piecewise = Piecewise(np.zeros((1, 2)), np.array([[1.0, -1.0]]), np.zeros(2))
    requant = make_requant(piecewise, np.ones(2), INT12, QuantType(IntType(8, signed=True), 0.1))
    assert (requant(np.array([[-2048, 2047]]), INT12) == [[10, -10]]).all()


def test_a_bias_far_beyond_the_output_saturates() -> None:
    out = QuantType(IntType(8, signed=True), 0.01)
    piecewise = Piecewise(np.ones((1, 2)), np.array([[1e4, -1e4]]), np.zeros(2))
    codes = make_requant(piecewise, np.full(2, 1e-3), INT12, out)(np.array([[-2048, 2047], [5, 5]]), INT12)
    assert (codes == [[127, -128], [127, -128]]).all()


@pytest.mark.parametrize(
    ("offset", "scale", "words"),
    [(1e14, 0.7, "a bias of it is 1e\\+14"), (0.0, 1e16, "one step of its sums is 1e\\+16")],
)
def test_what_62_bits_cannot_hold_names_the_layer(offset: float, scale: float, words: str) -> None:
    piecewise = Piecewise(np.ones((1, 1)), np.array([[offset]]), np.zeros(1))
    with pytest.raises(ConfigError, match=words) as found:
        make_requant(piecewise, np.full(1, scale), INT12, QuantType(IntType(8, signed=True), 1.0), where="l3_conv")
    assert found.value.where == "l3_conv" and "more integer bits" in found.value.hint


# --- weights ---


def test_fixed_weights_share_one_power_of_two_and_saturate() -> None:
    weight = np.array([0.3, -0.3, 5.0, -5.0]).reshape(2, 1, 2)
    made = fit_weight(weight, Precision.parse("fixed<4,1>"))
    assert made.scale.tolist() == [2.0**-3]
    assert made.values.ravel().tolist() == [2, -2, 7, -8]
    assert made.type.bits == 4 and made.precision == "fixed<4,1>"


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
def test_int_weights_use_their_codes_per_channel(bits: int) -> None:
    rng = np.random.default_rng(bits)
    weight = rng.uniform(-1, 1, (9, 4, 8)) * np.array([1, 10, 1e-3, 0])[:, None]
    made = fit_weight(weight, Precision("int", bits))
    assert 2 <= made.type.bits <= bits and made.type.signed
    assert made.type.lo <= made.values.min() and made.values.max() <= made.type.hi
    error = np.abs(made.values * made.scale[:, None] - weight).max(axis=(0, 2))
    peak = np.array([1, 10, 1e-3, 1e-9])
    assert (error <= peak * (0.5 if bits == 2 else 1.1 / (1 << (bits - 1)) + 0.6 / (1 << bits))).all()
    assert not made.values[:, 3].any()


# --- whole networks ---


@pytest.mark.parametrize(
    ("weight", "activation", "least"),
    [
        ("int2", "int8", 10),
        ("int4", "int4", 15),
        ("int4", "int8", 20),
        ("int8", "int4", 18),
        ("int8", "int8", 38),
        ("int12", "int12", 60),
        ("int16", "int8", 40),
        ("int16", "int16", 66),
        ("fixed<8,1>", "fixed<8,3>", 30),
        ("fixed<16,2>", "fixed<16,4>", 66),
        ("fixed<12,2>", "int12", 50),
        ("int8", "uint8", 38),
    ],
)
def test_networks_of_every_width_are_near_float(tmp_path: Path, weight: str, activation: str, least: float) -> None:
    graph = passes.run(load(save_tiny(tmp_path / "tiny.onnx")).graph)
    streams = streams_of(graph, 12)
    assert psnr(graph, lowered(graph, streams, weight, activation), streams) >= least


def test_fixed_everywhere_needs_no_multiplier_outside_the_mac_array(tmp_path: Path) -> None:
    graph = final_graph(
        tmp_path,
        make_model("a=Conv(x,w,b)\n r=Relu(a)\n c=Conv(r,v,d)\n y=Clip(c,lo,hi)", [1, 3, 5, 5], {
            "w": f32(np.random.default_rng(0), 4, 3, 3, 3) * 0.3, "b": f32(np.random.default_rng(1), 4),
            "v": f32(np.random.default_rng(2), 2, 4, 1, 1), "d": f32(np.random.default_rng(3), 2),
            "lo": np.float32(-1), "hi": np.float32(1)}),
    )  # fmt: skip
    model = lowered(graph, streams_of(graph, 4), "fixed<8,2>", "fixed<10,4>")
    assert [layer.requant.mult.tolist() for layer in model.layers] == [[[1] * 4], [[1] * 2]]
    assert all(layer.requant.mult_type.bits <= 2 for layer in model.layers)


def test_the_golden_layer_is_the_real_layer_on_its_own_codes(tmp_path: Path) -> None:
    """Each layer alone, on the integers it gets, is within rounding of the float layer with its integer weights."""
    graph = passes.run(load(save_tiny(tmp_path / "tiny.onnx")).graph)
    streams = streams_of(graph, 4)
    model = lowered(graph, streams, "int8", "int8")
    tensors = Golden(model).run({"z": model.input_types[0].quantize(streams[graph.inputs[0].name])})
    for layer, real in zip(model.layers, graph.layers, strict=True):
        assert layer.op.kind != "pointwise" and layer.op.kind != "pointwise"
        weight = layer.op.weight.values * layer.op.weight.scale[:, None]
        exact = replace(real, op=replace(real.op, weight=weight))
        x = layer.input_type.dequantize(tensors[layer.inputs[0]])
        ends = layer.output_type.dequantize([layer.output_type.int_type.lo, layer.output_type.int_type.hi])
        alone = Graph("alone", (port(real.inputs[0], x.shape[1:]),), (exact,), ())
        for n in range(4):
            wanted = evaluate(alone, {real.inputs[0]: x[n : n + 1].transpose(0, 3, 1, 2)})[layer.name]
            found = layer.output_type.dequantize(tensors[layer.name])[n]
            assert np.abs(found - np.clip(wanted, *ends)).max() <= 0.8 * layer.output_type.scale


def test_wide_accumulators_are_refused_by_name(tmp_path: Path) -> None:
    graph = final_graph(
        tmp_path, make_model("y = MatMul(x, w)", [1, 32768], {"w": np.full((32768, 1), 0.7, np.float32)})
    )
    streams = {graph.inputs[0].name: np.linspace(-1, 1, 32768), graph.layers[0].name: np.linspace(-9, 9, 9)}
    with pytest.raises(ConfigError, match=r"accumulators of 4[5-9] bits") as found:
        lowered(graph, streams, "int16", "int16")
    assert found.value.where == "l0_dense"


@pytest.mark.parametrize("body", ["y = Relu(c)", "y = Tanh(c)", "y = LeakyRelu<alpha = 0.3>(c)"])
def test_a_negative_scale_of_weights_is_the_sign_of_its_codes(tmp_path: Path, body: str) -> None:
    rng = np.random.default_rng(0)
    graph = final_graph(
        tmp_path, make_model(f"c = Gemm(x, w, b) {body}", (1, 8), {"w": f32(rng, 8, 6), "b": f32(rng, 6)})
    )
    (layer,) = graph.layers
    assert layer.op.kind != "pointwise"
    weight = fit_weight(layer.op.weight, Precision.parse("int6"))
    sign = np.array([1, -1, -1, 1, -1, 1])
    turned = replace(weight, values=weight.values * sign[:, None], scale=weight.scale * sign, type=IntType(7, True))
    streams = streams_of(graph, 50)
    precisions = dict.fromkeys(streams, LayerPrecision(Precision.parse("int6"), Precision.parse("int8")))
    types = choose_types(graph, streams, precisions, "minmax")
    codes = [
        Golden(lower(graph, {layer.name: one}, types)).run({"x": types["x"].quantize(streams["x"])})[layer.name]
        for one in (weight, turned)
    ]
    assert np.abs(codes[0] - codes[1]).max() <= 1 and (codes[0] != codes[1]).mean() < 0.01
