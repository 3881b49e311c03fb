"""What the file fixes is kept: no gains, no corrected biases, and its codes are compared with the golden model's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls import passes
from gan2hls.config.schema import Config
from gan2hls.frontend import load
from gan2hls.model.ir import Graph
from gan2hls.quantize.assign import assign_precision
from gan2hls.quantize.bias_correction import find_biases
from gan2hls.quantize.equalize import find_gains
from gan2hls.quantize.lower import choose_types, quantize_weights
from gan2hls.quantize.quantize import measure
from gan2hls.report.code_agreement import CodeAgreement, compare_codes
from tests.float_evaluator import evaluate
from tests.quantized_models import Network


def network(*, quantized_input: bool = True) -> Network:
    net = Network((1, 12))
    if quantized_input:
        net.quant(0.05, 8)
    net.gemm(net.quant_weight(net.floats(12, 32), 4), net.constant(net.floats(32))).then("Relu").quant(
        0.13, 5, signed=0
    )
    return net.gemm(net.quant_weight(net.floats(32, 6), 4)).quant(0.1, 6)


def prepared(net: Network, folder: Path) -> tuple[Graph, dict[str, np.ndarray]]:
    loaded = load(net.save(folder))
    graph = passes.run(loaded.graph)
    x = np.random.default_rng(0).normal(size=(16, 12)).astype(np.float32)
    return graph, measure(graph, loaded.onnx_model, {"x": x})


def test_the_types_of_the_file_come_first(tmp_path: Path):
    graph, streams = prepared(network(), tmp_path)
    types = choose_types(graph, streams, assign_precision(graph, Config()), "mse")
    assert types == graph.pinned and set(types) == {"x", "l0_dense", "l1_dense"}


def test_nothing_is_scaled_or_corrected(tmp_path: Path):
    graph, streams = prepared(network(), tmp_path)
    precisions = assign_precision(graph, Config())
    assert find_gains(graph, streams, 0.5) == {}
    weights = quantize_weights(graph, precisions)
    assert find_biases(graph, weights, dict(graph.pinned), streams) == {}


def test_a_layer_behind_an_open_input_is_corrected(tmp_path: Path):
    graph, streams = prepared(network(quantized_input=False), tmp_path)
    precisions = assign_precision(graph, Config())
    types = choose_types(graph, streams, precisions, "minmax")
    assert "x" not in graph.pinned
    assert set(find_biases(graph, quantize_weights(graph, precisions), types, streams)) == {"l0_dense"}


def test_differences_are_counted(tmp_path: Path):
    graph, streams = prepared(network(), tmp_path)
    golden = {name: np.ascontiguousarray(quant.quantize(streams[name])) for name, quant in graph.pinned.items()}
    golden["l1_dense"].reshape(-1)[[3, 5, 8]] += (1, -4, 1)
    assert compare_codes(graph, streams, golden) == {"l0_dense": CodeAgreement(0, 0), "l1_dense": CodeAgreement(3, 4)}


def test_the_float_graph_computes_the_file(tmp_path: Path):
    graph, streams = prepared(network(), tmp_path)
    made = evaluate(graph, {"x": streams["x"][:1].reshape(1, 12)})
    assert made["l1_dense"] == pytest.approx(streams["l1_dense"][0], abs=1e-5)
