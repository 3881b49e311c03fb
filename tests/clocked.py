"""Networks of the cycle model, clock by clock: registers as in ``templates/rtl/lib``, nothing worked out ahead.

Slow, and written apart from ``gan2hls/timing/native``, which is held to it.  Every block has two steps a clock: what
its registers and inputs show (``valid``, ``ready``, ``look``), and what happens at the rising edge (``edge``).  What is
on its way through a pipeline, or a release, stands in ``due``, by clock.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.timing import network as blocks
from gan2hls.timing.network import Block, Network, Queue, Stream
from tests.clocked_actor import Actor, Wire, Words
from tests.clocked_memory import Decoder, Expand, Meeting, Reader, Writer

#: Clocks without any event after which nothing comes any more.
_PATIENCE = 60


class Source(Actor):
    def start(self, frame: int, queues: int, later: int) -> None:
        self.left, self.open_q, self.later = self.block.writes[0].beats, not queues, later
        self.words = self.block.tables[0].tolist()

    def valid(self) -> bool:
        return self.left > 0 and self.open_q

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        self.left -= left
        return left

    def settle(self, clock: int) -> None:
        puts = [queue.put[words - 1 : words] for queue, words in zip(self.sees, self.words, strict=True)]
        self.open_q = self.open_q or all(put and put[0] + self.later <= clock + 1 for put in puts)


class Sink(Actor):
    def ready(self, wire: Wire) -> bool:
        return True

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        return taken


class Up(Actor):
    def start(self, ratio: int) -> None:
        self.ratio, self.index_q = ratio, 0

    def ready(self, wire: Wire) -> bool:
        return not (self.index_q == self.ratio - 1 and self.valid_q)

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        last = self.index_q == self.ratio - 1
        self.valid_q = (taken and last) or (self.valid_q and not left)
        self.index_q = (self.index_q + taken) % self.ratio
        return taken or left


class Down(Actor):
    def start(self, ratio: int) -> None:
        self.ratio, self.index_q = ratio, 0

    def ready(self, wire: Wire) -> bool:
        return not self.valid_q or (self.index_q == self.ratio - 1 and self.writes[0].ready())

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        ready = not self.valid_q or (self.index_q == self.ratio - 1 and left)
        self.index_q = (self.index_q + left) % self.ratio
        if ready:
            self.valid_q = taken
        return taken or left


class Loader(Actor):
    def start(self, row_beats: int, rows: int, to_ready: int, latency: int) -> None:
        self.row_beats, self.to_ready, self.latency = row_beats, to_ready, latency
        self.free_q, self.word_q, self.ready_q, self.seen = rows, 0, rows > 0, 0

    def ready(self, wire: Wire) -> bool:
        return self.ready_q

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        row_done = taken and self.word_q == self.row_beats - 1
        self.word_q = (self.word_q + taken) % self.row_beats
        if row_done:
            self.due[clock + self.latency].append("put")
            self.free_q -= 1
        self.writes[0].put += [clock] * self.due.get(clock, []).count("put")
        return taken or bool(self.due)

    def settle(self, clock: int) -> None:
        rows = self.writes[0]
        for freed in rows.free[self.seen :]:
            self.due[freed + self.to_ready - 1].append("row")
        self.seen = len(rows.free)
        self.free_q += self.due.pop(clock, []).count("row")
        self.ready_q = self.free_q > 0


class Sequencer(Actor):
    def start(
        self, in_rows: int, out_rows: int, row_vectors: int, depth: int, to_push: int, tile_vectors: int, ring: int
    ) -> None:
        self.in_rows, self.out_rows, self.row_vectors, self.to_push = in_rows, out_rows, row_vectors, to_push
        self.need, self.released, self.steps, self.sizes = (table.tolist() for table in self.block.tables)
        self.ring, self.words_q, self.tile_next_q, self.tile = ring, 0, 0, 0
        self.tile_vectors, self.tiles = tile_vectors, self.reads[1] if tile_vectors else Words()
        self.loaded_q = self.ahead_q = self.next_q = self.tiles_q = 0
        self.credit_q, self.row, self.vector, self.step, self.sent = depth, 0, 0, 0, 0
        self.words = self.block.writes[0].words

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        rows, vectors = self.reads[0], self.writes[0]
        first = self.vector == 0 and self.step == 0
        tile_first = self.tile_vectors > 0 and self.step == 0 and self.vector % self.tile_vectors == 0
        go = self.sent < self.words and (self.step > 0 or (self.credit_q > 0 and (not first or self.ahead_q > 0)))
        go = go and (not tile_first or self.tiles_q > 0)
        came = self.tiles.put[-1:] == [clock]
        if self.ring:  # a g2h_row_grant of tiles
            granted = self.words_q >= sum(self.sizes[: self.tile_next_q + 1]) and self.tiles_q < 4
            self.words_q += came
            if granted:
                self.tile_next_q = (self.tile_next_q + 1) % self.ring
                self.words_q -= sum(self.sizes) if self.tile_next_q == 0 else 0
            came = granted
        self.tiles_q += came - (go and tile_first)
        grant = self.loaded_q >= self.need[self.next_q] and self.ahead_q < 4
        self.credit_q += (vectors.free[-1:] == [clock]) - (go and self.step == 0)
        self.ahead_q += grant - (go and first)
        self.loaded_q += rows.put[-1:] == [clock]
        if grant:
            self.next_q = (self.next_q + 1) % self.out_rows
            self.loaded_q -= self.in_rows if self.next_q == 0 else 0
        if go:
            self.step += 1
            if self.step == self.steps[self.row * self.row_vectors + self.vector]:
                self.due[clock + self.to_push].append("vector")
                self.step, self.vector, self.sent = 0, self.vector + 1, self.sent + 1
                if self.tile_vectors and self.vector % self.tile_vectors == 0:
                    self.tiles.free += [clock] * (self.sizes[self.tile] if self.ring else 1)
                    self.tile = (self.tile + 1) % max(1, self.ring)
            if self.vector == self.row_vectors:
                rows.free += [clock] * self.released[self.row]
                self.vector, self.row = 0, (self.row + 1) % self.out_rows
        vectors.put += [clock for _ in self.due.pop(clock, [])]
        return go or grant or bool(self.due)


class Fifo(Actor):
    """A queue with its output register."""

    def start(self, ratio: int) -> None:
        self.ratio, self.index_q = ratio, 0

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        words = self.reads[0]
        last = self.index_q == self.ratio - 1
        stored = len(words.put) > len(words.free)
        load = (not self.valid_q or (left and last)) and stored
        self.index_q = (self.index_q + left) % self.ratio
        self.valid_q = load or (self.valid_q and not (left and last))
        if load:
            words.free.append(clock)
        return load or left


class Steps(Actor):
    """A program: a step takes some beats in one clock, and may put one into the output register."""

    def start(self, streams: int, phases: int) -> None:
        places, does = (table.tolist() for table in self.block.tables)
        self.program = []
        for first, count, repeats in zip(places[::3], places[1::3], places[2::3], strict=True):
            self.program += does[first : first + count] * repeats
        assert len(places) == 3 * phases
        self.step_q = 0

    def wanted(self) -> list[Wire]:
        does = self.program[self.step_q]
        return [wire for n, wire in enumerate(self.reads) if does >> (n + 1) & 1]

    def open(self) -> bool:
        return not self.program[self.step_q] & 1 or not self.valid_q or self.writes[0].ready()

    def ready(self, wire: Wire) -> bool:
        others = [other for other in self.wanted() if other is not wire]
        return wire in self.wanted() and self.open() and all(other.sees(self) for other in others)

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        offers = bool(self.program[self.step_q] & 1)
        if taken:
            self.step_q = (self.step_q + 1) % len(self.program)
        self.valid_q = (taken and offers) or (self.valid_q and not left)
        return taken or left


class Join(Steps):
    """A step that takes a beat of each stream, over and over."""

    def start(self, streams: int) -> None:
        self.program, self.step_q = [(2 << streams) - 1], 0


class Deal(Actor):
    """A register in front of several streams, which have so many beats each in turn."""

    def start(self, streams: int, beats: int) -> None:
        self.streams, self.beats = streams, beats
        self.beat_q, self.turn_q, self.shown_q = 0, 0, 0

    def offers(self, wire: Wire) -> bool:
        return self.valid_q and wire is self.writes[self.shown_q]

    def ready(self, wire: Wire) -> bool:
        return not self.valid_q or self.writes[self.shown_q].ready()

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        self.valid_q = taken or (self.valid_q and not left)
        if taken:
            self.shown_q = self.turn_q
            self.beat_q = (self.beat_q + 1) % self.beats
            self.turn_q = (self.turn_q + (self.beat_q == 0)) % self.streams
        return taken or left


class Requant(Actor):
    """A requantizer, its credits, and its output queue with the output register."""

    def start(self, latency: int, depth: int, groups: int = 1, pixels: int = 0) -> None:
        self.latency, self.groups, self.credit_q, self.stored_q = latency, groups, depth, 0
        self.pixels = self.block.tables[0].tolist() if pixels else [1]
        self.pixel_q = self.group_q = 0
        self.started_q = False
        self.left = self.block.writes[0].beats

    def hole(self) -> bool:
        return not self.pixels[self.pixel_q]

    def ready(self, wire: Wire) -> bool:
        return self.credit_q > 0 and not self.hole()

    def look(self) -> None:
        self.seen = self.reads[0].sees(self)

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        go = taken
        if self.hole() and self.left:
            go = self.credit_q > 0 and (self.started_q or self.seen)
        if go:
            self.due[clock + self.latency].append("beat")
            self.left -= 1
            self.started_q = self.started_q or not self.hole()
            self.group_q = (self.group_q + 1) % self.groups
            if self.group_q == 0:
                self.pixel_q = (self.pixel_q + 1) % len(self.pixels)
                self.started_q = self.started_q and self.pixel_q != 0
        load = (not self.valid_q or left) and self.stored_q > 0
        self.valid_q = load or (self.valid_q and not left)
        self.credit_q += load - go
        self.stored_q += len(self.due.pop(clock, [])) - load
        return go or load or left or bool(self.due)


KINDS = {
    "source": Source, "sink": Sink, "up": Up, "down": Down, "loader": Loader, "sequencer": Sequencer, "fifo": Fifo,
    "steps": Steps, "join": Join, "deal": Deal, "requant": Requant, "requant_holes": Requant, "reader": Reader,
    "decoder": Decoder, "expand": Expand, "meeting": Meeting,
    "writer": Writer,
}  # fmt: skip


def run(network: Network) -> tuple[dict[Stream, Wire], dict[Queue, Words]]:
    """Return what happens on every edge until nothing does any more."""
    network = Network(tuple(part for block in network.blocks for part in _parts(block)))
    edges = {edge: Wire(None, [], []) if isinstance(edge, Stream) else Words() for edge in network.edges}
    actors = []
    for block in network.blocks:
        ends = ([edges[edge] for edge in among] for among in (block.reads, block.writes, block.sees))
        actor = KINDS[block.kind](block, *ends)
        actors.append(actor)
        for wire in filter(lambda edge: isinstance(edge, Wire), actor.reads):
            wire.readers.append(actor)
            wire.done.append(False)
            wire.taken.append([])
        for wire in filter(lambda edge: isinstance(edge, Wire), actor.writes):
            wire.writer = actor
    wires = [edge for edge in edges.values() if isinstance(edge, Wire)]
    ordered = _late_last(actors)
    clock = quiet = 0
    while quiet < _PATIENCE:
        takes = [[wire.sees(reader) and reader.ready(wire) for reader in wire.readers] for wire in wires]
        leaves = [wire.writer.offers(wire) and wire.ready() for wire in wires]
        for actor in actors:
            actor.look()
        taken, left = set(), set()
        for wire, took, leave in zip(wires, takes, leaves, strict=True):
            if wire.writer.offers(wire) and not wire.standing:
                wire.valid.append(clock)
            wire.standing = wire.writer.offers(wire) and not leave
            for n, take in enumerate(took):
                if take:
                    wire.taken[n].append(clock)
                    taken.add(wire.readers[n])
            if leave:
                left.add(wire.writer)
        moved = [actor.edge(clock, actor in taken, actor in left) for actor in ordered]
        for actor in actors:
            actor.settle(clock)
        for wire, took, leave in zip(wires, takes, leaves, strict=True):
            wire.done = [(done or take) and not leave for done, take in zip(wire.done, took, strict=True)]
        quiet = 0 if any(moved) else quiet + 1
        clock += 1
    return (
        {edge: wire for edge, wire in edges.items() if isinstance(wire, Wire)},
        {edge: words for edge, words in edges.items() if isinstance(words, Words)},
    )


def _parts(block: Block) -> list[Block]:
    """Return the blocks that ``block`` is one of."""
    if block.kind == "decoder":
        (queue,), (out,), (*numbers, ratio, to_push, credits, joined) = block.reads, block.writes, block.numbers
        beats, chunks = Stream(f"{queue.name}.beats", queue.words), Stream(f"{out.name}.chunks", queue.words * ratio)
        decoded, phrases = (Stream(f"{out.name}.{what}", out.beats * joined) for what in ("decoded", "phrases"))
        phrases = phrases if joined > 1 else out
        return [
            blocks.fifo(queue, beats), blocks.down(beats, chunks, ratio),
            replace(block, reads=(chunks,), writes=(decoded,), numbers=(*numbers, ratio)),
            blocks.requant(
                decoded, phrases, latency=to_push, queue_words=credits, pixels=np.ones(1, np.int64), groups=1
            ),
            *([blocks.up(phrases, out, joined)] if joined > 1 else []),
        ]  # fmt: skip
    if block.kind != "unpack":
        return [block]
    (queue,), (rows,), (parts, joined, row_words, _, to_ready) = block.reads, block.writes, block.numbers
    beats, words = Stream(f"{queue.name}.beats", queue.words), Stream(f"{rows.name}.words", rows.words * row_words)
    if parts == joined == 1:
        return [blocks.fifo(queue, beats), blocks.loader(beats, rows, to_ready)]
    converter = blocks.down(beats, words, parts) if parts > 1 else blocks.up(beats, words, joined)
    return [blocks.fifo(queue, beats), converter, blocks.loader(words, rows, to_ready)]


def _late_last(actors: list[Actor]) -> list[Actor]:
    """Return ``actors`` with what sees others' events of the same clock behind these."""
    order = {"fifo": 1, "writer": 1, "loader": 2, "reader": 2, "sequencer": 3}
    return sorted(actors, key=lambda actor: order.get(actor.block.kind, 0))
