"""Run a project's own cocotb benches in a folder outside the project, and read what they found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan2hls.base import ToolError
from gan2hls.verify.process import run_group
from gan2hls.verify.result import Measurements, StepResult

#: What ``run.py`` exits with when a tool is not installed.
_MISSING = 3
#: Wall-clock limit of one step; every test has its own limit in clock cycles far below.
STEP_SECONDS = 4 * 3600


def run_bench(
    project_dir: Path,
    dut: str,
    work: Path,
    *,
    bench: Path | None = None,
    tests: Sequence[str] = (),
    reuse: bool = False,
) -> StepResult:
    """Build and run the bench of ``dut``, an entry of ``duts`` in ``bench.json``.

    Args:
        project_dir: the generated project; nothing is written into it.
        dut: name of the design under test.
        work: folder for the build; its path must be free of blanks.
        bench: another ``bench.json``, default the project's.
        tests: names of tests of ``test_stream.py``, default all.
        reuse: keep a simulator that was built in ``work`` before; memory images are read anew.

    Raises:
        ToolError: a tool is missing, or the bench could not run to its end.
    """
    testbench = project_dir.resolve() / "testbench"
    command = [sys.executable, "-B", str(testbench / "run.py"), dut, "--work", str(work.resolve())]
    command += ["--bench", str((bench or testbench / "bench.json").resolve())]
    command += ["--tests", *tests] if tests else []
    command += ["--reuse"] if reuse else []
    code, output = _run(command)
    if code == _MISSING:
        raise ToolError(output.strip().splitlines()[-1], where=dut)
    results = work / dut / "results.json"
    if not results.is_file():
        last = (output.strip().splitlines() or ["no output"])[-1]
        raise ToolError(f"the bench ended without results (exit code {code}): {last}", where=dut)
    found: dict[str, Any] = json.loads(results.read_text())
    return StepResult(
        status="passed" if found["status"] == "passed" and code == 0 else "failed",
        reason=found["reason"],
        frames=found["frames"],
        values=found["values"],
        mismatches=found["mismatches"],
        first_mismatch=found["first_mismatch"],
        measurements=Measurements(
            latency_cycles=found["latency_cycles"],
            interval_cycles=found["interval_cycles"],
            executed_steps=found["executed_steps"],
            layer_cycles=found["layer_cycles"],
        ),
    )


def _run(command: list[str]) -> tuple[int, str]:
    hidden = ("PYTEST_CURRENT_TEST", "MAKEFLAGS", "MAKELEVEL")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    try:
        return run_group(command, STEP_SECONDS, environment=environment)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"the bench took longer than {STEP_SECONDS} s", where=command[3]) from error
