"""What every operation answers, in float and in integers.

A linear operation has an engine of its own (``hardware.linear_engine``); every other one is a unit of the two libraries
(``ops.stream_operation``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from gan2hls.numbers import Float32Array, FloatArray, QuantType
from gan2hls.ops.linear import IntLinear
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.stream_operation import StreamOperation
from gan2hls.ops.weights import IntWeight


class Operation(Protocol):
    """What a layer of the float graph makes of its inputs, before its points: frozen data."""

    @property
    def kind(self) -> str:
        """What it is called in names and reports."""

    @property
    def copies(self) -> bool:
        """Whether it makes elements of its one input, and zeros, and nothing else."""
        return False

    def upright(self) -> Operation | None:
        """Return it on maps of one column in place of maps of one row, of which each has the elements in their order.

        None: it makes something else of a row than of a column.
        """
        return self

    def sums_shape(self, shape: Shape) -> Shape:
        """Return ``(H, W, C)`` of what the points act on, where the output has ``shape``."""
        return shape

    @abstractmethod
    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, *sums_shape]``, of frames in any shape."""

    @abstractmethod
    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input, frames in any shape.

        Args:
            inputs: what it reads, as for ``evaluate``.
            gradient: ``[N, *sums_shape]``, at what the points act on.
        """

    def channels(self, shape: Shape) -> int:
        """Return what the points behind it distinguish, of an output of ``shape``: its channels."""
        return shape[2]

    @abstractmethod
    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntOp, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means by channel, float64 ``[channels]`` or ``[1]``.

        ``shape`` is that of the output, ``weight`` the integers that stand for its weights, if it has any.
        """

    @abstractmethod
    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""


#: What a layer of the integer model does: with weights, or on elements as they come.
IntOp = IntLinear | StreamOperation
