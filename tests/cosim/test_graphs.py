"""Designs that branch and join: RTL and C simulation against the golden model, cycles against the cycle model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit.bench import emit_bench
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Folding
from gan2hls.hardware.cycles import estimate
from gan2hls.model.golden import Golden
from gan2hls.numbers import IntType, QuantType
from gan2hls.verify import csim, run_hls, run_rtl
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.random_integer_graphs import norm_layer, random_graph_design, turns_design
from tests.randomized import chain, design, random_inputs
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: Graphs with normalizations of channels, of groups, of all and of pixels, of lanes that share a set and that do not.
NORM_SEEDS = (2, 19, 25)
#: Graphs that between them have forks of two to four readers, several inputs, short queues and rings.
SEEDS = (1, 3, 48)
GRAPHS = (*((seed, False) for seed in SEEDS), *((seed, True) for seed in NORM_SEEDS))


@pytest.mark.parametrize(("seed", "norms"), sampled(GRAPHS, [graph for graph in GRAPHS if graph[0] in (3, 2)]))
def test_rtl_equals_golden_and_cycle_model(seed: int, norms: bool, tmp_path: Path) -> None:
    made = random_graph_design(seed, norms=norms)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(2, seed=2, idle=10, stall=80)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=150)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


@pytest.mark.parametrize(
    ("shape", "groups", "by_pixel", "centred", "lanes"),
    [((29, 29, 2), 2, False, True, 2), ((16, 48, 6), 1, False, False, 3), ((1, 3, 1024), 1, True, True, 1)],
)
def test_a_normalization_of_large_maps_has_serial_roots(
    shape: tuple[int, int, int], groups: int, by_pixel: bool, centred: bool, lanes: int, tmp_path: Path
) -> None:
    """29 x 29 has five digits that are not 0: more than adders take."""
    given = QuantType(IntType(8, signed=True), 1.0, 3)
    layer = norm_layer(
        np.random.default_rng(lanes), "l0", "z", shape, given, groups=groups, by_pixel=by_pixel, centred=centred
    )
    made = design(chain("norm", shape, given, (layer,)), (Folding(lanes, lanes, lanes),))
    assert made.engines[0].rtl_unit.parameters["Steps"] > 0
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(2, seed=2, idle=30, stall=30)
    bench.run(2, seed=3, idle=20, stall=20, reset_at=1500)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def test_branches_of_fewer_lanes_take_turns_without_a_pause(tmp_path: Path) -> None:
    """Their beats are joined in front of their queues, so an input whose turn it is has one in every clock."""
    made = turns_design()
    assert made.interval_limit == 8 * 8 * 8
    edges = made.edges_into(made.engine("l2"))
    assert [(edge.source.lanes, edge.queued.lanes, edge.behind) for edge in edges] == [(1, 2, ())] * 2
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=40, stall=40)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)
    assert made.interval_limit <= estimate(made).interval <= 1.02 * made.interval_limit


def test_seeds_have_all_forms() -> None:
    designs = [random_graph_design(seed) for seed in SEEDS]
    edges = [edge for made in designs for edge in made.edges]
    assert any(edge.in_ram for edge in edges) and any(0 < edge.depth <= 8 for edge in edges)
    assert any(edge.depth and edge.before for edge in edges) and any(edge.depth and edge.behind for edge in edges)
    assert {2, 3} <= {edge.branch for edge in edges} | {len(made.inputs) for made in designs}


def test_seeds_have_normalizations_of_all_forms() -> None:
    engines = [e for seed in NORM_SEEDS for e in random_graph_design(seed, norms=True).engines]
    norms = [e for e in engines if e.layer.op.kind == "norm"]
    forms = {(e.layer.op.by_pixel, min(e.layer.op.groups, 2), e.layer.op.groups == e.layer.shape[2]) for e in norms}
    assert forms >= {(False, 1, False), (False, 2, False), (False, 2, True), (True, 1, False), (True, 2, False)}
    assert {e.layer.op.centred for e in norms} == {True, False}
    assert {e.rtl_unit.parameters["Sets"] > 1 for e in norms if e.folding.lanes > 1} == {True, False}


@pytest.mark.parametrize(
    ("seed", "norms", "flags"),
    sampled(
        [
            (10, False, ("-DGAN2HLS_FLAT",)),
            (14, True, ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT")),
            (7, False, ()),
            (7, True, ()),
        ],
        2,
    ),
)
def test_csim(seed: int, norms: bool, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = random_graph_design(seed, norms=norms)
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def test_benches_of_a_graph(tmp_path: Path) -> None:
    """Both benches pass, and the RTL's measures what is estimated."""
    pytest.importorskip("cocotb")
    made = random_graph_design(10)
    tensors = Golden(made.model).run(random_inputs(np.random.default_rng(6), made.model, 3))
    files = {"rtl": emit_rtl(made), "testbench": emit_bench(made, tensors, seed=2)}
    for part, content in ((f"{part}/{path}", text) for part, texts in files.items() for path, text in texts.items()):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / part).write_bytes(content)
    write_hls(made, tmp_path)
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    found, expected = result.measurements, estimate(made)
    assert (found.latency_cycles, found.interval_cycles) == (expected.latency, expected.interval)
    assert run_hls(tmp_path, made, tmp_path / "work_hls").status == "passed"


def test_a_queue_that_is_too_short_is_found_stuck() -> None:
    """And the edges at which it is are named."""
    made = random_graph_design(1)
    (key, depth), *_ = sorted(made.depths.items(), key=lambda item: -item[1])
    assert depth > 16
    with pytest.raises(AssertionError, match=rf"stuck: full: .*{key[0]}\.{key[1]}.*; empty: .*{key[0]}"):
        estimate(replace(made, depths={**made.depths, key: 2}))
