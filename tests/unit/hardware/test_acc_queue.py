"""The queue between MAC array and requantizer, where rows without taps pass: what it holds up, and with more lanes."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.hardware import Folding, FoldingRequest
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.options import options
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis
from tests.randomized import chain, design, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)


def between_rows_of_zeros(step: int, taps: int) -> LinearGeometry:
    """Rows of which each is filtered, ``step - 1`` rows of zeros between two of them and twice as many at the end."""
    rows = conv_transpose_axis(9, 1, step, 1, 0, 8 * step + 2 * step)
    return LinearGeometry(rows, conv_axis(44, taps, 1, 1, (taps // 2, taps // 2)), 8, 8, 1)


@pytest.mark.parametrize(("step", "taps"), [(2, 9), (3, 5), (4, 3), (7, 1)])
@pytest.mark.parametrize(("simd", "lanes"), [(2, 1), (4, 1), (8, 1), (8, 2)])
def test_what_is_held_up_is_what_the_cycle_model_says(step: int, taps: int, simd: int, lanes: int) -> None:
    geometry = between_rows_of_zeros(step, taps)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8)
    made = design(chain("m", geometry.in_shape, INT8, (layer,)), (Folding(2, simd, lanes),))
    (engine,) = made.engines
    assert engine.paced_cycles == pytest.approx(estimate(made).interval, rel=0.01)


def test_more_lanes_are_an_option() -> None:
    """The MAC array of the first waits while the requantizer makes zeros, though it has less to do than the array."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", between_rows_of_zeros(2, 9), INT8)
    found = options(layer, FoldingRequest(pe=2, simd=8))
    slow, fast = sorted(found, key=lambda option: option.folding.lanes)
    assert slow.folding.lanes == 1 and fast.folding.lanes == 2
    assert slow.interval > fast.interval
