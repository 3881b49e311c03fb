"""A bench around the stand-in design of ``data/stand_in.sv``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(__file__).resolve().parent / "data"
SHAPE = (2, 3, 4)
BEATS = 6


def dut(top: str, sources: list[str], **changes: Any) -> dict[str, Any]:
    """An entry of ``duts``."""
    return {
        "top": top,
        "clock": "clk_i",
        "reset": "rst_ni",
        "sources": sources,
        "filelists": [],
        "defines": {},
        "cpp": [],
        "cflags": [],
        "verilator": [],
        "plusargs": [],
        "data": [],
        "traces": False,
        **changes,
    }


def write_bench(folder: Path, duts: dict[str, Any], *, frames: int = 3) -> Path:
    """Write vectors of ``frames`` random frames and what stand-ins make of them; returns the path of bench.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "testbench").glob("*.py"):
        shutil.copy(path, folder)
    codes = np.random.default_rng(3).integers(0, 256, (frames, BEATS, 4))
    for name, values in (("in", codes), ("out", (codes + 1) % 256)):
        words = [sum(int(v) << (8 * n) for n, v in enumerate(beat)) for frame in values for beat in frame]
        (folder / f"{name}.hex").write_text("".join(f"{word:08x}\n" for word in words))
    common = {"bits": 8, "signed": False, "lanes": 4, "shape": SHAPE, "beats": BEATS}
    bench = {
        "name": "stand_in",
        "frames": frames,
        "full_rate_frames": max(3, frames) + 2,
        "seed": 7,
        "patience": 1,
        "inputs": [{**common, "name": "z", "file": "in.hex", "prefix": "s_axis_"}],
        "outputs": [{**common, "name": "l0", "file": "out.hex", "prefix": "m_axis_"}],
        "layers": [
            {
                **common,
                "name": "l0",
                "file": "out.hex",
                "reads": ["z"],
                "trace": "trace_l0.hex",
                "interval": 6,
                "mac_steps": 0,
            }
        ],
        "duts": duts,
    }
    path = folder / "bench.json"
    path.write_text(json.dumps(bench))
    return path


def run(bench: Path, name: str, work: Path, *options: str) -> dict[str, Any]:
    """Run the bench as a project does; returns ``results.json``."""
    command = [sys.executable, "-B", str(bench.parent / "run.py"), name, "--work", str(work), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    path = work / name / "results.json"
    assert path.is_file(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(path.read_text())
    assert (done.returncode == 0) == (found["status"] == "passed"), done.stdout + done.stderr
    return found
