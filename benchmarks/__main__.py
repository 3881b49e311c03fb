"""``python -m benchmarks``: run every benchmark, print JSON.

Timings are medians of several runs; a claim is a ratio to a named alternative in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import gan2hls
from benchmarks import clocks, codes
from benchmarks.golden import paired
from benchmarks.hls4ml_csim import hls4ml_frames_per_second
from benchmarks.models import convolution, dcgan64
from gan2hls.flow.result import BuildResult
from gan2hls.hardware.cycles import estimate
from gan2hls.model.golden import Golden
from gan2hls.verify.csim import run_outputs

_RUNS = 5


def main() -> None:
    """Run the benchmarks that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), help=f"of {', '.join(BENCHMARKS)}; default all")
    names = parser.parse_args().names
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; legal: {', '.join(BENCHMARKS)}")
    results: dict[str, Any] = {"machine": {"processor": platform.processor(), "cores": os.cpu_count()}}
    with tempfile.TemporaryDirectory(prefix="gan2hls-bench-") as work:
        for name in names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            results[name] = BENCHMARKS[name](Path(work))
    json.dump(results, sys.stdout, indent=2)
    print()


def bench_build(work: Path) -> dict[str, Any]:
    """Seconds to build a 64 x 64 DCGAN of 3.6 M parameters without verification."""
    path = work / "dcgan64.onnx"
    onnx.save(dcgan64(), path)
    seconds, result = _median_seconds(lambda: _build(path, work), runs=3)
    return {"params": result.report.model.params, "seconds": seconds, "stages": dict(result.seconds)}


def bench_golden(work: Path) -> dict[str, Any]:
    """Golden frames/s against ONNX Runtime float32, same model, same batch."""
    path = work / "dcgan64.onnx"
    model = dcgan64()
    onnx.save(model, path)
    built = _build(path, work)
    golden = Golden(built.integer_model)
    frames = 64
    z = np.random.default_rng(0).normal(size=(frames, 100, 1, 1)).astype(np.float32)
    (port,), (quant,) = built.integer_model.inputs, built.integer_model.input_types
    codes = {port.name: quant.quantize(port.to_stream(z))}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ours, theirs = paired(lambda: golden.run(codes), lambda: session.run(None, {"z": z}))
    return {"golden_fps": frames / ours, "onnxruntime_fps": frames / theirs, "ratio": theirs / ours}


def bench_csim(work: Path) -> dict[str, Any]:
    """C-simulation frames/s against hls4ml's compiled csim, one convolution of equal MACs."""
    channels, size, frames = 16, 32, 64
    path = work / "convolution.onnx"
    model = convolution(channels, size)
    onnx.save(model, path)
    built = _build(path, work, overrides={"target": {"pe": channels, "simd": channels, "dsp": 2 * channels**2}})
    design, folder = built.design, work / "convolution"
    for name, data in built.project.files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    port, quant = design.model.inputs[0], design.model.input_types[0]
    rng = np.random.default_rng(0)
    codes = rng.integers(quant.int_type.lo, quant.int_type.hi + 1, (frames, *port.shape))

    def simulate(count: int) -> float:
        return _median_seconds(lambda: run_outputs(folder, design, work / "csim", {port.name: codes[:count]}), 3)[0]

    simulate(1)  # compiles
    ours = (frames - 1) / (simulate(frames) - simulate(1))  # the start of the program is not simulation
    theirs = hls4ml_frames_per_second(model, frames, work / "hls4ml")
    macs = design.model.layers[0].useful_macs
    return {
        "macs": macs,
        "gan2hls_fps": ours,
        "gan2hls_gmacs_per_second": ours * macs / 1e9,
        "hls4ml_fps": theirs,
        "ratio": ours / theirs,
    }


def bench_cycles(work: Path) -> dict[str, Any]:
    """Executed MACs and cycles per layer, against zero insertion and phases padded to ceil(K / S), equal folding."""
    path = work / "dcgan64.onnx"
    onnx.save(dcgan64(), path)
    design = _build(path, work).design
    rows = []
    for engine in design.engines:
        geometry = engine.layer.op.geometry
        lanes = engine.folding.pe * engine.folding.simd
        rows.append(
            {
                "layer": engine.layer.name,
                "pe": engine.folding.pe,
                "simd": engine.folding.simd,
                "macs": {
                    "tap_program": geometry.useful_macs,
                    "padded_phases": geometry.padded_phase_macs,
                    "zero_insertion": geometry.zero_insertion_macs,
                },
                "cycles": {
                    "tap_program": engine.mac_cycles,
                    "padded_phases": geometry.padded_phase_macs // lanes,
                    "zero_insertion": geometry.zero_insertion_macs // lanes,
                },
            }
        )
    totals = {kind: sum(row["macs"][kind] for row in rows) for kind in rows[0]["macs"]}
    return {"layers": rows, "macs": totals, "estimated_interval": estimate(design).interval}


def _build(path: Path, work: Path, overrides: dict[str, Any] | None = None) -> BuildResult:
    steps: dict[str, Any] = {"verify": {"steps": []}}
    return gan2hls.build(path, overrides=steps | (overrides or {}), output=work / "out", write=False)


def _median_seconds(call: Callable[[], Any], runs: int = _RUNS) -> tuple[float, Any]:
    seconds, value = [], None
    for _ in range(runs):
        started = time.perf_counter()
        value = call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), value


BENCHMARKS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "build": bench_build,
    "golden": bench_golden,
    "csim": bench_csim,
    "cycles": bench_cycles,
    "codes": lambda _: codes.measure(),
    "clocks": lambda _: clocks.measure(),
}

if __name__ == "__main__":
    main()
