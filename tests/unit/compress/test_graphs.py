"""Compression of graphs with forks and joins; what reads files is replaced, so that only compression is on trial."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from gan2hls import frontend, passes
from gan2hls.compress import compress
from gan2hls.compress.recipe import Recipe
from gan2hls.compress.weight_origin import trace
from gan2hls.frontend import Loaded
from gan2hls.model import Affine, Graph, linear_layers
from gan2hls.ops import Linear
from gan2hls.quantize import FloatModel
from tests.float_evaluator import run_onnx
from tests.graph_models import NETS, Net


def reader(net: Net, outputs: tuple[str, ...]) -> object:
    """Return a ``frontend.load`` that knows ``net`` and takes weights and biases from the file; names are its own."""
    graph = net.graph(*outputs)
    names = {layer.name: f"n{layer.name}" for layer in graph.layers}
    nodes = {
        layer.source: f"t{n}" for n, node in enumerate(net.nodes) for layer in graph.layers if node.name == layer.source
    }

    def load(path: Path, **_: object) -> Loaded:
        model = onnx.load(path)
        convs = {node.output[0]: node for node in model.graph.node if node.op_type == "Conv"}
        wanted = [name for node in convs.values() for name in node.input[1:]]
        given = {
            p.name: np.zeros([d.dim_value for d in p.type.tensor_type.shape.dim], np.float32) for p in model.graph.input
        }
        constants = dict(zip(wanted, run_onnx(model, given, wanted), strict=True))
        layers = []
        for layer in graph.layers:
            probe = replace(layer.probe, name=names[layer.name])
            if isinstance(layer.op, Linear):
                node = convs[nodes[layer.source]]
                weight = constants[node.input[1]].transpose(2, 3, 0, 1).reshape(layer.op.weight.shape)
                bias = Affine(np.ones(1), constants[node.input[2]].astype(np.float64))
                op = replace(layer.op, weight=weight.astype(np.float64))
                layer = replace(layer, op=op, points=(bias, *layer.points[1:]))
                if len(layer.points) == 1:
                    probe = replace(probe, onnx_name=node.output[0])
            inputs = tuple(names.get(name, name) for name in layer.inputs)
            layers.append(replace(layer, name=names[layer.name], inputs=inputs, probe=probe))
        ports = tuple(replace(port, name=names[port.name]) for port in graph.outputs)
        read = Graph(graph.name, graph.inputs, tuple(layers), ports)
        return Loaded(with_own_probes(read, nodes), model, hashlib.sha256(path.read_bytes()).hexdigest(), 0)

    return load


def with_own_probes(graph: Graph, nodes: dict[str, str]) -> Graph:
    """Linear layers as the front end reads them: points behind a bias are layers of their own."""
    from gan2hls.model import Layer
    from gan2hls.ops import Identity

    layers: list[Layer] = []
    for layer in graph.layers:
        if not isinstance(layer.op, Linear) or len(layer.points) == 1:
            layers.append(layer)
            continue
        own = f"{layer.name}_sums"
        sums = replace(layer.probe, name=own, onnx_name=nodes[layer.source])
        layers.append(replace(layer, name=own, points=layer.points[:1], probe=sums))
        layers.append(replace(layer, inputs=(own,), op=Identity(), points=layer.points[1:], source=""))
    return replace(graph, layers=tuple(layers))


@pytest.fixture
def saved(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Net, tuple[str, ...], Path]:
    net, outputs = NETS[request.param]()
    onnx.save(net.model(*outputs), tmp_path / "m.onnx")
    monkeypatch.setattr(frontend, "load", reader(net, outputs))
    return net, outputs, tmp_path / "m.onnx"


@pytest.mark.parametrize("saved", NETS, indirect=True)
def test_weights_are_found_by_the_names_of_layers(saved: tuple[Net, tuple[str, ...], Path]) -> None:
    """Even where passes leave a layer out, which places in a list would not tell."""
    net, _, path = saved
    loaded = frontend.load(path)
    graph, origins = passes.run_traced(loaded.graph)
    first, *others = linear_layers(graph)
    less = replace(graph, layers=tuple(layer for layer in graph.layers if layer.name != first[0].name))
    for part, count in ((graph, len(others) + 1), (less, len(others))):
        found = trace(loaded, part, origins)
        assert len(found) == count
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in loaded.onnx_model.graph.initializer}
        nodes = {node.output[0]: node for node in loaded.onnx_model.graph.node}
        for layer, op in linear_layers(part):
            place = found[layer.name]
            assert net.nodes[[n.output[0] for n in net.nodes].index(place.node)].name == layer.source.split(" ")[0]
            assert np.array_equal(constants[nodes[place.node].input[1]].ravel()[place.index], op.weight)


@pytest.mark.slow
@pytest.mark.parametrize("saved", NETS, indirect=True)
def test_a_graph_is_compressed_layer_by_layer(saved: tuple[Net, tuple[str, ...], Path]) -> None:
    net, outputs, path = saved
    recipe = Recipe.model_validate({"layers": {"*": {"weight": "int6"}}, "calibration": {"samples": 64}})
    made = compress(path, recipe, path.with_name("small.onnx"))
    assert len(made.layers) == len(linear_layers(net.graph(*outputs)))
    small, frames, found = onnx.load(path.with_name("small.onnx")), net.frames(16), []
    graph = net.graph(*outputs)
    before, after = (FloatModel(model, graph.outputs).run(frames) for model in (net.model(*outputs), small))
    for port in graph.outputs:
        error = np.square(before[port.name] - after[port.name]).mean()
        found.append(10 * np.log10(np.ptp(before[port.name]) ** 2 / error))
    assert min(found) > 30
    assert made.psnr_db == pytest.approx(min(found), abs=3), "the least of all outputs"
