"""The program of a ``hold``: when a long queue of the HLS back end takes beats, and when it gives them.

A FIFO takes and gives as its neighbours can.  A process has an order, and one that is wrong may stop a design: before
it gives a beat it must have taken so many that another branch can pass on what its reader waits for, and it can take
only so many as that branch lets through.  ``timing.corridors`` knows both numbers for every beat; here a way is laid
between them, of segments as the feeder has them, straight ones and as few as possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from gan2hls.emit.hls.config import Constant, program_bits, program_width
from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.roms import Rom, segment_roms
from gan2hls.numbers import Int64Array


@final
@dataclass(frozen=True)
class Hold:
    """A ``hold``: its segments; a beat is loaded where it takes one, and emitted where it gives one."""

    program: tuple[Segment, ...]

    @property
    def cycles(self) -> int:
        """Iterations of its loop."""
        return sum(segment.cycles for segment in self.program)

    @cached_property
    def words(self) -> int:
        """Beats that it holds at most."""
        most = held = 0
        for segment in self.program:
            if segment.emits:
                n = np.arange(1, segment.cycles + 1)
                most = max(most, held + int((n * segment.loads // segment.cycles - n).max()))
                held -= segment.cycles
            held += segment.loads
            most = max(most, held)
        return most

    @property
    def segment_width(self) -> int:
        """Bits of a word of its program."""
        return program_width(self.program)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The compile-time numbers of its process."""
        return (
            Constant("CYCLES", self.cycles, "trip count"),
            Constant("WORDS", self.words, "beats that are held at most"),
            Constant("SEGMENTS", len(self.program), "steps of its program"),
            Constant("FIRST_CYCLES", self.program[0].cycles, "iterations of the first step, which gives nothing"),
            Constant("FIRST_LOADS", self.program[0].loads, "beats that it takes"),
            Constant("SEGMENT_BITS", program_bits(self.program), "iterations of a segment"),
            Constant("SEGMENT_WIDTH", self.segment_width, "segment: cycles, loads, their difference, flags"),
        )

    @property
    def roms(self) -> tuple[Rom, ...]:
        """The tables of its program."""
        return segment_roms(self.program, "Segment", ("iterations", "beats taken", "gives"))


def hold_program(least: Int64Array, most: Int64Array) -> tuple[Segment, ...]:
    """Return segments that take at least ``least[n]`` beats, and at most ``most[n]``, before they give beat ``n``.

    Args:
        least: int64 ``[beats]``, rising, ``n + 1`` or more.
        most: int64 ``[beats]``, rising, ``least`` or more.
    """
    beats, given, taken = least.size, 0, 0
    most = np.append(most, beats)
    segments: list[Segment] = []
    while given < beats:
        if taken < least[given]:
            more = int(least[given] + most[given]) // 2 - taken
            segments.append(Segment(more, more, emits=False))
            taken += more
        count, loads = _straight(least[given:], most[given:], taken)
        segments.append(Segment(count, loads, emits=True))
        given, taken = given + count, taken + loads
    assert taken == beats and not segments[0].emits, "a beat is given that was not taken"
    return tuple(segments)


def _straight(least: Int64Array, most: Int64Array, taken: int) -> tuple[int, int]:
    """Return how many beats can be given while beats are taken at an even pace, and how many are taken.

    Args:
        least: int64 ``[beats]``, that must have been taken before each is given.
        most: int64 ``[beats + 1]``, that can be taken before; the last one when all are given.
        taken: beats that were taken, from ``least[0]`` to ``most[0]``.
    """
    n = np.arange(1, least.size)
    low = np.maximum.accumulate(np.append(0.0, (least[1:] - taken) / n))
    high = np.minimum.accumulate(np.append(1.0, (most[1:-1] + 1 - taken) / n))
    count = int(np.argmin(np.append(low <= high, False)))
    while True:  # the bounds are those of a line, which is a stair in truth
        loads = round((low[count - 1] + high[count - 1]) / 2 * count)
        loads = max(0, min(loads, count, int(most[count]) - taken))
        stair = taken + np.arange(count + 1) * loads // count
        if (stair[:-1] >= least[:count]).all() and (stair <= most[: count + 1]).all():
            return count, loads
        assert count > 1, "a beat that can be given can be given"
        count = max(1, count * 3 // 4)
