"""ScatterND and ScatterElements at constant places: views of what they write, and numbers that are added."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import PADS, K, kinds

RNG = np.random.default_rng(47)
SHAPE = (1, 3, 4, 5)
GRID = np.indices((1, 4, 8, 10)).transpose(1, 2, 3, 4, 0)
PHASES = {f"at{n}": GRID[:, :, n // 2 :: 2, n % 2 :: 2] for n in range(4)}
C: Mapping[str, np.ndarray] = {
    **K,
    **PHASES,
    "zeros": np.zeros((1, 4, 8, 10), np.float32),
    "zeros_written": np.zeros((1, 4, 4, 5), np.float32),
    "everywhere": np.stack(np.indices((1, 4, 4, 5)), -1),
    "ones": np.ones((1, 4, 8, 10), np.float32),
    "odd": np.arange(1, 10, 2)[:, None],
    "even": np.arange(0, 10, 2)[:, None],
    "small": np.zeros((1, 4, 4, 10), np.float32),
    "columns": np.broadcast_to(np.arange(1, 10, 2), (1, 4, 4, 5)),
    "whole": np.array([1, 4, 4, 5]),
}
PARTS = (
    f"h = Conv<{PADS}>(x, first) a = Relu(h) b = Conv<{PADS}>(h, w0) c = Conv<{PADS}>(h, w1) d = Conv<{PADS}>(h, w2)"
)


def test_the_phases_of_an_image_that_are_written_one_by_one_are_a_shuffle(tmp_path: Path) -> None:
    """As PyTorch exports an inverse wavelet transform: ``image[:, :, ::2, ::2] = a`` and so on."""
    body = f"""{PARTS} r = Reshape(a, whole) p = ScatterND(zeros, at0, r) q = ScatterND(p, at1, b)
        s = ScatterND(q, at2, c) t = ScatterND(s, at3, d) y = Conv<{PADS}>(t, wide)"""
    _, final = check(save(tmp_path, body, SHAPE, C))
    assert kinds(final)["concat"] == 1 and kinds(final)["conv"] == 5 and kinds(final)["add"] == 0


def test_axes_that_are_turned_for_what_is_written(tmp_path: Path) -> None:
    body = f"""{PARTS} e = Transpose<perm = [3, 1, 2, 0]>(a) f = Transpose<perm = [3, 1, 2, 0]>(b)
        p = ScatterND<reduction = "none">(narrow, even, e) q = ScatterND<reduction = "none">(p, odd, f)
        y = Transpose<perm = [3, 1, 2, 0]>(q)"""
    check(save(tmp_path, body, SHAPE, {**C, "narrow": np.zeros((10, 4, 4, 1), np.float32)}, opset=18))


def test_what_nothing_is_written_to_stays_zero(tmp_path: Path) -> None:
    check(save(tmp_path, f"{PARTS} p = ScatterND(zeros, at1, a) q = ScatterND(p, at3, b) y = Identity(q)", SHAPE, C))


def test_what_is_written_twice_is_what_was_last(tmp_path: Path) -> None:
    body = f"{PARTS} p = ScatterND(zeros, at1, a) q = ScatterND(p, at1, b) y = Conv<{PADS}>(q, wide)"
    _, final = check(save(tmp_path, body, SHAPE, C))
    assert kinds(final)["concat"] == 0


def test_elements_along_an_axis(tmp_path: Path) -> None:
    body = f"{PARTS} p = ScatterElements<axis = 3>(small, columns, a) y = Conv<{PADS}>(p, wide)"
    check(save(tmp_path, body, SHAPE, C))


def test_parts_of_several_shapes(tmp_path: Path) -> None:
    constants = {**C, "first_channel": PHASES["at3"][:, :1]}
    body = "s = ReduceMean<axes = [1]>(a) p = ScatterND(zeros, at0, a) y = ScatterND(p, first_channel, s)"
    check(save(tmp_path, f"{PARTS} {body}", SHAPE, constants))


def test_halves_that_are_shifted_apart(tmp_path: Path) -> None:
    """Views of one tensor, of which the parts have several shapes: no layer joins them."""
    elements = np.stack(np.indices((1, 4, 4, 5)), -1)
    constants = {
        **C,
        "nothing": np.zeros((1, 4, 4, 5), np.float32),
        "down": elements[:, :1, 1:],
        "left": elements[:, 1:, :, :-1],
        "origin": np.array([0, 0]),
        "upper": np.array([1, 3]),
        "one": np.array([1, 1]),
        "end": np.array([4, 5]),
        "rows": np.array([1, 2]),
        "columns13": np.array([1, 3]),
    }
    body = f"""u = Slice(a, origin, upper, rows) v = Slice(a, one, end, columns13)
        p = ScatterND(nothing, down, u) q = ScatterND(p, left, v) y = Conv<{PADS}>(q, wide)"""
    _, final = check(save(tmp_path, f"{PARTS} {body}", SHAPE, constants))
    assert kinds(final)["concat"] == 0


@pytest.mark.parametrize(
    ("body", "pointwise"),  # an addition of numbers is one, and so is a Relu of what others read too
    [
        ("p = ScatterND(ones, at0, a) q = ScatterND(p, at3, b)", 2),
        ("p = ScatterND(a, top, four) q = ScatterND(p, top, above)", 1),
        ("p = ScatterND(a, top, above) q = ScatterND(p, top, five)", 1),
        (
            """t = Transpose<perm = [3, 1, 2, 0]>(a) s = ScatterND(t, ends, beside)
            q = Transpose<perm = [3, 1, 2, 0]>(s)""",
            1,
        ),
    ],
    ids=["around", "over_a_border", "under_parts", "turned"],
)
def test_numbers_beside_what_is_computed_are_added(tmp_path: Path, body: str, pointwise: int) -> None:
    """As biases that a block of ECBSR, before it is merged, writes around its map."""
    elements = np.stack(np.indices((1, 4, 4, 5)), -1)
    constants = {
        **C,
        "top": elements[:, :, :1],
        "four": f32(RNG, 1, 4, 1, 5),
        "above": f32(RNG, 1, 4, 1, 5),
        "ends": np.array([[0], [4]]),
        "beside": f32(RNG, 2, 4, 4, 1),
        "rows": np.array([2]),
        "one": np.array([1]),
        "none_yet": np.array([0]),
    }
    cut = "five = Slice(b, none_yet, one, rows) " if "five" in body else ""
    _, final = check(save(tmp_path, f"{PARTS} {cut}{body} y = Conv<{PADS}>(q, wide)", SHAPE, constants))
    assert kinds(final)["pointwise"] == pointwise


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("y = ScatterND(a, everywhere, zeros_written)", "writes nothing that is computed"),
        (
            "t = Greater(a, none) i = Cast<to = 7>(t) y = ScatterElements<axis = 3>(small, i, a)",
            "a computed tensor says",
        ),
        ('y = ScatterND<reduction = "add">(zeros, at0, a)', "adds to what it is written to"),
    ],
)
def test_what_else_scatters_is_refused(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says) as caught:
        load(save(tmp_path, f"{PARTS} {body}", SHAPE, C))
    assert "written at constant places" in str(caught.value.hint)


@pytest.mark.parametrize("body", ["y = ScatterND(small, at3, b)", "y = ScatterElements<axis = 3>(small, far, a)"])
def test_what_is_written_outside_is_an_error_of_the_model(tmp_path: Path, body: str) -> None:
    constants = {**C, "far": np.broadcast_to(np.arange(6, 11), (1, 4, 4, 5))}
    with pytest.raises(ModelError, match=r"writes outside of its tensor of shape \[1, 4, 4, 10\]"):
        load(save(tmp_path, f"{PARTS} {body}", SHAPE, constants))
