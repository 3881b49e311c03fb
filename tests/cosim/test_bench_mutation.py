"""One wrong weight, tap, shift or stream width in an emitted file, and verification fails, naming the layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gan2hls.emit.bench import emit_bench
from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.rtl.files import emit_rtl
from gan2hls.hardware import Design
from gan2hls.hardware.cycles import estimate
from gan2hls.model.golden import Golden
from gan2hls.verify import StepResult, run_hls, run_rtl
from gan2hls.verify.bench import run_bench
from tests import randomized
from tests.cosim.test_rtl_skip import mutated_design

pytest.importorskip("cocotb")
pytestmark = pytest.mark.cosim

Edit = Callable[[str], str]


@pytest.fixture(scope="module")
def design() -> Design:
    return randomized.tiny_design()


@pytest.fixture(scope="module")
def project(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "a project"  # with a blank, as users' folders have
    write_parts(folder, {"testbench": bench_files(design), "rtl": emit_rtl(design), "hls": emit_hls(design)})
    return folder


def bench_files(design: Design) -> dict[str, bytes]:
    """The benches of ``design`` with three random frames."""
    inputs = randomized.random_inputs(np.random.default_rng(1), design.model, 3)
    return emit_bench(design, Golden(design.model).run(inputs), seed=4)


def write_parts(folder: Path, parts: dict[str, dict[str, bytes]]) -> None:
    """Write the parts of a project."""
    for part, files in parts.items():
        for path, content in files.items():
            target = folder / part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


@pytest.fixture(scope="module")
def good(project: Path, design: Design, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StepResult]:
    """The untouched RTL: the folder of its simulator, and the result."""
    work = tmp_path_factory.mktemp("good")
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    result = run_rtl(project, design, work)
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before
    return work, result


@contextmanager
def edited(path: Path, edit: Edit) -> Iterator[None]:
    original = path.read_text()
    changed = edit(original)
    assert changed != original, f"nothing to change in {path.name}"
    path.write_text(changed)
    try:
        yield
    finally:
        path.write_text(original)


def change_word(text: str, mask: int) -> str:
    """Flip the bits ``mask`` of the first word of a memory image."""
    lines = text.splitlines()
    row = next(n for n, line in enumerate(lines) if re.fullmatch(r"[0-9a-fA-F]+", line.strip()))
    lines[row] = f"{int(lines[row], 16) ^ mask:0{len(lines[row].strip())}x}"
    return "\n".join(lines) + "\n"


def test_untouched_rtl_passes(good: tuple[Path, StepResult], design: Design) -> None:
    _, result = good
    assert result.status == "passed", result
    assert result.mismatches == 0 and result.first_mismatch is None and result.values > 3000
    measured = result.measurements
    assert measured.executed_steps == {engine.layer.name: engine.mac_cycles for engine in design.engines}
    assert measured.layer_cycles == measured.executed_steps
    assert measured.interval_cycles is not None and measured.latency_cycles is not None
    assert design.interval_limit <= measured.interval_cycles <= 1.02 * design.interval_limit
    assert measured.latency_cycles > measured.interval_cycles
    predicted = estimate(design)
    assert (predicted.latency, predicted.interval) == (measured.latency_cycles, measured.interval_cycles)
    assert predicted.layers == measured.layer_cycles


@pytest.mark.parametrize(
    ("layer", "memory", "mask"),
    [
        ("l0_dense", "weight", 0x40),
        ("l1_conv_transpose", "weight", 0x40 << 32),
        ("l1_conv_transpose", "x_taps", 0x1),
        ("l2_conv", "y_taps", 0x1),
        ("l2_conv", "requant", 0x10101010),
    ],
)
def test_changed_memory(good: tuple[Path, StepResult], project: Path, layer: str, memory: str, mask: int) -> None:
    """The simulator reads memories when it starts, so the one that stands can be used."""
    work, _ = good
    with edited(project / "rtl" / "mem" / f"{layer}_{memory}.mem", lambda text: change_word(text, mask)):
        result = run_bench(project, "rtl", work, tests=["full_rate"], reuse=True)
    assert result.status == "failed" and layer in (result.first_mismatch or result.reason), result


def test_skipped_blocks_are_counted_and_a_changed_run_is_found(tmp_path: Path) -> None:
    design = mutated_design()
    write_parts(tmp_path / "sparse", {"testbench": bench_files(design), "rtl": emit_rtl(design)})
    result = run_rtl(tmp_path / "sparse", design, tmp_path / "work")
    assert result.status == "passed", result
    measured, predicted = result.measurements, estimate(design)
    assert measured.executed_steps == {engine.layer.name: engine.mac_steps for engine in design.engines}
    assert any(engine.mac_steps < engine.mac_cycles for engine in design.engines)
    assert measured.layer_cycles == predicted.layers
    assert (predicted.latency, predicted.interval) == (measured.latency_cycles, measured.interval_cycles)
    program = design.engines[3].skip
    assert program is not None
    with edited(tmp_path / "sparse/rtl/mem/l3_runs.mem", lambda text: change_word(text, 1 << program.run_bits[0])):
        result = run_bench(tmp_path / "sparse", "rtl", tmp_path / "work", tests=["full_rate"], reuse=True)
    assert result.status == "failed" and "l3" in (result.first_mismatch or result.reason), result


@pytest.mark.parametrize(
    ("what", "file", "edit"),
    [
        ("shift", "tiny_l1_conv_transpose.sv", lambda text: lower_number(text, r"\.Shift\s*\((\d+)\)", 1)),
        ("width", "tiny.sv", lambda text: lower_number(text, r"logic \[(\d+):0\] l1_conv_transpose_data", 8)),
    ],
)
def test_changed_source(project: Path, tmp_path: Path, what: str, file: str, edit: Edit) -> None:
    with edited(project / "rtl" / file, edit):
        result = run_bench(project, "rtl", tmp_path, tests=["full_rate"])
    assert result.status == "failed" and what, result
    assert "l1_conv_transpose" in (result.first_mismatch or result.reason), result


def lower_number(text: str, pattern: str, by: int) -> str:
    """Lower the number in ``pattern``."""
    found = re.search(pattern, text)
    assert found, f"no {pattern}"
    return text[: found.start(1)] + str(int(found.group(1)) - by) + text[found.end(1) :]


def test_hls_shell(project: Path, design: Design, tmp_path: Path) -> None:
    """The C++ as the design under test, then with one weight changed."""
    pytest.importorskip("hls4ml")
    good = run_hls(project, design, tmp_path / "good")
    assert good.status == "passed" and good.values > 800, good
    assert good.measurements.interval_cycles is None
    weights = project / "hls" / "weights" / "l2_conv_weight.inc"

    def change(text: str) -> str:
        found = re.search(r"0x([0-9a-f]+)", text)
        assert found
        return text[: found.start(1)] + f"{int(found.group(1), 16) ^ 0x7F:x}" + text[found.end(1) :]

    with edited(weights, change):
        bad = run_bench(project, "hls", tmp_path / "bad", tests=["full_rate"])
    assert bad.status == "failed" and (bad.first_mismatch or "").startswith("l2_conv: frame "), bad
