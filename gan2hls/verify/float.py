"""The float step: what the integers lost against ONNX Runtime float32, at every layer and at the output.

Where the file quantizes a tensor itself, its codes are compared too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.model import Golden, Graph, IntegerModel
from gan2hls.numbers import FloatArray, QuantType
from gan2hls.quantize import FloatModel, probes, quantize_inputs
from gan2hls.report import Fidelity, Quality, StepReport, as_images, compare_codes, psnr_db, sqnr_db, ssim

_log = logging.getLogger(__name__)

#: What the output must gain without its values beyond the type for these to be told.
_TOLD_DB = 1.0


def saturation(expected: FloatArray, found: FloatArray, quant: QuantType) -> str:
    """Say how many ``expected`` values lie beyond ``quant``, where that costs ``found`` its PSNR; or nothing."""
    low, high = (float(end) for end in quant.dequantize(np.array([quant.int_type.lo, quant.int_type.hi])))
    beyond = (expected < low - 0.5 * quant.scale) | (expected > high + 0.5 * quant.scale)
    count = int(np.count_nonzero(beyond))
    if count in (0, beyond.size):
        return ""
    peak = float(np.ptp(expected))
    psnr, without = psnr_db(expected, found, peak), psnr_db(expected[~beyond], found[~beyond], peak)
    if without < psnr + _TOLD_DB:
        return ""
    return (
        f"the output saturates in {count} of {beyond.size} evaluation values: they reach from {expected.min():.3g} to "
        f"{expected.max():.3g}, calibration's range from {low:.3g} to {high:.3g}; {psnr:.1f} dB with them, "
        f"{without:.1f} dB without; raise calibration.samples, or give calibration.data that have such values"
    )


def run_float(
    graph: Graph,
    onnx_model: onnx.ModelProto,
    model: IntegerModel,
    inputs: Mapping[str, npt.NDArray[np.generic]],
    min_psnr_db: float,
) -> tuple[StepReport, Fidelity]:
    """Compare golden model and ONNX Runtime on ``inputs`` (by ONNX name, ``[N, *onnx_shape[1:]]``).

    The step fails when the output's PSNR is below ``min_psnr_db``; the peak is the range of the float output.
    """
    reference = FloatModel(onnx_model, probes(graph)).run(inputs)
    golden = Golden(model).run(quantize_inputs(model, inputs))
    sqnr: dict[str, float | None] = {
        layer.name: sqnr_db(reference[layer.name], model.real(layer.name, golden[layer.name])) for layer in model.layers
    }
    (port,) = model.outputs
    expected = port.from_stream(reference[port.name]).astype(np.float64)
    found = port.from_stream(model.real(port.name, golden[port.name])).astype(np.float64)
    peak = float(expected.max() - expected.min()) or 1.0
    psnr = psnr_db(expected, found, peak)
    images = as_images(expected, port.onnx_shape), as_images(found, port.onnx_shape)
    similarity = ssim(images[0], images[1], peak) if images[0] is not None and images[1] is not None else None
    values = sum(int(stream.size) for stream in reference.values())
    if text := saturation(expected, found, model.type_of(port.name)):
        _log.warning("%s", text)
    passed = psnr >= min_psnr_db
    report = StepReport(
        status="passed" if passed else "failed",
        reason="" if passed else f"output PSNR {psnr:.1f} dB is below verify.min_psnr_db = {min_psnr_db:g}",
        frames=len(expected),
        values=values,
    )
    return report, Fidelity(
        Quality(psnr_db=psnr, ssim=similarity, samples=len(expected)), sqnr, compare_codes(graph, reference, golden)
    )
