"""The hls step: the emitted C++ behind an AXI4-Stream shell, through DPI-C, under the same bench as the RTL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gan2hls.hardware import Design
from gan2hls.verify.bench import run_bench
from gan2hls.verify.extent import hls_tests
from gan2hls.verify.result import Measurements, StepResult


def run_hls(project_dir: Path, design: Design, work: Path) -> StepResult:
    """Verify ``hls/`` of a project; the shell's cycles mean nothing and are left out.

    Raises:
        ToolError: cocotb, Verilator, a compiler or the ap_types headers are missing.
    """
    result = run_bench(project_dir, "hls", work, tests=hls_tests(design.model))
    return replace(result, measurements=Measurements())
