"""The sum or difference of two tensors, or of a map and a vector or plane: what ends a residual block.

In integers ``m_a (a - z_a) + m_b (b - z_b)``: small whole factors bring both tensors to one step, so each keeps a scale
of its own and nothing is rounded before the requantizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from gan2hls.kinds import pairs
from gan2hls.kinds.base import Kind, StreamReading
from gan2hls.kinds.operands import check_factors, common_step, ends, terms_cost
from gan2hls.kinds.pairs import PairUnit, Spread, gathered, pair_fits, spread_out
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops import IntWeight, Operation, Program, Shape, Sizes, StreamOperation, Unit, UnitCost


@final
@dataclass(frozen=True)
class Add(Operation):
    """``factors[0] * a + factors[1] * b``, of which ``b`` may be spread over ``a``."""

    factors: tuple[float, float] = (1.0, 1.0)
    spread: Spread = ""
    kind: ClassVar[str] = "add"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 in the shape of ``a``."""
        p, q = (np.float32(factor) for factor in self.factors)
        a, b = spread_out(self.spread, *inputs)
        sums: Float32Array = (p * a + q * b).reshape(inputs[0].shape)
        return sums

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input."""
        whole, _ = spread_out(self.spread, gradient, inputs[1])
        return gathered(inputs, [np.float32(factor) * whole for factor in self.factors])

    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntAdd, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        assert weight is None, "an addition has no weights"
        (a, b), step = common_step(inputs, self.factors)
        return IntAdd((a, b), self.spread), np.array([step])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        return pair_fits(inputs, shape, self.spread)


@final
@dataclass(frozen=True)
class IntAdd(PairUnit, StreamOperation):
    """``factors[0] * (a - z_a) + factors[1] * (b - z_b)``, exactly."""

    factors: tuple[int, int]
    spread: Spread = ""
    kind: ClassVar[str] = "add"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes ``[N, H, W, C]`` of ``a``, and as many as there are of ``b``."""
        del acc_type
        (p, q), (a_type, b_type) = self.factors, inputs

        def run(a: Int64Array, b: Int64Array) -> Int64Array:
            whole, part = spread_out(self.spread, p * (a - a_type.zero_point), q * (b - b_type.zero_point))
            return (whole + part).reshape(a.shape)

        return run

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
        a, b = self.factors
        return Unit("g2h_add", self.rtl_parameters(sizes) | {"AFactor": a, "BFactor": b})

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``add``."""
        constants = self.hls_constants(sizes) | pairs.hls_factors(sizes, self.factors)
        return Unit("add", constants, cycles=self.interval(sizes))

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return the adders and registers of its operands, and the adder of their sum."""
        bits = sizes.acc_type.signed_bits
        terms = terms_cost(self.factors, bits)
        return self.pair_cost(sizes, replace(terms, lut=terms.lut + bits))


def add(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Add of two computed tensors."""
    return _read(shapes, shape, (1.0, 1.0))


def sub(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Sub of two computed tensors."""
    return _read(shapes, shape, (1.0, -1.0))


def _read(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...], factors: tuple[float, float]) -> StreamReading:
    found = pairs.pair_form(shapes, shape)
    return found.reading(Add(factors[::-1] if found.swapped else factors, found.spread))


KIND = Kind(
    "add",
    {},
    pairs.reorder,
    pairs.reshape,
    passes_order_on=True,
    joins={"Add": add, "Sub": sub},
    saved=IntAdd,
)
