"""The operation that does nothing: a layer of points alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from gan2hls.numbers import Float32Array, FloatArray, IntType, QuantType
from gan2hls.ops.operation import Operation
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.stream_operation import Program, Sizes, StreamOperation, Unit
from gan2hls.ops.weights import IntWeight
from gan2hls.timing import Block, Stream


@final
@dataclass(frozen=True)
class Identity(Operation):
    """Its one input as it is: a layer of points alone."""

    kind: ClassVar[str] = "pointwise"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on: frames in the shape in which they come."""
        (x,) = inputs
        return x

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at the input: that at what the points act on."""
        del inputs
        return (gradient,)

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntIdentity, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        (given,) = inputs
        assert weight is None, "an identity has no weights"
        return IntIdentity(), np.array([given.scale])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        (given,) = inputs
        return math.prod(given) == math.prod(shape)


@final
@dataclass(frozen=True)
class IntIdentity(StreamOperation):
    """The code of its one input less its zero point."""

    kind: ClassVar[str] = "pointwise"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes ``[N, H, W, C]``."""
        del acc_type
        (given,) = inputs
        return lambda codes: codes - given.zero_point

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""
        (given,) = inputs
        return min(0, given.centred.lo), max(0, given.centred.hi)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check that it has one input; any number of channels will do."""
        del channels
        assert len(inputs) == 1, f"{len(inputs)} inputs"

    def by_frames(self, frames: int) -> IntIdentity:
        """Return itself: it knows of no frame."""
        del frames
        return self

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[Stream], frames: int
    ) -> tuple[tuple[Block, ...], Stream]:
        """Return no block: its input passes straight through."""
        del sizes, name, frames
        (given,) = streams
        return (), given

    def accumulator(self, sizes: Sizes) -> tuple[IntType, int]:
        """Return the type of the input's codes, and their zero point: the HLS requantizer reads them as they are."""
        (given,) = sizes.inputs
        return given.int_type, given.zero_point

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_identity``, which takes the zero point off."""
        (given,) = sizes.inputs
        return Unit(
            "g2h_identity",
            {
                "Lanes": sizes.lanes,
                "InBits": given.int_type.bits,
                "Signed": given.int_type.signed,
                "ZeroPoint": given.zero_point,
                "OutBits": sizes.acc_type.signed_bits,
            },
        )

    def hls(self, sizes: Sizes) -> None:
        """Say that no process is needed: the requantizer takes the zero point off."""
