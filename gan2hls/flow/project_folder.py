"""What stands in a project's folder: the files that a stage saves, reading them back, and whose project it is."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pydantic import ValidationError

from gan2hls.base import ModelError, OutputError, VerificationError, file_problem
from gan2hls.config import Config, load_config
from gan2hls.emit import Staging
from gan2hls.flow.saved import DESIGN_JSON, MODEL_JSON, MODEL_NPZ
from gan2hls.flow.saved_design import dump_design, load_design
from gan2hls.flow.saved_model import dump_model, load_model, load_origin
from gan2hls.hardware import Design
from gan2hls.model import IntegerModel, Origin
from gan2hls.quantize import UndefinedCast
from gan2hls.report import Report

_log = logging.getLogger(__name__)

CONFIG_YAML, REPORT_JSON, README_MD, PICTURE_PNG = "config.yaml", "report.json", "README.md", "picture.png"
#: The config that repeats what ``precision: auto`` has chosen.
ASSIGNMENT_YAML = "assignment.yaml"
_MAX_BYTES = 1 << 30


@final
@dataclass(frozen=True, eq=False)
class Saved:
    """A project read back from its folder.

    Attributes:
        folder: where it stands.
        config: as it was resolved.
        model: the integer model.
        origin: the ONNX file it came from.
        design: None when the build stopped before the schedule.
        report: None when the build stopped before the emitter, or the integer model is no longer the reported one.
        picture: ``picture.png``, if there is one.
    """

    folder: Path
    config: Config
    model: IntegerModel
    origin: Origin
    design: Design | None
    report: Report | None
    picture: bytes | None


def saved_files(
    model: IntegerModel, origin: Origin, design: Design | None, config: Config, destination: Path
) -> dict[str, bytes]:
    """Return the files from which a later build can resume."""
    files = dump_model(model, origin)
    files[CONFIG_YAML] = config.to_yaml(relative_to=destination)
    return files | (dump_design(design) if design is not None else {})


def integer_sha256(files: dict[str, bytes]) -> str:
    """Return the SHA-256 of the two files that hold the integer model."""
    return hashlib.sha256(files[MODEL_JSON] + files[MODEL_NPZ]).hexdigest()


def vendor_log(folder: Path) -> Path:
    """Return where the output of an HLS compiler that refuses the C++ of the project ``folder`` is kept: beside it."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}.vendor.log")


def is_project(folder: Path) -> bool:
    """Whether ``folder`` holds a saved integer model."""
    return os.path.isfile(folder / MODEL_JSON)  # False of a name that is too long, where Path raises


def check_source(folder: Path, origin: Origin, *, replace: bool) -> None:
    """Refuse to replace a project of another model file: one of another name and other contents.

    Raises:
        OutputError: ``folder`` holds such a project, and not ``replace``.
    """
    if replace or not is_project(folder):
        return
    former = load_origin(_read(folder / MODEL_JSON))
    if former is None or former.file in (None, origin.file) or former.sha256 == origin.sha256:
        return
    raise OutputError(
        f"holds the project of another model file, {former.file!r}",
        where=str(folder),
        hint="choose another folder with -o, give the model file another name, or replace the project with --replace "
        "(in Python, replace=True)",
    )


def load_saved(folder: Path) -> Saved:
    """Read a project back.

    Raises:
        ModelError: not a project, or one of its files is broken.
        ConfigError: its ``config.yaml`` is broken.
    """
    if not is_project(folder):
        raise ModelError(
            f"is not a generated project: it has no {MODEL_JSON}",
            where=str(folder),
            hint="give a folder that gan2hls build made, such as hls_out/NAME",
        )
    files = {MODEL_JSON: _read(folder / MODEL_JSON), MODEL_NPZ: _read(folder / MODEL_NPZ)}
    model, origin = load_model(files[MODEL_JSON], files[MODEL_NPZ], where=str(folder / MODEL_JSON))
    design = report = None
    if (folder / DESIGN_JSON).exists():
        design = load_design(model, _read(folder / DESIGN_JSON), where=str(folder / DESIGN_JSON))
    if (folder / REPORT_JSON).exists():
        report = _read_report(folder / REPORT_JSON)
        if report.model.integer_sha256 != integer_sha256(files):
            report = None
    picture = _read(folder / PICTURE_PNG) if (folder / PICTURE_PNG).exists() else None
    return Saved(folder, load_config(folder / CONFIG_YAML), model, origin, design, report, picture)


def _read(path: Path) -> bytes:
    try:
        if problem := file_problem(path):
            raise ModelError(problem, where=str(path), hint="build the project again from the ONNX model")
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"is too large: {path.stat().st_size} bytes", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def _read_report(path: Path) -> Report:
    try:
        return Report.model_validate_json(_read(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ModelError(
            f"the report is broken: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=str(path),
            hint="remove that file, or build the project again from the ONNX model",
        ) from error


def keep_failed(staging: Staging, failed: Path) -> bool:
    """Put the failed project aside for inspection, if there is a place for it that is ours."""
    try:
        staging.commit(failed)
    except OutputError as error:
        _log.warning("the failed project is not kept: %s", error)
        return False
    return True


def verification_error(report: Report, kept: Path | None, casts: Sequence[UndefinedCast] = ()) -> VerificationError:
    """Return the error of a build whose ``report`` has a failed step.

    Args:
        report: of the build.
        kept: where its project is, if anywhere.
        casts: what makes the float reference itself undefined.
    """
    failed = {name: step for name, step in report.verification.items() if step.status == "failed"}
    step = next(iter(failed.values()))
    what = step.first_mismatch or step.reason
    hint = f"the failed project is in {kept}; " if kept is not None else ""
    if step is report.verification.get("float") and casts:
        hint += "".join(f"{cast}: {cast.way_out}; " for cast in casts)
    elif step is report.verification.get("float") and step.first_mismatch:
        hint += "that is an error of gan2hls: report it, with the file; "
    elif step is report.verification.get("float"):
        hint += (
            "give more bits (precision), inputs that are the generator's (calibration), or lower verify.min_psnr_db; "
        )
    return VerificationError(
        f"{', '.join(failed)} failed: {what}",
        where=report.model.name,
        hint=f"{hint}the former output, if any, is untouched",
    )
