"""Trial and error of post-training quantization: lower by each range rule and equalization, keep the best output."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from gan2hls.base import in_threads
from gan2hls.fit import PERCENTILE, LayerPrecision, RangeRule
from gan2hls.formats import Precision
from gan2hls.model import Golden, Graph, IntegerModel, Rerun, linear_layers
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, QuantType
from gan2hls.ops import IntWeight
from gan2hls.quantize.bias_correction import find_biases
from gan2hls.quantize.equalize import apply_gains, apply_to_streams, find_gains
from gan2hls.quantize.lower import choose_types, lower, quantize_weights

_log = logging.getLogger(__name__)

#: MACs that a search for range rules may spend, about a second of BLAS; and the frames it judges on at least: of a
#: large network, each frame of which has very many pixels, fewer.
_SEARCH_MACS = 20_000_000_000
LEAST_JUDGED, _LEAST_OF_LARGE = 8, 2
_LARGE_MACS = 800_000_000
#: MACs that a search for bits of activations may spend on each of its tensors in turn, with the biases of all wide.
_OPTION_MACS = 100_000_000_000
#: What lowering and running a layer takes beside its MACs, in MACs.
_LAYER_MACS = 20_000_000
#: Exponents of equalization that a search tries, the usual one first; None: no equalization.
_ALPHAS = (0.5, None, 0.75, 1.0)
#: Frames that evaluation has by default: those on which the error of a choice should hold.
_OTHERS = 32
#: MACs that one correction of biases may spend.
_CORRECTION_MACS = 500_000_000


def frame_macs(graph: Graph) -> int:
    """Return the useful MACs of a frame, 1 at least."""
    return max(1, sum(op.geometry.useful_macs for _, op in linear_layers(graph)))


def least_judged(graph: Graph) -> int:
    """Return on how many frames a choice is judged at least."""
    return LEAST_JUDGED if frame_macs(graph) < _LARGE_MACS else _LEAST_OF_LARGE


def fitted_frames(frames: int) -> int:
    """Return how many of ``frames`` calibration frames, the first ones, anything is fitted on; the others judge."""
    return max(1, frames // 2)


@final
@dataclass(frozen=True)
class Candidate:
    """A way to find every tensor's range."""

    rule: RangeRule
    percentile: float = PERCENTILE


CANDIDATES = (
    Candidate("minmax"),
    Candidate("mse"),
    *(Candidate("percentile", percentile) for percentile in (99.99, PERCENTILE, 99.8, 99.5)),
)


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """One lowering and the mean squared error of its output.

    Attributes:
        error: mean squared error of the output on the frames that judge; of several outputs the sum of theirs, each
            scaled as if its range were that of the first.
        alpha: exponent of equalization; None: none.
        candidate: of ranges.
        model: what was lowered.
        wide: bits by tensor, where they are more than its precision has.
        deviation: standard deviation of a frame's error.
    """

    error: float
    alpha: float | None
    candidate: Candidate
    model: IntegerModel
    wide: Mapping[str, int] = field(default_factory=dict)
    deviation: float = 0.0

    @property
    def held_error(self) -> float:
        """What the mean of other frames hardly exceeds: a standard error of ``_OTHERS`` frames above ``error``."""
        return self.error + self.deviation / math.sqrt(_OTHERS)


@final
class Variant:
    """The graph under one equalization, with what all lowerings of it share."""

    def __init__(
        self,
        graph: Graph,
        gains: Mapping[str, FloatArray],
        precisions: Mapping[str, LayerPrecision],
        streams: Mapping[str, Float32Array],
        places: Mapping[str, FloatArray],
        every: Mapping[str, Float32Array],
    ) -> None:
        self.gains, self.precisions, self.places, self._every = gains, precisions, places, every
        self.graph = apply_gains(graph, gains)
        self.weights: Mapping[str, IntWeight] = quantize_weights(self.graph, precisions)
        self.streams = apply_to_streams(streams, gains)
        self._means: dict[str, FloatArray] = {}
        self._types: dict[tuple[str, Candidate, int | None], QuantType] = {}
        self._corrected_on = max(least_judged(graph), _CORRECTION_MACS // frame_macs(graph))

    def types(self, candidate: Candidate, wide: Mapping[str, int] | None = None) -> dict[str, QuantType]:
        """Return every tensor's type; the output and those of ``wide`` bits hold whatever was seen in any frame."""
        wide = wide or {}
        precisions = {
            name: replace(precision, activation=Precision("int", wide[name])) if name in wide else precision
            for name, precision in self.precisions.items()
        }
        keys = {name: (name, candidate, wide.get(name)) for name in self.streams}
        known = {name: self._types[key] for name, key in keys.items() if key in self._types}
        whole = {*wide, *(port.name for port in self.graph.outputs)} - known.keys()
        streams = {**self.streams, **apply_to_streams({name: self._every[name] for name in whole}, self.gains)}
        types = choose_types(self.graph, streams, precisions, candidate.rule, candidate.percentile, wide, known)
        copies = {layer.name for layer in self.graph.layers if layer.is_copy}
        self._types |= {key: types[name] for name, key in keys.items() if name not in copies}
        return types

    def lower(
        self,
        candidate: Candidate,
        codes: Mapping[str, IntWeight] | None = None,
        wide: Mapping[str, int] | None = None,
    ) -> IntegerModel:
        """Lower with the ranges of ``candidate`` and corrected biases.

        ``codes`` stand in place of some weights, bits of activations by tensor in ``wide`` in place of some formats.
        """
        weights = {**self.weights, **(codes or {})}
        types = self.types(candidate, wide)
        return self._lower(weights, types, self._biases(weights, types))

    def narrower(self, candidate: Candidate, wide: Mapping[str, int], names: Sequence[str]) -> Iterator[IntegerModel]:
        """Yield the lowering with ``wide``, then, by each of ``names``, what it is where that alone is not wide.

        All have the biases of the first one, and its layers but for those that read or make that tensor.
        """
        few, many = self.types(candidate), self.types(candidate, wide)
        biases = self._biases(self.weights, many)
        whole = self._lower(self.weights, many, biases)
        yield whole
        for name in names:
            alike = {name}
            for layer in self.graph.layers:
                if layer.is_copy and layer.name not in self.graph.pinned and alike.issuperset(layer.inputs):
                    alike.add(layer.name)
            types = {tensor: few[tensor] if tensor in alike else quant for tensor, quant in many.items()}
            yield lower(self.graph, self.weights, types, gains=self.gains, biases=biases, former=whole)

    def _biases(self, weights: Mapping[str, IntWeight], types: Mapping[str, QuantType]) -> dict[str, FloatArray]:
        few = {name: values[: self._corrected_on] for name, values in self.streams.items()}
        return find_biases(self.graph, weights, types, few, self.places, self._means)

    def _lower(
        self, weights: Mapping[str, IntWeight], types: Mapping[str, QuantType], biases: Mapping[str, FloatArray]
    ) -> IntegerModel:
        return lower(self.graph, weights, types, gains=self.gains, biases=biases)


@final
class RangeSearch:
    """Choice of range rule and equalization by the error of the whole network's output.

    Ranges are measured on one half of the frames and judged on the other, so that a rule which cuts tails that only
    other inputs have does not win.  Bits of wide tensors are judged on frames of which ranges saw none.
    """

    def __init__(
        self,
        graph: Graph,
        streams: Mapping[str, Float32Array],
        precisions: Mapping[str, LayerPrecision],
        places: Mapping[str, FloatArray] | None = None,
    ) -> None:
        self.graph, self.streams, self.precisions, self.places = graph, streams, precisions, places or {}
        frames = len(next(iter(streams.values())))
        trials = len(CANDIDATES) + len(_ALPHAS) - 1
        most = _SEARCH_MACS // (frame_macs(graph) * trials)
        judged = int(np.clip(most, least_judged(graph), max(1, frames // 2)))
        self.fit = {name: values[: fitted_frames(frames)] for name, values in streams.items()}
        self.judge: Mapping[str, Float32Array] = {name: values[frames - judged :] for name, values in streams.items()}
        self._variants: dict[float | None, Variant] = {}

    def judged_on(self, judge: Mapping[str, Float32Array]) -> RangeSearch:
        """Return the same search, judged on other frames: streams of the inputs and the outputs."""
        search = copy.copy(self)
        search.judge = judge
        return search

    def run(self, candidates: Sequence[Candidate]) -> Trial:
        """Return the best lowering found: first the range rule, then the equalization."""
        tried = self._tried(_ALPHAS[0], candidates)
        best = min(tried, key=lambda trial: trial.error)
        del tried
        for alpha in _ALPHAS[1:]:
            trial = self.measure(alpha, best.candidate)
            if trial.error < best.error:
                best = trial
            del trial  # a model holds all weights
        _log.info("ranges by %s, equalization %s", best.candidate, best.alpha)
        return best

    def best_range(self, candidates: Sequence[Candidate]) -> Candidate:
        """Return the range rule of least error without equalization."""
        return min(self._tried(None, candidates), key=lambda trial: trial.error).candidate

    def _tried(self, alpha: float | None, candidates: Sequence[Candidate]) -> list[Trial]:
        """Return the lowering with each of ``candidates``, in their order, as many at a time as processors."""
        self.variant(alpha)
        tried: dict[Candidate, Trial] = {}

        def measure(candidate: Candidate) -> None:
            tried[candidate] = self.measure(alpha, candidate)

        in_threads(measure, candidates)
        return [tried[candidate] for candidate in candidates]

    def error_with(self, codes: Mapping[str, IntWeight], candidate: Candidate) -> float:
        """Return the mean squared error of the output with ``codes`` in place of some weights, not equalized."""
        return float(self._errors(self.model_with(codes, candidate)).mean())

    def model_with(self, codes: Mapping[str, IntWeight], candidate: Candidate) -> IntegerModel:
        """Return the model with ``codes`` in place of some weights, not equalized."""
        return self.variant(None).lower(candidate, codes)

    @property
    def peak(self) -> float:
        """Range of the first float output on the frames that judge, to which errors of all outputs are relative."""
        return self._peak(self.graph.outputs[0].name)

    def _peak(self, output: str) -> float:
        return float(np.ptp(self.judge[output])) or 1.0

    def measure(self, alpha: float | None, candidate: Candidate, wide: Mapping[str, int] | None = None) -> Trial:
        """Return the lowering with an equalization, a range rule and more bits for some activations."""
        model = self.variant(alpha).lower(candidate, wide=wide)
        errors = self._errors(model)
        return Trial(float(errors.mean()), alpha, candidate, model, dict(wide or {}), float(errors.std()))

    def alone(self, most: Trial, names: Sequence[str]) -> Iterator[float]:
        """Yield ``Trial.held_error`` with each of ``names`` in turn as narrow as its precision, others as in ``most``.

        In a large or deep network biases are those of ``most``, and the error is that of ``most`` and what it grows by
        on a few of the frames that judge.
        """
        judged = len(self.judge[self.graph.outputs[0].name])
        one = frame_macs(self.graph) * judged + len(self.graph.layers) * _LAYER_MACS
        if one * len(names) <= _OPTION_MACS:
            for name in names:
                wide = {other: bits for other, bits in most.wide.items() if other != name}
                yield self.measure(most.alpha, most.candidate, wide).held_error
            return
        few = self.judged_on({name: values[:_LEAST_OF_LARGE] for name, values in self.judge.items()})
        models = self.variant(most.alpha).narrower(most.candidate, most.wide, names)
        whole = next(models)
        codes = few._codes(whole)
        rerun = Rerun(whole, codes)
        error = few._squares(whole, rerun.outputs(whole, codes)).mean()
        for model in models:
            more = few._squares(model, rerun.outputs(model, few._codes(model))).mean() - error
            yield max(most.held_error + float(more), most.held_error / 2)  # few frames may say that it takes all away

    def variant(self, alpha: float | None) -> Variant:
        """Return the graph under the equalization of exponent ``alpha``."""
        if alpha not in self._variants:
            self._variants.clear()  # each holds all weights, as floats and as integers
            coded = {name for name, precision in self.precisions.items() if precision.codes is not None}
            gains = {} if alpha is None else find_gains(self.graph, self.fit, alpha, coded)
            self._variants[alpha] = Variant(self.graph, gains, self.precisions, self.fit, self.places, self.streams)
        return self._variants[alpha]

    def _errors(self, model: IntegerModel) -> FloatArray:
        """Return the squared error of every frame that judges, as ``_squares`` does."""
        return self._squares(model, Golden(model).outputs(self._codes(model)))

    def _codes(self, model: IntegerModel) -> dict[str, Int64Array]:
        """Return the codes of the inputs of the frames that judge, by name."""
        pairs = zip(model.inputs, model.input_types, strict=True)
        return {port.name: quant.quantize(self.judge[port.name]) for port, quant in pairs}

    def _squares(self, model: IntegerModel, found: Mapping[str, Int64Array]) -> FloatArray:
        """Return the squared error of every frame of ``found``: of several outputs the sum, relative to their ranges.

        So what holds for the error of a model holds for each of its outputs.
        """
        errors: FloatArray = np.zeros(len(next(iter(found.values()))))
        for port in model.outputs:
            off = np.square(model.real(port.name, found[port.name]) - self.judge[port.name])
            share = (self.peak / self._peak(port.name)) ** 2
            errors = errors + share * off.reshape(len(errors), -1).mean(axis=1)
        return errors
