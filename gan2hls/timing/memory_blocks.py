"""The blocks between external memories and what reads and writes them: see ``network``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.numbers import Int64Array
from gan2hls.timing.network import Block, Queue, Stream


@final
@dataclass(frozen=True)
class BurstRing:
    """A long queue in an external memory, between a writer and a reader.

    Attributes:
        written: beats that wait for being written.
        bursts: that stand in the memory: put when it has answered that one does, freed with its last beat.
        read: beats that were read.
        frame_beats: beats of a frame.
        burst: beats of a burst; the last one of a frame has what is left.
    """

    written: Queue
    bursts: Queue
    read: Queue
    frame_beats: int
    burst: int


def reader(
    queues: Sequence[Queue],
    passes: Sequence[int],
    rings: Sequence[BurstRing] = (),
    *,
    burst: int,
    outstanding: int,
    memory_clocks: int,
    turn: int = 0,
) -> Block:
    """Return a ``g2h_axi_reader`` that sends ``passes`` beats of a region over and over to each of ``queues``.

    Behind these it has a turn for each of ``rings``, where a writer has put a burst.

    Args:
        queues: those of the streams, in the order in which they take turns.
        passes: beats of a region.
        rings: that are read through this port.
        burst: beats of a burst at most, for which a queue must have room.
        outstanding: bursts that may be on their way.
        memory_clocks: clocks from a request to its first beat, at least 1; bursts come one after the other, a beat a
            clock.
        turn: whose turn it is in the first clock.
    """
    fills = *queues, *(ring.read for ring in rings)
    beats = *passes, *(ring.frame_beats for ring in rings)
    lengths = *(burst for _ in queues), *(ring.burst for ring in rings)
    tables = tuple(np.array(table, np.int64) for table in (beats, lengths, [queue.depth for queue in fills]))
    numbers = len(fills), outstanding, memory_clocks, turn % len(fills), len(queues), burst
    return Block("reader", tuple(ring.bursts for ring in rings), fills, numbers, tables)


def writer(rings: Sequence[BurstRing], *, outstanding: int, memory_clocks: int, turn: int = 0) -> Block:
    """Return a ``g2h_axi_writer`` of ``rings``.

    Args:
        rings: in the order in which they take turns.
        outstanding: bursts that may be on their way.
        memory_clocks: clocks from the last beat of a burst to its answer, at least 1; beats go one a clock.
        turn: whose turn it is in the first clock.
    """
    of_rings = zip(*((ring.frame_beats, ring.burst, ring.bursts.depth) for ring in rings), strict=True)
    tables = tuple(np.array(table, np.int64) for table in of_rings)
    numbers = len(rings), outstanding, memory_clocks, turn % len(rings)
    return Block("writer", tuple(ring.written for ring in rings), tuple(ring.bursts for ring in rings), numbers, tables)


def unpack(beats: Queue, rows: Queue, words: int, to_ready: int) -> Block:
    """Return a ``g2h_fifo``, a ``g2h_down`` or ``g2h_up`` or neither, and a ``g2h_loader``, as one block.

    Args:
        beats: at a memory port.
        rows: of ``words`` of a memory.
        words: that pass in all frames; more than beats, or fewer, by a whole factor.
        to_ready: as of ``loader``.
    """
    parts, joined = max(1, words // beats.words), max(1, beats.words // words)
    assert words * joined == beats.words * parts, rows.name
    assert words % rows.words == 0, rows.name
    return Block("unpack", (beats,), (rows,), (parts, joined, words // rows.words, rows.depth, to_ready))


def decoder(
    beats: Queue,
    out: Stream,
    lengths: Int64Array,
    *,
    chunk_bits: int,
    longest: int,
    beat_chunks: int,
    to_push: int,
    queue_words: int,
    joined: int = 1,
) -> Block:
    """Return a ``g2h_fifo``, a ``g2h_down``, a ``g2h_huffman``, which decodes a symbol a clock, and a ``g2h_up``.

    Args:
        beats: at a memory port.
        out: words of symbols.
        lengths: bits of the code of each symbol of a pass.
        chunk_bits: bits that are taken at once.
        longest: bits that it looks at, of the longest code.
        beat_chunks: chunks of a beat.
        to_push: clocks from a symbol that is decoded to its push into the queue behind the table of symbols.
        queue_words: credits of that queue.
        joined: symbols of a word; 1: nothing joins them.
    """
    symbols = out.beats * joined
    passes, chunks = symbols // len(lengths), beats.words * beat_chunks * len(lengths) // symbols
    assert beats.words * beat_chunks == chunks * passes and symbols == passes * len(lengths), out.name
    assert beat_chunks > 1 and longest <= 4 * chunk_bits, out.name
    bits = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    needs = np.minimum(-(-(bits[:-1] + longest) // chunk_bits), chunks) - 1
    numbers = (len(lengths), chunks, chunk_bits, longest, beat_chunks, to_push, queue_words, joined)
    return Block("decoder", (beats,), (out,), numbers, (bits, needs))


def expand(phrases: Stream, out: Stream, spans: Int64Array) -> Block:
    """Return a ``g2h_expand``; ``spans``: symbols of each phrase of a pass."""
    assert phrases.beats * int(spans.sum()) == out.beats * len(spans), out.name
    return Block("expand", (phrases,), (out,), (len(spans),), (spans,))


def meeting(streams: Sequence[Stream], out: Stream) -> Block:
    """Return what makes a beat of ``out`` of one of each of ``streams``, by wires alone: all leave in one clock."""
    assert all(stream.beats == out.beats for stream in streams), out.name
    return Block("meeting", tuple(streams), (out,), (len(streams),))
