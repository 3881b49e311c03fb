"""The blocks between an external memory and an engine, clock by clock: see ``clocked``."""

from __future__ import annotations

from itertools import pairwise

from tests.clocked_actor import Actor, Wire


class Reader(Actor):
    """What reads a memory that sends bursts in order, a beat a clock, so many clocks after their requests."""

    def start(self, count: int, outstanding: int, memory_clocks: int, turn: int, regions: int, burst: int) -> None:
        self.burst, self.outstanding, self.memory_clocks, self.regions = burst, outstanding, memory_clocks, regions
        self.frames, self.lengths, self.room_q = (table.tolist() for table in self.block.tables)
        self.asked, self.bursts_asked, self.turn_q, self.bursts = [0] * count, [0] * count, turn, []

    def has_room(self, n: int, clock: int) -> bool:
        if self.room_q[n] < self.burst:
            return False
        if n < self.regions:
            return self.asked[n] + self.burst <= self.block.writes[n].words
        granted = sum(put + 2 <= clock for put in self.reads[n - self.regions].put)
        return granted > self.bursts_asked[n]

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        n, more = self.turn_q, len(self.bursts) < self.outstanding
        room = self.has_room(n, clock)
        if self.bursts and self.bursts[0][2] <= clock:
            queue, beats, first = self.bursts[0]
            self.writes[queue].put.append(clock)
            self.bursts[:1] = [(queue, beats - 1, first)] if beats > 1 else []
            if beats == 1 and queue >= self.regions:
                self.reads[queue - self.regions].free.append(clock)
        if room and more:
            beats = min(self.lengths[n], self.frames[n] - self.asked[n] % self.frames[n])
            self.bursts.append((n, beats, clock + 1 + self.memory_clocks))
            self.room_q[n], self.asked[n] = self.room_q[n] - beats, self.asked[n] + beats
            self.bursts_asked[n] += 1
        self.turn_q = n if room and not more else (n + 1) % len(self.frames)
        return bool(self.bursts)

    def settle(self, clock: int) -> None:
        for n, queue in enumerate(self.writes):
            self.room_q[n] += queue.free[-1:] == [clock]


class Writer(Actor):
    """What writes a memory that takes a beat a clock, and answers so many clocks after the last one of a burst."""

    def start(self, count: int, outstanding: int, memory_clocks: int, turn: int) -> None:
        self.outstanding, self.memory_clocks = outstanding, memory_clocks
        self.frames, self.lengths, self.slots = (table.tolist() for table in self.block.tables)
        self.asked, self.bursts_asked, self.whole_q, self.front_q = ([0] * count for _ in range(4))
        self.turn_q, self.on_the_way, self.bursts = turn, 0, []

    def whole(self, n: int, clock: int) -> bool:
        """Whether a burst is in its queue and has a place, as registers show it in this clock."""
        free = self.slots[n] - self.bursts_asked[n] + sum(last + 2 <= clock for last in self.writes[n].free)
        return free > 0 and len(self.reads[n].put) - self.asked[n] >= self.length(n)

    def length(self, n: int) -> int:
        return min(self.lengths[n], self.frames[n] - self.asked[n] % self.frames[n])

    def edge(self, clock: int, taken: bool, left: bool) -> bool:
        n, ask = self.turn_q, False
        if self.whole_q[n]:
            ask = self.on_the_way < self.outstanding
        wholes = [self.whole(c, clock) and not (ask and c == n) for c in range(len(self.frames))]
        pop = -1
        if self.bursts and self.bursts[0][2] <= clock:
            pop, beats, first = self.bursts[0]
            self.bursts[:1] = [(pop, beats - 1, first)] if beats > 1 else []
            if beats == 1:
                self.due[clock + 1 + self.memory_clocks].append(pop)
        if ask:
            beats = self.length(n)
            self.bursts.append((n, beats, clock + 2))
            self.asked[n], self.bursts_asked[n] = self.asked[n] + beats, self.bursts_asked[n] + 1
        answered = self.due.pop(clock, [])
        for c in answered:
            self.writes[c].put.append(clock)
        self.on_the_way += ask - len(answered)
        for c, words in enumerate(self.reads):
            assert self.front_q[c] or c != pop, "a beat leaves before it stands in the register"
            load = (not self.front_q[c] or c == pop) and len(words.put) > len(words.free)
            self.front_q[c] = load or (self.front_q[c] and c != pop)
            words.free += [clock] if load else []
        self.turn_q = n if self.whole_q[n] and not ask else (n + 1) % len(self.frames)
        self.whole_q = wholes
        return bool(self.bursts or self.due or answered)


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
