"""Passes: what joins, what folds forward, what stays alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.model.points import Affine, Clip, Curve, Leaky, Quantize
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.passes.simplify import simplified
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(3)


def constants(channels: int = 3, **more: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "w": f32(RNG, channels, 2, 3, 3),
        "s": f32(RNG, channels),
        "o": f32(RNG, channels),
        "m": f32(RNG, channels),
        "v": RNG.uniform(0.5, 2, channels).astype(np.float32),
        "k": f32(RNG, channels, 2, 3, 3),
        **more,
    }


def kinds(graph) -> list[str]:
    return [layer.op.kind for layer in graph.layers]


@pytest.mark.parametrize(
    "activation", ["Relu(c)", "LeakyRelu<alpha = 0.2>(c)", "PRelu(c, slope)", "Tanh(c)", "Sigmoid(c)"]
)
@pytest.mark.parametrize("first", ["norm", "activation"])
def test_normalization_on_either_side_of_the_activation(tmp_path: Path, activation: str, first: str):
    norm = "BatchNormalization(c, s, o, m, v)"
    one, two = (norm, activation) if first == "norm" else (activation, norm)
    body = f"c = Conv(x, w) d = {one} e = {two.replace('(c', '(d')} y = ConvTranspose<pads = [1, 1, 1, 1]>(e, k)"
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), constants(slope=f32(RNG, 3, 1, 1))))
    smooth = first == "activation" and activation[:4] in ("Tanh", "Sigm")
    assert kinds(final) == ["conv", *(["pointwise"] if smooth else []), "conv_transpose"]


def test_affine_after_a_curve_folds_forward_where_every_tap_is_used(tmp_path: Path):
    body = "c = Conv(x, w) t = Tanh(c) n = BatchNormalization(t, s, o, m, v) y = Conv(n, u, b)"
    given = constants(u=f32(RNG, 2, 3, 2, 2), b=f32(RNG, 2))
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), given))
    assert kinds(final) == ["conv", "conv"]
    assert final.layers[1].source.startswith("/g/BatchNormalization_2 + ")


def test_scale_alone_folds_forward_into_a_padded_convolution(tmp_path: Path):
    body = "c = Conv(x, w) t = Tanh(c) n = Mul(t, g) y = Conv<pads = [1, 1, 1, 1], group = 3>(n, u)"
    given = constants(u=f32(RNG, 6, 1, 3, 3), g=f32(RNG, 3, 1, 1))
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), given))
    assert kinds(final) == ["conv", "conv"]


def test_shift_before_padding_stays_a_layer(tmp_path: Path):
    body = "n = Sub(x, g) y = Conv<pads = [1, 1, 1, 1]>(n, w)"
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), constants(g=f32(RNG, 2, 1, 1))))
    assert kinds(final) == ["pointwise", "conv"]


def test_input_normalization_folds_into_a_dense_layer(tmp_path: Path):
    body = "a = Sub(x, g) b = Div(a, h) c = Gemm(b, d) y = Relu(c)"
    _, final = check(save(tmp_path, body, (1, 6), {"g": f32(RNG, 6), "h": np.float32(0.3), "d": f32(RNG, 6, 4)}))
    assert kinds(final) == ["dense"]


def test_image_scaling_behind_the_output_joins_the_table(tmp_path: Path):
    body = "c = Conv(x, w) t = Tanh(c) a = Add(t, one) y = Mul(a, half)"
    given = constants(one=np.float32(1), half=np.float32(127.5))
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), given))
    assert kinds(final) == ["conv"]


def test_pointwise_output_after_a_curve_per_channel(tmp_path: Path):
    body = "c = Conv(x, w) t = Tanh(c) y = Mul(t, g)"
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), constants(g=f32(RNG, 3, 1, 1))))
    assert kinds(final) == ["conv", "pointwise"]


def test_network_of_pointwise_operators_alone(tmp_path: Path):
    _, final = check(save(tmp_path, "a = Mul(x, g) y = Tanh(a)", (1, 3, 4, 5), {"g": f32(RNG, 3, 1, 1)}))
    assert kinds(final) == ["pointwise"]


def test_identities_vanish_but_not_the_last_layer(tmp_path: Path):
    body = "a = Mul(x, one) b = Conv(a, w) c = Div(b, one) y = LeakyRelu<alpha = 1.0>(c)"
    _, final = check(save(tmp_path, body, (1, 2, 5, 6), constants(one=np.ones(1, np.float32))))
    assert kinds(final) == ["conv"] and not final.layers[0].points
    _, final = check(save(tmp_path, "y = Mul(x, one)", (1, 4), {"one": np.ones(1, np.float32)}))
    assert kinds(final) == ["pointwise"]


def test_simplified_merges_affines_and_shrinks_equal_channels():
    half, double = Affine(np.full(4, 0.5), np.arange(4.0)), Affine(np.full(4, 2.0), np.full(4, -1.0))
    (merged,) = simplified((half, double))
    assert merged.scale.tolist() == [1.0] and merged.bias.tolist() == [-1.0, 1.0, 3.0, 5.0]
    assert simplified((Affine(np.ones(3), np.zeros(3)), Leaky(np.ones(2)), Clip(-np.inf, np.inf))) == ()
    back = Affine(np.array([2.0]), np.array([0.0])), Affine(np.array([0.5]), np.array([0.0]))
    assert simplified((*back, Curve("tanh"))) == (Curve("tanh"),)


@pytest.mark.parametrize("clip", [Leaky(np.zeros(1)), Clip(1.0, 2.0), Clip(-np.inf, -3.5), Clip(-1.5, np.inf)])
def test_clip_behind_a_quantizer_whose_levels_may_all_lie_outside(clip: Leaky | Clip):
    quantizer = Quantize(QuantType(IntType(2, signed=True), 0.5, 3))  # -2.5, -2, -1.5, -1
    x = np.linspace(-6.0, 6.0, 97)[:, None]
    made = simplified((quantizer, clip))
    assert isinstance(made[-1], Quantize), "a quantizer ends the engine"
    found = x
    for point in made:
        found = point(found)
    assert (found == clip(quantizer(x))).all()
