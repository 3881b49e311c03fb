"""Tables that differ from channel to channel: golden model, C++ and RTL, integer for integer, at every folding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.fabric import SERIES_7
from gan2hls.flow.actions import verify_project
from gan2hls.hardware import Design, Folding, LinearEngine, OffChip, legal_band_rows, make_engine
from gan2hls.hardware.resources import engine_resources
from gan2hls.model.integer import IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import by_row_phases
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.onnx_models import f32, save
from tests.randomized import (
    Rng,
    chain,
    conv,
    conv_transpose,
    dense,
    design,
    linear_layer,
    pointwise_layer,
    random_inputs,
    run_alone,
)
from tests.sampling import sampled

INT8 = QuantType(IntType(8, signed=True), 1.0)


def with_tables(rng: Rng, layer: IntLayer, sets: int) -> IntLayer:
    """``layer`` with as many random tables in the place of its own."""
    assert layer.table is not None
    low, high, entries = layer.table.out_type.lo, layer.table.out_type.hi, layer.table.values.shape[1]
    return replace(layer, table=replace(layer.table, values=rng.integers(low, high + 1, (sets, entries))))


def chained(seed: int = 3) -> Design:
    """Tables of 12 channels at 8 lanes and at 1, of 3 and 2 that repeat over more, and rows in turns with 12 and 3."""
    rng = np.random.default_rng(seed)
    odd = QuantType(IntType(5, signed=False), 1.0, 7)
    l0 = with_tables(rng, linear_layer(rng, "l0", "z", dense(6, 48), INT8, table_bits=4, shape=(2, 2, 12)), 12)
    l1 = with_tables(rng, pointwise_layer(rng, "l1", "z", (2, 2, 12), l0.output_type, table_bits=6), 12)
    up = conv_transpose((2, 2), 12, 6)
    l2 = with_tables(rng, linear_layer(rng, "l2", "z", up, l1.output_type, pieces=2, out=odd, table_bits=7), 3)
    l3 = with_tables(rng, linear_layer(rng, "l3", "z", conv((4, 4), 6, 6), odd, table_bits=3), 6)
    l4 = with_tables(rng, pointwise_layer(rng, "l4", "z", (4, 4, 6), l3.output_type, table_bits=2), 2)
    phases = by_row_phases(conv((4, 4), 6, 12), 2)
    l5 = with_tables(rng, linear_layer(rng, "l5", "z", phases, l4.output_type, table_bits=5), 12)
    l6 = with_tables(
        rng, linear_layer(rng, "l6", "z", by_row_phases(conv((8, 4), 6, 6), 2), l5.output_type, table_bits=4), 3
    )
    model = chain("tables", (1, 1, 6), INT8, (l0, l1, l2, l3, l4, l5, l6))
    folds = ((8, 2, 8), (1, 1, 1), (6, 4, 2), (6, 6, 6), (6, 6, 6), (6, 6, 2), (3, 6, 1))
    return design(model, [Folding(*fold) for fold in folds])


def off_chip(seed: int = 3) -> Design:
    """The same with all weights in external memory, in bands of any height: codes come fold by fold."""
    rng, made, engines = np.random.default_rng(seed), chained(seed), []
    for engine in made.engines:
        if isinstance(engine, LinearEngine):
            away = OffChip(int(rng.choice(legal_band_rows(engine.geometry))), 64)
            engine = make_engine(engine.layer, engine.folding, off_chip=away)
        engines.append(engine)
    return replace(made, engines=tuple(engines))


def test_off_chip_a_lane_has_the_tables_of_a_fold_or_of_several():
    orders = [e.table_order for e in off_chip().engines if isinstance(e, LinearEngine)]
    shapes = [(order.groups, order.folds, order.phases) for order in orders]
    assert shapes == [(1, 3, 1), (3, 1, 1), (1, 1, 1), (3, 1, 2), (3, 1, 1)]


def test_each_lane_has_the_tables_of_its_channels():
    made = chained()
    for engine in made.engines:
        table, lanes = engine.layer.table, engine.folding.lanes
        assert table is not None
        found = engine.lane_tables
        for channel in range(engine.layer.channels):
            wanted = table.values[channel % table.sets]
            assert (found[channel % lanes, channel // lanes % found.shape[1]] == wanted).all()
    shapes = [engine.lane_tables.shape for engine in made.engines]
    assert shapes == [(8, 3, 16), (1, 12, 64), (2, 3, 128), (6, 1, 8), (6, 1, 4), (2, 6, 32), (1, 3, 16)]


def test_golden_model_reads_the_row_of_the_channel():
    made = chained()
    layer = made.engines[1].layer
    assert layer.table is not None
    codes = np.random.default_rng(0).integers(-128, 128, (3, 2, 2, 12))
    index = layer.requant((codes - layer.input_type.zero_point).reshape(3, 4, 12), layer.acc_type)
    wanted = [
        [[layer.table.values[c][index[n, p, c] - layer.table.index_type.lo] for c in range(12)] for p in range(4)]
        for n in range(3)
    ]
    assert (run_alone(layer, codes).reshape(3, 4, 12) == np.array(wanted)).all()


def test_memory_does_not_grow_with_lanes():
    """12 tables of 4096 entries of 8 bits: 2 block RAMs each, less in one memory; a common one has a copy a lane."""
    rng = np.random.default_rng(0)
    plain = pointwise_layer(rng, "l0", "z", (2, 2, 12), INT8, table_bits=12)
    for layer, wanted in ((plain, [2, 4, 8, 24]), (with_tables(rng, plain, 12), [22, 22, 24, 24])):
        model = chain("one", (2, 2, 12), INT8, (layer,))
        found = [
            engine_resources(design(model, (Folding(lanes, lanes, lanes),)).engines[0], SERIES_7).bram18
            for lanes in (1, 2, 4, 12)
        ]
        assert found == wanted


@pytest.mark.cosim
@pytest.mark.parametrize("flags", [QUICK, (*QUICK, "-DGAN2HLS_EXACT_WIDTHS"), (*QUICK, "-DGAN2HLS_FLAT")])
def test_csim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]):
    monkeypatch.setattr(csim, "FLAGS", flags)
    made = chained()
    inputs = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, inputs, tmp_path / "work")
    assert result.status == "passed", result


@pytest.mark.cosim
def test_csim_off_chip(tmp_path: Path):
    made = off_chip()
    inputs = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, inputs, tmp_path / "work")
    assert result.status == "passed", result


@pytest.mark.cosim
@pytest.mark.parametrize("design_of", sampled([off_chip, chained], 1))
def test_rtl(design_of: Callable[[], Design], tmp_path: Path):
    made = design_of()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    for seed, (idle, stall) in enumerate([(0, 0), (50, 50)]):
        bench.run(3, seed=seed, idle=idle, stall=stall)
    bench.run(3, seed=9, idle=20, stall=20, reset_at=150)


@pytest.mark.cosim
def test_a_generator_whose_activations_have_parameters_per_channel_is_built(tmp_path: Path):
    """A Swish with a beta per channel behind a flattened map and behind a ConvTranspose."""
    rng = np.random.default_rng(0)
    constants = {
        "w": f32(rng, 6, 32), "shape": np.array([1, 8, 2, 2]), "k": f32(rng, 8, 3, 4, 4),
        "beta": np.linspace(0.3, 3, 8, dtype=np.float32).reshape(8, 1, 1),
        "scale": np.linspace(0.5, 1.5, 3, dtype=np.float32).reshape(1, 3, 1, 1),
    }  # fmt: skip
    body = (
        "h0 = Gemm(x, w) h = Reshape(h0, shape) m = Mul(h, beta) s = Sigmoid(m) g = Mul(h, s) "
        "c = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(g, k) d = Mul(c, scale) t = Tanh(d) y = Sub(t, c)"
    )
    overrides = {"verify": {"steps": ["float", "csim", "rtl"]}, "calibration": {"samples": 64}}
    result = gan2hls.build(save(tmp_path, body, (1, 6), constants), output=tmp_path, overrides=overrides)
    assert result.report is not None and result.report.passed and result.report.quality.psnr_db > 40
    tables = [layer.table for layer in result.design.model.layers]
    assert [None if table is None else table.sets for table in tables] == [8, 3]
    assert result.path is not None
    ladder = verify_project(result.path, overrides={"verify": {"steps": ["csim"]}})
    assert ladder.steps["csim"].status == "passed"
