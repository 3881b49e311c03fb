"""Layers that normalize: from the sets of an ONNX tensor's elements to those of a stream's pixels and channels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.frontend.joining import Copy
from gan2hls.frontend.over_stream import over_stream
from gan2hls.frontend.streams import Streams
from gan2hls.frontend.views import View, images, inverse, is_identity
from gan2hls.kinds import Norm, Normalization, map_parameters
from gan2hls.model import Point
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import Shape


def arranged(streams: Streams, view: View, reading: Normalization, copied: Copy) -> tuple[View, Norm]:
    """Return ``view``, which has every element of its stream once, or that of a copy, and the norm of that stream.

    An image is made one first, since what reads it will want that; else the stream stays as it stands if its sets are
    those of pixels and channels.

    Raises:
        UnsupportedError: in no order are they.
    """
    shape, sets = streams.shape(view.tensor), reading.sets.ravel()
    elements = np.arange(sets.size).reshape(view.index.shape)
    seen = [image for image in _images(elements) if form(sets[image]) is not None]
    if view.index.ndim >= 4 and not any(is_identity(view.index.ravel()[image]) for image in seen):
        for image in seen:
            stream = view.index.ravel()[image]
            if streams.provide(view.tensor, stream):
                view = replace(view, index=inverse(stream)[view.index])
                break
    for image in seen:
        if is_identity(view.index.ravel()[image]):
            streams.reshape(view.tensor, (image.shape[0], image.shape[1], image.shape[2]))
    shape = streams.shape(view.tensor)
    found = form(sets[inverse(view.index)].reshape(shape))
    if found is None and seen:
        view = copied(view, seen)
        shape = streams.shape(view.tensor)
        found = form(sets[inverse(view.index)].reshape(shape))
    if found is None:
        raise UnsupportedError(
            f"normalizes over sets of {streams.describe(view.tensor)} that are none of pixels and channels",
            hint="a set is a channel or a run of channels, over all pixels or each pixel for itself",
        )
    groups, by_pixel = found
    return view, Norm(shape, groups, by_pixel, reading.centred, reading.epsilon, reading.outside)


def _images(elements: Int64Array) -> Iterator[Int64Array]:
    """Yield an ONNX tensor of batch 1 seen as images ``[H, W, C]``; of rank 5 two axes are the groups' channels."""
    if elements.ndim != 5:
        yield from images(elements)
        return
    _, first, second, third, fourth = elements.shape
    yield from images(elements.reshape(1, first * second, third, fourth))
    yield from images(elements.reshape(1, first, second, third * fourth))


def form(sets: Int64Array) -> tuple[int, bool] | None:
    """Return groups of channels, and whether each pixel has its own, of ``sets`` ``[H, W, C]``; None: neither."""
    rows = sets.reshape(-1, sets.shape[2])
    starts = np.flatnonzero(np.concatenate([[True], rows[0, 1:] != rows[0, :-1]]))
    groups, channels = starts.size, rows.shape[1]
    if channels % groups:
        return None
    parts = rows.reshape(len(rows), groups, channels // groups)
    if (parts != parts[:, :, :1]).any():
        return None
    count = np.unique(parts[:, :, 0]).size
    if (rows == rows[:1]).all():
        return (groups, False) if count == groups else None
    return (groups, True) if count == groups * len(rows) else None


def of_channels(points: Sequence[Point], view: View, shape: Shape) -> tuple[Point, ...]:
    """Return ``points``, whose parameters broadcast to the ONNX tensor, with one parameter per channel of its stream.

    Raises:
        ModelError: parameters that do not broadcast to it.
        UnsupportedError: they differ from pixel to pixel.
    """
    made = over_stream(tuple(points), view.index, math.prod(shape), whole=True)
    assert made is not None, "a whole stream has every element once"

    def change(value: FloatArray) -> FloatArray:
        if value.size == 1:
            return value
        rows = value.reshape(-1, shape[2])
        if (rows != rows[:1]).any():
            raise UnsupportedError(
                "its scale or bias differs from pixel to pixel",
                hint="take one number per channel, or let a Mul and an Add behind it have the others",
            )
        return np.ascontiguousarray(rows[0])

    return tuple(map_parameters(point, change) for point in made)
