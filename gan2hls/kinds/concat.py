"""Tensors one behind the other: what ends a branch of a U-Net or of a dense block.

Along channels every operand keeps its scale: the requantizer has one for each channel.  Along rows or columns, which it
does not tell apart, whole factors bring the operands to one step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import UnsupportedError
from gan2hls.fabric import bits_of
from gan2hls.kinds.base import Kind, StreamReading, fixed_order, fixed_shape, raster_order
from gan2hls.kinds.operands import check_factors, common_step, ends, terms_cost
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops import IntWeight, Operation, Parameter, Program, Shape, Sizes, StreamOperation, Unit, UnitCost
from gan2hls.timing import Phase

_Number = TypeVar("_Number", bound=np.generic)


@final
@dataclass(frozen=True)
class Concat(Operation):
    """``runs[0]`` elements of the first tensor, ``runs[1]`` of the second, ..., and again until a frame is over."""

    runs: tuple[int, ...]
    kind: ClassVar[str] = "concat"

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, repetitions, sum(runs)]``."""
        return _joined(inputs, self.runs)

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input: its part of that of the whole."""
        parts = gradient.reshape(len(gradient), -1, sum(self.runs))
        found = np.split(parts, np.cumsum(self.runs)[:-1], axis=2)
        return tuple(part.reshape(x.shape) for part, x in zip(found, inputs, strict=True))

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntConcat, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means: float64 ``[channels]``, or ``[1]`` of factors."""
        assert weight is None, "a concatenation has no weights"
        scales = [given.scale for given in inputs]
        if sum(self.runs) == shape[2]:
            return IntConcat(self.runs, (1,) * len(inputs)), np.repeat(scales, self.runs)
        factors, step = common_step(inputs, [1.0] * len(inputs))
        return IntConcat(self.runs, factors), np.array([step])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        repetitions, rest = divmod(math.prod(shape), sum(self.runs))
        sizes = [math.prod(given) for given in inputs]
        return rest == 0 == sum(self.runs) % shape[2] and sizes == [repetitions * run for run in self.runs]


def _joined(inputs: Sequence[npt.NDArray[_Number]], runs: Sequence[int]) -> npt.NDArray[_Number]:
    """Return frames of several tensors, in any shape, as ``[N, repetitions, sum(runs)]``."""
    parts = [x.reshape(len(x), -1, run) for x, run in zip(inputs, runs, strict=True)]
    return np.concatenate(parts, axis=2)


@final
@dataclass(frozen=True)
class IntConcat(StreamOperation):
    """``factors[n] * (code - zero point)`` of input ``n``, in runs of ``runs[n]`` elements, exactly."""

    runs: tuple[int, ...]
    factors: tuple[int, ...]
    kind: ClassVar[str] = "concat"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators of codes ``[N, H, W, C]`` of each input."""
        del acc_type
        pairs = [(factor, given.zero_point) for factor, given in zip(self.factors, inputs, strict=True)]

        def run(*codes: Int64Array) -> Int64Array:
            terms = [factor * (code - zero) for code, (factor, zero) in zip(codes, pairs, strict=True)]
            return _joined(terms, self.runs)

        return run

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return an interval of every accumulator, and of every code less its zero point, for inputs of these types."""
        found = [end for pair in map(ends, self.factors, inputs) for end in pair]
        found += [end for given in inputs for end in ends(1, given)]
        return min(0, *found), max(0, *found)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its runs and factors.

        Raises:
            AssertionError: not one of each for every input, of two at least, or runs that are no whole pixels.
        """
        check_factors(self.factors, inputs)
        assert len(self.runs) == len(inputs) >= 2 and min(self.runs) >= 1, f"runs {self.runs} of {len(inputs)} inputs"
        assert sum(self.runs) % channels == 0, f"runs {self.runs} of pixels of {channels} channels"

    def by_frames(self, frames: int) -> IntConcat:
        """Return itself: it knows of no frame."""
        del frames
        return self

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: no beat belongs to two operands."""
        return math.gcd(shape[2], *self.runs)

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of each input."""
        return tuple(sizes.beats * run // sum(self.runs) for run in self.runs)

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return the runs of each input in turn."""
        beats = [run // sizes.lanes for run in self.runs]
        steps = tuple(((n,), True) for n, count in enumerate(beats) for _ in range(count))
        return (Phase(steps, sizes.beats // sum(beats)),)

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_concat``."""
        types, beats = [given.int_type for given in sizes.inputs], [run // sizes.lanes for run in self.runs]
        parameters: dict[str, Parameter] = {
            "Inputs": len(types),
            "Lanes": sizes.lanes,
            "AccBits": sizes.acc_type.signed_bits,
            "InBits": sum(given.bits for given in types),
            "BeatBits": max(1, (max(beats) - 1).bit_length()),
            "Bits": tuple(given.bits for given in types),
            "Offsets": tuple(sum(before.bits for before in types[:n]) for n in range(len(types))),
            "Signed": tuple(int(given.signed) for given in types),
            "ZeroPoints": tuple(given.zero_point for given in sizes.inputs),
            "Factors": self.factors,
            "Beats": tuple(beats),
        }
        return Unit("g2h_concat", parameters)

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``concat``."""
        types = [given.int_type for given in sizes.inputs]
        constants: dict[str, Parameter] = {
            "INPUTS": len(types),
            "MOST_BEATS": max(self.runs) // sizes.lanes,
            "bits_of": tuple(given.bits for given in types),
            "signed_of": tuple(int(given.signed) for given in types),
            "zero_point_of": tuple(given.zero_point for given in sizes.inputs),
            "factor_of": self.factors,
            "beats_of": tuple(run // sizes.lanes for run in self.runs),
        }
        return Unit("concat", constants)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return the adders of its operands, the choice of one and its register, and what counts their beats."""
        count, bits = len(self.runs), sizes.acc_type.signed_bits
        lane = terms_cost(self.factors, bits).lut
        choice = sizes.lanes * bits * -(-count // 3)
        beats = bits_of(max(self.runs) // sizes.lanes)
        lut = sizes.lanes * lane + choice + 3 * count + 2 * beats
        return UnitCost(lut=lut, ff=sizes.lanes * bits + count + beats + 1)


def concat(
    shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...], *, axis: int, channels_last: bool = False
) -> StreamReading:
    """Read Concat of several computed tensors of ``[1, C, H, W]``, ``[1, C, W]`` or ``[1, C]``.

    With ``channels_last`` they are ``[1, H, W, C]`` or ``[1, W, C]``.

    Raises:
        UnsupportedError: another rank, or along the batch.
    """
    axis %= len(shape)
    if axis == 0 or not 2 <= len(shape) <= 4:
        raise UnsupportedError(
            f"joins computed tensors of shape {list(shape)} along axis {axis}",
            hint="tensors of [1, C, H, W], [1, C, W] or [1, C] are joined, along any axis but the batch; a Reshape in "
            "front of each and one behind make them so",
        )
    orders = tuple(raster_order(given, channels_last=channels_last) for given in shapes)
    out_order = raster_order(shape, channels_last=channels_last)
    first = 4 - len(shape)  # what is no image has one row, and one column
    along = first + axis - 1 if channels_last else 2 if axis == 1 else first + axis - 2
    return StreamReading(Concat(tuple(math.prod(order.shape[along:]) for order in orders)), orders, out_order)


KIND = Kind("concat", {}, fixed_order, fixed_shape, joins={"Concat": concat}, saved=IntConcat)
