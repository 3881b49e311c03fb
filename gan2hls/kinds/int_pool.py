"""The greatest code, or the sum of the codes, of each window of a map, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import ClassVar, Protocol, TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls.fabric import bits_of
from gan2hls.kinds.windows import Windows
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import Parameter, Program, Sizes, StreamOperation, Unit, UnitCost
from gan2hls.timing import Phase

_Number = TypeVar("_Number", bound=np.generic)


class Pooling(Protocol):
    """Windows of a map, and what is made of them."""

    @property
    def rows(self) -> Windows:
        """Of the windows."""

    @property
    def columns(self) -> Windows:
        """Of the windows."""

    @property
    def in_size(self) -> tuple[int, int]:
        """Rows and columns of the map."""

    @property
    def greatest(self) -> bool:
        """Whether it is the greatest value; else the sum."""


def pooled(op: Pooling, x: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Return sums or greatest values ``[N, H, W, C]`` of frames in any shape."""
    by_pixel = x.reshape(len(x), *op.in_size, -1)
    of = np.max if op.greatest else np.sum
    by_row = np.stack([of(by_pixel[:, top:bottom], axis=1) for top, bottom in op.rows], axis=1)
    return np.stack([of(by_row[:, :, left:right], axis=2) for left, right in op.columns], axis=2)


@final
@dataclass(frozen=True)
class IntPool(StreamOperation):
    """The greatest code of each window less its zero point, or the sum of all, exactly; fields as of ``Pool``."""

    rows: Windows
    columns: Windows
    in_size: tuple[int, int]
    greatest: bool
    kind: ClassVar[str] = "pool"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, H, W, C]`` of codes ``[N, h, w, c]``."""
        del acc_type
        (given,) = inputs
        return lambda codes: pooled(self, codes - given.zero_point)

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of this type, 0 included."""
        (given,) = inputs
        most = 1 if self.greatest else max(b - a for a, b in self.rows) * max(b - a for a, b in self.columns)
        return min(0, most * given.centred.lo), max(0, most * given.centred.hi)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its windows.

        Raises:
            AssertionError: not one input, or windows that are empty, overlap or reach beyond the map.
        """
        del channels
        assert len(inputs) == 1, f"{len(inputs)} inputs"
        for windows, size in zip((self.rows, self.columns), self.in_size, strict=True):
            ends = [end for window in windows for end in window]
            assert all(start < stop for start, stop in windows) and ends == sorted(ends), f"windows {windows}"
            assert ends[0] >= 0 and ends[-1] <= size, f"windows {windows} of {size}"

    def by_frames(self, frames: int) -> IntPool:
        """Return it on a map of ``frames`` frames: with the windows of each."""
        height, width = self.in_size
        rows = tuple((n * height + start, n * height + stop) for n in range(frames) for start, stop in self.rows)
        return replace(self, rows=rows, in_size=(frames * height, width))

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of its input."""
        return (math.prod(self.in_size) * (sizes.shape[2] // sizes.lanes),)

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return that every step takes a beat, and the last of each window offers one."""
        beats = sizes.shape[2] // sizes.lanes
        ends = {stop - 1 for _, stop in self.columns}
        row = tuple(((0,), x in ends) for x in range(self.in_size[1]) for _ in range(beats))
        last_rows = {stop - 1 for _, stop in self.rows}
        program = []
        for offers, run in groupby(y in last_rows for y in range(self.in_size[0])):
            count = len(list(run))
            program.append(Phase(row, count) if offers else Phase((((0,), False),), count * len(row)))
        return tuple(program)

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_pool``."""
        (given,) = sizes.inputs
        parameters: dict[str, Parameter] = {
            "Lanes": sizes.lanes,
            "InBits": given.int_type.bits,
            "Signed": given.int_type.signed,
            "ZeroPoint": given.zero_point,
            "AccBits": sizes.acc_type.signed_bits,
            "Greatest": self.greatest,
            "PixelBeats": sizes.shape[2] // sizes.lanes,
            "OutColumns": sizes.shape[1],
        }
        for name, windows, size in zip(("Row", "Column"), (self.rows, self.columns), self.in_size, strict=True):
            masks = zip(("In", "First", "Last"), _masks(windows, size), strict=True)
            parameters |= {f"{name}s": size} | {f"{name}{part}": mask for part, mask in masks}
        return Unit("g2h_pool", parameters)

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``pool``."""
        (given,) = sizes.inputs
        constants: dict[str, Parameter] = {
            "IN_BITS": given.int_type.bits,
            "IN_SIGNED": given.int_type.signed,
            "IN_ZERO_POINT": given.zero_point,
            "GREATEST": self.greatest,
            "PIXEL_BEATS": sizes.shape[2] // sizes.lanes,
            "IN_ROWS": self.in_size[0],
            "IN_COLUMNS": self.in_size[1],
            "WINDOWS_OF_ROW": sizes.shape[1],
        }
        for name, windows, size in zip(("row", "column"), (self.rows, self.columns), self.in_size, strict=True):
            masks = zip(("in", "first", "last"), _masks(windows, size), strict=True)
            constants |= {f"{name}_{part}": mask for part, mask in masks}
        return Unit("pool", constants, cycles=self.in_beats(sizes)[0])

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return an adder or a comparison and a choice for each lane, and a memory of a row of windows."""
        width, words = sizes.lanes * sizes.acc_type.signed_bits, sizes.shape[1] * sizes.shape[2] // sizes.lanes
        places = sum(bits_of(count) for count in (*self.in_size, sizes.shape[2] // sizes.lanes, words))
        lut = 3 * width // 2  # an adder or a comparison, and the choice of a window's first
        return UnitCost(lut=lut + places, ff=width + places + 1, memories=((width, words, "kept"),))


def _masks(windows: Windows, size: int) -> tuple[tuple[int, ...], ...]:
    """Return signed words of 32 bits, a bit for each row or column: is it in a window, the first of one, the last?"""
    inside = [n for start, stop in windows for n in range(start, stop)]
    found = []
    for places in (inside, [start for start, _ in windows], [stop - 1 for _, stop in windows]):
        mask = sum(1 << n for n in places)
        words = (mask >> at & 0xFFFFFFFF for at in range(0, size, 32))
        found.append(tuple(word - (word >> 31 << 32) for word in words))
    return tuple(found)
