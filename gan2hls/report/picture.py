"""The project's picture: what ONNX Runtime generates, and what the integers make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.model import Golden, IntegerModel
from gan2hls.numbers import Int64Array
from gan2hls.quantize import FloatModel, quantize_inputs
from gan2hls.report.png import Sheet, png_sheets

Array = npt.NDArray[np.generic]
Real = npt.NDArray[np.floating]
#: Outputs by ONNX name, ``[N, *onnx_shape[1:]]``.
Outputs = Mapping[str, Real]

#: Pictures of a project's ``picture.png``.
PICTURES = 8
_SLACK = 0.01


def draw_picture(onnx_model: onnx.ModelProto, model: IntegerModel, inputs: Mapping[str, Array]) -> bytes | None:
    """Return a PNG of every output that is an image, float above golden, or None when none is."""
    few = {name: values[:PICTURES] for name, values in inputs.items()}
    rows = [("float", float_outputs(onnx_model, model, few)), ("golden", golden_outputs(model, few))]
    return output_pictures(model, rows, PICTURES)


def output_pictures(model: IntegerModel, rows: Sequence[tuple[str, Outputs]], columns: int = 16) -> bytes | None:
    """Return a PNG with labelled ``rows`` of each output that is an image, or None when none is.

    The first row says what is black and what is white.  Several outputs have their ONNX names above them.
    """
    sheets = [
        Sheet(
            [(label, outputs[port.onnx_name]) for label, outputs in rows],
            port.onnx_shape,
            picture_range(rows[0][1][port.onnx_name]),
            port.onnx_name if len(model.outputs) > 1 else "",
        )
        for port in model.outputs
    ]
    return png_sheets(sheets, columns)


def float_outputs(onnx_model: onnx.ModelProto, model: IntegerModel, inputs: Mapping[str, Array]) -> dict[str, Real]:
    """Return the outputs under ONNX Runtime by ONNX name, ``[N, *onnx_shape[1:]]``; inputs by ONNX name."""
    found = FloatModel(onnx_model, model.outputs).run(inputs)
    return {port.onnx_name: port.from_stream(found[port.name]).astype(np.float64) for port in model.outputs}


def golden_outputs(model: IntegerModel, inputs: Mapping[str, Array]) -> dict[str, Real]:
    """Return the outputs of the golden model as reals by ONNX name, ``[N, *onnx_shape[1:]]``; inputs by ONNX name."""
    return real_outputs(model, Golden(model).outputs(quantize_inputs(model, inputs)))


def real_outputs(model: IntegerModel, codes: Mapping[str, Int64Array]) -> dict[str, Real]:
    """Return the reals that ``codes`` ``[N, H, W, C]`` of the outputs by name stand for, by ONNX name."""
    return {
        port.onnx_name: port.from_stream(model.real(port.name, codes[port.name])).astype(np.float64)
        for port in model.outputs
    }


def picture_range(values: Real) -> tuple[float, float]:
    """Return what is black and what is white: -1..1 and 0..1 where the values keep to them, else their range."""
    low, high = float(values.min()), float(values.max())
    for bottom in (0.0, -1.0):
        if bottom - _SLACK <= low and high <= 1.0 + _SLACK and high > 0.25:
            return bottom, 1.0
    return low, high
