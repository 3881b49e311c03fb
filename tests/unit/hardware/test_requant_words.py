"""Words of the requantizer's memory: those that differ, where they come again in one order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.fabric import SERIES_7
from gan2hls.hardware.engine import Folding
from gan2hls.hardware.resources import engine_resources
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.numbers import IntType, QuantType
from tests.randomized import pointwise_layer
from tests.shared_engines import norms_design

KIND = QuantType(IntType(8, signed=True), 1.0)


def engine(period: int, channels: int = 96, lanes: int = 2) -> StreamEngine:
    """A function whose constants repeat after so many channels."""
    layer = pointwise_layer(np.random.default_rng(0), "l0", "z", (2, 2, channels), KIND)
    requant = layer.requant
    repeated = {
        name: np.take(getattr(requant, name), np.arange(channels) % period, axis=-1)
        for name in ("mult", "bias", "threshold")
    }
    return StreamEngine(replace(layer, requant=replace(requant, **repeated)), Folding(lanes, lanes, lanes))


@pytest.mark.parametrize(("period", "words"), [(1, 1), (2, 1), (3, 3), (4, 2), (12, 6), (32, 16), (96, 48)])
def test_words_are_stored_until_they_come_again(period: int, words: int) -> None:
    made = engine(period)
    assert made.requant_words == made.requant_order.groups == words


def test_a_constant_takes_no_block_ram() -> None:
    one, many = (engine_resources(engine(words, 192, 1), SERIES_7).taken for words in (1, 192))
    assert one.bram18 < many.bram18


def test_layers_that_take_turns_have_all_their_words() -> None:
    (unit,) = (unit for unit in norms_design(0).units if unit.turns)
    assert unit.requant_words * unit.folding.lanes == unit.layer.requant.channels
