"""Integers inside of a region of floats: float64 numbers without a fraction, NaN where there is no value.

Arithmetic wraps at the ends of the type, as ONNX Runtime's does; a Cast of floats saturates there, which ONNX leaves
open.  INT64 and UINT64 do not wrap: they are exact to 2^53.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

Array = npt.NDArray[Any]

#: Bits of integer types, and whether they have a sign.
WHOLE: Mapping[int, tuple[int, bool]] = {
    TensorProto.INT8: (8, True),
    TensorProto.INT16: (16, True),
    TensorProto.INT32: (32, True),
    TensorProto.INT64: (64, True),
    TensorProto.UINT8: (8, False),
    TensorProto.UINT16: (16, False),
    TensorProto.UINT32: (32, False),
    TensorProto.UINT64: (64, False),
}
_FLOAT64_BITS = 53


def _ends(elem: int) -> tuple[float, float]:
    bits, signed = WHOLE[elem]
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)


def wrapped(x: Array, elem: int) -> Array:
    """Return integers modulo the range of type ``elem``."""
    bits, _ = WHOLE[elem]
    low, _ = _ends(elem)
    return x if bits > _FLOAT64_BITS else np.mod(x - low, 2.0**bits) + low


def saturated(x: Array, elem: int) -> Array:
    """Return numbers cut toward zero, within the range of type ``elem``."""
    return np.clip(np.trunc(x), *_ends(elem))


def divide(x: Array, y: Array) -> Array:
    """Return exact quotients, cut toward zero; NaN by 0."""
    return np.asarray((x - np.fmod(x, y)) / y)


def power(x: Array, y: Array) -> Array:
    """Return powers, cut toward zero."""
    return np.trunc(np.power(x, y))


def _of_bits(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return ``function`` of the bits of integers."""

    def made(*values: Array) -> Array:
        bits = function(*(np.nan_to_num(value).astype(np.int64) for value in values))
        return np.where(np.isfinite(sum(values)), bits.astype(np.float64), np.nan)

    return made


#: Operators of integers alone.
BITWISE: Mapping[str, Callable[..., Array]] = {
    "BitwiseAnd": _of_bits(np.bitwise_and),
    "BitwiseNot": _of_bits(np.invert),
    "BitwiseOr": _of_bits(np.bitwise_or),
    "BitwiseXor": _of_bits(np.bitwise_xor),
}
#: What operators do otherwise with integers.
OF_WHOLE: Mapping[str, Callable[..., Array]] = {"Div": divide, "Pow": power}
