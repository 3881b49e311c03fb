"""What an operation without weights says of itself in integers, and of its hardware.

It makes accumulators of elements as they come: it names a unit of the RTL library and a process of the HLS library, and
what those are instantiated with, so no stage needs to know which operation it is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, final

from gan2hls.fabric import MemoryBlock, Product
from gan2hls.numbers import Int64Array, IntType, QuantType
from gan2hls.ops.off_chip_ring import OffChipRing
from gan2hls.ops.shuffle import Shape
from gan2hls.timing import Block, Phase, Stream, steps

#: Makes accumulators ``[N, ..., channels]`` of codes ``[N, H, W, C]`` of every input.
Program = Callable[..., Int64Array]


@final
@dataclass(frozen=True)
class Sizes:
    """What an engine is, as an operation without weights needs to know it.

    Attributes:
        inputs: meaning of the codes of each input.
        acc_type: of the accumulators.
        shape: ``(H, W, C)`` of the output.
        lanes: elements of a beat, of every input and of what leaves.
        bus_bits: width of the memory port where its map is off chip; 0: it is on chip.
        ultra: whether the map that it holds in RAM is in UltraRAM.
        turns: the operations of the layers that take turns at it, which ``inputs`` and ``acc_type`` hold the codes of;
            none: there is one.
    """

    inputs: tuple[QuantType, ...]
    acc_type: IntType
    shape: Shape
    lanes: int
    bus_bits: int = 0
    ultra: bool = False
    turns: tuple[StreamOperation, ...] = ()

    @property
    def beats(self) -> int:
        """Beats of accumulators of a frame."""
        return self.shape[0] * self.shape[1] * self.shape[2] // self.lanes


@final
@dataclass(frozen=True, eq=False)
class UnitTable:
    """A constant memory of a unit.

    Attributes:
        values: int64 ``[depth]``, or ``[depth, columns]`` of words of several entries.
        type: of an entry.
        about: what an entry is.
        ports: entries that the process of the HLS library reads in one clock.
    """

    values: Int64Array
    type: IntType
    about: str
    ports: int = 1


#: What a unit is instantiated with: a number, or several.
Parameter = int | bool | tuple[int, ...]


@final
@dataclass(frozen=True)
class HeldMap:
    """A map that waits between the two halves of a process of the HLS library.

    The first half passes beats on and makes words of statistics, of each slot one, in the last pixel of a map.  The
    second half takes them with the first pixel of the map, each with the first beat of its slot.

    Attributes:
        words: beats of a frame, which is one map or more.
        pixels: of a map.
        slots: of a pixel.
        slot_beats: beats of a slot, one after the other.
        bits: of a word of statistics.
        ring: where it waits in external memory; None: it is on chip.
    """

    words: int
    pixels: int
    slots: int
    slot_beats: int
    bits: int
    ring: OffChipRing | None = None

    @property
    def pixel_beats(self) -> int:
        """Beats of a pixel."""
        return self.slots * self.slot_beats

    @property
    def beats(self) -> int:
        """Beats of a map."""
        return self.pixels * self.pixel_beats

    @property
    def maps(self) -> int:
        """Maps of a frame."""
        return self.words // self.beats

    def made(self, beats: int) -> int:
        """Return the words of statistics that the first half has made of so many beats of a frame."""
        maps, rest = divmod(beats, self.beats)
        return maps * self.slots + max(0, rest - (self.beats - self.pixel_beats)) // self.slot_beats

    def used(self, beats: int) -> int:
        """Return how many the second half has taken with so many."""
        maps, rest = divmod(beats, self.beats)
        return maps * self.slots + min(self.slots, -(-rest // self.slot_beats))


@final
@dataclass(frozen=True)
class Unit:
    """A piece of one of the two libraries, with what it is instantiated with.

    Attributes:
        name: a module of ``templates/rtl/lib``; or a process of ``templates/hls/lib``, which is its header's name too.
        parameters: of the module; constants of the process, ``bool`` where it is one.  Several numbers are a
            packed vector of 32 bits each in the module, and in C++ a function of their index.
        tables: constant memories by name: ``root`` is the parameter ``RootFile`` of the module, and the accessor
            ``root(word)`` of the process' ``config``.
        cycles: iterations of the process; 0: as many as beats leave.
        held: a map, before which stands the process ``NAME_take`` and behind it ``NAME_give``; None: it is one process.
        calls: of the process for a frame, each of which takes ``cycles``.
    """

    name: str
    parameters: Mapping[str, Parameter]
    tables: Mapping[str, UnitTable] = field(default_factory=dict)
    cycles: int = 0
    held: HeldMap | None = None
    calls: int = 1


@final
@dataclass(frozen=True)
class UnitCost:
    """What a unit takes of a part.

    Attributes:
        products: that multipliers make.
        lut: LUTs, those of its memories excluded.
        ff: flip-flops, those of its memories excluded.
        memories: width, depth and kind of its memories, with the registers that belong to them.
    """

    products: tuple[Product, ...] = ()
    lut: int = 0
    ff: int = 0
    memories: tuple[tuple[int, int, MemoryBlock], ...] = ()


class StreamOperation(Protocol):
    """What a layer of the integer model makes of its inputs without weights, before its requantizer: frozen data.

    By default its engine takes a beat of every input for every beat that leaves, and registers it.
    """

    @property
    def kind(self) -> str:
        """What it is called in names and reports."""

    @property
    def useful_macs(self) -> int:
        """Products of a real input and a real weight: none."""
        return 0

    @property
    def turn_key(self) -> Hashable | None:
        """What operations have in common, beside the shape, whose layers can take turns at one engine; None: none can.

        Its inputs are then codes less their zero points, of types that hold those of all.
        """
        return None

    @abstractmethod
    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, H, W, C]`` of codes ``[N, h, w, c]`` of each input."""

    def in_raster(self, codes: Int64Array) -> Int64Array:
        """Return codes of accumulators in the order of the output stream."""
        return codes

    @abstractmethod
    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""

    @abstractmethod
    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check it against the types that it reads and the channels that the requantizer distinguishes.

        Raises:
            AssertionError: it does not fit them.
        """

    def by_frames(self, frames: int) -> StreamOperation | None:
        """Return it on a map of ``frames`` frames, one below the other; None: its unit does one after the other."""
        del frames
        return None

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide, for an output of ``shape``."""
        return shape[2]

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of each input."""
        return (sizes.beats,) * len(sizes.inputs)

    def interval(self, sizes: Sizes) -> int:
        """Return the least clocks between two frames."""
        return max(sizes.beats, *self.in_beats(sizes))

    def ring(self, sizes: Sizes) -> OffChipRing | None:
        """Return the map that it holds in external memory; None: it holds none, or on chip."""
        del sizes
        return None

    def held_words(self, sizes: Sizes) -> tuple[int, int] | None:
        """Return bits of a word, and words, of the map that it holds in RAM; None: it holds none there."""
        del sizes
        return None

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return in which order its unit takes beats of its inputs, and offers one, in a frame."""
        return (Phase(((tuple(range(len(sizes.inputs))), True),), sizes.beats),)

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[Stream], frames: int
    ) -> tuple[tuple[Block, ...], Stream]:
        """Return the blocks of the cycle model from the inputs ``streams`` to the accumulators, and their stream.

        Names of edges start with ``name``; streams carry the beats of so many frames.
        """
        out = Stream(f"{name}.acc", sizes.beats * frames)
        return (steps(streams, out, self.order(sizes)),), out

    def accumulator(self, sizes: Sizes) -> tuple[IntType, int]:
        """Return the type of the words that the HLS requantizer reads, and the zero point that it takes off them."""
        return IntType(sizes.acc_type.signed_bits, signed=True), 0

    @abstractmethod
    def rtl(self, sizes: Sizes) -> Unit:
        """Return the module that makes a beat of accumulators.

        Its ports are ``clk_i``, ``rst_ni``, ``s_data_i`` (the beats of all inputs, the first in the least bits),
        ``s_valid_i`` and ``s_ready_o`` (a bit each), ``acc_o``, ``valid_o``, ``ready_i``.
        """

    @abstractmethod
    def hls(self, sizes: Sizes) -> Unit | None:
        """Return the process that does the same, a stream per input and one of accumulators; None: none is needed."""

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return what the unit takes, beyond what every engine has."""
        del sizes
        return UnitCost()
