"""The vendor step: an HLS compiler makes Verilog of the emitted C++, which then stands under the bench of the RTL.

Neither compiler's exit code is trusted: what counts is that the Verilog is there and that its beats are right.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from gan2hls.design import Design
from gan2hls.emit.bench import dut, ports_vlt
from gan2hls.errors import ToolError
from gan2hls.verify.adapter import read_ports, render_adapter
from gan2hls.verify.bench import run_bench
from gan2hls.verify.result import StepResult

#: What an HLS compiler may take.
SYNTHESIS_SECONDS = 6 * 3600
#: A compiler that misses II = 1 or serializes processes is slow, not wrong: the bench waits this much longer.
PATIENCE = 64


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
    project_dir: Path, design: Design, work: Path, tool: Literal["vitis", "bambu"] | None = None
) -> StepResult:
    """Synthesize ``hls/`` of a project with ``tool`` and verify the Verilog.

    Raises:
        ToolError: the compiler or a tool of the bench is missing, or the compiler made no Verilog.
    """
    if tool is None:
        return StepResult("skipped", "no HLS compiler was asked for (--hls-tool vitis or bambu)")
    folder = work / "synthesis"
    shutil.copytree(project_dir / "hls", folder / "hls")
    shutil.copytree(project_dir / "testbench" / "vectors", folder / "testbench" / "vectors")
    made = {"vitis": _vitis, "bambu": _bambu}[tool](design, folder / "hls")
    return run_bench(project_dir, "vendor", work, bench=_write_bench(project_dir, design, folder, made))


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
    command = [
        "bambu",
        f"{design.name}.cpp",
        f"--top-fname={core}",
        "--generate-interface=INFER",
        "--compiler=I386_CLANG16",
        "--device-name=xc7z020,-1,clg484,VVD",
        f"--clock-period={design.clock_ns:g}",
    ]
    _run(command, hls, {})
    return Synthesized(core, tuple(sorted(hls.glob("*.v"))), tuple(sorted(hls.glob("*.mem"))))


def _run(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> None:
    """Run a compiler, its output going to ``vendor.log``.

    Raises:
        ToolError: it is not installed, or takes too long.
    """
    if shutil.which(command[0]) is None:
        raise ToolError(f"{command[0]} is not on PATH", where="vendor", hint="install it, or leave out --hls-tool")
    with (folder / "vendor.log").open("wb") as log:
        try:
            subprocess.run(
                command,
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings},
                timeout=SYNTHESIS_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"{command[0]} took longer than {SYNTHESIS_SECONDS} s", where="vendor") from error


def _write_bench(project_dir: Path, design: Design, folder: Path, made: Synthesized) -> Path:
    """Write the adapter and a ``bench.json`` that leads to it.

    Raises:
        ToolError: there is no Verilog, or it has other ports than expected.
    """
    if not made.sources:
        lines = (folder / "hls" / "vendor.log").read_text(errors="replace").strip().splitlines()
        raise ToolError(f"the HLS compiler made no Verilog: {lines[-1] if lines else 'no output'}", where="vendor")
    bench = json.loads((project_dir / "testbench" / "bench.json").read_text())
    for stream in (bench["input"], bench["output"], *bench["layers"]):
        stream["file"] = str(project_dir.resolve() / "testbench" / stream["file"])
    in_bits, out_bits = (-(-side["bits"] * side["lanes"] // 8) * 8 for side in (bench["input"], bench["output"]))
    module = f"{design.name}_vendor"
    adapter = render_adapter(
        module, made.top, read_ports(made.sources, made.top), in_bits, out_bits, bench["output"]["beats"]
    )
    (folder / f"{module}.sv").write_bytes(adapter)
    (folder / f"{module}.vlt").write_bytes(ports_vlt(module))
    bench["patience"] = PATIENCE
    sources = [folder / f"{module}.vlt", *made.sources, folder / f"{module}.sv"]
    bench["duts"] = {"vendor": dut(module, sources=[str(p) for p in sources], data=[str(p) for p in made.data])}
    path = folder / "bench.json"
    path.write_text(json.dumps(bench))
    return path
