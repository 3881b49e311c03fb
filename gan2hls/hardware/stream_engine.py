"""Stream engines: those of layers without weights, on elements as they come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.engine import EngineDesign, Written
from gan2hls.model import IntLayer
from gan2hls.numbers import IntType
from gan2hls.ops import IntLinear, OffChipRing, Sizes, StreamOperation, Unit


def stream_op(layer: IntLayer) -> StreamOperation:
    """Return the operation of a layer that has no weights."""
    assert not isinstance(layer.op, IntLinear), f"{layer.name} is linear"
    return layer.op


@final
@dataclass(frozen=True, eq=False)
class StreamEngine(EngineDesign):
    """An engine without a MAC array: with every beat ``pe = simd = lanes`` elements of every input enter, and leave.

    Attributes:
        bus_bits: width of the memory port where the map that it holds is off chip; 0: it is on chip, or there is none.
    """

    bus_bits: int = 0
    mac_steps = 0
    mac_cycles = 0

    @property
    def op(self) -> StreamOperation:
        """What makes its accumulators."""
        return stream_op(self.layer)

    @property
    def sizes(self) -> Sizes:
        """What its operation needs to know of it."""
        layer = self.layer
        lanes = self.folding.lanes
        turns = tuple(stream_op(one) for one in self.turns)
        return Sizes(layer.input_types, layer.acc_type, layer.shape, lanes, self.bus_bits, "map" in self.ultra, turns)

    @property
    def written(self) -> Mapping[Written, tuple[int, int]]:
        """Bits of a word, and words, of the map that it holds in RAM."""
        found = self.op.held_words(self.sizes)
        return {} if found is None else {"map": found}

    @property
    def ring(self) -> OffChipRing | None:
        """Its map in external memory; None: it has none there."""
        return self.op.ring(self.sizes)

    @property
    def holds_map(self) -> bool:
        """Whether it takes all of its input before it has to send any of it."""
        words = self.written.get("map", (0, 0))[1] if self.ring is None else self.ring.depth
        return words * self.folding.lanes >= math.prod(self.layer.shape)

    @property
    def in_lanes(self) -> int:
        """Elements per beat of every input stream."""
        return self.folding.lanes

    @property
    def in_beats(self) -> tuple[int, ...]:
        """Beats of one frame of each input."""
        return self.op.in_beats(self.sizes)

    @property
    def interval(self) -> int:
        """Least clocks between two frames of this engine alone."""
        return len(self.layers) * max(self.op.interval(self.sizes), self.out_beats)

    @property
    def work_cycles(self) -> int:
        """Clocks of a frame in which it computes."""
        return self.interval

    @property
    def word_bits(self) -> int:
        """Bits of the widest word that it passes on."""
        read, _ = self.accumulator
        return max(self.code_bits, self.folding.lanes * max(read.bits, *(elem.bits for elem in self.in_elems), 1))

    row_taps = (1,)
    column_taps = (1,)

    @property
    def out_grid(self) -> tuple[int, int]:
        """Rows and columns of output pixels."""
        return self.layer.shape[:2]

    @property
    def accumulator(self) -> tuple[IntType, int]:
        """Type of the words that the requantizer reads, and the zero point that it takes off them first."""
        return self.op.accumulator(self.sizes)

    @cached_property
    def requant_order(self) -> ChannelOrder:
        """Which channels the beats of the requantizer have, until those with the same constants come again."""
        return ChannelOrder(self.channel_words if self.turns else self._requant_period)

    @property
    def _requant_period(self) -> int:
        """Words of the requantizer until the same ones come again: one, where all channels have one constant."""
        requant, words = self.layer.requant, self.channel_words
        constants = np.concatenate([requant.mult, requant.offset, requant.threshold[None]])
        by_word = constants.reshape(len(constants), words, -1)
        periods = (n for n in range(1, words + 1) if words % n == 0)
        return next(n for n in periods if np.array_equal(by_word[:, n:], by_word[:, : words - n]))

    @property
    def rtl_unit(self) -> Unit:
        """What makes its accumulators in the RTL."""
        return self.op.rtl(self.sizes)

    @property
    def hls_unit(self) -> Unit | None:
        """What makes its accumulators in the C++; None: its requantizer does."""
        return self.op.hls(self.sizes)

    def verify(self) -> None:
        """Check the folding.

        Raises:
            AssertionError: it is not legal.
        """
        folding = self.folding
        assert self.ultra <= self.written.keys(), f"{self.layer.name}: UltraRAM for {set(self.ultra)}"
        assert folding.pe == folding.simd == folding.lanes, f"{self.layer.name}: {folding}"
        assert self.layer.requant.channels % (len(self.layers) * folding.lanes) == 0, f"{self.layer.name}: lanes"
        assert self.op.lane_channels(self.layer.shape) % folding.lanes == 0, f"{self.layer.name}: lanes"
