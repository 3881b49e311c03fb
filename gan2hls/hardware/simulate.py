"""From a network to arrays and back: lay out its events, let ``clocks`` evaluate them, say where it got stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import final

import numpy as np

from gan2hls.hardware.clocks import AT, COUNT, KINDS, LIMIT, MASK, STATES, evaluate
from gan2hls.hardware.network import Block, Edge, Network, Queue, Stream
from gan2hls.numbers import Int64Array

#: Beats of a stream that are evaluated ahead at most: enough for every queue, few enough for the nearest cache.
WINDOW = 128
#: Kinds that look at a beat before they take it.
_PEEKING = ("requant_holes",)


@final
@dataclass(frozen=True)
class StreamClocks:
    """The clocks of a stream's beats, as far as they are known.

    Attributes:
        valid: int64, first clock in which a beat is valid.
        taken: per reader int64, clock in which it takes a beat.
    """

    valid: Int64Array
    taken: tuple[Int64Array, ...]


@final
@dataclass(frozen=True)
class QueueClocks:
    """The clocks of a queue's words, as far as they are known.

    Attributes:
        put: int64, clock in which a word is put.
        free: int64, clock in which its place is freed.
    """

    put: Int64Array
    free: Int64Array


@final
@dataclass(frozen=True, eq=False)
class Simulation:
    """A network that went on until no block could.

    Attributes:
        network: that was simulated.
        events: int64 ``[E, 4]``, the rings of events; see ``clocks.AT``.
        store: int64, what they hold.
    """

    network: Network
    events: Int64Array
    store: Int64Array

    @cached_property
    def _layout(self) -> _Layout:
        return _Layout(self.network)

    def frames(self, block: Block) -> Int64Array:
        """Return, per frame, the clock of a source's first beat or of a sink's last one."""
        return self._clocks(self._layout.marks[block])

    def stream(self, stream: Stream) -> StreamClocks:
        """Return the clocks of ``stream``; of a simulation that kept all."""
        ports = self._layout.of_edge[stream]
        offer, leave = self._clocks(ports[0]), self._clocks(ports[1])
        n = min(len(offer), len(leave) + 1)
        valid = np.maximum(offer[:n], np.concatenate([[-1], leave])[:n] + 1)
        return StreamClocks(valid, tuple(self._clocks(take) for take in ports[3::2]))

    def queue(self, queue: Queue) -> QueueClocks:
        """Return the clocks of ``queue``; of a simulation that kept all."""
        put, free = self._layout.of_edge[queue]
        return QueueClocks(self._clocks(put), self._clocks(free))

    def _clocks(self, event: int) -> Int64Array:
        at, mask, count, _ = self.events[event].tolist()
        assert count <= mask + 1, "not all was kept"
        return self.store[at : at + count]

    def verify(self) -> None:
        """Check that all beats came to all sinks.

        Raises:
            AssertionError: blocks wait for each other; the message names the edges that are full and empty.
        """
        if all(self.events[event, COUNT] == self.events[event, LIMIT] for event in self._layout.marks.values()):
            return
        full, empty = [], []
        count = self.events[:, COUNT].tolist()
        for edge, ports in self._layout.of_edge.items():
            if isinstance(edge, Queue):
                held = count[ports[0]] - count[ports[1]]
                if held >= edge.depth:
                    full.append(edge.name)
                elif held <= 0 and count[ports[1]] < edge.words:
                    empty.append(edge.name)
                continue
            readers = self.network.readers(edge)
            for reader, gate, take in zip(readers, ports[2::2], ports[3::2], strict=True):
                name = edge.name if len(readers) == 1 else f"{edge.name} to the {reader.name}"
                offered, wanted = count[ports[0]] > count[take], count[gate] > count[take]
                if offered and not wanted:
                    full.append(name)
                elif wanted and not offered:
                    empty.append(name)
        raise AssertionError(f"stuck: full: {', '.join(full) or 'none'}; empty: {', '.join(empty) or 'none'}")


def simulate(network: Network, *, window: int = WINDOW, keep: bool = False) -> Simulation:
    """Return the clocks of the events of ``network``.

    Args:
        network: to simulate.
        window: beats of a stream to evaluate ahead at most; the result does not depend on it.
        keep: remember all clocks, not only those of frames.

    Raises:
        AssertionError: blocks wait for each other for ever.
    """
    layout = _Layout(network)
    sizes = [_power_of_two(limit if keep else min(limit, size or window)) for limit, size in layout.rings]
    events = np.zeros((len(sizes), 4), np.int64)
    events[:, AT] = [0, *accumulate(sizes[:-1])]
    events[:, MASK] = np.array(sizes) - 1
    events[:, LIMIT] = [limit for limit, _ in layout.rings]
    store = np.zeros(sum(sizes), np.int64)
    streams = [edge for edge in network.edges if isinstance(edge, Stream)]
    kinds = [KINDS.index(block.kind) for block in network.blocks] + [KINDS.index("stream")] * len(streams)
    ports = [layout.ports(block) for block in network.blocks] + [layout.of_edge[edge] for edge in streams]
    numbers = [block.numbers for block in network.blocks] + [(len(network.readers(edge)),) for edge in streams]
    tables = [table for block in network.blocks for table in block.tables]
    starts = iter([0, *accumulate(table.size for table in tables)])
    tables_at = [[next(starts) for _ in block.tables] for block in network.blocks]
    wakes_at, wakes = layout.wakes(streams)
    evaluate(
        np.array(kinds, np.int64),
        _padded(ports),
        _padded(numbers),
        _padded(tables_at),
        np.concatenate(tables) if tables else np.zeros(0, np.int64),
        events,
        store,
        np.zeros((len(kinds), STATES), np.int64),
        wakes_at,
        wakes,
    )
    made = Simulation(network, events, store)
    made.verify()
    return made


@final
class _Layout:
    """The numbers of events.

    Attributes:
        of_edge: events of an edge: offer, leave, then gate and take of each reader, or put, free.
        marks: events of what a source or a sink tells.
        rings: per event how many there are in all, and how many are alive at once, 0 for as many as one likes.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rings: list[tuple[int, int]] = []
        self.of_edge = {edge: self._events(edge) for edge in network.edges}
        self.marks: dict[Block, int] = {}
        for block in network.blocks:
            if block.kind in ("source", "sink"):
                (stream,) = block.reads + block.writes
                assert isinstance(stream, Stream)
                frames = stream.beats // block.numbers[0]
                self.marks[block] = self._ring(frames, frames)

    def _events(self, edge: Edge) -> tuple[int, ...]:
        if isinstance(edge, Queue):
            return self._ring(edge.words, edge.depth + edge.early), self._ring(edge.words, edge.depth + edge.early)
        offer, leave = self._ring(edge.beats, 0), self._ring(edge.beats, 0)
        readers = len(self.network.readers(edge))
        if readers == 1:
            return offer, leave, self._ring(edge.beats, 0), leave
        return offer, leave, *(self._ring(edge.beats, 0) for _ in range(2 * readers))

    def _ring(self, limit: int, alive: int) -> int:
        self.rings.append((limit, alive))
        return len(self.rings) - 1

    def ports(self, block: Block) -> tuple[int, ...]:
        """Return the events of ``block`` in the order in which ``clocks`` expects them."""
        ports = [port for edge in block.reads for port in self._read(block, edge)]
        ports += [port for edge in block.writes for port in self.of_edge[edge][:2]]
        return (*ports, *([self.marks[block]] if block in self.marks else ()))

    def _read(self, block: Block, edge: Edge) -> tuple[int, ...]:
        events = self.of_edge[edge]
        if isinstance(edge, Queue):
            return events
        branch = self.network.readers(edge).index(block)
        return events[0], *events[2 + 2 * branch : 4 + 2 * branch], events[1]

    def wakes(self, streams: Sequence[Stream]) -> tuple[Int64Array, Int64Array]:
        """Return, for each block and then each of ``streams``, whom to wake: where the lists start, and the lists."""
        numbers = {block: n for n, block in enumerate(self.network.blocks)}
        wakes: list[set[int]] = [set() for _ in range(len(numbers) + len(streams))]
        for edge in self.network.edges:
            readers = self.network.readers(edge)
            writer = next(numbers[block] for block in self.network.blocks if edge in block.writes)
            ends = {writer, *(numbers[block] for block in readers)}
            if isinstance(edge, Queue):
                for end in ends:
                    wakes[end] |= ends - {end}
                continue
            meeting = len(numbers) + streams.index(edge)
            wakes[meeting] |= ends
            for end in ends:
                wakes[end].add(meeting)
            wakes[writer] |= {numbers[block] for block in readers if block.kind in _PEEKING}
        starts = np.array([0, *accumulate(map(len, wakes))], np.int64)
        return starts, np.array([other for row in wakes for other in sorted(row)], np.int64)


def _padded(rows: Sequence[Sequence[int]]) -> Int64Array:
    """Return ``rows`` as one array, zeros behind the shorter ones."""
    made = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for at, row in enumerate(rows):
        made[at, : len(row)] = row
    return made


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()
