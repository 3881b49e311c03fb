"""The blocks between an external memory and an engine, clock by clock: see ``clocked``."""

from __future__ import annotations

from itertools import pairwise

from tests.clocked_actor import Actor, Wire


class Port(Actor):
    """A port to a memory that sends bursts in order, a beat a clock, the first one so many clocks after its request."""

    def start(self, count: int, burst: int, depth: int, outstanding: int, memory_clocks: int) -> None:
        self.burst, self.outstanding, self.memory_clocks = burst, outstanding, memory_clocks
        self.regions, self.room_q, self.asked = self.block.tables[0].tolist(), [depth] * count, [0] * count
        self.turn_q, self.bursts = 0, []

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        n, more = self.turn_q, len(self.bursts) < self.outstanding
        room = self.room_q[n] >= self.burst and self.asked[n] + self.burst <= self.block.writes[n].words
        if self.bursts and self.bursts[0][2] <= clock:
            queue, beats, first = self.bursts[0]
            self.writes[queue].put.append(clock)
            self.bursts[:1] = [(queue, beats - 1, first)] if beats > 1 else []
        if room and more:
            beats = min(self.burst, self.regions[n] - self.asked[n] % self.regions[n])
            self.bursts.append((n, beats, clock + 1 + self.memory_clocks))
            self.room_q[n], self.asked[n] = self.room_q[n] - beats, self.asked[n] + beats
        self.turn_q = n if room and not more else (n + 1) % len(self.regions)
        return bool(self.bursts)

    def settle(self, clock: int) -> None:
        for n, queue in enumerate(self.writes):
            self.room_q[n] += queue.free[-1:] == [clock]


class Decoder(Actor):
    """The loop of a decoder that reads chunks: its buffer, and what is left of the pass."""

    def start(self, symbols: int, chunks: int, chunk_bits: int, longest: int, beat_chunks: int) -> None:
        bits = self.block.tables[0].tolist()
        self.lengths = [after - before for before, after in pairwise(bits)]
        self.chunks, self.chunk_bits, self.longest = chunks, chunk_bits, longest
        self.count_q, self.symbol_q, self.left_q, self.drop_q = 0, 0, chunks, False

    def ready(self, wire: Wire) -> bool:
        return self.left_q > 0 and (self.drop_q or self.count_q <= 2 * self.longest)

    def valid(self) -> bool:
        return not self.drop_q and (self.count_q >= self.longest or self.left_q == 0)

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        self.count_q += self.chunk_bits * taken - self.lengths[self.symbol_q] * left
        self.count_q = 0 if self.drop_q else self.count_q
        if self.drop_q and self.left_q == 0:
            self.drop_q, self.left_q = False, self.chunks
            return True
        self.left_q -= taken
        if left:
            self.symbol_q = (self.symbol_q + 1) % len(self.lengths)
            self.drop_q = self.symbol_q == 0
        return taken or left or self.drop_q


class Expand(Actor):
    """Phrases; the one that is offered is taken with its last symbol."""

    def start(self, phrases: int) -> None:
        self.spans, self.phrase_q, self.symbol_q = self.block.tables[0].tolist(), 0, 0

    def ready(self, wire: Wire) -> bool:
        return self.symbol_q + 1 == self.spans[self.phrase_q] and (not self.valid_q or self.writes[0].ready())

    def look(self) -> None:
        self.seen = self.reads[0].sees(self)

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        step = self.seen and (not self.valid_q or left)
        self.valid_q = step or (self.valid_q and not left)
        if step:
            self.symbol_q += 1
        if taken:
            self.symbol_q, self.phrase_q = 0, (self.phrase_q + 1) % len(self.spans)
        return step or left


class Meeting(Actor):
    """Wires: a beat is there when all of its parts are, and these leave with it."""

    def valid(self) -> bool:
        return all(wire.sees(self) for wire in self.reads)

    def ready(self, wire: Wire) -> bool:
        return self.valid() and self.writes[0].ready()

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        return left
