"""Bias correction: the mean of every linear layer's sums is the float network's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.fit.layer_precision import LayerPrecision
from gan2hls.formats.precision import Precision
from gan2hls.model.golden import Golden
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry
from gan2hls.quantize.bias_correction import _mean_sums, find_biases
from gan2hls.quantize.lower import choose_types, lower, quantize_weights
from tests.float_evaluator import evaluate
from tests.randomized import conv, conv_transpose, dense, port
from tests.unit.quantize.test_equalize import KINDS, chain_of, read

PRECISION = LayerPrecision(Precision("int", 4), Precision("int", 5))


@pytest.mark.parametrize(
    "g",
    [
        dense(5, 3),
        conv((5, 4), 4, 6),
        conv((7, 5), 4, 6, k=3, s=2, p=1, groups=2),
        conv((7, 7), 2, 2, k=3, d=2, p=2),
        conv_transpose((4, 3), 4, 6, groups=2),
        conv_transpose((3, 3), 2, 3, k=1, s=3, p=0, op=1),
    ],
)
def test_mean_sums_are_the_mean_of_a_convolution(g: LinearGeometry) -> None:
    from gan2hls.model import Graph, Layer
    from gan2hls.ops import Linear

    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=g.weight_shape), rng.normal(size=(3, *g.in_shape))
    layer = Layer("l0", "", ("z",), g.out_shape, Linear("conv", g, weight), (), port("l0", g.out_shape))
    graph = Graph("g", (port("z", g.in_shape),), (layer,), ())
    sums = [evaluate(graph, {"z": frame.transpose(2, 0, 1)[None]})["l0"] for frame in x]
    assert np.allclose(_mean_sums(g, weight, x), np.mean(sums, axis=(0, 1, 2)))


@pytest.mark.parametrize("kind", KINDS)
def test_corrected_sums_have_the_float_mean(tmp_path: Path, kind: str) -> None:
    """Replay the integer network; weigh the mean error of each layer's sums with and without its bias."""
    graph, streams, _ = read(tmp_path, chain_of(kind))
    precisions = dict.fromkeys(streams, PRECISION)
    weights = quantize_weights(graph, precisions)
    types = choose_types(graph, streams, precisions, "minmax")
    biases = find_biases(graph, weights, types, streams)
    assert set(biases) == {layer.name for layer in graph.layers if layer.op.kind != "pointwise"}
    model = lower(graph, weights, types, biases=biases)
    (source,) = graph.inputs
    tensors = Golden(model).run({source.name: types[source.name].quantize(streams[source.name])})
    for layer in model.layers:
        g, real = layer.op.geometry, next(one for one in graph.layers if one.name == layer.name)
        assert g is not None and layer.op.kind != "pointwise"
        seen = layer.input_type.dequantize(tensors[layer.inputs[0]])
        integer = _mean_sums(
            g, layer.op.weight.values * np.broadcast_to(layer.op.weight.scale, g.out_channels)[:, None], seen
        )
        wanted = _mean_sums(g, real.op.weight, streams[layer.inputs[0]])
        assert np.allclose(integer + biases[layer.name], wanted, atol=1e-6 * np.abs(wanted).max())
        assert np.abs(integer - wanted).max() > 1e-3 * np.abs(wanted).max(), "4 bits leave something to correct"


def test_what_is_exact_needs_no_correction(tmp_path: Path) -> None:
    from tests.onnx_models import make_model

    weight = np.random.default_rng(0).integers(-8, 8, (6, 4)).astype(np.float32) / 8
    graph, streams, _ = read(tmp_path, make_model("y = MatMul(x,w)", [1, 6], {"w": weight}))
    z, out = graph.inputs[0].name, graph.layers[0].name
    exact = LayerPrecision(Precision.parse("fixed<8,3>"), Precision.parse("fixed<8,3>"))
    types = {z: QuantType(IntType(8, signed=True), 2.0**-5), out: QuantType(IntType(16, signed=True), 2.0**-10)}
    on_grid = {z: types[z].dequantize(types[z].quantize(streams[z])).astype(np.float32), out: streams[out]}
    biases = find_biases(graph, quantize_weights(graph, {out: exact}), types, on_grid)
    assert np.abs(biases[out]).max() < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_weighed_by_where_they_matter(tmp_path: Path, kind: str) -> None:
    """Replay the integer network: the weighted mean error of the first frames vanishes, the plain one need not."""
    graph, streams, _ = read(tmp_path, chain_of(kind))
    linear = [layer for layer in graph.layers if layer.op.kind != "pointwise"]
    rng = np.random.default_rng(0)
    places = {layer.name: rng.exponential(size=(5, *layer.op.geometry.out_shape)) ** 3 for layer in linear}
    precisions = dict.fromkeys(streams, PRECISION)
    weights = quantize_weights(graph, precisions)
    types = choose_types(graph, streams, precisions, "minmax")
    biases = find_biases(graph, weights, types, streams, places)
    model = lower(graph, weights, types, biases=biases)
    (source,) = graph.inputs
    tensors = Golden(model).run({source.name: types[source.name].quantize(streams[source.name])})
    for layer in linear:
        name, codes, g = layer.inputs[0], weights[layer.name], layer.op.geometry
        integer = codes.values * np.broadcast_to(codes.scale, g.out_channels)[:, None]
        wanted = np.stack([convolve(g, layer.op.weight, frame) for frame in streams[name][:5]])
        found = np.stack([convolve(g, integer, types[name].dequantize(frame)) for frame in tensors[name][:5]])
        error = wanted - found - biases[layer.name]
        size = np.abs(error).mean(axis=(0, 1, 2))
        mean = error.mean(axis=(0, 1, 2))
        weighted = (error * places[layer.name]).sum(axis=(0, 1, 2)) / places[layer.name].sum(axis=(0, 1, 2))
        assert (np.abs(weighted) <= 1e-4 * size).all()
        assert (np.abs(mean) > 1e-3 * size).any(), "weights move the mean"


def convolve(g: LinearGeometry, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the sums of one frame by the definition of the tap program, ``[OH, OW, CO]``."""
    x, made = x.reshape(g.in_shape), np.zeros(g.out_shape)
    for oy, ox in np.ndindex(g.out_shape[:2]):
        for iy, ky in g.y.taps[oy]:
            for ix, kx in g.x.taps[ox]:
                for group in range(g.groups):
                    inner = slice(group * g.group_in, (group + 1) * g.group_in)
                    outer = slice(group * g.group_out, (group + 1) * g.group_out)
                    made[oy, ox, outer] += weight[ky * g.x.kernel + kx, outer] @ x[iy, ix, inner]
    return made
