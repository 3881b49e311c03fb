"""``python -m benchmarks.compression MODEL...``: what every weight format costs and keeps, as Markdown tables.

Each model is built in each format, with half of its blocks of weights pruned, and with ``precision: auto`` at a few
goals.  Quality is measured against the model in ONNX Runtime float32; the frame interval is the cycle model's.  All are
as fast as the part allows, or just reach ``--fps``.  With ``--yosys`` the RTL is mapped to Xilinx 7-series cells:
DSP48E1, LUT and block RAM are counted in the netlist.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import gan2hls
from gan2hls import passes
from gan2hls.base.errors import ConfigError
from gan2hls.compress import compress
from gan2hls.compress.recipe import Recipe
from gan2hls.flow.inputs import read_inputs
from gan2hls.flow.result import BuildResult
from gan2hls.frontend import load
from gan2hls.hardware.footprint import footprint
from gan2hls.quantize.float_runs import FloatModel
from gan2hls.report.metrics import as_images, psnr_db, ssim

FORMATS = (
    *("int8", "fixed<8,1>", "flex<16,5>", "codebook<64>", "codebook<16>", "codebook<8>", "codebook<4>"),
    *("ternary", "binary"),
)
#: Goals of ``precision: auto``.
GOALS_DB = (40.0, 35.0, 30.0)
#: Part of the blocks that the sparse row prunes; blocks of at most 4 x 4 channels, that divide every layer.
SPARSITY, _BLOCK = 0.5, 4
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
    parser.add_argument("--sparse", action="store_true", help="also int8 with half of the blocks of weights pruned")
    parser.add_argument("--fps", type=float, help="frames a second to reach; default: as fast as the part allows")
    parser.add_argument("--dsp", type=int, help="most DSP blocks; default: those of the default part")
    parser.add_argument("--yosys", action="store_true", help="map the RTL and count its cells (minutes a design)")
    chosen = parser.parse_args()
    for model in chosen.models:
        print(f"\n### {model.stem}\n")
        headings = (*_HEADINGS, *(("Yosys DSP", "LUT", "FF", "RAMB18") if chosen.yosys else ()))
        print(f"| {' | '.join(headings)} |\n| --- |{' ---: |' * (len(headings) - 1)}", flush=True)
        asked: list[tuple[str, dict[str, Any]]] = [(f"`{text}`", {"weight": text}) for text in chosen.formats]
        asked += [("`int8`, half of the blocks 0", {})] * chosen.sparse
        asked += [(f"auto, {db:g} dB", {"weight": "auto", "auto": {"psnr_min_db": db}}) for db in chosen.goals]
        for name, precision in asked:
            started = time.perf_counter()
            try:
                with tempfile.TemporaryDirectory(prefix="gan2hls-sparse-") as folder:
                    made = build(model if precision else pruned(model, Path(folder)), precision, chosen.fps, chosen.dsp)
            except ConfigError as error:
                print(f"| {name} | {error.message}: {error.hint} |", flush=True)
                continue
            cells = row(name, model, made) + (yosys_cells(made) if chosen.yosys else [])
            print(f"| {' | '.join(cells)} |", flush=True)
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


def build(model: Path, precision: dict[str, Any], fps: float | None, dsp: int | None) -> BuildResult:
    """Build in memory, without verification, with activations of 8 bits."""
    config = {"precision": {**precision, "activation": "int8"}, "target": {"dsp": dsp, "fps": fps}}
    return gan2hls.build(model, config=config, stop="emit", write=False)


def pruned(model: Path, folder: Path) -> Path:
    """Return ``model`` in 8 bits, with ``SPARSITY`` of the blocks of every layer but the last pruned."""
    layers = [layer for layer in passes.run(load(model).graph).layers if layer.op.kind != "pointwise"]
    rules: dict[str, Any] = {"*": {"weight": "int8"}}
    for layer in layers[:-1]:
        assert layer.op.kind != "pointwise"
        block = [math.gcd(_BLOCK, channels) for channels in (layer.op.geometry.group_out, layer.op.geometry.group_in)]
        rules[layer.name] = {"prune": {"method": "block", "block": block, "sparsity": SPARSITY}}
    target = folder / f"{model.stem}_sparse.onnx"
    compress(model, Recipe.model_validate({"layers": rules}), target)
    return target


def quality(model: Path, made: BuildResult) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of the golden model against ``model`` in ONNX Runtime float32."""
    loaded = load(model)
    inputs = read_inputs(loaded.graph.inputs, made.config).evaluation
    (port,) = loaded.graph.outputs
    expected = port.from_stream(FloatModel(loaded.onnx_model, [port]).run(inputs)[port.name]).astype(np.float64)
    found = made.golden(inputs)
    peak = float(np.ptp(expected))
    images = as_images(expected, port.onnx_shape), as_images(found, port.onnx_shape)
    assert images[0] is not None and images[1] is not None, "generators make images"
    return psnr_db(expected, found, peak), ssim(images[0], images[1], peak)


def row(name: str, model: Path, made: BuildResult) -> list[str]:
    """Return the cells of one build of ``model``."""
    assert made.design is not None and made.report is not None
    bits = [footprint(engine) for engine in made.design.engines]
    weights = sum(one.float32 for one in bits) // 32
    overall, padding = sum(one.overall for one in bits), sum(one.padding for one in bits)
    (psnr, similarity), totals = quality(model, made), made.report.totals
    return [
        name,
        f"{overall / weights:.2f}",
        f"{32 * weights / overall:.1f}",
        f"{100 * padding / overall:.1f}",
        f"{psnr:.1f}",
        f"{similarity:.3f}",
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
