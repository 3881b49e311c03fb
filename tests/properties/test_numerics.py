"""The one rounding rule against exact fractions, and the integer types."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.numbers.numerics import FLOAT64_EXACT, IntType, QuantType, Requant


@st.composite
def requants(draw: st.DrawFn) -> Requant:
    channels, pieces = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    out = IntType(draw(st.integers(2, 16)), draw(st.booleans()))
    shift = draw(st.integers(0, 4) | st.integers(0, 30))
    big = 1 << draw(st.sampled_from([4, 17]))

    def array(low: int, high: int) -> np.ndarray:
        values = draw(st.lists(st.integers(low, high), min_size=pieces * channels, max_size=pieces * channels))
        return np.array(values, np.int64).reshape(pieces, channels)

    lo = draw(st.integers(out.lo, out.hi))
    return Requant(
        array(-big, big - 1),
        array(-(1 << 44), 1 << 44) if draw(st.booleans()) else array(-(1 << 20), 1 << 20),
        array(-1000, 1000)[0],
        shift,
        draw(st.integers(-5, 5)),
        lo,
        draw(st.integers(lo, out.hi)),
        out,
        half_even=shift > 0 and draw(st.booleans()),
    )


def exactly(requant: Requant, acc: int, channel: int) -> int:
    """The contract in rationals: round half toward +inf, or to even, add the zero point, saturate."""
    piece = 1 if requant.pieces == 2 and acc >= int(requant.threshold[channel]) else 0
    value = Fraction(acc * int(requant.mult[piece, channel]) + int(requant.bias[piece, channel]), 1 << requant.shift)
    rounded = floor(value + Fraction(1, 2)) if requant.shift else int(value)
    if requant.half_even:
        rounded = round(value)  # of a Fraction: half to even
    return min(max(rounded + requant.zero_point, requant.lo), requant.hi)


@given(requants(), st.lists(st.integers(-64, 64) | st.integers(-(1 << 30), (1 << 30) - 1), min_size=1, max_size=8))
def test_requant_equals_fractions(requant: Requant, accs: list[int]) -> None:
    acc_type = IntType(31, signed=True)
    acc = np.repeat(np.array(accs, np.int64)[:, None], requant.channels, axis=1)
    expected = [[exactly(requant, a, c) for c in range(requant.channels)] for a in accs]
    assert requant(acc, acc_type).tolist() == expected


@given(requants(), st.lists(st.integers(-(1 << 15), (1 << 15) - 1), min_size=1, max_size=8))
def test_float64_path_equals_integer_path(requant: Requant, accs: list[int]) -> None:
    acc = np.repeat(np.array(accs, np.int64)[:, None], requant.channels, axis=1)
    narrow, wide = IntType(16, signed=True), IntType(44, signed=True)
    if -requant.sum_type(narrow).lo < FLOAT64_EXACT <= -requant.sum_type(wide).lo:
        assert (requant(acc, narrow) == requant(acc, wide)).all()
    assert (requant._in_int64(acc) == requant(acc, narrow)).all()


@given(requants(), st.integers(1, 44), st.booleans())
def test_the_type_of_sums_is_the_narrowest_of_both_ends(requant: Requant, bits: int, signed: bool) -> None:
    acc_type = IntType(bits, signed)
    words = list(zip(requant.mult.ravel().tolist(), requant.offset.ravel().tolist(), strict=True))
    sums = [end * mult + offset for mult, offset in words for end in (acc_type.lo, acc_type.hi)]
    covering = IntType.covering(min(-1, *sums), max(0, *sums))
    if covering.bits <= 62:
        assert requant.sum_type(acc_type) == covering
    else:
        with pytest.raises(AssertionError, match=f"requant needs {covering.bits} bits"):
            requant.sum_type(acc_type)


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-(1 << 40), 1 << 40))
def test_covering_is_the_narrowest_type(a: int, b: int) -> None:
    lo, hi = sorted((a, b))
    covering = IntType.covering(lo, hi)
    assert covering.lo <= lo
    assert hi <= covering.hi
    if covering.bits > 1:
        narrower = IntType(covering.bits - 1, covering.signed)
        assert not (narrower.lo <= lo and hi <= narrower.hi)


@given(st.integers(-300, 300), st.integers(0, 255))
def test_quantize_ties_go_up_and_saturate(half_steps: int, zero_point: int) -> None:
    quant = QuantType(IntType(8, signed=False), 0.5, zero_point)
    code = floor(Fraction(half_steps, 2) + Fraction(1, 2)) + zero_point
    assert int(quant.quantize(half_steps * 0.25)) == min(max(code, 0), 255)


@given(st.integers(-300, 300), st.integers(-3, 4), st.sampled_from(["even", "odd"]))
def test_quantize_takes_ties_to_even_or_odd_codes(
    half_steps: int, zero_point: int, ties: Literal["even", "odd"]
) -> None:
    quant = QuantType(IntType(8, signed=True), 0.5, zero_point, ties)
    exact = Fraction(half_steps, 2) + zero_point
    near = {floor(exact), ceil(exact)}
    code = int(quant.quantize(half_steps * 0.25))
    assert code == min(max(next(c for c in near if len(near) == 1 or c % 2 == (ties == "odd")), -128), 127)


def test_table_of_ties_and_negatives() -> None:
    """The table printed in docs/numerics.md."""
    requant = Requant(
        np.ones((1, 1), np.int64), np.zeros((1, 1), np.int64), np.zeros(1, np.int64), 1, 0, -128, 127, IntType(8, True)
    )
    acc = np.array([-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5])[:, None]
    assert requant(acc, IntType(8, signed=True)).ravel().tolist() == [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3]
