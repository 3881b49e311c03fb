"""Engines: a layer with its folding, and how many beats and clocks that takes.

What every engine has stands in ``EngineDesign``: a requantizer, a table, an output queue.  What makes the accumulators
in front of it differs: a linear engine (``linear_engine``) has a feeder and a MAC array, a stream engine the unit that
its operation names, on elements as they come (``stream_engine``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, final

import numpy as np

from gan2hls.fabric import WrittenKind
from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.edges import Stream
from gan2hls.hardware.requant_runs import requant_runs
from gan2hls.model import IntLayer
from gan2hls.numbers import Int64Array, IntType
from gan2hls.ops import OffChipRing

#: Words of the output queue of every engine: covers the requantizer and table pipelines at one beat a clock.
OUT_QUEUE_WORDS = 16

#: A memory that an engine writes, and reads a clock later: its line buffer, the tiles and band codes of one with
#: weights off chip, the map of a normalization.
Written = Literal["line_buffer", "tiles", "codes", "map"]


@final
@dataclass(frozen=True)
class Folding:
    """How much of a layer runs in one clock.

    Attributes:
        pe: output channels in parallel; divides ``CO / groups``, or is that times a divisor of ``groups``.
        simd: input channels in parallel for each of them; divides ``CI / groups``, is that where ``pe`` spans groups.
        lanes: output channels requantized in parallel; divides ``pe`` (stream engines: divides the channels).
    """

    pe: int
    simd: int
    lanes: int


@final
@dataclass(frozen=True)
class FoldingRequest:
    """What a user pinned of a layer: parallelism, and whether its weights stand off chip; None: the search says."""

    pe: int | None = None
    simd: int | None = None
    lanes: int | None = None
    off_chip: bool | None = None


@dataclass(frozen=True, eq=False)
class EngineDesign(ABC):
    """One engine: a layer with its folding.

    Attributes:
        layer: what it computes.
        folding: parallelism.
        ultra: those of its memories that are UltraRAMs.
        turns: the layers that take turns at it, of which ``layer`` is the joint one; none: it has ``layer`` alone.
            Steps, beats and passes are those of a turn, all but ``interval`` and what a linear engine reads of memory.
        given_lanes: elements a beat that layers give, joined behind their turns to what it takes; 0: as it takes them.
        given_depth: words of that which a queue behind the turns holds; 0: there is none.
    """

    layer: IntLayer
    folding: Folding
    ultra: frozenset[Written] = field(default=frozenset(), kw_only=True)
    turns: tuple[IntLayer, ...] = field(default=(), kw_only=True)
    given_lanes: int = field(default=0, kw_only=True)
    given_depth: int = field(default=0, kw_only=True)

    @property
    def layers(self) -> tuple[IntLayer, ...]:
        """The layers that it computes, one after the other."""
        return self.turns or (self.layer,)

    @property
    def channel_words(self) -> int:
        """Words of the requantizer's memory of one layer: groups of ``lanes`` channels."""
        return self.layer.requant.channels // (len(self.layers) * self.folding.lanes)

    @property
    @abstractmethod
    def written(self) -> Mapping[Written, tuple[int, int]]:
        """Bits of a word, and words, of its memories that may be UltraRAMs."""

    def written_kind(self, memory: Written) -> WrittenKind:
        """Return what kind of memory one of those that it writes is."""
        return "ultra" if memory in self.ultra else "buffer"

    @property
    @abstractmethod
    def in_lanes(self) -> int:
        """Elements per beat of the input stream."""

    @property
    @abstractmethod
    def in_beats(self) -> tuple[int, ...]:
        """Beats of one frame of each input."""

    @property
    @abstractmethod
    def word_bits(self) -> int:
        """Bits of the widest word that it passes on."""

    @property
    @abstractmethod
    def mac_steps(self) -> int:
        """Clocks of one frame in which a MAC array multiplies; 0 without one."""

    @property
    @abstractmethod
    def mac_cycles(self) -> int:
        """Clocks that a MAC array takes for a frame; 0 without one."""

    @property
    @abstractmethod
    def out_grid(self) -> tuple[int, int]:
        """Rows and columns of output pixels that the requantizer counts."""

    @property
    @abstractmethod
    def row_taps(self) -> tuple[int, ...]:
        """Per output row 1, or 0 where it has no accumulators; ``(1,)`` of an engine whose outputs all have one."""

    @property
    @abstractmethod
    def column_taps(self) -> tuple[int, ...]:
        """The same per output column."""

    @property
    @abstractmethod
    def accumulator(self) -> tuple[IntType, int]:
        """Type of the words that the requantizer reads, and the zero point that it takes off them first."""

    @abstractmethod
    def verify(self) -> None:
        """Check what emitters and estimators rely on.

        Raises:
            AssertionError: a stage of gan2hls made an illegal engine.
        """

    @property
    def ring(self) -> OffChipRing | None:
        """Its map in external memory; None: it has none there."""
        return None

    @property
    def work_cycles(self) -> int:
        """Clocks of a frame in which it computes: those of its MAC array, else its output beats."""
        return self.mac_cycles or self.out_beats

    @property
    def interval(self) -> int:
        """Least clocks between two frames of this engine alone: its MACs, its input beats or its output beats."""
        return len(self.layers) * max(self.mac_cycles, *self.in_beats, self.out_beats)

    @property
    def turn_lanes(self) -> int:
        """Elements per beat of what layers that take turns give."""
        return self.given_lanes or self.in_lanes

    @property
    def turn_beats(self) -> int:
        """Beats of a frame of what a layer that takes turns gives."""
        (beats,) = self.in_beats
        return beats * self.in_lanes // self.turn_lanes

    @property
    def out_lanes(self) -> int:
        """Elements per beat of the output stream."""
        return self.folding.lanes

    @cached_property
    def out_beats(self) -> int:
        """Output beats of one frame."""
        return math.prod(self.layer.shape) // self.folding.lanes

    @property
    def sends(self) -> Stream:
        """The output as it leaves."""
        return Stream(self.layer.name, self.out_elem, self.out_lanes, self.layer.shape)

    @property
    def in_elems(self) -> tuple[IntType, ...]:
        """Type of one element of each input."""
        return tuple(given.int_type for given in self.layer.input_types)

    @cached_property
    def in_elem(self) -> IntType:
        """Type of one element of its one input."""
        (elem,) = self.in_elems
        return elem

    @property
    def out_elem(self) -> IntType:
        """Type of one output element."""
        return self.layer.output_type.int_type

    @property
    def code_bits(self) -> int:
        """Bits of the wider word of codes: those of the requantizer, or those that leave."""
        return self.folding.lanes * max(self.layer.requant.out_type.bits, self.out_elem.bits)

    @cached_property
    def pixels(self) -> Int64Array:
        """Per output pixel in raster order, whether it has accumulators; int64 of 0 and 1."""
        return np.outer(np.array(self.row_taps, np.int64), np.array(self.column_taps, np.int64)).ravel()

    @property
    def has_holes(self) -> bool:
        """Whether some output pixels have no accumulators."""
        return not (all(self.row_taps) and all(self.column_taps))

    @property
    def row_phases(self) -> int:
        """Output rows that take turns, each with channels of its own."""
        return 1

    @property
    def requant_order(self) -> ChannelOrder:
        """Which channels the beats of the requantizer have."""
        phases = self.row_phases
        return ChannelOrder(self.channel_words // phases, self.out_grid[1] if phases > 1 else 1, phases=phases)

    @property
    def requant_words(self) -> int:
        """Words of the requantizer's memory: those of each layer that takes turns, one behind the other."""
        return len(self.layers) * self.requant_order.words

    @property
    def requant_runs(self) -> tuple[int, ...]:
        """Words that begin runs of equal ones, of which the requantizer's memory has one each; none: it has all."""
        return requant_runs(self.layer, self.folding.lanes, self.requant_words)

    @property
    def table_order(self) -> ChannelOrder:
        """Which channels beats of requantized codes have, for tables that differ between channels."""
        return self.requant_order if self.table_phases > 1 else ChannelOrder(self._table_period)

    @property
    def lane_tables(self) -> Int64Array:
        """Return the tables of each lane where channels have their own, int64 ``[LANES, groups, 2**index bits]``.

        A lane's channels are ``LANES`` apart, and it comes to the same table again after ``groups`` beats; with several
        ``table_phases`` after those of a row phase, and those of all phases follow one another.
        """
        assert self.layer.table is not None
        values, lanes = self.layer.table.values, self.folding.lanes
        channels = np.arange(self.table_groups * lanes).reshape(-1, lanes)
        return values[channels.T % len(values)]

    @property
    def table_groups(self) -> int:
        """Tables of a lane where channels have their own."""
        return self.table_order.words

    @property
    def _table_period(self) -> int:
        """Beats of a pixel until the same tables come again."""
        assert self.layer.table is not None
        return math.lcm(self.layer.table.sets, self.folding.lanes) // self.folding.lanes

    @property
    def table_phases(self) -> int:
        """Row phases that have tables of their own; 1 where the channels of all have the same."""
        assert self.layer.table is not None
        return 1 if self.layer.channels // self.row_phases % self.layer.table.sets == 0 else self.row_phases
