"""``raw``: uniform integers of ``W`` bits, one ROM word a clock.

Where a range lies off centre (a weight zero point), ``weight = base + code`` with unsigned codes saves the sign bit.
"""

from __future__ import annotations

from gan2hls.codecs.base import Bits, Blocks, Code, Codec, Encoded, Memory, pack, unpack
from gan2hls.numerics import Int64Array
from gan2hls.weights import IntWeight


def encode(weight: IntWeight, blocks: Blocks) -> Code:
    """Lay the codes out, lane 0 in the least significant bits."""
    bits, base = _format(weight)
    memory = Memory("weight", blocks.values.shape[1] * bits, pack(blocks.values - base, bits))
    return (memory,), {"code_bits": bits, "code_signed": int(base == 0), "base": base}


def decode(encoded: Encoded) -> Int64Array:
    """Read the blocks back."""
    p = encoded.parameters
    return unpack(encoded.memories[0].words, encoded.lanes, p["code_bits"], bool(p["code_signed"])) + p["base"]


def bits(weight: IntWeight, count: int) -> Bits:
    """``n * W``; scales live in the requantizer in every codec."""
    return Bits(count * _format(weight)[0])


def _format(weight: IntWeight) -> tuple[int, int]:
    """Return width and base: two's complement, or unsigned from the least weight where that is narrower."""
    low, high = int(weight.values.min()), int(weight.values.max())
    span = max(1, (high - low).bit_length())
    return (span, low) if span < weight.type.bits and low != 0 else (weight.type.bits, 0)


CODEC = Codec("raw", encode, decode, bits, multiplies=True)
