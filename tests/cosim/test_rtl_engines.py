"""The emitted RTL against the golden model, engine by engine, under idle clocks, back-pressure and reset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding, LinearEngine, tap_loop
from gan2hls.hardware.cycles import estimate
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis
from tests.cosim.hls_chains import random_design
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import chain, conv, conv_transpose, dense, design, linear_layer, pointwise_layer, tiny_design
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

INT8 = QuantType(IntType(8, signed=True), 1.0)
UINT8 = QuantType(IntType(8, signed=False), 1.0, 17)
#: Chances, in percent, of a clock without tvalid and of one without tready.
PACES = [(0, 0), (50, 50), (80, 10), (10, 80)]


def _check(bench: Bench, reset_at: int = 300) -> None:
    for seed, (idle, stall) in enumerate(PACES):
        bench.run(3, seed=seed, idle=idle, stall=stall)
    bench.run(3, seed=9, idle=20, stall=20, reset_at=reset_at)


def test_tiny_design_is_exact_and_busy_every_clock(tmp_path: Path) -> None:
    made = tiny_design()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    _check(bench)
    assert bench.interval() == made.interval_limit == estimate(made).interval


def signal_design() -> Design:
    """Maps of one column, whose tap programs are held in part and gone round: of stride 1, upsampled, of stride 2."""
    rng, one = np.random.default_rng(3), conv_axis(1, 1, 1, 1, (0, 0))
    first = LinearGeometry(conv_axis(150, 5, 1, 2, (4, 4)), one, 2, 4)
    second = LinearGeometry(conv_transpose_axis(150, 4, 2, 1, 1, 300), one, 4, 2, transposed=True)
    third = LinearGeometry(conv_axis(300, 7, 2, 1, (3, 3)), one, 2, 2)
    l0 = linear_layer(rng, "l0", "z", first, INT8, pieces=2)
    l1 = linear_layer(rng, "l1", "z", second, l0.output_type)
    l2 = linear_layer(rng, "l2", "z", third, l1.output_type)
    model = chain("signal", first.in_shape, INT8, (l0, l1, l2))
    return design(model, (Folding(1, 2, 1), Folding(2, 1, 1), Folding(1, 1, 1)), extra_rows=5)


def test_rows_of_a_signal_come_again(tmp_path: Path) -> None:
    made = signal_design()
    loops = [tap_loop(engine) for engine in made.engines if isinstance(engine, LinearEngine)]
    assert all(loop is not None and len(loop.stored) < loop.all_rows // 2 for loop in loops)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    _check(bench, reset_at=1000)
    assert bench.interval() == estimate(made).interval <= 1.005 * made.interval_limit


def test_rows_of_a_tall_image_come_again(tmp_path: Path) -> None:
    """Rows of several columns: a round ends with the last column of its last row, behind all output folds."""
    geometry = LinearGeometry(conv_axis(250, 3, 1, 1, (1, 1)), conv_axis(3, 3, 1, 1, (1, 1)), 2, 4)
    layer = linear_layer(np.random.default_rng(3), "l0", "z", geometry, INT8)
    made = design(chain("tall", geometry.in_shape, INT8, (layer,)), (Folding(2, 2, 1),), extra_rows=1)
    (engine,) = made.engines
    assert isinstance(engine, LinearEngine) and engine.co_folds == 2 and tap_loop(engine) is not None
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    _check(bench, reset_at=1000)


@pytest.mark.parametrize("seed", sampled([17, 33, 1], 1))
def test_random_chains(seed: int, tmp_path: Path) -> None:
    made = random_design(seed, 6)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    _check(bench)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(500, 504))
def test_more_random_chains(seed: int, tmp_path: Path) -> None:
    _check(Bench(random_design(seed, 6), tmp_path), reset_at=100 + 31 * (seed - 500))


def _edges() -> Design:
    """Pointwise head and end, K < S both ways, depthwise, unused rows, 16 bits, 2 bits, one element.

    The ends' sums are narrower than what is shifted out of them, and than the accumulator.
    """
    rng = np.random.default_rng(5)
    wide, narrow = QuantType(IntType(16, signed=True), 1.0, -321), QuantType(IntType(2, signed=False), 1.0, 3)
    holes = conv_transpose((3, 3), 2, 6, k=2, s=3, p=0, op=1)
    assert len(holes.x.outputs) < holes.x.out_size and len(holes.y.outputs) < holes.y.out_size
    axis = conv_axis(9, 1, 4, 1, (0, 0)), conv_axis(9, 2, 3, 1, (1, 0))
    sparse = LinearGeometry(*axis, 6, 6, groups=6, stride=(4, 3))
    leading = conv_transpose_axis(3, 1, 2, 1, 0, 6), conv_transpose_axis(3, 1, 2, 1, 0, 6)
    head = pointwise_layer(rng, "head", "z", (3, 3, 2), INT8, table_bits=5)
    l0 = linear_layer(rng, "l0", "z", holes, head.output_type, pieces=2, out=wide)
    l1 = linear_layer(rng, "l1", "z", sparse, wide, weight_bits=16, out=narrow)
    l2 = linear_layer(rng, "l2", "z", LinearGeometry(*leading, 6, 3), narrow, weight_bits=2, table_bits=2)
    l3 = linear_layer(rng, "l3", "z", dense(108, 1), l2.output_type)
    tail = pointwise_layer(rng, "tail", "z", (1, 1, 1), l3.output_type, pieces=1)
    half = 1 << 18
    shifted = replace(tail.requant, mult=np.ones((1, 1), np.int64), bias=np.array([[5 - half]]), shift=19)
    tail = replace(tail, requant=replace(shifted, half_even=True))
    end = pointwise_layer(rng, "end", "z", (1, 1, 1), tail.output_type, pieces=2)
    none = np.zeros((2, 1), np.int64)
    end = replace(end, requant=replace(end.requant, mult=none, bias=np.array([[0], [1]]), shift=0))
    model = chain("edges", (3, 3, 2), INT8, (head, l0, l1, l2, l3, tail, end))
    folds = (
        Folding(1, 1, 1),
        Folding(6, 2, 2),
        Folding(1, 1, 1),
        Folding(3, 6, 1),
        Folding(1, 27, 1),
        Folding(1, 1, 1),
        Folding(1, 1, 1),
    )
    return design(model, folds, extra_rows=0)


def test_edge_cases(tmp_path: Path) -> None:
    made = _edges()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    _check(bench)


@pytest.mark.parametrize(
    ("geometry", "folding"),
    [
        pytest.param(dense(1, 1), Folding(1, 1, 1), id="one element"),
        pytest.param(conv((8, 8), 3, 5, k=1, p=0), Folding(5, 3, 5), id="one step a vector"),
        pytest.param(None, Folding(2, 2, 2), id="pointwise alone"),
    ],
)
def test_single_engines_reach_one_beat_a_clock(
    geometry: LinearGeometry | None, folding: Folding, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    shape = geometry.in_shape if geometry else (3, 2, 4)
    layer = (
        linear_layer(rng, "l0", "z", geometry, UINT8)
        if geometry
        else pointwise_layer(rng, "l0", "z", shape, UINT8, table_bits=4)
    )
    made = design(chain("single", shape, UINT8, (layer,)), (folding,), extra_rows=3)
    bench = Bench(made, tmp_path)
    _check(bench, reset_at=9)
    if made.engines[0].interval > 1:
        assert bench.interval() == made.engines[0].interval


def test_equal_neighbours_leave_no_bubble(tmp_path: Path) -> None:
    """Four engines of exactly the same pace, odd widths between them: the chain keeps that pace."""
    rng = np.random.default_rng(4)
    l0 = linear_layer(rng, "l0", "z", dense(16, 192), INT8, shape=(4, 4, 12))
    l1 = linear_layer(rng, "l1", "z", conv_transpose((4, 4), 12, 12, k=2, s=2, p=0), l0.output_type, pieces=2)
    l2 = linear_layer(rng, "l2", "z", conv_transpose((8, 8), 12, 6, k=2, s=2, p=0), l1.output_type, pieces=2)
    l3 = linear_layer(rng, "l3", "z", conv((16, 16), 6, 3, k=1, p=0), l2.output_type)
    model = chain("equal", (1, 1, 16), INT8, (l0, l1, l2, l3))
    made = design(model, (Folding(4, 1, 4), Folding(4, 3, 2), Folding(6, 4, 6), Folding(3, 2, 3)), extra_rows=2)
    assert [engine.mac_cycles for engine in made.engines] == [768] * 4
    bench = Bench(made, tmp_path)
    assert bench.interval() == 768 == estimate(made).interval


def test_a_changed_weight_is_found_and_its_layer_named(tmp_path: Path) -> None:
    bench = Bench(tiny_design(), tmp_path)
    bench.run(3)
    image = tmp_path / "rtl" / "mem" / "l1_conv_transpose_weight.mem"
    first, rest = image.read_text().split("\n", 1)
    image.write_text(f"{first.translate(str.maketrans('0123456789abcdef', 'fedcba9876543210'))}\n{rest}")
    with pytest.raises(AssertionError, match="l1_conv_transpose: beat"):
        bench.run(3)
