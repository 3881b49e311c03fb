"""The program of a ``hold``, between what must have been taken and what can be."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.hold import Hold, hold_program
from gan2hls.numbers import Int64Array


def replay(program: tuple[Segment, ...]) -> tuple[list[int], int]:
    """Run ``program`` as ``hold.hpp`` does: beats taken when each was given, and how many were held at most."""
    taken, given, most, before = 0, 0, 0, []
    for segment in program:
        credit = segment.loads - segment.cycles
        for _ in range(segment.cycles):
            if segment.emits:
                before.append(taken)
                given += 1
            if credit >= 0:
                taken += 1
            credit += segment.loads - (segment.cycles if credit >= 0 else 0)
            most = max(most, taken - given)
    return before, most


def bounds(rng: np.random.Generator, beats: int, width: int) -> tuple[Int64Array, Int64Array]:
    """Return a random corridor, of rows that come in bursts."""
    n = np.arange(beats)
    row = int(rng.integers(1, 12))
    least = np.minimum(np.maximum(n // row * row + int(rng.integers(1, 3 * row)), n + 1), beats)
    most = np.minimum(np.maximum.accumulate(least + rng.integers(0, width + 1, beats)), beats)
    return least, most


@pytest.mark.parametrize("width", [0, 2, 20])
@pytest.mark.parametrize("seed", range(20))
def test_it_stays_between_its_bounds(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    beats = int(rng.integers(1, 200))
    least, most = bounds(rng, beats, width)
    program = hold_program(least, most)
    before, held = replay(program)
    assert len(before) == beats and (least <= before).all() and (before <= most).all()
    hold = Hold(program)
    assert sum(segment.loads for segment in program) == beats and hold.words == held
    assert hold.cycles == sum(segment.cycles for segment in program)


def test_a_wide_corridor_takes_few_segments() -> None:
    n = np.arange(1000)
    program = hold_program(np.minimum(n + 100, 1000), np.minimum(n + 140, 1000))
    assert program[0] == Segment(120, 120, emits=False) and len(program) <= 8
