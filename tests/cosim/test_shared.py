"""Layers that take turns at one engine: RTL == golden model, clocks == cycle model, bytes on the bus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import QUEUE_WORDS, Design, queues
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_off_chip import check
from tests.sampling import sampled
from tests.shared_engines import NORMS, norms_design, residual_model, shared_design, shared_engines

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize("seed", sampled(range(1, 9), 3))
def test_layers_take_turns(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    codec = ("raw", "ternary", "raw", "binary")[seed % 4]
    model = residual_model(rng, 1 + seed % 3, codec=codec)
    made = shared_design(rng, model, bus_bits=32 << seed % 4, banks=1 + seed % 2)
    assert shared_engines(made)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize(
    ("seed", "narrow", "queued"),
    sampled([(1, True, False), (8, True, True), (5, False, True), (3, True, True), (9, False, True)], 2),
)
def test_what_stands_behind_the_turns(
    seed: int, narrow: bool, queued: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Narrow words are joined for all turns, the next one waits in one queue, in block RAM too."""
    monkeypatch.setattr(queues, "_with_turns_queued", lambda design, interval: design)
    rng = np.random.default_rng(seed)
    made = shared_design(rng, residual_model(rng, 1 + seed % 3, size=5), narrow=narrow, queued=queued)
    (unit,) = shared_engines(made)
    assert (unit.given_depth > 0, unit.given_lanes == 1 < unit.in_lanes) == (queued, narrow)
    assert (unit.given_depth > QUEUE_WORDS) == (seed == 8)
    if narrow:
        assert {edge.source.tensor for edge in made.edges_into(unit) if edge.converters} <= {"z"}
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize("form", sampled(range(len(NORMS)), (0, 3, 4)))
def test_norms_take_turns(form: int, tmp_path: Path) -> None:
    """Each has an epsilon of its own."""
    made = norms_design(form)
    (unit,) = (unit for unit in made.units if unit.turns)
    assert unit.rtl_unit.parameters["Turns"] == len(unit.turns) == NORMS[form][3]
    assert (unit.rtl_unit.parameters["Steps"] > 0) == (form == 3) and (unit.ring is not None) == NORMS[form][4]
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def turns_off_chip() -> Design:
    rng = np.random.default_rng(3)
    return shared_design(rng, residual_model(rng, 2), bus_bits=64)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Bench]:
    """Weights of turns in external memory, and a map of turns."""
    away = next(form for form, norm in enumerate(NORMS) if norm[4])
    designs = turns_off_chip(), norms_design(away)
    made, other = (Bench(made, tmp_path_factory.mktemp(f"errors{n}")) for n, made in enumerate(designs))
    return made, other


@pytest.mark.parametrize("error_at", sampled([1, 2, 40, 150], (2, 150)))
@pytest.mark.parametrize("which", [0, 1])
def test_an_error_is_told_and_nothing_wrong_leaves(which: int, error_at: int, benches: tuple[Bench, Bench]) -> None:
    """Whichever turn it is."""
    bench = benches[which]
    beats, told = bench.beats_before_error(error_at)
    assert told > 0
    assert beats < 2 * bench.design.outputs[0].beats
