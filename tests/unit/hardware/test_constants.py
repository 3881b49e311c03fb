"""What a requantizer's constants take in logic: a function for each bit that differs, once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.fabric import SERIES_7
from gan2hls.hardware import Folding
from gan2hls.hardware.engines import plain_engine
from gan2hls.hardware.resources import engine_resources
from gan2hls.model import IntLayer
from gan2hls.numbers import Int64Array, IntType, QuantType
from tests.randomized import conv, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)
CHANNELS = 32


def layer_of(mult: Int64Array, bias: Int64Array) -> IntLayer:
    made = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), 4, CHANNELS), INT8)
    return replace(made, requant=replace(made.requant, mult=mult[None], bias=bias[None]))


def luts(layer: IntLayer, lanes: int = 1) -> int:
    return engine_resources(plain_engine(layer, Folding(lanes, 4, lanes)), SERIES_7).taken.lut


def functions(values: Int64Array, bits: int, lanes: int) -> int:
    """Bits of a word as strings over its words: those that are not all the same, without those that occur before."""
    words = [[int(value) & ((1 << bits) - 1) for value in values[n : n + lanes]] for n in range(0, CHANNELS, lanes)]
    made = {"".join(str(word[lane] >> bit & 1) for word in words) for lane in range(lanes) for bit in range(bits)}
    return sum(len(set(text)) > 1 for text in made)


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_constants_that_all_channels_share_take_no_lut(seed: int, lanes: int) -> None:
    """A multiplier's bit is a LUT, one of an offset a LUT and a shift register's."""
    rng = np.random.default_rng(seed)
    base = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), 4, CHANNELS), INT8).requant
    steps = np.array([0, 3, 40, 41, -7])
    mult, bias = 70_000 + rng.choice(steps, CHANNELS), -(3 << 23) + (rng.choice(steps, CHANNELS) << 3)
    alone = luts(layer_of(np.full(CHANNELS, 70_000), np.full(CHANNELS, -(3 << 23))), lanes)
    varied = layer_of(mult, bias)
    mults, offsets = (
        functions(values, kind.bits, lanes)
        for values, kind in ((mult, varied.requant.mult_type), (varied.requant.offset[0], varied.requant.offset_type))
    )
    assert 0 < mults < base.mult_type.bits * lanes
    assert luts(varied, lanes) - alone == mults + 2 * offsets
