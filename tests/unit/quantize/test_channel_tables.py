"""Tables per channel against the functions that they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.fit import fit_weight
from gan2hls.fit.requantize import MULT_BITS, WIDE_MULT_BITS
from gan2hls.flow.saved_model import dump_model, load_model
from gan2hls.formats.precision import Precision
from gan2hls.model import linear_layers
from gan2hls.model.integer import IntLayer
from gan2hls.model.ir import Layer
from gan2hls.model.origin import Origin
from gan2hls.model.points import split
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.quantize.lower import lower, lower_layer
from tests.onnx_models import final_graph, make_model

SHAPE = (1, 6, 1, 1)
BETA = np.array([0.25, 0.5, 1, 1.5, 2, 4], np.float32).reshape(6, 1, 1)
BODIES = {
    "swish": "m = Mul(x, beta) s = Sigmoid(m) y = Mul(x, s)",
    "snake": "m = Mul(x, beta) s = Sin(m) q = Mul(s, s) y = Add(x, q)",
    "bells": "a = Mul(x, beta) b = Mul(a, x) n = Neg(b) e = Exp(n) y = Mul(e, beta)",
    "behind a bent line": "l = PRelu(x, beta) t = Tanh(l) s = Sub(l, beta) u = Mul(s, t) y = Mul(u, l)",
    "clipped": "c = Clip(x, lo, hi) m = Mul(c, beta) s = Sigmoid(m) y = Mul(c, s)",
}


def layer_of(tmp_path: Path, body: str, **constants: np.ndarray) -> Layer:
    values = {"beta": BETA, "lo": np.float32(-2), "hi": np.float32(3), **constants}
    (layer,) = final_graph(tmp_path, make_model(body, SHAPE, values)).layers
    assert not split(layer.points, layer.channels).curve_is_common
    return layer


def real(layer: Layer, x: np.ndarray) -> np.ndarray:
    for point in layer.points:
        x = point(x)
    return np.broadcast_to(x, (len(x), layer.channels))


def looked_up(layer: IntLayer, codes: np.ndarray) -> np.ndarray:
    assert layer.table is not None
    return layer.table(layer.requant(np.broadcast_to(codes, (len(codes), layer.channels)), layer.acc_type))


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("bits", [3, 8])
def test_they_are_within_their_stated_step(tmp_path: Path, name: str, bits: int):
    layer = layer_of(tmp_path, BODIES[name])
    in_type = QuantType(IntType(16, signed=True), 6.0 / 32767)
    codes = np.arange(-32767, 32768, 13)[:, None]
    wanted = real(layer, in_type.dequantize(codes))
    low, high = wanted.min(), wanted.max()
    kind = IntType(bits, signed=False)
    out = QuantType(kind, (high - low) / kind.hi, round(-low / (high - low) * kind.hi))
    integer = lower_layer(layer, [in_type], None, out)
    exact = np.clip(wanted / out.scale + out.zero_point, kind.lo, kind.hi)
    # half a code of rounding, and half an index step, which moves the output by half a code at most; the multiplier's
    # rounding moves the index by an eighth of a step
    assert np.abs(looked_up(integer, codes) - exact).max() <= 0.5 + 0.25 * 1.25 + 0.02
    assert integer.table is not None and integer.table.values.shape == (6, 1 << integer.table.index_type.bits)


def test_a_few_codes_are_the_index_and_exact(tmp_path: Path):
    layer = layer_of(tmp_path, BODIES["swish"])
    in_type, out = QuantType(IntType(8, signed=False), 0.02, 77), QuantType(IntType(8, True), 4 / 127)
    integer = lower_layer(layer, [in_type], None, out)
    codes = np.arange(256)[:, None]
    assert integer.requant.mult_type.bits <= 2
    assert (looked_up(integer, codes - 77) == out.quantize(real(layer, in_type.dequantize(codes)))).all()


def test_every_channel_has_an_index_range_of_its_own(tmp_path: Path):
    """Bells of very different widths: one range for all would leave the narrow ones a step or two."""
    beta = np.geomspace(0.01, 1e4, 6).astype(np.float32).reshape(6, 1, 1)
    layer = layer_of(tmp_path, "a = Mul(x, beta) b = Mul(a, x) n = Neg(b) y = Exp(n)", beta=beta)
    in_type, out = QuantType(IntType(16, signed=True), 40.0 / 32767), QuantType(IntType(8, signed=False), 1 / 255)
    integer = lower_layer(layer, [in_type], None, out)
    assert integer.table is not None and integer.table.index_type.bits == 12
    assert MULT_BITS < integer.requant.mult_type.bits <= WIDE_MULT_BITS
    codes = np.arange(-32767, 32768)[:, None]
    exact = real(layer, in_type.dequantize(codes)) * 255
    assert np.abs(looked_up(integer, codes) - exact).max() <= 0.5 + 0.25 * 1.25 + 0.02


def test_a_channel_that_never_changes_takes_nothing_from_the_others(tmp_path: Path):
    beta = np.array([0, 1, 1.5, 2, 3, 4], np.float32).reshape(6, 1, 1)
    layer = layer_of(tmp_path, "m = Mul(x, beta) s = Sin(m) c = Cos(x) p = Mul(s, beta) y = Mul(p, c)", beta=beta)
    in_type, out = QuantType(IntType(16, signed=True), 3.0 / 32767), QuantType(IntType(8, signed=True), 4 / 127)
    integer = lower_layer(layer, [in_type], None, out)
    assert integer.table is not None and (integer.table.values[0] == 0).all()
    assert integer.requant.mult_type.bits <= MULT_BITS


def test_channels_that_share_a_function_share_a_row(tmp_path: Path):
    """A flattened map repeats its channels: a table for each of those, not for each feature."""
    rng = np.random.default_rng(0)
    constants = {"w": rng.normal(size=(4, 48)).astype(np.float32), "shape": np.array([1, 6, 2, 4]), "beta": BETA}
    constants["k"] = rng.normal(size=(2, 6, 2, 2)).astype(np.float32)
    body = "h = Gemm(x, w) r = Reshape(h, shape) m = Mul(r, beta) s = Sigmoid(m) g = Mul(r, s) y = Conv(g, k)"
    graph = final_graph(tmp_path, make_model(body, (1, 4), constants))
    assert graph.layers[0].channels == 48
    types = dict.fromkeys((graph.inputs[0].name, *(n.name for n in graph.layers)), QuantType(IntType(8, True), 8 / 127))
    weights = {n.name: fit_weight(op.weight, Precision("int", 8)) for n, op in linear_layers(graph)}
    model = lower(graph, weights, types)
    table = model.layers[0].table
    assert table is not None and table.sets == 6
    read, _ = load_model(*dump_model(model, Origin(sha256="0" * 64, params=0)).values())
    again = read.layers[0].table
    assert again is not None and (again.values == table.values).all()
