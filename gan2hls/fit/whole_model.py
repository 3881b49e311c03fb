"""Fit and reconstruct the layers of a graph one after the other, each on what those before it make on every way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import final

import numpy as np

from gan2hls.fit.reconstruct import LayerProblem
from gan2hls.fit.sensitivity import Sensitivity, affordable_frames, find_sensitivity
from gan2hls.fit.statistics import measure
from gan2hls.formats import Precision
from gan2hls.model import Graph, Layer, done_with, run_layer
from gan2hls.numbers import Float32Array, FloatArray
from gan2hls.ops import IntWeight, Linear

#: Called with each layer's name before it is solved.
Progress = Callable[[str], None]


@final
class Reconstruction:
    """The reconstruction of any layers of a graph in any formats; what it has solved once it remembers."""

    def __init__(self, graph: Graph, streams: Mapping[str, Float32Array]) -> None:
        """Take a graph after the passes and the float values ``[N, H, W, C]`` of every tensor.

        What errors of each linear layer's sums matter is measured on the first frames.
        """
        self.graph, self.streams = graph, streams
        frames = affordable_frames(graph)
        few = {name: values[:frames] for name, values in streams.items()}
        self.sensitivity: Mapping[str, Sensitivity] = find_sensitivity(graph, few)
        self._before = _linear_before(graph)
        #: Codes and bias of layers, by their name and the formats or codes of all layers that they depend on.
        self._known: dict[tuple[str, tuple[Precision | IntWeight | None, ...]], tuple[IntWeight, FloatArray]] = {}

    @property
    def places(self) -> dict[str, FloatArray]:
        """How much each place of a linear layer's sums matters, by layer name."""
        return {name: matters.places for name, matters in self.sensitivity.items()}

    def solve(
        self, wanted: Mapping[str, Precision], given: Mapping[str, IntWeight], progress: Progress = lambda _: None
    ) -> dict[str, IntWeight]:
        """Return the weights of the layers named in ``wanted``, reconstructed in that format.

        Args:
            wanted: formats by layer name.
            given: codes of other layers that are fixed already; layers in neither keep their float weights.
            progress: called before each layer is solved.
        """
        made: dict[str, IntWeight] = {}
        changed: dict[str, Float32Array] = {}
        last = max((n for n, layer in enumerate(self.graph.layers) if layer.name in wanted), default=-1)
        layers = self.graph.layers[: last + 1]
        ends = done_with(layers)
        for layer in layers:
            inputs, bias = [changed.get(name, self.streams[name]) for name in layer.inputs], None
            is_changed = not changed.keys().isdisjoint(layer.inputs)
            if isinstance(layer.op, Linear):
                codes = given.get(layer.name)
                if layer.name in wanted:
                    path = layer.name, tuple(wanted.get(name, given.get(name)) for name in self._before[layer.name])
                    if path not in self._known:
                        progress(layer.name)
                        (x,) = inputs
                        self._known[path] = self._solve(layer, layer.op, x, wanted[layer.name])
                    codes, bias = self._known[path]
                    made[layer.name] = codes
                if codes is not None:
                    scale = np.broadcast_to(codes.scale, (layer.op.geometry.out_channels,))[:, None]
                    layer, is_changed = replace(layer, op=replace(layer.op, weight=codes.values * scale)), True
            if is_changed:
                changed[layer.name] = run_layer(layer, inputs, bias)
            for name in ends[layer.name]:
                changed.pop(name, None)
        return made

    def _solve(self, layer: Layer, op: Linear, x: Float32Array, precision: Precision) -> tuple[IntWeight, FloatArray]:
        """Return codes and bias of one layer that reads ``x``."""
        (source,) = layer.inputs
        matters = self.sensitivity[layer.name]
        moments = measure(op.geometry, op.weight, self.streams[source], x, matters.places)
        solution = LayerProblem(op.geometry, op.weight, moments, matters.coupling).solve(precision)
        assert solution.weight is not None
        return solution.weight, solution.bias


def _linear_before(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return by layer the linear layers on all ways that lead to its output, in order, itself included if it is one."""
    order = {layer.name: n for n, layer in enumerate(graph.layers)}
    before: dict[str, tuple[str, ...]] = {}
    for layer in graph.layers:
        own = {layer.name} if isinstance(layer.op, Linear) else set()
        names = own.union(*(before.get(name, ()) for name in layer.inputs))
        before[layer.name] = tuple(sorted(names, key=order.__getitem__))
    return before
