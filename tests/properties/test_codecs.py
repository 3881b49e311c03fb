"""decode(encode(w)) == w for every codec, shape, width and folding, dense and with empty blocks left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.codecs import CODECS, decode, encode
from gan2hls.codecs.base import Bits, pack, to_blocks, unpack
from gan2hls.codecs.ternary import dense_bits
from gan2hls.numbers.numerics import IntType
from gan2hls.ops.weights import IntWeight, weight_type
from tests.randomized import block_mask, random_weights, scaled_weights


def _weight(data: st.DataObject, codec: str, shape: tuple[int, int, int]) -> IntWeight:
    """Random weights of ``codec``, or degenerate ones: all zero, one value, all at an end."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    bits, books = data.draw(st.integers(2, 16)), 1
    if codec == "codebook":
        books = data.draw(st.sampled_from([n for n in range(1, shape[1] + 1) if shape[1] % n == 0]))
    if codec == "blockscale":
        return _scaled_weight(data, rng, shape)
    fill = data.draw(st.sampled_from(["random", "random", "zero", "one value", "off centre"]))
    values = random_weights(rng, shape, codec, bits, books)
    if fill == "zero" and codec != "binary":
        values = np.zeros(shape, np.int64)
    elif fill == "one value":
        values = np.full(shape, values[0, 0, 0])
    elif fill == "off centre" and codec == "raw":
        values = np.abs(values) // 2 + data.draw(st.integers(-3, 100))
    return IntWeight(values, weight_type(values), np.ones(1), codec, "int8", books)


def _scaled_weight(data: st.DataObject, rng: np.random.Generator, shape: tuple[int, int, int]) -> IntWeight:
    """Random block-scaled weights, with a zero point per block or without, factors per tap or for all taps."""
    block, bits = data.draw(st.integers(1, shape[2])), data.draw(st.integers(1, 8))
    values, factors = scaled_weights(
        rng,
        shape,
        block,
        bits=bits,
        factor_bits=data.draw(st.integers(1, 15 - bits)),
        zero_points=data.draw(st.booleans()),
        taps=data.draw(st.sampled_from([0, 1])),
    )
    return IntWeight(values, weight_type(values), np.ones(1), "blockscale", "int4/32", 1, block, factors)


@pytest.mark.parametrize("codec", CODECS)
@given(st.data())
def test_decode_inverts_encode(codec: str, data: st.DataObject) -> None:
    pe, simd = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    shape = (data.draw(st.integers(1, 9)), pe * data.draw(st.integers(1, 3)), simd * data.draw(st.integers(1, 3)))
    weight = _weight(data, codec, shape)
    encoded = encode(weight, pe, simd)
    assert (decode(encoded) == weight.values).all()
    assert encoded.memories[0].depth == weight.values.size // (pe * simd)


@pytest.mark.parametrize("codec", CODECS)
@given(st.data())
def test_decode_inverts_encode_without_empty_blocks(codec: str, data: st.DataObject) -> None:
    pe, simd = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    shape = (data.draw(st.integers(1, 9)), pe * data.draw(st.integers(1, 3)), simd * data.draw(st.integers(1, 3)))
    weight = _weight(data, codec, shape)
    mask = block_mask(np.random.default_rng(data.draw(st.integers(0, 99))), shape, (pe, simd), 0.7)
    values = weight.values * mask
    codec = "ternary" if codec == "binary" else codec
    pruned = replace(weight, values=values, type=weight_type(values), codec=codec)
    kept = np.flatnonzero(to_blocks(mask, pe, simd).any(axis=1))
    kept = np.random.default_rng(0).permutation(kept)
    encoded = encode(pruned, pe, simd, kept)
    assert (decode(encoded) == values).all()
    assert encoded.memories[0].depth == kept.size


@given(st.data(), st.integers(2, 256), st.integers(2, 16))
def test_codebook_bits_are_the_formula(data: st.DataObject, count: int, bits: int) -> None:
    """``n ceil(log2 K) + K b``, whatever K."""
    low = -(1 << (bits - 1))
    book = np.arange(low, low + min(count, 1 << bits))
    values = np.resize(np.random.default_rng(0).permutation(book), (2, 16, 32))
    weight = IntWeight(values, weight_type(values), np.ones(1), "codebook", f"codebook<{count},{bits}>")
    found = CODECS["codebook"].bits(weight, values.size)
    k = np.unique(values).size
    assert found.codes == values.size * max(1, int(np.ceil(np.log2(k))))
    assert found.tables <= k * bits
    encoded = encode(weight, data.draw(st.sampled_from([1, 2, 8])), data.draw(st.sampled_from([1, 4, 32])))
    assert sum(memory.bits for memory in encoded.memories) == found.codes + found.tables


@pytest.mark.parametrize("lanes", range(1, 40))
def test_trits_take_at_most_two_bits(lanes: int) -> None:
    """As many bits as whole bytes of 5 trits and the least for the rest: never more than 2 a weight."""
    rest = lanes % 5
    assert dense_bits(lanes) == 8 * (lanes // 5) + int(np.ceil(rest * np.log2(3)))
    assert dense_bits(lanes) <= 2 * lanes
    values = np.random.default_rng(lanes).integers(-1, 2, (600, 1, lanes))
    weight = IntWeight(values, weight_type(values), np.ones(1), "ternary", "ternary")
    assert CODECS["ternary"].bits(weight, values.size).codes == -(-values.size * 8 // 5)
    assert encode(weight, 1, lanes).memories[0].width_bits in (2 * lanes, dense_bits(lanes))


def test_off_centre_weights_need_no_sign_bit() -> None:
    """Codes 0..15 with a zero point of 3 take 4 bits, not the 5 of a signed -3..12."""
    values = np.arange(-3, 13).reshape(1, 4, 4)
    weight = IntWeight(values, weight_type(values), np.ones(1), "raw", "int4")
    encoded = encode(weight, 2, 2)
    assert encoded.memories[0].width_bits == 4 * 4
    assert CODECS["raw"].bits(weight, 16).codes == 16 * 4


@pytest.mark.parametrize(("block", "simd", "repeats"), [(32, 4, 1), (32, 32, 1), (16, 64, 1), (48, 16, 3), (16, 24, 2)])
def test_each_factor_stands_in_memory_once_where_blocks_are_aligned(block: int, simd: int, repeats: int) -> None:
    values, factors = scaled_weights(np.random.default_rng(0), (4, 8, 192), block, zero_points=False, factor_bits=11)
    weight = IntWeight(values, weight_type(values), np.ones(1), "blockscale", f"int4/{block}", 1, block, factors)
    encoded, formula = encode(weight, 2, simd), CODECS["blockscale"].bits(weight, values.size)
    assert formula == Bits(values.size * 4, values.size // block * 11)
    assert [memory.bits for memory in encoded.memories] == [formula.codes, formula.tables * repeats]


def test_zero_points_per_block_need_no_wider_codes() -> None:
    """Codes 0..15 with a zero point per block: 4 bits a weight and 4 a block, not the 5 bits of -15..15."""
    values, factors = scaled_weights(np.random.default_rng(0), (4, 8, 64), 32)
    weight = IntWeight(values, weight_type(values), np.ones(1), "blockscale", "int4/32", 1, 32, factors)
    codes = values // np.repeat(factors, 32, axis=2)
    assert codes.min() < -8 and codes.max() > 8
    assert CODECS["blockscale"].bits(weight, values.size) == Bits(values.size * 4, factors.size * (6 + 4))


@given(st.integers(1, 70), st.integers(1, 16), st.booleans(), st.integers(0, 2**32 - 1))
def test_unpack_inverts_pack(lanes: int, bits: int, signed: bool, seed: int) -> None:
    kind = IntType(bits, signed)
    values = np.random.default_rng(seed).integers(kind.lo, kind.hi + 1, (5, lanes))
    assert (unpack(pack(values, bits), lanes, bits, signed) == values).all()


def test_lane_zero_is_least_significant() -> None:
    assert pack(np.array([[1, -1, 3]]), 8).tolist() == [[0x03FF01]]
    assert pack(np.array([[0] * 8 + [5]]), 8).tolist() == [[0, 5]]
