"""The graph as it grows: one stream at a time, and where each element of the current ONNX tensor lies in it.

Reshape, Transpose and their like act on ``index`` alone.  A layer that needs its input in raster order, channels
innermost, has the difference absorbed by what made the stream: a Dense layer's rows, or the input's order.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.kinds import KIND_BY_NAME, Linear, map_parameters
from gan2hls.model import Affine, AxisTaps, Graph, Layer, Point, Port, Shape
from gan2hls.numbers import FloatArray, Int64Array


def inverse(order: Int64Array) -> Int64Array:
    """Return the inverse of an order of any shape, flat: one place of each element; entries of -1 are passed over."""
    live = np.flatnonzero(order.ravel() >= 0)
    places = np.empty(int(order.max(initial=-1)) + 1, np.int64)
    places[order.ravel()[live]] = live
    return places


def repeats(order: Int64Array) -> bool:
    """Whether some element stands in several places."""
    live = order[order >= 0]
    return np.unique(live).size < live.size


def is_identity(order: Int64Array) -> bool:
    """Whether a permutation leaves everything in place."""
    return bool(np.array_equal(order, np.arange(order.size)))


def _without_zeros(linear: Linear, live: npt.NDArray[np.bool_]) -> Linear:
    """Return a linear layer that reads the ``live`` elements of its input only; the others are zeros.

    Raises:
        UnsupportedError: they are not whole rows, columns and channels.
    """
    geometry = linear.geometry
    image = live.reshape(geometry.in_shape)
    rows, columns, channels = (np.asarray(image.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    if not np.array_equal(image, rows[:, None, None] & columns[:, None] & channels):
        raise UnsupportedError("reads zeros among its input", hint="pad whole rows and columns")
    if geometry.groups != 1 and not channels.all():
        raise UnsupportedError("has groups and reads channels of zeros", hint="pad rows and columns only")
    y, x = (_without(axis, kept) for axis, kept in ((geometry.y, rows), (geometry.x, columns)))
    weight = np.ascontiguousarray(linear.weight[..., channels]) if geometry.groups == 1 else linear.weight
    return replace(linear, geometry=replace(geometry, y=y, x=x, in_channels=int(channels.sum())), weight=weight)


def _of_repeated(linear: Linear, order: Int64Array) -> tuple[Linear, Int64Array]:
    """Return a linear layer that reads each element once, by taps that share it, and the order of these elements.

    ``order`` says which element of the stream each element of its input is, -1 for a zero.

    Raises:
        UnsupportedError: what is repeated is not whole rows and columns.
    """
    geometry = linear.geometry
    image = order.reshape(geometry.in_shape)
    rows, row_of = _distinct(image.reshape(image.shape[0], -1))
    columns, column_of = _distinct(image.swapaxes(0, 1).reshape(image.shape[1], -1))
    compact = image[rows][:, columns]
    seen = np.pad(compact, ((0, 1), (0, 1), (0, 0)), constant_values=-1)[row_of][:, column_of]
    if (compact < 0).any() or repeats(compact) or not np.array_equal(seen, image):
        raise UnsupportedError(
            "reads repeated elements that are not whole rows and columns of an image",
            hint="pad and resize rows and columns only, in front of a convolution",
        )
    y, x = _mapped(geometry.y, row_of, len(rows)), _mapped(geometry.x, column_of, len(columns))
    return replace(linear, geometry=replace(geometry, y=y, x=x)), compact.ravel()


def _distinct(lines: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return where the different lines that are not all zeros first stand, in stream order, and which each line is.

    A line of zeros is -1.
    """
    _, first, which = np.unique(lines, axis=0, return_index=True, return_inverse=True)
    zeros = int((lines[first[0]] < 0).all())  # lines of zeros come first
    return first[zeros:], which.reshape(-1) - zeros


def _mapped(axis: AxisTaps, source: Int64Array, size: int) -> AxisTaps:
    """Return the taps of an axis whose input ``i`` is ``source[i]`` of ``size`` inputs, or a zero where that is -1."""
    taps = tuple(tuple((int(source[i]), k) for i, k in pairs if source[i] >= 0) for pairs in axis.taps)
    return AxisTaps(size, axis.kernel, taps)


def _without(axis: AxisTaps, kept: npt.NDArray[np.bool_]) -> AxisTaps:
    """Return the taps of an axis that has the ``kept`` inputs only."""
    at = np.cumsum(kept) - 1
    taps = tuple(tuple((int(at[i]), k) for i, k in pairs if kept[i]) for pairs in axis.taps)
    return AxisTaps(int(kept.sum()), axis.kernel, taps)


@final
class Chain:
    """A chain of layers under construction.

    Attributes:
        input: the graph's input.
        layers: so far.
        index: of the current ONNX tensor's shape; which element of the last stream each element is (Resize and Pad
            may repeat it), -1 for a zero of padding, which is in no stream.
    """

    def __init__(self, name: str, onnx_name: str, shape: tuple[int, ...]) -> None:
        count = math.prod(shape)
        self.index: Int64Array = np.arange(count).reshape(shape)
        self.input = Port(name, onnx_name, shape, (1, 1, count), np.arange(count))
        self.layers: list[Layer] = []

    @property
    def _last(self) -> tuple[str, Shape]:
        return (self.layers[-1].name, self.layers[-1].shape) if self.layers else (self.input.name, self.input.shape)

    def add_linear(self, linear: Linear, source: str, output: str) -> None:
        """Append a linear layer that reads the current tensor and makes the tensor ``output``."""
        order = self.index.ravel()[linear.in_order]
        absorbs = KIND_BY_NAME[linear.kind].absorbs_input_order
        if repeats(order):
            if absorbs:
                raise UnsupportedError("reads repeated elements", hint="put a convolution behind the Resize or Pad")
            linear, order = _of_repeated(linear, order)
        elif (order < 0).any():
            linear, order = _without_zeros(linear, order >= 0), order[order >= 0]
        weight = linear.weight
        if absorbs:
            weight = np.ascontiguousarray(weight[..., inverse(order)])
        elif not is_identity(order):
            self._reorder(order)
        self._reshape(linear.geometry.in_shape)
        name = f"n{len(self.layers)}_{linear.kind}"
        shape = linear.geometry.out_shape
        points: tuple[Point, ...] = () if linear.bias is None else (Affine(np.ones(1), linear.bias),)
        probe = Port(name, output, linear.out_index.shape, shape, inverse(linear.out_index))
        self.layers.append(
            Layer(name, linear.kind, source, (self._last[0],), shape, points, probe, linear.geometry, weight)
        )
        self.index = linear.out_index

    def add_points(self, points: tuple[Point, ...], source: str, output: str, shape: tuple[int, ...]) -> None:
        """Append a pointwise layer whose parameters broadcast to the current tensor; the result has ``shape``."""
        if math.prod(shape) != self.index.size:
            raise UnsupportedError(
                f"grows its input from {list(self.index.shape)} to {list(shape)}",
                hint="a constant operand must broadcast to the computed one's shape",
            )
        self.index = self.index.reshape(shape)
        self._check_zeros(points)
        count, live = math.prod(self._last[1]), np.flatnonzero(self.index.ravel() >= 0)
        where = self.index.ravel()[live]

        def stream(value: FloatArray) -> FloatArray:
            if value.size == 1:
                return value.reshape(1)
            made = np.empty(count)
            try:
                made[where] = np.broadcast_to(value, shape).ravel()[live]
            except ValueError as error:
                raise ModelError(
                    f"its parameters of shape {list(value.shape)} do not fit a tensor of shape {list(shape)}",
                    hint="they must broadcast to it, or be one per channel",
                ) from error
            if not np.array_equal(made[where], np.broadcast_to(value, shape).ravel()[live]):
                raise UnsupportedError(
                    "treats repeated elements differently",
                    hint="put it before the Resize or Pad",
                )
            return made

        source_name, source_shape = self._last
        name = f"n{len(self.layers)}_pointwise"
        probe = Port(name, output, shape, (1, 1, count), inverse(self.index))
        mapped = tuple(map_parameters(point, stream) for point in points)
        layer = Layer(name, "pointwise", source, (source_name,), (1, 1, count), mapped, probe)
        self.layers.append(KIND_BY_NAME["pointwise"].reshape(layer, source_shape) or layer)

    def select(self, index: Int64Array) -> None:
        """Crop, repeat or pad the current tensor: ``index`` has entries of ``self.index``; -1 is a zero."""
        kept = np.unique(index[index >= 0])
        if kept.size == 0:
            raise UnsupportedError("leaves nothing of its input", hint="crop less")
        if kept.size < math.prod(self._last[1]):
            self._reorder(kept)
            index = np.where(index >= 0, np.searchsorted(kept, index), -1)
        self.index = index

    def _check_zeros(self, points: tuple[Point, ...]) -> None:
        """Check that padding stays zero under ``points``."""
        zeros = self.index < 0
        x = np.zeros(self.index.shape)
        for point in points if zeros.any() else ():
            x = np.broadcast_to(point(x), x.shape)
        if x[zeros].any():
            raise UnsupportedError("changes padded zeros", hint="put it before the Pad")

    def _reorder(self, order: Int64Array) -> None:
        """Make the stream's element ``j`` what its element ``order[j]`` was; what ``order`` lacks is not computed."""
        whole = order.size == math.prod(self._last[1])
        for n in reversed(range(len(self.layers))):
            kind = KIND_BY_NAME[self.layers[n].kind]
            changed = kind.reorder(self.layers[n], order)
            source = self.layers[n].source or self.layers[n].kind
            if changed is None and not whole:
                raise UnsupportedError(
                    f"keeps a part of the output of {source} that is not rows by columns by channels",
                    hint="after a convolution rows, columns and (without groups) channels can be cropped",
                )
            if changed is None:
                raise UnsupportedError(
                    f"needs the output of {source} in another order than it has",
                    hint="between two convolutions a Reshape or Transpose must keep the raster order and each pixel's "
                    "channels together; after Gemm or MatMul, at the input and at the output any order is fine",
                )
            self.layers[n] = changed
            if not kind.passes_order_on:
                break
        else:
            if not whole:
                raise UnsupportedError("keeps a part of the input", hint="make that part the input of the model")
            self.input = replace(self.input, order=self.input.order[order])
        if whole:
            self.index = np.where(self.index >= 0, inverse(order)[self.index], -1)
        else:
            for m in range(n + 1, len(self.layers)):
                self.layers[m] = (
                    KIND_BY_NAME["pointwise"].reshape(self.layers[m], self.layers[n].shape) or self.layers[m]
                )

    def _reshape(self, shape: Shape) -> None:
        """See the stream as ``shape`` where nothing fixes its shape."""
        changed: list[Layer] = []
        for layer in reversed(self.layers):
            kind = KIND_BY_NAME[layer.kind]
            made = kind.reshape(layer, shape)
            if made is None:
                return
            changed.append(made)
            if not kind.passes_order_on:
                break
        else:
            self.input = replace(self.input, shape=shape)
        if changed:
            self.layers[-len(changed) :] = reversed(changed)

    def finish(self, name: str, output: str) -> Graph:
        """Return the graph whose output is the current tensor."""
        if (self.index < 0).any() or repeats(self.index):
            raise UnsupportedError(
                f"the output {output!r} is padded or resized", hint="remove the last Pad or Resize from the model"
            )
        last, shape = self._last
        port = Port(last, output, self.index.shape, shape, inverse(self.index))
        return Graph(name, (self.input,), tuple(self.layers), (port,))
