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
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls import timing
from gan2hls.fabric import MemoryBlock, Product
from gan2hls.kinds.norm_plan import RING_OUT_WORDS, NormPlan, roots, set_size
from gan2hls.kinds.norm_values import add_up, normalize
from gan2hls.numbers import (
    ALONG_BITS,
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
from gan2hls.ops import (
    OffChipRing,
    Parameter,
    Program,
    Shape,
    Sizes,
    StreamOperation,
    Unit,
    UnitCost,
    UnitTable,
)

_Number = TypeVar("_Number", np.float32, np.int64)

#: Bits of a normalized value without its sign: with it one port of a DSP block, before and behind the product.
_VALUE_BITS = 23
#: Clocks from a beat to the queue behind the lanes, and its words.
_LANE_CLOCKS, _OUT_WORDS = 8, 16
#: Bits of codes whose squares are added in LUTs, and digits of a factor that are adders, at most.
_ADDED_BITS, _MOST_ADDED = 8, 4
#: LUTs of a serial root for each bit of its sum.
_SERIAL_POWERS = 6
#: LUTs of the shift of a value, in two stages of 32 and 25 bits.
_SHIFT_LUT = 90
#: Bits of the lower half of ``epsilon``, as parameters have it.
_HALF_BITS = 31
_HALF = (1 << _HALF_BITS) - 1
#: LUTs, and flip-flops, of what counts turns.
_TURN_LUT = 12
#: Flip-flops of a lane, and of the pipeline of a root for each bit of its sum.
_LANE_FF, _ROOT_FF = 130, 6


def by_sets(x: npt.NDArray[_Number], shape: Shape, groups: int, by_pixel: bool) -> npt.NDArray[_Number]:
    """Return frames of any shape as ``[N, blocks, pixels, groups, channels]``; a set lies along axes 2 and 4."""
    height, width, channels = shape
    pixels = height * width
    blocks = pixels if by_pixel else 1
    return x.reshape(-1, blocks, pixels // blocks, groups, channels // groups)


@final
@dataclass(frozen=True)
class IntNorm(StreamOperation):
    """Normalization over sets of codes; see the head of this file.

    Attributes:
        shape: ``(H, W, C)`` of a frame, of which the stream may have several, one below the other.
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
        count, zero_point = self.count, given.zero_point

        def run(codes: Int64Array) -> Int64Array:
            sets = by_sets(codes, self.shape, self.groups, self.by_pixel)
            frames = np.ascontiguousarray(sets.reshape(-1, *sets.shape[2:]))  # a block is a frame of its own
            total, power = np.zeros((2, len(frames), self.groups), np.int64)
            add_up(frames, zero_point, total, power)
            if not self.centred:
                total[:] = 0
            root, k = reciprocal_root(count * power - total * total + self.epsilon)
            made = np.empty_like(frames)
            normalize(frames, zero_point, count, total, root, k, self.fraction, ROOT_BITS, made)
            return made.reshape(-1, *self.shape)

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

    @property
    def turn_key(self) -> Hashable:
        """What norms have in common that can be computed by one engine: all but ``epsilon``."""
        return self.shape, self.groups, self.by_pixel, self.centred

    def by_frames(self, frames: int) -> IntNorm:
        """Return itself: each frame has sets of its own."""
        del frames
        return self

    def _epsilons(self, sizes: Sizes) -> tuple[int, ...]:
        """Return ``epsilon`` of each layer that takes turns, once where all have the same."""
        norms = [norm for norm in sizes.turns if isinstance(norm, IntNorm)] or [self]
        every = tuple(norm.epsilon for norm in norms)
        return every if len(set(every)) > 1 else every[:1]

    def _plan(self, sizes: Sizes) -> NormPlan:
        (given,) = sizes.inputs
        return NormPlan(
            self.shape,
            self.groups,
            self.by_pixel,
            self.centred,
            self.power(given) + max(self._epsilons(sizes)),
            given,
            sizes.lanes,
            sizes.beats,
            sizes.bus_bits,
            max(1, len(sizes.turns)),
        )

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: lanes are in one set, or each in its own."""
        return shape[2] if self.groups == shape[2] else shape[2] // self.groups

    def ring(self, sizes: Sizes) -> OffChipRing | None:
        """Return its map where that is in external memory."""
        return self._plan(sizes).ring

    def held_words(self, sizes: Sizes) -> tuple[int, int] | None:
        """Return bits of a word, and words, of its map where that is in RAM."""
        plan = self._plan(sizes)
        return (sizes.lanes * plan.given.int_type.bits, plan.depth) if plan.in_ram else None

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[timing.Stream], frames: int
    ) -> tuple[tuple[timing.Block, ...], timing.Stream]:
        """Return the buffer, the sums, the roots and the lanes, and the stream of accumulators."""
        (given,) = streams
        plan = self._plan(sizes)
        beats, maps = sizes.beats * frames, sizes.beats * frames // plan.map_beats
        held, beat, out = (timing.Stream(f"{name}.{what}", beats) for what in ("held", "beat", "acc"))
        known = timing.Stream(f"{name}.known", maps)
        rest = plan.map_beats - 1
        takes_all = [timing.Phase((((0,), True),), rest)] if rest else []
        every = np.ones(1, np.int64)
        if plan.ring is not None:
            buffer = plan.ring.blocks(name, given, held)
        elif plan.in_ram:
            buffer = timing.ring(given, held, plan.depth, RING_OUT_WORDS)
        else:
            buffer = timing.queue(given, held, plan.depth)
        return (
            *buffer,
            *roots(plan, given, known, name, maps),
            timing.steps((held, known), beat, (timing.Phase((((0, 1), True),), 1), *takes_all)),
            timing.requant(beat, out, latency=_LANE_CLOCKS, queue_words=_OUT_WORDS, pixels=every, groups=1),
        ), out

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_norm``, or what there is of it beside its map where that is in external memory."""
        plan = self._plan(sizes)
        given = plan.given
        parameters: dict[str, Parameter] = {
            "Lanes": sizes.lanes,
            "Sets": plan.sets,
            "Slots": plan.slots,
            "SlotBeats": plan.slot_beats,
            "Pixels": plan.pixels,
            "Copies": plan.copies,
            **({"Depth": plan.depth} if plan.ring is None else {}),
            **({"Ultra": True} if sizes.ultra else {}),
            "Steps": plan.steps,
            "SerialBits": plan.serial_bits,
            "InBits": given.int_type.bits,
            "Signed": given.int_type.signed,
            "ZeroPoint": given.zero_point,
            "Centred": self.centred,
            "Count": self.count,
            **{f"{name}Bits": bits for name, bits in plan.widths.items()},
            **self._turn_parameters(sizes, plan),
            "Fraction": self.fraction,
            "AccBits": sizes.acc_type.signed_bits,
        }
        start, drop = chords()
        words = UnitTable(start << DROP_BITS | drop, IntType(START_BITS + DROP_BITS, signed=False), "Start, drop.")
        return Unit("g2h_norm" if plan.ring is None else "g2h_norm_core", parameters, {"chord": words})

    def _turn_parameters(self, sizes: Sizes, plan: NormPlan) -> dict[str, Parameter]:
        """Return what ``g2h_norm_roots`` has of each layer: ``epsilon`` in halves, and roots after which it changes."""
        epsilons = self._epsilons(sizes)
        high, low = (
            tuple(half) for half in zip(*(divmod(epsilon, 1 << _HALF_BITS) for epsilon in epsilons), strict=True)
        )
        if len(epsilons) == 1:
            return {"EpsilonHigh": high[0], "EpsilonLow": low[0]}
        roots = plan.slots * sizes.beats // plan.map_beats
        return {"Turns": len(epsilons), "TurnRoots": roots, "EpsilonHigh": high, "EpsilonLow": low}

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``norm``, in two halves between which its map waits."""
        plan = self._plan(sizes)
        given = plan.given
        constants: dict[str, Parameter] = {
            "SETS": plan.sets,
            "SLOTS": plan.slots,
            "SLOT_BEATS": plan.slot_beats,
            "PIXELS": plan.pixels,
            "IN_BITS": given.int_type.bits,
            "IN_SIGNED": given.int_type.signed,
            "IN_ZERO_POINT": given.zero_point,
            "CENTRED": self.centred,
            "COUNT": self.count,
            **{f"{name.upper()}_BITS": bits for name, bits in plan.widths.items()},
            "EPSILON_HIGH": tuple(epsilon >> _HALF_BITS for epsilon in self._epsilons(sizes)),
            "EPSILON_LOW": tuple(epsilon & _HALF for epsilon in self._epsilons(sizes)),
            "FRACTION": self.fraction,
        }
        start, drop = chords()
        tables = {
            "chord_start": UnitTable(
                start, IntType(START_BITS, signed=False), "Where a chord of 1 / sqrt starts.", plan.sets
            ),
            "chord_drop": UnitTable(drop, IntType(DROP_BITS, signed=False), "By how much it falls.", plan.sets),
        }
        return Unit("norm", constants, tables, held=plan.hls_map)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its products, LUTs, and the memories of the map, of chords and of the sets' statistics."""
        plan = self._plan(sizes)
        width, code = plan.widths, plan.given.int_type
        lane_products, lane_lut = _times(self.count, width["Code"], width["Centre"])
        lane_products.append(Product(ROOT_BITS + 1, _VALUE_BITS + 2))
        if code.bits <= _ADDED_BITS:
            lane_lut += width["Code"] * (width["Code"] + 5)
        else:
            lane_products.append(Product(width["Code"], width["Code"]))
        root_products, root_lut = ([], _SERIAL_POWERS * width["Power"]) if plan.steps else self._root_cost(plan)
        state = width["Sum"] + width["Square"]
        statistic = width["Sum"] + width["Shift"] + ROOT_BITS
        lut = sizes.lanes * (lane_lut + width["Centre"] + _SHIFT_LUT) + plan.sets * (root_lut + 7 * state // 4)
        ff = sizes.lanes * _LANE_FF + plan.sets * (state + _ROOT_FF * width["Power"])
        held: MemoryBlock = "ultra_ring" if sizes.ultra else "ring" if plan.in_ram else "queue"
        memories: list[tuple[int, int, MemoryBlock]] = [
            *([(sizes.lanes * code.bits, plan.depth, held)] if plan.ring is None else []),
            *((START_BITS + DROP_BITS, CHORDS, "rom"), (statistic, plan.slots * plan.copies, "line_buffer"))
            * plan.sets,
        ]
        if plan.slots > 1:
            memories += [(state, plan.slots, "kept")] * plan.sets
        if plan.steps:
            memories.append((plan.sets * state, 1 << max(1, (plan.slots - 1).bit_length()), "queue"))
        memories.append((sizes.lanes * sizes.acc_type.signed_bits, _OUT_WORDS, "queue"))
        turns = len(self._epsilons(sizes))
        if turns > 1:
            lut += max(self._epsilons(sizes)).bit_length() * -(-turns // 64) + _TURN_LUT
            ff += _TURN_LUT
        products = [sizes.lanes * product for product in lane_products]
        products += [plan.sets * product for product in root_products]
        return UnitCost(tuple(products), lut, ff, tuple(memories))

    def _root_cost(self, plan: NormPlan) -> tuple[list[Product], int]:
        """Return the products and LUTs of a root a clock."""
        width = plan.widths
        products, lut = _times(self.count, width["Square"] + 1, width["Power"])
        products.append(Product(DROP_BITS + 1, ALONG_BITS + 1))
        if self.centred:
            products.append(Product(width["Sum"], width["Sum"]))
        return products, lut + 4 * width["Power"]


def _times(factor: int, in_bits: int, out_bits: int) -> tuple[list[Product], int]:
    """Return the products and LUTs of ``g2h_times``, a product by a constant."""
    digits = (factor ^ 3 * factor).bit_count()  # of its non-adjacent form that are not 0
    if digits <= _MOST_ADDED:
        return [], (digits - 1) * out_bits
    return [Product(factor.bit_length() + 1, in_bits)], 0
