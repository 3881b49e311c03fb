"""How the beats of a normalization meet their sets, and the clocks of its sums and roots."""

from __future__ import annotations

from typing import final

import numpy as np

from gan2hls import timing
from gan2hls.numbers import ROOT_BITS, IntType, QuantType
from gan2hls.ops import HeldMap, OffChipRing, Shape

#: Clocks from the token of a map whose sums are on their way to its queue, and of a slot to the queue of sums in
#: front of serial roots.
_ROOT_CLOCKS, _SUM_CLOCKS = 12, 2
#: Clocks of a serial root beside those of its products' bits and its pairs of bits, and maps' clocks to one of roots'.
_SERIAL_CLOCKS, _SERIAL_SHARE = 14, 16
#: Words of a queue in distributed RAM at most, and of the one behind a ring.
_QUEUE_WORDS, RING_OUT_WORDS = 64, 8
#: Places of the buffer beyond a map and the clocks of its statistics, with which nobody waits for one.
_SLACK = 20
#: More tokens than maps can be under way.
_TOKENS = 1 << 12


def set_size(shape: Shape, groups: int, by_pixel: bool) -> int:
    """Return the elements of a set."""
    return (1 if by_pixel else shape[0] * shape[1]) * shape[2] // groups


@final
class NormPlan:
    """How the beats of a frame meet their sets.

    A map is what a set reaches over: ``pixels`` pixels of ``slots * slot_beats`` beats, a frame or a pixel.  With every
    ``slot_beats`` beats of a pixel come the next ``sets`` sets.

    Attributes:
        given: type of the input.
        count: elements of a set.
        widths: bits of the numbers in it, those of ``y`` even; signed ones with their sign.
        sets: sets that the lanes of a beat belong to: as many as lanes, or one.
        slots: of sums, for each of them.
        slot_beats: beats of a pixel that belong to a slot.
        pixels: of a map.
        map_beats: beats of a map.
        depth: words of the buffer.
        copies: maps whose statistics are kept at a time, a power of two, 2 or more.
        root_clocks: from the token of a map to its queue, where there is a root a clock.
        sum_clocks: from the token of a slot to the queue of sums, where roots are serial.
        serial_bits: of a serial root's products.
        steps: clocks of a serial root; 0: a root a clock, where maps are small beside their roots.
        ring: the buffer in external memory; None: it is on chip.
        hls_map: what the two halves of the HLS process have between them.
    """

    def __init__(
        self,
        shape: Shape,
        groups: int,
        by_pixel: bool,
        centred: bool,
        power: int,
        given: QuantType,
        lanes: int,
        words: int,
        bus_bits: int = 0,
        turns: int = 1,
    ) -> None:
        """Lay out sets of ``shape`` (``IntNorm``) on ``lanes``; ``power`` is the most that ``y`` can be.

        ``words`` are the beats of the stream, of one frame of ``shape`` or of several; ``bus_bits`` is the width of the
        memory port where the map is off chip, else 0; ``turns`` is how many layers take turns.
        """
        self.given = given
        height, width, channels = shape
        beats = channels // lanes
        alone = groups == channels
        self.count = set_size(shape, groups, by_pixel)
        self.sets = lanes if alone else 1
        self.slots = beats if alone else groups
        self.slot_beats = beats // self.slots
        self.pixels = 1 if by_pixel else height * width
        self.map_beats = self.pixels * beats
        levels = (lanes // self.sets - 1).bit_length()
        self.root_clocks, self.sum_clocks = _ROOT_CLOCKS + levels, _SUM_CLOCKS + levels
        self.widths = widths = self._widths(centred, power)
        self.serial_bits = max(self.count.bit_length(), widths["Sum"])
        steps = self.serial_bits + widths["Power"] // 2 + _SERIAL_CLOCKS
        self.steps = steps if _SERIAL_SHARE * steps <= self.pixels * self.slot_beats else 0
        wait = self.sum_clocks + 4 + self.slots * steps if self.steps else self.root_clocks
        least = self.map_beats + wait + _SLACK
        self.depth = 1 << (least - 1).bit_length() if least <= _QUEUE_WORDS else least
        self.ring = OffChipRing(lanes * given.int_type.bits, words, least, bus_bits, turns) if bus_bits else None
        # Beats that are summed and not yet read.
        ahead = self.depth + RING_OUT_WORDS + 2 if self.ring is None else self.ring.held
        self.copies = 1 << max(1, (-(-(beats + ahead) // self.map_beats) - 1).bit_length())
        statistic = self.sets * (widths["Sum"] + widths["Shift"] + ROOT_BITS)
        self.hls_map = HeldMap(words, self.pixels, self.slots, self.slot_beats, statistic, self.ring)

    @property
    def in_ram(self) -> bool:
        """Whether the buffer is a ring in block RAM."""
        return self.depth > _QUEUE_WORDS and self.ring is None

    def _widths(self, centring: bool, most: int) -> dict[str, int]:
        """Return ``widths``."""
        centred, count = self.given.centred, self.count
        low, high = min(0, centred.lo), max(0, centred.hi)
        off = count * (high - low) if centring else count * max(-low, high)
        power = max(ROOT_BITS + 3, most.bit_length())
        power += power % 2
        return {
            "Code": IntType.covering(low, high).signed_bits,
            "Sum": IntType.covering(count * low, count * high).signed_bits,
            "Square": (count * max(-low, high) ** 2).bit_length(),
            "Power": power,
            "Shift": (power // 2 - 1).bit_length(),
            "Centre": off.bit_length() + 1,
        }


def roots(plan: NormPlan, given: timing.Stream, known: timing.Stream, name: str, maps: int) -> tuple[timing.Block, ...]:
    """Return the sums and roots: ``known`` has a token for every map."""
    every = np.ones(1, np.int64)
    summed = timing.Stream(f"{name}.summed", maps * (plan.slots if plan.steps else 1))
    if not plan.steps:
        more = [timing.Phase((((0,), False),), plan.map_beats - 1)] if plan.map_beats > 1 else []
        return (
            timing.steps((given,), summed, (*more, timing.Phase((((0,), True),), 1))),
            timing.requant(summed, known, latency=plan.root_clocks, queue_words=_TOKENS, pixels=every, groups=1),
        )
    waiting, rooted = timing.Stream(f"{name}.waiting", summed.beats), timing.Stream(f"{name}.rooted", maps)
    ahead = (plan.pixels - 1) * plan.slots * plan.slot_beats
    before = [timing.Phase((((0,), False),), ahead)] if ahead else []
    slot = (*(((0,), False),) * (plan.slot_beats - 1), ((0,), True))
    idle = ((), False)
    root = (((0,), False), *(idle,) * (plan.steps - 1))
    others = [timing.Phase(root, plan.slots - 1)] if plan.slots > 1 else []
    return (
        timing.steps((given,), summed, (*before, timing.Phase(slot, plan.slots))),
        timing.requant(summed, waiting, latency=plan.sum_clocks, queue_words=_TOKENS, pixels=every, groups=1),
        timing.steps((waiting,), rooted, (*others, timing.Phase((*root[:-1], ((), True)), 1))),
        timing.requant(rooted, known, latency=0, queue_words=_TOKENS, pixels=every, groups=1),
    )
