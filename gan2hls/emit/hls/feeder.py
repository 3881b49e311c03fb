"""The feeder's program: when an engine of the HLS back end loads input words and when it feeds its mac.

``templates/hls/lib/segments.hpp`` runs the program that is made here.  Everything about it is known at compile time, so
its loop has a fixed trip count and decides nothing at run time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.hardware import LinearEngine, stretch_rows

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


@final
@dataclass(frozen=True)
class Step:
    """A stretch of the mac's work.

    Attributes:
        need: input words that must be there when it starts.
        base: input rows that are no longer used by then.
        following: input words that the next output row, or band of rows, needs.
        cycles: of the mac.
    """

    need: int
    base: int
    following: int
    cycles: int


def feeder_program(engine: LinearEngine) -> tuple[Segment, ...]:
    """Return the segments of one frame of a linear engine.

    Each step needs ``need`` input words when it starts; input rows may be loaded early as long as they do not overwrite
    one that is still in use.  Loads are spread over the whole frame at the pace of the mac, ahead of the most urgent
    need, so that neither side waits for the other when neighbouring engines are balanced.  Where a row is one pixel,
    rows that are done too soon for that are a step together.
    """
    steps = feeder_steps(engine)
    found = _program(engine, steps)
    count = stretch_rows(engine.geometry, engine.folding)
    if count > 1 and engine.off_chip is None:
        joined = _joined(steps, count)
        if all(step.need <= _room(engine, step) for step in joined):
            found = min(found, _program(engine, joined), key=lambda program: sum(one.cycles for one in program))
    return found


def _room(engine: LinearEngine, step: Step) -> int:
    """Return how many input words of a frame may have come in while ``step`` reads."""
    return (step.base + engine.rows) * (engine.loads // engine.geometry.y.in_size)


def _joined(steps: tuple[Step, ...], count: int) -> tuple[Step, ...]:
    """Return so many steps each as one, which begins when the inputs of all of them are there."""
    groups = [steps[start : start + count] for start in range(0, len(steps), count)]
    needs = [group[-1].need for group in groups]
    return tuple(
        Step(need, group[0].base, following, sum(step.cycles for step in group))
        for group, need, following in zip(groups, needs, (*needs[1:], 0), strict=True)
    )


def _program(engine: LinearEngine, steps: tuple[Step, ...]) -> tuple[Segment, ...]:
    """Return the segments of ``steps``."""
    paces = _paces(steps, engine.loads)
    kept = kept_words(engine)
    segments: list[Segment] = []
    loaded = 0
    for n, (step, pace) in enumerate(zip(steps, paces, strict=True)):
        if step.need > loaded:
            if n:
                segments.append(Segment(GUARD, 0, emits=False))
            segments.append(Segment(step.need - loaded, step.need - loaded, emits=False))
            segments.append(Segment(GUARD, 0, emits=False))
            loaded = step.need
        room = _room(engine, step)
        limit = engine.loads if room >= kept else room
        early = max(0, min(max(pace, step.following), limit) - loaded)
        early = min(early, step.cycles - 2 * GUARD)
        if early > 0:
            segments.append(Segment(GUARD, 0, emits=True))
            segments.append(Segment(step.cycles - 2 * GUARD, early, emits=True))
            segments.append(Segment(GUARD, 0, emits=True))
            loaded += early
        else:
            segments.append(Segment(step.cycles, 0, emits=True))
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


def feeder_steps(engine: LinearEngine) -> tuple[Step, ...]:
    """Return the stretches of a frame in which the mac needs the same input rows.

    Each output row is one.  Where weights are off chip a band of rows is, whose last output fold frees them row by row.
    """
    y, vectors = engine.geometry.y, engine.vector_cycles
    words = engine.loads // y.in_size
    if engine.off_chip is None:
        cycles = vectors.sum(axis=(1, 2)).tolist()
        of_rows = zip(y.need, y.base, (*y.need[1:], 0), cycles, strict=True)
        return tuple(Step(need * words, base, following * words, work) for need, base, following, work in of_rows)
    bands = engine.bands
    folds = vectors.sum(axis=1)  # of a row
    steps = []
    for start, need, base, following in zip(bands.starts, bands.need, bands.base, (*bands.need[1:], 0), strict=True):
        rows = range(start, start + bands.rows)
        before = int(folds[start : start + bands.rows, :-1].sum())
        if before:
            steps.append(Step(need * words, base, following * words, before))
        steps += [Step(need * words, y.base[row], following * words, int(folds[row, -1])) for row in rows]
    return tuple(steps)


def _paces(steps: tuple[Step, ...], words: int) -> list[int]:
    """Return how many words should be loaded by the end of each step: a straight line that is never late."""
    total = max(1, sum(step.cycles for step in steps))
    line, done = [], 0
    for step in steps:
        done += step.cycles
        line.append(words * done // total)
    ahead = max((step.need - at for step, at in zip(steps[1:], line, strict=False)), default=0)
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
