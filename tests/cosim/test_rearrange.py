"""Maps in another order: RTL and C simulation against the golden model, cycles against the model, wrong tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gan2hls
from gan2hls.hardware import Design, Folding, design_resources
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.engine import Written
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.kinds import int_rearrange, rearrangement
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.onnx_models import f32, save
from tests.random_integer_graphs import Graph, random_graph_design
from tests.randomized import design, random_inputs
from tests.sampling import sampled

pytestmark = pytest.mark.cosim


def turned(shape: tuple[int, int, int], order: tuple[int, int, int]) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).transpose(order)


def apart() -> np.ndarray:
    """Two halves of the channels shifted up and down."""
    whole, image = turned((4, 3, 4), (0, 1, 2)), np.full((4, 3, 4), -1)
    image[1:, :, :2], image[:-1, :, 2:] = whole[:-1, :, :2], whole[1:, :, 2:]
    return image


#: Images with the map's shape, and lanes: axes exchanged, rolled, zeros, repeated, left out, one by one, one element.
FORMS = (
    (turned((4, 6, 4), (1, 0, 2)), (4, 6, 4), 4),
    (turned((4, 6, 4), (1, 0, 2)), (4, 6, 4), 2),
    (turned((3, 5, 4), (0, 2, 1)), (3, 5, 4), 1),
    (turned((4, 2, 3), (2, 1, 0)), (4, 2, 3), 1),
    (np.roll(turned((4, 5, 6), (0, 1, 2)), 2, axis=2), (4, 5, 6), 2),
    (np.where(np.arange(5)[:, None] < 3, turned((4, 5, 2), (0, 1, 2)), -1), (4, 5, 2), 2),
    (turned((2, 3, 4), (1, 0, 2)).repeat(3, axis=0), (2, 3, 4), 4),
    (turned((6, 6, 2), (1, 0, 2))[::2, 1:], (6, 6, 2), 1),
    (apart(), (4, 3, 4), 2),
    (turned((1, 1, 4), (0, 1, 2))[:, :, 2:3], (1, 1, 4), 1),
)


def maps(*ultra: Written) -> Design:
    """A map of each form, side by side, those named ``ultra`` in UltraRAM."""
    graph = Graph(np.random.default_rng(4), {f"x{n}": shape for n, (_, shape, _) in enumerate(FORMS)})
    for n, (image, shape, _) in enumerate(FORMS):
        op = rearrangement(image, shape)
        assert op is not None
        graph.stream(op, (f"x{n}",), op.shape)
    model = graph.model("maps", [layer.name for layer in graph.layers])
    made = design(model, [Folding(lanes, lanes, lanes) for *_, lanes in FORMS])
    engines = tuple(replace(engine, ultra=frozenset(ultra)) for engine in made.engines)
    return with_queues(with_endless_queues(replace(made, engines=engines)))


@pytest.fixture(params=[1, 2])
def banks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Maps of any size in one bank, or in two."""
    monkeypatch.setattr(int_rearrange, "_TWO_BANKS_BRAM18", 0 if request.param == 1 else 16)
    return int(request.param)


def test_rtl_of_all_forms(banks: int, tmp_path: Path) -> None:
    made = maps()
    assert {engine.rtl_unit.parameters["Banks"] for engine in made.engines} == {banks}
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(4, seed=1, idle=50, stall=50)
    bench.run(3, seed=2, idle=10, stall=80)
    bench.run(4, seed=3, idle=20, stall=20, reset_at=45)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def test_rtl_and_csim_of_maps_in_ultra_ram(tmp_path: Path) -> None:
    made = maps("map")
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=30, stall=30)
    assert design_resources(made).uram == len(FORMS)
    pytest.importorskip("hls4ml")
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    assert check_csim(write_hls(made, tmp_path / "hls"), made, codes, tmp_path / "work").status == "passed"


@pytest.mark.parametrize("form", sampled(range(len(FORMS)), range(0, len(FORMS), 6)))
def test_clocks_of_each_form_alone(form: int, banks: int, tmp_path: Path) -> None:
    image, shape, lanes = FORMS[form]
    op = rearrangement(image, shape)
    assert op is not None
    graph = Graph(np.random.default_rng(1), {"x0": shape})
    graph.stream(op, ("x0",), op.shape)
    made = design(graph.model("alone", ["l0"]), [Folding(lanes, lanes, lanes)])
    bench = Bench(made, tmp_path)
    bench.run(5, seed=1)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)
    assert estimate(made).interval == made.interval
    assert made.engines[0].rtl_unit.parameters["Banks"] == banks


@pytest.mark.parametrize("seed", sampled([9, 2], 1))
def test_rtl_of_graphs_with_rearranged_maps(seed: int, tmp_path: Path) -> None:
    made = random_graph_design(seed, rearranges=True)
    assert any(layer.op.kind == "rearrange" for layer in made.model.layers)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=150)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


@pytest.mark.parametrize("flags", [(), ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT")])
def test_csim_of_all_forms(flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = maps()
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize(
    ("layer", "right", "wrong"),
    [
        ("l0", "ROWS[6] = {\n    0, 1, 2,", "ROWS[6] = {\n    0, 2, 1,"),
        ("l0", "COLUMNS[4] = {\n    0, 6, 12,", "COLUMNS[4] = {\n    0, 12, 6,"),
        ("l2", "WORDS[5] = {\n    0, 4, 8,", "WORDS[5] = {\n    0, 8, 4,"),
        ("l0", "FIRST_READ = 32", "FIRST_READ = 20"),
    ],
)
def test_a_table_that_is_wrong_is_found(layer: str, right: str, wrong: str, tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    made = maps()
    codes = random_inputs(np.random.default_rng(6), made.model, 1)
    changed = {f"layers/{layer}.hpp": (right.encode(), wrong.encode())}
    result = check_csim(write_hls(made, tmp_path, changed), made, codes, tmp_path / "work")
    assert result.status == "failed" and layer in str(result.first_mismatch or result.reason)


def test_a_mixer_builds(tmp_path: Path) -> None:
    """Products along tokens and along channels between convolutions, from ONNX to both back ends."""
    pytest.importorskip("hls4ml")
    rng = np.random.default_rng(8)
    body = """
        e = Conv(x, a) h = Relu(e) t = Reshape(h, tokens) p = MatMul(t, m) q = Relu(p) g = Reshape(q, image)
        s = Add(g, h) r = Conv<pads = [1, 1, 1, 1]>(s, k) y = Tanh(r)
    """
    constants = {
        "a": f32(rng, 4, 3, 1, 1),
        "m": f32(rng, 16, 16) / 4,
        "k": f32(rng, 3, 4, 3, 3) / 6,
        "tokens": np.array([1, 4, 16]),
        "image": np.array([1, 4, 4, 4]),
    }
    overrides = {"verify": {"steps": ["float", "csim", "hls", "rtl"]}, "calibration": {"samples": 32}}
    made = gan2hls.build(save(tmp_path, body, (1, 3, 4, 4), constants), output=tmp_path / "out", overrides=overrides)
    assert made.report is not None and made.report.passed
    interval, latency = made.report.totals.frame_interval_cycles, made.report.totals.latency_cycles
    assert interval.measured == interval.estimated and latency.measured == latency.estimated
    assert made.design is not None
    assert sum(engine.layer.op.kind == "rearrange" for engine in made.design.engines) == 2
