"""Post-training quantization of a whole model: measure ranges, lower by each rule, keep the best output."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import final

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.assign import LayerPrecision
from gan2hls.calibrate import Float32Array, FloatModel, probes
from gan2hls.golden import Golden
from gan2hls.integer import IntegerModel
from gan2hls.ir import Graph
from gan2hls.lower import Calibration, lower
from gan2hls.numerics import Int64Array
from gan2hls.ranges import RULES, RangeRule

_log = logging.getLogger(__name__)


def quantize(
    graph: Graph,
    model: onnx.ModelProto,
    inputs: Mapping[str, npt.NDArray[np.generic]],
    precisions: Mapping[str, LayerPrecision],
    rule: RangeRule | None,
) -> IntegerModel:
    """Lower ``graph`` with ranges measured on ``inputs`` (by ONNX name, ``[N, *onnx_shape[1:]]``).

    With ``rule`` None every rule is tried for the whole model, then tensor by tensor, and what gives the least squared
    error of the output on ``inputs`` is kept.
    """
    calibration = measure(graph, model, inputs)
    if rule is not None:
        return lower(graph, calibration, precisions, dict.fromkeys(calibration.streams, rule))
    return _Search(graph, calibration, precisions).run()


def measure(graph: Graph, model: onnx.ModelProto, inputs: Mapping[str, npt.NDArray[np.generic]]) -> Calibration:
    """Run the float model and return every tensor's stream."""
    streams: dict[str, Float32Array] = FloatModel(model, probes(graph)).run(inputs)
    for port in graph.inputs:
        streams[port.name] = port.to_stream(inputs[port.onnx_name]).astype(np.float32)
    return Calibration(streams)


def quantize_inputs(model: IntegerModel, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
    """Return input codes ``[N, H, W, C]`` by input name of real inputs by ONNX name."""
    return {
        port.name: quant.quantize(port.to_stream(inputs[port.onnx_name]))
        for port, quant in zip(model.inputs, model.input_types, strict=True)
    }


@final
class _Search:
    """Greedy choice of range rules, tensor by tensor, by the error of the whole network's output."""

    def __init__(self, graph: Graph, calibration: Calibration, precisions: Mapping[str, LayerPrecision]) -> None:
        self.graph, self.calibration, self.precisions = graph, calibration, precisions

    def run(self) -> IntegerModel:
        tried = []
        for rule in RULES:
            rules: dict[str, RangeRule] = dict.fromkeys(self.calibration.streams, rule)
            model = self._lower(rules)
            tried.append((self._error(model), rules, model))
        error, rules, model = min(tried, key=lambda item: item[0])
        for name in rules:
            for rule in RULES:
                if rule == rules[name]:
                    continue
                changed = {**rules, name: rule}
                candidate = self._lower(changed)
                found = self._error(candidate)
                if found < error:
                    error, rules, model = found, changed, candidate
        _log.info("range rules: %s", rules)
        return model

    def _lower(self, rules: Mapping[str, RangeRule]) -> IntegerModel:
        return lower(self.graph, self.calibration, self.precisions, rules)

    def _error(self, model: IntegerModel) -> float:
        codes = {
            port.name: quant.quantize(self.calibration.streams[port.name])
            for port, quant in zip(model.inputs, model.input_types, strict=True)
        }
        tensors = Golden(model).run(codes)
        total = 0.0
        for port in model.outputs:
            real = model.type_of(port.name).dequantize(tensors[port.name])
            total += float(np.square(real - self.calibration.streams[port.name]).mean())
        return total
