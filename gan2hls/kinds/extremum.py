"""The lesser or the greater of two tensors, element by element, or of a map and a vector or plane.

In integers of ``m_a (a - z_a)`` and ``m_b (b - z_b)``, by whole factors as a sum has them.
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
class Extremum(Operation):
    """The greater one of ``a`` and ``b``, or the lesser, of which ``b`` may be spread over ``a``."""

    greater: bool
    spread: Spread = ""
    kind: ClassVar[str] = "extremum"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 in the shape of ``a``."""
        made: Float32Array = _choice(self.greater)(*spread_out(self.spread, *inputs)).reshape(inputs[0].shape)
        return made

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input: where it is chosen, that at what the points act on."""
        a, b = spread_out(self.spread, *inputs)
        whole, _ = spread_out(self.spread, gradient, inputs[1])
        first = (a > b) == self.greater
        return gathered(inputs, [whole * first, whole * ~first])

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntExtremum, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        assert weight is None, "a choice has no weights"
        (a, b), step = common_step(inputs, (1.0, 1.0))
        return IntExtremum((a, b), self.greater, self.spread), np.array([step])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        return pair_fits(inputs, shape, self.spread)


def _choice(greater: bool) -> np.ufunc:
    return np.maximum if greater else np.minimum


@final
@dataclass(frozen=True)
class IntExtremum(PairUnit, StreamOperation):
    """The greater one of ``factors[0] * (a - z_a)`` and ``factors[1] * (b - z_b)``, or the lesser."""

    factors: tuple[int, int]
    greater: bool
    spread: Spread = ""
    kind: ClassVar[str] = "extremum"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes ``[N, H, W, C]`` of ``a``, and as many as there are of ``b``."""
        del acc_type
        (p, q), (a_type, b_type) = self.factors, inputs

        def run(a: Int64Array, b: Int64Array) -> Int64Array:
            terms = spread_out(self.spread, p * (a - a_type.zero_point), q * (b - b_type.zero_point))
            made: Int64Array = _choice(self.greater)(*terms).reshape(a.shape)
            return made

        return run

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return an interval of every term, and so of every accumulator, for inputs of these types, 0 included."""
        found = [end for pair in map(ends, self.factors, inputs) for end in pair]
        return min(0, *found), max(0, *found)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its factors.

        Raises:
            AssertionError: beyond what hardware has, or not two inputs.
        """
        del channels
        assert len(inputs) == 2, f"{len(inputs)} inputs"
        check_factors(self.factors, inputs)

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_extremum``."""
        a, b = self.factors
        own = {"Greater": self.greater, "AFactor": a, "BFactor": b}
        return Unit("g2h_extremum", self.rtl_parameters(sizes) | own)

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``extremum``."""
        constants = self.hls_constants(sizes) | pairs.hls_factors(sizes, self.factors)
        return Unit("extremum", constants | {"GREATER": self.greater}, cycles=self.interval(sizes))

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return the adders and registers of its operands, a comparison and a choice."""
        bits = sizes.acc_type.signed_bits
        terms = terms_cost(self.factors, bits)
        return self.pair_cost(sizes, replace(terms, lut=terms.lut + 2 * bits))


def least(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Min of two computed tensors."""
    form = pairs.pair_form(shapes, shape)
    return form.reading(Extremum(greater=False, spread=form.spread))


def greatest(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Max of two computed tensors."""
    form = pairs.pair_form(shapes, shape)
    return form.reading(Extremum(greater=True, spread=form.spread))


KIND = Kind(
    "extremum",
    {},
    pairs.reorder,
    pairs.reshape,
    passes_order_on=True,
    joins={"Min": least, "Max": greatest},
    saved=IntExtremum,
)
