"""A long queue whose places are in external memory: how its words stand there, and when they come back.

Words travel as beats of a memory port, in bursts of one length, to places that are taken round and round.  What is
written is read again when the memory has said that it stands there; both ends have a short queue of beats on chip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls import timing

#: Bytes that no AXI4 burst may cross, and so what regions begin at multiples of.  Source: ARM IHI 0022, A3.4.1.
BOUNDARY = 4096
#: Bytes of a burst at most: long enough for a DDR memory to open a page once, short enough for engines to take turns.
_BURST_BYTES = 256
_MOST_BEATS = 16
#: Beats of the port that are on their way to the memory and back, beyond those that wait there.
_ON_THE_WAY = 512
#: Part of its words that wait for a burst to be whole, at most.
_BURST_SHARE = 4


def burst_beats(bus_bits: int) -> int:
    """Return the beats of a burst at most, a power of two."""
    return min(_MOST_BEATS, _BURST_BYTES * 8 // bus_bits)


def queue_beats(bus_bits: int) -> int:
    """Return the beats of the queue of a stream from memory: bursts are on their way while one is used up."""
    return 4 * burst_beats(bus_bits)


def bus_word_bits(width_bits: int, words: int, bus_bits: int) -> int:
    """Return the bits that a word takes in memory, so that ``words`` of them fill whole beats of the bus.

    A wide word takes whole beats; of narrow ones a power of two stand in a beat, as many as divide the words.
    """
    if width_bits > bus_bits:
        return -(-width_bits // bus_bits) * bus_bits
    share = 1
    while width_bits * 2 * share <= bus_bits and words % (2 * share) == 0:
        share *= 2
    return bus_bits // share


@final
@dataclass(frozen=True)
class OffChipRing:
    """A queue in external memory.

    Attributes:
        width: bits of a word.
        words: of a frame; no burst has words of two.
        depth: words that it must hold.
        bus_bits: width of the memory port.
        turns: layers of which a frame each passes in one frame of the design.
    """

    width: int
    words: int
    depth: int
    bus_bits: int
    turns: int = 1

    @property
    def word_bits(self) -> int:
        """Bits that a word takes in memory."""
        return bus_word_bits(self.width, self.words, self.bus_bits)

    @property
    def beats(self) -> int:
        """Beats of the port that a frame takes, each way."""
        return self.words * self.word_bits // self.bus_bits

    @property
    def frame_bytes(self) -> int:
        """Bytes that a frame of the design takes, each way."""
        return self.turns * self.beats * self.bus_bits // 8

    @property
    def burst(self) -> int:
        """Beats of a burst, few beside what waits; the last one of a frame has what is left."""
        waiting = self.depth * self.word_bits // self.bus_bits
        return max(1, min(burst_beats(self.bus_bits), self.beats, waiting // _BURST_SHARE))

    @property
    def bursts(self) -> int:
        """Bursts of a frame."""
        return -(-self.beats // self.burst)

    @property
    def slots(self) -> int:
        """Bursts that it holds, short ones among them: a frame at least, for the order of bursts of the C++."""
        beats = max(-(-self.depth * self.word_bits // self.bus_bits), self.beats) + _ON_THE_WAY
        return -(-beats // self.burst) + beats // self.beats + 2

    @property
    def end_beats(self) -> int:
        """Beats of the queue at each of its ends."""
        return 2 * burst_beats(self.bus_bits)

    @property
    def held(self) -> int:
        """Words that may be between its ends, those in the queues of the port among them."""
        beats = self.slots * self.burst + 2 * self.end_beats
        return -(-beats * self.bus_bits // self.word_bits) + 2 * self.bus_bits // self.word_bits + 2

    @property
    def size(self) -> int:
        """Bytes that it takes: a place has room for the longest burst."""
        return self.slots * burst_beats(self.bus_bits) * self.bus_bits // 8

    def between(self, name: str, frames: int) -> timing.BurstRing:
        """Return what is between its ends, for ``frames`` of its own; ``name`` is that of its instance."""
        beats, bursts = self.beats * frames, self.bursts * frames
        return timing.BurstRing(
            timing.Queue(f"{name}.written", beats, self.end_beats),
            timing.Queue(f"{name}.bursts", bursts, self.slots),
            timing.Queue(f"{name}.read", beats, self.end_beats),
            self.beats,
            self.burst,
        )

    def blocks(self, name: str, stream: timing.Stream, out: timing.Stream) -> tuple[timing.Block, ...]:
        """Return its ends, from ``stream`` to what is ``between`` them, and from there to ``out``."""
        frames = stream.beats // self.words
        ring = self.between(name, frames)
        to, come = (timing.Stream(f"{name}.{end}", self.beats * frames) for end in ("to", "from"))
        wide, narrow = self.word_bits // self.bus_bits, self.bus_bits // self.word_bits
        converters: tuple[timing.Block, ...] = ()
        if wide > 1:
            converters = timing.down(stream, to, wide), timing.up(come, out, wide)
        elif narrow > 1:
            converters = timing.up(stream, to, narrow), timing.down(come, out, narrow)
        else:
            to, come = stream, out
        return *converters, timing.loader(to, ring.written, to_ready=1), timing.fifo(ring.read, come)
