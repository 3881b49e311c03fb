"""Options that alike layers share: those that a layer would have by itself, whatever it differs in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.hardware import FoldingRequest, MemoryPort
from gan2hls.hardware.options import _dense_drafts, options
from gan2hls.model import IntLayer
from gan2hls.numbers import IntType, QuantType
from tests.randomized import conv, linear_layer

INT8, UINT8 = QuantType(IntType(8, signed=True), 1.0), QuantType(IntType(8, signed=False), 1.0, 3)
WIDE = QuantType(IntType(11, signed=False), 1.0)


def layers() -> dict[str, IntLayer]:
    """Layers that each differ from the first in one thing."""

    def made(geometry: object = None, given: QuantType = INT8, **how: object) -> IntLayer:
        rng = np.random.default_rng(0)
        return linear_layer(rng, "l0", "z", geometry or conv((8, 8), 8, 16, k=3, p=1), given, **how)  # type: ignore[arg-type]

    return {
        "first": made(),
        "weight bits": made(weight_bits=4),
        "zero point": made(given=UINT8),
        "another zero point": made(given=replace(UINT8, zero_point=7)),
        "a zero point in the middle": made(given=replace(UINT8, zero_point=128)),
        "input bits": made(given=WIDE),
        "output bits": made(out=WIDE),
        "table": made(table_bits=6),
        "pieces": made(pieces=2),
        "ternary": made(codec="ternary"),
        "codebook": made(codec="codebook"),
        "books": made(codec="codebook", books=4),
        "blocks": made(codec="blockscale"),
        "size": made(conv((8, 4), 8, 16, k=3, p=1)),
        "channels": made(conv((8, 8), 8, 32, k=3, p=1)),
        "padding": made(conv((8, 8), 8, 16, k=3, p=0)),
        "empty blocks": made(empty=0.6, block=(4, 4)),
        "empty blocks of others": made(given=WIDE, empty=0.6, block=(4, 4)),
    }


@pytest.mark.parametrize("name", layers())
def test_what_others_have_asked_for_changes_nothing(name: str) -> None:
    layer, memory = layers()[name], MemoryPort()
    _dense_drafts.cache_clear()
    alone = options(layer, FoldingRequest(), memory, short="frame", ultra=True)
    _dense_drafts.cache_clear()
    for other in layers().values():
        options(other, FoldingRequest(), memory, short="frame", ultra=True)
    anew = layers()[name]  # options are remembered by layer
    assert options(anew, FoldingRequest(), memory, short="frame", ultra=True) == alone


@pytest.mark.parametrize("given", [replace(UINT8, zero_point=7), WIDE])
def test_models_of_the_same_weights_share_no_more_than_they_have_in_common(given: QuantType) -> None:
    """Engines that skip blocks depend on weights, which a search lowers again and again, and on types."""
    rng = np.random.default_rng(0)
    first = linear_layer(rng, "l0", "z", conv((8, 8), 8, 16, k=3, p=1), INT8, empty=0.6, block=(4, 4))
    other = replace(first, input_types=(given,), acc_type=IntType.covering(*first.op.bounds([given])), output_type=WIDE)
    anew = replace(other, op=replace(other.op, weight=replace(other.op.weight)))
    found = [options(layer, FoldingRequest(), MemoryPort(), short="frame") for layer in (first, other, anew)]
    assert found[1] == found[2] != found[0]
    assert all(any(option.skip for option in one) for one in found)
