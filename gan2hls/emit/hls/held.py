"""The map that waits between the two halves of a normalization, and the statistics that go past it.

On chip it waits in a stream, which takes the next frame while it gives this one; where FIFOs are short, in a ``hold``.
Off chip it waits in a ``ring``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from gan2hls.emit.hls.config import whole_bytes
from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.hold import Hold
from gan2hls.emit.hls.latency import latency_cycles, restart_cycles
from gan2hls.emit.hls.process import Fifo, Process
from gan2hls.emit.hls.ring import STALLS, RingProgram, beats_of, ring_processes, words_of
from gan2hls.numbers import Int32Array
from gan2hls.ops import HeldMap, OffChipRing
from gan2hls.timing import repeated

#: The struct with the numbers of the ring in which a map waits.
MAP_CONFIG = "config_map"

#: Beats that the stream of a map holds beyond a map: those that the first half takes until statistics have left it,
#: also where it stalls as a whole.
_AHEAD_BEATS = max(STALLS) * restart_cycles("norm_take")

#: Words of statistics in shift registers at most.
_SHIFTED_WORDS = 64


def map_processes(
    held: HeldMap, unit: str, name: str, source: Fifo, out: Fifo, *, turns: int, ultra: bool
) -> list[Process]:
    """Return the two halves of ``unit`` and what is between them.

    Args:
        held: its map.
        unit: what its processes are called.
        name: of what leads to its ring, where it is off chip.
        source: what it reads.
        out: what it writes.
        turns: layers that take turns.
        ultra: whether its map is in UltraRAM.
    """
    if held.ring is None:
        depth = held.beats + _AHEAD_BEATS
        about = "its map, until the statistics of it are known"
        passed = Fifo("map", source.bits, about, depth, impl="uram" if ultra else "", hold=map_hold(held, turns))
        between: list[Process] = []
        waiting, least = most_statistics(held, depth), 2
    else:
        program = map_program(held, held.ring)
        depth = held.ring.end_beats if held.ring.word_bits == held.ring.bus_bits else 2
        passed = Fifo("map", source.bits, "its map, on the way to external memory", depth)
        between = ring_processes(held.ring, name, MAP_CONFIG, passed, "", program)
        waiting = least = statistics_depth(held, program)
    impl: Literal["", "srl"] = "srl" if 2 < waiting <= _SHIFTED_WORDS else ""
    sets = Fifo("statistics", whole_bytes(held.bits), "sum, shift and root of sets", waiting, least, impl)
    beats, back = held.words, between[-1].sink if between else passed
    take, give = f"{unit}_take", f"{unit}_give"
    return [
        Process(take, ("config",), (source,), passed, beats, "sums and roots of its sets", beside=(sets,)),
        *between,
        Process(give, ("config",), (back, sets), out, beats, f"{unit} -> accumulator"),
    ]


def map_hold(held: HeldMap, turns: int) -> Hold:
    """Return the ``hold`` in which the map waits where FIFOs are a few words deep.

    It gives a map from when the statistics of its first slot are made, so that no more of them wait than a FIFO takes.
    """
    lag = held.beats - held.pixel_beats + held.slot_beats
    frame = [Segment(lag, lag, emits=False)]
    if held.words > lag:
        frame.append(Segment(held.words - lag, held.words - lag, emits=True))
    return Hold((*frame, Segment(lag, 0, emits=True)) * turns)


def map_program(held: HeldMap, ring: OffChipRing) -> RingProgram:
    """Return the program of a map in ``ring``: a burst is given when all maps of which it has words are complete."""
    taken = []
    for n in range(ring.bursts):
        beats = min((n + 1) * ring.burst, ring.beats)
        maps = -(-words_of(ring, beats) // held.beats)
        taken.append(-(-beats_of(ring, maps * held.beats) // ring.burst))
    return RingProgram.rising(ring, taken)


def statistics_depth(held: HeldMap, program: RingProgram) -> int:
    """Return the words of statistics that wait for the second half of a normalization at most.

    Converters in front of the ring and behind it, where they stall as a whole, keep words back until others have come.
    """
    ring, most = program.ring, 2
    kept = max(STALLS) * latency_cycles("widen")
    for n, bursts in enumerate(program.taken):
        made = held.made(min(ring.words, words_of(ring, min(bursts * ring.burst, ring.beats)) + kept))
        used = held.used(max(0, n * ring.burst * ring.bus_bits // ring.word_bits - kept))
        most = max(most, made - used)
    return most


def most_statistics(held: HeldMap, ahead: int) -> int:
    """Return the words of statistics that wait at most where the first half is so many beats ahead."""
    maps = -(-ahead // held.beats) + 1  # which begin that many beats after the first one, or later
    last_pixel = maps * held.beats - held.pixel_beats
    ends = [last_pixel + slot * held.slot_beats for slot in range(1, held.slots + 1)]
    return max(2, *(held.made(beats) - held.used(beats - ahead) for beats in ends))


def take_order(held: HeldMap) -> Int32Array:
    """Return what the half in front of the map does: 0 its input, 1 the map, 2 statistics."""
    passes, makes = [(0, 1), (1, 1)], [(2, 1)]
    pixel = (passes * held.slot_beats + makes) * held.slots
    one = np.concatenate([repeated(passes, held.beats - held.pixel_beats), repeated(pixel, 1)])
    return np.tile(one, (held.maps, 1))


def give_order(held: HeldMap) -> Int32Array:
    """Return what the half behind the map does: 0 the map, 1 statistics, 2 its output."""
    passes, first = [(0, 1), (2, 1)], [(0, 1), (1, 1), (2, 1)]
    pixel = (first + passes * (held.slot_beats - 1)) * held.slots
    one = np.concatenate([repeated(pixel, 1), repeated(passes, held.beats - held.pixel_beats)])
    return np.tile(one, (held.maps, 1))
