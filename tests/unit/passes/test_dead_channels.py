"""Channels that pruning emptied are removed with the taps that read them, and the function stays the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from gan2hls import frontend, passes
from gan2hls.model.ir import Graph
from gan2hls.quantize.float_runs import FloatModel
from tests.float_evaluator import evaluate
from tests.onnx_models import f32, make_model

R = np.random.default_rng(5)


def _load(tmp_path: Path, model: onnx.ModelProto) -> tuple[Graph, frontend.Loaded]:
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    loaded = frontend.load(path)
    return passes.run(loaded.graph), loaded


def _same_function(graph: Graph, loaded: frontend.Loaded) -> None:
    (port,) = graph.inputs
    x = np.random.default_rng(0).normal(size=(2, *port.onnx_shape[1:])).astype(np.float32)
    expected = FloatModel(loaded.onnx_model, graph.outputs).run({port.onnx_name: x})[graph.outputs[0].name]
    for n in range(2):
        made = evaluate(graph, {port.onnx_name: x[n : n + 1]})
        assert np.allclose(made[graph.outputs[0].name], expected[n], atol=1e-4)


def _zeroed(weight: np.ndarray, axis: int, channels: list[int]) -> np.ndarray:
    index: list[object] = [slice(None)] * weight.ndim
    index[axis] = channels
    weight[tuple(index)] = 0
    return weight


def test_unread_and_zero_channels_go(tmp_path: Path) -> None:
    """Channel 1 is relu(-1) = 0, channel 7 has no reader; channel 5 is 0.7 and its reader has borders: it stays."""
    bias = f32(R, 12)
    bias[[1, 5]] = -1.0, 0.7
    model = make_model(
        "a = ConvTranspose<strides=[1,1]>(x,k,b)\n r = Relu(a)\n"
        "c = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(r,w)\n y = Tanh(c)",
        [1, 6, 1, 1],
        {"k": _zeroed(f32(R, 6, 12, 4, 4), 1, [1, 5]), "b": bias, "w": _zeroed(f32(R, 12, 3, 4, 4), 0, [7])},
    )
    graph, loaded = _load(tmp_path, model)
    first, second = graph.layers
    assert first.shape == (4, 4, 10) and second.op.geometry.in_channels == 10
    _same_function(graph, loaded)


def test_a_constant_channel_goes_where_every_output_sees_every_tap(tmp_path: Path) -> None:
    model = make_model(
        "a = Conv(x,k,b)\n r = Relu(a)\n c = Conv(r,w)\n y = Tanh(c)",
        [1, 2, 5, 5],
        {"k": _zeroed(f32(R, 6, 2, 3, 3), 0, [2]), "b": np.full(6, 0.7, np.float32), "w": f32(R, 4, 6, 1, 1)},
    )
    graph, loaded = _load(tmp_path, model)
    assert [layer.shape[2] for layer in graph.layers] == [5, 4]
    _same_function(graph, loaded)


def test_a_channel_of_a_dense_layer_goes_in_all_pixels(tmp_path: Path) -> None:
    weight = f32(R, 6, 4 * 2 * 2)  # four channels of 2 x 2
    weight[:, 4:8] = 0
    model = make_model(
        "a = Gemm(x,k)\n q = Reshape(a,s)\n r = Relu(q)\n"
        "c = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(r,w)\n y = Tanh(c)",
        [1, 6],
        {"k": weight, "s": np.array([1, 4, 2, 2]), "w": f32(R, 4, 3, 4, 4)},
    )
    graph, loaded = _load(tmp_path, model)
    assert graph.layers[0].shape == (2, 2, 3)
    _same_function(graph, loaded)


@pytest.mark.parametrize("channels", [[0, 1, 2]])
def test_one_channel_stays_when_all_are_dead(tmp_path: Path, channels: list[int]) -> None:
    model = make_model(
        "a = Conv(x,k)\n r = Relu(a)\n c = Conv(r,w,b)\n y = Tanh(c)",
        [1, 2, 3, 3],
        {"k": _zeroed(f32(R, 3, 2, 1, 1), 0, channels), "w": f32(R, 2, 3, 1, 1), "b": f32(R, 2)},
    )
    graph, loaded = _load(tmp_path, model)
    assert graph.layers[0].shape[2] == 1
    _same_function(graph, loaded)
