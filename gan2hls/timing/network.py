"""Networks of the cycle model: blocks that meet in edges, as data.

A block is a kind, the edges that it reads and writes, integers and tables of integers; ``clocks`` says when its events
happen.  Whoever describes an engine returns a tuple of blocks, so a branch or another engine is more data, not code.

Edges are of two kinds.  A ``Stream`` has a handshake: its writer offers a beat, which leaves in the clock in which the
last of its readers takes it.  A stream of several readers is a fork: each takes the beat on its own.  A ``Queue`` has
credits: its writer may put a word while fewer than ``depth`` have been put and not freed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, final

import numpy as np

from gan2hls.numbers import Int64Array

Kind = Literal[
    "source", "sink", "up", "down", "loader", "sequencer", "fifo", "steps", "join", "deal", "requant", "requant_holes",
    "decoder", "expand", "meeting", "unpack", "reader", "writer",
]  # fmt: skip


@final
@dataclass(frozen=True)
class Stream:
    """A stream with valid and ready.

    Attributes:
        name: unique in its network.
        beats: that pass in all frames.
    """

    name: str
    beats: int


@final
@dataclass(frozen=True)
class Queue:
    """Words that a writer puts under credits and a reader frees, both in order: of a FIFO, or rows of a line buffer.

    Attributes:
        name: unique in its network.
        words: that pass in all frames.
        depth: credits of the writer.
        early: words that the reader may free at most before they are there.
    """

    name: str
    words: int
    depth: int
    early: int = 0


Edge = Stream | Queue


@final
@dataclass(frozen=True, eq=False)
class Block:
    """One block; ``kind`` says how its edges, numbers and tables are read: see the functions that make it.

    Attributes:
        kind: what it does.
        reads: edges that it reads.
        writes: edges that it writes.
        numbers: its parameters.
        tables: its programs, int64, flat.
        sees: queues of others whose words it waits for.
    """

    kind: Kind
    reads: tuple[Edge, ...]
    writes: tuple[Edge, ...]
    numbers: tuple[int, ...] = ()
    tables: tuple[Int64Array, ...] = ()
    sees: tuple[Queue, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.kind} of {(self.writes or self.reads)[0].name}"


def source(out: Stream, frames: int, after: Mapping[Queue, int] | None = None, later: int = 0) -> Block:
    """Return what always has the next beat of ``out``, the first one from the start.

    With ``after`` that comes ``later`` clocks after so many words have been put into each of those queues.
    """
    waits = after or {}
    words = np.fromiter(waits.values(), np.int64)
    return Block("source", (), (out,), (out.beats // frames, len(waits), later), (words,), tuple(waits))


def sink(stream: Stream, frames: int) -> Block:
    """Return what is always ready for the next beat of ``stream``."""
    return Block("sink", (stream,), (), (stream.beats // frames,))


def up(stream: Stream, out: Stream, ratio: int) -> Block:
    """Return a ``g2h_up``: the last narrow beat waits until the former wide one has left."""
    assert stream.beats == ratio * out.beats, out.name
    return Block("up", (stream,), (out,), (ratio,))


def down(stream: Stream, out: Stream, ratio: int) -> Block:
    """Return a ``g2h_down``: the next wide beat is taken in the clock in which the last narrow one leaves."""
    assert stream.beats * ratio == out.beats, out.name
    return Block("down", (stream,), (out,), (ratio,))


def loader(stream: Stream, rows: Queue, to_ready: int, latency: int = 0) -> Block:
    """Return a ``g2h_loader``: a row of beats may be written while a row of the line buffer is free.

    A row that is freed in clock t can be written in clock t + ``to_ready``, and one whose last beat is taken in clock t
    is there in clock t + ``latency``.
    """
    assert stream.beats % rows.words == 0, rows.name
    return Block("loader", (stream,), (rows,), (stream.beats // rows.words, rows.depth, to_ready, latency))


def sequencer(
    rows: Queue,
    vectors: Queue,
    *,
    in_rows: int,
    need: Sequence[int],
    released: Sequence[int],
    vector_cycles: Int64Array,
    to_push: int,
    tiles: Queue | None = None,
    tile_vectors: int = 0,
    tile_words: Sequence[int] = (),
) -> Block:
    """Return a ``g2h_row_grant`` with a sequencer: rows wait for inputs, vectors for credits, steps for nothing.

    With ``tiles`` it is a ``g2h_band_sequencer``, whose rows are bands: the first vector of a tile waits for that too;
    with ``tile_words`` a ``g2h_band_skip_sequencer``, whose tiles come word by word.

    Args:
        rows: of the line buffer.
        vectors: the accumulator queue.
        in_rows: input rows of a frame.
        need: per output row, the input rows of its frame that must be in.
        released: per output row, the input rows that are free after it.
        vector_cycles: int64 ``[output rows, ...]``, steps of each accumulator vector.
        to_push: clocks from the last step of a vector to its push.
        tiles: of weights.
        tile_vectors: vectors that share a tile.
        tile_words: words of each tile of a pass, of which ``tiles`` is a queue then (``g2h_tile_ring``).
    """
    row_vectors = vector_cycles.size // len(need)
    numbers = in_rows, len(need), row_vectors, vectors.depth, to_push, tile_vectors, len(tile_words)
    grants, sizes = (np.array(table, np.int64) for table in (need, released)), np.array(tile_words, np.int64)
    tables = *grants, vector_cycles.ravel(), sizes
    return Block("sequencer", (rows,) if tiles is None else (rows, tiles), (vectors,), numbers, tables)


def fifo(queue: Queue, out: Stream) -> Block:
    """Return a ``g2h_fifo``: the next word is loaded in the clock in which the last beat of the former one leaves."""
    assert out.beats % queue.words == 0, out.name
    return Block("fifo", (queue,), (out,), (out.beats // queue.words,))


@final
@dataclass(frozen=True)
class Phase:
    """Steps that repeat.

    Attributes:
        steps: of each, the numbers of the streams of which it takes a beat, and whether it offers one.
        repeats: how often they are done.
    """

    steps: tuple[tuple[tuple[int, ...], bool], ...]
    repeats: int


def steps(streams: Sequence[Stream], out: Stream, program: Sequence[Phase]) -> Block:
    """Return what follows ``program``, frame by frame, a step a clock: a unit with a register behind it.

    Every step waits for the beats that it takes, and one that offers a beat of ``out`` until the former one leaves.
    """
    if len(streams) > 1 and {step for phase in program for step in phase.steps} == {(tuple(range(len(streams))), True)}:
        return join(streams, out)
    starts = np.cumsum([0, *(len(phase.steps) for phase in program)])
    phases = [(int(at), len(phase.steps), phase.repeats) for at, phase in zip(starts, program, strict=False)]
    does = [int(offers) + sum(2 << n for n in takes) for phase in program for takes, offers in phase.steps]
    tables = np.array(phases, np.int64).ravel(), np.array(does, np.int64)
    return Block("steps", tuple(streams), (out,), (len(streams), len(program)), tables)


def take_turns(streams: Sequence[Stream], out: Stream, beats: int) -> Block:
    """Return a ``g2h_concat`` of frames: so many beats of each of ``streams`` in turn."""
    assert sum(stream.beats for stream in streams) == out.beats, out.name
    return steps(streams, out, [Phase((((n,), True),), beats) for n in range(len(streams))])


def deal(stream: Stream, outs: Sequence[Stream], beats: int) -> Block:
    """Return a ``g2h_frame_demux``: so many beats to each of ``outs`` in turn, through one register.

    A beat is taken in the clock in which the former one leaves, whichever stream that is in.
    """
    assert all(out.beats * len(outs) == stream.beats and out.beats % beats == 0 for out in outs), stream.name
    return Block("deal", (stream,), tuple(outs), (len(outs), beats))


def join(streams: Sequence[Stream], out: Stream) -> Block:
    """Return what takes a beat of all ``streams`` in one clock and offers ``out`` in the next: ``g2h_add``."""
    assert all(stream.beats == out.beats for stream in streams), out.name
    return Block("join", tuple(streams), (out,), (len(streams),))


def queue(stream: Stream, out: Stream, depth: int) -> tuple[Block, ...]:
    """Return a ``g2h_queue`` of ``depth`` words."""
    words = Queue(f"{out.name}.words", stream.beats, depth)
    return loader(stream, words, to_ready=1), fifo(words, out)


def ring(stream: Stream, out: Stream, depth: int, out_depth: int) -> tuple[Block, ...]:
    """Return a ``g2h_ring`` of ``depth`` words, with ``out_depth`` more behind the memory."""
    words, ahead = Queue(f"{out.name}.words", stream.beats, depth), Queue(f"{out.name}.ahead", stream.beats, out_depth)
    reader = sequencer(
        words, ahead, in_rows=1, need=(1,), released=(1,), vector_cycles=np.ones((1, 1), np.int64), to_push=2
    )
    return loader(stream, words, to_ready=1), reader, fifo(ahead, out)


def requant(stream: Stream, out: Stream, *, latency: int, queue_words: int, pixels: Int64Array, groups: int) -> Block:
    """Return a ``g2h_requant``, its table and its output queue: one beat a clock while there are credits.

    Args:
        stream: accumulators.
        out: codes.
        latency: clocks from a beat to its push into the queue.
        queue_words: credits.
        pixels: int64, per output pixel of a frame whether it has taps; one without takes no accumulator.
        groups: beats of a pixel.
    """
    if pixels.all():
        return Block("requant", (stream,), (out,), (latency, queue_words))
    return Block("requant_holes", (stream,), (out,), (latency, queue_words, groups, pixels.size), (pixels,))


@final
@dataclass(frozen=True, eq=False)
class Network:
    """Blocks, and so the edges between them; two of equal blocks are equal.

    Attributes:
        blocks: in any order; in that of the data they are evaluated fastest.
    """

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        reads = Counter(edge for block in self.blocks for edge in block.reads)
        writes = Counter(edge for block in self.blocks for edge in block.writes)
        assert reads.keys() == writes.keys(), f"one end only: {sorted(e.name for e in reads.keys() ^ writes.keys())}"
        assert len({edge.name for edge in reads}) == len(reads), "two edges of one name"
        for edge, count in reads.items():
            assert writes[edge] == 1, f"{edge.name}: several writers"
            assert isinstance(edge, Stream) or count == 1, f"{edge.name}: several readers of a queue"

    @cached_property
    def _content(self) -> tuple[object, ...]:
        return tuple(
            (
                block.kind,
                block.reads,
                block.writes,
                block.numbers,
                block.sees,
                tuple(table.tobytes() for table in block.tables),
            )
            for block in self.blocks
        )

    @cached_property
    def _hash(self) -> int:
        return hash(self._content)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self._content == other._content

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The edges, in the order of the blocks that write them."""
        return tuple(edge for block in self.blocks for edge in block.writes)

    def readers(self, edge: Edge) -> tuple[Block, ...]:
        """Return the blocks that read ``edge``; the place of a block among them is the number of its branch."""
        return tuple(block for block in self.blocks if edge in block.reads)
