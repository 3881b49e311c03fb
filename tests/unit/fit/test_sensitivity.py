"""Gradients of graphs against finite differences, and what errors matter behind forks and joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from gan2hls.fit import sensitivity
from gan2hls.fit.sensitivity import _slopes, find_sensitivity, gradients
from gan2hls.kinds.add import Add
from gan2hls.kinds.extremum import Extremum
from gan2hls.kinds.mul import Mul
from gan2hls.kinds.pool import Pool
from gan2hls.model import Affine, Graph, linear_layers
from gan2hls.ops import Operation, Shape
from tests.graph_models import NETS, Net, random_net, run_graph, run_onnx

#: Of the sums of a layer, to both sides.
_STEP = 0.02


def smooth(name: str | int) -> tuple[Net, Graph]:
    """A net, or a random one of that seed, without kinks: finite differences see its slopes exactly as ``_slopes``."""
    net, outputs = random_net(name) if isinstance(name, int) else NETS[name]()
    graph = net.graph(*outputs)
    layers = tuple(
        replace(
            layer,
            points=tuple(p for p in layer.points if isinstance(p, Affine)),
            op=Add() if isinstance(layer.op, Extremum) else layer.op,
        )
        for layer in graph.layers
    )
    return net, replace(graph, layers=layers)


def shifted(graph: Graph, name: str, by: np.ndarray, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Streams with ``by`` added to what the points of a layer act on, ``[H, W, C]`` flat over pixels of a frame."""
    streams = {port.name: inputs[port.name].astype(np.float64) for port in graph.inputs}
    for layer in graph.layers:
        sums = layer.op.evaluate([streams[one].astype(np.float32) for one in layer.inputs]).astype(np.float64)
        values = sums.reshape(-1, *layer.shape) + (by if layer.name == name else 0.0)
        for point in layer.points:
            values = point(values)
        streams[layer.name] = values
    return streams


@pytest.mark.parametrize("name", [*NETS, *range(6)])
def test_gradients_add_up_over_readers_and_go_to_every_input(name: str | int) -> None:
    net, graph = smooth(name)
    rng = np.random.default_rng(0)
    inputs = {port.name: port.to_stream(net.frames(1)[port.onnx_name]) for port in graph.inputs}
    streams = run_graph(graph, inputs)
    slopes = {layer.name: _slopes(layer, [streams[one] for one in layer.inputs]) for layer in graph.layers}
    weights = {port.name: rng.normal(size=(1, *port.shape)).astype(np.float32) for port in graph.outputs}
    found = {layer.name: gradient for layer, gradient in gradients(graph, streams, slopes, weights)}
    assert list(found) == [layer.name for layer in reversed(graph.layers)]

    def total(values: Mapping[str, np.ndarray]) -> float:
        return sum(float((weights[port.name] * values[port.name]).sum()) for port in graph.outputs)

    for layer in graph.layers:
        way = rng.normal(size=layer.shape)
        ends = [total(shifted(graph, layer.name, sign * _STEP * way, inputs)) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * _STEP)
        assert slope == pytest.approx(float((found[layer.name] * way).sum()), rel=2e-3, abs=2e-3), layer


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (Extremum(greater=True), [(3, 4, 2), (3, 4, 2)]),
        (Extremum(greater=False, spread="vector"), [(3, 4, 2), (1, 1, 2)]),
        (Mul("plane"), [(3, 4, 2), (3, 4, 1)]),
        (Add((2.0, -3.0), "vector"), [(3, 4, 2), (1, 1, 2)]),
        (Add((2.0, -3.0), "plane"), [(3, 4, 2), (3, 4, 1)]),
        (Pool(((0, 1), (1, 3)), ((1, 3),), (3, 4), greatest=True), [(3, 4, 2)]),
        (Pool(((0, 1), (1, 3)), ((1, 3),), (3, 4), greatest=False, scale=0.25), [(3, 4, 2)]),
    ],
    ids=str,
)
def test_what_an_operation_sends_back(op: Operation, shapes: list[Shape]) -> None:
    """Each input by itself, where nothing that is chosen changes."""
    rng = np.random.default_rng(1)
    inputs = [rng.permutation(np.arange(2 * np.prod(shape))).reshape(2, *shape).astype(np.float32) for shape in shapes]
    made = op.evaluate([x + 0.25 * n for n, x in enumerate(inputs)])
    weights = rng.normal(size=made.shape).astype(np.float32)
    sent = op.backward([x + np.float32(0.25 * n) for n, x in enumerate(inputs)], weights)
    for n, gradient in enumerate(sent):
        assert gradient.shape == inputs[n].shape
        way = rng.uniform(-0.1, 0.1, inputs[n].shape).astype(np.float32)
        moved = [x + np.float32(0.25 * m) + (way if m == n else 0) for m, x in enumerate(inputs)]
        change = float((weights * (op.evaluate(moved) - made)).sum())
        assert change == pytest.approx(float((gradient * way).sum()), rel=1e-3, abs=1e-3)


def test_what_a_skip_and_its_branch_make_cancels_where_they_do() -> None:
    """``x - x`` moves nothing: both ways to the output are in the gradient."""
    net = Net()
    head = net.conv(net.input(3, 3, 2), 4)
    graph = net.graph(net.add(head, head, minus=True))
    streams = run_graph(graph, {"z0": np.ones((1, 3, 3, 2), np.float32)})
    slopes = {layer.name: _slopes(layer, [streams[one] for one in layer.inputs]) for layer in graph.layers}
    (end,) = graph.outputs
    made = {
        layer.name: g for layer, g in gradients(graph, streams, slopes, {end.name: np.ones_like(streams[end.name])})
    }
    assert not made[head].any()


def test_sensitivities_are_the_mean_squares_of_errors_at_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By channel, against random errors of each layer's sums; outputs count relative to their ranges."""
    monkeypatch.setattr(sensitivity, "_DRAWS", 100)
    net, graph = smooth("twins")
    inputs = {port.name: port.to_stream(net.frames(2)[port.onnx_name]) for port in graph.inputs}
    streams = run_graph(graph, inputs)
    matters = find_sensitivity(graph, streams)
    assert list(matters) == [layer.name for layer, _ in linear_layers(graph)]
    peaks = {port.name: float(np.ptp(streams[port.name])) for port in graph.outputs}
    rng = np.random.default_rng(0)
    for layer, op in linear_layers(graph):
        places, coupling = matters[layer.name].places, matters[layer.name].coupling
        assert places.mean() == pytest.approx(1) and coupling is not None
        lost = np.zeros(op.geometry.out_channels)
        for channel in range(lost.size):
            for _ in range(16):
                by = np.zeros(layer.shape)
                by[..., channel] = 1e-2 * rng.normal(size=layer.shape[:2])
                off = shifted(graph, layer.name, by, inputs)
                errors = [np.square((off[one] - streams[one]) / peak).sum() for one, peak in peaks.items()]
                lost[channel] += float(sum(errors))
        assert np.allclose(places.mean(axis=(0, 1, 2)), lost / lost.mean(), rtol=0.35), layer.name


def test_layers_that_lead_nowhere_matter_alike() -> None:
    net, outputs = NETS["residual"]()
    lost = net.conv("z0", 3)
    graph = net.graph(*outputs)
    made = find_sensitivity(graph, run_onnx(graph, net.model(*outputs), net.frames(2)))
    assert (made[lost].places == 1).all()
