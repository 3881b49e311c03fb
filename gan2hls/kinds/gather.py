"""A lookup: rows of a constant table by whole numbers, such as the embedding of a label.

Codes of the input are the numbers themselves, whatever their count: rows beyond the table are its last one again.  A
number below 0 counts from the end in ONNX; no code is below 0, so data that has one is refused where it is read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.kinds.base import Array, Kind, StreamReading, Tensor, constant, fixed_order, fixed_shape
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops import (
    IntWeight,
    Operation,
    Program,
    Shape,
    Sizes,
    StreamOperation,
    Unit,
    UnitCost,
    UnitTable,
)
from gan2hls.timing import Phase

#: Of the numbers that stand for the table's.
_TABLE = IntType(16, signed=True)


@final
@dataclass(frozen=True, eq=False)
class Gather(Operation):
    """Row ``x`` of ``table``, float64 ``[rows, C]``, for every number ``x`` that comes."""

    table: FloatArray
    kind: ClassVar[str] = "gather"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, numbers, C]``.

        Raises:
            AssertionError: a number that is no row; data is checked where it is read.
        """
        (x,) = inputs
        rows = np.rint(x.reshape(len(x), -1)).astype(np.int64)
        assert rows.min(initial=0) >= 0 and rows.max(initial=0) < len(self.table), "a number that is no row"
        return self.table[rows].astype(np.float32)

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return no gradient: a number is the row that it is."""
        del gradient
        (x,) = inputs
        return (np.zeros_like(x),)

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntGather, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``.

        Integers have 16 bits, or two where zeros and one magnitude are all that there is, as in one-hot vectors.
        """
        del shape
        (given,) = inputs
        assert weight is None, "a table is no weight"
        peak = float(np.abs(self.table).max()) or 1.0
        scale = peak if np.isin(np.abs(self.table), (0.0, peak)).all() else peak / _TABLE.hi
        rows = np.minimum(np.arange(given.int_type.hi + 1), len(self.table) - 1)
        return IntGather(np.rint(self.table / scale).astype(np.int64)[rows]), np.array([scale])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        (given,) = inputs
        return math.prod(given) == shape[0] * shape[1] and self.table.shape[1] == shape[2]


@final
@dataclass(frozen=True, eq=False)
class IntGather(StreamOperation):
    """Row ``code`` of ``table``, int64 ``[2**bits, C]``."""

    table: Int64Array
    kind: ClassVar[str] = "gather"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, numbers, C]`` of codes ``[N, H, W, C]``."""
        del inputs, acc_type
        return lambda codes: self.table[codes.reshape(len(codes), -1)]

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator, 0 included."""
        del inputs
        return min(0, int(self.table.min())), max(0, int(self.table.max()))

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check that every code has a row.

        Raises:
            AssertionError: codes that are no numbers from 0 on, or a table of another size.
        """
        (given,) = inputs
        assert given == QuantType(given.int_type, 1.0) and given.int_type.lo == 0, f"numbers as {given}"
        assert self.table.shape == (given.int_type.hi + 1, channels), f"a table of {self.table.shape}"

    def by_frames(self, frames: int) -> IntGather:
        """Return itself: it knows of no frame."""
        del frames
        return self

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: a number of the table a clock."""
        del shape
        return 1

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of its input: its numbers."""
        return (sizes.shape[0] * sizes.shape[1],)

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return that a number is taken with the first beat of its row."""
        row = (((0,), True), *(((), True),) * (sizes.shape[2] - 1))
        return (Phase(row, sizes.shape[0] * sizes.shape[1]),)

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_gather``."""
        (given,) = sizes.inputs
        return Unit(
            "g2h_gather",
            {
                "InBits": given.int_type.bits,
                "AccBits": sizes.acc_type.signed_bits,
                "Channels": sizes.shape[2],
                "ChannelBits": self._channel_bits,
            },
            {"rows": self._table(sizes)},
        )

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``gather``."""
        (given,) = sizes.inputs
        constants = {
            "IN_BITS": given.int_type.bits,
            "CHANNELS": sizes.shape[2],
            "PADDED_CHANNELS": 1 << self._channel_bits,
        }
        return Unit("gather", constants, {"rows": self._table(sizes)})

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its table, with the register of a row's number."""
        (given,) = sizes.inputs
        place, word = self._channel_bits, sizes.acc_type.signed_bits
        return UnitCost(
            lut=given.int_type.bits + 2 * place + 4,
            ff=given.int_type.bits + place + 1,
            memories=((word, len(self.table) << place, "table"),),
        )

    @property
    def _channel_bits(self) -> int:
        """Bits of the place in a row; rows begin at multiples of a power of two."""
        return max(1, int(self.table.shape[1] - 1).bit_length())

    def _table(self, sizes: Sizes) -> UnitTable:
        rows, channels = self.table.shape
        padded = np.zeros((rows, 1 << self._channel_bits), np.int64)
        padded[:, :channels] = self.table
        word = IntType(sizes.acc_type.signed_bits, signed=True)
        return UnitTable(padded.ravel(), word, "Rows, one behind the other, each in a power of two of words.")


def gather(x: Tensor, table: Array | None = None, _: Array | None = None, *, axis: int = 0) -> StreamReading:
    """Read Gather of rows of a constant table by an input of whole numbers.

    Raises:
        UnsupportedError: the table is no constant of floats, or other elements than its rows are taken.
    """
    values = constant(table, "the table")
    if x.position != 1 or values.ndim < 2 or axis % max(1, values.ndim) or not values.size:
        raise UnsupportedError(
            f"takes elements of a table of shape {list(values.shape)} along axis {axis} by an input",
            hint="an input of whole numbers takes rows, axis 0, of a constant table of two or more axes with elements",
        )
    rows = values.reshape(len(values), -1)
    count, channels = int(np.prod(x.shape)), rows.shape[1]
    is_map = len(x.shape) > 2 and x.shape[-2] * x.shape[-1] == count
    height = x.shape[-2] if is_map else 1
    width = count // height
    order = np.arange(count * channels).reshape(height, width, channels)
    return StreamReading(Gather(rows), (np.arange(count).reshape(height, width, 1),), order, labels=len(rows))


KIND = Kind("gather", {"Gather": gather}, fixed_order, fixed_shape, saved=IntGather)
