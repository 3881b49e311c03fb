"""``raw``: uniform integers, ``W`` bits each, one ROM word a clock."""

from __future__ import annotations

from gan2hls.codecs.base import Codec, Encoded, Memory, from_blocks, pack, to_blocks, unpack
from gan2hls.numerics import Int64Array
from gan2hls.weights import IntWeight


def encode(weight: IntWeight, pe: int, simd: int) -> Encoded:
    """Lay the weights out for ``pe`` x ``simd``."""
    blocks = to_blocks(weight.values, pe, simd)
    memory = Memory("weight", pe * simd * weight.type.bits, pack(blocks, weight.type.bits))
    taps, co, ci = weight.values.shape
    return Encoded("raw", pe, simd, (taps, co, ci), (memory,))


def decode(encoded: Encoded, bits: int, signed: bool) -> Int64Array:
    """Read the weights back."""
    lanes = encoded.pe * encoded.simd
    return from_blocks(unpack(encoded.memories[0].words, lanes, bits, signed), encoded.shape, encoded.pe, encoded.simd)


def useful_bits(weight: IntWeight) -> int:
    """``n * W``; scales live in the requantizer in every codec."""
    return int(weight.values.size) * weight.type.bits


CODEC = Codec("raw", encode, decode, useful_bits, multiplies=True)
