"""Which inputs calibrate and which inputs judge: never the same ones, as far as there are enough."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.calibrate import Source, draw
from gan2hls.config import Config
from gan2hls.integer import IntegerModel
from gan2hls.ir import Graph
from gan2hls.numerics import Int64Array
from gan2hls.quantize import quantize_inputs

_log = logging.getLogger(__name__)

Array = npt.NDArray[np.generic]

#: Frames for the reconstruction of weights per frame that ranges are measured on.
_PER_SAMPLE = 4


@final
@dataclass(frozen=True, eq=False)
class Inputs:
    """Real inputs by ONNX name, ``[N, *onnx_shape[1:]]``.

    Attributes:
        calibration: on which ranges are measured.
        reconstruction: those and more of their kind, from which the frames come that weights of few bits are fitted on.
        evaluation: on which quality is measured.
    """

    calibration: Mapping[str, Array]
    reconstruction: Mapping[str, Array]
    evaluation: Mapping[str, Array]


def read_inputs(graph: Graph, config: Config) -> Inputs:
    """Read or draw all sets; only the input ports of ``graph`` matter.

    With ``calibration.data`` and no ``evaluation.data``, the file's last frames (at most a quarter) are held out.

    Raises:
        ConfigError: a data file that does not fit the model.
    """
    calibration, evaluation = config.calibration, config.evaluation
    samples = _PER_SAMPLE * calibration.samples
    if calibration.data is None or evaluation.data is not None:
        first = draw(graph, source_of(config, samples=samples, seed=calibration.seed, data=calibration.data))
        second = draw(graph, source_of(config, samples=evaluation.samples, seed=evaluation.seed, data=evaluation.data))
        return Inputs(_first(first, calibration.samples), first, second)
    everything = draw(graph, Source(calibration.data, samples=samples + evaluation.samples))
    frames = len(next(iter(everything.values())))
    held = min(evaluation.samples, frames // 4)
    if held == 0:
        _log.warning("%s holds %d frames: quality is measured on the calibration inputs", calibration.data, frames)
        return Inputs(everything, everything, everything)
    kept = _first(everything, frames - held)
    judged = {name: values[frames - held :] for name, values in everything.items()}
    return Inputs(_first(kept, calibration.samples), _first(kept, samples), judged)


def _first(inputs: Mapping[str, Array], frames: int) -> dict[str, Array]:
    return {name: values[:frames] for name, values in inputs.items()}


def source_of(config: Config, *, samples: int, seed: int, data: Path | None = None) -> Source:
    """Return ``data``, or a draw from the config's input distribution."""
    drawn = config.calibration
    normal = drawn.distribution == "normal"
    return Source(
        data=data,
        distribution=drawn.distribution,
        first=drawn.mean if normal else drawn.low,
        second=drawn.std if normal else drawn.high,
        samples=samples,
        seed=seed,
    )


def stimulus(model: IntegerModel, evaluation: Mapping[str, Array], frames: int, seed: int) -> dict[str, Int64Array]:
    """Return input codes ``[N, H, W, C]`` by input name: ``frames`` real ones, then as many over the whole type."""
    rng = np.random.default_rng(seed)
    real = quantize_inputs(model, {name: values[:frames] for name, values in evaluation.items()})
    codes = {}
    for port, quant in zip(model.inputs, model.input_types, strict=True):
        kind = quant.int_type
        drawn = rng.integers(kind.lo, kind.hi, (frames, *port.shape), endpoint=True)
        codes[port.name] = np.concatenate([real[port.name], drawn])
    return codes
