"""What a layer kind gives to the front end: its operators, and how its outputs can be put in another order.

A reader is a function with the operator's name whose arguments are the tensor it transforms, its constant inputs in the
operator's order (``None`` where one is absent) and, as keywords, its attributes with ONNX's defaults.  It returns a
``Reading`` or a chain of points; what it cannot build is an ``UnsupportedError`` without ``where``: the front end adds
the node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.base import UnsupportedError, shared
from gan2hls.model import Affine, Curve, Function, Layer, Leaky, Point
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import Linear, Operation, Shape, StreamOperation

Array = npt.NDArray[np.generic]

#: Most elements of one activation tensor: 16 M, a 512 x 512 image of 64 channels.
MAX_ACTIVATION = 1 << 24
#: Most elements of what a layer sees of one, padded or repeated: no such tensor is computed.
MAX_SEEN = 1 << 25
#: Most (output, kernel) pairs of one axis of a linear layer; bounds the time that a tap program takes.
MAX_AXIS_TAPS = 1 << 22


@final
@dataclass(frozen=True)
class Tensor:
    """The tensor that an operator transforms.

    Attributes:
        shape: ONNX shape, batch 1.
        position: which of the operator's inputs it is; the others are constants.
        out_shape: ONNX shape of what the operator makes of it.
        channels_last: whether its last axis is known to be the channels of a pixel, where the operator may reduce any.
    """

    shape: tuple[int, ...]
    position: int = 0
    out_shape: tuple[int, ...] = ()
    channels_last: bool = False


@final
@dataclass(frozen=True, eq=False)
class Reading:
    """A linear operator as a layer.

    Attributes:
        op: what it computes.
        bias: float64 ``[CO]``, or None.
        in_order: which flat element of the input ONNX tensor each element of the layer's input stream is.
        out_index: of the output ONNX tensor's shape; which element of the layer's output stream each element is.
    """

    op: Linear
    bias: FloatArray | None
    in_order: Int64Array
    out_index: Int64Array


@final
@dataclass(frozen=True, eq=False)
class Normalization:
    """An operator that normalizes its input by statistics of sets of its elements.

    Attributes:
        sets: int64 of the input ONNX tensor's shape: which set each element belongs to.
        centred: whether the mean is subtracted.
        epsilon: added to the variance.
        outside: added to its root.
        points: behind it; parameters broadcast to the ONNX tensor's shape.
    """

    sets: Int64Array
    centred: bool
    epsilon: float
    outside: float = 0.0
    points: tuple[Point, ...] = ()


@final
@dataclass(frozen=True, eq=False)
class StreamReading:
    """An operator on elements as they come, without weights, as a layer of one or several streams.

    Attributes:
        op: what it computes.
        orders: by input, the stream that it must come in, int64 ``[H, W, C]``: which flat element of the operand's ONNX
            tensor each element is.  None: all operands have the result's shape, and any one order, which it has too.
        out_order: the same of the result; None where ``orders`` is.
        operands: which of the node's computed operands each input is; None: they are in order.
        labels: how many whole numbers from 0 on its one input takes; 0: it takes real numbers.
    """

    op: Operation
    orders: tuple[Int64Array, ...] | None = None
    out_order: Int64Array | None = None
    operands: tuple[int, ...] | None = None
    labels: int = 0


Reader = Callable[..., "Reading | StreamReading | Normalization | tuple[Point, ...]"]
#: ``(shapes of the computed operands, shape of the result, **attributes) -> StreamReading``, all of them ONNX shapes.
Join = Callable[..., StreamReading]


@final
@dataclass(frozen=True)
class Kind:
    """A layer kind.

    Attributes:
        name: as in ``Layer.op.kind``.
        operators: ONNX operators of the default domain that become this kind, with their readers.
        reorder: ``(layer, image) -> layer`` whose stream ``(H, W, C)`` has the old elements that ``image``, int64
            ``[H, W, C]``, names, or None where the layer cannot do that; ``image`` has no element twice, and where the
            stream is cropped not all.
        reshape: ``(layer, shape) -> layer`` whose output stream is seen as that ``(H, W, C)``, or None where its
            geometry fixes the shape.
        absorbs_input_order: whether the columns of its weight can be permuted to fit any input order.
        passes_order_on: whether reordering its output needs its inputs in that order too, where all are of its size.
        joins: ONNX operators that become this kind where several of their inputs are computed, with their readers.
        saved: the integer operation, as a saved model names it by ``name``; None: it has a form of its own there.
    """

    name: str
    operators: Mapping[str, Reader]
    reorder: Callable[[Layer, Int64Array], Layer | None]
    reshape: Callable[[Layer, Shape], Layer | None]
    absorbs_input_order: bool = False
    passes_order_on: bool = False
    joins: Mapping[str, Join] = field(default_factory=dict)
    saved: type[StreamOperation] | None = None


def constant(value: Array | None, what: str) -> FloatArray:
    """Return ``value`` as float64.

    Raises:
        UnsupportedError: it is not a constant.
    """
    return raw_constant(value, what).astype(np.float64)


def raw_constant(value: Array | None, what: str) -> Array:
    """Return ``value`` as it is in the file, for weights, of which there is to be one copy in float64.

    Raises:
        UnsupportedError: it is not a constant.
    """
    if value is None:
        raise UnsupportedError(
            f"{what} must be a constant",
            hint="give it a value in the file, as an initializer: only one tensor of the model is computed",
        )
    return np.asarray(value)


def map_parameters(point: Point, change: Callable[[FloatArray], FloatArray]) -> Point:
    """Return ``point`` with ``change`` applied to its per-channel parameters."""
    match point:
        case Affine():
            return Affine(change(point.scale), change(point.bias))
        case Leaky():
            return Leaky(change(point.slope))
        case Function():
            return replace(point, sets=change(point.sets))
        case _:
            return point


def parameters(point: Point) -> tuple[FloatArray, ...]:
    """Return the numbers of ``point`` that must be finite."""
    if isinstance(point, Curve):
        return (np.array([value for _, value in point.attributes]),)
    found: list[FloatArray] = []

    def collect(value: FloatArray) -> FloatArray:
        found.append(value)
        return value

    map_parameters(point, collect)
    return tuple(found)


def select_outputs(layer: Layer, image: Int64Array) -> Layer | None:
    """Return a linear layer that computes the outputs that ``image``, int64 ``[H, W, C]``, names, in that order.

    Any rows and columns can be left out and any channels taken in any order (with groups: all, as they are); the
    channels of a pixel can become the pixels of a block (``ops.shuffled``).  None where ``image`` is something else.
    """
    assert isinstance(layer.op, Linear), layer.name
    geometry = layer.op.geometry
    if layer.shape != geometry.out_shape and geometry.out_shape[:2] != (1, 1):
        return None  # shuffled already
    _, width, channels = geometry.out_shape
    row, column = image[:, 0, 0] // (width * channels), image[0, :, 0] // channels % width
    rows, columns = np.unique(row), np.unique(column)
    blocks = image.shape[0] // rows.size, image.shape[1] // columns.size
    if not np.array_equal(row, rows.repeat(blocks[0])) or not np.array_equal(column, columns.repeat(blocks[1])):
        return None
    kept = image[: blocks[0], : blocks[1]] % channels
    for n, line in enumerate(image):
        of_line = np.tile(kept[n % blocks[0]], (columns.size, 1))
        if not np.array_equal((row[n] * width + column[:, None]) * channels + of_line, line):
            return None
    kept = kept.ravel()
    shuffles = blocks[0] > 1 and columns.size > 1
    if geometry.groups != 1 and (shuffles or not np.array_equal(kept, np.arange(channels))):
        return None
    y, x = (
        replace(axis, taps=tuple(axis.taps[o] for o in at)) for axis, at in ((geometry.y, rows), (geometry.x, columns))
    )
    changed = replace(geometry, y=y, x=x, out_channels=kept.size)
    probe = replace(layer.probe, shape=image.shape, order=layer.probe.order[image.ravel()])
    points = tuple(map_parameters(p, lambda v: v[kept] if v.size > 1 else v) for p in layer.points)
    op = replace(layer.op, geometry=changed, weight=np.ascontiguousarray(layer.op.weight[:, kept]))
    return replace(layer, shape=image.shape, op=op, points=points, probe=probe)


def select_channels(layer: Layer, kept: npt.NDArray[np.bool_]) -> Layer:
    """Return a linear layer without groups that computes the ``kept`` ones of its ``shape[2]`` channels only."""
    assert isinstance(layer.op, Linear), layer.name
    blocks = layer.channels // kept.size
    of_block = np.tile(kept, blocks)
    shape = (*layer.shape[:2], int(kept.sum()))
    order = layer.probe.order.reshape(layer.shape)[:, :, kept].ravel()
    geometry = replace(layer.op.geometry, out_channels=int(of_block.sum()))
    return replace(
        layer,
        shape=shape,
        op=replace(layer.op, geometry=geometry, weight=np.ascontiguousarray(layer.op.weight[:, of_block])),
        points=tuple(map_parameters(p, lambda v: v[of_block] if v.size > 1 else v) for p in layer.points),
        probe=replace(layer.probe, shape=shape, order=order),
    )


def fixed_order(layer: Layer, image: Int64Array) -> None:
    """Say that the layer makes its stream in one order (an entry of ``Kind.reorder``)."""
    del layer, image


def fixed_shape(layer: Layer, shape: Shape) -> None:
    """Say that the layer's geometry fixes its shape (an entry of ``Kind.reshape``)."""
    del layer, shape


def axes(values: object, count: int, default: int, what: str) -> tuple[int, ...]:
    """Return an attribute that has one integer per axis, ``default`` each where it is absent."""
    if values is None:
        return (default,) * count
    found = tuple(int(v) for v in values)  # type: ignore[attr-defined]
    if len(found) != count:
        raise UnsupportedError(
            f"{what} {list(found)} must have {count} values",
            hint=f"give it {count} numbers, one per spatial axis (pads: two)",
        )
    return found


def check_axis(
    out_size: int, kernel: int, stride: int, dilation: int, enlarge: str = "enlarge the input or its pads"
) -> None:
    """Check one axis of a linear layer before its tap program is made; ``enlarge`` says how its output would grow.

    Raises:
        UnsupportedError: an output that is empty, or taps beyond ``MAX_AXIS_TAPS``.
    """
    if stride < 1 or dilation < 1 or kernel < 1:
        raise UnsupportedError(
            f"kernel {kernel}, stride {stride} and dilation {dilation} must be 1 or more", hint="set them to 1 or more"
        )
    if out_size < 1:
        raise UnsupportedError(f"its output would have {out_size} rows or columns", hint=enlarge)
    if out_size * kernel > MAX_AXIS_TAPS or out_size > MAX_ACTIVATION:
        raise UnsupportedError(
            f"{out_size} outputs of {kernel} taps along one axis are too many",
            hint=f"at most {MAX_AXIS_TAPS} taps along one axis are supported",
        )


def check_size(shape: tuple[int, ...], what: str, most: int = MAX_ACTIVATION) -> None:
    """Check the size of an activation tensor.

    Raises:
        UnsupportedError: it has more than ``most`` elements.
    """
    if math.prod(shape) > most:
        raise UnsupportedError(
            f"{what} of shape {list(shape)} has {math.prod(shape)} elements",
            hint=f"tensors between layers have at most {MAX_ACTIVATION} elements, {MAX_SEEN} where they are padded or "
            "repeated for a layer to read; build for a smaller image",
        )


def raster_order(shape: tuple[int, ...], *, channels_last: bool = False) -> Int64Array:
    """Return which element of a tensor of batch 1 each element of its stream in raster order is, int64 ``[H, W, C]``.

    The tensor is ``[1, C, H, W]``, ``[1, C, W]`` or ``[1, C]``, or with ``channels_last`` ``[1, H, W, C]`` and so on.

    Raises:
        UnsupportedError: something else than a batch of 1 leads.
    """
    if shape[0] != 1:
        raise UnsupportedError(
            f"meets others, or reduces axes, where a tensor has shape {list(shape)}",
            hint="a batch axis of 1 must lead there: let permute() leave it in front, view() split channels behind it",
        )
    index = np.arange(math.prod(shape)).reshape(shape[1:])
    image = index if channels_last else np.moveaxis(index, 0, -1)
    return image.reshape((1,) * (3 - image.ndim) + image.shape)


@shared
def image_order(channels: int, height: int, width: int) -> Int64Array:
    """Return which element of an NCHW tensor each element of its ``(H, W, C)`` stream is."""
    return _fixed(np.arange(channels * height * width).reshape(channels, height, width).transpose(1, 2, 0).ravel())


@shared
def image_index(channels: int, height: int, width: int, shape: tuple[int, ...]) -> Int64Array:
    """Return which element of an ``(H, W, C)`` stream each element of the NCHW tensor of ``shape`` is."""
    return _fixed(
        np.arange(channels * height * width).reshape(height, width, channels).transpose(2, 0, 1).reshape(shape)
    )


def _fixed(index: Int64Array) -> Int64Array:
    index.flags.writeable = False
    return index
