"""Designs with several input and output ports: two independent chains, in RTL, C simulation and both benches."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit.bench import emit_bench
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Design, verify_design
from gan2hls.hardware.cycles import estimate
from gan2hls.model.golden import Golden
from gan2hls.verify import run_rtl
from gan2hls.verify.bench import run_bench
from tests.cosim import rtl_bench
from tests.cosim.hls_chains import random_design
from tests.cosim.rtl_bench import Bench, lint
from tests.randomized import random_inputs, side_by_side, two_chains

pytestmark = pytest.mark.cosim


def random_chains() -> Design:
    """Two random chains, their outputs in the other order."""
    made = side_by_side("random", random_design(21, 3), random_design(34, 2))
    made = replace(made, model=replace(made.model, outputs=made.model.outputs[::-1]))
    verify_design(made)
    return made


@pytest.mark.parametrize("make", [two_chains, random_chains])
def test_rtl_of_two_chains(make: Callable[[], Design], tmp_path: Path) -> None:
    """Ports wait on their own; the slowest decides latency and interval."""
    made = make()
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    for seed, (idle, stall) in enumerate([(50, 50), (80, 10), (10, 80)]):
        bench.run(3, seed=seed, idle=idle, stall=stall)
    bench.run(3, seed=9, idle=20, stall=20, reset_at=150)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)


def twins(name: str) -> Design:
    """Two equal chains, so that nothing but the beats tells their ports apart."""
    part = random_design(34, 2)
    return side_by_side(name, part, part)


def swap(text: bytes, one: str, other: str) -> bytes:
    """Exchange two words."""
    return re.sub(
        rf"\b({one}|{other})(?=\b|_t)".encode(), lambda m: (other if m[1].decode() == one else one).encode(), text
    )


def test_swapped_outputs_are_found_in_rtl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = twins("twins")
    files = emit_rtl(made)
    top = swap(files["twins.sv"], *(port.axis for port in made.sinks))
    assert top != files["twins.sv"]
    monkeypatch.setattr(rtl_bench, "emit_rtl", lambda _: files | {"twins.sv": top})
    with pytest.raises(AssertionError, match="m_axis_a_l1: beats"):
        Bench(made, tmp_path).run(2)


def write_project(made: Design, folder: Path, frames: int = 3) -> None:
    """Write RTL, C++ and bench of ``made``."""
    tensors = Golden(made.model).run(random_inputs(np.random.default_rng(6), made.model, frames))
    for part, files in (("rtl", emit_rtl(made)), ("testbench", emit_bench(made, tensors, seed=2))):
        for path, content in files.items():
            target = folder / part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def test_bench_of_two_chains_in_rtl(tmp_path: Path) -> None:
    """All five tests pass and measure what is estimated; an exchanged input is found, and the layer behind it named."""
    pytest.importorskip("cocotb")
    made = two_chains()
    write_project(made, tmp_path)
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    values = sum(stream.elements for stream in (*made.outputs, *(engine.sends for engine in made.engines)))
    assert result.frames == 5 + 3 + 3 + 3 + 2 and result.values >= (5 + 3 + 3 + 3) * values
    measured, expected = result.measurements, estimate(made)
    assert (measured.latency_cycles, measured.interval_cycles) == (expected.latency, expected.interval)


def test_swapped_inputs_are_found_by_the_bench(tmp_path: Path) -> None:
    pytest.importorskip("cocotb")
    made = twins("twins")
    write_project(made, tmp_path)
    top = tmp_path / "rtl" / "twins.sv"
    top.write_bytes(swap(top.read_bytes(), *(port.axis for port in made.sources)))
    result = run_bench(tmp_path, "rtl", tmp_path / "work", tests=["full_rate"])
    assert result.status == "failed" and (result.first_mismatch or "").startswith("a_l0: frame 0, beat 0"), result
