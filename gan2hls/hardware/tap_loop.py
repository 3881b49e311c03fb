"""Output rows whose taps come again: the memories of a tap program hold them once, and the sequencer goes round.

Far from both ends of a signal an output reads its inputs as the ones before it did, so many rows further on.  In the
line buffer they stand in the same slots again once the rows advance by a multiple of its length: a round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gan2hls.base import remembered
from gan2hls.hardware.line_buffer import linear_op
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.model import IntLayer
from gan2hls.ops import AxisTaps, TapEntry

#: Output rows after which taps may come again: strides, and products of strides and upsampling factors.
_MOST_PERIOD = 64
#: Taps that must be spared for the counters of a loop.
_WORTH_TAPS = 512


@final
@dataclass(frozen=True)
class TapLoop:
    """Output rows with taps, of which some are repeated.

    Attributes:
        first: rows in front of the first round.
        rows: of a round.
        rounds: how often they come, 2 or more.  Behind them there is a row at least.
        in_rows: input rows by which a round advances.
        all_rows: output rows with taps.
    """

    first: int
    rows: int
    rounds: int
    in_rows: int
    all_rows: int

    @property
    def stored(self) -> tuple[int, ...]:
        """The rows that are held, by number: those in front, of the first round, and behind the last one."""
        end = self.first + self.rows * self.rounds
        return (*range(self.first + self.rows), *range(end, self.all_rows))

    def entries(self, y: AxisTaps) -> tuple[TapEntry, ...]:
        """Return the taps of the rows that are held, of all taps ``y`` along the rows."""
        outputs = y.outputs
        return AxisTaps(y.in_size, y.kernel, tuple(y.taps[outputs[row]] for row in self.stored)).entries

    def taps_before(self, y: AxisTaps, row: int) -> int:
        """Return how many taps stand in front of those of ``row``, by number, of the rows that are held."""
        return sum(len(y.taps[y.outputs[stored]]) for stored in self.stored[:row])


def tap_loop(engine: LinearEngine, line_rows: int | None = None) -> TapLoop | None:
    """Return the loop of the dense tap program of ``engine``; None: it holds all rows, as one that skips blocks does.

    ``line_rows`` are those of another line buffer.
    """
    if engine.occupancy is not None:
        return None
    return _loop(engine.layer, engine.rows if line_rows is None else line_rows)


def granted_loop(engine: LinearEngine) -> TapLoop | None:
    """Return the same of the rows that are granted and released one by one; with weights off chip bands are."""
    return tap_loop(engine) if engine.off_chip is None else None


@remembered
def _loop(layer: IntLayer, line_rows: int) -> TapLoop | None:
    """Return the loop of a line buffer of so many rows; None: it spares too little."""
    y = linear_op(layer).geometry.y
    found = _period(layer)
    if found is None:
        return None
    first, end, period, advance = found
    turns = line_rows // math.gcd(line_rows, advance)
    rows, total = period * turns, len(y.outputs)
    rounds = (min(end, total - 1) - first) // rows
    loop = TapLoop(first, rows, rounds, advance * turns, total)
    spared = (rounds - 1) * sum(len(y.taps[o]) for o in y.outputs[first : first + rows])
    return loop if rounds > 1 and spared >= _WORTH_TAPS else None


@remembered
def _period(layer: IntLayer) -> tuple[int, int, int, int] | None:
    """Return the rows with taps, from which one to which, that come again after how many and how many input rows."""
    y = linear_op(layer).geometry.y
    taps, middle = [y.taps[o] for o in y.outputs], len(y.outputs) // 2
    for period in range(1, min(_MOST_PERIOD, middle) + 1):
        advance = taps[middle][0][0] - taps[middle - period][0][0]
        if advance > 0 and _comes_again(y, middle - period, period, advance):
            first, last = middle - period, middle - period
            while first > 0 and _comes_again(y, first - 1, period, advance):
                first -= 1
            while last + period + 1 < len(taps) and _comes_again(y, last + 1, period, advance):
                last += 1
            return first, last + period + 1, period, advance
    return None


def _comes_again(y: AxisTaps, row: int, period: int, advance: int) -> bool:
    """Whether the row with taps ``period`` behind ``row`` needs, reads and frees the same, ``advance`` rows on."""
    other = row + period
    moved = tuple((i + advance, k) for i, k in y.taps[y.outputs[row]])
    alike = y.need[row] + advance == y.need[other] and y.released[row] == y.released[other]
    return alike and moved == y.taps[y.outputs[other]]
