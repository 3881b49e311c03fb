"""Pooling: means and greatest values over windows of a map, or over all of it.

Windows that do not overlap need one number for each column of them: the sum, or the greatest value, of what has come.
Means over windows that do, or that are not all of one size, are depthwise convolutions with constant weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import ClassVar, TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import UnsupportedError
from gan2hls.kinds.base import (
    Array,
    Kind,
    Reading,
    StreamReading,
    Tensor,
    fixed_order,
    fixed_shape,
    raster_order,
    select_outputs,
)
from gan2hls.kinds.separable import separable
from gan2hls.kinds.windows import WindowAxis, Windows, window_axes
from gan2hls.numbers import Float32Array, FloatArray, IntType, QuantType
from gan2hls.ops import (
    IntWeight,
    Operation,
    Parameter,
    Program,
    Shape,
    Sizes,
    StreamOperation,
    Unit,
    UnitCost,
    distributed_lut,
)
from gan2hls.timing import Phase

_Number = TypeVar("_Number", bound=np.generic)


@final
@dataclass(frozen=True)
class Pool(Operation):
    """The greatest value of each window, or ``scale`` times the sum of its values.

    Attributes:
        rows: of the windows, and ``columns``: theirs.
        in_size: rows and columns of the map.
        greatest: whether it is the greatest value.
        scale: of sums.
    """

    rows: Windows
    columns: Windows
    in_size: tuple[int, int]
    greatest: bool
    scale: float = 1.0
    kind: ClassVar[str] = "pool"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, H, W, C]``."""
        pooled: Float32Array = _pooled(self, inputs[0])
        return pooled if self.greatest else np.float32(self.scale) * pooled

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at the input: of a sum everywhere in its window, of the greatest value where it is."""
        x = inputs[0].reshape(len(gradient), *self.in_size, -1)
        made = np.zeros_like(x)
        pooled = _pooled(self, x)
        by_window = gradient.reshape(pooled.shape)
        for r, (top, bottom) in enumerate(self.rows):
            for c, (left, right) in enumerate(self.columns):
                at = np.s_[:, top:bottom, left:right]
                share = x[at] == pooled[:, r, c][:, None, None] if self.greatest else np.float32(self.scale)
                made[at] = share * by_window[:, r, c][:, None, None]
        return (made.reshape(inputs[0].shape),)

    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntPool, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        (given,) = inputs
        assert weight is None, "a pool has no weights"
        op = IntPool(self.rows, self.columns, self.in_size, self.greatest)
        return op, np.array([given.scale if self.greatest else given.scale * self.scale])

    def verify(self, inputs: Sequence[Shape], shape: Shape) -> None:
        """Check the shapes of the streams.

        Raises:
            AssertionError: they do not fit.
        """
        (given,) = inputs
        assert shape[:2] == (len(self.rows), len(self.columns)), f"{shape} of {self}"
        assert math.prod(given) == math.prod(self.in_size) * shape[2], f"{given} becomes {shape}"


def _pooled(op: Pool | IntPool, x: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
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
        return lambda codes: _pooled(self, codes - given.zero_point)

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
        """Return the LUTs of an adder or comparison for each lane, and of what has come of a row of windows."""
        width = sizes.lanes * sizes.acc_type.signed_bits
        return UnitCost(lut=2 * width + distributed_lut(width, sizes.shape[1] * sizes.shape[2] // sizes.lanes))


def _masks(windows: Windows, size: int) -> tuple[tuple[int, ...], ...]:
    """Return signed words of 32 bits, a bit for each row or column: is it in a window, the first of one, the last?"""
    inside = [n for start, stop in windows for n in range(start, stop)]
    found = []
    for places in (inside, [start for start, _ in windows], [stop - 1 for _, stop in windows]):
        mask = sum(1 << n for n in places)
        words = (mask >> at & 0xFFFFFFFF for at in range(0, size, 32))
        found.append(tuple(word - (word >> 31 << 32) for word in words))
    return tuple(found)


# --- readers


def _whole(x: Tensor, reduced: Sequence[int], *, greatest: bool, what: str) -> StreamReading:
    """Return the layer that reduces all of some axes of ``x``."""
    spatial = tuple(range(2, len(x.shape)))
    last = tuple(reduced) == tuple(axis - 1 for axis in spatial)
    if tuple(reduced) not in (spatial, tuple(axis - 1 for axis in spatial)) or not spatial or len(x.shape) > 4:
        raise UnsupportedError(
            f"reduces axes {list(reduced)} of a tensor of shape {list(x.shape)}",
            hint=f"{what} is built over the rows and columns of [1, C, H, W], [1, H, W, C] or [1, C, W]; over channels "
            "a Conv of 1 x 1 with weights of 1 / C is a mean",
        )
    order = raster_order(x.shape, channels_last=last)
    height, width, channels = order.shape
    op = Pool(((0, height),), ((0, width),), (height, width), greatest, 1.0 / (height * width))
    return StreamReading(op, (order,), np.arange(channels).reshape(1, 1, channels))


def global_average_pool(x: Tensor, _: Array | None = None) -> StreamReading:
    """Read GlobalAveragePool."""
    return _whole(x, range(2, len(x.shape)), greatest=False, what="GlobalAveragePool")


def global_max_pool(x: Tensor, _: Array | None = None) -> StreamReading:
    """Read GlobalMaxPool."""
    return _whole(x, range(2, len(x.shape)), greatest=True, what="GlobalMaxPool")


def _reduced(x: Tensor, given: Array | None, attribute: Sequence[int] | None, noop: int) -> list[int]:
    """Return the axes that a Reduce operator reduces, but for the batch; an input from some opset on."""
    if x.position != 0:
        raise UnsupportedError("its axes are computed by the network", hint="only constant axes are supported")
    rank = len(x.shape)
    wanted = attribute if given is None else np.ravel(given).tolist()
    if not wanted:
        wanted = [] if noop else range(rank)
    return sorted({int(axis) % rank for axis in wanted} - {0})


def _reduce(
    x: Tensor,
    _: Array | None = None,
    given: Array | None = None,
    *,
    what: str,
    greatest: bool,
    axes: Sequence[int] | None = None,
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> StreamReading:
    """Read a reduction over rows and columns; ``keepdims`` is in the shape that the operator makes."""
    del keepdims
    return _whole(x, _reduced(x, given, axes, noop_with_empty_axes), greatest=greatest, what=what)


reduce_mean = partial(_reduce, what="ReduceMean", greatest=False)
reduce_max = partial(_reduce, what="ReduceMax", greatest=True)


def _windowed(x: Tensor, found: Sequence[WindowAxis], *, greatest: bool, scale: float = 1.0) -> StreamReading | None:
    """Return the layer of windows that do not overlap; None: they do."""
    windows = [axis.windows for axis in found]
    sizes = [axis.size for axis in found]
    if len(windows) == 1:
        windows, sizes = [((0, 1),), *windows], [1, *sizes]
    rows, columns = windows
    if rows is None or columns is None:
        return None
    op = Pool(rows, columns, (sizes[0], sizes[1]), greatest, scale)
    return StreamReading(op, (raster_order(x.shape),), raster_order(x.out_shape))


def max_pool(
    x: Tensor,
    _: Array | None = None,
    *,
    kernel_shape: Sequence[int],
    strides: object = None,
    pads: object = None,
    dilations: object = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    storage_order: int = 0,
) -> StreamReading:
    """Read MaxPool of windows that do not overlap."""
    del ceil_mode, storage_order  # in the shape that it makes; of indices, which nobody reads
    found = window_axes(x, kernel_shape, strides, pads, dilations, auto_pad)
    reading = _windowed(x, found, greatest=True)
    if reading is None:
        raise UnsupportedError(
            f"takes greatest values of windows of {list(kernel_shape)} that overlap",
            hint="make strides no less than kernel_shape, without dilations, or take an AveragePool or a Conv of the "
            "same stride in its place",
        )
    return reading


def average_pool(
    x: Tensor,
    _: Array | None = None,
    *,
    kernel_shape: Sequence[int],
    strides: object = None,
    pads: object = None,
    dilations: object = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
) -> StreamReading | Reading:
    """Read AveragePool: of windows of one size that do not overlap as sums, else as a depthwise convolution."""
    del ceil_mode  # in the shape that it makes
    found = window_axes(x, kernel_shape, strides, pads, dilations, auto_pad)
    counts = [[axis.count(o, padded=bool(count_include_pad)) for o in range(axis.out_size)] for axis in found]
    if all(len(set(of_axis)) == 1 for of_axis in counts):
        reading = _windowed(x, found, greatest=False, scale=1.0 / math.prod(of_axis[0] for of_axis in counts))
        if reading is not None:
            return reading
    weights = []
    for axis, of_axis in zip(found, counts, strict=True):
        weight: FloatArray = np.zeros((axis.out_size, axis.size))
        for o, count in enumerate(of_axis):
            weight[o, axis.taps(o)] = 1.0 / count
        weights.append(weight)
    return separable(AVERAGE.name, x.shape, x.out_shape, weights)


KIND = Kind(
    "pool",
    {
        "GlobalAveragePool": global_average_pool,
        "GlobalMaxPool": global_max_pool,
        "ReduceMean": reduce_mean,
        "ReduceMax": reduce_max,
        "MaxPool": max_pool,
        "AveragePool": average_pool,
    },
    fixed_order,
    fixed_shape,
    saved=IntPool,
)
AVERAGE = Kind("average_pool", {}, select_outputs, fixed_shape)
