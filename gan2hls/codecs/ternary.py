"""``ternary``: 5 trits a byte, or 2 bits a trit where that takes no more block RAM.  Lanes add, subtract or rest.

Dense words hold ``lanes // 5`` bytes, each ``sum over n of (trit[n] + 1) * 3**n``, then what is left in fewer bits.
Source: Li, Liu 2016 (TWN); for GANs Rakin et al. 2018 (PIM-TGAN).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.codecs.base import (
    Bits,
    Blocks,
    Code,
    Codec,
    Encoded,
    Memory,
    WordArray,
    pack,
    pack_parts,
    unpack,
    without_zeros,
)
from gan2hls.fabric import SERIES_7, bram18
from gan2hls.numbers import Int64Array
from gan2hls.ops import IntWeight

#: Trits of a byte, and bits that 0 to 4 trits take.
TRITS = 5
REST_BITS = (0, 2, 4, 5, 7)
_POWERS = 3 ** np.arange(TRITS)
#: LUTs of a lane that unpack a trit of a byte: functions of 8 bits, merged with the negation behind them.
_UNPACKING_LUT = 12


def encode(weight: IntWeight, blocks: Blocks) -> Code:
    """Store trits in whichever packing takes less block RAM; where both take the same, the one without a decoder."""
    del weight
    assert bool((np.abs(blocks.values) <= 1).all()), "ternary weights are -1, 0 and +1"
    count, lanes = blocks.values.shape
    width, _ = packing(lanes, count)
    if width < 2 * lanes:
        return (Memory("weight", width, _pack_trits(blocks.values)),), {"dense": 1}
    return (Memory("weight", 2 * lanes, pack(blocks.values, 2)),), {"dense": 0}


def packing(lanes: int, count: int) -> tuple[int, int]:
    """Return the bits of a word of ``lanes`` trits, of ``count`` words, and the LUTs of what unpacks it."""
    dense = dense_bits(lanes)
    if bram18(SERIES_7, dense, count) < bram18(SERIES_7, 2 * lanes, count):
        return dense, _UNPACKING_LUT * lanes
    return 2 * lanes, 0


def decode(encoded: Encoded) -> Int64Array:
    """Read the blocks back."""
    words, lanes = encoded.memories[0].words, encoded.lanes
    if not encoded.parameters["dense"]:
        return unpack(words, lanes, 2, signed=True)
    whole, rest = divmod(lanes, TRITS)
    fields = unpack(words, 8 * whole + REST_BITS[rest], 1, signed=False)
    weights = 1 << np.arange(8)
    groups = [fields[:, 8 * n : 8 * n + 8] for n in range(whole)] + ([fields[:, 8 * whole :]] if rest else [])
    codes = [group @ weights[: group.shape[1]] for group in groups]
    trits = np.stack([code[:, None] // _POWERS % 3 - 1 for code in codes], axis=1).reshape(len(words), -1)
    return np.ascontiguousarray(trits[:, :lanes])


def bits(weight: IntWeight, count: int) -> Bits:
    """``8 n / 5``."""
    del weight
    return Bits(-(-8 * count // TRITS))


def narrow(weight: IntWeight, blocks: Blocks) -> IntWeight:
    """Return signs, of codec ``binary``, where all zeros lie in left-out blocks."""
    found = without_zeros(weight, blocks)
    return replace(found, codec="binary") if found.values.all() else weight


def dense_bits(lanes: int) -> int:
    """Return the width of a word of ``lanes`` trits, 5 a byte."""
    return 8 * (lanes // TRITS) + REST_BITS[lanes % TRITS]


def _pack_trits(values: Int64Array) -> WordArray:
    count, lanes = values.shape

    def bits_of(part: slice) -> Int64Array:
        padded = np.zeros((part.stop - part.start, -(-lanes // TRITS) * TRITS), np.int64)
        padded[:, :lanes] = values[part] + 1
        codes = padded.reshape(len(padded), -1, TRITS) @ _POWERS
        return ((codes[:, :, None] >> np.arange(8)) & 1).reshape(len(padded), -1)[:, : dense_bits(lanes)]

    return pack_parts(count, dense_bits(lanes), 1, bits_of)


CODEC = Codec("ternary", encode, decode, bits, multiplies=False, narrow=narrow, packing=packing)
