"""Bring the operands of a layer that joins several views, element by element, to one order of their streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.frontend.streams import Streams
from gan2hls.frontend.views import View, images, inverse, is_identity
from gan2hls.numbers import Int64Array

#: Returns the view of a copy that stands as one of the images, int64 ``[H, W, C]`` of the ONNX tensor's elements.
Copy = Callable[[View, Sequence[Int64Array]], View]


def see_alike(views: Sequence[View], streams: Streams) -> bool:
    """Whether ``views`` see the elements of streams of one size in the same way, be it with repetitions and zeros."""
    first, *others = views
    size = np.prod(streams.shape(first.tensor))
    return all(
        np.prod(streams.shape(view.tensor)) == size and np.array_equal(view.index, first.index) for view in others
    )


def align(streams: Streams, copied: Copy) -> None:
    """Bring the operands in ``streams.held`` to one order and one shape of their streams.

    One whose stream others read already gives the order, or one that the others can follow; what cannot is copied.
    """
    views = streams.held
    for _ in range(2 * len(views)):
        apart = follow(streams)
        if not apart:
            return
        leader = next(n for n in sorted(views) if n not in apart)
        order, shape = inverse(views[leader].index), streams.shape(views[leader].tensor)
        view = views.pop(apart[0])
        views[apart[0]] = copied(view, [order.reshape(shape)])
    raise UnsupportedError(
        f"joins {', '.join(streams.describe(view.tensor) for view in views.values())} in orders that do not fit",
        hint="rearrange both of what it joins alike, or neither",
    )


def in_order(streams: Streams, view: View, order: Int64Array, copied: Copy) -> View:
    """Return ``view``, which is the whole of its stream, of a stream that has its elements in ``order``, or of a copy.

    Args:
        streams: of the graph.
        view: of an operand.
        order: int64 ``[H, W, C]``, which flat element of the ONNX tensor each element of the stream is to be.
        copied: makes a copy.

    Raises:
        UnsupportedError: no layer can put it into that order.
    """
    while not _stands(streams, view, order):
        image = view.index.ravel()[order]
        if streams.is_whole(view) and streams.provide(view.tensor, image):
            view = replace(view, index=inverse(image)[view.index])
        else:
            view = copied(view, [order])
    streams.reshape(view.tensor, (order.shape[0], order.shape[1], order.shape[2]))
    return view


def _stands(streams: Streams, view: View, order: Int64Array) -> bool:
    """Whether the stream of ``view`` has the elements of its ONNX tensor in ``order``, and no others."""
    return is_identity(view.index.ravel()[order]) and order.size == np.prod(streams.shape(view.tensor))


def follow(streams: Streams) -> list[int]:
    """Let the operands in ``streams.held`` follow one of them; return those that cannot where all follow none."""
    views = streams.held
    operands = sorted(views)
    fixed = [n for n in operands if streams.together(views[n].tensor) is None]
    for leader in (*fixed, *(n for n in operands if n not in fixed)):
        if all(_follows(streams, n, leader) for n in operands):
            return []
    leader = min(operands, key=lambda n: _image(views[n]))
    return [n for n in operands if not _follows(streams, n, leader)]


def _image(view: View) -> int:
    """Return as which of its images ``view`` stands; the first one has channels first, behind the last it is none."""
    seen = images(view.index)
    return next((n for n, image in enumerate(seen) if is_identity(image)), len(seen))


def _follows(streams: Streams, n: int, leader: int) -> bool:
    """Whether the stream of operand ``n`` is, or is now, of the order and shape of the leader's."""
    view, other = streams.held[n], streams.held[leader]
    if view.tensor == other.tensor and np.array_equal(view.index, other.index):
        return True
    shape = streams.shape(other.tensor)
    image = view.index.ravel()[inverse(other.index)].reshape(shape)
    if not is_identity(image):
        del streams.held[n]
        if streams.provide(view.tensor, image):
            view = replace(view, index=inverse(image)[view.index])
        streams.held[n] = view
        return np.array_equal(inverse(view.index), inverse(other.index)) and streams.shape(view.tensor) == shape
    if streams.shape(view.tensor) != shape:
        streams.reshape(view.tensor, shape)
    if streams.shape(view.tensor) != shape:
        streams.reshape(other.tensor, streams.shape(view.tensor))
    return streams.shape(view.tensor) == streams.shape(other.tensor)
