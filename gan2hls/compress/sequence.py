"""Fit and reconstruct the layers of a graph one after the other, each on what those before it make."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gan2hls.calibrate import Float32Array
from gan2hls.compress.forward import run_layer
from gan2hls.compress.reconstruct import LayerProblem
from gan2hls.compress.sensitivity import Sensitivity
from gan2hls.compress.statistics import measure
from gan2hls.ir import Graph
from gan2hls.precision import Precision
from gan2hls.weights import IntWeight

#: Called with each layer's name before it is solved.
Progress = Callable[[str], None]


def reconstruct_layers(
    graph: Graph,
    streams: Mapping[str, Float32Array],
    wanted: Mapping[str, Precision],
    given: Mapping[str, IntWeight],
    sensitivity: Mapping[str, Sensitivity] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, IntWeight]:
    """Return the weights of the layers named in ``wanted``, reconstructed in that format.

    Args:
        graph: after the passes.
        streams: float values ``[N, H, W, C]`` of every tensor.
        wanted: formats by layer name.
        given: codes of other layers that are fixed already; layers in neither keep their float weights.
        sensitivity: what errors of a layer's sums matter behind it, by name; where absent, all count alike.
        progress: called before each layer is solved.
    """
    made: dict[str, IntWeight] = {}
    found = {port.name: streams[port.name] for port in graph.inputs}
    last = max((n for n, layer in enumerate(graph.layers) if layer.name in wanted), default=-1)
    changed = False
    for layer in graph.layers[: last + 1]:
        x, weight, bias = found[layer.inputs[0]], layer.weight, None
        if layer.geometry is not None and layer.weight is not None:
            codes = given.get(layer.name)
            if layer.name in wanted:
                progress(layer.name)
                float_x = streams[layer.inputs[0]]
                matters = (sensitivity or {}).get(layer.name)
                moments = measure(layer.geometry, layer.weight, float_x, x, matters and matters.places)
                problem = LayerProblem(layer.geometry, layer.weight, moments, matters and matters.coupling)
                solution = problem.solve(wanted[layer.name])
                assert solution.weight is not None
                codes, bias = solution.weight, solution.bias
                made[layer.name] = codes
            if codes is not None:
                scale = np.broadcast_to(codes.scale, (layer.geometry.out_channels,))[:, None]
                weight, changed = codes.values * scale, True
        found[layer.name] = run_layer(layer, weight, bias, x) if changed else streams[layer.name]
    return made
