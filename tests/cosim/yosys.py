"""Runs passes of Yosys, and counts the cells that a design is mapped to."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from gan2hls.hardware import Design
from tests.cosim.rtl_bench import write_rtl

#: Runs in its own process: a failing pass of Yosys ends the process it runs in.  ``pyosys`` tells where its files are.
YOSYS = """
import sys
import pyosys
sys._pyosys_share_dirname = sys.argv[1]
import pyosys.libyosys as ys
design = ys.Design()
for line in sys.argv[2:]:
    ys.run_pass(line, design)
print("ALL PASSES DONE")
"""

#: The contents of a block RAM, which Yosys takes apart bit by bit, longer than all else in a small design.
CONTENTS = re.compile(r"for \(i = 0; i < \d+; i = i \+ 1\)\s+(slice_initp?)\[.*\] = INIT\[.*\];")

#: What is kept of the cells that are known by their ports alone: Yosys goes through all of them in each pass.
KEPT = re.compile(r"^module (?:RAMB18E2|RAMB36E2|URAM288|DSP48E2)\(.*?^endmodule$", re.M | re.S)

#: LUTs of the cells that LUTs serve as memory and shift registers in.
LUTS_OF = {"RAM32M": 4, "RAM64M": 4, "RAM64X1D": 2, "RAM32X1D": 2, "SRL16E": 1, "SRLC32E": 1}


@cache
def _share() -> str:
    """Return a folder of Yosys' files but that block RAMs are empty and few cells known, which changes no count."""
    spec = find_spec("pyosys")
    assert spec is not None and spec.origin is not None
    folder = Path(tempfile.mkdtemp(prefix="g2h_yosys_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    share = folder / "share"
    shutil.copytree(Path(spec.origin).parent / "share", share, copy_function=os.symlink)
    memories, cells = share / "xilinx" / "brams_defs.vh", share / "xilinx" / "cells_xtra.v"
    empty, count = CONTENTS.subn(r"\1 = 0;", memories.read_text())
    kept = KEPT.findall(cells.read_text())
    assert (count, len(kept)) == (2, 4), "other files than those that are known"
    for path, text in ((memories, empty), (cells, "\n".join(kept) + "\n")):
        path.unlink()  # the link
        path.write_text(text)
    return f"{share}{os.sep}"


def run_passes(folder: Path, *passes: str) -> str:
    """Run passes in ``folder``, none of which may fail; returns what Yosys prints."""
    command = [sys.executable, "-c", YOSYS, _share(), *passes]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "ALL PASSES DONE" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def synthesized(made: Design, folder: Path, steps: str = "") -> dict[str, int]:
    """Return the cells of each kind that Yosys makes of ``made`` for a 7-series part, by all steps or some."""
    rtl = write_rtl(made, folder)
    files = (rtl / f"{made.name}.f").read_text().replace("\n", " ")
    read = f"read_slang -j 1 --top {made.name} {files}"
    return mapped(read, f"synth_xilinx -flatten -top {made.name}{steps}", made.name, rtl)


def mapped(read: str, synth: str, top: str, folder: Path) -> dict[str, int]:
    """Return the cells of each kind after two passes of Yosys in ``folder``."""
    printed = run_passes(folder, read, synth, "stat")
    counts = printed[printed.rindex(f"=== {top} ===") :]
    return {kind: int(count) for count, kind in re.findall(r"^\s+(\d+)\s+([A-Z][A-Z0-9]+)$", counts, re.M)}


def counted(cells: dict[str, int]) -> tuple[int, int]:
    """Return LUTs, those of memories and shift registers among them, and flip-flops."""
    luts = sum(LUTS_OF.get(kind, int(kind[:3] == "LUT")) * count for kind, count in cells.items())
    return luts, sum(count for kind, count in cells.items() if kind.startswith("FD"))
