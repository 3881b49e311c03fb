"""What a design knows about its sizes, and what ``verify_design`` refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding, verify_design
from gan2hls.numbers.numerics import IntType, QuantType
from tests.randomized import chain, conv, conv_transpose, design, linear_layer, pointwise_layer, tiny_design

INT8 = QuantType(IntType(8, signed=True), 1.0)


def test_sizes_by_hand() -> None:
    """ConvTranspose k4 s2 of 2 x 2 x 8 to 4 x 4 x 6 with PE 6, SIMD 4, 3 lanes: 6 taps an axis."""
    engine = tiny_design().engines[1]
    assert (engine.in_lanes, engine.out_lanes) == (4, 3)
    assert (engine.ci_folds, engine.co_folds) == (2, 1)
    assert (engine.loads, engine.out_beats) == (8, 32)
    assert engine.mac_cycles == 6 * 6 * 8 * 6 // 24 == 72
    assert engine.interval == 72
    assert tiny_design().interval_limit == max(e.mac_cycles for e in tiny_design().engines)


def test_an_engine_is_as_slow_as_its_slowest_side() -> None:
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((8, 8), 4, 2, k=1, s=4, p=0), INT8)
    engine = design(chain("m", (8, 8, 4), INT8, (layer,)), (Folding(2, 1, 2),), extra_rows=4).engines[0]
    assert (engine.mac_cycles, engine.loads, engine.out_beats, engine.interval) == (16, 256, 4, 256)


def test_a_pointwise_engine_has_as_many_beats_on_both_sides() -> None:
    layer = pointwise_layer(np.random.default_rng(0), "l0", "z", (2, 3, 4), INT8)
    made = design(chain("m", (2, 3, 4), INT8, (layer,)), (Folding(2, 2, 2),))
    assert made.engines[0].mac_cycles == 0
    assert made.engines[0].in_beats == (made.engines[0].out_beats,) == (12,)
    assert made.interval_limit >= 1


@pytest.mark.parametrize(("pe", "simd", "lanes"), [(1, 1, 1), (8, 1, 1), (8, 8, 1), (8, 8, 8), (2, 4, 2)])
def test_accumulator_queues_are_powers_of_two_within_bounds(pe: int, simd: int, lanes: int) -> None:
    for geometry in (conv_transpose((4, 4), 8, 8), conv((4, 4), 8, 8), conv_transpose((3, 3), 8, 8, k=1, s=3, p=0)):
        layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8)
        words = (
            design(chain("m", geometry.in_shape, INT8, (layer,)), (Folding(pe, simd, lanes),))
            .engines[0]
            .acc_queue_words
        )
        assert 16 <= words <= 64 and words & (words - 1) == 0


def broken(**changes: object) -> Design:
    made = tiny_design()
    engines = list(made.engines)
    engines[1] = replace(engines[1], **changes)
    return replace(made, engines=tuple(engines))


@pytest.mark.parametrize(
    "changes",
    [
        {"folding": Folding(4, 4, 2)},  # PE does not divide 6
        {"folding": Folding(6, 3, 3)},  # SIMD does not divide 8
        {"folding": Folding(6, 4, 4)},  # lanes do not divide PE
        {"folding": Folding(3, 4, 3)},  # weights are laid out for PE 6
        {"rows": 1},  # two rows are alive at once
        {"rows": 9},  # more than four frames
        {"encoded": None},
        {"layer": tiny_design().model.layers[0]},
    ],
)
def test_illegal_designs_are_refused(changes: dict[str, object]) -> None:
    verify_design(tiny_design())
    with pytest.raises(AssertionError):
        verify_design(broken(**changes))


def test_an_engine_too_few_is_refused() -> None:
    made = tiny_design()
    with pytest.raises(AssertionError, match="one engine per layer"):
        verify_design(replace(made, engines=made.engines[:2]))
