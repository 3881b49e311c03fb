"""The project's picture: what ONNX Runtime generates, and what the integers make of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.model import Golden, IntegerModel
from gan2hls.quantize import FloatModel, quantize_inputs
from gan2hls.report.png import png_grid

Array = npt.NDArray[np.generic]
Real = npt.NDArray[np.floating]

#: Pictures of a project's ``picture.png``.
PICTURES = 8
_SLACK = 0.01


def draw_picture(onnx_model: onnx.ModelProto, model: IntegerModel, inputs: Mapping[str, Array]) -> bytes | None:
    """Return a PNG of the first output, float above golden, or None when it is no image."""
    few = {name: values[:PICTURES] for name, values in inputs.items()}
    real = float_outputs(onnx_model, model, few)
    return png_grid(
        [("float", real), ("golden", golden_outputs(model, few))],
        model.outputs[0].onnx_shape,
        picture_range(real),
        PICTURES,
    )


def float_outputs(onnx_model: onnx.ModelProto, model: IntegerModel, inputs: Mapping[str, Array]) -> Real:
    """Return the first output under ONNX Runtime, ``[N, *onnx_shape[1:]]``; inputs by ONNX name."""
    port = model.outputs[0]
    return port.from_stream(FloatModel(onnx_model, [port]).run(inputs)[port.name]).astype(np.float64)


def golden_outputs(model: IntegerModel, inputs: Mapping[str, Array]) -> Real:
    """Return the first output of the golden model as reals, ``[N, *onnx_shape[1:]]``; inputs by ONNX name."""
    port = model.outputs[0]
    codes = Golden(model).run(quantize_inputs(model, inputs))[port.name]
    return port.from_stream(model.type_of(port.name).dequantize(codes)).astype(np.float64)


def picture_range(values: Real) -> tuple[float, float]:
    """Return what is black and what is white: -1..1 and 0..1 where the values keep to them, else their range."""
    low, high = float(values.min()), float(values.max())
    for bottom in (0.0, -1.0):
        if bottom - _SLACK <= low and high <= 1.0 + _SLACK and high > 0.25:
            return bottom, 1.0
    return low, high
