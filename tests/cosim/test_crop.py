"""Crops: RTL and C simulation against the golden model, cycles against the cycle model, and a window that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.ops import IntCrop
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.random_integer_graphs import Graph, random_graph_design
from tests.randomized import design, random_inputs
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: Windows with the map's rows, columns and channels, and lanes: each corner, the middle, rows or columns alone, all, of
#: one row, of rows of one beat, of one beat.  Some maps have as many rows, or beats in one, as a counter has values.
FORMS = (
    ((0, 3), (0, 5), (4, 8, 4), 2),
    ((1, 4), (3, 8), (4, 8, 4), 4),
    ((0, 2), (2, 6), (5, 6, 2), 1),
    ((2, 5), (0, 1), (5, 6, 3), 3),
    ((1, 3), (1, 4), (5, 6, 6), 2),
    ((0, 5), (2, 4), (5, 6, 2), 2),
    ((3, 4), (0, 6), (5, 6, 2), 2),
    ((0, 4), (0, 6), (4, 6, 2), 1),
    ((0, 1), (3, 7), (1, 9, 4), 1),
    ((2, 3), (0, 1), (6, 1, 4), 4),
    ((0, 1), (0, 1), (1, 1, 4), 4),
)
#: Graphs that between them have crops of one lane and of several, with several readers, up to a map's end and not.
SEEDS = (33, 38)


def crops() -> Design:
    """A crop of each form, side by side."""
    graph = Graph(np.random.default_rng(4), {f"x{n}": shape for n, (*_, shape, _) in enumerate(FORMS)})
    for n, ((top, bottom), (left, right), (height, width, channels), _) in enumerate(FORMS):
        op = IntCrop((top, bottom), (left, right), (height, width))
        graph.stream(op, (f"x{n}",), (bottom - top, right - left, channels))
    model = graph.model("crops", [layer.name for layer in graph.layers])
    made = design(model, [Folding(lanes, lanes, lanes) for *_, lanes in FORMS])
    return with_queues(with_endless_queues(made))


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_beats_are_those_of_the_window(form: int) -> None:
    """The steps of a frame, beside what the map has of the window."""
    (top, bottom), (left, right), (height, width, channels), lanes = FORMS[form]
    engine = crops().engines[form]
    steps = [step for phase in engine.op.order(engine.sizes) for _ in range(phase.repeats) for step in phase.steps]
    inside = np.zeros((height, width, channels // lanes), bool)
    inside[top:bottom, left:right] = True
    assert steps == [((0,), offers) for offers in inside.ravel().tolist()]
    assert engine.in_beats == (len(steps),) and engine.interval == len(steps)


def test_rtl_of_all_windows(tmp_path: Path) -> None:
    made = crops()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(2, seed=2, idle=10, stall=80)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=45)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


@pytest.mark.parametrize("seed", sampled(SEEDS, 1))
def test_rtl_of_graphs_with_crops(seed: int, tmp_path: Path) -> None:
    made = random_graph_design(seed, crops=True)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=150)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def test_seeds_have_crops_of_all_forms() -> None:
    designs = [random_graph_design(seed, crops=True) for seed in SEEDS]
    found = [(made, engine) for made in designs for engine in made.engines if engine.layer.op.kind == "crop"]
    assert {engine.folding.lanes > 1 for _, engine in found} == {True, False}
    assert max(sum(e.layer.name in layer.inputs for layer in made.model.layers) for made, e in found) > 1
    assert {e.layer.op.rows[1] == e.layer.op.in_size[0] for _, e in found} == {True, False}


@pytest.mark.parametrize("flags", [(), ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT")])
def test_csim_of_all_windows(flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = crops()
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


#: The edges of the window in the middle, each a row or a beat off.
WRONG = ("FIRST_ROW = 1", "FIRST_ROW = 0"), ("END_ROW = 3", "END_ROW = 4"), ("FIRST_BEAT = 3", "FIRST_BEAT = 4")


@pytest.mark.parametrize(("right", "wrong"), [*WRONG, ("END_BEAT = 12", "END_BEAT = 11")])
def test_an_edge_that_is_wrong_is_found(right: str, wrong: str, tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    made = crops()
    codes = random_inputs(np.random.default_rng(6), made.model, 1)
    changed = {"layers/l4.hpp": (right.encode(), wrong.encode())}
    result = check_csim(write_hls(made, tmp_path, changed), made, codes, tmp_path / "work")
    assert result.status == "failed" and "l4" in str(result.first_mismatch)
