"""Pooling: means, sums and greatest values over windows of a map, or over all of some of its axes.

Windows that do not overlap need one number for each column of them: the sum, or the greatest value, of what has come.
Means over windows that do, or that are not all of one size, are depthwise convolutions with constant weights; greatest
values over windows that do are read as several pools (``frontend.overlapping``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import numpy as np

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
from gan2hls.kinds.int_pool import IntPool, pooled
from gan2hls.kinds.separable import separable
from gan2hls.kinds.windows import WindowAxis, Windows, window_axes
from gan2hls.numbers import Float32Array, FloatArray, QuantType
from gan2hls.ops import IntWeight, Operation, Shape


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

    def upright(self) -> Pool | None:
        """Return it on maps of one column in place of maps of one row; None where those have several rows."""
        if self.in_size[0] != 1 or len(self.rows) != 1:
            return None
        return replace(self, rows=self.columns, columns=self.rows, in_size=self.in_size[::-1])

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, H, W, C]``."""
        sums: Float32Array = pooled(self, inputs[0])
        return sums if self.greatest else np.float32(self.scale) * sums

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at the input: of a sum everywhere in its window, of the greatest value where it is."""
        x = inputs[0].reshape(len(gradient), *self.in_size, -1)
        made = np.zeros_like(x)
        greatest = pooled(self, x)
        by_window = gradient.reshape(greatest.shape)
        for r, (top, bottom) in enumerate(self.rows):
            for c, (left, right) in enumerate(self.columns):
                at = np.s_[:, top:bottom, left:right]
                share = x[at] == greatest[:, r, c][:, None, None] if self.greatest else np.float32(self.scale)
                made[at] = share * by_window[:, r, c][:, None, None]
        return (made.reshape(inputs[0].shape),)

    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntPool, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        (given,) = inputs
        assert weight is None, "a pool has no weights"
        op = IntPool(self.rows, self.columns, self.in_size, self.greatest)
        return op, np.array([given.scale if self.greatest else given.scale * self.scale])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        (given,) = inputs
        whole = math.prod(given) == math.prod(self.in_size) * shape[2]
        return whole and shape[:2] == (len(self.rows), len(self.columns))


# --- readers


def _each(size: int) -> Windows:
    """Return windows of one row or column each."""
    return tuple((n, n + 1) for n in range(size))


def _whole(x: Tensor, reduced: Sequence[int], *, what: str, greatest: bool = False, mean: bool = True) -> StreamReading:
    """Return the layer that reduces all of some axes of ``x``, to the sum where neither ``greatest`` nor ``mean``.

    Channels that are reduced are columns of their row, and all of one pixel a window.  Groups of channels on the batch
    axis are channels.
    """
    shape, apart = x.shape, len(x.shape) == 4 and x.shape[0] > 1 and min(reduced, default=0) > 1
    if apart:
        shape = (1, shape[0] * shape[1], *shape[2:])
    last = len(shape) == 4 and not apart and (x.channels_last or tuple(reduced) == (1, 2))
    image = range(len(shape))[1:] if last or len(shape) == 2 else [*range(2, len(shape)), 1]
    gone = {3 - len(image) + n for n, axis in enumerate(image) if axis in reduced}
    if len(shape) > 4 or not gone or gone == {0, 2}:
        raise UnsupportedError(
            f"reduces axes {list(reduced)} of a tensor of shape {list(x.shape)}",
            hint=f"{what} is built over rows, columns or channels of [1, C, H, W], [1, H, W, C] or [1, C, W], or over "
            "several of them, but not over rows and channels alone: reduce one of the two first",
        )
    order = raster_order(shape, channels_last=last)
    height, width, channels = order.shape
    rows, columns = _runs(height, height if 0 in gone else 1), _runs(width, width if 1 in gone else 1)
    if 2 in gone:
        columns = tuple((a * channels, b * channels) for a, b in columns)
        width *= channels
    size = (len(rows), len(columns))
    count = order.size // (size[0] * size[1] * (1 if 2 in gone else channels))
    op = Pool(rows, columns, (height, width), greatest, 1.0 / count if mean else 1.0)
    left = tuple(1 if axis in reduced else n for axis, n in enumerate(shape))
    return StreamReading(op, (order,), raster_order(left, channels_last=last))


def _runs(size: int, length: int) -> Windows:
    """Return windows of ``length``, side by side."""
    return tuple((at, at + length) for at in range(0, size, length))


def global_average_pool(x: Tensor, _: Array | None = None) -> StreamReading:
    """Read GlobalAveragePool."""
    return _whole(x, range(2, len(x.shape)), what="GlobalAveragePool")


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
    greatest: bool = False,
    mean: bool = False,
    axes: Sequence[int] | None = None,
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> StreamReading:
    """Read a reduction over all of some axes; ``keepdims`` is in the shape that the operator makes."""
    del keepdims
    reduced = _reduced(x, given, axes, noop_with_empty_axes)
    return _whole(x, reduced, what=what, greatest=greatest, mean=mean)


reduce_mean = partial(_reduce, what="ReduceMean", mean=True)
reduce_sum = partial(_reduce, what="ReduceSum")
reduce_max = partial(_reduce, what="ReduceMax", greatest=True)


def _windowed(x: Tensor, found: Sequence[WindowAxis], *, greatest: bool, scale: float = 1.0) -> StreamReading | None:
    """Return the layer of windows that do not overlap; None: they do, or one reads nothing."""
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
    """Read MaxPool of windows that do not overlap; those that do have become such before."""
    del ceil_mode, storage_order  # in the shape that it makes; of indices, which nobody reads
    found = window_axes(x, kernel_shape, strides, pads, dilations, auto_pad)
    reading = _windowed(x, found, greatest=True)
    if reading is None:
        raise UnsupportedError(
            f"has windows of {list(kernel_shape)} that read nothing of the map",
            hint="make pads, or dilations, smaller, so that every window reads an element",
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
        "ReduceSum": reduce_sum,
        "ReduceMax": reduce_max,
        "MaxPool": max_pool,
        "AveragePool": average_pool,
    },
    fixed_order,
    fixed_shape,
    saved=IntPool,
)
AVERAGE = Kind("average_pool", {}, select_outputs, fixed_shape)
