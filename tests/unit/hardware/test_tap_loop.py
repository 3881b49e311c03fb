"""Rows whose taps come again: the memories, walked as the sequencer walks them, are the whole tap program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.hardware import Folding, LinearEngine, OffChip, granted_loop, make_engine, tap_loop
from gan2hls.hardware.tap_loop import TapLoop
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import AxisTaps, LinearGeometry, conv_axis, conv_transpose_axis
from tests.randomized import conv, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)
ONE = conv_axis(1, 1, 1, 1, (0, 0))


def engine_of(geometry: LinearGeometry, rows: int | None = None, off_chip: OffChip | None = None) -> LinearEngine:
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8)
    made = make_engine(layer, Folding(1, 1, 1), rows=rows, off_chip=off_chip)
    assert isinstance(made, LinearEngine)
    return made


def walk(loop: TapLoop) -> list[tuple[int, int]]:
    """Return the rows that are walked, as the number of what is held, and the round."""
    end = loop.first + loop.rows
    rounds = [(row, n) for n in range(loop.rounds) for row in range(loop.first, end)]
    return [(row, 0) for row in range(loop.first)] + rounds + [(row, 0) for row in range(end, len(loop.stored))]


def check(y: AxisTaps, rows: int, loop: TapLoop) -> None:
    walked = walk(loop)
    assert len(walked) == len(y.outputs) == loop.all_rows and loop.stored[-1] == len(y.outputs) - 1
    entries = iter(loop.entries(y))
    held = [[next(entries) for _ in y.taps[y.outputs[row]]] for row in loop.stored]
    for row, (place, turn) in enumerate(walked):
        like = loop.stored[place]
        assert [(e.i % rows, e.k) for e in held[place]] == [(i % rows, k) for i, k in y.taps[y.outputs[row]]]
        assert [e.last for e in held[place]] == [False] * (len(held[place]) - 1) + [True]
        assert y.need[row] == y.need[like] + turn * loop.in_rows and y.released[row] == y.released[like]
    for place in range(len(loop.stored) + 1):
        assert loop.taps_before(y, place) == sum(map(len, held[:place]))


@settings(max_examples=60, deadline=None)
@given(st.integers(150, 700), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.integers(0, 9))
def test_held_rows_are_all_rows(
    size: int, kernel: int, stride: int, dilation: int, transposed: bool, extra: int
) -> None:
    reach = (kernel - 1) * dilation + 1
    if transposed:
        y = conv_transpose_axis(size, kernel, stride, dilation, reach // 2, size * stride)
    else:
        y = conv_axis(size, kernel, stride, dilation, (reach // 2, reach // 2))
    rows = min(y.window + extra, y.in_size)
    engine = engine_of(LinearGeometry(y, ONE, 1, 1, transposed=transposed), rows)
    loop = tap_loop(engine)
    if loop is not None:
        check(y, rows, loop)
        assert loop.rounds > 1 and y.count - len(loop.entries(y)) >= 512


@pytest.mark.parametrize(
    ("y", "rows", "held"),
    [
        (conv_axis(1000, 3, 1, 1, (1, 1)), 4, 14),
        (conv_transpose_axis(1000, 4, 2, 1, 1, 2000), 4, 22),
        (conv_axis(1000, 4, 2, 1, (1, 1)), 6, 9),
    ],
)
def test_few_rows_are_held_of_a_signal(y: AxisTaps, rows: int, held: int) -> None:
    loop = tap_loop(engine_of(LinearGeometry(y, ONE, 2, 3), rows))
    assert loop is not None and len(loop.stored) <= held
    check(y, rows, loop)


def test_short_programs_are_held_whole_and_bands_are_granted_one_by_one() -> None:
    assert tap_loop(engine_of(conv((64, 64), 1, 1, k=3, p=1))) is None
    y = conv_axis(1000, 3, 1, 1, (1, 1))
    on_chip, away = (engine_of(LinearGeometry(y, ONE, 2, 3), 6, place) for place in (None, OffChip(1, 64)))
    assert tap_loop(on_chip) == tap_loop(away) == granted_loop(on_chip) is not None
    assert granted_loop(away) is None


def test_frames_of_another_line_buffer_have_other_rounds() -> None:
    engine = engine_of(LinearGeometry(conv_axis(1000, 3, 1, 1, (1, 1)), ONE, 2, 3), 4)
    loops = [tap_loop(engine, rows) for rows in (4, 5)]
    assert [loop and (loop.rows, loop.in_rows) for loop in loops] == [(4, 4), (5, 5)]
