"""From a network to arrays and back: lay out its events, let ``clocks`` evaluate them, say where it got stuck."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import final

import numpy as np

from gan2hls.numbers import Int64Array
from gan2hls.timing.clocks import evaluate
from gan2hls.timing.layout import (
    AHEAD,
    AT,
    CLIENT,
    COUNT,
    EVENT,
    KINDS,
    LAST_SYMBOLS,
    LASTS,
    LIMIT,
    MASK,
    READERS,
    READY_BITS,
    SENT,
    STATES,
    STEP,
    TURN,
    Arrays,
)
from gan2hls.timing.network import Block, Edge, Network, Queue, Stream

#: Beats of a stream that are evaluated ahead at most: enough for every queue, few enough for the nearest cache.
WINDOW = 128


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
    """A network whose blocks have gone on until none could.

    Attributes:
        network: that was simulated.
        events: int64 ``[E, 8]``, the rings of events; see ``layout.EVENT``.
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
        """Return the clocks of ``stream``; which the simulation must have kept."""
        ports = self._layout.of_edge[stream]
        offer, leave = self._clocks(ports[0]), self._clocks(ports[1])
        n = min(len(offer), len(leave) + 1)
        valid = np.maximum(offer[:n], np.concatenate([[-1], leave])[:n] + 1)
        return StreamClocks(valid, tuple(self._clocks(take) for take in ports[3::2]))

    def queue(self, queue: Queue) -> QueueClocks:
        """Return the clocks of ``queue``; which the simulation must have kept."""
        put, free, _ = self._layout.of_edge[queue]
        return QueueClocks(self._clocks(put), self._clocks(free))

    def _clocks(self, event: int) -> Int64Array:
        at, mask, count = self.events[event, [AT, MASK, COUNT]].tolist()
        assert count <= mask + 1, "it was not kept"
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
                offered = count[ports[0]] > count[take] == count[ports[1]]
                wanted = count[gate] > count[take]
                if offered and not wanted:
                    full.append(name)
                elif wanted and not offered:
                    empty.append(name)
        raise AssertionError(f"stuck: full: {', '.join(full) or 'none'}; empty: {', '.join(empty) or 'none'}")


def evaluated(network: Network, *, window: int = WINDOW, keep: Collection[Edge] = ()) -> Simulation:
    """Return the clocks of the events of ``network``.

    Args:
        network: to simulate.
        window: beats of a stream to evaluate ahead at most; the result does not depend on it.
        keep: edges of which all clocks are remembered; of sources and sinks those of frames are.

    Raises:
        AssertionError: blocks wait for each other for ever.
    """
    layout, blocks = _Layout(network), network.blocks
    events, store = layout.rings(window, keep)
    tables = [table for block in blocks for table in block.tables]
    starts = iter([0, *accumulate(table.size for table in tables)])
    wakes_at, wakes, watched = layout.wakes()
    memory = [n for n, block in enumerate(blocks) if block.kind in _MASTERS]
    state = np.zeros((len(blocks), max(map(_states, blocks))), np.int64)
    for n in memory:
        state[n, TURN] = blocks[n].numbers[3]
    arrays = Arrays(
        kinds=np.array([KINDS.index(block.kind) for block in blocks], np.int64),
        memory=np.array(memory, np.int64),
        unpacks=np.array([block.kind == "unpack" for block in blocks]),
        ports=_padded([layout.ports(block) for block in blocks]),
        numbers=_padded([block.numbers for block in blocks]),
        tables_at=_padded([[next(starts) for _ in block.tables] for block in blocks]),
        tables=np.concatenate([*tables, np.zeros(0, np.int64)]),
        events=events,
        store=store,
        state=state,
        wakes_at=wakes_at,
        wakes=wakes,
        watched=watched,
        seen=np.zeros(wakes.size, np.int64),
        ready=np.zeros(-(-len(blocks) // READY_BITS), np.uint64),
    )
    evaluate(arrays)
    made = Simulation(network, events, store)
    made.verify()
    return made


@final
class _Layout:
    """The numbers of events.

    Attributes:
        of_edge: events of an edge: offer, leave, then gate and take of each reader, or put, free, credit.
        marks: events of what a source or a sink tells.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.of_edge: dict[Edge, tuple[int, ...]] = {}
        self.marks: dict[Block, int] = {}
        self._limits: list[int] = []
        for edge in network.edges:
            if isinstance(edge, Queue):
                self.of_edge[edge] = self._events(edge.words, 3)
            elif len(network.readers(edge)) == 1:
                offer, leave, gate = self._events(edge.beats, 3)
                self.of_edge[edge] = offer, leave, gate, leave
            else:
                self.of_edge[edge] = self._events(edge.beats, 2 + 2 * len(network.readers(edge)))
        for block in network.blocks:
            if block.kind in ("source", "sink"):
                (stream,) = block.reads + block.writes
                assert isinstance(stream, Stream)
                (self.marks[block],) = self._events(stream.beats // block.numbers[0], 1)

    def _events(self, limit: int, count: int) -> tuple[int, ...]:
        first = len(self._limits)
        self._limits += [limit] * count
        return tuple(range(first, first + count))

    def rings(self, window: int, keep: Collection[Edge]) -> tuple[Int64Array, Int64Array]:
        """Return ``events`` and ``store`` of ``layout.Arrays``."""
        events = np.zeros((len(self._limits), len(EVENT)), np.int64)
        sizes = np.array(self._limits)
        events[:, LIMIT] = sizes
        back: dict[Edge, int] = {}
        for block in self.network.blocks:
            for edge in (*block.reads, *block.writes):
                back[edge] = max(back.get(edge, 0), _look_back(block, window))
        for edge, ports in self.of_edge.items():
            alive = window + _BESIDE + back[edge] + (edge.depth + edge.early if isinstance(edge, Queue) else 0)
            if edge not in keep:
                sizes[list(ports)] = np.minimum(sizes[list(ports)], alive)
            if isinstance(edge, Queue) and not self._tells_credits(edge):
                events[ports[2], LIMIT] = 0
            if isinstance(edge, Stream):
                events[list(ports), AHEAD] = window
                readers = self.network.readers(edge)
                events[ports[0], READERS] = len(readers)
                events[list(ports[2::2]), STEP] = [self._step(block) for block in readers]
        sizes = np.array([_power_of_two(size) for size in sizes.tolist()])
        events[:, MASK] = sizes - 1
        events[:, AT] = np.cumsum(sizes) - sizes
        return events, np.zeros(sizes.sum(), np.int64)

    def _step(self, block: Block) -> int:
        """Return the least clocks between two takes of ``block`` that it wants to be kept by its stream."""
        behind = [reader for edge in block.writes for reader in self.network.readers(edge)]
        return block.numbers[0] if block.kind == "down" and all(b.kind != "down" for b in behind) else 1

    def _tells_credits(self, queue: Queue) -> bool:
        """Return whether gates alone can make credits of ``queue`` late.

        So it is if vectors take as many clocks as their beats, and as many as its depth less one take longer than the
        way to the queue: then a vector is out, for its own sake and that of former ones, when its credit is needed.
        """
        writer = next(block for block in self.network.blocks if queue in block.writes)
        (reader,) = self.network.readers(queue)
        if writer.kind != "sequencer" or reader.kind != "fifo":
            return False
        (stream,) = reader.writes
        least, (depth, to_push), (ratio,) = int(writer.tables[2].min()), writer.numbers[3:5], reader.numbers
        steps = {self._step(block) for block in self.network.readers(stream)}
        return steps == {1} and least >= ratio and (depth - 1) * least > to_push

    def ports(self, block: Block) -> tuple[int, ...]:
        """Return the events of ``block`` in the order in which ``clocks`` expects them."""
        ports = [port for edge in block.reads for port in self._read(block, edge)]
        ports += [self.marks[block]] if block in self.marks else []
        ports += [port for edge in block.writes for port in self.of_edge[edge]]
        return (*ports, *(self.of_edge[queue][0] for queue in block.sees))

    def _read(self, block: Block, edge: Edge) -> tuple[int, ...]:
        events = self.of_edge[edge]
        if isinstance(edge, Queue):
            return events
        branch = self.network.readers(edge).index(block)
        return events[0], *events[2 + 2 * branch : 4 + 2 * branch], events[1]

    def wakes(self) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return whom each block wakes: where the lists start, the lists, and ``watched`` of ``layout.Arrays``.

        A writer wakes the readers of its edges, and a reader the writer; of what is at the port of a memory it is
        the other side of each of its queues, in their order.
        """
        places = {block: n for n, block in enumerate(self.network.blocks)}
        writers = {edge: n for block, n in places.items() for edge in block.writes}
        found: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in places]
        for edge, ports in self.of_edge.items():
            writer = writers[edge]
            for branch, block in enumerate(self.network.readers(edge)):
                reader = places[block]
                if isinstance(edge, Queue):
                    put, free, credit = ports
                    forth, back = (put,) * 3, (free, credit, credit)
                else:
                    gate, take = ports[2 + 2 * branch : 4 + 2 * branch]
                    forth, back = (ports[0], ports[1], take), (gate,) * 3
                found[writer].append((reader, forth))
                if self.network.blocks[writer].kind not in _MASTERS:
                    found[reader].append((writer, back))
        for block, n in places.items():
            for queue in block.sees:
                found[writers[queue]].append((n, (self.of_edge[queue][0],) * 3))
        for block in (block for block in places if block.kind == "reader"):
            readers = [(places[self.network.readers(queue)[0]], self.of_edge[queue]) for queue in block.writes]
            found[places[block]] = readers
        for block in (block for block in places if block.kind == "writer"):
            found[places[block]] = [(writers[queue], self.of_edge[queue]) for queue in block.reads]
        starts = np.array([0, *accumulate(map(len, found))], np.int64)
        rows = [entry for row in found for entry in row]
        watched = np.array([events for _, events in rows], np.int64).reshape(-1, 3)
        return starts, np.array([other for other, _ in rows], np.int64), watched


#: Kinds of blocks at the port of an external memory.
_MASTERS = ("reader", "writer")
#: Beats that a fork's reader may be ahead of the others, and one.
_BESIDE = 2


def _look_back(block: Block, window: int) -> int:
    """Return how many beats of its edges behind the newest a block still needs."""
    match block.kind:
        case "join":  # the beats of one stream may have left before the gates of another one are known
            return window
        case "down":
            return block.numbers[0]
        case "requant" | "requant_holes":
            return block.numbers[1]
        case _:
            return 0


def _states(block: Block) -> int:
    """Return how many integers of state ``block`` has."""
    if block.kind == "decoder":
        return SENT + LAST_SYMBOLS
    if block.kind not in _MASTERS:
        return STATES
    clients, outstanding = block.numbers[:2]
    return LASTS + outstanding + CLIENT * clients


def _padded(rows: Sequence[Sequence[int]]) -> Int64Array:
    """Return ``rows`` as one array, zeros behind the shorter ones."""
    made = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for at, row in enumerate(rows):
        made[at, : len(row)] = row
    return made


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()
