"""What a model holds: layers with shapes, parameters and MACs, before anything is quantized."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from gan2hls import frontend, passes
from gan2hls.base import one_thread
from gan2hls.detect import find_factorization
from gan2hls.model import Affine, Curve, Function, Graph, Layer, Leaky, Point, Port, linear_layers
from gan2hls.ops import Linear


@final
@dataclass(frozen=True)
class WeightFacts:
    """What the float weights of a layer betray.

    Attributes:
        codec: carrier of the codes that were recognized; None: plain float.
        precision: the codes' format.
        scales: different scales, 0 for plain float.
        exact: whether codes times scales are the file's weights to within float32's rounding.
        zeros: part of the weights that is 0.
        rank: numerical rank where a factorization would save weights, else None.
        factorization_saves: weights that it would save.
    """

    codec: str | None
    precision: str | None
    scales: int
    exact: bool
    zeros: float
    rank: int | None
    factorization_saves: int


@final
@dataclass(frozen=True)
class LayerFacts:
    """One layer; MACs are those of one frame, ``in_shapes`` are those of its inputs."""

    name: str
    kind: str
    source: str
    inputs: tuple[str, ...]
    in_shapes: tuple[tuple[int, int, int], ...]
    out_shape: tuple[int, int, int]
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    groups: int
    points: tuple[str, ...]
    params: int
    useful_macs: int
    padded_phase_macs: int
    zero_insertion_macs: int
    weights: WeightFacts | None
    activation: str | None


@final
@dataclass(frozen=True)
class ModelFacts:
    """A model: its ports and layers; ``removed_weights`` belonged to channels that are zero or that nobody reads."""

    name: str
    sha256: str
    params: int
    removed_weights: int
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    layers: tuple[LayerFacts, ...]

    @property
    def totals(self) -> dict[str, int]:
        """MACs of all layers, by kind of engine."""
        macs = ("useful_macs", "padded_phase_macs", "zero_insertion_macs")
        return {key: sum(getattr(layer, key) for layer in self.layers) for key in macs}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with totals."""
        return asdict(self) | {"totals": self.totals}


def inspect_model(path: Path, input_shapes: Mapping[str, tuple[int, ...]] | None = None) -> ModelFacts:
    """Read an ONNX file and return its facts.

    Raises:
        ModelError: broken.
        UnsupportedError: not buildable.
    """
    loaded = frontend.load(path, input_shapes=dict(input_shapes or {}))
    sha256, params, read = loaded.sha256, loaded.params, loaded.graph
    del loaded  # the ONNX model, which is as large as the weights
    with one_thread():
        return _model_facts(read, sha256, params)


def _model_facts(read: Graph, sha256: str, params: int) -> ModelFacts:
    graph, origins = passes.run_traced(read)
    shapes = {port.name: port.shape for port in graph.inputs} | {layer.name: layer.shape for layer in graph.layers}
    return ModelFacts(
        name=graph.name,
        sha256=sha256,
        params=params,
        removed_weights=_removed(read, graph, origins),
        inputs=_ports(graph.inputs),
        outputs=_ports(graph.outputs),
        layers=tuple(_facts(graph, layer, [shapes[name] for name in layer.inputs]) for layer in graph.layers),
    )


def _ports(ports: tuple[Port, ...]) -> tuple[dict[str, Any], ...]:
    return tuple({"name": p.name, "onnx_name": p.onnx_name, "onnx_shape": p.onnx_shape} for p in ports)


def _removed(read: Graph, graph: Graph, origins: Mapping[str, str]) -> int:
    """Return how many weights of ``read`` belong to channels that ``graph`` lacks; summed taps are no loss.

    ``origins`` are the names in ``read`` of the layers of ``graph``.
    """
    before = {layer.name: op.weight.shape for layer, op in linear_layers(read)}
    after = {origins[layer.name]: op.weight.shape for layer, op in linear_layers(graph)}
    left = {name: math.prod(shape[1:]) for name, shape in after.items()}
    return sum(shape[0] * (math.prod(shape[1:]) - left.get(name, 0)) for name, shape in before.items())


def _weight_facts(layer: Layer) -> WeightFacts | None:
    if not isinstance(layer.op, Linear):
        return None
    weight, found, factors = layer.op.weight, layer.op.structure, find_factorization(layer.op.weight)
    return WeightFacts(
        codec=found.weight.codec if found else None,
        precision=found.weight.precision if found else None,
        scales=int(np.unique(found.weight.scale).size) if found else 0,
        exact=found is not None and found.exact,
        zeros=round(float((weight == 0).mean()), 4),
        rank=factors.rank if factors else None,
        factorization_saves=factors.saved if factors else 0,
    )


def _facts(graph: Graph, layer: Layer, in_shapes: Sequence[tuple[int, int, int]]) -> LayerFacts:
    op = layer.op if isinstance(layer.op, Linear) else None
    g = None if op is None else op.geometry
    return LayerFacts(
        name=layer.name,
        kind=layer.op.kind,
        source=layer.source,
        inputs=layer.inputs,
        in_shapes=(g.in_shape,) if g else tuple(in_shapes),
        out_shape=layer.shape,
        kernel=g.kernel if g else None,
        stride=g.stride if g else None,
        groups=g.groups if g else 1,
        points=tuple(_describe(point) for point in layer.points),
        params=int(op.weight.size) if op else 0,
        useful_macs=g.useful_macs if g else 0,
        padded_phase_macs=g.padded_phase_macs if g else 0,
        zero_insertion_macs=g.zero_insertion_macs if g else 0,
        weights=_weight_facts(layer),
        activation=str(graph.pinned[layer.name].int_type) if layer.name in graph.pinned else None,
    )


def _describe(point: Point) -> str:
    match point:
        case Curve() | Function():
            return point.name
        case Leaky():
            return "leaky" if point.slope.any() else "relu"
        case Affine():
            return "affine" if (point.scale != 1).any() else "bias"
        case _:
            return "clip"
