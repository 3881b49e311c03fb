"""``python -m benchmarks.golden MODEL...``: the golden model of given ONNX files against ONNX Runtime in float32.

Both run frames that judge a build, in turn in the same process: one, and several, which ONNX Runtime gets one by one,
as files of one frame want it.  Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

import gan2hls
from gan2hls.flow.inputs import read_inputs
from gan2hls.model.golden import Golden
from gan2hls.quantize import quantize_inputs

#: Of the second measurement.
FRAMES = 4
_RUNS = 9
#: Seconds in front of a run: threads of ONNX Runtime spin for a while when they are done.
_PAUSE = 0.1
_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
#: No design is looked for: activations get the bits that the quality needs.
_OVERRIDES = {"verify": {"steps": []}, "precision": {"activation_cost_percent": None}}


def main() -> None:
    """Measure the models that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.golden", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    print(f"| model | golden, ms | ONNX Runtime, ms | ratio | {FRAMES} frames, ms | ONNX Runtime, ms | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for path in parser.parse_args().models:
        cells = [f"{1e3 * ours:.1f} | {1e3 * theirs:.1f} | {ours / theirs:.2f}" for ours, theirs in measure(path)]
        print(f"| {path.stem} | {' | '.join(cells)} |", flush=True)


def measure(path: Path) -> list[tuple[float, float]]:
    """Return the median seconds of the golden model and of ONNX Runtime, for one frame and for ``FRAMES``."""
    built = gan2hls.build(path, overrides=_OVERRIDES, stop="lower", write=False)
    model = built.integer_model
    assert model is not None, "lowered"
    session, golden = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]), Golden(model)
    inputs = read_inputs(model.inputs, built.config).evaluation
    types = {given.name: _TYPES[given.type] for given in session.get_inputs()}
    medians = []
    for frames in (1, FRAMES):
        some = {name: values[:frames] for name, values in inputs.items()}
        codes = quantize_inputs(model, some)
        feeds = [{name: some[name][n : n + 1].astype(kind) for name, kind in types.items()} for n in range(frames)]
        medians.append(paired(partial(golden.outputs, codes), partial(_run, session, feeds)))
    return medians


def _run(session: onnxruntime.InferenceSession, feeds: list[dict[str, npt.NDArray[Any]]]) -> None:
    for feed in feeds:
        session.run(None, feed)


def paired(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """Return the median seconds of both, run in turn, each behind another run that is not counted."""
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(_RUNS)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _seconds(call: Callable[[], Any]) -> float:
    time.sleep(_PAUSE)
    call()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
