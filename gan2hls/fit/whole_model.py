"""Fit and reconstruct the layers of a graph one after the other, each on what those before it make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import final

import numpy as np

from gan2hls.fit.reconstruct import LayerProblem
from gan2hls.fit.sensitivity import Sensitivity, affordable_frames, find_sensitivity
from gan2hls.fit.statistics import measure
from gan2hls.formats import Precision
from gan2hls.model import Graph, Layer, run_layer
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
        #: Codes and bias of layers, by the formats or codes of all layers up to them.
        self._known: dict[tuple[Precision | IntWeight | None, ...], tuple[IntWeight, FloatArray]] = {}

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
        found = {port.name: self.streams[port.name] for port in self.graph.inputs}
        last = max((n for n, layer in enumerate(self.graph.layers) if layer.name in wanted), default=-1)
        changed = False
        path: list[Precision | IntWeight | None] = []
        for layer in self.graph.layers[: last + 1]:
            inputs, bias = [found[name] for name in layer.inputs], None
            if isinstance(layer.op, Linear):
                codes = given.get(layer.name)
                path.append(wanted.get(layer.name, codes))
                if layer.name in wanted:
                    if tuple(path) not in self._known:
                        progress(layer.name)
                        self._known[tuple(path)] = self._solve(layer, layer.op, inputs[0], wanted[layer.name])
                    codes, bias = self._known[tuple(path)]
                    made[layer.name] = codes
                if codes is not None:
                    scale = np.broadcast_to(codes.scale, (layer.op.geometry.out_channels,))[:, None]
                    layer, changed = replace(layer, op=replace(layer.op, weight=codes.values * scale)), True
            found[layer.name] = run_layer(layer, inputs, bias) if changed else self.streams[layer.name]
        return made

    def _solve(self, layer: Layer, op: Linear, x: Float32Array, precision: Precision) -> tuple[IntWeight, FloatArray]:
        """Return codes and bias of one layer that reads ``x``."""
        matters = self.sensitivity[layer.name]
        moments = measure(op.geometry, op.weight, self.streams[layer.inputs[0]], x, matters.places)
        solution = LayerProblem(op.geometry, op.weight, moments, matters.coupling).solve(precision)
        assert solution.weight is not None
        return solution.weight, solution.bias
