"""Which inputs calibrate and which inputs judge: never the same ones, as far as there are enough."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.config import CalibrationConfig, Config, VerifyConfig
from gan2hls.model import IntegerModel, Port
from gan2hls.numbers import Int64Array
from gan2hls.quantize import (
    Source,
    UndefinedCast,
    alike,
    apart,
    draw,
    quantize_inputs,
    shared,
    undefined_casts,
    unusual,
)
from gan2hls.verify import frames_of

_log = logging.getLogger(__name__)

Array = npt.NDArray[np.generic]

#: Frames for the reconstruction of weights per frame that ranges are measured on.
_PER_SAMPLE = 4
#: Frames from a file that are few to measure ranges on, and how many it must have for that: a quarter may judge.
_FEW, _ENOUGH = 32, 44
#: Values of an input that are looked at for a warning.
_LOOKED_AT = 1 << 24


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


def read_inputs(ports: Sequence[Port], config: Config) -> Inputs:
    """Read or draw all sets for the input ``ports`` of a model.

    With ``calibration.data`` and no ``evaluation.data``, the file's last frames (at most a quarter) are held out.

    Raises:
        ConfigError: a data file that does not fit the model.
    """
    calibration, evaluation = config.calibration, config.evaluation
    samples = _PER_SAMPLE * calibration.samples
    if calibration.data is None or evaluation.data is not None:
        first = draw(ports, source_of(config, samples=samples, seed=calibration.seed, data=calibration.data))
        second = draw(ports, source_of(config, samples=evaluation.samples, seed=evaluation.seed, data=evaluation.data))
        inputs = Inputs(_first(first, calibration.samples), first, second)
        _warn(inputs, config)
        return inputs
    everything = draw(ports, Source(calibration.data, samples=samples + evaluation.samples))
    frames = len(next(iter(everything.values())))
    held = min(evaluation.samples, frames // 4)
    if held == 0:
        _log.warning(
            "%s holds %s: ranges fit them alone, and quality is measured on them too; %s",
            calibration.data,
            f"{frames} frames" if frames > 1 else "one frame",
            _way("calibration", calibration.data),
        )
        return Inputs(everything, everything, everything)
    kept = _first(everything, frames - held)
    judged = {name: values[frames - held :] for name, values in everything.items()}
    inputs = Inputs(_first(kept, calibration.samples), _first(kept, samples), judged)
    _warn(inputs, config)
    return inputs


def _warn(inputs: Inputs, config: Config) -> None:
    """Say where the inputs cannot calibrate or cannot judge, what that means, and what to do."""
    calibration, evaluation = (_some(frames) for frames in (inputs.calibration, inputs.evaluation))
    data = config.calibration.data
    own = data is not None and config.evaluation.data is None  # the file's last frames judge
    sets = [("calibration", data, calibration)]
    if not own:
        sets.append(("evaluation", config.evaluation.data, evaluation))
    problems = [(key, path, alike(frames)) for key, path, frames in sets]
    for key, path, problem in problems:
        if problem:
            what = "ranges fit them alone" if key == "calibration" else "the PSNR is theirs alone"
            _log.warning("%s: %s: %s, and other inputs may look worse; %s", path or key, problem, what, _way(key, path))
    if any(problem for _, _, problem in problems):
        return
    count = len(next(iter(inputs.calibration.values())))
    if data is not None and count < _FEW:
        _log.warning(
            "%s: %d frames calibrate: what they do not reach is cut off in others; %s",
            data,
            count,
            _way("calibration", data),
        )
    drawn = data is None and config.evaluation.data is None
    if problem := "" if drawn else apart(calibration, evaluation):
        advice = "shuffle its frames: save numpy.random.default_rng(0).permutation(frames)"
        _log.warning(
            "%s: %s: ranges fit the former, so quality is not that of a calibrated generator; %s",
            data or config.evaluation.data or "calibration",
            problem,
            advice if own else "let calibration and evaluation be of the same kind",
        )
    frames = len(next(iter(evaluation.values())))
    if 2 * (same := shared(_some(inputs.reconstruction), evaluation)) > frames:
        _log.warning(
            "%s: %d of the %d frames on which quality is measured are calibration's own: the PSNR is flattered; "
            "give frames that differ",
            config.evaluation.data or data,
            same,
            frames,
        )
    if own:
        _warn_of_unusual(calibration, config.calibration)


def _warn_of_unusual(inputs: Mapping[str, Array], drawn: CalibrationConfig) -> None:
    """Compare latents, inputs of one pixel, with what would be drawn without a file."""
    normal = drawn.distribution == "normal"
    mean = drawn.mean if normal else (drawn.low + drawn.high) / 2
    std = drawn.std if normal else (drawn.high - drawn.low) / math.sqrt(12)
    for name, values in inputs.items():
        problem = unusual(name, values, mean, std) if math.prod(values.shape[2:]) == 1 else ""
        if problem:
            _log.warning(
                "%s: %s, as latents would be drawn: if they are scaled otherwise than the generator's, ranges and PSNR "
                "are wrong for it; if this is what it gets, say so with calibration.mean and calibration.std",
                drawn.data,
                problem,
            )


def _way(key: str, path: Path | None) -> str:
    if path is None:
        return f"set {key}.samples to 16 or more, and a spread"
    return f"give {_ENOUGH} or more frames as the generator will get them, or leave {key}.data out to have them drawn"


def _some(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the first frames, as many as are cheap to look at."""
    return {name: values[: max(16, _LOOKED_AT // values[0].size)] for name, values in inputs.items()}


def _first(inputs: Mapping[str, Array], frames: int) -> dict[str, Array]:
    return {name: values[:frames] for name, values in inputs.items()}


def warn_of_casts(onnx_model: onnx.ModelProto, evaluation: Mapping[str, Array]) -> tuple[UndefinedCast, ...]:
    """Say which casts of the normalized model read numbers beyond their type, and what to do; returns them."""
    casts = undefined_casts(onnx_model, evaluation)
    for cast in casts:
        _log.warning("%s; %s", cast, cast.way_out)
    return casts


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


def first_batches(values: Mapping[str, Array], count: int, batch: int) -> dict[str, Array]:
    """Return the frames of the first ``count`` batches of each of ``values``, or of as many as there are.

    The last batch is filled up with frames from the start again.
    """

    def taken(frames: Array) -> Array:
        there = min(count * batch, len(frames))
        return frames[np.arange(there + -there % batch) % len(frames)]

    return {name: taken(frames) for name, frames in values.items()}


def stimulus(model: IntegerModel, evaluation: Mapping[str, Array], verify: VerifyConfig) -> dict[str, Int64Array]:
    """Return input codes ``[N, H, W, C]`` by input name: real ones, then as many over the whole type.

    ``model`` may be one of batches; ``evaluation`` has the frames of these one by one.
    """
    frames, rng = frames_of(verify, model), np.random.default_rng(verify.seed)
    real = quantize_inputs(model, first_batches(evaluation, frames, model.batch))
    codes = {}
    for port, quant in zip(model.inputs, model.input_types, strict=True):
        kind = quant.int_type
        drawn = rng.integers(kind.lo, kind.hi, (frames, *port.shape), endpoint=True)
        codes[port.name] = np.concatenate([real[port.name], drawn])
    return codes
