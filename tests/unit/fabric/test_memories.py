"""Memories: shapes by hand, and rules that hold for every shape.  Yosys' own counts: ``tests/cosim``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.fabric import SERIES_7, Resources, bram18, memory_block, memory_cells, overall

#: Kilobits of a block RAM.
_BITS = 18 * 1024


@pytest.mark.parametrize(
    ("width", "depth", "blocks"),
    [
        (36, 512, 1),
        (18, 1024, 1),
        (8, 2048, 1),
        (512, 1152, 43),  # 3 slices of 512 rows: 1536 bits side by side, 36 in a block
        (1024, 1152, 86),
        (256, 4608, 64),  # not a bit is lost
        (128, 64, 0),
        (1, 1, 0),
    ],
)
def test_roms_by_hand(width: int, depth: int, blocks: int) -> None:
    assert bram18(SERIES_7, width, depth) == blocks


def test_a_buffer_goes_where_it_costs_less() -> None:
    """8 x 512 bits are a block RAM, 8 x 300 are 5 slices of 3 LUT RAMs; what is written has bytes of 9 bits."""
    assert bram18(SERIES_7, 8, 512, "buffer") == 1
    few = memory_cells(SERIES_7, 8, 300, "buffer")
    assert (few.bram18, few.slices, few.lut) == (0, 5, 5 * 3 * 4)
    assert bram18(SERIES_7, 8, 300, "ring") == 1
    assert memory_cells(SERIES_7, 8, 300, "queue").bram18 == 0, "block RAMs are read a clock later"
    assert (bram18(SERIES_7, 10, 2048, "ring"), bram18(SERIES_7, 10, 2048, "rom")) == (2, 2)
    assert (bram18(SERIES_7, 7, 2100, "ring"), bram18(SERIES_7, 7, 2100, "rom")) == (2, 1)


@given(st.integers(1, 2000), st.integers(65, 20_000))
def test_block_rams_hold_their_bits(width: int, depth: int) -> None:
    assert bram18(SERIES_7, width, depth) * _BITS >= width * depth
    assert bram18(SERIES_7, width, depth, "ring") * _BITS >= width * depth


def test_steering_writes_may_take_another_shape() -> None:
    """103 x 3073: to select from 4 slices, not 7, is worth two block RAMs, but not three."""
    assert (bram18(SERIES_7, 103, 3073), bram18(SERIES_7, 103, 3073, "ring")) == (23, 21)


@given(st.integers(1, 300), st.integers(1, 5000))
def test_a_block_has_all_that_its_memory_has(width: int, depth: int) -> None:
    for block, kind in (("rom", "rom"), ("line_buffer", "buffer"), ("ring", "ring"), ("queue", "queue")):
        taken, cells = memory_block(SERIES_7, width, depth + 1, block), memory_cells(SERIES_7, width, depth + 1, kind)  # type: ignore[arg-type]
        assert taken.bram18 == cells.bram18 and taken.lut >= cells.lut
        assert taken.ff >= min(width, 1) and taken.dsp == taken.uram == 0


def test_resources_add_up_and_compare() -> None:
    one, two = Resources(1, 2, 3, 4, 5), Resources(10, 20, 30, 40, 50)
    assert overall((one, two, one)) == 2 * one + two == Resources(12, 24, 36, 48, 60)
    assert two - one == 9 * one and one.within(two) and one.within(one) and not two.within(one)
    for name, count in one:
        more = Resources(**{**dict(one), name: count + 1})
        assert one.within(more) and not more.within(one)
