"""Designs of batches: RTL and C++ against the golden model, clocks against the cycle model, bytes on the bus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.hardware import Design, Folding, LinearEngine, OffChip, make_engine
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.model import batched
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import IntRepeated
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, fold, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_off_chip import check
from tests.random_integer_graphs import maps_away, random_graph
from tests.randomized import chain, conv, dense, linear_layer, random_inputs
from tests.sampling import sampled
from tests.shared_engines import NORMS, norm_model, residual_model, shared_design, shared_engines

pytestmark = pytest.mark.cosim

MODEL = Path(__file__).parents[2] / "models" / "tiny_dcgan.onnx"
#: Graphs that between them have vectors, crops and rearranged maps, whose units do one frame after the other.
GRAPHS = (2, 16, 12)


def graph_design(seed: int) -> Design:
    """A graph with an engine for each layer; of some what waits is off chip."""
    kinds = {"norms": seed % 4 == 0, "crops": seed % 3 == 0, "rearranges": seed % 8 == 0}
    made = with_endless_queues(fold(np.random.default_rng(seed), batched(random_graph(seed, **kinds), 2 + seed % 3)))
    return maps_away(with_queues(made), 64) if seed == 16 else with_queues(made)


def turns_design(seed: int, batch: int) -> Design:
    """A residual network whose convolutions and normalizations take turns."""
    rng = np.random.default_rng(seed)
    return shared_design(rng, batched(residual_model(rng, 1 + seed % 3), batch), bus_bits=32 << seed % 3)


def norms_design(form: int) -> Design:
    """Normalizations of a form that take turns; maps off chip where the form has them there."""
    shape, groups, by_pixel, count, maps = NORMS[form]
    rng = np.random.default_rng(form)
    model = norm_model(rng, shape, groups, count, by_pixel=by_pixel, apart=form == 2)
    return shared_design(rng, batched(model, 3), maps=maps)


def head_design(batch: int, band: int) -> Design:
    """A dense layer and a convolution with weights off chip, read once for ``band`` rows of a batch."""
    rng, kind = np.random.default_rng(5), QuantType(IntType(8, signed=True), 1.0)
    layers = [
        linear_layer(rng, "l0", "z", dense(12, 48), kind, out=kind),
        linear_layer(rng, "l1", "l0", conv((4, 4), 3, 8), kind, out=kind),
    ]
    model = batched(chain("head", (1, 1, 12), kind, layers), batch)
    foldings = Folding(4, 4, 2), Folding(2, 3, 2)
    engines = tuple(
        make_engine(layer, folding, off_chip=OffChip(rows, 64))
        for layer, folding, rows in zip(model.layers, foldings, (batch, band), strict=True)
    )
    return Design(model, engines, "xc7z020clg400-1", 5.0)


@pytest.mark.parametrize("seed", sampled(GRAPHS, (12,)))
def test_a_graph_in_rtl(seed: int, tmp_path: Path) -> None:
    made = graph_design(seed)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=150)
    bench.check_cycles()


def test_graphs_have_units_of_one_frame() -> None:
    ops = [layer.op for seed in GRAPHS for layer in graph_design(seed).model.layers]
    assert {op.kind for op in ops if isinstance(op, IntRepeated)} >= {"mul", "crop", "rearrange"}


@pytest.mark.parametrize(("seed", "batch"), sampled([(1, 2), (5, 4), (2, 3)], 1))
def test_layers_take_turns_of_several_frames(seed: int, batch: int, tmp_path: Path) -> None:
    made = turns_design(seed, batch)
    assert shared_engines(made)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize("form", [0, 4])
def test_norms_take_turns_of_several_frames(form: int, tmp_path: Path) -> None:
    made = norms_design(form)
    (unit,) = (unit for unit in made.units if unit.turns)
    assert (unit.ring is not None) == NORMS[form][4]
    check(Bench(made, tmp_path))


@pytest.mark.parametrize(("batch", "band"), [(3, 12), (2, 1)])
def test_frames_share_a_pass(batch: int, band: int, tmp_path: Path) -> None:
    """A dense layer reads its weights once for all frames; a convolution does where a band has all rows."""
    made = head_design(batch, band)
    first, second = (unit for unit in made.units if isinstance(unit, LinearEngine))
    assert (first.bands.count, second.bands.count) == (1, 4 * batch // band)
    assert made.memory is not None
    assert made.memory.frame_bytes == first.pass_bytes + second.bands.count * second.pass_bytes
    check(Bench(made, tmp_path))


@pytest.mark.parametrize(
    ("design", "flags"),
    [
        pytest.param(lambda: graph_design(2), (), id="vector", marks=pytest.mark.exhaustive),
        pytest.param(lambda: graph_design(12), ("-DGAN2HLS_FLAT",), id="crop"),
        pytest.param(
            lambda: graph_design(16), ("-DGAN2HLS_EXACT_WIDTHS",), id="rearrange", marks=pytest.mark.exhaustive
        ),
        pytest.param(lambda: turns_design(1, 3), (), id="turns"),
        pytest.param(lambda: norms_design(4), ("-DGAN2HLS_FLAT",), id="norms"),
        pytest.param(lambda: head_design(3, 6), (), id="passes"),
    ],
)
def test_csim(
    design: Callable[[], Design], flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    monkeypatch.setattr(csim, "may_deadlock", lambda design: True)
    made = design()
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize("more", sampled([[], ["hls"]], 1))
def test_a_build_measures_what_is_estimated(more: list[str], tmp_path: Path) -> None:
    """Of the project's own benches: weights that frames share, steps of the ladder, clocks and MACs a frame."""
    pytest.importorskip("cocotb")
    config = {
        "target": {"batch": 2},
        "memory": {"weights": "off_chip"},
        "verify": {"steps": ["float", "csim", *more, "rtl"], "frames": 1},
    }
    report = gan2hls.build(MODEL, config=config, output=tmp_path).report
    assert report is not None and report.passed
    totals = report.totals
    interval, latency = totals.frame_interval_cycles, totals.latency_cycles
    assert (interval.measured, latency.measured) == (interval.estimated, latency.estimated)
    assert totals.executed_macs == totals.useful_macs
    assert [layer.executed_macs for layer in report.layers] == [layer.useful_macs for layer in report.layers]
    assert report.verification["rtl"].frames % 2 == 0
