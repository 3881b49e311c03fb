"""Matrix product with a constant matrix.

One row is a dense layer.  Several rows (``[1, P, K] x [K, N]``) are a 1x1 convolution over ``P`` pixels.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.kinds.base import (
    Array,
    Kind,
    Reading,
    Tensor,
    check_axis,
    check_size,
    constant,
    raw_constant,
    select_outputs,
)
from gan2hls.model import Layer
from gan2hls.numbers import Int64Array
from gan2hls.ops import AxisTaps, Linear, LinearGeometry, Shape, conv_axis, dense_geometry


def gemm(
    x: Tensor,
    a: Array | None = None,
    b: Array | None = None,
    c: Array | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803  (ONNX's spelling)
    transB: int = 0,  # noqa: N803
) -> Reading:
    """Read Gemm: ``alpha * A' @ B' + beta * C`` with ``A`` or ``B`` computed and the others constant."""
    if x.position == 2 or len(x.shape) != 2:
        raise UnsupportedError("only the product's operands can be computed", hint="use MatMul and Add")
    order = np.arange(math.prod(x.shape)).reshape(x.shape)
    if x.position == 0:
        matrix = raw_constant(b, "B")
        rows, weight = (order.T if transA else order), (matrix if transB else matrix.T)
    else:
        matrix = raw_constant(a, "A")
        rows, weight = (order if transB else order.T), (matrix.T if transA else matrix)
    made = _product(rows, np.multiply(alpha, weight, dtype=np.float64, order="C"))
    index = made.out_index if x.position == 0 else made.out_index.T
    bias = None
    if c is not None:
        try:
            full = np.broadcast_to(beta * constant(c, "C"), index.shape)
        except ValueError as error:
            raise UnsupportedError(
                f"C of shape {list(np.shape(c))} does not broadcast to {list(index.shape)}",
                hint="transpose or reshape C to fit",
            ) from error
        by_row = full if x.position == 0 else full.T
        if (by_row != by_row[:1]).any():
            raise UnsupportedError("C differs from row to row", hint="use MatMul and Add")
        bias = np.ascontiguousarray(by_row[0])
    return replace(made, bias=bias, out_index=index)


def matmul(x: Tensor, a: Array | None = None, b: Array | None = None) -> Reading:
    """Read MatMul with one constant operand of rank 2 (or of leading axes 1)."""
    matrix = raw_constant(b if x.position == 0 else a, "one operand")
    if matrix.ndim < 2 or len(x.shape) < 2 or math.prod(matrix.shape[:-2]) != 1:
        raise UnsupportedError(
            f"constant operand of shape {list(matrix.shape)} with an input of shape {list(x.shape)}",
            hint="one constant matrix [K, N] is supported",
        )
    lead = (1,) * max(0, matrix.ndim - len(x.shape)) + x.shape[:-2]
    matrix = matrix.reshape(matrix.shape[-2:])
    outer = int(matrix.shape[1 if x.position == 0 else 0])
    order: Int64Array = np.arange(math.prod(x.shape)).reshape(x.shape)
    if x.position == 0:
        image = len(x.shape) == 4 and min(x.shape[1:3]) > 1
        made = _product(order.reshape(-1, order.shape[-1]), matrix.T, rows=x.shape[1] if image else 1)
        index = made.out_index.reshape(*lead, order.shape[-2], outer)
    else:
        order = order.swapaxes(-1, -2)
        made = _product(order.reshape(-1, order.shape[-1]), matrix)
        index = made.out_index.reshape(*lead, order.shape[-2], outer).swapaxes(-1, -2)
    return replace(made, out_index=index)


def _product(features: Int64Array, weight: Array, rows: int = 1) -> Reading:
    """Return ``[P, K] x weight[N, K].T`` where ``features`` holds the input's flat indices, of ``rows`` rows."""
    count, inner = features.shape
    if weight.ndim != 2 or weight.shape[1] != inner or weight.size == 0:
        raise UnsupportedError(
            f"{inner} features do not fit a matrix of shape {list(weight.shape)}",
            hint=f"its shape must be [{inner}, N], or transposed with transB (transA)",
        )
    outer = weight.shape[0]
    check_axis(count, 1, 1, 1)
    check_size((count, outer), "its output")
    geometry = dense_geometry(inner, outer)
    if count > 1:
        y = AxisTaps(1, 1, (((0, 0),),)) if rows == 1 else conv_axis(rows, 1, 1, 1, (0, 0))
        geometry = LinearGeometry(y, conv_axis(count // rows, 1, 1, 1, (0, 0)), inner, outer)
    index = np.arange(count * outer).reshape(count, outer)
    kind = "dense" if count == 1 else "conv"
    return Reading(
        Linear(kind, geometry, np.ascontiguousarray(weight, np.float64)[None]), None, features.ravel(), index
    )


def reshape(layer: Layer, shape: Shape) -> Layer:
    """See the features as an image, channels innermost."""
    return replace(layer, shape=shape, probe=replace(layer.probe, shape=shape))


KIND = Kind("dense", {"Gemm": gemm, "MatMul": matmul}, select_outputs, reshape, absorbs_input_order=True)
