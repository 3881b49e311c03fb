"""The cycle model: when every beat of the RTL moves, without simulating it.

Each block of ``templates/rtl/lib`` is a recurrence over clock numbers (its header states latency and handshake); blocks
meet in links that know when each beat became valid and when it was taken.  The recurrences are evaluated demand
driven, so back-pressure, credits and line buffers act as they do in hardware.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

from gan2hls.hardware.design import OUT_QUEUE_WORDS, Design, EngineDesign
from gan2hls.hardware.width_converters import converters

# Clocks between events, from the headers of the RTL library.
_ROW_DONE_TO_GRANT = 1
_GRANT_TO_STEP = 1
_GRANTS_AHEAD = 4
_RELEASE_TO_READY = 5
_STEP_TO_PUSH = 9
_SKIP = 2  # more from a step to its address, and so to its push and to the release of rows
_REQUANT = 7
_TABLE = 2

#: The mean of the last two intervals counts, since short ones may alternate: as many frames as the bench measures, one
#: less where a frame is long and its steady state comes sooner.
_FRAMES, _LONG_FRAMES = 5, 4
_LONG_FRAME_CYCLES = 50_000


@final
@dataclass(frozen=True)
class Estimate:
    """What the model predicts at full rate on both sides.

    Attributes:
        layers: MAC cycles of one frame, by layer name (output beats for a pointwise layer).
        latency: clocks from the first input beat to the last output beat of the first frame.
        interval: clocks between the last beats of two frames in the steady state.
    """

    layers: dict[str, int]
    latency: int
    interval: int


@lru_cache(maxsize=8)
def estimate(design: Design) -> Estimate:
    """Return the predicted cycles of ``design`` (remembered by identity: a design never changes)."""
    layers = {e.layer.name: e.mac_cycles if e.linear else e.out_beats for e in design.engines}
    frames = _FRAMES if design.interval_limit < _LONG_FRAME_CYCLES else _LONG_FRAMES
    first, last = _simulate(design, frames)
    return Estimate(layers, last[0] - first, -(-(last[-1] - last[-3]) // 2))


@final
@dataclass
class _Link:
    """A stream: clock in which each beat is first valid, and in which it is taken."""

    valid: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)


@final
@dataclass
class _Queue:
    """A ``g2h_fifo``: clock of each push, and of each load into the output register, which gives a credit back."""

    push: list[int] = field(default_factory=list)
    load: list[int] = field(default_factory=list)


#: A block: yields ``(events, count)`` while it waits for ``events`` to hold more than ``count`` entries.
_Block = Iterator[tuple[Sequence[int], int]]


def _simulate(design: Design, frames: int) -> tuple[int, list[int]]:
    """Return the clock of the first input beat and those of each frame's last output beat."""
    source = link = _Link()
    beats = design.engines[0].in_beats * frames
    blocks: list[_Block] = [_source(source, beats)]
    lanes = design.engines[0].in_lanes
    interval = max(engine.interval for engine in design.engines)
    for engine in design.engines:
        made, link = _convert(link, lanes, engine, interval, frames)
        blocks += made
        made, link = _engine(engine, link, frames)
        blocks += made
        lanes = engine.out_lanes
    out = design.engines[-1].out_beats
    blocks.append(_sink(link, out * frames))
    _run(blocks, link, out * frames)
    return source.taken[0], [link.taken[n * out - 1] for n in range(1, frames + 1)]


def _run(blocks: list[_Block], last: _Link, beats: int) -> None:
    """Resume every block whose events have come until the last beat is taken."""
    waits = [next(block, _DONE) for block in blocks]
    while len(last.taken) < beats:
        moved = False
        for n, (events, count) in enumerate(waits):
            if len(events) > count:
                waits[n] = next(blocks[n], _DONE)
                moved = True
        assert moved, "the cycle model is stuck"


#: What a finished block waits for: nothing that ever comes.
_DONE: tuple[Sequence[int], int] = ((), 0)


def _source(link: _Link, beats: int) -> _Block:
    """A source that always has the next beat."""
    valid, taken = link.valid, link.taken
    valid.append(0)
    for n in range(1, beats):
        while len(taken) < n:
            yield taken, n - 1
        valid.append(taken[n - 1] + 1)


def _sink(link: _Link, beats: int) -> _Block:
    """A sink that is always ready."""
    valid, taken = link.valid, link.taken
    for n in range(beats):
        while len(valid) <= n:
            yield valid, n
        taken.append(valid[n])


def _convert(link: _Link, lanes: int, engine: EngineDesign, interval: int, frames: int) -> tuple[list[_Block], _Link]:
    """Return the width converters between a stream of ``lanes`` elements a beat and ``engine``."""
    elements = engine.in_beats * engine.in_lanes
    blocks: list[_Block] = []
    for stage in converters(lanes, engine.in_lanes, elements, interval):
        made = _Link()
        block = _up if stage.direction == "up" else _down
        blocks.append(block(link, made, stage.ratio, elements * frames // stage.out_lanes))
        link = made
    return blocks, link


def _down(source: _Link, made: _Link, ratio: int, beats: int) -> _Block:
    """``g2h_down``: the next wide beat is taken in the clock in which the last narrow one leaves."""
    for n in range(beats):
        if n:
            while len(made.taken) < n:
                yield made.taken, n - 1
        free = made.taken[n - 1] if n else 0
        if n % ratio == 0:
            wide = n // ratio
            while len(source.valid) <= wide:
                yield source.valid, wide
            source.taken.append(max(source.valid[wide], free))
            free = source.taken[wide]
        made.valid.append(free + 1)


def _up(source: _Link, made: _Link, ratio: int, beats: int) -> _Block:
    """``g2h_up``: the last narrow beat waits until the former wide one has left."""
    valid, taken = source.valid, source.taken
    at, clock = 0, -1
    for n in range(beats):
        for part in range(ratio):
            while len(valid) <= at:
                yield valid, at
            clock = max(valid[at], clock + 1)
            if part == ratio - 1 and n:
                while len(made.taken) < n:
                    yield made.taken, n - 1
                clock = max(clock, made.taken[n - 1] + 1)
            taken.append(clock)
            at += 1
        made.valid.append(clock + 1)


def _engine(engine: EngineDesign, source: _Link, frames: int) -> tuple[list[_Block], _Link]:
    out, out_queue = _Link(), _Queue()
    blocks: list[_Block] = []
    if engine.linear:
        acc_queue, acc = _Queue(), _Link()
        rows_done: list[int] = []
        released: list[int] = []
        serial = engine.folding.pe // engine.folding.lanes
        blocks.append(_loader(engine, source, rows_done, released, frames))
        blocks.append(_sequencer(engine, rows_done, released, acc_queue, frames))
        blocks.append(_fifo(acc_queue, acc, serial, _vectors(engine) * frames))
        source = acc
    blocks.append(_requant(engine, source, out_queue, frames))
    blocks.append(_fifo(out_queue, out, 1, engine.out_beats * frames))
    return blocks, out


def _vectors(engine: EngineDesign) -> int:
    g = engine.layer.geometry
    assert g is not None
    return len(g.y.outputs) * len(g.x.outputs) * engine.co_folds


def _loader(engine: EngineDesign, source: _Link, rows_done: list[int], released: Sequence[int], frames: int) -> _Block:
    """``g2h_loader``: a row may be written when a row of the line buffer is free."""
    g = engine.layer.geometry
    assert g is not None
    valid, taken = source.valid, source.taken
    row_words = engine.in_beats // g.y.in_size
    to_ready = _RELEASE_TO_READY + _later(engine)
    at, clock = 0, -1
    for row in range(g.y.in_size * frames):
        if row >= engine.rows:
            while len(released) <= row - engine.rows:
                yield released, row - engine.rows
            clock = max(clock, released[row - engine.rows] + to_ready - 1)
        for _ in range(row_words):
            while len(valid) <= at:
                yield valid, at
            clock = max(valid[at], clock + 1)
            taken.append(clock)
            at += 1
        rows_done.append(clock)


def _sequencer(
    engine: EngineDesign, rows_done: Sequence[int], released: list[int], queue: _Queue, frames: int
) -> _Block:
    """``g2h_row_grant`` and either sequencer: rows wait for inputs, vectors for credits, steps for nothing."""
    g = engine.layer.geometry
    assert g is not None
    to_push = _STEP_TO_PUSH + _later(engine) + engine.decoder_clocks + (engine.folding.simd - 1).bit_length()
    cycles = engine.vector_cycles.tolist()
    load, push, depth = queue.load, queue.push, engine.acc_queue_words
    takes: list[int] = []
    clock, grant, vector = 0, -1, 0
    for frame in range(frames):
        for row in range(len(g.y.outputs)):
            needed = frame * g.y.in_size + g.y.need[row]
            while len(rows_done) < needed:
                yield rows_done, needed - 1
            ahead = takes[-_GRANTS_AHEAD] + 1 if len(takes) >= _GRANTS_AHEAD else 0
            grant = max(rows_done[needed - 1] + _ROW_DONE_TO_GRANT, grant + 1, ahead)
            clock = max(clock, grant + _GRANT_TO_STEP)
            first = True
            for lengths in cycles[row]:
                for length in lengths:
                    if vector >= depth:
                        while len(load) <= vector - depth:
                            yield load, vector - depth
                        clock = max(clock, load[vector - depth] + 1)
                    if first:
                        takes.append(clock)
                        first = False
                    clock += length
                    push.append(clock - 1 + to_push)
                    vector += 1
            released.extend([clock - 1] * g.y.released[row])


def _later(engine: EngineDesign) -> int:
    return 0 if engine.skip is None else _SKIP


def _fifo(queue: _Queue, out: _Link, ratio: int, words: int) -> _Block:
    """``g2h_fifo``: the next word is loaded in the clock in which the last beat of the former one leaves."""
    push, load, valid, taken = queue.push, queue.load, out.valid, out.taken
    at, free = 0, 0
    for n in range(words):
        while len(push) <= n:
            yield push, n
        clock = max(push[n] + 1, free)
        load.append(clock)
        for _ in range(ratio):
            valid.append(clock + 1)
            while len(taken) <= at:
                yield taken, at
            clock = taken[at]
            at += 1
        free = clock


def _requant(engine: EngineDesign, source: _Link, queue: _Queue, frames: int) -> _Block:
    """``g2h_requant`` and ``g2h_table``: one beat a clock as long as there are credits."""
    latency = _REQUANT + (_TABLE if engine.layer.table else 0)
    valid, taken, push, load = source.valid, source.taken, queue.push, queue.load
    pattern = _pixel_pattern(engine)
    groups = engine.out_beats // len(pattern)
    at, beat, clock = 0, 0, -1
    for _ in range(frames):
        started = False
        for real in pattern:
            for _ in range(groups):
                clock += 1
                if beat >= OUT_QUEUE_WORDS:
                    while len(load) <= beat - OUT_QUEUE_WORDS:
                        yield load, beat - OUT_QUEUE_WORDS
                    clock = max(clock, load[beat - OUT_QUEUE_WORDS] + 1)
                if real or not started:
                    while len(valid) <= at:
                        yield valid, at
                    clock = max(clock, valid[at])
                if real:
                    taken.append(clock)
                    at += 1
                started = started or real
                push.append(clock + latency)
                beat += 1


def _pixel_pattern(engine: EngineDesign) -> list[bool]:
    """Return, per output pixel in raster order, whether it has taps."""
    g = engine.layer.geometry
    if g is None:
        return [True] * (engine.out_beats * engine.folding.lanes // engine.layer.requant.channels)
    return [bool(y) and bool(x) for y in g.y.taps for x in g.x.taps]
