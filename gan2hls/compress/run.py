"""The road of ``gan2hls compress``: read, choose, fit and reconstruct layer by layer, write, check, measure."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt
import onnx

from gan2hls import frontend, passes
from gan2hls.base import Gan2HlsError, ModelError, OutputError, check_output_file, one_thread
from gan2hls.codecs import CODECS
from gan2hls.compress.onnx_writer import Codes, Written, as_read, holds, real_values, write_layers
from gan2hls.compress.prune import Mask, prune_mask
from gan2hls.compress.recipe import Recipe, Rule, assign_rules, load_recipe
from gan2hls.compress.report import Compressed, describe
from gan2hls.compress.weight_origin import Traced, trace
from gan2hls.config import CalibrationConfig, EvaluationConfig
from gan2hls.detect import find_structure
from gan2hls.fit import LayerProblem, Sensitivity, Solution, affordable_frames, find_sensitivity, fit_alone, measure
from gan2hls.frontend import Loaded, assemble, needs_mending, read_model
from gan2hls.model import Graph, Layer, Port, linear_layers
from gan2hls.ops import Linear
from gan2hls.passes import detect, drop_dead_channels, fold_forward, sum_taps
from gan2hls.quantize import FloatModel, Source, alike, draw, frame_limit, probes
from gan2hls.report import psnr_db

_log = logging.getLogger(__name__)


Notify = Callable[[str, str], None]
Inputs = Mapping[str, npt.NDArray[np.generic]]
#: Passes that would change a layer's weights, which are to be those of the file.
_REWRITE_WEIGHTS = (drop_dead_channels, detect, fold_forward, sum_taps)


def compress(
    model: Path,
    recipe: Recipe | Path,
    output: Path,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    notify: Notify | None = None,
) -> Compressed:
    """Write ``model`` with compressed weights to ``output`` and return what became of it.

    Args:
        model: an ONNX file.
        recipe: what the weights of which layers become, or its YAML file.
        output: the ONNX file to write, whole or not at all.
        input_shapes: shapes for dynamic inputs, by ONNX name.
        notify: called with ``(stage, detail)`` as work goes on.

    Raises:
        ModelError: the model is broken.
        UnsupportedError: something in it cannot be built.
        ConfigError: the recipe is not legal, or does not fit the model.
        OutputError: ``output`` is the model itself, or cannot be written.
    """
    model, output, notify = Path(model), Path(output), notify or (lambda *_: None)
    check_output_file(output, model)
    if isinstance(recipe, Path):
        recipe = load_recipe(recipe)
    notify("read", model.name)
    with one_thread():
        run = _Run(frontend.load(model, input_shapes=input_shapes), model, recipe, notify)
        written = run.solve()
    return run.finish(output, written)


@final
class _Run:
    """One compression: the float model, and the layers that are done.

    Attributes:
        graph: of layers without weights.
        weights: of the layers that are not done, by name.
    """

    def __init__(self, loaded: Loaded, path: Path, recipe: Recipe, notify: Notify) -> None:
        self.model, self.sha256, self.path = loaded.onnx_model, loaded.sha256, path
        self.recipe, self.notify = recipe, notify
        graph, origins = passes.run_traced(loaded.graph, _REWRITE_WEIGHTS)
        self.traced = trace(loaded, graph, origins)
        self.graph = replace(graph, layers=tuple(_without_weights(layer) for layer in graph.layers))
        self.layers = {layer.name: layer for layer in self.graph.layers if layer.name in self.traced}
        self.rules = assign_rules(self.layers, recipe)
        self.is_written_normalized = self._needs_normalizing()
        self.inputs = _draw(self.graph, recipe.calibration, recipe.calibration)
        self.sqnr_db: dict[str, float] = {}
        self.sensitivity = self._sensitivities(graph)
        self.weights = {layer.name: op.weight for layer, op in linear_layers(graph) if layer.name in self.rules}

    def _needs_normalizing(self) -> bool:
        """Whether the weights have no place of their own in the file, only in the normalized model; warns then."""
        original = self._original()
        if needs_mending(original):
            _log.warning("the file is unsorted, or not of float32: the written model is the normalized one, of batch 1")
        elif not all(holds(original, self.traced[name]) for name in self.rules):
            _log.warning("layers lie in functions or MatMulNBits: the written model is the normalized one, of batch 1")
        else:
            return False
        return True

    def _original(self) -> onnx.ModelProto:
        """Read the file once more: it does not stand in memory while layers are compressed."""
        original, sha256 = read_model(self.path)
        if sha256 != self.sha256:
            raise ModelError("changed while it was compressed", where=str(self.path), hint="start again")
        return original

    def _sensitivities(self, graph: Graph) -> dict[str, Sensitivity]:
        """Return what every layer's sums matter, on as many frames as are affordable."""
        if all(rule.reconstruct == "none" for rule in self.rules.values()):
            return {}
        self.notify("compress", "sensitivities")
        frames = affordable_frames(graph)
        few = {name: values[:frames] for name, values in self.inputs.items()}
        streams: dict[str, npt.NDArray[np.float32]] = FloatModel(self.model, probes(graph)).run(few)
        for port in graph.inputs:
            streams[port.name] = port.to_stream(few[port.onnx_name]).astype(np.float32)
        return find_sensitivity(graph, streams)

    def solve(self) -> dict[str, tuple[Traced, Written]]:
        """Compress layer after layer; each sees what those before it really make."""
        done: dict[str, tuple[Traced, Written]] = {}
        for n, (name, rule) in enumerate(self.rules.items()):
            self.notify("compress", f"{name} ({n + 1} of {len(self.rules)})")
            done[name] = self.traced[name], self._compress(name, rule, done)
        return done

    def _compress(self, name: str, rule: Rule, done: Mapping[str, tuple[Traced, Written]]) -> Written:
        solution = self._solve(self.layers[name], rule, done)
        if _is_zero(solution):
            _log.warning("%s: all of its weights become 0", name)
        self.sqnr_db[name] = solution.sqnr_db
        _log.info("%s: SQNR %.1f dB", name, solution.sqnr_db)
        codes = None if solution.weight is None else Codes.of(solution.weight)
        return Written(codes, solution.floats, solution.bias.astype(np.float32).astype(np.float64))

    def _solve(self, layer: Layer, rule: Rule, done: Mapping[str, tuple[Traced, Written]]) -> Solution:
        assert isinstance(layer.op, Linear), layer.name
        geometry, weight = layer.op.geometry, self.weights.pop(layer.name)
        keep = None if rule.prune is None else prune_mask(weight, rule.prune)
        (source,) = layer.inputs
        wanted = found = self._stream(source, {})
        if done:
            found = self._stream(source, done)
        died = _died(wanted, found, geometry.in_channels)
        if died.any() and rule.reconstruct != "none" and geometry.groups == 1 and _can_be_zero(rule):
            keep = (np.ones(weight.shape, bool) if keep is None else keep) & ~died
        matters = self.sensitivity.pop(layer.name, None)
        places, coupling = (None, None) if matters is None else (matters.places, matters.coupling)
        if rule.reconstruct == "full":
            moments = measure(geometry, weight, wanted, found, places)
            solve = partial(LayerProblem(geometry, weight, moments, coupling).solve, rule.weight, keep=keep)
        else:
            correct = rule.reconstruct == "bias"
            fit = partial(fit_alone, geometry, weight, wanted, found, rule.weight, keep=keep)
            solve = partial(fit, correct_bias=correct, sensitivity=places)
        solution = solve(options=rule.fit)
        recognized = _recognized(self.traced[layer.name], solution)
        if not recognized and rule.fit.scale == "channel":
            _log.warning("%s: too few weights a channel to recognize a scale each; one for the tensor", layer.name)
            solution = solve(options=replace(rule.fit, scale="tensor"))
            recognized = _recognized(self.traced[layer.name], solution)
        if not recognized:
            _log.warning("%s: a build will not recognize %s in its values", layer.name, rule.weight)
        return solution

    def _stream(self, name: str, done: Mapping[str, tuple[Traced, Written]]) -> npt.NDArray[np.float32]:
        """Return what the layers that read ``name`` read behind the compressed layers ``done``, ``[N, H, W, C]``."""
        for port in self.graph.inputs:
            if port.name == name:
                return port.to_stream(self.inputs[port.onnx_name]).astype(np.float32)
        layer = next(layer for layer in self.graph.layers if layer.name == name)
        probe = Port(name, layer.probe.onnx_name, layer.probe.onnx_shape, layer.shape, layer.probe.order)
        part = _upto(self.model, probe.onnx_name)
        before = {name: layer for name, layer in done.items() if holds(part, layer[0])}
        if before:
            part = write_layers(part, self.model, before)
        return FloatModel(part, [probe]).run(self.inputs)[name]

    def finish(self, output: Path, done: Mapping[str, tuple[Traced, Written]]) -> Compressed:
        """Write the file, after it has been read back and has run."""
        self.notify("check", output.name)
        original = self.model if self.is_written_normalized else self._original()
        content = write_layers(original, self.model, done)
        del original
        try:
            with tempfile.TemporaryDirectory(prefix=".gan2hls-", dir=output.parent) as folder:
                path = Path(folder) / output.name
                path.write_bytes(content.SerializeToString())
                del content
                facts = self._check(path, done)
                facts = replace(facts, bytes_before=self.path.stat().st_size, bytes_after=path.stat().st_size)
                os.replace(path, output)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror or error}", where=str(output)) from error
        return facts

    def _check(self, path: Path, done: Mapping[str, tuple[Traced, Written]]) -> Compressed:
        """Read the file at ``path`` back: its weights must be what was asked for, and it must run."""
        _check_onnx(path)
        shapes = {port.onnx_name: port.onnx_shape for port in self.graph.inputs}
        try:
            loaded = frontend.load(path, input_shapes=shapes)
        except Gan2HlsError as error:
            raise AssertionError(f"the written model cannot be read: {error}") from error
        read, _ = passes.run_traced(loaded.graph, _REWRITE_WEIGHTS)
        found = {layer.name: layer for layer in read.layers}
        for name, (traced, written) in done.items():
            op = found[name].op
            assert isinstance(op, Linear) and np.array_equal(op.weight, as_read(traced, written)), f"{name} is wrong"
        rows = tuple(describe(self.layers[name], self.rules[name], self.sqnr_db[name], found[name]) for name in done)
        written_model = loaded.onnx_model
        del loaded, read, found
        evaluation = _draw(self.graph, self.recipe.evaluation, self.recipe.calibration)
        before, after = (FloatModel(model, self.graph.outputs).run(evaluation) for model in (self.model, written_model))
        least = min(_output_psnr(before[port.name], after[port.name]) for port in self.graph.outputs)
        return Compressed(rows, least, len(next(iter(evaluation.values()))))


def _check_onnx(path: Path) -> None:
    """Run onnx's checker on the file; a shape that the original leaves out may stay out."""
    model = onnx.load(path)
    for info in (*model.graph.input, *model.graph.output):
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(model)


def _output_psnr(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    """Return the PSNR of an output against what it was, whose range is the peak."""
    peak = float(before.max() - before.min()) or 1.0
    return psnr_db(before.astype(np.float64), after.astype(np.float64), peak)


def _draw(graph: Graph, part: CalibrationConfig | EvaluationConfig, drawn: CalibrationConfig) -> Inputs:
    """Return the inputs of ``part``, of the distribution that ``drawn`` names, as many as are affordable."""
    normal = drawn.distribution == "normal"
    source = Source(
        data=part.data or drawn.data,
        distribution=drawn.distribution,
        first=drawn.mean if normal else drawn.low,
        second=drawn.std if normal else drawn.high,
        samples=part.samples,
        seed=part.seed,
    )
    inputs = draw(graph.inputs, source)
    if problem := alike(inputs):
        _log.warning(
            "%s: %s: weights are fitted to them, other inputs may look worse", source.data or "inputs", problem
        )
    frames = frame_limit(graph, len(next(iter(inputs.values()))))
    return {name: values[:frames] for name, values in inputs.items()}


def _died(wanted: npt.NDArray[np.float32], found: npt.NDArray[np.float32], channels: int) -> Mask:
    """Return the input channels that vary in the float model and no longer do."""
    first, second = (x.reshape(-1, channels) for x in (wanted, found))
    died: Mask = (np.ptp(first, axis=0) > 0) & (np.ptp(second, axis=0) == 0)
    return died


def _without_weights(layer: Layer) -> Layer:
    """Return ``layer`` with zeros in the place of its weights, which take no memory."""
    if not isinstance(layer.op, Linear):
        return layer
    return replace(layer, op=replace(layer.op, weight=np.broadcast_to(np.float64(0), layer.op.weight.shape)))


def _recognized(traced: Traced, solution: Solution) -> bool:
    """Whether a build will find the codes of ``solution`` in the file's values, in no more bits."""
    if solution.weight is None or _is_zero(solution):
        return True
    found = find_structure(real_values(traced, solution.weight))
    if found is None:
        return False
    stored = [CODECS[w.codec].bits(w, w.values.size) for w in (found.weight, solution.weight)]
    return stored[0].codes <= stored[1].codes


def _is_zero(solution: Solution) -> bool:
    return not (solution.values if solution.weight is None else solution.weight.values).any()


def _can_be_zero(rule: Rule) -> bool:
    return rule.weight is None or rule.weight.kind != "binary"


def _upto(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return the part of ``model`` that makes the tensor ``name``, its only output."""
    needed, kept = {name}, []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    graph = onnx.helper.make_graph(
        kept[::-1],
        "part",
        [info for info in model.graph.input if info.name in needed],
        [onnx.helper.make_empty_tensor_value_info(name)],
    )
    tensors = (tensor for tensor in model.graph.initializer if tensor.name in needed)
    return assemble(graph, tensors, model.opset_import, model.ir_version)
