"""Functions that are not finite everywhere: an error where that occurs, whose hint works, else they are built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.base.errors import ModelError, UnsupportedError
from gan2hls.model.golden import Golden
from tests.float_evaluator import run_onnx
from tests.onnx_models import f32, save

RNG = np.random.default_rng(3)
C = {
    "w": f32(RNG, 6, 8), "v": f32(RNG, 8, 4), "zero": np.float32(0), "one": np.float32(1), "half": np.float32(0.5),
    "low": np.float32(0.1), "high": np.float32(0.9), "third": np.float32(0.3), "fine": np.float32(0.001),
    "pc": np.linspace(-0.9, 0.9, 8, dtype=np.float32), "pos": np.linspace(0.5, 2, 8, dtype=np.float32),
    "huge": np.full((8, 4), 3e38, np.float32),
}  # fmt: skip
OPTIONS = {"overrides": {"verify": {"steps": ["float"]}, "calibration": {"samples": 64}}}
MAX, CLIP = "c = Max(h, fine)", "c = Clip(h, low, high)"

#: The function of ``c``, what is said of which operator, and what the hint puts in front.
FAULTS = {
    "Log": ("m = Log(c)", "has no value", "Log", MAX),
    "Log of the square": ("q = Mul(c, c) m = Log(q)", "is infinite where 'h' is 0,", "Log", MAX),
    "Log of a shifted square": ("s = Sub(c, third) q = Mul(s, s) m = Log(q)", "is infinite where 's' is 0,", "Log",
                                "n = Neg(h) x0 = Max(n, fine) c = Neg(x0)"),
    "Sqrt": ("m = Sqrt(c)", "has no value", "Sqrt", MAX),
    "Reciprocal": ("m = Reciprocal(c)", "is infinite where 'h' is 0,", "Reciprocal", CLIP),
    "Div": ("a = Sub(c, third) m = Div(one, a)", "is infinite where 'a' is 0,", "Div",
            "d = Add(h, half) c = Max(d, high)"),
    "Div by itself": ("s = Sin(c) m = Div(s, c)", "has no value where 'h' is 0,", "Div", MAX),
    "Pow": ("m = Pow(c, half)", "has no value", "Pow", MAX),
    "Acos": ("m = Acos(c)", "has no value", "Acos", CLIP),
    "Acosh": ("a = Add(c, half) m = Acosh(a)", "has no value", "Acosh", "d = Abs(h) c = Add(d, half)"),
    "Atanh": ("m = Atanh(c)", "has no value", "Atanh", CLIP),
    "Tan": ("m = Tan(c)", "is infinite", "Tan", CLIP),
    "Mod": ("m = Mod<fmod = 1>(one, c)", "has no value where 'h' is 0,", "Mod", MAX),
    "per channel": ("a = Add(c, pc) m = Div(pos, a)", "is infinite", "Div", "d = Max(h, one) c = Add(d, half)"),
    "softmax of two, badly": ("e = Exp(c) f = Sub(e, one) m = Div(e, f)", "is infinite where 'h' is 0,", "Div", MAX),
}  # fmt: skip


def body(front: str, function: str) -> str:
    return f"h = Gemm(x, w) {front} {function} y = Gemm(m, v)"


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_what_occurs_and_has_no_finite_value_is_an_error_and_its_hint_works(tmp_path: Path, name: str):
    function, says, where, front = FAULTS[name]
    bare = function.replace("(c", "(h").replace(", c)", ", h)")
    with pytest.raises(UnsupportedError) as caught:
        gan2hls.build(save(tmp_path, body("", bare), (1, 6), C), output=tmp_path / "out", **OPTIONS)
    error = caught.value
    assert says in error.message and f"({where})" in error.where, error
    assert "goes from -" in error.message and "a Max with a small number" in error.hint and "Clip" in error.hint
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    path = save(tmp_path, body(front, function), (1, 6), C)
    result = gan2hls.build(path, write=False, **OPTIONS)
    assert result.report is not None and result.report.passed


def test_what_is_finite_where_it_occurs_is_built_and_keeps_its_value_beyond(tmp_path: Path):
    """The sums that the table could meet go far below 0, those of calibration do not."""
    constants = {**C, "w": np.abs(C["w"]), "b": np.float32(0.05)}
    path = save(tmp_path, "h = Gemm(x, w) s = Add(h, b) m = Reciprocal(s) y = Gemm(m, v)", (1, 6), constants)
    data = np.random.default_rng(0).uniform(0.05, 1, (64, 6)).astype(np.float32)
    np.save(tmp_path / "data.npy", data)
    overrides = {**OPTIONS["overrides"], "calibration": {"data": str(tmp_path / "data.npy")}}
    result = gan2hls.build(path, write=False, overrides=overrides)
    assert result.report is not None and result.report.passed and result.report.quality.psnr_db > 30
    model = result.design.model
    (port,) = model.inputs
    codes = np.full((1, *port.shape), model.input_types[0].int_type.lo)
    (first, *_) = model.layers
    made = Golden(model).run({port.name: codes})[first.name]
    assert first.table is not None and (made == first.table.values[0][0]).all(), "the least index, not a jump to 0"


@pytest.mark.parametrize(
    "function",
    [
        "l = Log(h) p = Greater(h, zero) m = Where(p, l, h)",
        "r = Reciprocal(h) p = Greater(h, half) m = Where(p, r, h)",
        "r = Sqrt(h) n = IsNaN(r) m = Where(n, zero, r)",
        "r = Reciprocal(h) m = Tanh(r)",
        "s = Mul(h, h) a = Abs(h) r = Sqrt(a) m = Mul(r, s)",
    ],
)
def test_what_is_not_finite_inside_alone_is_built(tmp_path: Path, function: str):
    path = save(tmp_path, body("", function), (1, 6), C)
    result = gan2hls.build(path, write=False, **OPTIONS)
    assert result.report is not None and result.report.passed


def test_other_numbers_that_are_not_finite_are_an_error_of_the_model(tmp_path: Path):
    path = save(tmp_path, "h = Gemm(x, w) m = Relu(h) y = Gemm(m, huge)", (1, 6), C)
    with pytest.raises(ModelError, match="NaN or infinite"):
        gan2hls.build(path, write=False, **OPTIONS)


def test_an_overflow_in_float32_is_an_error_of_the_model(tmp_path: Path):
    """Finite in float64, so the function has a value: ONNX Runtime has none."""
    path = save(tmp_path, "h = Gemm(x, w) s = Mul(h, k) e = Exp(s) a = Add(e, one) m = Log(a) y = Gemm(m, v)", (1, 6),
                {**C, "k": np.float32(30)})  # fmt: skip
    assert not np.isfinite(run_onnx(path, {"x": np.ones((1, 6), np.float32)})[0]).all()
    with pytest.raises(ModelError, match="NaN or infinite"):
        gan2hls.build(path, write=False, **OPTIONS)
