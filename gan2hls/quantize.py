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
from gan2hls.lower import Calibration, lower, quantize_weights
from gan2hls.numerics import Int64Array
from gan2hls.ranges import RULES, RangeRule

_log = logging.getLogger(__name__)

#: MACs that a search for range rules may spend, about a second of BLAS; and the frames it judges on at least.
_SEARCH_MACS = 20_000_000_000
_LEAST_JUDGED = 8
#: A rule for one tensor replaces the common one only if it takes at least this part of the error away: less is luck.
_WORTHWHILE = 0.05


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
        rules: dict[str, RangeRule] = dict.fromkeys(calibration.streams, rule)
        return lower(graph, calibration, quantize_weights(graph, precisions), precisions, rules)
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
    """Greedy choice of range rules, tensor by tensor, by the error of the whole network's output.

    Ranges are measured on one half of the frames and judged on the other, so that a rule which cuts tails that only
    other inputs have does not win; the winner's ranges are then measured on all frames.
    """

    def __init__(self, graph: Graph, calibration: Calibration, precisions: Mapping[str, LayerPrecision]) -> None:
        self.graph, self.calibration, self.precisions = graph, calibration, precisions
        self.weights = quantize_weights(graph, precisions)
        frames = len(next(iter(calibration.streams.values())))
        macs = sum(layer.geometry.useful_macs for layer in graph.layers if layer.geometry)
        trials = len(RULES) + (len(RULES) - 1) * len(calibration.streams)
        judged = int(np.clip(_SEARCH_MACS // max(1, macs * trials), _LEAST_JUDGED, max(1, frames // 2)))
        self.fit = _frames(calibration, slice(0, max(1, frames // 2)))
        self.judge = _frames(calibration, slice(frames - judged, frames))

    def run(self) -> IntegerModel:
        """Return the model of the best rules found."""
        tried = []
        for rule in RULES:
            uniform: dict[str, RangeRule] = dict.fromkeys(self.calibration.streams, rule)
            tried.append((self._error(uniform), uniform))
        error, rules = min(tried, key=lambda item: item[0])
        for name in rules:
            for rule in RULES:
                changed: dict[str, RangeRule] = {**rules, name: rule}
                if rule == rules[name]:
                    continue
                found = self._error(changed)
                if found < (1 - _WORTHWHILE) * error:
                    error, rules = found, changed
        _log.info("range rules: %s", rules)
        return lower(self.graph, self.calibration, self.weights, self.precisions, rules)

    def _error(self, rules: Mapping[str, RangeRule]) -> float:
        model = lower(self.graph, self.fit, self.weights, self.precisions, rules)
        codes = {
            port.name: quant.quantize(self.judge.streams[port.name])
            for port, quant in zip(model.inputs, model.input_types, strict=True)
        }
        tensors = Golden(model).run(codes)
        total = 0.0
        for port in model.outputs:
            real = model.type_of(port.name).dequantize(tensors[port.name])
            total += float(np.square(real - self.judge.streams[port.name]).mean())
        return total


def _frames(calibration: Calibration, which: slice) -> Calibration:
    return Calibration({name: values[which] for name, values in calibration.streams.items()})
