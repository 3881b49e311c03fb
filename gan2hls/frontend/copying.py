"""Layers that copy: for views that neither the reader nor the maker of a tensor can place.

A copy is a convolution of 1 x 1 with ones for weights, so it is an engine like any other: its taps put rows and columns
where they belong, its line buffer holds what must wait.  One that only leaves out rows and columns is lowered to a crop
(``ops.crop``), which holds nothing, and one that only chooses channels to a unit that holds a few pixels
(``ops.select``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.frontend.views import inverse
from gan2hls.kinds import Reading
from gan2hls.numbers import Int64Array
from gan2hls.ops import COPY, Linear, LinearGeometry, Shape, conv_axis, crop_by, selected_by

#: Most elements that the line buffer of a copy may hold: 2 Mbyte of 8-bit codes.
_MOST_BUFFER = 1 << 21
#: Most channels of a copy that mixes them: its weights are a square matrix.
_MOST_MIXED = 1024


class OrderError(UnsupportedError):
    """A view that is made of no rows, columns and channels of its stream."""


def copies(shape: tuple[int, ...], seen: Sequence[Int64Array], *, in_turn: bool = False) -> list[Reading]:
    """Return copies of an ONNX tensor of ``shape`` that stand as ``seen``, the least work first.

    Where channels stay apart, each output is one input; else weights are a square matrix, of which most are zeros.

    Args:
        shape: of the ONNX tensor.
        seen: the ways to see it as an image, int64 ``[H, W, C]`` of its flat elements.
        in_turn: whether all copies that stand as the first of ``seen`` come first.
    """
    apart = [(image, image.shape[2], np.ones((1, image.shape[2], 1))) for image in seen]
    mixed = [(image, 1, np.eye(image.shape[2])[None]) for image in seen if image.shape[2] <= _MOST_MIXED]
    candidates = [copy for pair in zip(apart, mixed, strict=False) for copy in pair] if in_turn else []
    return [
        Reading(
            Linear(COPY, _geometry(image.shape, groups), weight),
            None,
            image.ravel(),
            inverse(image).reshape(shape),
        )
        for image, groups, weight in (*candidates, *apart, *mixed)
    ]


def whole(shape: Shape) -> Linear | None:
    """Return a copy of a stream of ``shape`` whose output channels can be put in any order; None: too many."""
    if shape[2] > _MOST_MIXED:
        return None
    return Linear(COPY, _geometry(shape, groups=1), np.eye(shape[2])[None])


def one_pixel(shape: Shape) -> Linear:
    """Return what reads a stream of ``shape`` pixel by pixel, to see what it would read once."""
    return Linear(COPY, _geometry(shape, groups=1), np.ones((1, 1, shape[2])))


def check_buffer(linear: Linear) -> None:
    """Check what the line buffer of a copy holds; a crop, and a choice of channels, have none.

    Raises:
        UnsupportedError: more than ``_MOST_BUFFER`` elements.
    """
    if crop_by(linear.geometry, linear.weight) or selected_by(linear.geometry, linear.weight):
        return
    g = linear.geometry
    held = g.y.window * g.x.in_size * g.in_channels
    if held > _MOST_BUFFER:
        raise UnsupportedError(
            f"puts {held} elements in another order, which must all be there first",
            hint=f"at most {_MOST_BUFFER} can be held; build for a smaller image, or rearrange outside of the model",
        )


def _geometry(shape: Shape, groups: int) -> LinearGeometry:
    y, x = (conv_axis(size, 1, 1, 1, (0, 0)) for size in shape[:2])
    return LinearGeometry(y, x, shape[2], shape[2], groups)
