"""The feeder's program: when an engine of the HLS back end loads input words and when it feeds its mac.

``templates/hls/lib/segments.hpp`` runs the program that is made here.  Everything about it is known at compile time, so
its loop has a fixed trip count and decides nothing at run time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.hardware import LinearEngine

#: Iterations between a write of the line buffer and a read of the same word, and the reverse; as in ``segments.hpp``.
GUARD = 8


@final
@dataclass(frozen=True)
class Segment:
    """``cycles`` iterations of the feeder, with ``loads`` input words spread evenly over them.

    Attributes:
        cycles: iterations.
        loads: input words that are taken meanwhile, 0..cycles.
        emits: whether every iteration sends a word to the mac.
    """

    cycles: int
    loads: int
    emits: bool


def feeder_program(engine: LinearEngine) -> tuple[Segment, ...]:
    """Return the segments of one frame of a linear engine.

    Each output row needs ``need`` input rows when it starts; input rows may be loaded early as long as they do not
    overwrite one that is still in use.  Loads are spread over the whole frame at the pace of the mac, ahead of the
    most urgent need, so that neither side waits for the other when neighbouring engines are balanced.
    """
    geometry = engine.geometry
    axis = geometry.y
    row_words = engine.loads // axis.in_size
    needs = [n * row_words for n in axis.need]
    steps = row_steps(engine)
    paces = _paces(needs, steps, engine.loads)
    kept = kept_words(engine)
    segments: list[Segment] = []
    loaded = 0
    for row, (need, cycles) in enumerate(zip(needs, steps, strict=True)):
        if need > loaded:
            if row:
                segments.append(Segment(GUARD, 0, emits=False))
            segments.append(Segment(need - loaded, need - loaded, emits=False))
            segments.append(Segment(GUARD, 0, emits=False))
            loaded = need
        room = (axis.base[row] + engine.rows) * row_words
        limit = engine.loads if room >= kept else room
        early = max(0, min(max(paces[row], *needs[row + 1 : row + 2], 0), limit) - loaded)
        early = min(early, cycles - 2 * GUARD)
        if early > 0:
            segments.append(Segment(GUARD, 0, emits=True))
            segments.append(Segment(cycles - 2 * GUARD, early, emits=True))
            segments.append(Segment(GUARD, 0, emits=True))
            loaded += early
        else:
            segments.append(Segment(cycles, 0, emits=True))
    if loaded < engine.loads:
        segments.append(Segment(engine.loads - loaded, engine.loads - loaded, emits=False))
    assert segments and not segments[0].emits, "the feeder learns of its first pixel while it loads"
    return _merged(segments)


def feeder_cycles(engine: LinearEngine) -> int:
    """Return the trip count of the feeder's loop: ``mac_cycles``, the first rows and the stalls of one frame."""
    return sum(segment.cycles for segment in feeder_program(engine))


def kept_words(engine: LinearEngine) -> int:
    """Return how many input words of a frame are ever stored; the rows behind them are used by no output."""
    axis = engine.geometry.y
    return max(axis.need, default=0) * (engine.loads // axis.in_size)


def row_steps(engine: LinearEngine) -> list[int]:
    """Return the mac's cycles for each output row that has taps."""
    return [int(cycles) for cycles in engine.vector_cycles.sum(axis=(1, 2))]


def _paces(needs: list[int], steps: list[int], words: int) -> list[int]:
    """Return how many words should be loaded by the end of each row: a straight line that is never late."""
    total = max(1, sum(steps))
    line, done = [], 0
    for cycles in steps:
        done += cycles
        line.append(words * done // total)
    ahead = max((need - at for need, at in zip(needs[1:], line, strict=False)), default=0)
    return [min(words, at + max(0, ahead)) for at in line]


def _merged(segments: list[Segment]) -> tuple[Segment, ...]:
    """Join neighbours without loads, and drop empty ones."""
    merged: list[Segment] = []
    for segment in segments:
        if not segment.cycles:
            continue
        last = merged[-1] if merged else None
        if last and last.emits == segment.emits and last.loads == segment.loads == 0:
            merged[-1] = Segment(last.cycles + segment.cycles, 0, segment.emits)
        else:
            merged.append(segment)
    return tuple(merged)
