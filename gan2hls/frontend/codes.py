"""Computed tensors between QuantizeLinear and DequantizeLinear: codes, until the whole group becomes one quantizer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from onnx import TensorProto, helper

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.naming import type_name
from gan2hls.frontend.quantizers import MOST_ACTIVATION_BITS, integer_bounds, levels, scale_of, zero_point_of
from gan2hls.kinds import Array
from gan2hls.model import Affine, Curve, Point


@final
@dataclass(frozen=True)
class Codes:
    """What a tensor of codes between QuantizeLinear and DequantizeLinear means.

    Attributes:
        source: the nodes so far.
        scale: of the QuantizeLinear.
        zero_point: of the QuantizeLinear.
        lo: least code.
        hi: greatest code.
        truncates: whether the codes are cut toward zero, by a Cast, and not rounded.
    """

    source: str
    scale: float
    zero_point: int
    lo: int
    hi: int
    truncates: bool = False

    def clipped(self, lo: Array | None, hi: Array | None, source: str) -> Codes:
        """Return the codes after Clip."""
        low = self.lo if lo is None else max(self.lo, int(np.asarray(lo).reshape(-1)[0]))
        high = self.hi if hi is None else min(self.hi, int(np.asarray(hi).reshape(-1)[0]))
        if low >= high:
            raise ModelError(
                f"clips the codes {self.lo}..{self.hi} to {low}..{high}", hint="two codes or more must be left"
            )
        return replace(self, lo=low, hi=high, source=f"{self.source} + {source}")

    def cast(self, elem: int) -> Codes:
        """Return the codes after Cast to the element type ``elem``, which must hold them all."""
        bounds = integer_bounds(np.dtype(helper.tensor_dtype_to_np_dtype(elem)))
        if bounds is None or not bounds[0] <= self.lo <= self.hi <= bounds[1]:
            raise UnsupportedError(
                f"casts the codes {self.lo}..{self.hi} to {type_name(elem)}",
                hint="codes may only be cast to integers that hold every code",
            )
        return self

    def points(self, scale: Array | None, zero_point: Array | None) -> tuple[Point, ...]:
        """Return the points of the whole group, which DequantizeLinear ends with its own scale and zero point.

        QuantizeLinear rounds half to even before it adds the zero point.
        """
        step, zero = scale_of(scale), 0 if zero_point is None else zero_point_of(zero_point)
        if self.truncates:
            return self._truncating(step, zero)
        made = levels(step, zero, self.lo, self.hi, ties="odd" if self.zero_point % 2 else "even")
        if step == self.scale and zero == self.zero_point:
            return made
        ratio = step / self.scale
        moved = Affine(np.array([ratio]), np.array([step * (self.zero_point - zero)]))
        return (moved, *made)

    def numbers(self) -> tuple[Point, ...]:
        """Return the points of the whole group where its codes are the numbers that are wanted."""
        return self.points(np.ones(1), None)

    def _truncating(self, step: float, zero: int) -> tuple[Point, ...]:
        """Return a cut toward zero: a floor where no code is negative, else a curve that ends on whole numbers."""
        scaled = (Affine(np.array([step]), np.array([-step * zero])),) if (step, zero) != (1.0, 0) else ()
        if self.lo >= 0:
            return (*scaled, *levels(step, zero, self.lo, self.hi, shift=-0.5))
        return (Curve("trunc"), *scaled, *levels(step, zero, self.lo, self.hi))


def truncated(elem: int, source: str) -> Codes:
    """Read a Cast of a computed tensor to the integers of type ``elem``; what they do not hold saturates."""
    bounds = None if elem == TensorProto.BOOL else integer_bounds(np.dtype(helper.tensor_dtype_to_np_dtype(elem)))
    if bounds is None or bounds[1] - bounds[0] >= 1 << MOST_ACTIVATION_BITS:
        raise UnsupportedError(
            f"casts to {type_name(elem)}",
            hint="cast to UINT8, INT8, UINT16 or INT16, or leave the Cast out; give the embedded vector as the input "
            "instead of a label",
        )
    return Codes(source, 1.0, 0, *bounds, truncates=True)


def quantize_linear(
    elem: int, source: str, scale: Array | None, zero_point: Array | None, *, axis: int = 1, block_size: int = 0,
    saturate: int = 1, output_dtype: int = 0, precision: int = 0,
) -> Codes:  # fmt: skip
    """Read QuantizeLinear of a computed tensor, whose codes have the element type ``elem``."""
    del axis, block_size, saturate, output_dtype, precision  # one scale for the tensor; integers always saturate
    dtype = helper.tensor_dtype_to_np_dtype(elem)
    bounds = integer_bounds(dtype)
    if bounds is None:
        raise UnsupportedError(f"quantizes to {dtype}", hint="quantize to integers of at most 16 bits")
    zero = 0 if zero_point is None else zero_point_of(zero_point)
    return Codes(source, scale_of(scale), zero, *bounds)
