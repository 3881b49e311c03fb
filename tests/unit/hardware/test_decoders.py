"""Which weights may have decoders of an entropy code, and which entropy code they get."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.hardware import Folding, LinearEngine, OffChip, legal_decoders
from gan2hls.hardware.coding import with_decoders
from gan2hls.numbers.numerics import IntType, QuantType
from tests.randomized import chain, dense, design, linear_layer


@pytest.mark.parametrize(("count", "legal"), [(4096, (1, 2, 4, 8)), (4097, ())])
def test_symbols_must_not_be_more_than_codes(count: int, legal: tuple[int, ...]) -> None:
    """Of 12 bits at most, whatever the width of a weight."""
    z = QuantType(IntType(8, signed=True), 1.0)
    values = (np.arange(80 * 80) % count * 15).reshape(1, 80, 80) - 30000
    layer = linear_layer(np.random.default_rng(0), "l0", "z", dense(80, 80), z, values=values)
    folding = Folding(4, 2, 1)
    (engine,) = design(chain("wide", (1, 1, 80), z, (layer,)), [folding]).engines
    assert isinstance(engine, LinearEngine) and engine.weight.type.bits == 16
    assert legal_decoders(engine.weights) == legal
    if not legal:
        return
    (engine,) = design(chain("wide", (1, 1, 80), z, (layer,)), [folding], off_chip={"l0": OffChip(1, 64, 8)}).engines
    assert isinstance(engine, LinearEngine) and engine.huffman is not None
    assert len(engine.huffman.code.symbols) == count
    # A decoder has one weight of each word; the words of a fold follow one another.
    blocks = values.reshape(20, 4, 40, 2).transpose(0, 2, 1, 3).reshape(-1, 8)
    for n, bits in enumerate(engine.huffman.streams):
        found = engine.huffman.code.decode(bits, len(blocks))
        np.testing.assert_array_equal(found, blocks[:, n] & 0xFFFF)


def engine_with(values: np.ndarray, away: OffChip) -> LinearEngine:
    """An engine of a matrix product by ``values`` [64, 64], whose weights are off chip."""
    z = QuantType(IntType(8, signed=True), 1.0)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", dense(64, 64), z, values=values[None])
    (engine,) = design(chain("coded", (1, 1, 64), z, (layer,)), [Folding(4, 4, 1)], off_chip={"l0": away}).engines
    assert isinstance(engine, LinearEngine)
    return engine


def rounded(sparsity: float) -> np.ndarray:
    """Normal weights, rounded to 4 bits, of which this part is pruned, wherever it stands."""
    rng = np.random.default_rng(7)
    values = np.clip(np.rint(rng.normal(0, 3, (64, 64))), -8, 7).astype(np.int64)
    return np.where(rng.random((64, 64)) < sparsity, 0, values)


@pytest.mark.parametrize("sparsity", [0.8, 0.9, 0.95, 0.99])
def test_pruned_weights_are_coded_in_runs(sparsity: float) -> None:
    """In phrases that take within two hundredths of the least bytes; beyond 0.9 in fewer than a bit a weight."""
    values = rounded(sparsity)
    found = with_decoders(engine_with(values, OffChip(1, 32)), 1 << 20)
    assert found.off_chip is not None and found.off_chip.decoders == 1
    sizes = {most: engine_with(values, OffChip(1, 32, 1, most)).pass_bytes for most in range(1, 33)}
    assert found.pass_bytes <= 1.02 * min(sizes.values()) + 8 and found.pass_bytes <= 0.95 * sizes[1]
    assert sizes[1] * 8 >= values.size
    assert sparsity < 0.9 or found.pass_bytes * 8 < values.size


def test_other_weights_are_not() -> None:
    """Those of few zeros are coded one by one, those that are equally frequent not at all."""
    plain = OffChip(1, 32)
    normal = with_decoders(engine_with(rounded(0.0), plain), 1 << 20)
    assert normal.off_chip == OffChip(1, 32, 1)
    even = with_decoders(engine_with(np.resize(np.arange(-8, 8), (64, 64)), plain), 1 << 20)
    assert even.off_chip == plain


def test_as_many_decoders_as_keep_the_interval_share_the_runs() -> None:
    """Of four parts of each word, each has its own phrases; together they are the weights."""
    found = with_decoders(engine_with(rounded(0.9), OffChip(1, 32)), 1200)
    assert found.off_chip is not None and found.huffman is not None
    assert found.off_chip.decoders == 4 and found.off_chip.phrase_symbols > 1
    assert found.decode_cycles == 1024
    blocks = rounded(0.9).reshape(16, 4, 16, 4).transpose(0, 2, 1, 3).reshape(-1, 4, 4)
    coded = found.huffman
    for n, bits in enumerate(coded.streams):
        phrases = coded.code.decode(bits, coded.counts[n])
        np.testing.assert_array_equal(coded.phrases.expand(phrases), blocks[:, n].ravel() & 15)


def test_a_table_of_phrases_is_not_too_large() -> None:
    """Of weights of 8 bits of which each occurs, long runs in front of each would be thousands of phrases."""
    rng = np.random.default_rng(3)
    values = np.where(rng.random((64, 64)) < 0.7, 0, rng.integers(-128, 128, (64, 64)))
    found = with_decoders(engine_with(values, OffChip(1, 32)), 1 << 20)
    assert found.huffman is not None and found.off_chip is not None
    assert found.off_chip.phrase_symbols > 1 and len(found.huffman.code.symbols) <= 1024
