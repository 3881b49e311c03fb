"""A map in another order: it is held until all of it is there, then read at places that rows, columns and channels add.

What leaves is seen as rows, columns and channels, which need not be those of its pixels.  Element ``(y, x, k)`` is
element ``rows[y] + columns[x] + channels[k]`` of the map, flat in raster order, or a zero where one of them is less
than 0.  So are axes exchanged, rolled, mirrored, repeated, or taken apart and put together again; with one row and one
column each element may be any.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np

from gan2hls import timing
from gan2hls.fabric import BRAM18_BITS, SERIES_7, MemoryBlock, adder_lut, bits_of, constants_in_logic, memory_cells
from gan2hls.numbers import Int64Array, IntType, QuantType
from gan2hls.ops import Parameter, Program, Shape, Sizes, StreamOperation, Unit, UnitCost, UnitTable

#: Block RAMs that two banks of the map may take; of a larger one there is a single bank, and the next frame waits.
_TWO_BANKS_BRAM18 = 16
#: Clocks from the read of a bank's last word until it may be written again, and from a read to the queue behind.
_FREED_TO_READY, _READ_TO_PUSH = 2, 3
#: Words of that queue.
_OUT_WORDS = 8
#: Clocks between frames of a single bank in which neither is written nor read.
_TURNAROUND = 2
#: Most entries of a table of places.
_MOST_PLACES = 1 << 14
#: Iterations of the HLS process between the last write and the first read.
_GUARD = 8


@final
@dataclass(frozen=True)
class IntRearrange(StreamOperation):
    """The codes of a map in another order, less their zero point.

    Attributes:
        in_shape: ``(H, W, C)`` of the map.
        shape: of what leaves.
        rows: what each row adds to the place, or -1 for zeros.
        columns: what each column does.
        channels: what each channel does.
    """

    in_shape: Shape
    shape: Shape
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    channels: tuple[int, ...]
    kind: ClassVar[str] = "rearrange"

    @property
    def index(self) -> Int64Array:
        """Return which element of the map each of what leaves is, int64 ``[H, W, C]``, or -1 for a zero."""
        return _added([np.array(axis, np.int64) for axis in (self.rows, self.columns, self.channels)]).reshape(
            self.shape
        )

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, H, W, C]`` of codes ``[N, h, w, c]``."""
        del acc_type
        (given,) = inputs
        index = self.index

        def run(codes: Int64Array) -> Int64Array:
            flat = codes.reshape(len(codes), -1) - given.zero_point
            return np.where(index >= 0, flat[:, index], 0)

        return run

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of this type, 0 included."""
        (given,) = inputs
        return min(0, given.centred.lo), max(0, given.centred.hi)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check that all it reads is in the map.

        Raises:
            AssertionError: not one input, or a place that is not.
        """
        assert len(inputs) == 1, f"{len(inputs)} inputs"
        assert channels == self.shape[2], f"{channels} channels of {self.shape}"
        axes = self.rows, self.columns, self.channels
        assert math.prod(map(len, axes)) == math.prod(self.shape), f"{[len(axis) for axis in axes]} as {self.shape}"
        assert min(min(axis) for axis in axes) >= -1, "a place less than -1"
        assert sum(max(axis) for axis in axes) < math.prod(self.in_shape), f"places beyond {self.in_shape}"

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: the most channels that always stand side by side in the map."""
        del shape
        return self._most_lanes

    @cached_property
    def _most_lanes(self) -> int:
        most = math.gcd(self.in_shape[2], self.shape[2], len(self.channels))
        return next(lanes for lanes in range(most, 0, -1) if most % lanes == 0 and self._keeps(lanes))

    def _keeps(self, lanes: int) -> bool:
        """Whether words of so many channels leave as they stand in the map."""
        words = np.array(self.channels).reshape(-1, lanes)
        live, first = words[:, 0] >= 0, words[:, :1]
        begins = np.concatenate([np.array(self.rows), np.array(self.columns), words[:, 0]])
        whole = np.where(live[:, None], first + np.arange(lanes), -1)
        return np.array_equal(words, whole) and bool((begins[begins >= 0] % lanes == 0).all())

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of its input."""
        return (math.prod(self.in_shape) // sizes.lanes,)

    def banks(self, sizes: Sizes) -> int:
        """Return how many frames it holds: two, so that one is written while the other leaves, where they are small."""
        (given,) = sizes.inputs
        return 2 if 2 * math.prod(self.in_shape) * given.int_type.bits <= _TWO_BANKS_BRAM18 * BRAM18_BITS else 1

    def interval(self, sizes: Sizes) -> int:
        """Return the least clocks between two frames."""
        takes, gives = self.in_beats(sizes)[0], sizes.beats
        in_turn = takes + gives + _TURNAROUND
        return max(takes, gives, -(-in_turn // self.banks(sizes)))

    def held_words(self, sizes: Sizes) -> tuple[int, int]:
        """Return bits of a word, and words, of the frames that it holds."""
        (given,) = sizes.inputs
        return sizes.lanes * given.int_type.bits, self.banks(sizes) * self.in_beats(sizes)[0]

    def order(self, sizes: Sizes) -> tuple[timing.Phase, ...]:
        """Return that its process takes a frame, then gives one; the RTL also takes the next one meanwhile."""
        takes, gives = ((0,), False), ((), True)
        return timing.Phase((takes,), self.in_beats(sizes)[0]), timing.Phase((gives,), sizes.beats)

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[timing.Stream], frames: int
    ) -> tuple[tuple[timing.Block, ...], timing.Stream]:
        """Return what writes the banks, what reads them and the queue behind, and the stream of accumulators."""
        (given,) = streams
        out = timing.Stream(f"{name}.acc", sizes.beats * frames)
        banks = timing.Queue(f"{name}.banks", frames, self.banks(sizes))
        ahead = timing.Queue(f"{name}.ahead", out.beats, _OUT_WORDS)
        reader = timing.sequencer(
            banks,
            ahead,
            in_rows=1,
            need=(1,),
            released=(1,),
            vector_cycles=np.ones((1, sizes.beats), np.int64),
            to_push=_READ_TO_PUSH,
        )
        return (timing.loader(given, banks, to_ready=_FREED_TO_READY), reader, timing.fifo(ahead, out)), out

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_rearrange``."""
        (given,) = sizes.inputs
        parameters: dict[str, Parameter] = {
            "Lanes": sizes.lanes,
            "InBits": given.int_type.bits,
            "Signed": given.int_type.signed,
            "ZeroPoint": given.zero_point,
            "AccBits": sizes.acc_type.signed_bits,
            "InBeats": self.in_beats(sizes)[0],
            "Banks": self.banks(sizes),
            **({"Ultra": True} if sizes.ultra else {}),
            "Rows": len(self.rows),
            "Columns": len(self.columns),
            "ColumnWords": len(self.channels) // sizes.lanes,
            "PlaceBits": self._place_bits(sizes),
        }
        return Unit("g2h_rearrange", parameters, self._tables(sizes))

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``rearrange``."""
        (given,) = sizes.inputs
        takes = self.in_beats(sizes)[0]
        cycles = takes + _GUARD + sizes.beats
        constants: dict[str, Parameter] = {
            "IN_BITS": given.int_type.bits,
            "IN_SIGNED": given.int_type.signed,
            "IN_ZERO_POINT": given.zero_point,
            "IN_BEATS": takes,
            "FIRST_READ": takes + _GUARD,
            "REARRANGE_CYCLES": cycles,
            "PLACE_ROWS": len(self.rows),
            "PLACE_COLUMNS": len(self.columns),
            "PLACE_WORDS": len(self.channels) // sizes.lanes,
            "PLACE_BITS": self._place_bits(sizes),
        }
        return Unit("rearrange", constants, self._tables(sizes), cycles=cycles)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its memory, the tables of places, and what counts and adds those."""
        (given,) = sizes.inputs
        width, words = self.held_words(sizes)
        place, out = self._place_bits(sizes), sizes.lanes * sizes.acc_type.signed_bits
        axes = [len(self.rows), len(self.columns), len(self.channels) // sizes.lanes]
        held: MemoryBlock = "ultra_buffer" if sizes.ultra else "line_buffer"
        memories: list[tuple[int, int, MemoryBlock]] = [(width, words, held), (out, _OUT_WORDS, "queue")]
        in_beats = self.in_beats(sizes)[0]
        address, counted = bits_of(words), bits_of(in_beats)
        tables = [table.values for table in self._tables(sizes).values()]
        masked = any((values >> place).any() for values in tables)
        lut, ff = address + out * (masked + bool(given.zero_point)), 2 * address + counted + 16
        lut += counted if in_beats & (in_beats - 1) else 0  # else the address counts too
        bits = [int(np.bitwise_or.reduce(values)) & (1 << place) - 1 for values in tables]
        if self.banks(sizes) > 1:
            bits = [in_beats, *bits]
        sums = zip(itertools.accumulate(bits, operator.or_), bits[1:], strict=False)
        lut += sum(adder_lut(one, other, address) for one, other in sums)
        for values, count in zip(tables, axes, strict=True):
            inverter = count & (count - 1) == 0  # the least bit of a counter that just wraps
            lut, ff = lut + bits_of(count) - inverter, ff + bits_of(count)
            if memory_cells(SERIES_7, place + 1, count, "table").bram18:
                memories.append((place + 1, count, "table"))
            else:
                logic = constants_in_logic(values)
                lut, ff = lut + logic.lut, ff + logic.ff
        return UnitCost(lut=lut, ff=ff, memories=tuple(memories))

    def _place_bits(self, sizes: Sizes) -> int:
        """Bits of the place of a word of a frame."""
        return bits_of(self.in_beats(sizes)[0])

    def _tables(self, sizes: Sizes) -> dict[str, UnitTable]:
        """Return what each row, column and word of a column adds to the place of a word, and whether it is zeros."""
        bits = self._place_bits(sizes)
        return {
            name: UnitTable(
                np.array([1 << bits if place < 0 else place // sizes.lanes for place in places], np.int64),
                IntType(bits + 1, signed=False),
                f"{about}: what it adds to the place of a word; above that, whether it is zeros.",
            )
            for name, about, places in (
                ("rows", "Row", self.rows),
                ("columns", "Column", self.columns),
                ("words", "Word of a column", self.channels[:: sizes.lanes]),
            )
        }


def rearrangement(image: Int64Array, in_shape: Shape) -> IntRearrange | None:
    """Return what makes ``image``, int64 ``[H, W, C]`` of flat elements of a map or -1, with the least tables.

    None: places add up of none of which the tables are small.
    """
    height, width, channels = shape = image.shape
    count = math.prod(shape)
    ways = (height, width, channels), (1, height, width * channels), (1, height * width, channels), (1, 1, count)
    for way in sorted(ways, key=sum):
        if max(way) <= _MOST_PLACES:
            parts = _parts(image.reshape(way))
            if parts is not None:
                return IntRearrange(in_shape, (height, width, channels), *parts)
    return None


def _parts(image: Int64Array) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    """Return what rows, columns and channels add up to ``image``, int64 ``[H, W, C]``; None: they do not."""
    live = image >= 0
    if not live.any():
        return None
    lines = [np.flatnonzero(live.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    y, x, k = (int(line[0]) for line in lines)
    rows, columns, channels = image[:, x, k] - image[y, x, k], image[y, :, k] - image[y, x, k], image[y, x]
    least = rows[lines[0]].min(), columns[lines[1]].min()
    parts = rows - least[0], columns - least[1], channels + sum(least)  # so that none is less than 0
    axes = [np.full(size, -1) for size in image.shape]
    for axis, part, line in zip(axes, parts, lines, strict=True):
        axis[line] = part[line]
    if not np.array_equal(_added(axes), image):
        return None
    found = tuple(tuple(axis.tolist()) for axis in axes)
    return found[0], found[1], found[2]


def _added(axes: Sequence[Int64Array]) -> Int64Array:
    """Return the places that rows, columns and channels add up to, int64 ``[H, W, C]``."""
    rows, columns, channels = axes[0][:, None, None], axes[1][:, None], axes[2]
    made: Int64Array = np.where((rows >= 0) & (columns >= 0) & (channels >= 0), rows + columns + channels, -1)
    return made
