"""The hls step: the emitted C++ behind an AXI4-Stream shell, through DPI-C, under the same bench as the RTL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gan2hls.hardware import Design
from gan2hls.verify.bench import run_bench
from gan2hls.verify.result import Measurements, StepResult

#: MACs of a frame, of a second or so of C++, above which the tests of the bench are fewer, and those: at full rate, and
#: with random waits at both ends at once.
_LARGE_MACS, _FEW_TESTS = 100_000_000, ("full_rate", "idle_back_pressure")


def run_hls(project_dir: Path, design: Design, work: Path) -> StepResult:
    """Verify ``hls/`` of a project; the shell's cycles mean nothing and are left out.

    Raises:
        ToolError: cocotb, Verilator, a compiler or the ap_types headers are missing.
    """
    large = sum(layer.op.useful_macs for layer in design.model.layers) > _LARGE_MACS
    result = run_bench(project_dir, "hls", work, tests=_FEW_TESTS if large else ())
    return replace(result, measurements=Measurements())
