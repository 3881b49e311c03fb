"""What can be done with a model or a finished project besides building it: verify it again, generate with it."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan2hls import frontend, passes
from gan2hls.base import ConfigError, ModelError, OutputError, ToolError, check_output_file
from gan2hls.config import Config, resolve
from gan2hls.emit import Project, emit_memory, write
from gan2hls.emit.hls import emit_hls
from gan2hls.flow.inputs import first_batches, read_inputs, source_of, stimulus, warn_of_casts
from gan2hls.flow.ladder import FloatStep, Ladder, climb, float_step
from gan2hls.flow.pipeline import build
from gan2hls.flow.project_folder import Saved, is_project, load_saved, vendor_log
from gan2hls.frontend import Loaded
from gan2hls.hardware import Design
from gan2hls.model import IntegerModel
from gan2hls.quantize import draw, quantize_inputs
from gan2hls.report import (
    ModelFacts,
    Report,
    draw_svg,
    float_outputs,
    golden_outputs,
    inspect_model,
    model_nodes,
    output_pictures,
    real_outputs,
    report_nodes,
)
from gan2hls.verify import run_outputs

Notify = Callable[[str, str], None]
Array = npt.NDArray[np.generic]


def verify_project(
    folder: Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    onnx_path: Path | None = None,
    notify: Notify | None = None,
) -> Ladder:
    """Run the ladder on the files of a project as they stand; nothing in it is changed.

    Args:
        folder: the project.
        overrides: values laid over its config; only ``verify`` matters.
        onnx_path: the ONNX file, for the float step.
        notify: called with ``(stage, detail)``.

    Raises:
        ModelError: not a project, or a broken one.
        ConfigError: an ONNX file that is not the project's.
    """
    saved = load_saved(folder)
    if saved.design is None:
        raise ModelError("holds no design to verify", where=str(folder), hint=_resuming(folder))
    config = resolve(None, overrides, base=saved.config)
    if not config.verify.wanted:  # built with --no-verify: run everything that can run
        config = resolve(None, {"verify": {"steps": None}}, base=config)
    evaluation = read_inputs(saved.model.inputs, config).evaluation
    step: FloatStep | None = None
    if onnx_path is not None:
        loaded = _load_onnx(onnx_path, saved)
        warn_of_casts(loaded.onnx_model, evaluation)
        graph, least = passes.run(loaded.graph), config.verify.min_psnr_db
        step = float_step(onnx_path, loaded, graph, saved.model, evaluation, least)
    return climb(
        config.verify,
        folder,
        saved.design,
        stimulus(saved.design.model, evaluation, config.verify),
        float_step=step,
        former=saved.report,
        vendor_log=vendor_log(folder),
        notify=(lambda step: notify("verify", step)) if notify is not None else None,
    )


def generate(
    model: Path,
    output: Path,
    *,
    count: int = 16,
    seed: int = 0,
    config: Config | Mapping[str, Any] | Path | None = None,
    onnx_path: Path | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    notify: Notify | None = None,
) -> tuple[str, ...]:
    """Write a PNG grid of each output that is an image.

    Returns the labels of its rows: float, golden, csim, as far as they can be had.

    Args:
        model: an ONNX file, or a project's folder (which has a float row only with ``onnx_path``).
        output: the PNG file.
        count: pictures a row.
        seed: of the inputs, which are drawn from the config's input distribution.
        config: a config, its values, or a YAML file.
        onnx_path: the ONNX file of a project.
        input_shapes: shapes for dynamic inputs, by ONNX name.
        notify: called with ``(stage, detail)``.

    Raises:
        ConfigError: no output of the model is an image.
        OutputError: the PNG cannot be written.
    """
    notify = notify or (lambda *_: None)
    check_output_file(output, model)
    resolved, integers, design, loaded = _prepare(model, config, onnx_path, input_shapes, notify)
    inputs = draw(integers.inputs, source_of(resolved, samples=count, seed=seed))
    notify("generate", "golden")
    rows = [("golden", golden_outputs(integers, inputs))]
    if loaded is not None:
        notify("generate", "float")
        rows.insert(0, ("float", float_outputs(loaded.onnx_model, integers, inputs)))
    with contextlib.suppress(ToolError):
        notify("generate", "csim")
        rows.append(("csim", _csim_outputs(model, design, inputs)))
    picture = output_pictures(integers, rows)
    if picture is None:
        outputs = " and ".join(f"the output {p.onnx_name!r} of shape {list(p.onnx_shape)}" for p in integers.outputs)
        raise ConfigError(
            f"{outputs} {'is no image' if len(integers.outputs) == 1 else 'are no images'}",
            where=str(model),
            hint="an image has 1, 3 or 4 channels, or is a flat square",
        )
    _write_file(output, picture)
    return tuple(label for label, _ in rows)


def inspect(
    model: Path, *, svg: Path | None = None, input_shapes: Mapping[str, tuple[int, ...]] | None = None
) -> ModelFacts | Report:
    """Return what an ONNX file holds, or the report of a project, and draw its graph.

    Args:
        model: an ONNX file, or a project's folder.
        svg: the file to draw to; of a project with the bits of queues, how busy engines are, and the critical path.
        input_shapes: shapes of inputs, by ONNX name.

    Raises:
        ModelError: broken, or a project without a report.
        UnsupportedError: not buildable.
        ToolError: pygraphviz is not installed.
        OutputError: the drawing cannot be written.
    """
    if svg is not None:
        check_output_file(svg, model)
    if os.path.isdir(model):
        report = load_saved(model).report
        if report is None:
            raise ModelError("holds no report", where=str(model), hint=_resuming(model))
        if svg is not None:
            _write_file(svg, draw_svg(report_nodes(report)))
        return report
    facts = inspect_model(model, input_shapes)
    if svg is not None:
        _write_file(svg, draw_svg(model_nodes(facts)))
    return facts


def _prepare(
    model: Path,
    config: Config | Mapping[str, Any] | Path | None,
    onnx_path: Path | None,
    input_shapes: Mapping[str, tuple[int, ...]] | None,
    notify: Notify,
) -> tuple[Config, IntegerModel, Design, Loaded | None]:
    """Read a project, or build one in memory as far as its design."""
    if os.path.isdir(model):
        saved = load_saved(model)
        if saved.design is None:
            raise ModelError("holds no design", where=str(model), hint=_resuming(model))
        loaded = _load_onnx(onnx_path, saved) if onnx_path is not None else None
        return resolve(config, base=saved.config), saved.model, saved.design, loaded
    overrides = {"target": {"oversize": True}}  # pictures need no part
    made = build(
        model,
        config=config,
        overrides=overrides,
        input_shapes=input_shapes,
        stop="schedule",
        write=False,
        notify=notify,
    )
    assert made.integer_model is not None and made.design is not None
    loaded = frontend.load(model, input_shapes=dict(input_shapes or {}))
    return made.config, made.integer_model, made.design, loaded


def _csim_outputs(model: Path, design: Design, inputs: Mapping[str, Array]) -> dict[str, npt.NDArray[np.floating]]:
    """Run the HLS C++ of a project, or that which ``design`` would get; reals ``[N, *onnx_shape[1:]]`` by ONNX name."""
    count = len(next(iter(inputs.values())))
    codes = quantize_inputs(design.model, first_batches(inputs, count, design.batch))
    with tempfile.TemporaryDirectory(prefix="gan2hls-csim-") as work:
        folder = model
        if not is_project(model):
            folder = Path(work) / "project"
            parts = {"hls": emit_hls(design), "memory": emit_memory(design)}
            files = {f"{part}/{path}": content for part, made in parts.items() for path, content in made.items()}
            write(Project.of(files), folder)
        outputs = run_outputs(folder, design, Path(work), codes)
    return {name: values[:count] for name, values in real_outputs(design.model, outputs).items()}


def _resuming(folder: Path) -> str:
    return f"make it: gan2hls build {shlex.quote(str(folder))} --from schedule"


def _load_onnx(path: Path, saved: Saved) -> Loaded:
    shapes = {port.onnx_name: port.onnx_shape for port in saved.model.inputs}
    loaded = frontend.load(path, input_shapes=shapes)
    if loaded.sha256 != saved.origin.sha256:
        raise ConfigError(
            f"the project {saved.folder} was built from another ONNX file",
            where=str(path),
            hint=f"give that file{f', {saved.origin.file!r}' if saved.origin.file else ''}, or build the project again",
        )
    return loaded


def _write_file(path: Path, content: bytes) -> None:
    """Write ``content`` whole or not at all."""
    try:
        handle, name = tempfile.mkstemp(prefix=".gan2hls-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        raise OutputError(
            f"cannot be written: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            hint="choose a file in a folder that is there and that you may write, with -o",
        ) from error
