"""Which weights may have decoders of an entropy code."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.hardware import Folding, LinearEngine, OffChip, legal_decoders
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
