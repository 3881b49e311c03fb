"""A window of a map: beats inside it pass, the others are taken and dropped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from gan2hls.fabric import bits_of
from gan2hls.numbers import FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops.stream_operation import Program, Sizes, StreamOperation, Unit, UnitCost
from gan2hls.ops.taps import AxisTaps, LinearGeometry
from gan2hls.timing import Phase


@final
@dataclass(frozen=True)
class IntCrop(StreamOperation):
    """The codes of a window of a map, less their zero point.

    Attributes:
        rows: the first one of the window, and the one behind its last; and ``columns``.
        in_size: rows and columns of the map.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    in_size: tuple[int, int]
    kind: ClassVar[str] = "crop"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, H, W, C]`` of codes ``[N, h, w, c]``."""
        del acc_type
        (given,) = inputs
        window = np.s_[:, slice(*self.rows), slice(*self.columns)]
        return lambda codes: codes.reshape(len(codes), *self.in_size, -1)[window] - given.zero_point

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of this type, 0 included."""
        (given,) = inputs
        return min(0, given.centred.lo), max(0, given.centred.hi)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its window.

        Raises:
            AssertionError: not one input, or a window that is empty or reaches beyond the map.
        """
        del channels
        assert len(inputs) == 1, f"{len(inputs)} inputs"
        for (start, stop), size in zip((self.rows, self.columns), self.in_size, strict=True):
            assert 0 <= start < stop <= size, f"rows or columns {start} to {stop} of {size}"

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of its input."""
        return (math.prod(self.in_size) * (sizes.shape[2] // sizes.lanes),)

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return that every step takes a beat, and offers it inside the window."""
        (height, row_beats), (top, bottom), (left, right) = self._beats(sizes)
        row = tuple(((0,), left <= n < right) for n in range(row_beats))
        dropped = (((0,), False),)
        phases = (
            Phase(dropped, top * row_beats),
            Phase(row, bottom - top),
            Phase(dropped, (height - bottom) * row_beats),
        )
        return tuple(phase for phase in phases if phase.repeats)

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_crop``."""
        (given,) = sizes.inputs
        (height, row_beats), (top, bottom), (left, right) = self._beats(sizes)
        return Unit(
            "g2h_crop",
            {
                "Lanes": sizes.lanes,
                "InBits": given.int_type.bits,
                "Signed": given.int_type.signed,
                "ZeroPoint": given.zero_point,
                "AccBits": sizes.acc_type.signed_bits,
                "Rows": height,
                "FirstRow": top,
                "EndRow": bottom,
                "RowBeats": row_beats,
                "FirstBeat": left,
                "EndBeat": right,
            },
        )

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``crop``."""
        (given,) = sizes.inputs
        (height, row_beats), (top, bottom), (left, right) = self._beats(sizes)
        constants = {
            "IN_BITS": given.int_type.bits,
            "IN_SIGNED": given.int_type.signed,
            "IN_ZERO_POINT": given.zero_point,
            "IN_ROWS": height,
            "FIRST_ROW": top,
            "END_ROW": bottom,
            "ROW_BEATS": row_beats,
            "FIRST_BEAT": left,
            "END_BEAT": right,
        }
        return Unit("crop", constants, cycles=self.in_beats(sizes)[0])

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its register, and what counts rows and beats of a row."""
        (height, row_beats), _, _ = self._beats(sizes)
        places = bits_of(height) + bits_of(row_beats)
        return UnitCost(lut=5 * places // 4, ff=sizes.lanes * sizes.acc_type.signed_bits + places + 3)

    def _beats(self, sizes: Sizes) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Return rows of the map and beats of each, the window's rows, and its beats in a row."""
        height, width = self.in_size
        pixel = sizes.shape[2] // sizes.lanes
        return (height, width * pixel), self.rows, (self.columns[0] * pixel, self.columns[1] * pixel)


def crop_by(geometry: LinearGeometry, weight: Int64Array | FloatArray) -> IntCrop | None:
    """Return the crop that a linear operation is, or None where it does more than leave out rows and columns.

    ``weight`` is ``[KH * KW, CO, CI / groups]``.
    """
    rows, columns = _run(geometry.y), _run(geometry.x)
    if rows is None or columns is None or geometry.in_channels != geometry.out_channels:
        return None
    by_group = weight.reshape(geometry.groups, geometry.group_out, geometry.group_in)
    if not np.array_equal(by_group, np.broadcast_to(np.eye(geometry.group_in), by_group.shape)):
        return None
    return IntCrop(rows, columns, geometry.in_shape[:2])


def whole_axis(axis: AxisTaps) -> bool:
    """Whether the outputs along an axis are its inputs."""
    return _run(axis) == (0, axis.in_size)


def _run(axis: AxisTaps) -> tuple[int, int] | None:
    """Return the first input of an axis whose outputs are neighbouring inputs, and the one behind the last; or None."""
    if axis.kernel != 1 or not all(len(pairs) == 1 for pairs in axis.taps):
        return None
    places = [entry.i for entry in axis.entries]
    start, stop = places[0], places[-1] + 1
    return (start, stop) if places == list(range(start, stop)) else None
