"""What a build returns, and the golden model in the layout of the ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from gan2hls.auto import Assignment
from gan2hls.base import ConfigError
from gan2hls.config import Config
from gan2hls.emit import Project
from gan2hls.hardware import Design
from gan2hls.model import Golden, Graph, IntegerModel
from gan2hls.report import Report, real_outputs

Array = npt.NDArray[np.generic]


@final
@dataclass(frozen=True, eq=False)
class BuildResult:
    """What a build made; values of stages after ``stop`` are None.

    Attributes:
        path: the project's folder, or None when nothing was written.
        graph: the float graph after the passes; None when the build resumed without the ONNX file.
        integer_model: what golden model, C++ and RTL compute.
        design: the folded design.
        project: every file in memory.
        report: as in ``report.json``.
        config: every setting, resolved.
        seconds: by stage.
        assignment: how ``precision: auto`` chose the formats of weights; None where it did not.
    """

    config: Config
    path: Path | None = None
    graph: Graph | None = None
    integer_model: IntegerModel | None = None
    design: Design | None = None
    project: Project | None = None
    report: Report | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    assignment: Assignment | None = None

    def golden(self, inputs: Array | Mapping[str, Array]) -> Any:
        """Run the golden model in the layout of the ONNX model.

        Args:
            inputs: ``[N, *shape[1:]]``, an array for a single input or arrays by ONNX input name.  Floats are
                quantized; integers are taken as codes.

        Returns:
            Float64 ``[N, *shape[1:]]`` for a single output, else arrays by ONNX output name.
        """
        assert self.integer_model is not None, "the build stopped before the integer model"
        return run_golden(self.integer_model, inputs)


def run_golden(model: IntegerModel, inputs: Array | Mapping[str, Array]) -> Any:
    """Run ``model`` on inputs of the ONNX layout; see ``BuildResult.golden``."""
    names = [port.onnx_name for port in model.inputs]
    if not isinstance(inputs, Mapping) and len(names) > 1:
        raise ConfigError(f"one array for the inputs {', '.join(map(repr, names))}", hint="give a dict of one for each")
    arrays = inputs if isinstance(inputs, Mapping) else {names[0]: np.asarray(inputs)}
    codes = {}
    for port, quant in zip(model.inputs, model.input_types, strict=True):
        if port.onnx_name not in arrays:
            raise ConfigError(f"no array for the input {port.onnx_name!r}", hint=f"there are {sorted(arrays)}")
        values = np.asarray(arrays[port.onnx_name])
        if values.size == 0 or values.size % port.order.size:
            raise ConfigError(
                f"an array of shape {values.shape} does not fit the input {port.onnx_name!r}",
                hint=f"expected [N, {', '.join(map(str, port.onnx_shape[1:]))}]",
            )
        stream = port.to_stream(values)
        codes[port.name] = stream if values.dtype.kind in "iu" else quant.quantize(stream)
    if len({len(values) for values in codes.values()}) > 1:
        found = ", ".join(f"{port.onnx_name!r} {len(codes[port.name])}" for port in model.inputs)
        raise ConfigError(f"arrays of different numbers of frames: {found}", hint="give as many of each")
    outputs = real_outputs(model, Golden(model).outputs(codes))
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs
