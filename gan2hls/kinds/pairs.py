"""What sums, products and extremes of two tensors share: how a smaller operand is spread over the other.

The second operand has the first one's shape, or it is a vector that all pixels share (one number a channel), or a plane
that all channels share (one number a pixel).  A vector comes first and is kept for the frame; of a plane a beat lasts
for as many pixels as it has elements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeVar, final, runtime_checkable

import numpy as np
import numpy.typing as npt

from gan2hls.base import UnsupportedError
from gan2hls.fabric import bits_of
from gan2hls.kinds import pointwise
from gan2hls.kinds.base import StreamReading, raster_order
from gan2hls.kinds.operands import term_type
from gan2hls.model import Layer
from gan2hls.numbers import Float32Array, Int64Array
from gan2hls.ops import Operation, Parameter, Shape, Sizes, UnitCost
from gan2hls.timing import Phase

#: What a number of the second operand is there for: an element, a channel of all pixels, or all channels of a pixel.
Spread = Literal["", "vector", "plane"]
#: As hardware knows them.
_NUMBERS: dict[Spread, int] = {"": 0, "vector": 1, "plane": 2}

_Number = TypeVar("_Number", bound=np.generic)


@runtime_checkable
class Pair(Protocol):
    """An operation on two tensors."""

    @property
    def spread(self) -> Spread:
        """How the second is spread over the first."""


def spread_out(
    spread: Spread, a: npt.NDArray[_Number], b: npt.NDArray[_Number]
) -> tuple[npt.NDArray[_Number], npt.NDArray[_Number]]:
    """Return frames of both operands, in any shape, as arrays of three axes that NumPy broadcasts."""
    frames, size = len(a), b.size // len(b)
    match spread:
        case "vector":
            return a.reshape(frames, -1, size), b.reshape(frames, 1, size)
        case "plane":
            return a.reshape(frames, size, -1), b.reshape(frames, size, 1)
        case _:
            return a.reshape(frames, 1, size), b.reshape(frames, 1, size)


def gathered(inputs: Sequence[Float32Array], gradients: Sequence[Float32Array]) -> tuple[Float32Array, ...]:
    """Return what ``gradients``, of three axes as of ``spread_out``, are at each input: sums over what it is spread."""
    found = []
    for x, gradient in zip(inputs, gradients, strict=True):
        size = x.size // len(x)
        if gradient.shape[2] == size:
            gradient = gradient.sum(axis=1)
        elif gradient.shape[1] == size:
            gradient = gradient.sum(axis=2)
        found.append(gradient.reshape(x.shape))
    return tuple(found)


def pair_fits(inputs: Sequence[Shape], shape: Shape, spread: Spread) -> bool:
    """Return whether an operation on two tensors makes a stream of ``shape`` of ``inputs``."""
    a, b = inputs
    if not spread:
        return a == b == shape
    height, width, channels = shape
    wanted = {"vector": channels, "plane": height * width}[spread]
    return (math.prod(a), math.prod(b)) == (math.prod(shape), wanted)


@final
@dataclass(frozen=True, eq=False)
class PairForm:
    """How two operands of a node meet.

    Attributes:
        spread: of the smaller one over the other.
        swapped: whether the smaller one is the first.
        orders: of both, the larger first, and ``out_order``: as ``StreamReading`` has them.
    """

    spread: Spread = ""
    swapped: bool = False
    orders: tuple[Int64Array, ...] | None = None
    out_order: Int64Array | None = None

    def reading(self, op: Operation) -> StreamReading:
        """Return the reading of ``op``, whose first input is the larger operand."""
        return StreamReading(op, self.orders, self.out_order, (1, 0) if self.swapped else None)


def pair_form(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> PairForm:
    """Return how two operands of ONNX ``shapes`` meet to make ``shape``; groups on its batch axis are channels.

    Raises:
        UnsupportedError: neither has the result's shape, or the smaller one is no vector of channels and no plane of
            one channel.
    """
    if shapes[0] == shapes[1]:
        return PairForm()
    if len(shape) == 4 and shape[0] > 1 and all(len(given) == 4 and given[:2] == shape[:2] for given in shapes):
        apart = [(1, given[0] * given[1], *given[2:]) for given in (*shapes, shape)]
        return pair_form(apart[:2], apart[2])
    swapped = math.prod(shapes[0]) < math.prod(shapes[1])
    large, small = shapes[::-1] if swapped else shapes
    padded = (1,) * (len(shape) - len(small)) + small
    images = tuple(range(2, len(shape)))
    forms: dict[tuple[int, ...], tuple[Spread, bool]] = {
        tuple(axis - 1 for axis in images): ("plane", True),
        images: ("plane", False),
        (len(shape) - 1,): ("plane", False) if len(shape) == 3 else ("vector", True),
        (1,): ("vector", False),
    }
    spans = {axes: tuple(size if axis in axes else 1 for axis, size in enumerate(shape)) for axes in forms}
    found = next((forms[axes] for axes, span in spans.items() if span == padded), None)
    if large != shape or not 2 <= len(shape) <= 4 or found is None:
        raise UnsupportedError(
            f"reads computed tensors of shapes {list(shapes[0])} and {list(shapes[1])}",
            hint="of two computed operands one has the result's shape, the other too, or a number for each channel, or "
            f"for each pixel; put an Expand to {list(shape)} in front of what has not",
        )
    spread, last = found
    order = raster_order(shape, channels_last=last)
    return PairForm(spread, swapped, (order, raster_order(padded, channels_last=last)), order)


def reorder(layer: Layer, image: Int64Array) -> Layer | None:
    """Put the parameters in the order of the stream, where both inputs can be put in that order too."""
    assert isinstance(layer.op, Pair), layer.name
    return None if layer.op.spread else pointwise.reorder(layer, image)


def reshape(layer: Layer, shape: Shape) -> Layer | None:
    """See the stream as ``shape``, where both inputs can be."""
    assert isinstance(layer.op, Pair), layer.name
    return None if layer.op.spread else pointwise.reshape(layer, shape)


class PairUnit:
    """The hardware of an operation on two tensors, but for what it makes of two elements.

    Attributes:
        spread: how the second is spread over the first.
    """

    spread: Spread

    def by_frames(self, frames: int) -> Self | None:
        """Return itself, which knows of no frame, but for a vector: that is kept for one."""
        del frames
        return None if self.spread == "vector" else self

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: channels, and of a plane the pixels too."""
        return math.gcd(shape[2], shape[0] * shape[1]) if self.spread == "plane" else shape[2]

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of both operands."""
        height, width, channels = sizes.shape
        elements = {"": sizes.beats * sizes.lanes, "vector": channels, "plane": height * width}[self.spread]
        return sizes.beats, elements // sizes.lanes

    def interval(self, sizes: Sizes) -> int:
        """Return the least clocks between two frames: a vector is taken in front of the frame."""
        return sizes.beats + (self.in_beats(sizes)[1] if self.spread == "vector" else 0)

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return that a vector is taken in front of the frame, a plane's element with the first beat of its pixel."""
        _, beats = self.in_beats(sizes)
        match self.spread:
            case "vector":
                return (Phase((((1,), False),), beats), Phase((((0,), True),), sizes.beats))
            case "plane":
                return (Phase((((1, 0), True), *(((0,), True),) * (sizes.beats // beats - 1)), beats),)
            case _:
                return (Phase((((1, 0), True),), sizes.beats),)

    def rtl_parameters(self, sizes: Sizes) -> dict[str, Parameter]:
        """Return what every module on two operands is instantiated with."""
        parameters: dict[str, Parameter] = {
            "Lanes": sizes.lanes,
            "AccBits": sizes.acc_type.signed_bits,
            "Spread": _NUMBERS[self.spread],
            "PixelBeats": sizes.shape[2] // sizes.lanes,
            "Pixels": sizes.shape[0] * sizes.shape[1],
        }
        for name, given in zip("AB", sizes.inputs, strict=True):
            parameters |= {
                f"{name}Bits": given.int_type.bits,
                f"{name}Signed": given.int_type.signed,
                f"{name}ZeroPoint": given.zero_point,
            }
        return parameters

    def hls_constants(self, sizes: Sizes) -> dict[str, Parameter]:
        """Return what every process on two operands wants to know."""
        constants: dict[str, Parameter] = {
            "SPREAD": _NUMBERS[self.spread],
            "STEPS": self.interval(sizes),
            "PIXEL_BEATS": sizes.shape[2] // sizes.lanes,
        }
        for name, given in zip("AB", sizes.inputs, strict=True):
            constants |= {
                f"{name}_BITS": given.int_type.bits,
                f"{name}_SIGNED": given.int_type.signed,
                f"{name}_ZERO_POINT": given.zero_point,
            }
        return constants

    def pair_cost(self, sizes: Sizes, lane: UnitCost) -> UnitCost:
        """Return what all lanes take, each ``lane``, with what brings the operands together.

        A vector waits in a memory and a register, a plane's beat in a register of which a pixel is chosen.
        """
        small = sizes.lanes * sizes.inputs[1].int_type.bits
        own, memories = UnitCost(lut=5, ff=1), lane.memories
        if self.spread == "vector":
            words = self.in_beats(sizes)[1]
            own = UnitCost(lut=small + 2 * bits_of(words) + 4, ff=small + 2 * bits_of(words) + 8)
            memories = (*memories, (small, words, "kept"))
        elif self.spread == "plane":
            own = UnitCost(lut=small // 2 + 12, ff=small + 2 * bits_of(sizes.lanes) + 4)
        products = tuple(sizes.lanes * product for product in lane.products)
        return UnitCost(products, sizes.lanes * lane.lut + own.lut, sizes.lanes * lane.ff + own.ff, memories)


def hls_factors(sizes: Sizes, factors: Sequence[int]) -> dict[str, Parameter]:
    """Return the factors of both operands, and the bits of codes less their zero point and of those times them."""
    constants: dict[str, Parameter] = {}
    for name, factor, given in zip("AB", factors, sizes.inputs, strict=True):
        constants |= {f"{name}_FACTOR": factor, f"{name}_TERM_BITS": term_type(factor, given).signed_bits}
    return constants
