"""Reported bits are the codec's formula, memories hold them and the reported padding: for all codecs, foldings, blocks.

The formulas stand here a second time, from the weights that are stored: raw ``n N``, binary ``n``, ternary ``8 n / 5``,
codebook ``n ceil(log2 K) + books K b``, block-scaled ``n N`` and ``f`` bits a factor, ``o`` an offset.
"""

from __future__ import annotations

from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.codecs import CODECS, decode, encode
from gan2hls.codecs.base import Encoded
from gan2hls.hardware import Folding, make_engine
from gan2hls.hardware.footprint import footprint
from gan2hls.numbers.numerics import Int64Array, IntType, QuantType
from gan2hls.ops.weights import IntWeight, weight_type
from tests.randomized import block_mask, conv, linear_layer, random_weights, scaled_weights

INT8 = QuantType(IntType(8, signed=True), 1.0)
#: Bits of what 5 trits a byte leave over: the least that hold ``3**n`` codes.
REST = [ceil(n * log2(3)) for n in range(5)]


@st.composite
def cases(draw: st.DrawFn, codec: str) -> tuple[IntWeight, int, int, Int64Array | None]:
    """Weights of ``codec``, a folding, and the blocks that are kept: all, the full ones, or some empty ones as well."""
    pe, simd = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    shape = (draw(st.integers(1, 9)), pe * draw(st.integers(1, 4)), simd * draw(st.integers(1, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    books = (
        draw(st.sampled_from([n for n in range(1, shape[1] + 1) if shape[1] % n == 0])) if codec == "codebook" else 1
    )
    values, block, factors = random_weights(rng, shape, codec, draw(st.integers(2, 16)), books), 0, None
    if codec == "blockscale":
        block, taps, zeros = draw(st.integers(1, shape[2])), draw(st.sampled_from([0, 1])), draw(st.booleans())
        factor_bits = draw(st.sampled_from([1, 1, 6]))
        values, factors = scaled_weights(rng, shape, block, factor_bits=factor_bits, zero_points=zeros, taps=taps)
    match (
        "random"
        if codec == "blockscale"
        else draw(st.sampled_from(["random", "no zero", "few zeros", "off centre", "one value"]))
    ):
        case "no zero":
            values = np.where(values == 0, values.ravel()[np.abs(values).argmax()] or 1, values)
        case "few zeros":
            values = np.where((values == 0) & (rng.random(shape) < 0.9), values.max() or 1, values)
        case "off centre" if codec == "raw":
            values = np.abs(values) // 2 + draw(st.integers(-3, 100))
        case "one value":
            values = np.full(shape, values[0, 0, 0] or 1)
    if codec == "binary":  # one with zeros would be ternary
        return IntWeight(values, weight_type(values), np.ones(1), codec, "binary"), pe, simd, None
    kept = None
    if draw(st.booleans()):
        values = values * block_mask(rng, shape, (pe, simd), 0.7)
        full = np.array([block.any() for block in blocks_of(values, pe, simd)])
        full |= rng.random(full.size) < draw(st.sampled_from([0.0, 0.0, 0.2]))
        full[0] = True
        kept = rng.permutation(np.flatnonzero(full))
    return IntWeight(values, weight_type(values), np.ones(1), codec, codec, books, block, factors), pe, simd, kept


def blocks_of(values: Int64Array, pe: int, simd: int) -> list[Int64Array]:
    """The blocks ``[PE, SIMD]`` by dense address."""
    taps, co, ci = values.shape
    return [
        values[t, c : c + pe, i : i + simd] for t in range(taps) for c in range(0, co, pe) for i in range(0, ci, simd)
    ]


def formula(weight: IntWeight, pe: int, simd: int, kept: Int64Array | None) -> tuple[int, int]:
    """What the stored weights may cost at most, and what memory may have beyond that."""
    _, co, ci = weight.values.shape
    blocks = blocks_of(weight.values, pe, simd)
    addresses = range(len(blocks)) if kept is None else kept.tolist()
    stored = np.stack([blocks[at] for at in addresses])
    n, lanes = stored.size, pe * simd
    match weight.codec:
        case "raw":
            low, high = int(stored.min()), int(stored.max())
            signed = next(w for w in range(2, 20) if -(1 << (w - 1)) <= low and high < 1 << (w - 1))
            unsigned = next(w for w in range(1, 20) if high - low < 1 << w)
            return n * min(signed, unsigned), 0
        case "binary":
            return n, 0
        case "ternary" if kept is not None and stored.all():
            return n, 0
        case "ternary":
            word = {2 * lanes, 8 * (lanes // 5) + REST[lanes % 5]}
            return ceil(8 * n / 5), max(word) * len(stored) - ceil(8 * n / 5)
        case "blockscale":
            code, entry, entries = block_formula(weight)
            return n * code + ceil(entries * n / weight.values.size) * entry, n * entry
    channel = np.array([at // (ci // simd) % (co // pe) * pe for at in addresses])[:, None] + np.arange(pe)
    book = channel * weight.books // co
    found = [set(stored[book == b].ravel().tolist()) for b in range(weight.books)]
    k = max(map(len, found))
    edges = [*(value for values in found for value in values), 0, -1]
    b = next(w for w in range(2, 20) if -(1 << (w - 1)) <= min(edges) and max(edges) < 1 << (w - 1))
    words = 1 if weight.books == 1 else co // pe  # a word of centroids for each output fold
    tables = words * pe * k * b  # at most a table for each lane's channel
    return n * ceil(log2(k)) + weight.books * k * b, max(0, tables - weight.books * k * b) + (n if k == 1 else 0)


def block_formula(weight: IntWeight) -> tuple[int, int, int]:
    """Bits of a code and of an entry (factor and offset), and the number of entries: the fewest bits overall."""
    factors = weight.factors
    assert factors is not None
    taps, co, ci = weight.values.shape
    ranges = []
    for at in np.ndindex(factors.shape):
        tap = slice(None) if len(factors) == 1 else at[0]
        digits = weight.values[tap, at[1], at[2] * weight.block : (at[2] + 1) * weight.block] // factors[at]
        ranges.append((int(digits.min()), int(digits.max())))
    least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
    factor = int(factors.max()).bit_length()
    plain = max(1, (most - least).bit_length())
    own = max(1, max(high - low for low, high in ranges).bit_length())
    offset = max(max(0, high - (1 << own) + 1 - least) for _, high in ranges).bit_length()
    size = taps * co * ci
    if size * plain <= size * own + factors.size * offset:
        return plain, factor, factors.size
    return own, factor + offset, factors.size


def bits_of(encoded: Encoded) -> int:
    """The bits of all memories, which have no bit beyond their widths."""
    for memory in encoded.memories:
        words = [sum(int(limb) << (64 * at) for at, limb in enumerate(word)) for word in memory.words]
        assert all(word >> memory.width_bits == 0 for word in words)
    return sum(len(memory.words) * memory.width_bits for memory in encoded.memories)


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=200)
@given(data=st.data())
def test_bits_are_the_formula_and_memories_hold_them_and_the_padding(codec: str, data: st.DataObject) -> None:
    weight, pe, simd, kept = data.draw(cases(codec))
    encoded = encode(weight, pe, simd, kept)
    bits, padding = formula(weight, pe, simd, kept)
    assert encoded.formula.overall == (bits if codec != "blockscale" else min(bits, bits_of(encoded)))
    assert 0 <= encoded.padding <= padding
    assert bits_of(encoded) == encoded.formula.overall + encoded.padding
    assert (decode(encoded) == weight.values).all()


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=50)
@given(data=st.data())
def test_footprint_of_an_engine_is_the_formula(codec: str, data: st.DataObject) -> None:
    pe, simd = data.draw(st.sampled_from([1, 2, 3, 6])), data.draw(st.sampled_from([1, 2, 4]))
    books = data.draw(st.sampled_from([1, 2, 3, 6, 12])) if codec == "codebook" else 1
    skip = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    geometry = conv((4, 4), 4, 12)
    empty = 0.7 if skip else 0.0
    layer = linear_layer(rng, "l0", "z", geometry, INT8, codec=codec, books=books, empty=empty, block=(pe, simd))
    engine = make_engine(layer, Folding(pe, simd, 1), rows=4, skip=skip)
    assert layer.op.kind != "pointwise" and engine.encoded is not None
    bits, padding = formula(layer.op.weight, pe, simd, engine.encoded.kept)
    found = footprint(engine)
    assert found.encoded == (bits if codec != "blockscale" else min(bits, bits_of(engine.encoded)))
    assert 0 <= found.padding <= padding
    assert found.encoded + found.padding == bits_of(engine.encoded)
    assert found.float32 == 32 * 9 * 4 * 12 and found.scales == max(18, layer.requant.mult_type.bits)
    assert (found.pointers > 0) == skip


@pytest.mark.parametrize(
    ("codec", "values", "shown", "code_bits"),
    [
        ("codebook", range(17), {"centroids": 16, "index_bits": 4}, 4),
        ("codebook", (0, 9), {"centroids": 1, "index_bits": 1}, 0),
        ("ternary", (-1, 0, 1), {}, 1),
        ("raw", (0, *range(40, 72)), {"code_bits": 5, "base": 40, "code_signed": 0}, 5),
    ],
)
def test_zeros_of_left_out_blocks_need_no_code(
    codec: str, values: tuple[int, ...], shown: dict[str, int], code_bits: int
) -> None:
    tensor = np.zeros((4, 4, 64), np.int64)
    rest = [value for value in values if value]
    tensor[0, :2] = np.resize(rest, (2, 64))
    tensor[3, 2:] = np.resize(rest, (2, 64))
    weight = IntWeight(tensor, weight_type(tensor), np.ones(1), codec, codec)
    kept = np.array([at for at, block in enumerate(blocks_of(tensor, 2, 4)) if block.any()])
    encoded = encode(weight, 2, 4, kept)
    assert encoded.codec == ("binary" if codec == "ternary" else codec)
    assert {name: encoded.parameters[name] for name in shown} == shown
    assert encoded.formula.codes == code_bits * kept.size * 8
    assert (decode(encoded) == tensor).all()
    spoilt = tensor.copy()
    spoilt[0, 0, 0] = 0  # a zero in a kept block has its code
    wider = encode(IntWeight(spoilt, weight_type(spoilt), np.ones(1), codec, codec), 2, 4, kept)
    assert wider.codec == codec and wider.formula.codes > encoded.formula.codes
    assert (decode(wider) == spoilt).all()


def test_books_lose_their_zeros_one_by_one() -> None:
    """Channels 0 and 1 keep a zero beside one other value, 2 and 3 three values without it: three entries, not four."""
    tensor = np.zeros((2, 4, 6), np.int64)
    tensor[0, :2, 0], tensor[0, 2:] = 5, np.resize([7, 8, 9], (2, 6))
    weight = IntWeight(tensor, weight_type(tensor), np.ones(1), "codebook", "codebook<4>", books=4)
    kept = np.array([0, 1])
    encoded = encode(weight, 2, 6, kept)
    assert (encoded.parameters["centroids"], encoded.parameters["index_bits"]) == (3, 2)
    assert encode(weight, 2, 6).parameters["centroids"] == 4
    assert (decode(encoded) == tensor).all()
