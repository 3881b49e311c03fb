"""Foldings that cannot be: the layer, the value, what would be legal."""

from __future__ import annotations

import pytest

from gan2hls.base.errors import FoldingError
from gan2hls.hardware import FoldingRequest
from gan2hls.hardware.schedule import Target, schedule
from tests.unit.hardware.test_schedule import generator


def refused(target: Target, **pinned: FoldingRequest) -> FoldingError:
    with pytest.raises(FoldingError) as found:
        schedule(generator(), target, pinned)
    assert found.value.exit_code == 6
    return found.value


@pytest.mark.parametrize(
    ("request_", "message", "legal"),
    [
        (FoldingRequest(pe=4), "PE 4 does not divide 6", "[1, 2, 3, 6]"),
        (FoldingRequest(simd=3), "SIMD 3 does not divide 4", "[1, 2, 4]"),
        (FoldingRequest(pe=3, lanes=2), "lanes 2 does not divide 3", "[1, 3]"),
        (FoldingRequest(lanes=4), "lanes 4 does not divide 6", "[1, 2, 3, 6]"),
        (FoldingRequest(pe=4096), "PE 4096 does not divide 6", "[1, 2, 3, 6]"),
    ],
)
def test_a_value_that_does_not_divide(request_: FoldingRequest, message: str, legal: str) -> None:
    error = refused(Target(), l1=request_)
    assert error.where == "l1" and error.message == message and legal in error.hint


def test_a_budget_that_nothing_fits() -> None:
    error = refused(Target(dsp=5))
    assert "needs 6 DSP blocks, 5 are allowed" in error.message and "target.dsp" in error.hint


def test_a_pinned_folding_beyond_the_budget() -> None:
    error = refused(Target(dsp=20), l1=FoldingRequest(6, 4))
    assert "20 are allowed" in error.message


def test_a_frame_rate_out_of_reach_says_what_is_in_reach() -> None:
    error = refused(Target(clock_mhz=100.0, fps=5e7))
    assert "5e+07 frames/s at 100 MHz leave 2 cycles" in error.message
    best = float(error.hint.split("at most ")[1].split()[0])
    assert error.where in ("l0", "l1", "l2")
    design = schedule(generator(), Target(clock_mhz=100.0, fps=best, dsp=5000), {})
    assert max(e.interval for e in design.engines) <= 1e8 / best
    assert best == int(best), "a rounded number could lie above what is in reach"


def test_a_frame_rate_beyond_the_budget() -> None:
    error = refused(Target(clock_mhz=100.0, fps=9e5, dsp=12))
    assert "12 are allowed" in error.message and "fewer frames/s" in error.hint
    assert schedule(generator(), Target(clock_mhz=100.0, dsp=12), {}).engines, "without fps it fits"
