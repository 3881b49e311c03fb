"""Weight codecs: lossless carriers of integer weight tensors.  One file and two decoder templates each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.codecs import binary, blockscale, codebook, raw, ternary
from gan2hls.codecs.base import Blocks, Codec, Encoded, Memory, WordArray, from_blocks, to_blocks, unpack
from gan2hls.codecs.huffman import LONGEST_CODE, HuffmanCode, huffman_code
from gan2hls.codecs.phrases import Phrases
from gan2hls.numbers import Int64Array
from gan2hls.ops import IntWeight

#: Every codec by name; adding one touches this line, its file and its templates.
CODECS: dict[str, Codec] = {
    codec.name: codec for codec in (raw.CODEC, binary.CODEC, ternary.CODEC, codebook.CODEC, blockscale.CODEC)
}


def encode(weight: IntWeight, pe: int, simd: int, kept: Int64Array | None = None, *, streamed: bool = False) -> Encoded:
    """Lay ``weight`` out for ``pe`` x ``simd`` in its codec.

    Args:
        weight: values int64 ``[KH * KW, CO, CI / groups]``.
        pe: output channels in parallel; divides CO.
        simd: input channels in parallel; divides CI / groups.
        kept: dense addresses of the blocks to store, in address order; the others must be empty.  None: all blocks.
        streamed: for external memory: all that belongs to a block alone stands in its word.

    No code is spent on zeros that all lie in blocks that are left out: trits are stored as signs, a codebook has one
    centroid less.
    """
    taps, co, ci = weight.values.shape
    values = to_blocks(weight.values, pe, simd)
    dense = np.arange(len(values)) if kept is None else kept
    stored = values if kept is None else values[kept]
    blocks = Blocks(stored, dense, dense // (ci // simd) % (co // pe), pe, simd, co // pe)
    if kept is not None:
        weight = CODECS[weight.codec].narrow(weight, blocks)
    codec = CODECS[weight.codec]
    code = codec.encode(weight, blocks)
    memories, parameters = codec.streamed(code, blocks) if streamed else code
    bits = codec.bits(weight, blocks.values.size)
    if len(memories) > 1:
        bits = replace(bits, tables=min(bits.tables, sum(memory.bits for memory in memories[1:])))
    return Encoded(codec.name, pe, simd, (taps, co, ci), memories, parameters, bits, kept)


def decode(encoded: Encoded) -> Int64Array:
    """Return the weights that ``encoded`` holds, int64 ``[KH * KW, CO, CI / groups]``; undoes ``encode``."""
    blocks = CODECS[encoded.codec].decode(encoded)
    if encoded.kept is not None:
        stored, blocks = blocks, np.zeros((encoded.dense_blocks, encoded.lanes), np.int64)
        blocks[encoded.kept] = stored
    return from_blocks(blocks, encoded.shape, encoded.pe, encoded.simd)


__all__ = [
    "CODECS",
    "LONGEST_CODE",
    "Encoded",
    "HuffmanCode",
    "Memory",
    "Phrases",
    "WordArray",
    "decode",
    "encode",
    "huffman_code",
    "to_blocks",
    "unpack",
]
