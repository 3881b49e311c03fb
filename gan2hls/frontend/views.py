"""A view: how a reader sees a tensor.

Reshape, Transpose, Slice, Pad, Resize, DepthToSpace and their like compute nothing.  They say which element of a stream
each element of an ONNX tensor is: an index array, which NumPy rearranges as the operator says.  An element may occur
several times (Resize, reflections), or not at all (Slice); a padded zero is in no stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final
from weakref import ref

import numpy as np

from gan2hls.numbers import Int64Array

#: Entry of a view where a zero of padding stands.
ZERO = -1


@final
@dataclass(frozen=True, eq=False)
class View:
    """How an ONNX tensor relates to a stream.

    Attributes:
        tensor: name of the stream: an input's or a layer's.
        onnx_name: of the ONNX tensor, untrusted text.
        index: int64 of the ONNX tensor's shape; which element of the stream each element is, or ``ZERO``.
    """

    tensor: str
    onnx_name: str
    index: Int64Array


def is_identity(order: Int64Array) -> bool:
    """Whether an index array of any shape leaves everything in place."""
    flat = order.ravel()
    return bool(np.array_equal(flat, np.arange(flat.size)))


def ends_in_channels(order: Int64Array, channels: int) -> bool:
    """Whether the last axis is made of channels alone, in any order, of a stream that has so many."""
    pixels = np.where(order >= 0, order // channels, -1).reshape(-1, order.shape[-1])
    known = pixels.max(axis=1, keepdims=True)
    return bool(((pixels == known) | (order.reshape(pixels.shape) < 0)).all())


def has_channels_last(order: Int64Array, channels: int) -> bool:
    """Whether a tensor of rank 4 is rather ``[1, H, W, C]`` than ``[1, C, H, W]`` of a stream that has so many."""
    if order.ndim != 4 or is_identity(np.moveaxis(order[0], 0, -1)):
        return False
    return is_identity(order) or (
        1 < channels < order.size and order.shape[3] > 1 and ends_in_channels(order, channels)
    )


def is_rows_of_channels(order: Int64Array, channels: int) -> bool:
    """Whether a tensor of rank 3 is rather ``[1, W, C]`` than ``[1, C, W]`` of a stream that has so many."""
    if order.ndim != 3 or not 1 < channels < order.size or order.shape[2] % channels:
        return False
    return ends_in_channels(order, channels)


def repeats(order: Int64Array) -> bool:
    """Whether some element occurs several times."""
    if is_identity(order):
        return False
    live = order[order >= 0]
    return bool(live.size) and int(np.bincount(live).max()) > 1


def inverse(order: Int64Array) -> Int64Array:
    """Return the inverse of an index array, flat: one place of each element; zeros are passed over.

    Where somebody still holds that of the same array, it is the same one: layers of one shape share theirs.
    """
    known = _INVERSES.get(id(order))
    found = known[1]() if known is not None and known[0]() is order else None
    if found is None:
        key, found = id(order), _inverse(order)
        _INVERSES[key] = ref(order, lambda _: _INVERSES.pop(key)), ref(found)
    return found


#: By identity of an index array: that array and its inverse.
_INVERSES: dict[int, tuple[ref[Int64Array], ref[Int64Array]]] = {}


def _inverse(order: Int64Array) -> Int64Array:
    flat = order.ravel()
    live = flat >= 0
    places = np.empty(int(flat.max(initial=-1)) + 1, np.int64)
    if live.all():
        places[flat] = np.arange(flat.size)
    else:
        places[flat[live]] = np.flatnonzero(live)
    places.flags.writeable = False
    return places


def images(index: Int64Array) -> tuple[Int64Array, ...]:
    """Return an ONNX tensor of batch 1 seen as images ``[H, W, C]``: channels first, then channels last.

    Without an axis for channels, all elements are those of one pixel; other ranks are no images.
    """
    match index.shape:
        case (1, channels, width):
            return index.reshape(1, channels, width).swapaxes(1, 2), index.reshape(1, channels, width)
        case (1, _, _, _):
            return index[0].transpose(1, 2, 0), index[0]
        case (1, count) | (count,):
            return (index.reshape(1, 1, count),)
        case _:
            return ()


def shuffles(shape: tuple[int, int, int]) -> Iterator[Int64Array]:
    """Return what pixel shuffles make of a stream ``(H, W, C)``: which element of it each one ``[H, W, C]`` is.

    Channels are the blocks' rows and columns, then those of the image, or the other way round.  A single row stays one,
    and so does a single column.
    """
    height, width, channels = shape
    elements = np.arange(height * width * channels)
    for factor in (2, 3, 4, 5, 6, 8):
        rows, columns = 1 if height == 1 else factor, 1 if width == 1 else factor
        if channels % (rows * columns):
            continue
        made = height * rows, width * columns, channels // (rows * columns)
        blocks = elements.reshape(height, width, rows, columns, made[2])
        yield blocks.transpose(0, 2, 1, 3, 4).reshape(made)
        yield elements.reshape(height, width, made[2], rows, columns).transpose(0, 3, 1, 4, 2).reshape(made)
