"""The number contract: integer types, quantized tensors' meaning, and the only rounding of the product.

``real = scale * (code - zero_point)``; hardware sees codes only.  ``Requant`` is implemented three times: here,
in ``templates/hls/lib`` and in ``templates/rtl/lib``; tests hold the three side by side.

Source: the integer-only inference scheme of Jacob et al. 2018, section 2, with ties toward +inf (ap_fixed's AP_RND),
or to even (AP_RND_CONV) where a quantizer of the file says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import remembered
from gan2hls.numbers.requantizing import requantize

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]

#: Integers up to this magnitude are exact in a float64; products and sums below it may go through BLAS.
FLOAT64_EXACT = 1 << 53
#: The same for float32.
FLOAT32_EXACT = 1 << 24

#: Which of two codes a value halfway between them becomes: the greater one, or the one that is even (odd).
Ties = Literal["up", "even", "odd"]


@final
@dataclass(frozen=True)
class IntType:
    """A two's complement or unsigned integer of ``bits`` bits."""

    bits: int
    signed: bool

    def __post_init__(self) -> None:
        assert 1 <= self.bits <= 64, f"IntType bits must be in 1..64, not {self.bits}"

    @property
    def lo(self) -> int:
        """Least code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def hi(self) -> int:
        """Greatest code."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def signed_bits(self) -> int:
        """Bits of the signed integer that holds every code."""
        return self.bits + (not self.signed)

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.bits}"

    @staticmethod
    def covering(lo: int, hi: int) -> IntType:
        """Return the narrowest type that holds every integer of ``lo..hi``."""
        assert lo <= hi, f"empty range {lo}..{hi}"
        if lo >= 0:
            return IntType(max(1, hi.bit_length()), signed=False)
        return IntType(max((-lo - 1).bit_length(), max(hi, 0).bit_length()) + 1, signed=True)


@final
@dataclass(frozen=True)
class QuantType:
    """The meaning of a tensor's codes: ``real = scale * (code - zero_point)``, per tensor.

    ``ties`` says how a real halfway between two codes is rounded: up, as everywhere in hardware, unless the type is
    that of a quantizer of the file that rounds half to even.
    """

    int_type: IntType
    scale: float
    zero_point: int = 0
    ties: Ties = "up"

    def quantize(self, real: npt.ArrayLike) -> Int64Array:
        """Round ``real`` (any shape) to the nearest codes, ``ties`` as said, saturating."""
        steps = np.asarray(real, np.float64) / self.scale
        if self.ties == "up":
            codes = np.floor(steps + 0.5) + self.zero_point
        else:
            odd = self.ties == "odd"
            codes = np.rint(steps + (self.zero_point - odd)) + odd
        clipped: FloatArray = np.clip(codes, self.int_type.lo, self.int_type.hi)
        return clipped.astype(np.int64)

    def dequantize(self, codes: npt.ArrayLike) -> FloatArray:
        """Return the reals that ``codes`` (any shape) stand for."""
        return (np.asarray(codes, np.float64) - self.zero_point) * self.scale

    @property
    def centred(self) -> IntType:
        """The type of ``code - zero_point``, which is what enters a multiplier."""
        return IntType.covering(self.int_type.lo - self.zero_point, self.int_type.hi - self.zero_point)


@final
@dataclass(frozen=True, eq=False)
class Requant:
    """Turn an accumulator into an output code, per output channel, with up to two linear pieces.

    With ``p = 1 if acc >= threshold[c] else 0`` (always 0 when there is one piece)::

        code = clamp(((acc * mult[p, c] + bias[p, c] + ((1 << shift) >> 1)) >> shift) + zero_point, lo, hi)

    The shift is arithmetic, so ties round toward +inf.  With ``half_even`` a tie, which leaves only zeros to shift out,
    clears the least bit of what was shifted, before the zero point is added.  Two pieces express ReLU, LeakyReLU and
    PReLU exactly on the accumulator, with one multiplier.

    Attributes:
        mult: int64 ``[pieces, C]``.
        bias: int64 ``[pieces, C]``, in units of ``2**-shift`` output codes.
        threshold: int64 ``[C]``; unused with one piece.
        shift: right shift, 0..62.
        zero_point: added after the shift.
        lo: least output code.
        hi: greatest output code.
        out_type: type of the output code; holds ``lo..hi``.
        half_even: whether ties round to even instead of up; needs a shift.
    """

    mult: Int64Array
    bias: Int64Array
    threshold: Int64Array
    shift: int
    zero_point: int
    lo: int
    hi: int
    out_type: IntType
    half_even: bool = False

    def __post_init__(self) -> None:
        pieces, channels = self.mult.shape
        assert pieces in (1, 2), f"Requant pieces must be 1 or 2, not {pieces}"
        assert self.bias.shape == (pieces, channels), f"bias {self.bias.shape} != mult {self.mult.shape}"
        assert self.threshold.shape == (channels,), f"threshold {self.threshold.shape} != ({channels},)"
        assert self.half_even <= self.shift <= 62, f"shift must be in {int(self.half_even)}..62, not {self.shift}"
        assert self.out_type.lo <= self.lo <= self.hi <= self.out_type.hi, (
            f"{self.lo}..{self.hi} not in {self.out_type}"
        )

    @property
    def pieces(self) -> int:
        """Number of linear pieces, 1 or 2."""
        return int(self.mult.shape[0])

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return int(self.mult.shape[1])

    @property
    def offset(self) -> Int64Array:
        """``bias`` plus the rounding constant, int64 ``[pieces, C]``: the word that hardware stores."""
        return self.bias + ((1 << self.shift) >> 1)

    @cached_property
    def mult_type(self) -> IntType:
        """The narrowest signed type of every multiplier."""
        return _signed(self.mult)

    @cached_property
    def offset_type(self) -> IntType:
        """The narrowest signed type of every offset."""
        return _signed(self.offset)

    def sum_type(self, acc_type: IntType) -> IntType:
        """The exact signed type of ``acc * mult + offset``: what the hardware shifts."""
        return _sum_type(self, acc_type)

    def __call__(self, acc: npt.NDArray[np.generic], acc_type: IntType) -> Int64Array:
        """Requantize ``acc``, integers of ``acc_type``, shape ``[..., C]``; returns codes, same shape."""
        return self.program(acc_type)(acc)

    def program(self, acc_type: IntType) -> Callable[[npt.NDArray[np.generic]], Int64Array]:
        """Return the function that requantizes integers of ``acc_type``, shape ``[..., C]``, to codes of that shape."""
        channels, exact = self.channels, -self.sum_type(acc_type).lo < FLOAT64_EXACT
        how = *self._factors, 2.0**-self.shift, self.half_even, float(self.zero_point), float(self.lo), float(self.hi)

        def run(acc: npt.NDArray[np.generic]) -> Int64Array:
            if acc.shape[-1:] != (channels,):  # one for all channels, or all for one
                acc = np.broadcast_to(acc, np.broadcast_shapes(acc.shape, (channels,)))
            codes = np.empty(acc.shape, np.int64)
            flat, made = acc.reshape(-1, channels), codes.reshape(-1, channels)
            if exact:
                requantize(flat, *how, made)
            else:
                made[...] = self._in_int64(flat.astype(np.int64))
            return codes

        return run

    @cached_property
    def _factors(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Multipliers, offsets and thresholds, float64."""
        return self.mult.astype(np.float64), self.offset.astype(np.float64), self.threshold.astype(np.float64)

    def _in_int64(self, acc: Int64Array) -> Int64Array:
        mult, offset = self.mult[0], self.offset[0]
        if self.pieces == 2:
            high = acc >= self.threshold
            mult, offset = np.where(high, self.mult[1], mult), np.where(high, self.offset[1], offset)
        total = acc * mult + offset
        rounded = total >> self.shift
        if self.half_even:
            rounded &= ~(total & ((1 << self.shift) - 1) == 0).astype(np.int64)
        clamped: Int64Array = np.clip(rounded + self.zero_point, self.lo, self.hi)
        return clamped


@remembered
def _sum_type(requant: Requant, acc_type: IntType) -> IntType:
    mult: npt.NDArray[Any] = requant.mult
    offset: npt.NDArray[Any] = requant.offset
    most = max(-acc_type.lo, acc_type.hi) * int(np.abs(mult).max()) + int(np.abs(offset).max())
    if most >= 1 << 63:  # Python's integers have no end
        mult, offset = mult.astype(object), offset.astype(object)
    at_ends = np.stack([mult * acc_type.lo, mult * acc_type.hi])
    low, high = int((at_ends.min(axis=0) + offset).min()), int((at_ends.max(axis=0) + offset).max())
    covering = IntType.covering(min(low, -1), max(high, 0))
    assert covering.bits <= 62, f"requant needs {covering.bits} bits"
    return covering


@final
@dataclass(frozen=True, eq=False)
class Table:
    """A function of a requantized integer, exact by construction: one for all channels, or one for each.

    Attributes:
        index_type: type of the index code; entry ``i`` belongs to code ``index_type.lo + i``.
        values: int64 ``[S, 2**index_type.bits]``, output codes; channel ``c`` reads row ``c % S``.
        out_type: type of the output code.
    """

    index_type: IntType
    values: Int64Array
    out_type: IntType

    def __post_init__(self) -> None:
        sets, *entries = self.values.shape
        assert sets and entries == [1 << self.index_type.bits], f"table of {self.values.shape} for {self.index_type}"
        assert self.out_type.lo <= int(self.values.min()) and int(self.values.max()) <= self.out_type.hi

    @property
    def sets(self) -> int:
        """Number of functions; it divides the number of channels."""
        return int(self.values.shape[0])

    def __call__(self, codes: Int64Array) -> Int64Array:
        """Look up ``codes`` (``[..., C]``, any shape if all channels share one function)."""
        index = codes - self.index_type.lo if self.index_type.lo else codes
        if self.sets == 1:
            common: Int64Array = self.values[0].take(index)
            return common
        assert codes.shape[-1] % self.sets == 0, f"{codes.shape[-1]} channels share {self.sets} functions"
        found: Int64Array = self.values[np.arange(codes.shape[-1]) % self.sets, index]
        return found


def _signed(values: Int64Array) -> IntType:
    return IntType.covering(min(int(values.min()), -1), max(int(values.max()), 0))
