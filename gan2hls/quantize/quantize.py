"""Post-training quantization of a whole model: settle the weights, measure ranges, lower, keep the best output."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls.auto import Assignment, Choice, Goal, Search, Usage, most_weight_bits, weight_bits
from gan2hls.fit import LayerPrecision, LayerProblem, RangeRule, Reconstruction, fit_weight
from gan2hls.fit import measure as moments_of
from gan2hls.formats import Precision
from gan2hls.model import Graph, IntegerModel, Layer, linear_layers
from gan2hls.numbers import Float32Array, Int64Array
from gan2hls.ops import IntWeight, Linear
from gan2hls.quantize.cost_bound import CostBound
from gan2hls.quantize.domains import within_domains
from gan2hls.quantize.float_runs import FloatModel, check_finite, frame_limit, probes
from gan2hls.quantize.lower import lower_layer
from gan2hls.quantize.range_search import CANDIDATES, Candidate, RangeSearch, Trial, fitted_frames, least_judged
from gan2hls.quantize.what_stops import what_stops
from gan2hls.quantize.widen import Sizing, widen
from gan2hls.quantize.widening import Widening, choices, psnr_of

#: Codes of at most so many bits are reconstructed unless the config says otherwise.
_FEW_BITS = 7
#: Those of more bits than this only where the output is better for it: channels of rounded weights can be equalized.
_FEWEST_BITS = 5

#: What the frames that judge must have more than the goal, so that others have it too; beside a standard error.
MARGIN_DB = 0.3

_log = logging.getLogger(__name__)

Progress = Callable[[str], None]
Fits = Callable[[IntegerModel], bool]
Streams = Mapping[str, Float32Array]
Precisions = Mapping[str, LayerPrecision]
#: Real inputs by ONNX name, ``[N, *onnx_shape[1:]]``.
Inputs = Mapping[str, npt.NDArray[np.generic]]


@final
@dataclass(frozen=True, eq=False)
class Quantized:
    """The integer model, and how formats were chosen.

    Attributes:
        model: the integer model.
        assignment: of the weights; None where the config says them all.
        widening: of the activations; None where the config says them all.
        psnr_db: of the output before activations got more bits, on calibration frames that nothing was fitted to.
    """

    model: IntegerModel
    psnr_db: float
    assignment: Assignment | None = None
    widening: Widening | None = None


def quantize(
    graph: Graph,
    model: onnx.ModelProto,
    inputs: Inputs,
    precisions: Precisions,
    rule: RangeRule | None,
    *,
    goal: Goal | None = None,
    activation_goal_db: float = 0.0,
    reconstruct: bool | None = None,
    sizing: Sizing | None = None,
    fits: Fits = lambda _: True,
    activation_bound: CostBound | None = None,
    fitting: Inputs | None = None,
    progress: Progress = lambda _: None,
) -> Quantized:
    """Lower ``graph`` with ranges measured on ``inputs`` (by ONNX name, ``[N, *onnx_shape[1:]]``).

    Every range rule is tried (or the one that ``rule`` names), then several equalizations of channels; what gives the
    least squared error of the output is kept.  Biases are corrected in every case.

    Args:
        graph: after the passes.
        model: the plain ONNX model.
        inputs: for calibration.
        precisions: by tensor; a linear layer with neither a format nor codes is left to ``goal``.
        rule: of ranges, or None.
        goal: of the layers that are left open.
        activation_goal_db: PSNR of the output for which activations that nothing fixes get more bits.
        reconstruct: whether weights are reconstructed; None: those whose codes have few bits.
        sizing: of layers at one folding, for ``goal``; None: they take nothing.
        fits: whether the design of a model fits its target, for a ``goal`` of that.
        activation_bound: of what more bits for activations may take; None: anything.
        fitting: ``inputs`` and more of them, on which weights are reconstructed, but for those that judge; None:
            ``inputs``.
        progress: told what long work is at.

    Raises:
        ConfigError: ``goal`` cannot be reached.
    """
    streams = measure(graph, model, inputs)
    graph = within_domains(graph, streams)
    candidates = tuple(c for c in CANDIDATES if rule in (None, c.rule))
    linear = [layer for layer, _ in linear_layers(graph)]
    free = [layer.name for layer in linear if precisions[layer.name].is_open]
    formats = {layer.name: p for layer in linear if (p := precisions[layer.name].weight) is not None}
    fixed = {layer.name: c for layer in linear if (c := precisions[layer.name].codes) is not None}
    possible = (*formats.values(), *(goal.formats if free and goal is not None else ()))
    reconstruction = None
    if any(few_bits(precision, reconstruct) for precision in possible):
        progress("what errors matter")
        unseen = _without_judges(inputs if fitting is None else fitting, len(streams[graph.inputs[0].name]))
        reconstruction = Reconstruction(graph, measure(graph, model, unseen))
    assignment: Assignment | None = None
    codes: Mapping[str, IntWeight] = {}
    if free:
        assert goal is not None, "layers are open only where auto was asked for"
        tools = _Tools(
            graph, streams, precisions, goal, candidates, reconstruct, reconstruction, sizing, fits, progress
        )
        assignment, codes = Search(graph, precisions, free, goal, tools).run()
        formats |= {
            choice.layer: Precision.parse(choice.precision) for choice in assignment.layers if not choice.pinned
        }
    few = {name for name, precision in formats.items() if few_bits(precision, reconstruct)}
    if few and not free:
        weights = {layer.name: op.weight for layer, op in linear_layers(graph)}
        wide = {name: fit_weight(weights[name], formats[name]) for name in formats.keys() - few}
        codes = _settle(reconstruction, formats, {**fixed, **wide}, progress)
    progress("ranges and equalization")
    places = reconstruction.places if few and reconstruction is not None else {}
    settled = _settled(precisions, formats, {name: codes[name] for name in few})
    search = RangeSearch(graph, streams, settled, places)
    best = search.run(candidates)
    fewest = {name for name in few if _is_settled(formats[name], reconstruct)}
    if few > fewest:
        settled = _settled(precisions, formats, {name: codes[name] for name in fewest})
        other = RangeSearch(graph, streams, settled, places)
        rounded = other.run(candidates)
        if rounded.error < best.error:
            _log.info("codes of more than %s bits are better rounded than reconstructed", _FEWEST_BITS)
            search, best = other, rounded
    if assignment is not None and goal is not None and goal.psnr_min_db is not None:
        activation_goal_db = activation_goal_beside(goal.psnr_min_db, activation_goal_db)
    judges = None
    if fitting is not None and reconstruction is None:
        judges = partial(_unseen, graph, model, fitting, frames=len(streams[graph.inputs[0].name]))
    wider, widening = _widen(search, best, activation_goal_db, formats, sizing, activation_bound, judges, progress)
    return Quantized(wider.model, psnr_of(search, best.error), assignment, widening)


def activation_goal_beside(weight_goal_db: float, goal_db: float) -> float:
    """Return what activations go for where weights have as few bits as ``weight_goal_db`` needs: no more than that."""
    return max(0.0, min(weight_goal_db - MARGIN_DB, goal_db))


def _widen(
    search: RangeSearch,
    best: Trial,
    goal_db: float,
    formats: Mapping[str, Precision],
    sizing: Sizing | None,
    bound: CostBound | None,
    judges: Callable[[int], Streams | None] | None,
    progress: Progress,
) -> tuple[Trial, Widening | None]:
    """Return ``best`` with more bits where activations need them, and how these were chosen; None: all are fixed.

    The output stays as it is: its own rounding is mostly far below what layers lose.  ``judges`` makes frames to
    judge on, as many as it is told; without them, those that judged ``best`` do so again.
    """
    graph = search.graph
    names = [name for name in choices(graph) if search.precisions[name].may_widen and name not in graph.pinned]
    if not names:
        return best, None
    enough_db = psnr_of(search, best.held_error)
    if enough_db >= goal_db + MARGIN_DB:
        return best, Widening(goal_db + MARGIN_DB, enough_db, enough_db, None, ())
    judge = None if judges is None else judges(len(search.judge[graph.outputs[0].name]))
    if judge is not None:
        progress("8 bits on frames unseen")
        search = search.judged_on(judge)
        best = search.measure(best.alpha, best.candidate)
    wider, widening = widen(search, best, names, goal_db + MARGIN_DB, sizing, bound, progress)
    if not widening.reached:
        progress("what stops activations")
        _log.warning("%s", what_stops(search, wider, widening, formats))
    return wider, widening


def _unseen(graph: Graph, model: onnx.ModelProto, inputs: Inputs, count: int, *, frames: int) -> Streams | None:
    """Return streams of the inputs and outputs for up to ``count`` of ``inputs`` behind the first ``frames``.

    None: there are too few.
    """
    inputs = {name: values[frames : frames + count] for name, values in inputs.items()}
    if len(next(iter(inputs.values()))) < min(count, least_judged(graph)):
        return None
    outputs = {port.name for port in graph.outputs}
    return _run(graph, FloatModel(model, [port for port in probes(graph) if port.name in outputs]), inputs)


def _settled(
    precisions: Precisions, formats: Mapping[str, Precision], codes: Mapping[str, IntWeight]
) -> dict[str, LayerPrecision]:
    """Return ``precisions`` with the ``codes`` of some layers and the ``formats`` of others."""
    settled = dict(precisions)
    for name, precision in formats.items():
        if name in codes:
            settled[name] = replace(precisions[name], weight=None, codes=codes[name])
        else:
            settled[name] = replace(precisions[name], weight=precision)
    return settled


def _without_judges(inputs: Inputs, frames: int) -> Inputs:
    """Return ``inputs`` but for those of the first ``frames`` that judge, so that no weight is fitted to them."""
    kept = fitted_frames(frames)
    return {name: np.concatenate([values[:kept], values[frames:]]) for name, values in inputs.items()}


def _settle(
    reconstruction: Reconstruction | None,
    formats: Mapping[str, Precision],
    given: Mapping[str, IntWeight],
    progress: Progress,
) -> dict[str, IntWeight]:
    """Return the codes of layers in ``formats`` that are not ``given``, reconstructed on what others make of them."""
    made = {name: codes for name, codes in given.items() if name in formats}
    wanted = {name: precision for name, precision in formats.items() if name not in given}
    if wanted:
        assert reconstruction is not None, "layers of few bits have a reconstruction"
        made |= reconstruction.solve(
            wanted, given, lambda name: progress(f"{name} as {wanted[name]}, after those before it")
        )
    return made


def few_bits(precision: Precision, reconstruct: bool | None) -> bool:
    """Whether weights of ``precision`` are reconstructed when the config says ``reconstruct``."""
    return precision.code_bits <= _FEW_BITS if reconstruct is None else reconstruct


def _is_settled(precision: Precision, reconstruct: bool | None) -> bool:
    """Whether weights of ``precision`` keep the codes that reconstruction finds."""
    return few_bits(precision, reconstruct) and (reconstruct is not None or precision.code_bits <= _FEWEST_BITS)


@final
class _Tools:
    """What the search for an assignment measures with: fits, sequences of fits, and the golden model."""

    def __init__(
        self,
        graph: Graph,
        streams: Streams,
        precisions: Precisions,
        goal: Goal,
        candidates: Sequence[Candidate],
        reconstruct: bool | None,
        reconstruction: Reconstruction | None,
        sizing: Sizing | None,
        fits: Fits,
        progress: Progress,
    ) -> None:
        self.graph, self.streams = graph, streams
        self._goal, self._model_fits = goal, fits
        self.reconstruct, self._progress, self._reconstruction = reconstruct, progress, reconstruction
        linear = [layer for layer, _ in linear_layers(graph)]
        self._layers = {layer.name: layer for layer in linear}
        self._pinned = {layer.name: p for layer in linear if (p := precisions[layer.name].weight) is not None}
        self._fixed = {name: p.codes for name, p in precisions.items() if p.codes is not None}
        self._places = {} if reconstruction is None else reconstruction.places
        self._problems: dict[str, LayerProblem] = {}
        self._plain: dict[tuple[str, Precision], IntWeight] = {}
        widest = max(goal.candidates, key=lambda precision: precision.code_bits)
        closed = {name: replace(p, weight=widest) if p.is_open else p for name, p in precisions.items()}
        for name, precision in self._pinned.items():
            progress(f"{name} as {precision}, pinned")
            closed[name] = replace(closed[name], weight=None, codes=self.fit(self._layers[name], precision))
        self._judge = RangeSearch(graph, streams, closed, self._places)
        progress("ranges")
        self._candidate = self._judge.best_range(candidates)
        self._reference = self._judge.model_with({}, self._candidate)
        self._sizes = None if sizing is None else sizing(self._reference)

    @property
    def peak(self) -> float:
        """Range of the float output on the frames that judge."""
        return self._judge.peak

    def progress(self, detail: str) -> None:
        """Say what long work is at."""
        self._progress(detail)

    def fit(self, layer: Layer, precision: Precision) -> IntWeight:
        """Return a layer's codes, those of few bits reconstructed on float inputs."""
        assert isinstance(layer.op, Linear), layer.name
        if not few_bits(precision, self.reconstruct):
            key = layer.name, precision
            if key not in self._plain:
                self._plain[key] = fit_weight(layer.op.weight, precision)
            return self._plain[key]
        if layer.name not in self._problems:
            (source,) = layer.inputs
            x = self.streams[source]
            moments = moments_of(layer.op.geometry, layer.op.weight, x, x, self._places[layer.name])
            self._problems[layer.name] = LayerProblem(layer.op.geometry, layer.op.weight, moments)
        weight = self._problems[layer.name].solve(precision, effort="quick").weight
        assert weight is not None
        return weight

    def usage(self, layer: Layer, weight: IntWeight) -> Usage:
        """Return what a layer takes with ``weight``, all else being as in the reference."""
        precision = Precision.parse(weight.precision)
        settled = _is_settled(precision, self.reconstruct)
        bits = weight_bits(weight) if settled else most_weight_bits(weight, precision)
        if self._sizes is None:
            return Usage(bits)
        input_types = [self._reference.type_of(name) for name in layer.inputs]
        output_type, pinned = self._reference.type_of(layer.name), layer.name in self.graph.pinned
        dsp, lut, _ = self._sizes(lower_layer(layer, input_types, weight, output_type, pinned=pinned))
        return Usage(bits, dsp, lut)

    def sequence(self, choice: Choice) -> dict[str, IntWeight]:
        """Return the codes of all layers that have a format, those of few bits reconstructed behind the others."""
        formats = {**self._pinned, **choice}
        plain = {
            name: self.fit(self._layers[name], precision)
            for name, precision in formats.items()
            if not few_bits(precision, self.reconstruct)
        }
        return _settle(self._reconstruction, formats, {**self._fixed, **plain}, self._progress)

    def measure(self, codes: Mapping[str, IntWeight]) -> float:
        """Return the mean squared error of the golden model's output with ``codes`` in it."""
        return self._judge.error_with(codes, self._candidate)

    def fits(self, codes: Mapping[str, IntWeight]) -> bool:
        """Whether the design with ``codes`` in it fits its target; true where the goal does not ask."""
        return not self._goal.fit or self._model_fits(self._judge.model_with(codes, self._candidate))


def measure(graph: Graph, model: onnx.ModelProto, inputs: Inputs) -> dict[str, Float32Array]:
    """Run the float model on as many ``inputs`` as are affordable; return every tensor's stream, inputs included.

    Raises:
        UnsupportedError: a function that is not finite over the range that occurs.
        ModelError: something else makes NaN or infinite values.
    """
    frames = frame_limit(graph, len(next(iter(inputs.values()))))
    inputs = {name: values[:frames] for name, values in inputs.items()}
    streams = _run(graph, FloatModel(model, probes(graph)), inputs, check=False)
    for port in probes(graph):
        if not np.isfinite(streams[port.name]).all():
            within_domains(graph, streams)  # which says more
            check_finite(port, streams[port.name])
    return streams


def _run(graph: Graph, model: FloatModel, inputs: Inputs, *, check: bool = True) -> dict[str, Float32Array]:
    """Return the streams that ``model`` makes, and those of its inputs; ``check`` that they are finite."""
    streams: dict[str, Float32Array] = model.run(inputs, check=check)
    for port in graph.inputs:
        streams[port.name] = port.to_stream(inputs[port.onnx_name]).astype(np.float32)
    return streams


def quantize_inputs(model: IntegerModel, inputs: Inputs) -> dict[str, Int64Array]:
    """Return input codes ``[N, H, W, C]`` by input name of real inputs by ONNX name."""
    return {
        port.name: quant.quantize(port.to_stream(inputs[port.onnx_name]))
        for port, quant in zip(model.inputs, model.input_types, strict=True)
    }
