"""Functions of the elements of a view: their parameters by element of the stream that it is a view of."""

from __future__ import annotations

import numpy as np

from gan2hls.base import ModelError
from gan2hls.frontend.views import inverse
from gan2hls.kinds import map_parameters
from gan2hls.model import Point
from gan2hls.numbers import FloatArray, Int64Array


def over_stream(points: tuple[Point, ...], index: Int64Array, size: int, *, whole: bool) -> tuple[Point, ...] | None:
    """Return ``points``, whose parameters broadcast to an ONNX tensor, with parameters by element of its stream.

    None where they treat a repeated element differently, or make something else of a padded zero.

    Args:
        points: in order.
        index: of the ONNX tensor's shape, see ``View``.
        size: elements of the stream.
        whole: whether ``index`` is known to have each element of the stream once, and no zero.

    Raises:
        ModelError: parameters that do not broadcast to the ONNX tensor.
    """
    if not whole and _moves_zeros(points, index):
        return None
    same = True

    def by_element(value: FloatArray) -> FloatArray:
        nonlocal same
        if value.size == 1:
            return value.reshape(1)
        try:
            seen = np.broadcast_to(value, index.shape)
        except ValueError as error:
            raise ModelError(
                f"its parameters of shape {list(value.shape)} do not fit a tensor of shape {list(index.shape)}",
                hint="they must broadcast to it, or be one per channel",
            ) from error
        if whole:
            return seen.ravel()[inverse(index)]
        live = index >= 0
        where, seen = index[live], seen[live]
        placed = np.empty(size)
        placed[where] = seen
        same = same and np.array_equal(placed[where], seen)
        return placed

    mapped = tuple(map_parameters(point, by_element) for point in points)
    return mapped if same else None


def _moves_zeros(points: tuple[Point, ...], index: Int64Array) -> bool:
    """Whether ``points`` make something else of padded zeros."""
    zeros = index < 0
    if not zeros.any():
        return False
    x = np.zeros(index.shape)
    for point in points:
        x = np.broadcast_to(point(x), x.shape)
    return bool(x[zeros].any())
