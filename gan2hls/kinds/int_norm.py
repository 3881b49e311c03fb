"""Normalization in integers, and its hardware; what it is in float stands in ``norm``.

Exact up to the reciprocal root (``numbers.rsqrt``), over the n codes of a set:

    S1 = sum(d), S2 = sum(d * d), d = code - zero point
    y  = n * S2 - S1 * S1 + E, or n * S2 + E        = n**2 * (variance + epsilon), in squared steps of the input
    u  = n * d - S1, or n * d                       u / sqrt(y) is what is wanted
    acc = (((u << f) >> k) * r + 2**16) >> 17       r * 2**-(17 + k) = 1 / sqrt(y), cut; an acc of 1 means 2**-f

A map streams into a buffer and into the sums; when those of its sets are complete it is read again, while the next one
enters the places that are left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls import timing
from gan2hls.numbers import (
    CHORDS,
    DROP_BITS,
    MOST_BITS,
    ROOT_BITS,
    START_BITS,
    Int64Array,
    IntType,
    QuantType,
    chords,
    reciprocal_root,
)
from gan2hls.ops import Program, Shape, Sizes, StreamOperation, Unit, UnitCost, UnitTable

_Number = TypeVar("_Number", np.float32, np.int64)

#: Bits of a normalized value without its sign: with it one port of a DSP block, before and behind the product.
_VALUE_BITS = 23
#: Clocks from the token of a map whose sums are on their way to its queue, and from a beat to the queue behind.
_ROOT_CLOCKS, _LANE_CLOCKS = 12, 8
#: Words of queues in distributed RAM at most, behind a ring, and behind the lanes.
_QUEUE_WORDS, _RING_OUT_WORDS, _OUT_WORDS = 64, 8, 16
#: Beats between the last one of a map and the first that is normalized, in C++: what the root takes in a pipeline.
_HLS_GUARD = 48
#: Beats between a read of a word of its buffer and the next write to it.
_HLS_REUSE = 8
#: Places of the buffer beyond a map and the clocks of its statistics, with which nobody waits for one.
_SLACK = 20
#: LUTs of the shift of a value, in two stages of 32 and 25 bits.
_SHIFT_LUT = 90
#: More tokens than maps can be under way.
_TOKENS = 1 << 12


def by_sets(x: npt.NDArray[_Number], shape: Shape, groups: int, by_pixel: bool) -> npt.NDArray[_Number]:
    """Return frames of any shape as ``[N, blocks, pixels, groups, channels]``; a set lies along axes 2 and 4."""
    height, width, channels = shape
    pixels = height * width
    blocks = pixels if by_pixel else 1
    return x.reshape(-1, blocks, pixels // blocks, groups, channels // groups)


def set_size(shape: Shape, groups: int, by_pixel: bool) -> int:
    """Return the elements of a set."""
    return (1 if by_pixel else shape[0] * shape[1]) * shape[2] // groups


@final
@dataclass(frozen=True)
class IntNorm(StreamOperation):
    """Normalization over sets of codes; see the head of this file.

    Attributes:
        shape: ``(H, W, C)`` of the stream.
        groups: equal runs of channels, each a set.
        by_pixel: whether each pixel has sets of its own.
        centred: whether the mean is subtracted.
        epsilon: ``E``, 1 or more.
    """

    shape: Shape
    groups: int
    by_pixel: bool
    centred: bool
    epsilon: int
    kind: ClassVar[str] = "norm"

    @property
    def count(self) -> int:
        """Elements of a set."""
        return set_size(self.shape, self.groups, self.by_pixel)

    @property
    def _reach(self) -> int:
        """Square of the most that a value can be: with a mean, n - 1 others must make up for it."""
        return max(1, self.count - self.centred)

    @property
    def fraction(self) -> int:
        """Fraction bits of an accumulator, ``f``: as many as keep the greatest value within its bits."""
        return (2 * _VALUE_BITS - self._reach.bit_length()) // 2

    def power(self, given: QuantType) -> int:
        """Return the most that ``n * S2`` can be for codes of type ``given``."""
        greatest = max(abs(given.centred.lo), abs(given.centred.hi))
        return (self.count * greatest) ** 2

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, H, W, C]`` of codes of any shape."""
        del acc_type
        (given,) = inputs
        count, half = self.count, 1 << (ROOT_BITS - 1)

        def run(codes: Int64Array) -> Int64Array:
            d = by_sets(codes - given.zero_point, self.shape, self.groups, self.by_pixel)
            power = count * np.square(d).sum(axis=(2, 4), keepdims=True) + self.epsilon
            u = count * d
            if self.centred:
                total = d.sum(axis=(2, 4), keepdims=True)
                u, power = u - total, power - total * total
            root, k = reciprocal_root(power)
            made: Int64Array = ((((u << self.fraction) >> k) * root + half) >> ROOT_BITS).reshape(-1, *self.shape)
            return made

        return run

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return an interval of every accumulator: what values can be, with what a root and a cut may be off."""
        del inputs
        most = math.isqrt(self._reach << 2 * self.fraction)
        most += (most >> (ROOT_BITS - 1)) + 3
        return -most, most

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check that all fits 64 bits.

        Raises:
            AssertionError: it does not, or it is no norm.
        """
        (given,) = inputs
        assert channels == self.shape[2] and channels % self.groups == 0, f"{self.groups} groups of {channels}"
        assert self.epsilon >= 1, f"epsilon {self.epsilon}"
        assert self.power(given) + self.epsilon < 1 << MOST_BITS, f"sums of {self.count} {given.int_type}"

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: lanes are in one set, or each in its own."""
        return shape[2] if self.groups == shape[2] else shape[2] // self.groups

    def order(self, sizes: Sizes) -> tuple[timing.Phase, ...]:
        """Return what its process does: beats go in ahead of what leaves; the RTL also takes the next map meanwhile."""
        lag = min(_Plan(self, sizes).hls_lag, sizes.beats)
        gives, takes = ((), True), ((0,), False)
        phases = (
            timing.Phase((takes,), lag),
            timing.Phase((gives, takes), sizes.beats - lag),
            timing.Phase((gives,), lag),
        )
        return tuple(phase for phase in phases if phase.repeats)

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[timing.Stream], frames: int
    ) -> tuple[tuple[timing.Block, ...], timing.Stream]:
        """Return the buffer, the sums, the roots and the lanes, and the stream of accumulators."""
        (given,) = streams
        plan = _Plan(self, sizes)
        beats, maps = sizes.beats * frames, sizes.beats * frames // plan.map_beats
        held, beat, out = (timing.Stream(f"{name}.{what}", beats) for what in ("held", "beat", "acc"))
        summed, known = (timing.Stream(f"{name}.{what}", maps) for what in ("summed", "known"))
        rest = plan.map_beats - 1
        more, takes_all = ([timing.Phase((step,), rest)] if rest else [] for step in (((0,), False), ((0,), True)))
        every = np.ones(1, np.int64)
        if plan.in_ram:
            buffer = timing.ring(given, held, plan.depth, _RING_OUT_WORDS)
        else:
            buffer = timing.queue(given, held, plan.depth)
        return (
            *buffer,
            timing.steps((given,), summed, (*more, timing.Phase((((0,), True),), 1))),
            timing.requant(summed, known, latency=plan.root_clocks, queue_words=_TOKENS, pixels=every, groups=1),
            timing.steps((held, known), beat, (timing.Phase((((0, 1), True),), 1), *takes_all)),
            timing.requant(beat, out, latency=_LANE_CLOCKS, queue_words=_OUT_WORDS, pixels=every, groups=1),
        ), out

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_norm``."""
        plan = _Plan(self, sizes)
        given = plan.given
        parameters: dict[str, int | bool] = {
            "Lanes": sizes.lanes,
            "Sets": plan.sets,
            "Slots": plan.slots,
            "SlotBeats": plan.slot_beats,
            "Pixels": plan.pixels,
            "Copies": plan.copies,
            "Depth": plan.depth,
            "InBits": given.int_type.bits,
            "Signed": given.int_type.signed,
            "ZeroPoint": given.zero_point,
            "Centred": self.centred,
            "Count": self.count,
            **{f"{name}Bits": bits for name, bits in plan.widths.items()},
            "EpsilonHigh": self.epsilon >> 31,
            "EpsilonLow": self.epsilon & ((1 << 31) - 1),
            "Fraction": self.fraction,
            "AccBits": sizes.acc_type.signed_bits,
        }
        start, drop = chords()
        words = UnitTable(start << DROP_BITS | drop, IntType(START_BITS + DROP_BITS, signed=False), "Start, drop.")
        return Unit("g2h_norm", parameters, {"chord": words})

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``norm``."""
        plan = _Plan(self, sizes)
        given = plan.given
        constants: dict[str, int | bool] = {
            "SETS": plan.sets,
            "SLOTS": plan.slots,
            "SLOT_BEATS": plan.slot_beats,
            "PIXELS": plan.pixels,
            "COPIES": plan.hls_copies,
            "HELD": plan.hls_held,
            "NORM_CYCLES": sizes.beats + plan.hls_lag,
            "IN_BITS": given.int_type.bits,
            "IN_SIGNED": given.int_type.signed,
            "IN_ZERO_POINT": given.zero_point,
            "CENTRED": self.centred,
            "COUNT": self.count,
            **{f"{name.upper()}_BITS": bits for name, bits in plan.widths.items()},
            "EPSILON_HIGH": self.epsilon >> 31,
            "EPSILON_LOW": self.epsilon & ((1 << 31) - 1),
            "FRACTION": self.fraction,
        }
        start, drop = chords()
        tables = {
            "chord_start": UnitTable(
                start, IntType(START_BITS, signed=False), "Where a chord of 1 / sqrt starts.", plan.sets
            ),
            "chord_drop": UnitTable(drop, IntType(DROP_BITS, signed=False), "By how much it falls.", plan.sets),
        }
        return Unit("norm", constants, tables, sizes.beats + plan.hls_lag)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its DSP blocks, LUTs, and the memories of the map, of chords and of the sets' statistics."""
        plan = _Plan(self, sizes)
        width = plan.widths
        constant = 0 if self.count & (self.count - 1) == 0 else 1  # a power of two is a shift
        count_bits = self.count.bit_length() + 1
        lane = _dsp(width["Code"], width["Code"]) + _dsp(ROOT_BITS + 1, _VALUE_BITS + 2)
        lane += constant * _dsp(count_bits, width["Code"])
        one = constant * _dsp(count_bits, width["Square"] + 1) + _dsp(DROP_BITS + 1, 12)
        one += _dsp(width["Sum"], width["Sum"]) if self.centred else 0
        state = width["Sum"] + width["Square"]
        statistic = width["Sum"] + width["Shift"] + ROOT_BITS
        lut = sizes.lanes * (2 * width["Centre"] + _SHIFT_LUT) + plan.sets * 4 * width["Power"]
        lut += plan.sets * state * (1 + -(-plan.slots // 32))
        memories = [(sizes.lanes * plan.given.int_type.bits, plan.depth)]
        memories += [(START_BITS + DROP_BITS, CHORDS), (statistic, plan.slots * plan.copies)] * plan.sets
        return UnitCost(sizes.lanes * lane + plan.sets * one, lut, tuple(memories))


def _dsp(a_bits: int, b_bits: int) -> int:
    """Return the DSP48 blocks of a signed product.  Source: UG479, a port of 18 and one of 25 bits."""
    narrow, wide = sorted((a_bits, b_bits))
    return -(-narrow // 18) * -(-wide // 25)


@final
class _Plan:
    """How the beats of a frame meet their sets.

    A map is what a set reaches over: ``pixels`` pixels of ``slots * slot_beats`` beats, a frame or a pixel.  With every
    ``slot_beats`` beats of a pixel come the next ``sets`` sets.

    Attributes:
        given: type of the input.
        sets: sets that the lanes of a beat belong to: as many as lanes, or one.
        slots: of sums, for each of them.
        slot_beats: beats of a pixel that belong to a slot.
        pixels: of a map.
        map_beats: beats of a map.
        depth: words of the buffer.
        copies: maps whose statistics are kept at a time, a power of two.
        root_clocks: from the token of a map to its queue.
        hls_lag: beats by which the HLS process runs ahead with its reads.
        hls_held: words of its buffer.
        hls_copies: maps whose statistics it keeps.
    """

    def __init__(self, op: IntNorm, sizes: Sizes) -> None:
        (self.given,) = sizes.inputs
        height, width, channels = op.shape
        lanes = sizes.lanes
        beats = channels // lanes
        alone = op.groups == channels
        self.op = op
        self.sets = lanes if alone else 1
        self.slots = beats if alone else op.groups
        self.slot_beats = beats // self.slots
        self.pixels = 1 if op.by_pixel else height * width
        self.map_beats = self.pixels * beats
        levels = (lanes // self.sets - 1).bit_length()
        self.root_clocks = _ROOT_CLOCKS + levels
        least = self.map_beats + self.root_clocks + _SLACK
        self.depth = 1 << (least - 1).bit_length() if least <= _QUEUE_WORDS else least
        ahead = self.depth + _RING_OUT_WORDS + 2  # beats that are summed and not yet read
        self.copies = self._copies(beats + ahead)
        self.hls_lag = self.map_beats + _HLS_GUARD
        self.hls_held = self.hls_lag + _HLS_REUSE
        self.hls_copies = self._copies(beats + self.hls_held)

    def _copies(self, beats: int) -> int:
        """Return the least power of two, 2 or more, of maps that have so many ``beats``."""
        return 1 << max(1, (-(-beats // self.map_beats) - 1).bit_length())

    @property
    def in_ram(self) -> bool:
        """Whether the buffer is a ring in block RAM."""
        return self.depth > _QUEUE_WORDS

    @property
    def widths(self) -> dict[str, int]:
        """Bits of the numbers in it, those of ``y`` even; signed ones with their sign."""
        centred, count = self.given.centred, self.op.count
        low, high = min(0, centred.lo), max(0, centred.hi)
        off = count * (high - low) if self.op.centred else count * max(-low, high)
        power = max(ROOT_BITS + 3, (self.op.power(self.given) + self.op.epsilon).bit_length())
        power += power % 2
        return {
            "Code": IntType.covering(low, high).signed_bits,
            "Sum": IntType.covering(count * low, count * high).signed_bits,
            "Square": (count * max(-low, high) ** 2).bit_length(),
            "Power": power,
            "Shift": (power // 2 - 1).bit_length(),
            "Centre": off.bit_length() + 1,
        }
