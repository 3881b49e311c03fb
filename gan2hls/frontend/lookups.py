"""Look-ups on constants: codebooks and their indices, and sparse weights scattered into zeros.

onnx's evaluator computes the same; these are fast where it loops, and say which index is out of range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gan2hls.base import ModelError
from gan2hls.frontend.read import MAX_CONSTANT

Array = npt.NDArray[Any]


def gather(data: Array, indices: Array, *, axis: int = 0) -> Array:
    """Return Gather: a codebook and the indices into it."""
    axis = _axis(axis, data.ndim)
    return np.take(data, _checked(indices, data.shape[axis], axis), axis=axis)


def gather_elements(data: Array, indices: Array, *, axis: int = 0) -> Array:
    """Return GatherElements: a codebook per row."""
    axis = _axis(axis, data.ndim)
    others = [n for n in range(data.ndim) if n != axis]
    if indices.ndim != data.ndim or any(indices.shape[n] > data.shape[n] for n in others):
        raise ModelError(
            f"its indices have shape {list(indices.shape)}, its data {list(data.shape)}",
            hint="they must have as many axes, and no more rows than the data",
        )
    cut = tuple(slice(None) if n == axis else slice(0, indices.shape[n]) for n in range(data.ndim))
    return np.take_along_axis(data[cut], _checked(indices, data.shape[axis], axis), axis=axis)


def gather_nd(data: Array, indices: Array, *, batch_dims: int = 0) -> Array:
    """Return GatherND: tuples of indices, the leading ``batch_dims`` axes taken together."""
    depth = indices.shape[-1] if indices.ndim else 0
    batches = indices.shape[:batch_dims]
    if not indices.ndim or not 1 <= depth <= data.ndim - batch_dims or data.shape[:batch_dims] != batches:
        raise ModelError(
            f"its indices have shape {list(indices.shape)}, its data {list(data.shape)}",
            hint=f"the last axis of the indices counts axes of the data after {batch_dims} in common",
        )
    parts = [_checked(indices[..., n], data.shape[batch_dims + n], batch_dims + n) for n in range(depth)]
    lead = np.ogrid[tuple(slice(0, size) for size in batches)] if batch_dims else []
    shaped = [np.reshape(part, (*part.shape, *(1,) * (indices.ndim - 1 - batch_dims))) for part in lead]
    return np.asarray(data[(*shaped, *parts)])


def scatter_nd(data: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Array | None:
    """Return ScatterND without a reduction: weights that are zero but for a few; None with one."""
    depth = indices.shape[-1] if indices.ndim else 0
    if reduction != "none" or not 1 <= depth <= data.ndim:
        return None
    if updates.shape != (*indices.shape[:-1], *data.shape[depth:]):
        raise ModelError(
            f"its updates have shape {list(updates.shape)}",
            hint=f"legal is {[*indices.shape[:-1], *data.shape[depth:]]}",
        )
    made = data.copy()
    made[tuple(_checked(indices[..., n], data.shape[n], n) for n in range(depth))] = updates
    return made


def scatter_elements(
    data: Array, indices: Array, updates: Array, *, axis: int = 0, reduction: str = "none"
) -> Array | None:
    """Return ScatterElements without a reduction; None with one."""
    if reduction != "none" or indices.ndim != data.ndim or updates.shape != indices.shape:
        return None
    axis = _axis(axis, data.ndim)
    if any(indices.shape[n] > data.shape[n] for n in range(data.ndim) if n != axis):
        return None
    made = data.copy()
    cut = tuple(slice(None) if n == axis else slice(0, indices.shape[n]) for n in range(data.ndim))
    np.put_along_axis(made[cut], _checked(indices, data.shape[axis], axis), updates, axis=axis)
    return made


def one_hot(indices: Array, depth: Array, values: Array, *, axis: int = -1) -> Array | None:
    """Return OneHot: a codebook is a matrix product away; indices out of range make no one, as ONNX says."""
    if indices.dtype.kind not in "iu" or depth.size != 1 or values.shape != (2,):
        return None
    count = int(depth.reshape(-1)[0])
    axis = _axis(axis, indices.ndim + 1)
    if count < 1 or indices.size * count > MAX_CONSTANT:
        raise ModelError(f"has depth {count} for {indices.size} indices", hint="look codebooks up by Gather")
    wide = indices.astype(np.int64)
    at = np.expand_dims(np.where(wide < 0, wide + count, wide), axis)
    places = np.arange(count).reshape(-1, *(1,) * (indices.ndim - axis))
    return np.asarray(np.where(at == places, values[1], values[0]))


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ModelError(f"has axis {axis}", hint=f"legal: {-rank}..{rank - 1}")
    return axis % rank


def _checked(indices: Array, size: int, axis: int) -> Array:
    """Return ``indices``, negative ones counted from the end.

    Raises:
        ModelError: one of them is out of range.
    """
    if indices.dtype.kind not in "iu":
        raise ModelError(f"its indices are {indices.dtype}", hint="cast them to INT64")
    if indices.size and not size:
        raise ModelError(f"its data has no entry along axis {axis}", hint="give the codebook at least one")
    bad = (indices < -size) | (indices >= size)
    if bad.any():
        at = tuple(int(n) for n in np.argwhere(bad)[0])
        raise ModelError(
            f"its index {int(indices[at])} at {list(at)} is out of range along axis {axis}"
            f"{f', and {int(bad.sum()) - 1} more' if bad.sum() > 1 else ''}",
            hint=f"legal: {-size}..{size - 1}, since the data has {size} entries there",
        )
    return np.where(indices < 0, indices + size, indices).astype(np.int64, copy=False)


#: ``(*inputs, **attributes) -> array``, or None for onnx's own evaluator.
LOOKUPS: Mapping[str, Callable[..., Array | None]] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "OneHot": one_hot,
    "ScatterND": scatter_nd,
    "ScatterElements": scatter_elements,
}
