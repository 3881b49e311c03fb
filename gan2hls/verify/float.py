"""The float step: what the integers lost against ONNX Runtime float32, at every layer and at every output.

ONNX Runtime runs what was read of the file, and for a few frames the file itself: both must make the same.  Where the
file quantizes a tensor itself, its codes are compared too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import final

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.base import ModelError
from gan2hls.model import Golden, Graph, IntegerModel, Port
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, QuantType
from gan2hls.quantize import FloatModel, probes, quantize_inputs
from gan2hls.report import (
    CodeAgreement,
    Fidelity,
    Quality,
    StepReport,
    as_images,
    compare_codes,
    psnr_db,
    sqnr_db,
    ssim,
)

_log = logging.getLogger(__name__)

#: What the output must gain without its values beyond the type for these to be told.
_TOLD_DB = 1.0
#: Frames of which the file itself is run, and the least PSNR of what was read of it: rounding of float32 makes more.
_FILE_FRAMES, _FILE_PSNR_DB = 2, 50.0
#: Values of all tensors that are compared at a time, in float and in integers, but one frame at least.
_CHUNK_VALUES = 1 << 24

Inputs = Mapping[str, npt.NDArray[np.generic]]


def saturation(expected: FloatArray, found: FloatArray, quant: QuantType, output: str = "the output") -> str:
    """Say how many ``expected`` values of ``output`` lie beyond ``quant``, where that costs ``found`` its PSNR."""
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
        f"{output} saturates in {count} of {beyond.size} evaluation values: they reach from {expected.min():.3g} to "
        f"{expected.max():.3g}, calibration's range from {low:.3g} to {high:.3g}; {psnr:.1f} dB with them, "
        f"{without:.1f} dB without; raise calibration.samples, or give calibration.data that have such values"
    )


def run_float(
    graph: Graph,
    onnx_model: onnx.ModelProto,
    model: IntegerModel,
    inputs: Inputs,
    min_psnr_db: float,
    original: Callable[[], onnx.ModelProto] | None = None,
) -> tuple[StepReport, Fidelity]:
    """Compare golden model and ONNX Runtime.

    The step fails when an output's PSNR is below ``min_psnr_db``, or when the file makes something else than what was
    read of it; the peak is the range of that float output.  Of several outputs the least PSNR and the least SSIM are
    reported.

    Args:
        graph: what was read of the file.
        onnx_model: the same as ONNX Runtime runs it.
        model: the same in integers.
        inputs: by ONNX name, ``[N, *onnx_shape[1:]]``.
        min_psnr_db: as above.
        original: returns the model of the file; None: it is not at hand.
    """
    compared = _Compared(graph, model)
    for reference, golden in _runs(graph, onnx_model, model, inputs):
        compared.add(reference, golden)
    judged = {port.name: _judged(port, *compared.output(port)) for port in model.outputs}
    worst = min(model.outputs, key=lambda port: judged[port.name][0])
    psnr = judged[worst.name][0]
    similarities = [similarity for _, similarity in judged.values() if similarity is not None]
    for port in model.outputs:
        text = saturation(*compared.output(port), model.type_of(port.name), _called(model, port))
        if text:
            _log.warning("%s", text)
    reason, frames = "", len(next(iter(inputs.values())))
    if psnr < min_psnr_db:
        what = "output" if len(model.outputs) == 1 else f"output {worst.onnx_name!r}:"
        reason = f"{what} PSNR {psnr:.1f} dB is below verify.min_psnr_db = {min_psnr_db:g}"
    otherwise = ""
    if original is not None:
        otherwise = _read_otherwise(original, {port: compared.output(port)[0] for port in model.outputs}, inputs)
    reason = reason or (otherwise and "the file makes something else than what was read of it")
    report = StepReport(
        status="failed" if reason else "passed",
        reason=reason,
        first_mismatch=otherwise or None,
        frames=frames,
        values=compared.values,
    )
    quality = Quality(psnr_db=psnr, ssim=min(similarities, default=None), samples=frames)
    return report, Fidelity(quality, compared.sqnr_db, compared.agreement)


def _runs(
    graph: Graph, onnx_model: onnx.ModelProto, model: IntegerModel, inputs: Inputs
) -> Iterator[tuple[dict[str, Float32Array], dict[str, Int64Array]]]:
    """Yield every tensor in float and as codes, ``[N, H, W, C]`` by name, as many frames at a time as memory is for."""
    floats, golden = FloatModel(onnx_model, probes(graph)), Golden(model)
    step = max(1, _CHUNK_VALUES // sum(int(np.prod(layer.shape)) for layer in graph.layers))
    for start in range(0, len(next(iter(inputs.values()))), step):
        some = {name: values[start : start + step] for name, values in inputs.items()}
        yield floats.run(some), golden.run(quantize_inputs(model, some))


def _read_otherwise(original: Callable[[], onnx.ModelProto], read: Mapping[Port, FloatArray], inputs: Inputs) -> str:
    """Say of which output the file makes something else than what was ``read`` of it, ``[N, *onnx_shape[1:]]``."""
    some = {name: values[:_FILE_FRAMES] for name, values in inputs.items()}
    try:
        file = original()
    except ModelError as error:  # it was replaced meanwhile
        _log.warning("what was read of the file is not compared with the file: %s", error)
        return ""
    try:
        found = FloatModel(file, read).run(some, check=False)
    except ModelError as error:  # ONNX Runtime lacks operators that are read here
        _log.info("what was read of the file is not compared with the file: %s", error)
        return ""
    for port, values in read.items():
        wanted = port.from_stream(found[port.name]).astype(np.float64)
        psnr = psnr_db(wanted, values[:_FILE_FRAMES], float(np.ptp(wanted)) or 1.0)
        if not psnr >= _FILE_PSNR_DB:
            return (
                f"output {port.onnx_name!r}: what was read of the file has a PSNR of {psnr:.1f} dB against the file "
                "itself, both under ONNX Runtime"
            )
    return ""


def _called(model: IntegerModel, port: Port) -> str:
    """Return what a message calls an output."""
    return "the output" if len(model.outputs) == 1 else f"the output {port.onnx_name!r}"


def _judged(port: Port, expected: FloatArray, found: FloatArray) -> tuple[float, float | None]:
    """Return the PSNR and, of images, the SSIM of an output ``[N, *onnx_shape[1:]]``."""
    peak = float(expected.max() - expected.min()) or 1.0
    images = as_images(expected, port.onnx_shape), as_images(found, port.onnx_shape)
    similarity = ssim(images[0], images[1], peak) if images[0] is not None and images[1] is not None else None
    return psnr_db(expected, found, peak), similarity


@final
class _Compared:
    """What is left of tensors once they have been compared: sums over all of their values, and the outputs.

    Attributes:
        values: how many were compared.
        agreement: with the codes of the file, by layer.
    """

    def __init__(self, graph: Graph, model: IntegerModel) -> None:
        self.graph, self.model = graph, model
        self.values = 0
        self.agreement: dict[str, CodeAgreement] = {}
        self._sums: dict[str, tuple[float, float, int]] = {}
        self._outputs: dict[str, list[tuple[FloatArray, FloatArray]]] = {port.name: [] for port in model.outputs}

    def add(self, reference: Mapping[str, Float32Array], golden: Mapping[str, Int64Array]) -> None:
        """Compare more frames: floats and codes ``[N, H, W, C]`` of every layer by name."""
        for layer in self.model.layers:
            wanted = np.asarray(reference[layer.name], np.float64)
            found = self.model.real(layer.name, golden[layer.name])
            power, error, count = self._sums.get(layer.name, (0.0, 0.0, 0))
            more = float(np.square(wanted).mean()), float(np.square(wanted - found).mean())
            whole = count + wanted.size
            share = wanted.size / whole
            self._sums[layer.name] = power + (more[0] - power) * share, error + (more[1] - error) * share, whole
            self.values += wanted.size
        for port in self.model.outputs:
            expected = port.from_stream(reference[port.name]).astype(np.float64)
            made = port.from_stream(self.model.real(port.name, golden[port.name])).astype(np.float64)
            self._outputs[port.name].append((expected, made))
        for name, more_codes in compare_codes(self.graph, reference, golden).items():
            self.agreement[name] = self.agreement.get(name, CodeAgreement(0, 0)).together(more_codes)

    @property
    def sqnr_db(self) -> dict[str, float | None]:
        """SQNR by layer."""
        return {name: sqnr_db(power, error) for name, (power, error, _) in self._sums.items()}

    def output(self, port: Port) -> tuple[FloatArray, FloatArray]:
        """Return the values of an output in float and of the integers, float64 ``[N, *onnx_shape[1:]]``."""
        parts = self._outputs[port.name]
        return np.concatenate([wanted for wanted, _ in parts]), np.concatenate([found for _, found in parts])
