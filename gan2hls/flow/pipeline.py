"""The whole road, stage by stage (``stages``): from a model, or from a saved stage, to a verified project."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, final

from gan2hls import frontend, passes
from gan2hls.auto import Assignment
from gan2hls.base import ConfigError, ModelError, OutputError, begun
from gan2hls.config import Config, resolve
from gan2hls.emit import Project, Staging, check_replaceable, emit_bench, emit_memory, remove, staged, sweep
from gan2hls.emit.hls import emit_hls
from gan2hls.emit.rtl import emit_rtl
from gan2hls.flow.from_config import check_unchanged, folded_for_tool, pinned_foldings, settled_config, target_of
from gan2hls.flow.inputs import Inputs, first_batches, read_inputs, stimulus, warn_of_casts
from gan2hls.flow.ladder import FloatStep, Ladder, climb, estimated_timing, float_step
from gan2hls.flow.lowering import lower, lower_with_weights
from gan2hls.flow.project_folder import (
    ASSIGNMENT_YAML,
    PICTURE_PNG,
    README_MD,
    REPORT_JSON,
    Saved,
    check_source,
    integer_sha256,
    is_project,
    keep_failed,
    load_saved,
    saved_files,
    vendor_log,
    verification_error,
)
from gan2hls.flow.result import BuildResult
from gan2hls.flow.stages import RESUMABLE, STAGES, Stage
from gan2hls.frontend import Loaded
from gan2hls.hardware import (
    Design,
    Target,
    check_fits,
    critical_path,
    design_resources,
    holding_clocks,
    part_name,
    schedule,
)
from gan2hls.model import Golden, Graph, IntegerModel, Origin
from gan2hls.quantize import UndefinedCast, Widening, quantize_inputs
from gan2hls.report import (
    NOT_MEASURED,
    AssignmentReport,
    Report,
    Timing,
    WideningReport,
    draw_picture,
    make_readme,
    make_report,
    no_verification,
)
from gan2hls.verify import frames_of

_log = logging.getLogger(__name__)

DEFAULT_OUTPUT = Path("hls_out")

Notify = Callable[[str, str], None]


def build(
    model: str | Path,
    *,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    start: Stage = "load",
    stop: Stage = "write",
    write: bool = True,
    replace: bool = False,
    notify: Notify | None = None,
) -> BuildResult:
    """Build a project from an ONNX model, or from a saved stage.

    Args:
        model: an ONNX file; with ``start`` beyond ``load`` a project's folder will do.
        config: a config, its values, or a YAML file.
        overrides: values laid over ``config``, as the command line does.
        output: the folder in which ``NAME/`` is made; by default ``hls_out``, or where the given project stands.
        input_shapes: shapes for dynamic inputs, by ONNX name.
        start: first stage; one of ``RESUMABLE``.
        stop: last stage before ``write``; what is saved depends on it.
        write: False keeps everything in memory.
        replace: replace a project even if it was built from another model file.
        notify: called with ``(stage, detail)`` as work goes on.

    Raises:
        Gan2HlsError: its subclasses say what the user can do about it.
    """
    if start not in RESUMABLE:
        raise ConfigError(
            f"a build cannot start from {start!r}: its input is not saved",
            hint=f"legal: {', '.join(RESUMABLE)}; gan2hls verify runs the ladder on what is there",
        )
    if STAGES.index(stop) < STAGES.index(start):
        later = STAGES[STAGES.index(start) :]
        raise ConfigError(f"a build from {start!r} cannot stop at {stop!r}", hint=f"it can at {', '.join(later)}")
    run = _Run(Path(model), None if output is None else Path(output), start, stop, notify or (lambda *_: None))
    run.replace = replace
    return run.build(config, overrides or {}, input_shapes or {}, write)


@final
class _Run:
    """One build: the stage values so far, and the seconds each took."""

    def __init__(self, source: Path, output: Path | None, start: Stage, stop: Stage, notify: Notify) -> None:
        self.source, self.output, self.start, self.stop, self.notify = source, output, start, stop, notify
        self.replace = False
        self.seconds: dict[str, float] = {}
        self.loaded: Loaded | None = None
        self.graph: Graph | None = None
        self.saved: Saved | None = None
        self.assignment: Assignment | None = None
        self.widening: Widening | None = None
        self.casts: tuple[UndefinedCast, ...] = ()
        self._designs: list[tuple[IntegerModel, Design]] = []

    def build(
        self,
        config: Config | Mapping[str, Any] | str | Path | None,
        overrides: Mapping[str, Any],
        input_shapes: Mapping[str, tuple[int, ...]],
        write: bool,
    ) -> BuildResult:
        if self.start == "load" and os.path.isdir(self.source):
            way = "add --from schedule to resume the project" if is_project(self.source) else "give the file itself"
            raise ModelError("is a folder, not an ONNX file", where=str(self.source), hint=way)
        self.config = resolve(config, overrides) if self.start == "load" else Config()
        if not os.path.isdir(self.source):
            self._load(input_shapes)
            if self.stop in ("load", "passes"):
                return BuildResult(self.config, graph=self.graph, seconds=self.seconds)
        if self.start != "load":
            self._resume(config, overrides)
        if self.start != "emit":
            self.config = folded_for_tool(self.config)
        self._check_ends(write)
        self._lower()
        if self.stop != "lower":
            self._schedule()
        if self.stop in ("lower", "schedule"):
            return self._finish_early(write)
        float_step = self._begun_float_step()
        self._emit()
        return self._verify_and_write(write, float_step)

    @contextlib.contextmanager
    def _stage(self, stage: Stage, detail: str = "") -> Iterator[None]:
        self.notify(stage, detail)
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun

    def _load(self, input_shapes: Mapping[str, tuple[int, ...]]) -> None:
        with self._stage("load", self.source.name):
            self.loaded = frontend.load(self.source, input_shapes=dict(input_shapes))
            self.graph = self.loaded.graph
            name = os.fsencode(self.source.name).decode("utf-8", "backslashreplace")
            self.origin = Origin(sha256=self.loaded.sha256, params=self.loaded.params, file=name)
        if self.stop != "load":
            with self._stage("passes"):
                self.graph = passes.run(self.loaded.graph)

    def _resume(self, config: Config | Mapping[str, Any] | str | Path | None, overrides: Mapping[str, Any]) -> None:
        folder = self.source if self.graph is None else (self.output or DEFAULT_OUTPUT) / self.graph.name
        sweep(folder.parent)
        if self.loaded is not None and not is_project(folder):
            raise ModelError(
                "is not a generated project: there is nothing to resume",
                where=str(folder),
                hint="build without --from first, or name the folder in which the project stands with -o",
            )
        self.saved = load_saved(folder)
        if self.loaded is not None and self.loaded.sha256 != self.saved.origin.sha256:
            raise ConfigError(
                f"was built from another ONNX file than {self.source.name}",
                where=str(folder),
                hint="build without --from",
            )
        self.model = self.saved.model
        if self.loaded is None:
            self.origin = self.saved.origin
        self.config = resolve(config, overrides, base=self.saved.config)
        check_unchanged(self.saved.config, self.config, self.start)

    def _check_ends(self, write: bool) -> None:
        """Refuse a part or a destination before the long work rather than after it."""
        if self.stop != "lower" and self.start != "emit":
            _ = self._part
        default = self.source.parent if os.path.isdir(self.source) else DEFAULT_OUTPUT
        self.destination = (self.output or default) / (self.graph or self.model).name
        if write:
            sweep(self.destination.parent)
            check_replaceable(self.destination)
            self._check_source(self.destination)

    def _check_source(self, folder: Path) -> None:
        check_source(folder, self.origin, replace=self.replace)

    def _lower(self) -> None:
        if self.saved is not None:
            self.inputs: Inputs = read_inputs(self.model.inputs, self.config)
            if self.loaded is not None:
                self.casts = warn_of_casts(self.loaded.onnx_model, self.inputs.evaluation)
            return
        assert self.graph is not None and self.loaded is not None
        with self._stage("lower"):
            self.inputs = read_inputs(self.graph.inputs, self.config)
            self.casts = warn_of_casts(self.loaded.onnx_model, self.inputs.evaluation)
            progress = partial(self.notify, "lower")
            onnx_model = self.loaded.onnx_model
            made = lower(self.graph, onnx_model, self.inputs, self.config, self._part, self._design_of, progress)
            self.model, self.assignment, self.widening = made.model, made.assignment, made.widening
            if self.config.precision.weight is None and made.assignment is None:
                _log.warning("precision.weight: auto has nothing to choose: the config and the file fix all weights")

    def _design_of(self, model: IntegerModel) -> Design:
        """Return the design of ``model``, and keep the first one made and the last one: those of choices to come.

        Where none fits it is one all the same, so that the bits of such a model are found too.
        """
        if all(other is not model for other, _ in self._designs):
            target, like = replace(self._target(), oversize=True), self._designs[-1][1] if self._designs else None
            made = schedule(model, target, pinned_foldings(model, self.config), near=False, like=like)
            self._designs = [*self._designs[:1], (model, made)]
        return next(design for other, design in self._designs if other is model)

    def _schedule(self) -> None:
        if self.start == "emit":
            assert self.saved is not None
            if self.saved.design is None:
                raise ModelError("holds no schedule", where=str(self.saved.folder), hint="use --from schedule")
            self.design = self.saved.design
            return
        with self._stage("schedule"):
            target, pinned = self._target(), pinned_foldings(self.model, self.config)
            self.design = self._design_of(self.model)
            if target.oversize and not design_resources(self.design).within(target.budget):
                self.design = schedule(self.model, target, pinned)
            check_fits(self.design, target, pinned, self._with_weights)

    def _with_weights(self, precision: str) -> tuple[IntegerModel, float] | None:
        """Return the model with weights in another format, and its PSNR; None without the ONNX model, or if vast."""
        if self.loaded is None or self.graph is None:
            return None
        progress = partial(self.notify, "schedule")
        return lower_with_weights(self.graph, self.loaded.onnx_model, self.inputs, self.config, progress, precision)

    @cached_property
    def _part(self) -> str:
        return part_name(self.config.target.part, unlisted=self.config.target.dsp is not None)

    def _target(self) -> Target:
        return target_of(self.config, self._part)

    def _emit(self) -> None:
        with self._stage("emit"), ThreadPoolExecutor(2) as pool:
            for simulated in (critical_path, holding_clocks):  # compiled; the report asks for what they remember
                pool.submit(simulated, self.design)
            count = frames_of(self.config.verify, self.design.model)
            frames = first_batches(self.inputs.evaluation, count, self.design.batch)
            tensors = Golden(self.model).run(quantize_inputs(self.model, frames))
            parts = {
                "hls": emit_hls(self.design),
                "rtl": emit_rtl(self.design),
                "testbench": emit_bench(self.design, tensors, seed=self.config.verify.seed),
                "memory": emit_memory(self.design),
            }
            files = {f"{folder}/{path}": content for folder, made in parts.items() for path, content in made.items()}
            files |= self._saved_files()
            picture = self.saved.picture if self.saved is not None else None
            if self.loaded is not None:
                picture = draw_picture(self.loaded.onnx_model, self.model, self.inputs.evaluation)
            self.picture = picture is not None
            self.project = Project.of(files | ({PICTURE_PNG: picture} if picture is not None else {}))

    def _saved_files(self) -> dict[str, bytes]:
        design = self.design if self.stop != "lower" else None
        files = saved_files(self.model, self.origin, design, self.config, self.destination)
        if self.assignment is not None:
            files[ASSIGNMENT_YAML] = settled_config(self.config, self.assignment).to_yaml(relative_to=self.destination)
        return files

    def _finish_early(self, write: bool) -> BuildResult:
        project = Project.of(self._saved_files())
        if write:
            with self._stage("write"), staged(self.destination, self._check_source) as staging:
                staging.add(project)
                staging.commit()
        return self._result(project, None, write)

    def _verify_and_write(self, write: bool, float_step: FloatStep | None) -> BuildResult:
        with contextlib.ExitStack() as stack:
            destination = self.destination
            if not write:
                scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="gan2hls-"))
                destination = Path(scratch) / self.model.name
            with self._stage("write", str(destination) if write else ""):
                staging = stack.enter_context(staged(destination, self._check_source))
                staging.add(self.project)
            report = self._report(self._verify(staging, write, float_step))
            made = {README_MD: make_readme(report, picture=self.picture), REPORT_JSON: report.to_json()}
            self.project = self.project.merged(made)
            staging.add(Project.of(made))
            failed = destination.with_name(f"{destination.name}.failed")
            if not report.passed:
                kept = write and keep_failed(staging, failed)
                raise verification_error(report, failed if kept else None, self.casts)
            if write:
                staging.commit()
                with contextlib.suppress(OutputError):
                    self._check_source(failed)
                    remove(failed)
        return self._result(self.project, report, write)

    def _verify(self, staging: Staging, write: bool, float_step: FloatStep | None) -> Ladder:
        if self.stop == "emit" or not self.config.verify.wanted:
            reason = "the build stopped after emit" if self.stop == "emit" else "verification was switched off"
            return Ladder(no_verification(reason), Timing(), NOT_MEASURED)
        with self._stage("verify"):
            former = self.saved.report if self.saved is not None else None
            return climb(
                self.config.verify,
                staging.folder,
                self.design,
                stimulus(self.design.model, self.inputs.evaluation, self.config.verify),
                float_step=float_step,
                former=former,
                vendor_log=vendor_log(self.destination) if write else None,
                notify=lambda step: self.notify("verify", step),
            )

    def _begun_float_step(self) -> FloatStep | None:
        """Begin the float step, which needs no files: it runs while they are made."""
        loaded, graph = self.loaded, self.graph
        if loaded is None or graph is None or self.stop == "emit" or "float" not in self.config.verify.wanted:
            return None
        least = self.config.verify.min_psnr_db
        return begun(float_step(self.source, loaded, graph, self.model, self.inputs.evaluation, least))

    def _report(self, ladder: Ladder) -> Report:
        assignment, widening = self._choices()
        return make_report(
            self.design,
            self.origin,
            integer_sha256(dict(self.project.files)),
            estimated=estimated_timing(self.design),
            measured=ladder.measured,
            fidelity=ladder.fidelity,
            verification=ladder.steps,
            seconds={stage: self.seconds[stage] for stage in STAGES if stage in self.seconds},
            assignment=assignment,
            widening=widening,
        )

    def _choices(self) -> tuple[AssignmentReport | None, WideningReport | None]:
        """Return how formats of weights and activations were chosen, in this build or in the one that it resumes."""
        if self.saved is not None:
            former = self.saved.report
            return (former.assignment, former.widening) if former is not None else (None, None)
        assignment, widening = self.assignment, self.widening
        return (
            None if assignment is None else AssignmentReport.model_validate(assignment),
            None if widening is None else WideningReport.model_validate(widening),
        )

    def _result(self, project: Project, report: Report | None, written: bool) -> BuildResult:
        return BuildResult(
            config=self.config,
            path=self.destination if written else None,
            graph=self.graph,
            integer_model=self.model,
            design=None if self.stop == "lower" else self.design,
            project=project,
            report=report,
            seconds=self.seconds,
            assignment=self.assignment,
        )
