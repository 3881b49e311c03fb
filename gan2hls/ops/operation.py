"""What every operation answers, in float and in integers; what one without weights says of its hardware too.

A linear operation has an engine of its own (``hardware.linear_engine``).  Every other one makes accumulators of
elements as they come: it names a unit of the RTL library and a process of the HLS library, and what those are
instantiated with, so no stage needs to know which operation it is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, final

from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops.linear import IntLinear
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.weights import IntWeight

#: Makes accumulators ``[N, ..., channels]`` of codes ``[N, H, W, C]`` of every input.
Program = Callable[..., Int64Array]


class Operation(Protocol):
    """What a layer of the float graph makes of its inputs, before its points: frozen data."""

    @property
    def kind(self) -> str:
        """What it is called in names and reports."""

    def sums_shape(self, shape: Shape) -> Shape:
        """Return ``(H, W, C)`` of what the points act on, where the output has ``shape``."""
        return shape

    @abstractmethod
    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, *sums_shape]``, of frames in any shape."""

    @abstractmethod
    def backward(self, gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input, frames in any shape, of ``[N, *sums_shape]`` at what the points act on."""

    def channels(self, shape: Shape) -> int:
        """Return what the points behind it distinguish, of an output of ``shape``: its channels."""
        return shape[2]

    @abstractmethod
    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntOp, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means by channel, float64 ``[channels]`` or ``[1]``.

        ``shape`` is that of the output, ``weight`` the integers that stand for its weights, if it has any.
        """

    @abstractmethod
    def verify(self, inputs: Sequence[Shape], shape: Shape) -> None:
        """Check it against the shapes of the streams that it reads and makes.

        Raises:
            AssertionError: it does not fit them.
        """


@final
@dataclass(frozen=True)
class Unit:
    """A piece of one of the two libraries, with what it is instantiated with.

    Attributes:
        name: a module of ``templates/rtl/lib``; or a process of ``templates/hls/lib``, which is its header's name too.
        parameters: of the module; constants of the process with what each is, its type ``int``, or ``bool`` of a bool.
    """

    name: str
    parameters: Mapping[str, int | bool]


class StreamOperation(Protocol):
    """What a layer of the integer model makes of its inputs without weights, before its requantizer: frozen data.

    Its engine takes a beat of every input for every beat that leaves.
    """

    @property
    def kind(self) -> str:
        """What it is called in names and reports."""

    @property
    def useful_macs(self) -> int:
        """Products of a real input and a real weight: none."""
        return 0

    @abstractmethod
    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes of these types."""

    def in_raster(self, codes: Int64Array) -> Int64Array:
        """Return codes of accumulators in the order of the output stream."""
        return codes

    @abstractmethod
    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""

    @abstractmethod
    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check it against the types that it reads and the channels that the requantizer distinguishes.

        Raises:
            AssertionError: it does not fit them.
        """

    def accumulator(self, inputs: Sequence[QuantType], acc_type: IntType) -> tuple[IntType, int]:
        """Return the type of the words that the HLS requantizer reads, and the zero point that it takes off them."""
        del inputs
        return IntType(acc_type.signed_bits, signed=True), 0

    @property
    def clocks(self) -> int:
        """Clocks from a beat of every input to its accumulators: 1, or 0 where one input passes straight through."""
        return 1

    @abstractmethod
    def rtl(self, inputs: Sequence[QuantType], acc_type: IntType, lanes: int) -> Unit:
        """Return the module that takes ``lanes`` elements of every input a beat and sends as many accumulators.

        Its ports are ``clk_i``, ``rst_ni``, ``s_data_i`` (the beats of all inputs, the first in the least bits),
        ``s_valid_i`` and ``s_ready_o`` (a bit each), ``acc_o``, ``valid_o``, ``ready_i``.
        """

    @abstractmethod
    def hls(self, inputs: Sequence[QuantType], acc_type: IntType, lanes: int) -> Unit | None:
        """Return the process that does the same, a stream per input and one of accumulators; None: none is needed."""

    def lane_lut(self, inputs: Sequence[QuantType], acc_type: IntType) -> int:
        """Return an estimate of the LUTs of one lane, beyond those of every engine."""
        del inputs, acc_type
        return 0


#: What a layer of the integer model does: with weights, or on elements as they come.
IntOp = IntLinear | StreamOperation
