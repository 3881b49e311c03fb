"""Sparse constants (COO) become dense ones: positions are checked, and what they would grow to is bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.naming import describe
from gan2hls.frontend.read import MAX_CONSTANT, check_constant

Array = npt.NDArray[Any]


def densify(model: onnx.ModelProto) -> None:
    """Replace the sparse initializers of ``model``, and the ``sparse_value`` of its Constant nodes, in place.

    Raises:
        ModelError: values and positions that do not fit, positions out of range, out of order or repeated.
        UnsupportedError: more elements than constants can have.
    """
    named = {tensor.name for tensor in model.graph.initializer}
    values = [
        (attribute, describe(node))
        for node in model.graph.node
        for attribute in node.attribute
        if node.op_type == "Constant" and attribute.name == "sparse_value"
    ]
    found = [(sparse, f"sparse initializer {sparse.values.name!r}") for sparse in model.graph.sparse_initializer]
    _check_sizes([*found, *((attribute.sparse_tensor, where) for attribute, where in values)])
    for sparse, where in found:
        if not sparse.values.name or sparse.values.name in named:
            raise ModelError(
                "has no name of its own", where=where, hint="name it: its `values` carry the name that nodes read"
            )
        named.add(sparse.values.name)
        model.graph.initializer.append(_dense(sparse, where))
    del model.graph.sparse_initializer[:]
    for attribute, where in values:
        attribute.CopyFrom(onnx.helper.make_attribute("value", _dense(attribute.sparse_tensor, where)))


def _check_sizes(tensors: list[tuple[onnx.SparseTensorProto, str]]) -> None:
    """Check what all sparse tensors grow to before the first of them does."""
    total = 0
    for sparse, where in tensors:
        if not sparse.dims or any(size < 1 for size in sparse.dims):
            raise ModelError(
                f"has the illegal shape {list(sparse.dims)}", where=where, hint="give it sizes of 1 or more"
            )
        total += check_constant(tuple(sparse.dims), where)
        if total > MAX_CONSTANT:
            raise UnsupportedError(
                f"makes {total} elements together with the sparse tensors before it",
                where=where,
                hint=f"at most {MAX_CONSTANT} are supported in sparse tensors; export the weights as dense tensors",
            )


def _dense(sparse: onnx.SparseTensorProto, where: str) -> onnx.TensorProto:
    shape = tuple(sparse.dims)
    try:
        values = np.asarray(numpy_helper.to_array(sparse.values)).reshape(-1)
        indices = np.asarray(numpy_helper.to_array(sparse.indices))
    except Exception as error:  # onnx raises ValueError, TypeError, KeyError or its own for broken tensors
        hint = "export it as a dense tensor: onnx.numpy_helper.from_array(value, NAME)"
        raise ModelError(f"is broken: {error}", where=where, hint=hint) from error
    at = _positions(indices, values.size, shape, where)
    steps = np.diff(at)
    if (steps <= 0).any():
        n = int(np.flatnonzero(steps <= 0)[0])
        what = "repeats" if steps[n] == 0 else "is not in ascending order at"
        raise ModelError(
            f"{what} position {_shown(at[n + 1], shape)}",
            where=where,
            hint="positions of a sparse tensor are ascending and distinct",
        )
    dense = np.zeros(int(np.prod(shape)), values.dtype)
    dense[at] = values
    return numpy_helper.from_array(dense.reshape(shape), sparse.values.name)


def _positions(indices: Array, count: int, shape: tuple[int, ...], where: str) -> Array:
    """Return the linear positions; ``indices`` hold them, or one row of coordinates for each."""
    linear = indices.ndim == 1
    wanted = (count,) if linear else (count, len(shape))
    if indices.dtype != np.int64 or indices.shape != wanted:
        raise ModelError(
            f"has {count} values and positions of type {indices.dtype} and shape {list(indices.shape)}",
            where=where,
            hint=f"positions are INT64 of shape [{count}] or [{count}, {len(shape)}]",
        )
    bounds = np.array([np.prod(shape)]) if linear else np.array(shape)
    rows = indices.reshape(count, -1)
    bad = ((rows < 0) | (rows >= bounds)).any(axis=1)
    if bad.any():
        found = indices[int(np.flatnonzero(bad)[0])].tolist()
        legal = f"0..{int(bounds[0]) - 1}" if linear else f"below {list(shape)} on every axis"
        raise ModelError(f"has the position {found}", where=where, hint=f"legal is {legal}")
    return rows[:, 0] if linear else np.asarray(np.ravel_multi_index(tuple(rows.T), shape))


def _shown(position: Any, shape: tuple[int, ...]) -> list[int]:
    return [int(n) for n in np.unravel_index(int(position), shape)]
