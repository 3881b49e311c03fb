"""The product of two tensors, element by element, or of a map and a vector or plane: gates, squeeze and excitation.

In integers ``(a - z_a) (b - z_b)``, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from gan2hls.fabric import Product
from gan2hls.kinds import pairs
from gan2hls.kinds.base import Kind, StreamReading
from gan2hls.kinds.pairs import PairUnit, Spread, gathered, pair_fits, spread_out
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops import (
    IntWeight,
    Operation,
    Parameter,
    Program,
    Shape,
    Sizes,
    StreamOperation,
    Unit,
    UnitCost,
)
from gan2hls.timing import Block, Stream, join


@final
@dataclass(frozen=True)
class Mul(Operation):
    """``a * b``, of which ``b`` may be spread over ``a``."""

    spread: Spread = ""
    kind: ClassVar[str] = "mul"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 in the shape of ``a``."""
        a, b = spread_out(self.spread, *inputs)
        products: Float32Array = (a * b).reshape(inputs[0].shape)
        return products

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input: that at the product, times the other one."""
        a, b = spread_out(self.spread, *inputs)
        whole, _ = spread_out(self.spread, gradient, inputs[1])
        return gathered(inputs, [whole * b, whole * a])

    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntMul, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        assert weight is None, "a product of two tensors has no weights"
        a, b = inputs
        return IntMul(self.spread), np.array([a.scale * b.scale])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        return pair_fits(inputs, shape, self.spread)


@final
@dataclass(frozen=True)
class IntMul(PairUnit, StreamOperation):
    """``(a - z_a) * (b - z_b)``, exactly."""

    spread: Spread = ""
    kind: ClassVar[str] = "mul"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes ``[N, H, W, C]`` of ``a``, and as many as there are of ``b``."""
        del acc_type
        a_type, b_type = inputs

        def run(a: Int64Array, b: Int64Array) -> Int64Array:
            whole, part = spread_out(self.spread, a - a_type.zero_point, b - b_type.zero_point)
            return (whole * part).reshape(a.shape)

        return run

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""
        a, b = (given.centred for given in inputs)
        corners = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        return min(0, *corners), max(0, *corners)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check that it has two inputs."""
        del channels
        assert len(inputs) == 2, f"{len(inputs)} inputs"

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[Stream], frames: int
    ) -> tuple[tuple[Block, ...], Stream]:
        """Return the registers of operands and of products, and the accumulators."""
        made, operands = super().blocks(sizes, name, streams, frames)
        out = Stream(f"{name}.product", operands.beats)
        return (*made, join((operands,), out)), out

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_mul``."""
        own: dict[str, Parameter] = {"OperandBits": max(given.centred.signed_bits for given in sizes.inputs)}
        return Unit("g2h_mul", self.rtl_parameters(sizes) | own)

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``mul``."""
        constants = self.hls_constants(sizes)
        constants |= {f"{n}_TERM_BITS": given.centred.signed_bits for n, given in zip("AB", sizes.inputs, strict=True)}
        return Unit("mul", constants, cycles=self.interval(sizes))

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return its products, which have their registers."""
        a, b = (given.centred.signed_bits for given in sizes.inputs)
        return self.pair_cost(sizes, UnitCost((Product(a, b),)))


def mul(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> StreamReading:
    """Read Mul of two computed tensors."""
    form = pairs.pair_form(shapes, shape)
    return form.reading(Mul(form.spread))


KIND = Kind("mul", {}, pairs.reorder, pairs.reshape, passes_order_on=True, joins={"Mul": mul}, saved=IntMul)
