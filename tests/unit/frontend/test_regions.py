"""Every elementwise operator in regions of one input: alone, joined with it, scaled per channel, normalized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.frontend.functions import ELEMENTWISE
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(5)
C: dict[str, np.ndarray] = {
    "k": f32(RNG, 2, 4, 4, 4),
    **{name: np.float32(value) for name, value in {"zero": 0, "one": 1, "two": 2, "half": 0.5, "hundred": 100}.items()},
    "two1": np.float32([2]), "i2": np.int32(2), "i3": np.int32(-3), "l3": np.int64(3),
    "pos": np.linspace(0.3, 1.7, 4, dtype=np.float32).reshape(4, 1, 1),
    "pos4": np.linspace(0.3, 1.7, 4, dtype=np.float32).reshape(1, 4, 1, 1),
    "any": np.linspace(-1, 1, 4, dtype=np.float32).reshape(4, 1, 1),
    "bools": np.array([True, False, True, False]).reshape(4, 1, 1), "yes": np.array(True),
    "l4": np.arange(4).reshape(4, 1, 1), "m4": np.array([2, -3, 4, 5]).reshape(4, 1, 1),
    "g": np.linspace(0.5, 2, 4, dtype=np.float32), "m": np.linspace(-0.5, 0.5, 4, dtype=np.float32),
    "v": np.linspace(0.5, 1.5, 4, dtype=np.float32),
}  # fmt: skip
SOURCE = (
    "h = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(x, k) "
    "a0 = Abs(h) pb = Add(a0, half) t0 = Tanh(h) tb = Mul(t0, half) ub = Mul(h, hundred) "
)
#: What reads ``h``, or ``pb`` above a half, ``tb`` within a half, ``ub`` within hundreds, and makes ``z``.
BODIES = {
    **{op: f"z = {op}(h)" for op in (
        "Abs", "Asinh", "Atan", "Ceil", "Celu", "Cos", "Cosh", "Dropout", "Elu", "Erf", "Exp", "Floor", "HardSigmoid",
        "HardSwish", "Identity", "LeakyRelu", "Neg", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
        "Sinh", "Softplus", "Softsign", "Tanh", "ThresholdedRelu",
    )},
    **{op: f"z = {op}(pb)" for op in ("Log", "Reciprocal", "Sqrt")}, "Acosh": "n = Add(pb, one) z = Acosh(n)",
    **{op: f"z = {op}(tb)" for op in ("Acos", "Asin", "Atanh", "Tan")},
    "HardSigmoid, attributes": "z = HardSigmoid<alpha = 0.4, beta = 0.3>(h)", "Elu, alpha": "z = Elu<alpha = 0.4>(h)",
    "Shrink, attributes": "z = Shrink<lambd = 0.3, bias = 0.1>(h)", "Celu, alpha": "z = Celu<alpha = 0.5>(h)",
    "Clip": "z = Clip(h, zero, one)", "Clip, least": "z = Clip(h, zero)", "Clip, most": "z = Clip(h, , half)",
    "PRelu, number": "z = PRelu(h, half)", "PRelu, channels": "z = PRelu(h, any)",
    "PRelu, computed": "z = PRelu(h, tb)",
    "IsNaN": "n = IsNaN(h) z = Where(n, zero, h)", "IsInf": "n = IsInf<detect_positive = 0>(h) z = Where(n, zero, h)",
    "Not": "p = Greater(h, half) q = Not(p) z = Cast<to = 1>(q)",
    "And": "p = Greater(h, zero) q = Less(h, one) r = And(p, q) z = Cast<to = 1>(r)",
    "And, constant": "p = Greater(h, zero) r = And(p, yes) z = Cast<to = 1>(r)",
    "And, channels": "p = Greater(h, zero) r = And(p, bools) z = Cast<to = 1>(r)",
    "Or": "p = Less(h, zero) q = Greater(h, one) r = Or(p, q) z = Cast<to = 1>(r)",
    "Xor": "p = Greater(h, zero) q = Greater(h, one) r = Xor(p, q) z = Cast<to = 1>(r)",
    "Equal": "f = Floor(h) p = Equal(f, zero) z = Cast<to = 1>(p)",
    "Equal, bools": "p = Greater(h, zero) q = Less(h, one) r = Equal(p, q) z = Cast<to = 1>(r)",
    "LessOrEqual": "p = LessOrEqual(h, half) z = Cast<to = 1>(p)",
    "GreaterOrEqual, channels": "p = GreaterOrEqual(h, any) z = Cast<to = 1>(p)",
    "Where, constants": "p = Greater(h, zero) z = Where(p, one, half)",
    "Where, channels": "p = Greater(h, any) z = Where(p, h, pos)",
    "Where, constants per channel": "p = Greater(h, zero) z = Where(p, any, pos)",
    "Where, constant condition": "r = Relu(h) z = Where(bools, h, r)",
    "Where, one condition": "z = Where(yes, h, zero)",
    "Mod": "z = Mod<fmod = 1>(h, half)", "Mod, channels": "z = Mod<fmod = 1>(h, pos)",
    "Mod, of a constant": "z = Mod<fmod = 1>(one, pb)",
    "Pow": "z = Pow(h, two)", "Pow, one element": "z = Pow(h, two1)", "Pow, INT32": "z = Pow(h, i2)",
    "Pow, INT64": "z = Pow(h, l3)", "Pow, channels": "z = Pow(pb, pos)", "Pow, constant base": "z = Pow(two, h)",
    "Pow, bases per channel": "z = Pow(pos, h)", "Pow, half": "z = Pow(pb, half)", "Pow, itself": "z = Pow(pb, tb)",
    "Div": "z = Div(h, half)", "Div, channels": "z = Div(h, pos)", "Div, of a constant": "z = Div(one, pb)",
    "Div, of channels": "z = Div(pos, pb)", "Div, computed": "z = Div(h, pb)",
    "Max, several": "z = Max(h, zero, half)", "Max, channels": "z = Max(h, any, zero)", "Max, one": "z = Max(h)",
    "Max, constants first": "z = Max(zero, any, h)", "Min, several": "z = Min(one, h, half)",
    "Min, channels": "z = Min(any, h, pos4)", "Sum, one": "z = Sum(h)", "Sum, channels": "z = Sum(h, one, pos)",
    "Mean, one": "z = Mean(h)", "Mean, channels": "z = Mean(h, one, pos, h)",
    "Add": "z = Add(h, any)", "Sub": "z = Sub(any, h)", "Mul": "z = Mul(h, pos4)", "Mul, itself": "z = Mul(h, h)",
    "BatchNormalization": "z = BatchNormalization(h, g, m, m, v)",
    "BatchNormalization, curve": "b = BatchNormalization(h, g, m, m, v) s = Sigmoid(b) z = Mul(h, s)",
    "Cast, INT8": "c = Cast<to = 3>(h) z = Cast<to = 1>(c)", "Cast, UINT8": "c = Cast<to = 2>(pb) z = Cast<to = 1>(c)",
    "Cast, INT32": "c = Cast<to = 6>(h) z = Cast<to = 1>(c)",
    "Cast, UINT32": "c = Cast<to = 12>(pb) z = Cast<to = 1>(c)",
    "Cast, BOOL": "c = Cast<to = 9>(h) z = Cast<to = 1>(c)",
    "Cast, BOOL to INT32": "p = Greater(h, zero) c = Cast<to = 6>(p) q = Less(h, one) d = Cast<to = 6>(q) "
    "e = Mul(c, d) z = Cast<to = 1>(e)",
    "Cast, INT32 to BOOL": "c = Cast<to = 6>(h) d = Cast<to = 9>(c) z = Cast<to = 1>(d)",
    "Cast, INT32 to INT8": "c = Cast<to = 6>(ub) d = Cast<to = 3>(c) z = Cast<to = 1>(d)",
    "Cast, INT32 to UINT8": "c = Cast<to = 6>(ub) d = Cast<to = 2>(c) z = Cast<to = 1>(d)",
    "Cast, INT8 to INT32": "c = Cast<to = 3>(h) d = Cast<to = 6>(c) z = Cast<to = 1>(d)",
    "integers": "c = Cast<to = 6>(ub) d = Div(c, i3) e = Mod(c, i3) f = Add(d, e) z = Cast<to = 1>(f)",
    "integers per channel": "c = Cast<to = 7>(ub) d = Mul(c, l4) e = Div(d, m4) z = Cast<to = 1>(e)",
    "integers, powers": "c = Cast<to = 6>(h) d = Pow(c, i2) e = Sub(i2, d) z = Cast<to = 1>(e)",
    "integers, points": "c = Cast<to = 6>(h) d = Relu(c) e = Neg(d) f = Max(e, i3) z = Cast<to = 1>(f)",
    "integers compared": "c = Cast<to = 7>(h) p = Less(c, l3) q = Equal(c, l3) r = Or(p, q) z = Cast<to = 1>(r)",
    "integers chosen": "c = Cast<to = 7>(h) p = Greater(h, zero) d = Where(p, c, l3) e = Abs(d) z = Cast<to = 1>(e)",
    "integers, sign": "c = Cast<to = 6>(h) d = Sign(c) z = Cast<to = 1>(d)",
}  # fmt: skip
OTHER_OPSETS = {
    "Gelu": ("z = Gelu(h)", 20), "Gelu, tanh": ('z = Gelu<approximate = "tanh">(h)', 22), "Mish": ("z = Mish(h)", 18),
    "Swish": ("z = Swish<alpha = 1.5>(h)", 24), "Clip, attributes": ("z = Clip<min = -0.5, max = 0.5>(h)", 9),
    "bits": ("c = Cast<to = 6>(ub) d = BitwiseOr(c, i2) e = BitwiseNot(d) f = BitwiseXor(e, i3) "
             "w = BitwiseAnd(f, c) z = Cast<to = 1>(w)", 18),
}  # fmt: skip
MODELS = {**{name: (body, 17) for name, body in BODIES.items()}, **OTHER_OPSETS}
#: What becomes of ``z``.
ENDS = (
    "y = Identity(z)",
    "y = Add(z, h)",
    "e0 = Mul(z, pos) y = Add(e0, h)",
    "e0 = BatchNormalization(z, g, m, m, v) y = Max(e0, h)",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_it_computes_what_onnx_runtime_does(tmp_path: Path, name: str):
    body, opset = MODELS[name]
    for end in ENDS:
        _, final = check(save(tmp_path, f"{SOURCE}{body} {end}", (1, 2, 3, 3), C, opset=opset), seeds=(1,))
        assert len(final.layers) == 1, end


def test_no_elementwise_operator_is_left_out():
    bodies = SOURCE + " ".join(body for body, _ in MODELS.values())
    assert not [op for op in ELEMENTWISE if f"{op}(" not in bodies and f"{op}<" not in bodies]
