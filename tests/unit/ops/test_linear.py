"""The linear operation on integers."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import COPY, IntLinear, IntWeight, LinearGeometry, conv_axis
from tests.randomized import conv, dense, linear_layer


def test_useful_macs_of_a_copy_are_those_by_ones() -> None:
    """Three channels in another order: nine weights, of which three pass something on, over 4 x 5 pixels."""
    geometry = LinearGeometry(conv_axis(4, 1, 1, 1, (0, 0)), conv_axis(5, 1, 1, 1, (0, 0)), 3, 3)
    values = np.eye(3, dtype=np.int64)[[2, 0, 1]][None]
    weight = IntWeight(values, IntType(2, signed=True), np.ones(1), "ternary", "ternary")
    assert IntLinear(COPY, geometry, weight).useful_macs == 4 * 5 * 3
    assert IntLinear("conv", geometry, weight).useful_macs == 4 * 5 * 9


@pytest.mark.parametrize(
    "geometry",
    [dense(6, 5), conv((4, 3), 6, 5, k=1, p=0), conv((4, 3), 6, 6, k=1, p=0, groups=2), conv((4, 3), 6, 5)],
    ids=["dense", "pixels alone", "groups", "neighbours"],
)
def test_a_frame_alone_has_the_sums_that_it_has_beside_others(geometry: LinearGeometry) -> None:
    """One whose pixels are multiplied alone is a single product."""
    rng = np.random.default_rng(0)
    layer = linear_layer(rng, "l0", "z", geometry, QuantType(IntType(8, signed=True), 1.0, 3))
    program = layer.op.program(layer.input_types, layer.acc_type)
    codes = rng.integers(-128, 128, (3, *geometry.in_shape))
    together = program(codes)
    for n in range(3):
        assert (program(codes[n : n + 1]) == together[n]).all()
