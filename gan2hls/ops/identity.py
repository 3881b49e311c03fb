"""The operation that does nothing: a layer of points alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.weights import IntWeight


@final
@dataclass(frozen=True)
class Identity:
    """Its one input as it is: a layer of points alone."""

    kind: ClassVar[str] = "pointwise"

    def sums_shape(self, shape: Shape) -> Shape:
        """Return ``(H, W, C)`` of what the points act on, where the output has ``shape``."""
        return shape

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on: frames in the shape in which they come."""
        (x,) = inputs
        return x

    def backward(self, gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input of that at what the points act on."""
        return (gradient,)

    def channels(self, shape: Shape) -> int:
        """Return what the points behind it distinguish, of an output of ``shape``: its channels."""
        return shape[2]

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntIdentity, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        (given,) = inputs
        assert weight is None, "an identity has no weights"
        return IntIdentity(), np.array([given.scale])

    def verify(self, inputs: Sequence[Shape], shape: Shape) -> None:
        """Check the shapes of the streams that it reads and makes.

        Raises:
            AssertionError: they differ in size.
        """
        (given,) = inputs
        assert np.prod(given) == np.prod(shape), f"{given} becomes {shape}"


@final
@dataclass(frozen=True)
class IntIdentity:
    """The code of its one input less its zero point."""

    kind: ClassVar[str] = "pointwise"
    useful_macs: ClassVar[int] = 0

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Callable[[Int64Array], Int64Array]:
        """Return what computes accumulators of codes ``[N, H, W, C]``."""
        del acc_type
        (given,) = inputs
        return lambda codes: codes - given.zero_point

    def in_raster(self, codes: Int64Array) -> Int64Array:
        """Return codes of accumulators in the order of the output stream, in which they are."""
        return codes

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""
        (given,) = inputs
        return min(0, given.centred.lo), max(0, given.centred.hi)

    def verify(self, channels: int) -> None:
        """Accept any number of requantized channels."""
