"""``binary``: a sign bit a weight, 1 for -1.  Lanes add or subtract; the scale stands in the requantizer.

Source: Rastegari et al. 2016 (XNOR-Net); for GANs Roohi et al. 2019 (ApGAN), Liu et al. 2018 (PBGen).
"""

from __future__ import annotations

import numpy as np

from gan2hls.codecs.base import Bits, Blocks, Code, Codec, Encoded, Memory, pack, unpack
from gan2hls.numbers import Int64Array
from gan2hls.ops import IntWeight


def encode(weight: IntWeight, blocks: Blocks) -> Code:
    """Store signs."""
    del weight
    assert bool((np.abs(blocks.values) == 1).all()), "binary weights are -1 and +1"
    signs = (blocks.values < 0).astype(np.int64)
    return (Memory("weight", signs.shape[1], pack(signs, 1)),), {}


def decode(encoded: Encoded) -> Int64Array:
    """Read the blocks back."""
    return 1 - 2 * unpack(encoded.memories[0].words, encoded.lanes, 1, signed=False)


def bits(weight: IntWeight, count: int) -> Bits:
    """``n``."""
    del weight
    return Bits(count)


CODEC = Codec("binary", encode, decode, bits, multiplies=False)
