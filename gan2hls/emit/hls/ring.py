"""The program of a ``ring``: when a queue in external memory takes bursts, and when it gives them.

One process alone may read and write what a pointer leads to, so a ring takes some bursts, gives some, takes some, and
so on, in an order that stands at compile time: a part of a process network, like all others.  Of a queue the network
says how many words must have been taken before one is given, and how many can be (``timing.corridors``); of the map of
a normalization ``held`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import final

import numpy as np

from gan2hls.emit.hls.config import Constant, whole_bytes
from gan2hls.emit.hls.process import Fifo, Pointer, Process
from gan2hls.emit.hls.roms import Rom
from gan2hls.emit.hls.tiles import MEMORY_CLOCKS
from gan2hls.numbers import Int32Array, Int64Array
from gan2hls.ops import OffChipRing, burst_beats

#: Multiples of the latencies of pipelines that stall as a whole: those are estimates.
STALLS = (1, 2)


@final
@dataclass(frozen=True)
class RingProgram:
    """When bursts of a frame are taken and given.

    Attributes:
        ring: how it stands in memory.
        taken: bursts that are taken before each one is given; the last number is that of all.  Burst ``n`` of a frame
            stands in place ``n``: there are places for all.
    """

    ring: OffChipRing
    taken: tuple[int, ...]

    @classmethod
    def rising(cls, ring: OffChipRing, taken: Sequence[int]) -> RingProgram:
        """Return the program that takes so many bursts before each one, or as many as before, and ends with all."""
        rising = np.maximum.accumulate(np.array(taken, np.int64)).tolist()
        rising[-1] = ring.bursts
        made = cls(ring, tuple(rising))
        assert all(n < count <= ring.slots for n, count in enumerate(made.taken)), f"{ring}: {made.taken}"
        return made

    @cached_property
    def rounds(self) -> tuple[tuple[int, int], ...]:
        """Bursts that are taken, then bursts that are given, over and over; those of one number follow in memory."""
        taken = [0, *self.taken]
        found: list[tuple[int, int]] = []
        given = 0
        for count, bursts in groupby(self.taken):
            gives = len(list(bursts))
            takes, (first, *others) = self._stretches(count - taken[given]), self._stretches(gives)
            found += [(bursts, 0) for bursts in takes[:-1]]
            found += [(takes[-1], first), *((0, bursts) for bursts in others)]
            given += gives
        return tuple(found)

    def _stretches(self, bursts: int) -> list[int]:
        """Return so many bursts in runs of which each follows the one before it in memory: where they fill places."""
        return [bursts] if self._fills_places else [1] * bursts

    @cached_property
    def _fills_places(self) -> bool:
        return self.ring.burst == burst_beats(self.ring.bus_bits)

    @property
    def steps(self) -> tuple[tuple[int, int, int], ...]:
        """The rounds, equal ones that follow each other as one: bursts taken, bursts given, how many times."""
        return tuple((takes, gives, len(list(times))) for (takes, gives), times in groupby(self.rounds))

    def _moves(self) -> Iterator[tuple[int, int]]:
        """Yield what happens, one after the other: 0 for taking or 1 for giving, and beats."""
        done, burst, beats = [0, 0], self.ring.burst, self.ring.beats
        for step in self.rounds:
            for end, bursts in enumerate(step):
                if bursts:
                    before = done[end] * burst
                    done[end] += bursts
                    yield end, min(done[end] * burst, beats) - before

    @property
    def order(self) -> Int32Array:
        """What it reads and writes, int32 ``[n, 2]``: 0 for its source or 1 for its sink, and beats."""
        return np.array(list(self._moves()), np.int32)

    @cached_property
    def cycles(self) -> int:
        """Clocks of a frame, estimated: a beat each, and the memory's for each stretch of bursts.

        What does not wait in front of it, or has no room behind it, comes and goes a word a clock.
        """
        share, held = max(1, self.ring.bus_bits // self.ring.word_bits), self.ring.end_beats
        moved = [min(beats, held) + max(0, beats - held) * share for _, beats in self._moves()]
        return sum(moved) + MEMORY_CLOCKS * len(moved)

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The compile-time numbers of its process."""
        ring = self.ring
        last = ring.beats - (ring.bursts - 1) * ring.burst
        return (
            Constant("SLOT", burst_beats(ring.bus_bits), "words of the memory port of a place, of a burst each"),
            Constant("BURST", ring.burst, "those of a burst"),
            Constant("LAST_BURST", last, "those of the last one of a frame"),
            Constant("BURSTS", ring.bursts, "bursts of a frame"),
            Constant("PROGRAM_STEPS", len(self.steps), "steps of its program"),
        )

    @property
    def roms(self) -> tuple[Rom, ...]:
        """The tables of its program."""
        columns = np.array(self.steps, np.int64).T
        about = ("bursts taken", "bursts given", "how many times")
        names = ("takes", "gives", "times")
        return tuple(
            Rom(f"step_{name}", values, f"Step of a ring: {what}.")
            for name, what, values in zip(names, about, columns, strict=True)
        )


def queue_program(ring: OffChipRing, least: Int64Array, most: Int64Array) -> RingProgram:
    """Return the program of a queue that takes at least ``least[n]`` beats before it gives beat ``n``.

    It takes a burst more than it must, where ``most[n]`` beats can be taken.  Where bursts do not fit
    in between it takes what it must; then others wait longer.

    Args:
        ring: the queue.
        least: int64 ``[beats]``, rising, ``n + 1`` or more.
        most: int64 ``[beats]``, rising, ``least`` or more.
    """
    ends = [min((n + 1) * ring.burst, ring.beats) for n in range(ring.bursts)]
    taken = []
    for n, end in enumerate(ends):
        must = -(-int(least[end - 1]) // ring.burst)
        can = int(most[n * ring.burst])
        can = ring.bursts if can == ring.beats else can // ring.burst
        taken.append(min(max(must, min(must + 1, can)), ring.bursts))
    return RingProgram.rising(ring, taken)


def words_of(ring: OffChipRing, beats: int) -> int:
    """Return the words of which so many beats of a frame have a part."""
    return -(-beats * ring.bus_bits // ring.word_bits)


def beats_of(ring: OffChipRing, words: int) -> int:
    """Return the beats that so many words of a frame take."""
    return -(-words * ring.word_bits // ring.bus_bits)


def ring_processes(
    ring: OffChipRing, name: str, config: str, source: Fifo, suffix: str, program: RingProgram | None
) -> list[Process]:
    """Return the processes through which words of ``source`` wait in external memory; the last one gives them.

    Args:
        ring: the queue.
        name: of what leads there.
        config: the struct with the numbers of its process.
        source: words of ``ring.width`` bits.
        suffix: what the names of streams end in.
        program: None: it is not known yet.
    """
    bus, bits = ring.bus_bits, ring.word_bits
    made: list[Process] = []
    given = Fifo(f"queued{suffix}", whole_bytes(ring.width), "words from external memory", ring.end_beats)
    to, back, about = source, given, ""
    if bits != bus:
        many = max(bits, bus) // min(bits, bus)
        to = Fifo(f"to_memory{suffix}", bus, "as it stands in external memory", ring.end_beats)
        back = Fifo(f"from_memory{suffix}", bus, "as it stood there", ring.end_beats)
        given = Fifo(given.name, given.bits, given.about)
        about = f"{many} words share a beat" if bits < bus else f"a word takes {many} beats"
        joins, splits = ("widen", "narrow") if bits < bus else ("narrow", "widen")
        count = max(ring.words, ring.beats)
        arguments = (str(many), str(min(bits, bus)), str(count))
        made.append(Process(joins, arguments, (source,), to, count, f"{about} of the memory port"))
    cycles = 0 if program is None else program.cycles
    pointer = Pointer("ring", name, bus)
    what = "a queue in external memory, bursts there and back"
    made.append(Process("ring", (config,), (to,), back, cycles, what, pointer, program=program))
    if bits != bus:
        made.append(Process(splits, arguments, (back,), given, count, f"{about}: the words of them"))
    return made


def queue_config(place: int) -> str:
    """Return the struct with the numbers of the ring in which what stands at a place among an engine's inputs waits."""
    return f"config_queue_{place}"
