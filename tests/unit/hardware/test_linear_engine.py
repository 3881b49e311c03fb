"""What an engine says of weights that are not laid out yet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.hardware import Folding, LinearEngine, OffChip
from gan2hls.numbers.numerics import IntType, QuantType
from tests.randomized import chain, conv, design, linear_layer


@pytest.mark.parametrize(
    ("codec", "channels", "bits"),
    [("raw", 8, 5 * 16), ("binary", 8, 16), ("codebook", 8, 16 * 4), ("ternary", 8, 2 * 16), ("ternary", 200, 26)],
)
def test_a_word_has_the_bits_that_it_will_have(codec: str, channels: int, bits: int) -> None:
    """Few trits take two bits each; many stand five in a byte, the last of 16 in two bits."""
    z, folding = QuantType(IntType(8, signed=True), 1.0), Folding(4, 4, 4)
    rng = np.random.default_rng(0)
    values = rng.choice(rng.choice(np.arange(-99, 99), 16, replace=False), (9, channels, channels))
    layer = linear_layer(
        rng, "l0", "z", conv((4, 4), channels, channels), z, codec=codec, weight_bits=5,
        values=values if codec == "codebook" else None,
    )  # fmt: skip
    made = design(chain("words", (4, 4, channels), z, (layer,)), (folding,), off_chip={"l0": OffChip(4, 64)})
    (engine,) = made.engines
    assert isinstance(engine, LinearEngine)
    assert engine.weight_word_bits == replace(engine, encoded=None).weight_word_bits == bits
