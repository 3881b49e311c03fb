"""The sum or difference of two tensors, element by element: what ends a residual block.

In integers ``m_a (a - z_a) + m_b (b - z_b)``: small whole factors bring both tensors to one step, so each keeps a scale
of its own and nothing is rounded before the requantizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from gan2hls.kinds import pointwise
from gan2hls.kinds.base import Kind, StreamReading, check_alike
from gan2hls.kinds.operands import check_factors, common_step, ends, term_type
from gan2hls.numbers import Float32Array, FloatArray, IntType, QuantType
from gan2hls.ops import IntWeight, Operation, Parameter, Program, Shape, Sizes, StreamOperation, Unit, UnitCost


@final
@dataclass(frozen=True)
class Add(Operation):
    """``factors[0] * a + factors[1] * b`` of two tensors of one shape."""

    factors: tuple[float, float] = (1.0, 1.0)
    kind: ClassVar[str] = "add"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 in the shape of ``a``."""
        a, b = inputs
        p, q = (np.float32(factor) for factor in self.factors)
        sums: Float32Array = p * a + q * b.reshape(a.shape)
        return sums

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input."""
        del inputs
        return tuple(np.float32(factor) * gradient for factor in self.factors)

    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntAdd, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        assert weight is None, "an addition has no weights"
        (a, b), step = common_step(inputs, self.factors)
        return IntAdd((a, b)), np.array([step])

    def verify(self, inputs: Sequence[Shape], shape: Shape) -> None:
        """Check the shapes of the streams.

        Raises:
            AssertionError: they differ, or there are not two.
        """
        a, b = inputs
        assert a == b == shape, f"{a} and {b} become {shape}"


@final
@dataclass(frozen=True)
class IntAdd(StreamOperation):
    """``factors[0] * (a - z_a) + factors[1] * (b - z_b)``, exactly."""

    factors: tuple[int, int]
    kind: ClassVar[str] = "add"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes ``[N, H, W, C]``."""
        del acc_type
        (p, q), (a_type, b_type) = self.factors, inputs
        return lambda a, b: p * (a - a_type.zero_point) + q * (b - b_type.zero_point)

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""
        (low_a, high_a), (low_b, high_b) = map(ends, self.factors, inputs)
        return min(0, low_a + low_b), max(0, high_a + high_b)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its factors.

        Raises:
            AssertionError: beyond ``MOST_FACTOR``, or not two inputs.
        """
        del channels
        check_factors(self.factors, inputs)

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_add``."""
        parameters: dict[str, Parameter] = {"Lanes": sizes.lanes, "AccBits": sizes.acc_type.signed_bits}
        for name, factor, given in zip("AB", self.factors, sizes.inputs, strict=True):
            parameters |= {
                f"{name}Bits": given.int_type.bits,
                f"{name}Signed": given.int_type.signed,
                f"{name}ZeroPoint": given.zero_point,
                f"{name}Factor": factor,
            }
        return Unit("g2h_add", parameters)

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``add``."""
        constants: dict[str, Parameter] = {}
        for name, factor, given in zip("AB", self.factors, sizes.inputs, strict=True):
            constants |= {
                f"{name}_BITS": given.int_type.bits,
                f"{name}_SIGNED": given.int_type.signed,
                f"{name}_ZERO_POINT": given.zero_point,
                f"{name}_FACTOR": factor,
                f"{name}_TERM_BITS": term_type(factor, given).signed_bits,
            }
        return Unit("add", constants)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its LUTs: an adder for each set bit of a factor, and one for each zero point."""
        adders = sum(abs(factor).bit_count() + 1 for factor in self.factors) - 1
        return UnitCost(lut=adders * sizes.acc_type.signed_bits * sizes.lanes)


def add(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Add of two computed tensors."""
    check_alike(shapes, shape)
    return StreamReading(Add())


def sub(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Sub of two computed tensors."""
    check_alike(shapes, shape)
    return StreamReading(Add((1.0, -1.0)))


KIND = Kind(
    "add",
    {},
    pointwise.reorder,
    pointwise.reshape,
    passes_order_on=True,
    joins={"Add": add, "Sub": sub},
    saved=IntAdd,
)
