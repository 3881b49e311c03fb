"""The linear operation on integers."""

from __future__ import annotations

import numpy as np

from gan2hls.numbers import IntType
from gan2hls.ops import COPY, IntLinear, IntWeight, LinearGeometry, conv_axis


def test_useful_macs_of_a_copy_are_those_by_ones() -> None:
    """Three channels in another order: nine weights, of which three pass something on, over 4 x 5 pixels."""
    geometry = LinearGeometry(conv_axis(4, 1, 1, 1, (0, 0)), conv_axis(5, 1, 1, 1, (0, 0)), 3, 3)
    values = np.eye(3, dtype=np.int64)[[2, 0, 1]][None]
    weight = IntWeight(values, IntType(2, signed=True), np.ones(1), "ternary", "ternary")
    assert IntLinear(COPY, geometry, weight).useful_macs == 4 * 5 * 3
    assert IntLinear("conv", geometry, weight).useful_macs == 4 * 5 * 9
