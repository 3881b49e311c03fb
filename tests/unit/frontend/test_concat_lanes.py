"""Concat of operands with few divisors in common: which neighbours are joined first, and where that is worth it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.frontend.concat_lanes import neighbours
from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(37)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [([9, 1, 1, 1], [1, 3]), ([64, 3, 1], [1, 2]), ([3, 1, 64], [2, 1]), ([64, 3], None), ([8, 8, 8], None)],
)
def test_neighbours_that_are_joined_first(channels: Sequence[int], expected: list[int] | None) -> None:
    assert neighbours(channels) == expected


@given(st.lists(st.integers(1, 24), min_size=3, max_size=8))
def test_more_lanes_and_no_slower_part(channels: list[int]) -> None:
    groups = neighbours(channels)
    if groups is None:
        return
    assert sum(groups) == len(channels) and len(groups) > 1
    ends = np.cumsum(groups)
    parts = [channels[end - count : end] for count, end in zip(groups, ends, strict=True)]
    lanes = math.gcd(*map(sum, parts))
    assert lanes > math.gcd(*channels)
    assert all(sum(part) // math.gcd(*part) <= sum(channels) // math.gcd(*channels) for part in parts)


@pytest.mark.parametrize(("wide", "concats"), [(False, 2), (True, 1)])
def test_only_where_nothing_else_takes_longer(tmp_path: Path, wide: bool, concats: int) -> None:
    """Beside a layer that multiplies for longer than the Concat takes, an engine more would be for nothing."""
    constants = {
        "w": f32(RNG, 9, 3, 3, 3),
        "u": f32(RNG, 512, 9, 1, 1),
        "v": f32(RNG, 9, 512, 1, 1),
        **{name: f32(RNG, 1, 9, 1, 1) for name in "abc"},
        "k": f32(RNG, 3, 12, 1, 1),
    }
    middle = "p = Conv(g, u) q = Relu(p) h = Conv(q, v)" if wide else "h = Neg(g)"
    body = f"""g = Conv<pads = [1, 1, 1, 1]>(x, w) {middle} m = Conv(h, a) n = Conv(h, b) o = Conv(h, c)
        j = Concat<axis = 1>(h, m, n, o) y = Conv(j, k)"""
    assert kinds(check(save(tmp_path, body, (1, 3, 6, 8), constants))[1])["concat"] == concats


def test_four_lanes_are_enough(tmp_path: Path) -> None:
    """Four maps of four channels could be joined in two steps, of eight lanes at last."""
    constants = {name: f32(RNG, 4, 3, 3, 3) for name in "abcd"}
    maps = " ".join(f"m{name} = Conv<pads = [1, 1, 1, 1]>(x, {name})" for name in "abcd")
    body = f"{maps} y = Concat<axis = 1>(ma, mb, mc, md)"
    assert neighbours([4, 4, 4, 4]) == [2, 2]
    assert kinds(check(save(tmp_path, body, (1, 3, 6, 8), constants))[1])["concat"] == 1
