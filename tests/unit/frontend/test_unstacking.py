"""Axes of branches: sums, extremes and softmax of stacks and of channels that are seen as groups; stacks as views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(35)
PADS = "pads = [1, 1, 1, 1]"
K = {
    "k": f32(RNG, 4, 3, 3, 3),
    "l": f32(RNG, 4, 3, 3, 3),
    "w": f32(RNG, 8, 3, 3, 3),
    "v": f32(RNG, 8, 4, 1, 1),
    "u": f32(RNG, 2, 8, 1, 1),
    "groups": np.array([1, 2, 4, 6, 8]),
    "pieces": np.array([1, 4, 2, 6, 8]),
    "gates": np.array([1, 2, 4, 1, 1]),
    "flat": np.array([1, 2, 4, 1]),
    "line": np.array([1, 4, 1, 1]),
    "first": np.array([1]),
    "second": np.array([2]),
    "third": np.array([3]),
    "last": np.array([4]),
    "zero": np.array(0),
    "one": np.array(1),
    "wide": np.array([1, 4, 6, 16]),
    "paired": np.array([1, 8, 6, 8]),
    "tall": np.array([1, 4, 12, 8]),
    "gain": f32(RNG, 2, 1, 1, 1),
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "h = Conv<PADS>(x, w) g = Reshape(h, groups) y = ReduceSum<keepdims = 0>(g, first)",
            {"conv": 1, "reorder": 2, "add": 1},
        ),
        (
            "h = Conv<PADS>(x, w) g = Reshape(h, pieces) y = ReduceMax<axes = [2], keepdims = 0>(g)",
            {"conv": 1, "reorder": 2, "extremum": 1},
        ),
        (
            "a = Conv<PADS>(x, k) b = Conv<PADS>(x, l) c = Concat<axis = 1>(a, b) g = Reshape(c, groups) "
            "s = Mul(g, gain) r = Relu(s) y = ReduceMean<axes = [1], keepdims = 0>(r)",
            {"conv": 2, "add": 1},
        ),
    ],
)
def test_what_reduces_groups_of_channels(tmp_path: Path, body: str, expected: dict[str, int]) -> None:
    """Max-out, and the sum of branches that are one convolution, are operators on some of its channels."""
    assert kinds(check(save(tmp_path, body.replace("PADS", PADS), (1, 3, 6, 8), K))[1]) == expected


@pytest.mark.parametrize(
    "gates",
    [
        "g = Reshape(q, gates)",
        "q0, q1 = Split<axis = 1>(q) u0 = Unsqueeze(q0, first) u1 = Unsqueeze(q1, first) g = Concat<axis = 1>(u0, u1)",
    ],
)
@pytest.mark.parametrize(
    "chosen",
    [
        "ua = Unsqueeze(a, first) ub = Unsqueeze(b, first) t = Concat<axis = 1>(ua, ub) m = Mul(t, s) "
        "y = ReduceSum<keepdims = 0>(m, first)",
        "s0 = Gather<axis = 1>(s, zero) s1 = Gather<axis = 1>(s, one) m0 = Mul(a, s0) m1 = Mul(b, s1) y = Add(m0, m1)",
        "h0, h1 = Split<axis = 1>(s) r0 = Reshape(h0, line) r1 = Reshape(h1, line) m0 = Mul(a, r0) m1 = Mul(b, r1) "
        "y = Add(m0, m1)",
    ],
)
def test_selective_kernels(tmp_path: Path, gates: str, chosen: str) -> None:
    """A softmax over branches of a vector's halves weighs two maps, as in SKNet and MIRNet."""
    body = f"""a = Conv<{PADS}>(x, k) b = Conv<{PADS}>(x, l) c = Add(a, b) p = GlobalAveragePool(c) q = Conv(p, v)
        {gates} s = Softmax<axis = 1>(g) {chosen}"""
    found = kinds(check(save(tmp_path, body, (1, 3, 6, 8), K))[1])
    assert found["conv"] == 3 and "concat" not in found
    assert found["reorder"] == 2, "the halves of the vector, and nothing else"


@pytest.mark.parametrize("shares", ["y = Div(r, t)", "e = Log(t) y = Sub(r, e)"])
def test_shares_of_a_sum_of_branches(tmp_path: Path, shares: str) -> None:
    """Branches over what they add up to, and a bit more, as a weighted fusion has it."""
    body = f"h = Conv<{PADS}>(x, w) g = Reshape(h, groups) r = Sigmoid(g) s = ReduceSum(r, first) t = Add(s, one_more)"
    constants = {**K, "one_more": np.array(1e-2, np.float32)}
    found = kinds(check(save(tmp_path, f"{body} {shares}", (1, 3, 6, 8), constants))[1])
    assert found["conv"] == 1 and found["concat"] == 1


def test_softmax_over_one_axis_of_a_vector_seen_as_rows_and_channels(tmp_path: Path) -> None:
    """Of rank 4 a view of a vector has no pixels that a layer would know."""
    body = "p = GlobalAveragePool(x) h = Conv(p, v) g = Reshape(h, flat) y = Softmax<axis = 1>(g)"
    assert "extremum" in kinds(check(save(tmp_path, body, (1, 4, 6, 8), K))[1])


@pytest.mark.parametrize(("axis", "seen"), [("last", "wide"), ("second", "paired"), ("third", "tall")])
def test_a_stack_that_is_a_view(tmp_path: Path, axis: str, seen: str) -> None:
    """Columns of two maps one beside the other, channels of both in turns, and rows of both in turns."""
    kernel = "u" if seen == "paired" else "v"
    body = f"""a = Conv<{PADS}>(x, k) b = Conv<{PADS}>(x, l) ua = Unsqueeze(a, {axis}) ub = Unsqueeze(b, {axis})
        t = Concat<axis = {int(K[axis][0])}>(ua, ub) s = Reshape(t, {seen}) y = Conv(s, {kernel})"""
    found = kinds(check(save(tmp_path, body, (1, 3, 6, 8), K))[1])
    assert found["concat"] == 1


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax"])
def test_windows_whose_axes_stand_last(tmp_path: Path, op: str) -> None:
    """``x.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))``: rows and columns in steps of two."""
    constants = {"k": K["k"], "v": K["v"], "windows": np.array([1, 4, 3, 2, 4, 2])}
    body = f"""a = Conv<{PADS}>(x, k) g = Reshape(a, windows) t = Transpose<perm = [0, 1, 2, 4, 3, 5]>(g)
        r = {op}<axes = [4, 5], keepdims = 0>(t) y = Conv(r, v)"""
    found = kinds(check(save(tmp_path, body, (1, 3, 6, 8), constants))[1])
    assert found["conv"] == 2 and found["add" if op == "ReduceMean" else "extremum"] == 3


def test_many_branches_stay_an_error(tmp_path: Path) -> None:
    """Of more than 16 branches no layers of their own are made."""
    constants = {"w": f32(RNG, 34, 3, 3, 3), "groups": np.array([1, 17, 2, 6, 8]), "first": np.array([1])}
    body = f"h = Conv<{PADS}>(x, w) g = Reshape(h, groups) y = ReduceSum<keepdims = 0>(g, first)"
    with pytest.raises(UnsupportedError, match="reduces axes"):
        check(save(tmp_path, body, (1, 3, 6, 8), constants))
