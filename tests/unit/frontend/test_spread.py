"""Operands that a node in front repeats: read as they are where an elementwise node spreads them by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(33)


@pytest.mark.parametrize("repeated", ["Tile(x, repeats)", "Expand(x, shape)", "Concat<axis = 1>(x, x, x, x)"])
@pytest.mark.parametrize("op", ["Mul", "Sub"])
def test_what_a_sum_or_product_repeats_by_itself(tmp_path: Path, op: str, repeated: str) -> None:
    """A mask of one channel, repeated for each of an image, is a plane as it is."""
    constants = {"k": f32(RNG, 4, 1, 3, 3), "l": f32(RNG, 2, 4, 1, 1), "repeats": np.array([1, 4, 1, 1])}
    body = f"h = Conv<pads = [1, 1, 1, 1]>(x, k) r = {repeated} p = {op}(h, r) y = Conv(p, l)"
    _, final = check(save(tmp_path, body, (1, 1, 6, 8), {**constants, "shape": np.array([1, 4, 6, 8])}))
    assert kinds(final) == {"conv": 2, "add" if op == "Sub" else "mul": 1}


def test_a_function_of_what_is_repeated(tmp_path: Path) -> None:
    """An attention mask that is repeated for each channel of an image, and what it leaves of another one."""
    constants = {
        "k": f32(RNG, 1, 3, 3, 3),
        "l": f32(RNG, 3, 3, 3, 3),
        "repeats": np.array([1, 3, 1, 1]),
        "one": f32(RNG),
    }
    body = """a = Conv<pads = [1, 1, 1, 1]>(x, k) m = Sigmoid(a) r = Tile(m, repeats) u = Mul(x, r) e = Sub(one, r)
        h = Conv<pads = [1, 1, 1, 1]>(x, l) v = Mul(e, h) y = Add(u, v)"""
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), constants))
    assert kinds(final)["conv"] == 2 and kinds(final)["mul"] == 2
    assert "reorder" not in kinds(final), "nothing is copied"


@pytest.mark.parametrize(
    "gated",
    [
        "y = Mul(a, g)",
        "m = Mul(a, g) d = ReduceMean<axes = [2]>(a) e = Sigmoid(d) y = Mul(m, e)",
        "p, q = Split<axis = 1>(a) s, t = Split<axis = 1>(g) m = Mul(p, s) y = Sub(m, q)",
        "t = Transpose<perm = [0, 2, 3, 1]>(a) c = ReduceMean<axes = [3]>(t) y = Mul(t, c)",
    ],
    ids=["rows", "rows, then columns", "of some channels", "a plane of channels that are last"],
)
def test_a_gate_for_each_row(tmp_path: Path, gated: str) -> None:
    """A strip of means over columns, spread along them again; the same shape is a plane where channels are last."""
    body = f"a = Conv<pads = [1, 1, 1, 1]>(x, k) r = ReduceMean<axes = [3]>(a) g = Sigmoid(r) {gated}"
    _, final = check(save(tmp_path, body, (1, 3, 6, 8), {"k": f32(RNG, 4, 3, 3, 3)}))
    assert kinds(final)["mul"] >= 1
