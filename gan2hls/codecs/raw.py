"""``raw``: uniform integers of ``W`` bits, one ROM word a clock.

Where a range lies off centre (a weight zero point) or on one side of 0, ``weight = base + code`` with unsigned codes
saves the sign bit.
"""

from __future__ import annotations

from gan2hls.codecs.base import Bits, Blocks, Code, Codec, Encoded, Memory, pack_parts, unpack, without_zeros
from gan2hls.numbers import Int64Array
from gan2hls.ops import IntWeight


def encode(weight: IntWeight, blocks: Blocks) -> Code:
    """Lay the codes out, lane 0 in the least significant bits."""
    bits, signed, base = _format(weight)
    depth, lanes = blocks.values.shape
    words = pack_parts(depth, lanes, bits, lambda part: blocks.values[part] - base)
    memory = Memory("weight", lanes * bits, words)
    return (memory,), {"code_bits": bits, "code_signed": int(signed), "base": base}


def decode(encoded: Encoded) -> Int64Array:
    """Read the blocks back."""
    p = encoded.parameters
    return unpack(encoded.memories[0].words, encoded.lanes, p["code_bits"], bool(p["code_signed"])) + p["base"]


def bits(weight: IntWeight, count: int) -> Bits:
    """``n * W``; scales live in the requantizer in every codec."""
    return Bits(count * _format(weight)[0])


def _format(weight: IntWeight) -> tuple[int, bool, int]:
    """Return width, sign and base: two's complement, or unsigned from the least weight where that is narrower."""
    low, high = int(weight.values.min()), int(weight.values.max())
    span = max(1, (high - low).bit_length())
    return (span, False, low) if span < weight.type.bits else (weight.type.bits, True, 0)


CODEC = Codec("raw", encode, decode, bits, multiplies=True, narrow=without_zeros)
