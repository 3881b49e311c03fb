"""The verification ladder: run the wanted steps on a project's files, gather what they found and measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, final

from gan2hls import verify
from gan2hls.base import ToolError, side_by_side
from gan2hls.config import VERIFY_STEPS, VerifyConfig, VerifyStep
from gan2hls.flow.inputs import Array
from gan2hls.frontend import Loaded, original
from gan2hls.hardware import Design, critical_path, estimate
from gan2hls.model import Graph, IntegerModel
from gan2hls.numbers import Int64Array
from gan2hls.report import NOT_MEASURED, CodeAgreement, Fidelity, Report, StepReport, Timing, skipped
from gan2hls.verify import CsimResult, Measurements, StepResult, check_csim, end_running, run_float

Notify = Callable[[str], None]
#: Runs the float step: golden model against ONNX Runtime.
FloatStep = Callable[[], tuple[StepReport, Fidelity]]

_NO_ONNX = "the ONNX model is not part of a project; give it with --model"


@final
@dataclass(frozen=True)
class Ladder:
    """What the ladder found."""

    steps: dict[Any, StepReport]
    measured: Timing
    fidelity: Fidelity

    @property
    def passed(self) -> bool:
        """Whether no step failed."""
        return all(step.status != "failed" for step in self.steps.values())


def float_step(
    path: Path, loaded: Loaded, graph: Graph, model: IntegerModel, evaluation: Mapping[str, Array], min_psnr_db: float
) -> FloatStep:
    """Return the float step of ``model``.

    Args:
        path: the ONNX file that was ``loaded``.
        loaded: what was read of it.
        graph: the same after the passes.
        model: the same in integers.
        evaluation: by ONNX name, ``[N, *onnx_shape[1:]]``.
        min_psnr_db: below which it fails.
    """
    shapes = {port.onnx_name: port.onnx_shape for port in graph.inputs}
    file = partial(original, path, loaded.sha256, input_shapes=shapes)
    return partial(run_float, graph, loaded.onnx_model, model, evaluation, min_psnr_db, file)


def climb(
    config: VerifyConfig,
    folder: Path,
    design: Design,
    codes: Mapping[str, Int64Array],
    *,
    float_step: FloatStep | None,
    former: Report | None = None,
    vendor_log: Path | None = None,
    notify: Notify | None = None,
) -> Ladder:
    """Run the steps that ``config`` wants on the files in ``folder``, as many at a time as there are processors.

    Args:
        config: which steps, how many frames.
        folder: the project as it stands on disk; nothing is written into it.
        design: what the files must compute.
        codes: input codes by input name, for C simulation.
        float_step: None without the ONNX model; then ``former``'s result for the same integers is kept.
        former: the report of an earlier build of the same integer model.
        vendor_log: where the output of an HLS compiler that fails is kept.
        notify: called with the names of the steps that run, in one of several threads.

    Raises:
        ToolError: a step that was asked for by name lacks its tool.
    """
    running = _Running(notify)
    measured, fidelity = Timing(), NOT_MEASURED

    def climbed(step: VerifyStep) -> tuple[StepReport, Timing | Fidelity | None]:
        with running.on(step):
            if step == "float":
                return _climb_float(float_step, former)
            return _run(step, config, folder, design, codes, vendor_log)

    wanted = [step for step in VERIFY_STEPS if step in config.wanted]
    results = side_by_side([partial(climbed, step) for step in wanted], end_running)
    found = dict(zip(wanted, results, strict=True))
    for _, beside in results:
        if isinstance(beside, Timing):
            measured = beside
        elif beside is not None:
            fidelity = beside
    steps = {step: found[step][0] if step in found else skipped("not asked for") for step in VERIFY_STEPS}
    return Ladder(steps, measured, fidelity)


@final
class _Running:
    """Tells which steps run, as long as that is asked for."""

    def __init__(self, notify: Notify | None) -> None:
        self._notify, self._lock = notify, Lock()
        self._steps: list[VerifyStep] = []

    @contextmanager
    def on(self, step: VerifyStep) -> Iterator[None]:
        """Have ``step`` among those that run as long as the context lasts."""
        self._change(self._steps.append, step)
        try:
            yield
        finally:
            self._change(self._steps.remove, step)

    def _change(self, change: Callable[[VerifyStep], None], step: VerifyStep) -> None:
        with self._lock:
            change(step)
            if self._notify is not None and self._steps:
                self._notify(", ".join(self._steps))


def _climb_float(float_step: FloatStep | None, former: Report | None) -> tuple[StepReport, Fidelity]:
    if float_step is not None:
        return float_step()
    if former is None or former.verification["float"].status == "skipped":
        return skipped(_NO_ONNX), NOT_MEASURED
    return former.verification["float"], Fidelity(
        former.quality,
        {layer.name: layer.sqnr_db for layer in former.layers},
        {
            layer.name: CodeAgreement(layer.file_codes_differ, layer.file_codes_max_difference)
            for layer in former.layers
            if layer.file_codes_differ is not None and layer.file_codes_max_difference is not None
        },
    )


def _run(
    step: VerifyStep,
    config: VerifyConfig,
    folder: Path,
    design: Design,
    codes: Mapping[str, Int64Array],
    vendor_log: Path | None,
) -> tuple[StepReport, Timing | None]:
    """Run one step; a missing tool is the user's error only when the step was asked for by name."""
    with tempfile.TemporaryDirectory(prefix=f"gan2hls-{step}-") as scratch:
        work = Path(scratch)
        try:
            if step == "csim":
                return _step_report(check_csim(folder / "hls", design, codes, work), design), None
            if step == "hls":
                return _step_report(verify.run_hls(folder, design, work), design), None
            if step == "vendor":
                if config.hls_tool is None:
                    return skipped("no HLS compiler chosen (--hls-tool)"), None
                result = verify.run_vendor(folder, design, work, config.hls_tool, vendor_log)
                return _step_report(result, design), None
            if reason := verify.why_no_rtl(config, design):
                return skipped(reason), None
            result = verify.run_rtl(folder, design, work)
        except ToolError as error:
            if step != "vendor" and config.steps is not None:
                raise
            return skipped(f"{error.message}{f' ({error.hint})' if error.hint else ''}"), None
    return _step_report(result, design), _timing(result.measurements, design)


def _step_report(result: CsimResult | StepResult, design: Design) -> StepReport:
    return StepReport(
        status=result.status,
        reason=result.reason,
        frames=design.batch * result.frames,
        values=result.values,
        mismatches=result.mismatches,
        first_mismatch=result.first_mismatch,
    )


def _timing(found: Measurements, design: Design) -> Timing:
    lanes = {engine.layer.name: engine.folding.pe * engine.folding.simd for engine in design.engines}
    return Timing(
        layer_cycles={name: design.per_frame(cycles) for name, cycles in found.layer_cycles.items()},
        executed_macs={name: design.per_frame(steps * lanes[name]) for name, steps in found.executed_steps.items()},
        latency=found.latency_cycles,
        interval=None if found.interval_cycles is None else design.per_frame(found.interval_cycles),
    )


def estimated_timing(design: Design) -> Timing:
    """Return the cycles that the model of the engines predicts, a frame; the latency is that of the first batch."""
    found = estimate(design)
    return Timing(
        layer_cycles={name: design.per_frame(cycles) for name, cycles in found.layers.items()},
        latency=found.latency,
        interval=design.per_frame(found.interval),
        critical_path=critical_path(design),
    )
