"""Any function of one input is one function, whatever it is spelled with: straight pieces where it is, else a curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.base.errors import UnsupportedError
from gan2hls.flow.actions import verify_project
from gan2hls.frontend import load
from gan2hls.model.points import Affine, Clip, Function, Leaky, split
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(13)
C = {
    "w": f32(RNG, 6, 8),
    "zero": np.float32(0),
    "one": np.float32(1),
    "two": np.float32(2),
    "three": np.float32(3),
    "six": np.float32(6),
    "half": np.float32(0.5),
    "fifth": np.float32(0.2),
    "root": np.float32(np.sqrt(2)),
    "minus": np.float32(-1),
    "cube": np.float32(3),
    "small": np.float32(0.044715),
    "pi2": np.float32(np.sqrt(2 / np.pi)),
}

STRAIGHT = {
    "leaky by Max": "m = Mul(h, fifth) y = Max(h, m)",
    "leaky by Max, turned": "m = Mul(fifth, h) y = Max(m, h)",
    "leaky by Where": "c = Greater(h, zero) m = Mul(h, fifth) y = Where(c, h, m)",
    "leaky by Relu": "p = Relu(h) n = Neg(h) r = Relu(n) m = Mul(r, fifth) y = Sub(p, m)",
    "leaky by Abs": "a = Abs(h) p = Mul(a, half) q = Mul(h, half) r = Mul(q, three) y = Add(p, r)",
    "relu by Max": "y = Max(h, zero)",
    "relu by Less": "c = Less(h, zero) d = Not(c) e = Cast<to = 1>(d) y = Mul(h, e)",
    "relu by Abs": "a = Abs(h) s = Add(h, a) y = Div(s, two)",
    "relu6 by Min and Max": "a = Max(h, zero) y = Min(a, six)",
    "abs": "y = Abs(h)",
    "V with a knot": "s = Sub(h, half) a = Abs(s) y = Mul(a, three)",
    "cap": "y = Min(h, half)",
    "hat over one": "a = Abs(h) y = Sub(one, a)",
    "hard tanh": "a = Min(h, one) y = Max(a, minus)",
    "hard sigmoid": "a = Add(h, three) b = Clip(a, zero, six) y = Div(b, six)",
    "threshold": "y = Sum(h, h, one)",
    "mean": "y = Mean(h, one, three)",
    "a sum with itself": "y = Add(h, h)",
    "nothing": "a = Mul(h, three) y = Sub(a, h)",
    "capped leaky": "m = Mul(h, fifth) a = Max(h, m) y = Min(a, one)",
    "channels": "m = Mul(h, slopes) y = Max(h, m)",
    "knots by channel": "s = Sub(h, knots) a = Abs(s) m = Mul(a, slopes) y = Add(m, h)",
    "directions by channel": "m = Mul(h, slopes) t = Mul(h, turns) y = Max(t, m)",
}
CURVED = {
    "gelu by Erf": "d = Div(h, root) e = Erf(d) a = Add(e, one) m = Mul(h, a) y = Mul(m, half)",
    "gelu by Tanh": "p = Pow(h, cube) s = Mul(p, small) a = Add(h, s) b = Mul(a, pi2) t = Tanh(b) c = Add(t, one) "
    "m = Mul(h, c) y = Mul(m, half)",
    "hard swish": "a = Add(h, three) c = Clip(a, zero, six) d = Div(c, six) y = Mul(h, d)",
    "swish": "s = Sigmoid(h) y = Mul(h, s)",
    "swish by Exp": "n = Neg(h) e = Exp(n) a = Add(e, one) y = Div(h, a)",
    "mish": "s = Softplus(h) t = Tanh(s) y = Mul(h, t)",
    "softplus": "e = Exp(h) a = Add(e, one) y = Log(a)",
    "sigmoid": "n = Neg(h) e = Exp(n) a = Add(e, one) y = Reciprocal(a)",
    "one by": "a = Abs(h) b = Add(a, one) y = Div(one, b)",
    "square": "y = Mul(h, h)",
    "root of a square": "s = Mul(h, h) a = Add(s, one) y = Sqrt(a)",
    "sine": "y = Sin(h)",
    "arc": "y = Atan(h)",
    "hyperbolic": "a = Cosh(h) y = Div(h, a)",
    "bell": "s = Mul(h, h) n = Neg(s) y = Exp(n)",
    "three pieces": "a = Max(h, minus) b = Min(a, one) c = Mul(h, fifth) y = Add(b, c)",
}


def generator(body: str) -> str:
    return f"h = Gemm(x, w) {body}"


CHANNELS = {
    "slopes": np.linspace(0.1, 0.8, 8, dtype=np.float32),
    "knots": np.linspace(-1, 1, 8, dtype=np.float32),
    "turns": np.array([1, -1, 2, -2, 1, -1, 3, 0], np.float32),
}


@pytest.mark.parametrize("name", STRAIGHT)
def test_straight_pieces_are_points_of_the_requantizer(tmp_path: Path, name: str):
    path = save(tmp_path, generator(STRAIGHT[name]), (1, 6), {**C, **CHANNELS})
    _, final = check(path, seeds=range(3))
    (layer,) = final.layers
    assert all(isinstance(point, Affine | Leaky | Clip) for point in layer.points)


STEPS = {
    "above": ("c = Greater(h, zero) y = Where(c, one, minus)", [-1, -1, 1]),
    "at or above": ("c = GreaterOrEqual(h, zero) y = Where(c, one, minus)", [-1, 1, 1]),
    "below": ("c = Less(h, zero) y = Where(c, one, minus)", [1, -1, -1]),
    "zeros and threes": ("c = Greater(h, zero) d = Cast<to = 1>(c) y = Mul(d, three)", [0, 0, 3]),
    "per channel": ("c = Greater(h, z8) d = Cast<to = 1>(c) y = Sub(d, half)", [-0.5, -0.5, 0.5]),
}


@pytest.mark.parametrize("name", STEPS)
def test_one_step_is_exact_where_it_jumps(tmp_path: Path, name: str):
    body, wanted = STEPS[name]
    unit = {**C, "w": np.eye(6, 8, dtype=np.float32), "z8": np.array([0, 1, 2, 3, -1, -2, 0, 0], np.float32)}
    path = save(tmp_path, generator(body), (1, 6), unit)
    _, final = check(path)
    (layer,) = final.layers
    values = np.array([[-1e-6], [0.0], [1e-6]]) * np.ones((1, 8))
    for point in layer.points:
        values = point(values)
    assert np.broadcast_to(values, (3, 8))[:, 0].tolist() == wanted


@pytest.mark.parametrize(
    "jump", ["c = Greater(h, zero) a = Add(h, one) y = Where(c, a, h)", "f = Floor(h) y = Sub(h, f)"]
)
def test_other_jumps_are_curves(tmp_path: Path, jump: str):
    _, final = check(save(tmp_path, generator(jump), (1, 6), C))
    assert any(isinstance(point, Function) for point in final.layers[0].points)


@pytest.mark.parametrize("name", CURVED)
def test_curves(tmp_path: Path, name: str):
    path = save(tmp_path, generator(CURVED[name]), (1, 6), C)
    _, final = check(path, seeds=range(3))
    (layer,) = final.layers
    assert any(isinstance(point, Function) for point in layer.points)


@pytest.mark.parametrize(
    ("body", "opset"),
    [
        ("y = Mish(h)", 18),
        ("y = Gelu(h)", 20),
        ('y = Gelu<approximate = "tanh">(h)', 20),
        ("y = Celu<alpha = 0.7>(h)", 17),
        ("y = ThresholdedRelu<alpha = 0.5>(h)", 17),
        ("y = Shrink<lambd = 0.3, bias = 0.1>(h)", 17),
    ],
)
def test_operators_that_are_functions_of_one_number(tmp_path: Path, body: str, opset: int):
    check(save(tmp_path, generator(body), (1, 6), C, opset=opset), seeds=range(3))


OPERATORS = {
    "Acos": "t = Tanh(h) y = Acos(t)", "Acosh": "a = Abs(h) b = Add(a, one) y = Acosh(b)",
    "And": "p = Greater(h, zero) q = Less(h, one) r = And(p, q) y = Where(r, one, h)",
    "Asin": "t = Tanh(h) y = Asin(t)", "Asinh": "y = Asinh(h)", "Atanh": "t = Tanh(h) u = Mul(t, half) y = Atanh(u)",
    "Ceil": "y = Ceil(h)", "Cos": "y = Cos(h)", "Equal": "f = Floor(h) e = Equal(f, h) y = Where(e, h, f)",
    "GreaterOrEqual": "g = GreaterOrEqual(h, one) y = Where(g, one, h)", "Identity": "i = Identity(h) y = Mul(i, h)",
    "IsInf": "i = IsInf(h) w2 = Where(i, zero, h) y = Mul(w2, h)",
    "IsNaN": "n = IsNaN(h) w2 = Where(n, zero, h) y = Mul(w2, h)",
    "IsNaN alone": "n = IsNaN(h) y = Where(n, zero, h)",
    "Mod": "y = Mod<fmod = 1>(h, half)", "Mod of negative": "m = Mod<fmod = 1>(h, minus) y = Sub(h, m)",
    "Cast to INT32": "c = Cast<to = 6>(h) y = Cast<to = 1>(c)",
    "Cast to INT64": "c = Cast<to = 7>(h) d = Cast<to = 1>(c) y = Sub(h, d)",
    "Cast of bools": "p = Greater(h, one) c = Cast<to = 7>(p) d = Cast<to = 1>(c) y = Mul(h, d)",
    "LessOrEqual": "g = LessOrEqual(h, one) y = Where(g, one, h)",
    "Or": "p = Greater(h, one) q = Less(h, minus) r = Or(p, q) y = Where(r, one, h)", "Round": "y = Round(h)",
    "Sign": "s = Sign(h) y = Mul(s, h)", "Sinh": "y = Sinh(h)", "Tan": "t = Tanh(h) y = Tan(t)",
    "Xor": "p = Greater(h, one) q = Less(h, minus) r = Xor(p, q) y = Where(r, one, h)",
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_every_elementwise_operator(tmp_path: Path, name: str):
    check(save(tmp_path, generator(OPERATORS[name]), (1, 6), C), seeds=range(3))


@pytest.mark.parametrize(
    ("body", "straight"),
    [
        ("b = BatchNormalization(r, g, m, m, v) a = Abs(b) y = Add(a, r)", True),
        ("b = BatchNormalization(r, g, m, m, v) y = Max(b, r)", True),
        ("b = BatchNormalization(r, g, m, m, v) s = Sigmoid(b) y = Mul(b, s)", False),
        ("d = Dropout(r) s = Sigmoid(r) y = Mul(d, s)", False),
        ("p = Relu(r) n = Sub(r, p) q = Mul(n, slopes) y = Add(p, q)", True),
        ("q = PRelu(r, slopes) a = Abs(q) y = Add(a, r)", True),
    ],
)
def test_branches_with_parameters_per_channel(tmp_path: Path, body: str, straight: bool):
    constants = {
        "w": f32(RNG, 6, 32),
        "shape": np.array([1, 8, 2, 2]),
        "g": np.linspace(0.5, 2, 8, dtype=np.float32),
        "m": np.linspace(-0.5, 0.5, 8, dtype=np.float32),
        "v": np.linspace(0.5, 1.5, 8, dtype=np.float32),
        "slopes": np.linspace(0.1, 0.8, 8, dtype=np.float32).reshape(8, 1, 1),
    }
    _, final = check(save(tmp_path, f"h = Gemm(x, w) r = Reshape(h, shape) {body}", (1, 6), constants))
    (layer,) = final.layers
    assert straight == all(isinstance(point, Affine | Leaky | Clip) for point in layer.points)


def test_dropout_in_training_within_a_branch_is_refused(tmp_path: Path):
    body = generator("d = Dropout(h, half, yes) y = Mul(d, h)")
    with pytest.raises(UnsupportedError, match="at random"):
        load(save(tmp_path, body, (1, 6), {**C, "yes": np.array(True)}))


PER_CHANNEL = {
    "swish with a beta": "m = Mul(h, slopes) s = Sigmoid(m) y = Mul(h, s)",
    "powers": "a = Abs(h) y = Pow(a, slopes)",
    "powers of constants": "y = Pow(slopes, h)",
    "snake": "m = Mul(h, slopes) s = Sin(m) q = Mul(s, s) d = Div(q, slopes) y = Add(h, d)",
    "sums of curves": "t = Tanh(h) m = Mul(t, slopes) s = Sin(h) y = Add(m, s)",
    "three pieces": "a = Max(h, minus) b = Min(a, knots) c = Mul(h, slopes) y = Add(b, c)",
    "steps of many heights": "c = Greater(h, zero) y = Where(c, slopes, minus)",
    "jumps": "m = Mul(h, knots) f = Floor(m) y = Sub(h, f)",
    "remainders": "y = Mod<fmod = 1>(h, slopes)",
}


@pytest.mark.parametrize("name", PER_CHANNEL)
def test_curves_that_differ_from_channel_to_channel(tmp_path: Path, name: str):
    path = save(tmp_path, generator(PER_CHANNEL[name]), (1, 6), {**C, **CHANNELS})
    _, final = check(path, seeds=range(3))
    (layer,) = final.layers
    chain = split(layer.points, layer.channels)
    assert not chain.curve_is_common and [p.sets.size for p in layer.points if isinstance(p, Function)] == [8]


FRONTS = {
    "a scale": "m = Mul(h, slopes) s = Sigmoid(m) n = Mul(slopes, h) y = Mul(n, s)",
    "a scale and a shift": "m = Mul(h, slopes) a = Add(m, knots) s = Sigmoid(a) n = Mul(h, slopes) b = Sub(n, knots3) "
    "t = Tanh(b) y = Add(t, s)",
    "two scales": "m = Mul(h, slopes) d = Mul(h, wider) e = Erf(d) y = Mul(e, m)",
    "turns": "m = Mul(h, knots2) t = Tanh(m) n = Mul(h, knots2) y = Mul(n, t)",
    "steps of one height": "a = Add(h, knots) c = Floor(a) n = Add(h, knots) y = Sub(n, c)",
}


@pytest.mark.parametrize("name", FRONTS)
def test_curves_that_differ_by_scale_and_shift_alone_share_a_table(tmp_path: Path, name: str):
    more = {
        "wider": 3 * CHANNELS["slopes"],
        "knots3": -CHANNELS["knots"],
        "knots2": np.array([-2, -1, 1, 2, 3, -3, 0.5, 0.7], np.float32),
    }
    path = save(tmp_path, generator(FRONTS[name]), (1, 6), {**C, **CHANNELS, **more})
    _, final = check(path, seeds=range(3))
    (layer,) = final.layers
    assert split(layer.points, layer.channels).curve_is_common


def test_what_follows_a_curve_of_each_channel_is_in_its_table(tmp_path: Path):
    body = generator(PER_CHANNEL["swish with a beta"].replace("y =", "g =") + " b = Mul(g, knots) y = PRelu(b, slopes)")
    _, final = check(save(tmp_path, body, (1, 6), {**C, **CHANNELS}))
    assert len(final.layers) == 1


def test_curves_of_each_channel_of_an_image(tmp_path: Path):
    """Of a flattened map, of an image in either order of constants, and of one that a Transpose turned."""
    constants = {
        "w": f32(RNG, 6, 32), "shape": np.array([1, 8, 2, 2]), "k": f32(RNG, 8, 3, 4, 4),
        "beta": np.linspace(0.3, 3, 8, dtype=np.float32).reshape(8, 1, 1),
        "b3": np.linspace(0.5, 1.5, 3, dtype=np.float32).reshape(1, 3, 1, 1),
        "last": np.linspace(0.5, 1.5, 3, dtype=np.float32),
    }  # fmt: skip
    body = (
        "h0 = Gemm(x, w) h = Reshape(h0, shape) m = Mul(h, beta) s = Sigmoid(m) g = Mul(h, s) "
        "c = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(g, k) d = Mul(c, b3) t = Tanh(d) e = Sub(t, c) "
        "n = Transpose<perm = [0, 2, 3, 1]>(e) p = Abs(n) q = Pow(p, last) y = Mul(n, q)"
    )
    _, final = check(save(tmp_path, body, (1, 6), constants))
    assert [layer.op.kind for layer in final.layers] == ["dense", "conv_transpose"]
    assert [point.sets.size for layer in final.layers for point in layer.points if isinstance(point, Function)] == [
        32, 3, 3
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "r = Relu(h) g = MatMul(r, sq) y = Pow(h, g)",
        "s = LogSoftmax(h) y = Mul(h, s)",
    ],
)
def test_what_joins_more_than_elementwise_is_still_refused(tmp_path: Path, body: str):
    with pytest.raises(UnsupportedError):
        load(save(tmp_path, generator(body), (1, 6), {**C, "sq": f32(RNG, 8, 8), "i8": np.int8(0)}))


def test_images_of_channels(tmp_path: Path):
    constants = {
        "k": f32(RNG, 2, 3, 4, 4),
        "s": np.array([0.1, 0.3, 0.7], np.float32).reshape(3, 1, 1),
        "root": np.float32(np.sqrt(2)),
        "one": np.float32(1),
    }
    body = (
        "h = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(x, k) m = Mul(h, s) a = Max(h, m) "
        "d = Div(a, root) e = Erf(d) f = Add(e, one) y = Mul(a, f)"
    )
    _, final = check(save(tmp_path, body, (1, 2, 3, 3), constants))
    assert len(final.layers) == 1


@pytest.mark.cosim
def test_a_general_curve_is_saved_and_verified(tmp_path: Path):
    body = generator(f"{CURVED['gelu by Erf'].replace('y = ', 'g = ')} y = Gemm(g, v)")
    path = save(tmp_path, body, (1, 6), {**C, "v": f32(RNG, 8, 4)})
    result = gan2hls.build(path, output=tmp_path, overrides={"verify": {"steps": ["float", "csim"]}})
    assert result.report is not None and result.report.passed and result.report.quality.psnr_db > 30
    assert result.path is not None
    ladder = verify_project(result.path, overrides={"verify": {"steps": ["csim"]}})
    assert ladder.steps["csim"].status == "passed"


def test_what_is_beyond_float32_is_its_end(tmp_path: Path):
    """The table reaches further than the samples; a sum of exponentials must not overflow there."""
    constants = {**C, "w": 60 * C["w"], "v": f32(RNG, 8, 4)}
    body = generator("m = Mul(h, small) e = Exp(m) a = Add(e, one) l = Log(a) y = Gemm(l, v)")
    options = {"write": False, "overrides": {"verify": {"steps": ["float"]}, "calibration": {"samples": 32}}}
    result = gan2hls.build(save(tmp_path, body, (1, 6), constants), **options)
    assert result.report is not None and result.report.quality.psnr_db > 30
