"""What more bits for activations may take: 2 % of the blocks, a whole one at least, and no time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.quantize.cost_bound import CostBound, Dearer, DesignCost

BLOCKS = st.integers(0, 5000)


def bound(percent: float) -> CostBound:
    return CostBound(percent, 0.0, lambda _: None, lambda _: True)


@pytest.mark.parametrize(
    ("percent", "blocks", "most"),
    [(2, 163, 166), (2, 149, 151), (2, 80, 81), (2, 6, 7), (2, 0, 1), (0, 163, 163), (50, 6, 9)],
)
def test_a_share_of_the_blocks_and_one_at_least(percent: float, blocks: int, most: int) -> None:
    assert bound(percent).most(DesignCost(blocks, 1000, 512)).dsp == most
    assert bound(percent).most(DesignCost(1000, blocks, 512)).bram18 == most


def test_time_is_not_for_sale() -> None:
    most = bound(1000.0).most(DesignCost(10, 10, 512))
    assert DesignCost(110, 110, 512).within(most) and not DesignCost(10, 10, 513).within(most)
    assert not DesignCost(111, 10, 512).within(most) and not DesignCost(10, 111, 512).within(most)


@given(BLOCKS, BLOCKS, BLOCKS, BLOCKS)
def test_the_percentage_that_is_told_is_enough(dsp: int, bram18: int, more_dsp: int, more_bram18: int) -> None:
    narrow, cost = DesignCost(dsp, bram18, 9), DesignCost(dsp + more_dsp, bram18 + more_bram18, 9)
    if cost == narrow or (dsp == 0 and more_dsp > 1) or (bram18 == 0 and more_bram18 > 1):
        return
    percent = float(str(Dearer(38.6, narrow, cost)).split("activation_cost_percent: ")[1].split()[0])
    assert cost.within(bound(percent).most(narrow))
    if percent > 1:
        assert not cost.within(bound(percent - 1).most(narrow))


def test_what_costs_time_needs_the_bound_gone() -> None:
    said = str(Dearer(38.6, DesignCost(220, 80, 1792), DesignCost(156, 81, 2048)))
    assert said == (
        "38.6 dB would take 81 block RAMs of 18 kbit instead of 80 and 2048 cycles a frame instead of 1792; "
        "precision.activation_cost_percent: null lets them"
    )
    assert str(Dearer(38.6, DesignCost(220, 80, 1792), None)) == "for 38.6 dB the target is too small"


def test_what_the_floor_takes_is_told_and_what_more_would_take_beyond_it() -> None:
    narrow, floor = DesignCost(220, 171, 1000), DesignCost(220, 176, 1240)
    paid = (
        "precision.activation_psnr_floor_db takes 176 block RAMs of 18 kbit instead of 171 and 1240 cycles a frame "
        "instead of 1000; "
    )
    more = "1320 cycles a frame instead of 1240; precision.activation_cost_percent: null lets them"
    assert str(Dearer(41.9, narrow, DesignCost(219, 176, 1320), floor)) == f"{paid}41.9 dB would take {more}"
    assert str(Dearer(41.9, narrow, None, floor)) == f"{paid}for 41.9 dB the target is too small"
