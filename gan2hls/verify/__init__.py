"""The steps of the verification ladder: golden model, HLS C++ and RTL must agree, integer for integer.

A step returns a ``StepResult``; one that cannot run raises ``ToolError``, which the ladder reports as skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from gan2hls.config import VerifyConfig
from gan2hls.design import Design
from gan2hls.emit.bench import read_stimuli
from gan2hls.verify.csim import check_csim
from gan2hls.verify.hls import run_hls
from gan2hls.verify.result import Measurements, Status, StepResult
from gan2hls.verify.rtl import run_rtl
from gan2hls.verify.vendor import run_vendor

__all__ = ["RUNNERS", "Measurements", "Status", "StepResult", "run_csim_step", "run_hls", "run_rtl", "run_vendor"]

#: Runs one step on a project: folder, design, work folder, settings.
Runner = Callable[[Path, Design, Path, VerifyConfig], StepResult]


def run_csim_step(project_dir: Path, design: Design, work: Path, config: VerifyConfig) -> StepResult:
    """Verify ``hls/`` of a project with g++, on its own vectors and on as many frames of random codes.

    Raises:
        ToolError: g++ or the ap_types headers are missing.
    """
    rng = np.random.default_rng(config.seed)
    real = read_stimuli(design, project_dir / "testbench")
    inputs = {}
    for port, quant in zip(design.model.inputs, design.model.input_types, strict=True):
        codes = rng.integers(quant.int_type.lo, quant.int_type.hi + 1, (config.frames, *port.shape))
        inputs[port.name] = np.concatenate([real[port.name], codes])
    found = check_csim(project_dir / "hls", design, inputs, work)
    return StepResult(found.status, found.reason, found.frames, found.values, found.mismatches, found.first_mismatch)


RUNNERS: Mapping[str, Runner] = {
    "csim": run_csim_step,
    "hls": lambda folder, design, work, config: run_hls(folder, design, work),
    "rtl": lambda folder, design, work, config: run_rtl(folder, design, work),
    "vendor": lambda folder, design, work, config: run_vendor(folder, design, work, config.hls_tool),
}
