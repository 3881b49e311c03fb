"""Quantizers on constants: exactly what ONNX Runtime and QONNX compute, after checking what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import helper

from gan2hls.base import ModelError
from gan2hls.frontend.quantizers import (
    MOST_BITS,
    check_bits,
    check_divisor,
    check_finite_scale,
    check_rounding,
    check_zero_point,
    integer_bounds,
)

Array = npt.NDArray[Any]


def quantize_linear(
    x: Array,
    scale: Array,
    zero_point: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    saturate: int = 1,
    output_dtype: int = 0,
    precision: int = 0,
) -> Array | None:
    """Return the codes of ``x``, or None for types that are no integers; ties to even, as ONNX says."""
    del saturate, precision
    if zero_point is not None:
        dtype = zero_point.dtype
    else:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(output_dtype) if output_dtype else np.uint8)
    bounds = integer_bounds(dtype)
    if bounds is None:
        return None
    check_divisor(scale)
    step = _spread(scale, x.shape, axis, block_size, "its scale").astype(np.float32)
    codes = np.rint(x.astype(np.float32) / step)
    if zero_point is not None:
        codes += _spread(zero_point, x.shape, axis, block_size, "its zero point").astype(np.float32)
    return _to_integers(np.clip(codes, *bounds).astype(np.int32), dtype)


def dequantize_linear(
    x: Array,
    scale: Array,
    zero_point: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Array | None:
    """Return the reals of the codes ``x``, or None for codes that are no integers.

    A scale may have either sign, and be 0 where all is: ONNX Runtime scales blocks so that the greatest weight is -8.
    """
    if integer_bounds(x.dtype) is None:
        return None
    check_finite_scale(scale)
    step = _spread(scale, x.shape, axis, block_size, "its scale").astype(np.float32)
    codes = _integers(x)
    if zero_point is not None:
        offset = _spread(zero_point, x.shape, axis, block_size, "its zero point")
        if zero_point.astype(np.int64).any():
            if zero_point.dtype != x.dtype:
                raise ModelError(f"its zero point is {zero_point.dtype}, its codes {x.dtype}", hint="they must agree")
            codes = codes - _integers(offset)
    made = codes.astype(np.float32) * step
    return made.astype(helper.tensor_dtype_to_np_dtype(output_dtype) if output_dtype else scale.dtype, copy=False)


def _integers(x: Array) -> Array:
    """Return integers in a type whose differences cannot overflow."""
    return x.astype(np.int64 if x.dtype.itemsize >= 4 else np.int32)


def _to_integers(codes: Array, dtype: np.dtype[Any]) -> Array:
    return codes.astype(dtype) if dtype.kind in "iu" else codes.astype(np.int8).astype(dtype)


def _spread(value: Array, shape: tuple[int, ...], axis: int, block: int, what: str) -> Array:
    """Return a parameter per tensor, per channel of ``axis`` or per block of ``axis``, ready to broadcast to ``shape``.

    Raises:
        ModelError: it fits ``shape`` in none of these ways.
    """
    if block == 0 and value.size == 1:
        return value.reshape(())
    if not -len(shape) <= axis < len(shape):
        raise ModelError(f"has axis {axis}", hint=f"legal: {-len(shape)}..{len(shape) - 1} for shape {list(shape)}")
    axis %= len(shape)
    if block < 0:
        raise ModelError(f"has blocks of {block}", hint="block_size must be 0 or more")
    if block == 0 and value.shape == (shape[axis],):
        return value.reshape(-1, *(1,) * (len(shape) - 1 - axis))
    blocks = (*shape[:axis], -(-shape[axis] // block), *shape[axis + 1 :]) if block else ()
    if block and value.shape == blocks:
        index = [slice(None)] * len(shape)
        index[axis] = slice(0, shape[axis])
        return np.repeat(value, block, axis=axis)[tuple(index)]
    legal = f"{list(blocks)} for blocks of {block}" if block else f"one number, or {[shape[axis]]}"
    raise ModelError(
        f"{what} has shape {list(value.shape)}, its tensor {list(shape)}",
        hint=f"along axis {axis} legal is {legal}; give it that shape, or another axis or block_size",
    )


def quant(
    x: Array,
    scale: Array,
    zero_point: Array,
    bits: Array,
    *,
    signed: int = 1,
    narrow: int = 0,
    rounding_mode: str = "ROUND",
) -> Array:
    """Return Quant or IntQuant of ``x``."""
    from qonnx.custom_op.general.intquant import int_quant  # takes long to import

    check_divisor(scale)
    check_zero_point(zero_point)
    for value, what in ((scale, "its scale"), (zero_point, "its zero point")):
        _check_broadcast(value, x.shape, what)
    width = np.asarray(check_bits(bits, MOST_BITS), np.float32)
    mode = check_rounding(rounding_mode)
    return _like(int_quant(x, scale, zero_point, width, bool(signed), bool(narrow), mode), x)


def bipolar_quant(x: Array, scale: Array) -> Array:
    """Return BipolarQuant of ``x``."""
    from qonnx.custom_op.general.bipolar_quant import binary_quant

    check_divisor(scale)
    _check_broadcast(scale, x.shape, "its scale")
    return _like(binary_quant(x, scale), x)


def trunc(
    x: Array,
    scale: Array,
    zero_point: Array,
    in_bits: Array,
    *more: Array,
    rounding_mode: str = "FLOOR",
    signed: int = 1,
    narrow: int = 0,
) -> Array:
    """Return Trunc of ``x``: version 2 has an output scale among ``more``, version 1 only the output's width."""
    from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

    if len(more) not in (1, 2):
        raise ModelError(f"has {4 + len(more)} inputs", hint="Trunc has 5 inputs, or 6 since version 2")
    check_divisor(scale)
    check_zero_point(zero_point)
    before, after = (np.asarray(check_bits(bits, MOST_BITS), np.float32) for bits in (in_bits, more[-1]))
    mode = check_rounding(rounding_mode)
    if len(more) == 1:
        return _like(trunc_v1(x, scale, zero_point, before, after, mode), x)
    if (check_divisor(more[0], "its output scale") * check_divisor(scale) < 0).any():
        raise ModelError("its two scales differ in sign", hint="give the output scale the sign of the input's")
    return _like(trunc_v2(x, scale, zero_point, before, bool(narrow), bool(signed), more[0], after, mode), x)


def _check_broadcast(value: Array, shape: tuple[int, ...], what: str) -> None:
    try:
        fits = np.broadcast_shapes(value.shape, shape) == tuple(shape)
    except ValueError:
        fits = False
    if not fits:
        raise ModelError(
            f"{what} has shape {list(value.shape)}, its tensor {list(shape)}",
            hint="it must broadcast to the tensor: one number, or 1 along all axes but the channels'",
        )


def _like(value: Any, x: Array) -> Array:
    return np.asarray(value).astype(x.dtype, copy=False)


#: How quantizers of constants are computed: ``(*inputs, **attributes) -> array``, None for onnx's own evaluator.
QDQ_EVALUATORS: Mapping[str, Callable[..., Array | None]] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
}
QONNX_EVALUATORS: Mapping[str, Callable[..., Array]] = {
    "Quant": quant,
    "IntQuant": quant,
    "BipolarQuant": bipolar_quant,
    "Trunc": trunc,
}
