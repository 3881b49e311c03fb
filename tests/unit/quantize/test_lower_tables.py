"""Tables of activations against the curves they stand for."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gan2hls.fit.layer_precision import LayerPrecision
from gan2hls.fit.requantize import MULT_BITS, WIDE_MULT_BITS
from gan2hls.formats.precision import Precision
from gan2hls.hardware.requant_resources import requant_products
from gan2hls.model.golden import Golden
from gan2hls.model.points import Affine
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.quantize.lower import choose_types, lower, lower_layer
from tests.float_evaluator import evaluate
from tests.onnx_models import final_graph, make_model


def table_layer(tmp_path: Path, body: str, bits: int, constants: dict[str, np.ndarray] | None = None):
    graph = final_graph(tmp_path, make_model(body, [1, 1, 1, 400], constants or {}))
    (layer,) = graph.layers
    in_type = QuantType(IntType(16, signed=True), 12.0 / 32767)
    streams = {layer.name: evaluate(graph, {"x": np.linspace(-12, 12, 400).reshape(1, 1, 1, 400)})[layer.name]}
    precisions = dict.fromkeys((graph.inputs[0].name, layer.name), LayerPrecision(*[Precision("int", bits)] * 2))
    all_streams = {graph.inputs[0].name: np.linspace(-12, 12, 400), **streams}
    out = choose_types(graph, all_streams, precisions, "minmax")[layer.name]  # type: ignore[arg-type]
    return layer, in_type, lower_layer(layer, [in_type], None, out)


@pytest.mark.parametrize("op", ["Tanh", "Sigmoid", "Softplus", "Softsign", "HardSwish", "Elu", "Selu"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_curves_are_within_their_stated_step(tmp_path: Path, op: str, bits: int) -> None:
    layer, in_type, integer = table_layer(tmp_path, f"y = {op}(x)", bits)
    codes = np.arange(-32767, 32768, 7).reshape(-1, 1)
    reals = in_type.dequantize(codes)
    for point in layer.points:
        reals = point(reals)
    assert integer.table is not None
    actual = integer.table(integer.requant(codes, integer.acc_type))
    exact = reals / integer.output_type.scale + integer.output_type.zero_point
    exact = np.clip(exact, integer.output_type.int_type.lo, integer.output_type.int_type.hi)
    # half a code of rounding, and half an index step, which moves the output by half a code at most
    assert np.abs(actual - exact).max() <= 0.5 + 0.5 * 0.5 + 0.02
    assert 4 <= integer.table.index_type.bits <= 12


@pytest.mark.slow
def test_signed_tanh_is_within_its_stated_step_and_reaches_both_ends(tmp_path: Path) -> None:
    _, in_type, integer = table_layer(tmp_path, "y = Tanh(x)", 8)
    codes = np.arange(-32767, 32768).reshape(-1, 1)
    assert integer.table is not None
    actual = integer.table(integer.requant(codes, integer.acc_type))
    assert np.abs(actual - np.tanh(in_type.dequantize(codes)) * 127).max() <= 0.77
    assert actual.min() == -127 and actual.max() == 127
    assert all(a <= b for a, b in pairwise(actual.ravel().tolist()))


def test_a_bounded_curve_that_turns_back_keeps_its_least_value(tmp_path: Path) -> None:
    """HardSwish is least at -1.5, between the ends of the clip before it."""
    limits = {"lo": np.float32(-3), "hi": np.float32(0.5)}
    _, in_type, integer = table_layer(tmp_path, "c = Clip(x, lo, hi)\n y = HardSwish(c)", 8, limits)
    codes = in_type.quantize(np.linspace(-4, 1, 300)).reshape(-1, 1)
    x = np.clip(in_type.dequantize(codes), -3, 0.5)
    assert integer.table is not None
    actual = integer.output_type.dequantize(integer.table(integer.requant(codes, integer.acc_type)))
    assert np.abs(actual - x * (x / 6 + 0.5)).max() <= 0.8 * integer.output_type.scale


def test_the_index_reaches_the_bottom_of_a_bent_line(tmp_path: Path) -> None:
    """PReLU of slope -1 is least at its knot, which a bias moves away from zero."""
    body = "a = Add(x, b)\n p = PRelu(a, s)\n y = Tanh(p)"
    constants = {"b": np.float32([[[[2.0]]]]), "s": np.float32([[[[-1.0]]]])}
    _, in_type, integer = table_layer(tmp_path, body, 8, constants)
    codes = in_type.quantize(np.linspace(-6, 6, 500)).reshape(-1, 1)
    assert integer.table is not None
    actual = integer.output_type.dequantize(integer.table(integer.requant(codes, integer.acc_type)))
    wanted = np.tanh(np.abs(in_type.dequantize(codes) + 2))
    assert np.abs(actual - wanted).max() <= 0.8 * integer.output_type.scale


@pytest.mark.parametrize("activation", ["fixed<2,2>", "fixed<3,3>", "ufixed<2,2>"])
def test_an_output_of_one_step_has_a_table_of_finite_range(tmp_path: Path, activation: str) -> None:
    graph = final_graph(tmp_path, make_model("y = Sigmoid(x)", [1, 1, 1, 64]))
    streams = {n: np.linspace(-8, 8, 64).reshape(1, 1, 64, 1) for n in (graph.inputs[0].name, graph.layers[0].name)}
    both = LayerPrecision(Precision("int", 8), Precision.parse(activation))
    precisions = {graph.inputs[0].name: LayerPrecision(Precision("int", 8), Precision("int", 16))}
    precisions[graph.layers[0].name] = both
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        types = choose_types(graph, streams, precisions, "minmax")  # type: ignore[arg-type]
        model = lower(graph, {}, types)
    x = np.linspace(-8, 8, 64).reshape(1, 1, 64, 1)
    codes = Golden(model).run({graph.inputs[0].name: model.input_types[0].quantize(x)})[graph.layers[0].name]
    clear = np.abs(x.ravel()) > 0.2
    assert (codes.ravel()[clear] == (x.ravel() > 0)[clear]).all()


@pytest.mark.parametrize("zero_point", [0, 77])
def test_a_curve_of_few_codes_is_exact_and_needs_no_multiplier(tmp_path: Path, zero_point: int) -> None:
    layer, _, _ = table_layer(tmp_path, "h = Constant <value_float = 0.3> ()\n a = Add(x, h)\n y = Tanh(a)", 8)
    in_type, out = QuantType(IntType(8, signed=False), 0.02, zero_point), QuantType(IntType(8, True), 1 / 127)
    integer = lower_layer(layer, [in_type], None, out)
    codes = np.arange(256).reshape(-1, 1)
    assert integer.table is not None and integer.table.values.size <= 512 and not requant_products(integer, 1)
    actual = integer.table(integer.requant(codes - zero_point, integer.acc_type))
    assert (actual == out.quantize(np.tanh(in_type.dequantize(codes) + 0.3))).all()


def test_an_input_of_16_bits_is_not_cut(tmp_path: Path) -> None:
    graph = final_graph(tmp_path, make_model("y = Relu(x)", [1, 1, 1, 4096]))
    (source,), (layer,) = graph.inputs, graph.layers
    values = np.random.default_rng(0).standard_cauchy((1, 1, 4096, 1)).astype(np.float32)
    kept = []
    for bits in (8, 16):
        precisions = dict.fromkeys((source.name, layer.name), LayerPrecision(*[Precision("int", bits)] * 2))
        types = choose_types(graph, {source.name: values, layer.name: values}, precisions, "percentile", 99.0)
        codes = types[source.name].int_type
        ends = types[source.name].dequantize(np.array([codes.lo, codes.hi]))
        kept.append(bool(ends[0] <= values.min() and values.max() <= ends[1]))
    assert kept == [False, True]


def test_where_the_file_fixes_the_output_curves_and_multipliers_are_finer(tmp_path: Path) -> None:
    layer, in_type, plain = table_layer(tmp_path, "y = Tanh(x)", 8)
    codes = np.arange(-32767, 32768, 16).reshape(-1, 1)
    exact = plain.output_type.quantize(np.tanh(in_type.dequantize(codes)))
    pinned = lower_layer(layer, [in_type], None, plain.output_type, pinned=True)
    off = [
        np.count_nonzero(integer.table(integer.requant(codes, integer.acc_type)) != exact)
        for integer in (plain, pinned)
    ]  # type: ignore[misc]
    assert off[1] * 1.8 < off[0]
    linear = replace(layer, points=(Affine(np.full(1, 0.123), np.zeros(1)),))
    multipliers = [lower_layer(linear, [in_type], None, plain.output_type, pinned=p).requant for p in (False, True)]
    assert [r.mult_type.bits for r in multipliers] == [MULT_BITS, WIDE_MULT_BITS]
