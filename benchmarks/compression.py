"""``python -m benchmarks.compression MODEL...``: what every weight format costs and keeps, as Markdown tables.

Each model is built in each format, and with ``precision: auto`` at a few goals.  Quality is measured against ONNX
Runtime float32 by the float step; the frame interval is the cycle model's.  With ``--yosys`` the RTL is mapped to
Xilinx 7-series cells: DSP48E1, LUT and block RAM are counted in the netlist.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gan2hls
from gan2hls.errors import ConfigError
from gan2hls.footprint import footprint
from gan2hls.result import BuildResult

FORMATS = (
    *("int8", "fixed<8,1>", "flex<16,5>", "codebook<64>", "codebook<16>", "codebook<8>", "codebook<4>"),
    *("ternary", "binary"),
)
#: Goals of ``precision: auto``.
GOALS_DB = (40.0, 35.0, 30.0)
_HEADINGS = ("weights", "bits/weight", "ratio", "padding %", "PSNR dB", "SSIM", "interval", "DSP", "BRAM18")
_YOSYS = """
import json, sys
import pyosys.libyosys as ys
design = ys.Design()
for line in sys.argv[1:]:
    ys.run_pass(line, design)
"""


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compression", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    parser.add_argument("--goals", nargs="*", type=float, default=GOALS_DB)
    parser.add_argument("--dsp", type=int, help="most DSP blocks; default: those of the default part")
    parser.add_argument("--yosys", action="store_true", help="map the RTL and count its cells (minutes a design)")
    chosen = parser.parse_args()
    for model in chosen.models:
        print(f"\n### {model.stem}\n")
        headings = (*_HEADINGS, *(("Yosys DSP", "LUT", "FF", "RAMB18") if chosen.yosys else ()))
        print(f"| {' | '.join(headings)} |\n| --- |{' ---: |' * (len(headings) - 1)}", flush=True)
        asked: list[tuple[str, dict[str, Any]]] = [(text, {"weight": text}) for text in chosen.formats]
        asked += [(f"auto, {db:g} dB", {"weight": "auto", "auto": {"psnr_min_db": db}}) for db in chosen.goals]
        for name, precision in asked:
            started = time.perf_counter()
            try:
                made = build(model, precision, chosen.dsp)
            except ConfigError as error:
                print(f"| {name} | {error.message}: {error.hint} |", flush=True)
                continue
            cells = row(name, made) + (yosys_cells(made) if chosen.yosys else [])
            print(f"| {' | '.join(cells)} |", flush=True)
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def build(model: Path, precision: dict[str, Any], dsp: int | None) -> BuildResult:
    """Build in memory and run the float step."""
    config = {
        "precision": precision,
        "target": {"dsp": dsp},
        "verify": {"steps": ["float"], "min_psnr_db": 0.0},
    }
    return gan2hls.build(model, config=config, write=False)


def row(name: str, made: BuildResult) -> list[str]:
    """Return the cells of one build."""
    assert made.design is not None and made.report is not None
    bits = [footprint(engine) for engine in made.design.engines]
    weights = sum(one.float32 for one in bits) // 32
    overall, padding = sum(one.overall for one in bits), sum(one.padding for one in bits)
    quality, totals = made.report.quality, made.report.totals
    return [
        f"`{name}`",
        f"{overall / weights:.2f}",
        f"{32 * weights / overall:.1f}",
        f"{100 * padding / overall:.1f}",
        f"{quality.psnr_db:.1f}" if quality.psnr_db is not None else "-",
        f"{quality.ssim:.3f}" if quality.ssim is not None else "-",
        f"{totals.frame_interval_cycles.estimated:,}",
        str(totals.resources.dsp),
        str(totals.resources.bram18),
    ]


def yosys_cells(made: BuildResult) -> list[str]:
    """Map the RTL with Yosys and return DSP48E1, LUT, flip-flops and 18-kbit block RAMs."""
    assert made.design is not None and made.project is not None
    with tempfile.TemporaryDirectory(prefix="gan2hls-yosys-") as name:
        folder = Path(name)
        for path, content in made.project.files:
            if path.startswith("rtl/"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        rtl, top = folder / "rtl", made.design.name
        files = (rtl / f"{top}.f").read_text().replace("\n", " ")
        passes = (
            f"read_slang -j 1 --top {top} {files}",
            f"synth_xilinx -family xc7 -top {top} -noiopad",
            "tee -q -o stat.json stat -json",
        )
        subprocess.run([sys.executable, "-c", _YOSYS, *passes], cwd=rtl, check=True, capture_output=True)
        cells: dict[str, int] = json.loads((rtl / "stat.json").read_text())["design"]["num_cells_by_type"]
    lut = sum(count for kind, count in cells.items() if kind.startswith("LUT"))
    flops = sum(count for kind, count in cells.items() if kind.startswith("FD"))
    ram = cells.get("RAMB18E1", 0) + 2 * cells.get("RAMB36E1", 0)
    return [str(cells.get("DSP48E1", 0)), str(lut), str(flops), str(ram)]


if __name__ == "__main__":
    main()
