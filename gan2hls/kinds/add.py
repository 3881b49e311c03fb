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
from gan2hls.kinds.base import Kind
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops import IntWeight, Operation, Program, Shape, Sizes, StreamOperation, Unit, UnitCost

#: Greatest factor of an operand: 12 bits.
MOST_FACTOR = (1 << 12) - 1
#: How far whole factors may move an operand at its ends, in steps of the coarser one.
_TOLERANCE = 1 / 32


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
        steps = np.array([factor * given.scale for factor, given in zip(self.factors, inputs, strict=True)])
        reach = np.array([max(abs(given.centred.lo), abs(given.centred.hi)) for given in inputs])
        factors, step = whole_factors(steps, reach)
        a, b = factors
        return IntAdd((a, b)), np.array([step])

    def verify(self, inputs: Sequence[Shape], shape: Shape) -> None:
        """Check the shapes of the streams.

        Raises:
            AssertionError: they differ, or there are not two.
        """
        a, b = inputs
        assert a == b == shape, f"{a} and {b} become {shape}"


def whole_factors(steps: FloatArray, reach: Int64Array) -> tuple[tuple[int, ...], float]:
    """Return the least whole factors by which operands of different steps add up, and the step of their sum.

    Args:
        steps: float64 ``[N]``, what a code of 1 of each operand adds to the sum; any sign, not all 0.
        reach: int64 ``[N]``, the greatest magnitude of each operand's codes less its zero point.

    Returns:
        Factors of the signs of ``steps``, of which each operand is ``factor * step`` within ``_TOLERANCE`` steps of the
        coarsest at its ends, or as near as factors up to ``MOST_FACTOR`` come.
    """
    coarsest = float(np.abs(steps).max())
    step = coarsest / np.arange(1, MOST_FACTOR + 1)
    factors = np.rint(steps / step[:, None])
    off = np.abs(steps - factors * step[:, None]) * reach
    worst = off.max(axis=1) / coarsest
    near = np.flatnonzero(worst <= _TOLERANCE)
    chosen = int(near[0]) if near.size else int(worst.argmin())
    return tuple(int(factor) for factor in factors[chosen]), float(step[chosen])


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
        ends = [
            sorted((factor * given.centred.lo, factor * given.centred.hi))
            for factor, given in zip(self.factors, inputs, strict=True)
        ]
        return min(0, sum(low for low, _ in ends)), max(0, sum(high for _, high in ends))

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its factors.

        Raises:
            AssertionError: beyond ``MOST_FACTOR``, or not two inputs.
        """
        del channels
        assert len(inputs) == 2, f"{len(inputs)} inputs"
        assert all(abs(factor) <= MOST_FACTOR for factor in self.factors), f"factors {self.factors}"

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_add``."""
        parameters: dict[str, int | bool] = {"Lanes": sizes.lanes, "AccBits": sizes.acc_type.signed_bits}
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
        constants: dict[str, int | bool] = {}
        for name, factor, given in zip("AB", self.factors, sizes.inputs, strict=True):
            constants |= {
                f"{name}_BITS": given.int_type.bits,
                f"{name}_SIGNED": given.int_type.signed,
                f"{name}_ZERO_POINT": given.zero_point,
                f"{name}_FACTOR": factor,
                f"{name}_TERM_BITS": _term_type(factor, given.centred).signed_bits,
            }
        return Unit("add", constants)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its LUTs: an adder for each set bit of a factor, and one for each zero point."""
        adders = sum(abs(factor).bit_count() + 1 for factor in self.factors) - 1
        return UnitCost(lut=adders * sizes.acc_type.signed_bits * sizes.lanes)


def _term_type(factor: int, centred: IntType) -> IntType:
    """Return the type of codes less their zero point, and of those times ``factor``."""
    ends = [scale * end for scale in (1, factor) for end in (centred.lo, centred.hi)]
    return IntType.covering(min(0, *ends), max(0, *ends))


def add(*_: object) -> Add:
    """Read Add of two computed tensors."""
    return Add()


def sub(*_: object) -> Add:
    """Read Sub of two computed tensors."""
    return Add((1.0, -1.0))


KIND = Kind(
    "add",
    {},
    pointwise.reorder,
    pointwise.reshape,
    passes_order_on=True,
    joins={"Add": add, "Sub": sub},
    saved=IntAdd,
)
