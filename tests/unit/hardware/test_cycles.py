"""The cycle model against closed forms; the comparison with RTL simulation is in tests/cosim."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.hardware import Folding
from gan2hls.hardware.cycles import estimate
from gan2hls.model.integer import IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry
from tests.randomized import chain, conv, conv_transpose, dense, design, linear_layer, pointwise_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)


def layer(geometry: LinearGeometry, **options: int) -> IntLayer:
    return linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8, **options)


@pytest.mark.parametrize(
    ("geometry", "folding"),
    [
        (dense(64, 32), Folding(4, 8, 1)),
        (dense(64, 32), Folding(32, 1, 1)),
        (conv((8, 8), 8, 8), Folding(4, 4, 1)),
        (conv_transpose((8, 8), 8, 8), Folding(8, 2, 2)),
        (conv((8, 8), 8, 8, groups=4), Folding(2, 1, 1)),
        (conv((6, 6), 16, 4, k=1, p=0), Folding(2, 2, 1)),
    ],
)
def test_a_mac_bound_engine_starts_a_frame_every_macs_over_lanes(geometry: LinearGeometry, folding: Folding) -> None:
    found = estimate(design(chain("m", geometry.in_shape, INT8, (layer(geometry),)), (folding,), extra_rows=3))
    assert found.layers == {"l0": geometry.useful_macs // (folding.pe * folding.simd)}
    assert found.layers["l0"] <= found.interval <= 1.01 * found.layers["l0"]


def test_an_input_bound_engine_is_as_slow_as_its_input() -> None:
    geometry = conv((16, 16), 4, 4, k=1, s=2, p=0)  # three of four pixels are never used
    found = estimate(design(chain("m", geometry.in_shape, INT8, (layer(geometry),)), (Folding(4, 1, 4),), extra_rows=6))
    assert found.layers["l0"] == 256
    assert 1024 <= found.interval <= 1030


def test_an_output_bound_engine_is_as_slow_as_its_output() -> None:
    geometry = conv_transpose((4, 4), 2, 8, k=2, s=2, p=0)
    found = estimate(design(chain("m", geometry.in_shape, INT8, (layer(geometry),)), (Folding(8, 2, 1),), extra_rows=3))
    assert found.layers["l0"] == 64
    assert 512 <= found.interval <= 515


@pytest.mark.parametrize("lanes", [1, 2, 6])
def test_a_pointwise_engine_takes_a_beat_a_clock(lanes: int) -> None:
    made = pointwise_layer(np.random.default_rng(0), "l0", "z", (5, 7, 6), INT8)
    found = estimate(design(chain("m", (5, 7, 6), INT8, (made,)), (Folding(lanes, lanes, lanes),)))
    assert found.layers == {"l0": 210 // lanes} and found.interval == 210 // lanes
    assert 210 // lanes + 7 <= found.latency <= 210 // lanes + 20


def test_a_dense_engine_waits_for_its_input_then_computes() -> None:
    geometry = dense(40, 24)
    found = estimate(design(chain("m", geometry.in_shape, INT8, (layer(geometry),)), (Folding(4, 8, 4),)))
    load, macs, pipeline = 5, 30, 9 + 3 + 7
    assert load + macs + pipeline <= found.latency <= load + macs + pipeline + 10


def test_a_table_costs_latency_but_no_pace() -> None:
    plain, curved = (
        estimate(design(chain("m", (1, 1, 40), INT8, (layer(dense(40, 24), table_bits=bits),)), (Folding(4, 8, 4),)))
        for bits in (0, 8)
    )
    assert (curved.latency - plain.latency, curved.interval) == (2, plain.interval)


def test_the_slowest_engine_sets_the_pace_of_a_chain() -> None:
    rng = np.random.default_rng(0)
    first = linear_layer(rng, "l0", "z", conv((8, 8), 4, 4), INT8)
    second = linear_layer(rng, "l1", "l0", conv((8, 8), 4, 4), first.output_type)
    model = chain("m", (8, 8, 4), INT8, (first, second))
    macs = conv((8, 8), 4, 4).useful_macs
    for foldings, slowest in ((((4, 4), (2, 2)), 4), (((1, 2), (4, 4)), 2), (((4, 1), (1, 4)), 4)):
        made = design(model, [Folding(pe, simd, 1) for pe, simd in foldings], extra_rows=2)
        found = estimate(made)
        assert found.layers == {
            name: macs // (pe * simd) for name, (pe, simd) in zip(("l0", "l1"), foldings, strict=True)
        }
        assert macs // slowest <= found.interval <= 1.02 * macs // slowest
        assert found.latency > found.interval


def test_outputs_without_taps_cost_output_beats_only() -> None:
    geometry = conv_transpose((4, 4), 8, 2, k=1, s=3, p=0, op=2)
    found = estimate(design(chain("m", geometry.in_shape, INT8, (layer(geometry),)), (Folding(1, 1, 1),), extra_rows=3))
    assert found.layers["l0"] == 16 * 8 * 2
    assert 288 <= found.interval <= 300  # 12 x 12 x 2 output beats


def test_an_engine_that_skips_takes_a_clock_a_block_and_one_a_vector_without_any() -> None:
    geometry, folding = conv((8, 8), 8, 8), Folding(2, 4, 1)
    made = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8, empty=0.8, block=(2, 4))
    model = chain("m", geometry.in_shape, INT8, (made,))
    every, some = (design(model, (folding,), extra_rows=3, skip=skip) for skip in ([], ["l0"]))
    engine = some.engines[0]
    full = made.op.weight.values.reshape(9, 4, 2, 2, 4).any(axis=(2, 4)).sum(axis=2)
    vectors = [
        full[[ky * 3 + kx for _, ky in rows for _, kx in columns]].sum(axis=0)
        for rows in geometry.y.taps
        for columns in geometry.x.taps
    ]
    assert engine.mac_steps == np.sum(vectors) and engine.mac_cycles == np.maximum(vectors, 1).sum()
    found = estimate(some)
    assert found.layers == {"l0": engine.mac_cycles}
    assert engine.mac_cycles <= found.interval <= max(1.02 * engine.mac_cycles, 512 + 10)
    assert found.interval < estimate(every).interval
