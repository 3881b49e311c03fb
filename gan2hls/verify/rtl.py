"""The rtl step: the emitted SystemVerilog in Verilator, every engine's output against the golden model."""

from __future__ import annotations

from pathlib import Path

from gan2hls.hardware import Design
from gan2hls.verify.bench import run_bench
from gan2hls.verify.result import StepResult


def run_rtl(project_dir: Path, design: Design, work: Path) -> StepResult:
    """Verify ``rtl/`` of a project; measures latency, frame interval and executed MAC steps.

    Raises:
        ToolError: cocotb, Verilator or a compiler is missing.
    """
    result = run_bench(project_dir, "rtl", work)
    counted = set(result.measurements.executed_steps)
    names = {engine.layer.name for engine in design.engines}
    assert result.status != "passed" or counted == names, f"layers without counters: {names - counted}"
    return result
