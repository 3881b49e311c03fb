"""Choices of channels: RTL and C simulation against the golden model, cycles against the cycle model, a wrong place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import IntSelect
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import OPTIMIZED, QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.random_integer_graphs import Graph, random_graph_design
from tests.randomized import design, random_inputs
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: Rows, columns, channels that come, channels that leave, and lanes: as many, fewer, more; one beat of a pixel, on one
#: side or both; lanes that are no power of two; one pixel; more beats than fit a ROM of LUTs.
FORMS = (
    (3, 4, 6, 6, 1),
    (3, 3, 8, 8, 4),
    (4, 2, 6, 2, 1),
    (2, 4, 12, 3, 3),
    (3, 2, 3, 9, 3),
    (2, 5, 4, 4, 4),
    (1, 1, 7, 7, 1),
    (5, 3, 1, 1, 1),
    (2, 2, 90, 70, 1),
)


def channels_of(form: int) -> tuple[int, ...]:
    """Which channels leave: in any order, and some of them twice or never."""
    _, _, given, sent, _ = FORMS[form]
    rng = np.random.default_rng(form)
    every = rng.permutation(given) if sent <= given else rng.integers(0, given, sent)
    return tuple(every[:sent].tolist())


def choices(forms: tuple[int, ...] = tuple(range(len(FORMS)))) -> Design:
    """A choice of each form, side by side."""
    graph = Graph(np.random.default_rng(5), {f"x{n}": FORMS[n][:3] for n in forms})
    for n in forms:
        height, width, given, sent, _ = FORMS[n]
        graph.stream(IntSelect(channels_of(n), given), (f"x{n}",), (height, width, sent))
    model = graph.model("choices", [layer.name for layer in graph.layers])
    made = design(model, [Folding(FORMS[n][4], FORMS[n][4], FORMS[n][4]) for n in forms])
    return with_queues(with_endless_queues(made))


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_a_beat_comes_or_leaves_in_every_clock(form: int) -> None:
    """In the steady state, which the cycle model reaches after many frames."""
    height, width, given, sent, lanes = FORMS[form]
    made = choices((form,))
    (engine,) = made.engines
    assert engine.interval == height * width * max(given, sent) // lanes
    assert engine.in_beats == (height * width * given // lanes,)
    assert estimate(made).interval == engine.interval


def test_rtl_of_all_choices(tmp_path: Path) -> None:
    made = choices()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(2, seed=2, idle=10, stall=80)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=45)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


@pytest.mark.parametrize("form", [1, 3, 8])
def test_rtl_keeps_the_interval(form: int, tmp_path: Path) -> None:
    """Of choices alone: side by side the slowest hides what the others lose."""
    made = choices((form,))
    bench = Bench(made, tmp_path)
    assert bench.measured() == (estimate(made).latency, made.engines[0].interval)


@pytest.mark.parametrize("seed", sampled([59, 45], 1))
def test_rtl_of_graphs_with_choices(seed: int, tmp_path: Path) -> None:
    made = random_graph_design(seed, selects=True)
    assert sum(engine.layer.op.kind == "select" for engine in made.engines) > 2
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    bench.run(3, seed=1, idle=50, stall=50)
    bench.run(3, seed=3, idle=20, stall=20, reset_at=150)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


@pytest.mark.parametrize(("seed", "flags"), sampled([(32, ()), (50, ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT"))], 1))
def test_csim_of_graphs_with_choices(
    seed: int, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the depths that the order of a choice's process needs, where one reads ahead of what it gives."""
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = random_graph_design(seed, selects=True)
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize("flags", [(), ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT")])
def test_csim_of_all_choices(flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = choices()
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def test_elements_of_one_limb_are_compiled_as_in_a_build(tmp_path: Path) -> None:
    """An optimizer that does not know which element it is may look where the word has no bits, and tell of it."""
    pytest.importorskip("hls4ml")
    graph = Graph(np.random.default_rng(5), {"z": (1, 1, 20)})
    graph.types["z"] = QuantType(IntType(12, signed=True), 1.0)
    graph.stream(IntSelect((9, 8, 7, 6, 5), 20), ("z",), (1, 1, 5))
    made = design(graph.model("one_limb", ["l0"]), [Folding(5, 5, 5)])
    codes = random_inputs(np.random.default_rng(6), made.model, 2)
    hls, flags = write_hls(made, tmp_path), (*OPTIMIZED, "-Werror=array-bounds")
    csim.compile_csim(hls, made, tmp_path / "strict", flags)
    result = check_csim(hls, made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def test_a_place_that_is_wrong_is_found(tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    made = choices((0,))
    codes = random_inputs(np.random.default_rng(6), made.model, 1)
    places = [f"{{{channel}}}" for channel in channels_of(0)]
    swapped = [places[1], places[0], *places[2:]]
    changed = {"layers/l0.hpp": (", ".join(places).encode(), ", ".join(swapped).encode())}
    result = check_csim(write_hls(made, tmp_path, changed), made, codes, tmp_path / "work")
    assert result.status == "failed" and "l0" in str(result.first_mismatch)
