"""The vendor step: an HLS compiler makes Verilog of the emitted C++, which then stands under the bench of the RTL.

Neither compiler's exit code is trusted: what counts is that the Verilog is there and that its beats are right.
A compiler that is not installed leaves the step skipped; one that refuses the C++, or does not end, has failed it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from gan2hls.base import ToolError, VerificationError
from gan2hls.emit import dut, ports_vlt
from gan2hls.fabric import ECP5, SERIES_7
from gan2hls.hardware import Design, find_part
from gan2hls.verify.adapter import AdapterPort, read_ports, render_adapter
from gan2hls.verify.bench import run_bench
from gan2hls.verify.process import run_group
from gan2hls.verify.result import StepResult

#: What an HLS compiler may take.
SYNTHESIS_SECONDS = 6 * 3600
#: A compiler that misses II = 1 or serializes processes is slow, not wrong: the bench waits this much longer.
PATIENCE = 128
#: What bambu synthesizes for where it does not know the design's part: the part of the same family that it knows.
_BAMBU_DEVICES = {SERIES_7: "xc7z020,-1,clg484,VVD", ECP5: "LFE5U85F8BG756C"}
#: How compilers mark what they refuse: ``ERROR: [HLS 207-2311]``, ``error -> Vertices not completely allocated``.
_ERROR = re.compile(r"\berror\b *(?:->|:)|\bERROR:", re.IGNORECASE)
_MOST_QUOTED = 300

_log = logging.getLogger(__name__)


@final
@dataclass(frozen=True)
class Synthesized:
    """Verilog from an HLS compiler.

    Attributes:
        top: its top module.
        sources: Verilog files.
        data: memory images, which the Verilog reads from the current folder.
    """

    top: str
    sources: tuple[Path, ...]
    data: tuple[Path, ...]


def run_vendor(
    project_dir: Path,
    design: Design,
    work: Path,
    tool: Literal["vitis", "bambu"] | None = None,
    log: Path | None = None,
) -> StepResult:
    """Synthesize ``hls/`` of a project with ``tool`` and verify the Verilog.

    Args:
        project_dir: the project; nothing is written into it.
        design: what it must compute.
        work: folder for the synthesis and the bench.
        tool: the compiler, or None.
        log: where the compiler's output is kept when it fails; a former one is removed when it does not.

    Raises:
        ToolError: the compiler or a tool of the bench is not installed.
    """
    if tool is None:
        return StepResult("skipped", "no HLS compiler was asked for (--hls-tool vitis or bambu)")
    if tool == "vitis" and design.family is not SERIES_7:
        return StepResult("skipped", f"Vitis HLS does not know {design.part} (--hls-tool bambu knows its family)")
    if design.memory is not None:
        return StepResult("skipped", "it has ports to external memory, which the bench of compiled Verilog has not")
    folder = work / "synthesis"
    shutil.copytree(project_dir / "hls", folder / "hls")
    shutil.copytree(project_dir / "testbench" / "vectors", folder / "testbench" / "vectors")
    try:
        made = {"vitis": _vitis, "bambu": _bambu}[tool](design, folder / "hls")
        bench = _write_bench(project_dir, design, folder, made)
    except VerificationError as error:
        kept = _keep_log(folder / "hls" / "vendor.log", log)
        return StepResult("failed", f"{error.message}{f'; its output is in {kept}' if kept else ''}")
    if log is not None:
        log.unlink(missing_ok=True)
    return run_bench(project_dir, "vendor", work, bench=bench)


def _keep_log(written: Path, log: Path | None) -> Path | None:
    """Put the compiler's output beside the project, if there is any."""
    if log is None or not written.exists():
        return None
    try:
        shutil.copyfile(written, log)
    except OSError as error:
        _log.warning("the output of the HLS compiler is not kept: %s: %s", log, error.strerror or error)
        return None
    return log


def _vitis(design: Design, hls: Path) -> Synthesized:
    """Run the project's own Tcl script, up to synthesis."""
    name = design.name
    command = ["vitis_hls", "-f", "run_hls.tcl"]
    if shutil.which("vitis_hls") is None:
        command = ["vitis-run", "--mode", "hls", "--tcl", "run_hls.tcl"]
    _run(command, hls, {"GAN2HLS_EXPORT": "0"})
    verilog = hls / f"{name}_hls" / "solution" / "syn" / "verilog"
    return Synthesized(name, tuple(sorted(verilog.glob("*.v"))), tuple(sorted(verilog.glob("*.dat"))))


def _bambu(design: Design, hls: Path) -> Synthesized:
    """Run bambu on the portable top; it writes into the current folder."""
    core = f"{design.name}_core"
    part = find_part(design.part)
    known = None if part is None else part.bambu
    device = known or _BAMBU_DEVICES[design.family]
    if known is None:
        _log.warning("bambu does not know %s: it synthesizes for %s", design.part, device)
    command = [
        "bambu",
        f"{design.name}.cpp",
        f"--top-fname={core}",
        "--generate-interface=INFER",
        "--compiler=I386_CLANG16",
        f"--device-name={device}",
        f"--clock-period={design.clock_ns:g}",
    ]
    _run(command, hls, {})
    return Synthesized(core, tuple(sorted(hls.glob("*.v"))), tuple(sorted(hls.glob("*.mem"))))


def _run(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> None:
    """Run a compiler, its output going to ``vendor.log``.

    Raises:
        ToolError: it is not installed.
        VerificationError: it takes too long.
    """
    if shutil.which(command[0]) is None:
        raise ToolError(f"{command[0]} is not on PATH", where="vendor", hint="install it, or leave out --hls-tool")
    log = folder / "vendor.log"
    try:
        _, output = run_group(command, SYNTHESIS_SECONDS, folder=folder, environment={**os.environ, **settings})
    except subprocess.TimeoutExpired as error:
        log.write_bytes(error.output or b"")
        raise VerificationError(f"{command[0]} took longer than {SYNTHESIS_SECONDS} s", where="vendor") from error
    log.write_text(output)


def _refusal(log: Path) -> str:
    """Return the line in which a compiler says why it made nothing: the first error, or else the last line."""
    lines = log.read_text().strip().splitlines() or ["no output"]
    return next((line for line in lines if _ERROR.search(line)), lines[-1]).strip()[:_MOST_QUOTED]


def _write_bench(project_dir: Path, design: Design, folder: Path, made: Synthesized) -> Path:
    """Write the adapter and a ``bench.json`` that leads to it.

    Raises:
        VerificationError: there is no Verilog, or it has other ports than expected.
    """
    if not made.sources:
        line = _refusal(folder / "hls" / "vendor.log")
        raise VerificationError(f"the HLS compiler made no Verilog: {line}", where="vendor")
    bench = json.loads((project_dir / "testbench" / "bench.json").read_text())
    for stream in (*bench["inputs"], *bench["outputs"], *bench["layers"]):
        stream["file"] = str(project_dir.resolve() / "testbench" / stream["file"])
    streams = [
        AdapterPort(port["prefix"].removesuffix("_"), -(-port["bits"] * port["lanes"] // 8) * 8, port["beats"])
        for port in (*bench["inputs"], *bench["outputs"])
    ]
    module = f"{design.name}_vendor"
    adapter = render_adapter(module, made.top, read_ports(made.sources, made.top), streams)
    (folder / f"{module}.sv").write_bytes(adapter)
    (folder / f"{module}.vlt").write_bytes(ports_vlt(module))
    bench["patience"] = PATIENCE
    sources = [folder / f"{module}.vlt", *made.sources, folder / f"{module}.sv"]
    bench["duts"] = {"vendor": dut(module, sources=[str(p) for p in sources], data=[str(p) for p in made.data])}
    path = folder / "bench.json"
    path.write_text(json.dumps(bench))
    return path
