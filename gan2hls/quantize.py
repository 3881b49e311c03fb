"""Post-training quantization of a whole model: measure ranges, lower by each rule, keep the best output."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import final

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.assign import LayerPrecision
from gan2hls.calibrate import Float32Array, FloatModel, frame_limit, probes
from gan2hls.correct import find_biases
from gan2hls.equalize import apply_gains, apply_to_streams, find_gains
from gan2hls.golden import Golden
from gan2hls.integer import IntegerModel
from gan2hls.ir import Graph
from gan2hls.lower import choose_types, lower, quantize_weights
from gan2hls.numerics import FloatArray, Int64Array, QuantType
from gan2hls.ranges import RULES, RangeRule

_log = logging.getLogger(__name__)

#: MACs that a search for range rules may spend, about a second of BLAS; and the frames it judges on at least.
_SEARCH_MACS = 20_000_000_000
_LEAST_JUDGED = 8
#: A rule for one tensor replaces the common one only if it takes at least this part of the error away: less is luck.
_WORTHWHILE = 0.05
#: Exponents of equalization that a search tries; None: no equalization.
_ALPHAS = (None, 0.5, 0.75, 1.0)
#: MACs that one correction of biases may spend.
_CORRECTION_MACS = 500_000_000


def quantize(
    graph: Graph,
    model: onnx.ModelProto,
    inputs: Mapping[str, npt.NDArray[np.generic]],
    precisions: Mapping[str, LayerPrecision],
    rule: RangeRule | None,
) -> IntegerModel:
    """Lower ``graph`` with ranges measured on ``inputs`` (by ONNX name, ``[N, *onnx_shape[1:]]``).

    With ``rule`` None every rule is tried for the whole model, with and without equalization, then tensor by
    tensor, and what gives the least squared error of the output is kept.  Biases are corrected in every case.
    """
    frames = frame_limit(graph, len(next(iter(inputs.values()))))
    streams = measure(graph, model, {name: values[:frames] for name, values in inputs.items()})
    if rule is not None:
        variant = _Variant(graph, {}, precisions, streams)
        return variant.lower(variant.types(rule))
    return _Search(graph, streams, precisions).run()


def measure(
    graph: Graph, model: onnx.ModelProto, inputs: Mapping[str, npt.NDArray[np.generic]]
) -> dict[str, Float32Array]:
    """Run the float model and return every tensor's stream, inputs included."""
    streams: dict[str, Float32Array] = FloatModel(model, probes(graph)).run(inputs)
    for port in graph.inputs:
        streams[port.name] = port.to_stream(inputs[port.onnx_name]).astype(np.float32)
    return streams


def quantize_inputs(model: IntegerModel, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
    """Return input codes ``[N, H, W, C]`` by input name of real inputs by ONNX name."""
    return {
        port.name: quant.quantize(port.to_stream(inputs[port.onnx_name]))
        for port, quant in zip(model.inputs, model.input_types, strict=True)
    }


@final
class _Variant:
    """The graph under one equalization, with what all lowerings of it share."""

    def __init__(
        self,
        graph: Graph,
        gains: Mapping[str, FloatArray],
        precisions: Mapping[str, LayerPrecision],
        streams: Mapping[str, Float32Array],
    ) -> None:
        self.gains, self.precisions = gains, precisions
        self.graph = apply_gains(graph, gains)
        self.weights = quantize_weights(self.graph, precisions)
        self.streams = apply_to_streams(streams, gains)
        macs = sum(layer.geometry.useful_macs for layer in graph.layers if layer.geometry)
        self._corrected_on = max(_LEAST_JUDGED, _CORRECTION_MACS // max(1, macs))

    def types(self, rule: RangeRule) -> dict[str, QuantType]:
        """Return every tensor's type under ``rule``."""
        return choose_types(self.graph, self.streams, self.precisions, rule)

    def lower(self, types: Mapping[str, QuantType]) -> IntegerModel:
        """Lower with corrected biases."""
        few = {name: values[: self._corrected_on] for name, values in self.streams.items()}
        biases = find_biases(self.graph, self.weights, types, few)
        return lower(self.graph, self.weights, types, gains=self.gains, biases=biases)


@final
class _Search:
    """Choice of equalization and range rules by the error of the whole network's output.

    Ranges are measured on one half of the frames and judged on the other, so that a rule which cuts tails that only
    other inputs have does not win; the winner's ranges are then measured on all frames.
    """

    def __init__(
        self, graph: Graph, streams: Mapping[str, Float32Array], precisions: Mapping[str, LayerPrecision]
    ) -> None:
        self.graph, self.streams, self.precisions = graph, streams, precisions
        frames = len(next(iter(streams.values())))
        macs = sum(layer.geometry.useful_macs for layer in graph.layers if layer.geometry)
        trials = len(RULES) * len(_ALPHAS) + (len(RULES) - 1) * len(streams)
        judged = int(np.clip(_SEARCH_MACS // max(1, macs * trials), _LEAST_JUDGED, max(1, frames // 2)))
        self.fit = {name: values[: max(1, frames // 2)] for name, values in streams.items()}
        self.judge = {name: values[frames - judged :] for name, values in streams.items()}

    def run(self) -> IntegerModel:
        """Return the best model found: equalization and one rule for all, then a rule per tensor."""
        tried = []
        for alpha in _ALPHAS:
            gains = {} if alpha is None else find_gains(self.graph, self.fit, alpha)
            variant = _Variant(self.graph, gains, self.precisions, self.fit)
            types = {rule: variant.types(rule) for rule in RULES}
            tried += [(self._error(variant.lower(types[rule])), alpha, rule, variant, types) for rule in RULES]
        error, alpha, common, variant, types = min(tried, key=lambda item: item[0])
        rules: dict[str, RangeRule] = dict.fromkeys(self.streams, common)
        for name in rules:
            for rule in RULES:
                if types[rule][name] == types[rules[name]][name]:
                    continue
                changed: dict[str, RangeRule] = {**rules, name: rule}
                found = self._error(variant.lower(_mixed(types, changed)))
                if found < (1 - _WORTHWHILE) * error:
                    error, rules = found, changed
        _log.info("equalization %s, range rules %s", alpha, rules)
        final_variant = _Variant(self.graph, variant.gains, self.precisions, self.streams)
        return final_variant.lower(_mixed({rule: final_variant.types(rule) for rule in RULES}, rules))

    def _error(self, model: IntegerModel) -> float:
        codes = {
            port.name: quant.quantize(self.judge[port.name])
            for port, quant in zip(model.inputs, model.input_types, strict=True)
        }
        tensors = Golden(model).run(codes)
        return sum(
            float(np.square(model.real(port.name, tensors[port.name]) - self.judge[port.name]).mean())
            for port in model.outputs
        )


def _mixed(types: Mapping[RangeRule, Mapping[str, QuantType]], rules: Mapping[str, RangeRule]) -> dict[str, QuantType]:
    return {name: types[rule][name] for name, rule in rules.items()}
