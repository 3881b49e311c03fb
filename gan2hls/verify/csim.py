"""C simulation: the emitted HLS C++ compiled with g++ and run beside the golden model.

Every layer is fed with the golden model's input, so a mismatch names the layer that is wrong; the whole core is run as
well, from the model's inputs to its outputs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import ToolError, VerificationError, processors
from gan2hls.emit import IMAGE
from gan2hls.hardware import Design, StreamEngine
from gan2hls.model import Golden
from gan2hls.numbers import Int64Array
from gan2hls.verify.dataflow import BOUNDED_FLAGS, write_bounded
from gan2hls.verify.extent import is_large
from gan2hls.verify.process import run_group
from gan2hls.verify.units import unit_count, write_units

#: The key of the whole core's output beside the layers' names; several outputs are "core NAME".
CORE = "core"

#: g++ flags of C simulation; the warnings are part of what is checked, but for those that depend on what an optimizer
#: of some version can tell.
FLAGS = (
    "-std=c++14", "-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic",
    "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas",
    "-Wno-error=array-bounds", "-Wno-error=maybe-uninitialized", "-Wno-error=stringop-overflow",
)  # fmt: skip

_COMPILE_SECONDS = 600
_RUN_SECONDS = 3600
_MEMORY_BYTES = 12 << 30
#: Processes beside those of the core, each of which may take ``_MEMORY_BYTES``.
_MOST_WORKERS = 7

#: Processors with which the frame at exact lengths takes as long as all the rest.
_FEW_PROCESSORS = 2

Codes = Mapping[str, npt.NDArray[np.generic]]


class Frames(Enum):
    """Which frames something runs."""

    ALL = slice(None)
    FIRST = slice(0, 1)
    OTHERS = slice(1, None)


@final
@dataclass(frozen=True)
class CsimResult:
    """What C simulation found; ``values`` counts compared integers."""

    status: Literal["passed", "failed"]
    reason: str
    frames: int
    values: int
    mismatches: int
    first_mismatch: str | None


def ap_types_folder() -> Path:
    """Return the folder of the open ``ap_int.h``.

    Raises:
        ToolError: hls4ml, whose wheel carries it, is not installed.
    """
    spec = find_spec("hls4ml")
    folder = Path(spec.origin).parent / "templates" / "vivado" / "ap_types" if spec and spec.origin else None
    if folder is None or not (folder / "ap_int.h").is_file():
        raise ToolError("the ap_types headers are missing", where="csim", hint="pip install hls4ml")
    return folder


def compile_csim(
    project_hls_dir: Path,
    design: Design,
    work: Path,
    flags: Sequence[str] | None = None,
    *,
    bounded: bool | None = None,
) -> Path:
    """Compile the C simulation of ``hls/`` into folder ``work``; returns the executable.

    Args:
        project_hls_dir: the project's ``hls`` folder; nothing is written into it.
        design: what the files must compute.
        work: folder for the executable.
        flags: of the compiler; None: ``FLAGS``.
        bounded: whether processes work side by side, on streams of the lengths that their pragmas say; None: where
            ``may_deadlock``.

    Raises:
        ToolError: g++ or the ap_types headers are missing, or the compiler was killed or took too long.
        VerificationError: the C++ does not compile without warnings.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise ToolError("g++ is missing", where="csim", hint="install it: sudo apt-get install g++")
    ccache = shutil.which("ccache")
    source = project_hls_dir.resolve()
    if may_deadlock(design) if bounded is None else bounded:
        write_bounded(source, design, work / "bounded")
        source, flags = work.resolve() / "bounded", (*(flags or FLAGS), *BOUNDED_FLAGS)
    headers = ap_types_folder()
    work.mkdir(parents=True, exist_ok=True)
    units = [f"{design.name}_csim.cpp"]
    count = unit_count(len(design.units), processors())
    if count:
        units += write_units(source, work / "units", count)
        source = work.resolve() / "units"
    includes = ["-I.", "-Ilib/csim", "-isystem", str(headers)]
    compile_ = [*([ccache] if ccache else []), compiler, *(flags or FLAGS), *includes]
    objects = [str(work.resolve() / f"{Path(unit).stem}.o") for unit in units]
    commands = [[*compile_, "-c", unit, "-o", built] for unit, built in zip(units, objects, strict=True)]
    with ThreadPoolExecutor(min(processors(), len(units))) as pool:
        list(pool.map(partial(_compiled, folder=source), commands))
    executable = work.resolve() / f"{design.name}_csim"
    _compiled([compiler, "-o", str(executable), *objects], source)
    return executable


def _compiled(command: list[str], folder: Path) -> None:
    code, printed = _run(command, folder, _COMPILE_SECONDS)
    if code < 0 or "cc1plus: out of memory" in printed:
        raise ToolError("g++ ran out of memory", where="csim", hint="give it more than 2 GB, or raise the folding")
    if code:
        errors = [line for line in printed.splitlines() if "error" in line] or printed.splitlines()
        raise VerificationError(f"the C++ does not compile: {errors[0] if errors else 'no message'}", where="csim")


def may_deadlock(design: Design) -> bool:
    """Return whether processes of ``design`` may wait for each other; a chain comes to its end at any depths.

    Branches may, and so may the two halves of a normalization, a queue in external memory, and an engine that is behind
    itself.
    """
    rings = () if design.memory is None else design.memory.rings
    units = (unit.hls_unit for unit in design.units if isinstance(unit, StreamEngine))
    halves = any(unit is not None and unit.held is not None for unit in units)
    return bool(rings or design.shared or halves) or any(edge.branch is not None for edge in design.edges)


def run_csim(project_hls_dir: Path, design: Design, inputs: Codes, work: Path) -> dict[str, Int64Array]:
    """Compile and run the C++ of ``hls/`` on input codes.

    Args:
        project_hls_dir: the project's ``hls`` folder; nothing is written into it.
        design: what the files must compute.
        inputs: by input name, codes ``[N, H, W, C]``.
        work: folder for the executable and its data.

    Returns:
        Every layer's output, int64 ``[N, H, W, C]``, the layer having been fed with the golden model's tensor; and
        under the keys of ``core_outputs`` those of the whole core.

    Raises:
        ToolError: see ``compile_csim``.
        VerificationError: the C++ does not compile, or reads or writes other beats than a frame has.
    """
    golden = Golden(design.model).run(inputs)
    return _run_steps(compile_csim(project_hls_dir, design, work), project_hls_dir, design, golden, work, Frames.ALL)


def run_outputs(folder: Path, design: Design, work: Path, codes: Codes) -> dict[str, Int64Array]:
    """Run the core of the project in ``folder`` on input codes; returns the outputs by name, ``[N, H, W, C]``."""
    executable = compile_csim(folder / "hls", design, work)
    tensors = {name: np.asarray(values, np.int64) for name, values in codes.items()}
    found = _run_steps(executable, folder / "hls", design, tensors, work, None)
    return {name: found[key] for key, name in core_outputs(design).items()}


def core_outputs(design: Design) -> dict[str, str]:
    """Return the outputs' names by the keys under which results of the whole core stand."""
    names = [stream.tensor for stream in design.outputs]
    return {CORE: names[0]} if len(names) == 1 else {f"{CORE} {name}": name for name in names}


def check_csim(project_hls_dir: Path, design: Design, inputs: Codes, work: Path) -> CsimResult:
    """Compare golden model and C++ at every layer and at the core's outputs, as integers.

    Of a large model, each layer alone has one frame; the core has all.

    Raises:
        ToolError: see ``compile_csim``.
    """
    golden = Golden(design.model).run(inputs)
    frames = len(golden[design.model.inputs[0].name])
    try:
        executable = compile_csim(project_hls_dir, design, work)
        alone = Frames.FIRST if is_large(design.model) else Frames.ALL
        found = _run_steps(executable, project_hls_dir, design, golden, work, alone)
    except VerificationError as error:
        reason = f"{error.where}: {error.message}"
        return CsimResult("failed", reason, frames, 0, 1, reason)
    values = mismatches = 0
    first: str | None = None
    outputs = core_outputs(design)
    for name, got in found.items():
        expected = golden[outputs.get(name, name)][: len(got)]
        wrong = np.argwhere(got != expected)
        values += expected.size
        mismatches += len(wrong)
        if len(wrong) and first is None:
            index = tuple(int(n) for n in wrong[0])
            frame, y, x, channel = index
            place = f"frame {frame}, y={y}, x={x}, channel={channel}"
            first = f"{name}: {place}: expected {expected[index]}, got {got[index]}"
    reason = "" if first is None else f"{mismatches} of {values} values differ"
    return CsimResult("passed" if first is None else "failed", reason, frames, values, mismatches, first)


def _run_steps(
    executable: Path, hls: Path, design: Design, tensors: Mapping[str, Int64Array], work: Path, alone: Frames | None
) -> dict[str, Int64Array]:
    """Run the executable on layers and core, each fed from ``tensors``; external memory stands beside ``hls``.

    ``alone``: frames of each layer; None: the core is all that runs.
    """
    given, made = tuple(stream.tensor for stream in design.inputs), core_outputs(design)
    of_layers = design.model.layers if alone is not None else ()
    layers = [_Step(one.name, one.inputs, {one.name: one.name}, alone or Frames.ALL) for one in of_layers]
    core = [_Step(CORE, given, made)]
    if may_deadlock(design) and len(tensors[given[0]]) > 1:  # the same words move in every frame, whatever they are
        others = Frames.ALL if processors() > _FEW_PROCESSORS else Frames.OTHERS
        core = [_Step(CORE, given, made, Frames.FIRST), _Step(f"{CORE}_long", given, made, others)]
    steps = [*layers, *core]
    for path, codes in {path: codes for step in steps for path, codes in step.given(work, tensors)}.items():
        path.write_bytes(codes.astype(np.int32).tobytes())
    image = [str(hls.resolve().parent / IMAGE)] if design.has_image else []

    def run(batch: Sequence[_Step]) -> None:
        arguments = [word for step in batch for word in step.arguments(work)]
        code, printed = _run([str(executable), *image, *arguments], work, _RUN_SECONDS)
        if code:
            where, _, message = printed.strip().partition(": ")
            raise VerificationError(message or f"stopped with code {code}", where=where or "csim")

    # The core takes as long as all layers, which share the other processors.  Each frame of it follows another one, the
    # first once more or, where processors are few, that of layers: what a frame leaves behind must not matter.
    workers = min(len(layers), max(1, processors() - len(core)), _MOST_WORKERS)
    batches = [*(layers[n::workers] for n in range(workers)), *([step] for step in core)]
    if len(core) > 1 and processors() <= _FEW_PROCESSORS:
        batches = [[*layers, core[1]], [core[0]]]
    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(run, batches))
    found: dict[str, Int64Array] = {}
    for step in steps:
        for key, name in step.outputs.items():
            codes = np.fromfile(step.file(work, key, "out"), np.int32)
            part = codes.astype(np.int64).reshape(-1, *design.streams[name].shape)
            known = found.get(key, part[:0])
            found[key] = np.concatenate([known, part[len(known) if step.frames is Frames.ALL else 0 :]])
    return found


@final
@dataclass(frozen=True)
class _Step:
    """What the executable runs: a layer, or the core.

    Attributes:
        name: of the layer, ``CORE``, or that with ``_long`` behind it, on longer streams.
        sources: tensors that it reads.
        outputs: the tensors that it makes, by the keys under which they stand.
        frames: those which it runs.
    """

    name: str
    sources: tuple[str, ...]
    outputs: Mapping[str, str]
    frames: Frames = Frames.ALL

    def given(self, work: Path, tensors: Mapping[str, Int64Array]) -> list[tuple[Path, Int64Array]]:
        """Return the files of ``work`` that it reads, and what stands in them."""
        return [(self.file(work, source, "codes"), tensors[source][self.frames.value]) for source in self.sources]

    def arguments(self, work: Path) -> list[str]:
        """Return what the executable is told: the name, and the files of ``work`` that it reads and writes."""
        files = [*((name, "codes") for name in self.sources), *((key, "out") for key in self.outputs)]
        return [self.name, *(str(self.file(work, name, ending)) for name, ending in files)]

    def file(self, work: Path, name: str, ending: str) -> Path:
        """Return the file of ``work`` in which its frames of a tensor stand."""
        return work / f"{name}.{self.frames.name.lower()}.{ending}"


def _run(command: list[str], folder: Path, seconds: int) -> tuple[int, str]:
    """Run a command with bounded time and memory; returns its exit code and what it prints.

    Raises:
        ToolError: it took too long.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return run_group(command, seconds, folder=folder, environment=environment, memory_bytes=_MEMORY_BYTES)
    except subprocess.TimeoutExpired as error:
        hint = "raise the folding, or verify fewer frames"
        raise ToolError(f"{Path(command[0]).name} took longer than {seconds} s", where="csim", hint=hint) from error
