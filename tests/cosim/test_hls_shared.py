"""Layers that take turns at one engine, in C++: == golden model, one after the other and side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import queues
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.random_integer_graphs import maps_away
from tests.randomized import random_inputs
from tests.sampling import sampled
from tests.shared_engines import NORMS, norms_design, residual_model, shared_design, shared_engines

pytestmark = pytest.mark.cosim


@pytest.mark.parametrize(
    ("seed", "flags"),
    sampled(
        [
            (1, ()),
            (4, ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT")),
            (2, ("-DGAN2HLS_FLAT",)),
            (3, ("-DGAN2HLS_EXACT_WIDTHS",)),
        ],
        2,
    ),
)
@pytest.mark.parametrize("bounded", sampled([True, False], 1))
def test_layers_take_turns(
    seed: int, flags: tuple[str, ...], bounded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hls4ml")
    rng = np.random.default_rng(seed)
    codec = ("raw", "ternary", "raw", "binary")[seed % 4]
    model = residual_model(rng, 1 + seed % 3, codec=codec)
    made = shared_design(rng, model, bus_bits=32 << seed % 4, banks=1 + seed % 2)
    assert shared_engines(made)
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    monkeypatch.setattr(csim, "may_deadlock", lambda design: bounded)
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize(
    ("flags", "queued"), [((), False), ((), True), (("-DGAN2HLS_FLAT",), True)], ids=["narrow", "queued", "flat"]
)
@pytest.mark.parametrize("bounded", sampled([True, False], 1))
def test_what_stands_behind_the_turns(
    flags: tuple[str, ...], queued: bool, bounded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Narrow words are joined for all turns, and the next one waits in one queue."""
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(queues, "_with_turns_queued", lambda design, interval: design)
    rng = np.random.default_rng(8)
    made = shared_design(rng, residual_model(rng, 2, size=4), narrow=True, queued=queued)
    assert all((unit.given_lanes, unit.given_depth > 2) == (1, queued) for unit in shared_engines(made))
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    monkeypatch.setattr(csim, "may_deadlock", lambda design: bounded)
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def test_a_map_and_what_waits_in_front_of_it_are_off_chip(tmp_path: Path) -> None:
    """Streams to memory and back of both stand in one function."""
    pytest.importorskip("hls4ml")
    made = norms_design(4)
    made = maps_away(replace(made, depths={**made.depths, **{(name, 0): 128 for name in made.shared[0]}}), 64)
    assert all(unit.ring is not None for unit in made.units if unit.turns)
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


@pytest.mark.parametrize("bounded", sampled([True, False], 1))
@pytest.mark.parametrize("form", sampled(range(len(NORMS)), (3, 4)))
def test_norms_take_turns(form: int, bounded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hls4ml")
    made = norms_design(form)
    assert any(unit.turns for unit in made.units)
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *(("-DGAN2HLS_EXACT_WIDTHS",) if form % 2 else ())))
    monkeypatch.setattr(csim, "may_deadlock", lambda design: bounded)
    codes = random_inputs(np.random.default_rng(1), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
