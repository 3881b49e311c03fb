"""``blockscale``: a code a weight, and an integer factor for each block of input channels of an output channel.

``weight = (base + offset of its block + code) * factor of its block`` with unsigned codes; offsets, which stand for
zero points per block, are left out where one base serves all blocks.  Neighbouring lanes of a PE that are always of one
block share a factor: ``gcd(block, SIMD)`` of them.  A word of the factor memory serves ``2**factor_shift`` neighbouring
addresses of the weight memory, as many as have the same factors throughout.  In a dense layout every factor stands in
memory once where ``block / SIMD`` is a power of two or one over a whole number, and ``block`` divides CI / groups; else
some are repeated.
In external memory, where words come one after the other, each has the factors of its lanes above its codes.
Source: Frantar et al. 2023 (GPTQ), section 4, grouping; Rouhani et al. 2023 (Microscaling formats, MX).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import final

import numpy as np

from gan2hls.base import remembered
from gan2hls.codecs.base import Bits, Blocks, Code, Codec, Encoded, Memory, joined, pack, pack_parts, to_blocks, unpack
from gan2hls.numbers import Int64Array, IntType
from gan2hls.ops import IntWeight


@final
@dataclass(frozen=True, eq=False)
class _Format:
    """How the codes of a tensor are stored.

    Attributes:
        code_bits: of an unsigned code.
        digit_bits: of ``base + offset + code``, signed.
        base: least ``value / factor``.
        offset_bits: of a block's offset; 0: there are none.
        factor_bits: of a block's factor, unsigned.
        entries: int64, the shape of ``IntWeight.factors``: ``offset << factor_bits | factor``.
    """

    code_bits: int
    digit_bits: int
    base: int
    offset_bits: int
    factor_bits: int
    entries: Int64Array


@remembered
def _format(weight: IntWeight) -> _Format:
    """Return the format with the fewest bits, offsets included."""
    factors, block = weight.factors, weight.block
    assert factors is not None and block > 0, "block-scaled weights have factors"
    taps, _, ci = weight.values.shape
    ends = []
    for tap in range(taps):
        digits = weight.values[tap] // np.repeat(factors[min(tap, len(factors) - 1)], block, axis=1)[:, :ci]
        ends.append([end.reduceat(digits, np.arange(0, ci, block), axis=1) for end in (np.minimum, np.maximum)])
    low, high = (np.stack(end) for end in zip(*ends, strict=True))
    if len(factors) == 1:
        low, high = low.min(axis=0, keepdims=True), high.max(axis=0, keepdims=True)
    least, most = int(low.min()), int(high.max())
    plain, based = (max(1, int(span).bit_length()) for span in (most - least, (high - low).max()))
    offsets = np.maximum(high - ((1 << based) - 1) - least, 0)
    offset_bits = int(offsets.max()).bit_length()
    if weight.values.size * (plain - based) <= offsets.size * offset_bits:
        based, offset_bits, offsets = plain, 0, np.zeros_like(offsets)
    factor_bits = int(factors.max()).bit_length()
    digit_bits = max(2, IntType.covering(min(least, -1), max(most, 0)).bits)
    return _Format(based, digit_bits, least, offset_bits, factor_bits, offsets << factor_bits | factors)


def encode(weight: IntWeight, blocks: Blocks) -> Code:
    """Store codes and factors."""
    found = _format(weight)
    taps, co, ci = weight.values.shape
    shared = gcd(weight.block, blocks.simd)
    spread = np.repeat(found.entries, weight.block // shared, axis=2)[:, :, : ci // shared]
    every = np.broadcast_to(spread, (taps, co, ci // shared))
    entries = to_blocks(every, blocks.pe, blocks.simd // shared)[blocks.dense]

    def codes(part: slice) -> Int64Array:
        base, factor = _lanes(entries[part], found.base, found.factor_bits, shared)
        made, rest = np.divmod(blocks.values[part], factor)
        assert not rest.any(), "weights are whole multiples of their block's factor"
        return made - base

    depth, lanes = blocks.values.shape
    shift = _shift(entries)
    words, width = entries[:: 1 << shift], found.factor_bits + found.offset_bits
    memories = (
        Memory("weight", lanes * found.code_bits, pack_parts(depth, lanes, found.code_bits, codes)),
        Memory("factor", words.shape[1] * width, pack(words, width)),
    )
    return memories, {
        "code_bits": found.code_bits,
        "digit_bits": found.digit_bits,
        "base": found.base,
        "offset_bits": found.offset_bits,
        "factor_bits": found.factor_bits,
        "factor_lanes": shared,
        "factor_shift": shift,
        "factor_words": len(words),
    }


def streamed(code: Code, blocks: Blocks) -> Code:
    """Put the entries of a block's lanes into its word, above the codes; there is no memory of factors then."""
    (codes, factors), parameters = code
    entries = factors.words[np.arange(len(blocks.values)) >> parameters["factor_shift"]]
    return (joined(codes, entries, factors.width_bits),), {**parameters, "factor_shift": 0, "factor_words": 0}


def streamed_bits(weight: IntWeight, pe: int, simd: int) -> int:
    """Return the bits of the entries of a block's lanes."""
    found = _format(weight)
    return pe * simd // gcd(weight.block, simd) * (found.factor_bits + found.offset_bits)


def _lanes(entries: Int64Array, base: int, factor_bits: int, shared: int) -> tuple[Int64Array, Int64Array]:
    """Return base plus offset, and factor, of each lane, both int64 ``[N, PE * SIMD]``."""
    every = np.repeat(entries, shared, axis=1)
    return (every >> factor_bits) + base, every & ((1 << factor_bits) - 1)


def _shift(entries: Int64Array) -> int:
    """Return the greatest ``n`` so that words of ``[N, lanes]`` differ only where ``2**n`` divides the address."""
    changes = np.flatnonzero((entries[1:] != entries[:-1]).any(axis=1)) + 1
    if not changes.size:
        return (len(entries) - 1).bit_length()
    every = int(np.bitwise_or.reduce(changes))
    return (every & -every).bit_length() - 1


def decode(encoded: Encoded) -> Int64Array:
    """Read the blocks back."""
    p = encoded.parameters
    shared, width = p["factor_lanes"], p["factor_bits"] + p["offset_bits"]
    codes = unpack(encoded.memories[0].words, encoded.lanes, p["code_bits"], signed=False)
    if p["factor_words"]:
        words = unpack(encoded.memories[1].words, encoded.lanes // shared, width, signed=False)
        entries = words[np.arange(len(codes)) >> p["factor_shift"]]
    else:
        above = encoded.lanes * p["code_bits"]
        bits = unpack(encoded.memories[0].words, encoded.memories[0].width_bits, 1, signed=False)[:, above:]
        entries = bits.reshape(len(codes), -1, width) @ (np.int64(1) << np.arange(width, dtype=np.int64))
    base, factor = _lanes(entries, p["base"], p["factor_bits"], shared)
    return (base + codes) * factor


def bits(weight: IntWeight, count: int) -> Bits:
    """``n * N`` for the codes, ``b`` for each block's factor, and its offset where there are any."""
    found = _format(weight)
    blocks = -(-found.entries.size * count // weight.values.size)
    return Bits(count * found.code_bits, blocks * (found.factor_bits + found.offset_bits))


def decoder_lut(weight: IntWeight) -> int:
    """Three LUTs for two bits of the product's partial sums: what Yosys makes of it for 7-series parts."""
    found = _format(weight)
    return -(-3 * found.digit_bits * found.factor_bits // 2)


def decoder_ff(weight: IntWeight) -> int:
    """Return the registers of the factor times two bits of the digit each; that of their sum is a multiplier's."""
    found = _format(weight)
    return -(-found.digit_bits // 2) * (found.factor_bits + 2)


CODEC = Codec(
    "blockscale",
    encode,
    decode,
    bits,
    multiplies=True,
    decoder_clocks=2,
    streamed=streamed,
    streamed_bits=streamed_bits,
    decoder_lut=decoder_lut,
    decoder_ff=decoder_ff,
)
