"""Equalization changes no real number, and evens the channels out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from gan2hls import passes
from gan2hls.frontend import load
from gan2hls.model.ir import Graph, verify_graph
from gan2hls.quantize.equalize import apply_gains, apply_to_streams, find_gains
from tests.float_evaluator import evaluate
from tests.onnx_models import f32, make_model

R = np.random.default_rng(5)
UNEVEN = np.float32(np.geomspace(1, 300, 8))


def chain_of(kind: str) -> onnx.ModelProto:
    """Models in which the channels of an inner tensor differ by a factor of 300."""
    bn = {"g": UNEVEN, "h": f32(R, 8), "m": f32(R, 8) * 0.1, "v": np.ones(8, np.float32)}
    up = "c = ConvTranspose<strides=[2,2],pads=[1,1,1,1]>(r,w,b)\n y = Tanh(c)"
    norm = "n = BatchNormalization(a,g,h,m,v)\n r = Relu(n)\n "
    wide = {"w": f32(R, 8, 3, 4, 4) * 0.01, "b": f32(R, 3)}
    match kind:
        case "conv":
            return make_model(f"a = Conv(x,k)\n {norm}{up}", [1, 4, 3, 3], {"k": f32(R, 8, 4, 1, 1), **bn, **wide})
        case "dense_reshape":
            shape = np.array([1, 8, 2, 2])
            body = f"d = Gemm(x,k)\n a = Reshape(d,s)\n {norm}{up}"
            return make_model(body, [1, 5], {"k": f32(R, 5, 32), "s": shape, **bn, **wide})
        case "flatten_dense":
            body = f"a = Conv(x,k)\n {norm}f = Flatten(r)\n e = Gemm(f,w)\n y = Tanh(e)"
            return make_model(body, [1, 4, 3, 3], {"k": f32(R, 8, 4, 1, 1), **bn, "w": f32(R, 72, 7) * 0.01})
        case "grouped":
            body = f"a = Conv<group=2>(x,k)\n {norm}c = Conv<group=4,pads=[1,1,1,1]>(r,w)\n y = Tanh(c)"
            return make_model(body, [1, 4, 3, 3], {"k": f32(R, 8, 2, 1, 1), **bn, "w": f32(R, 4, 2, 3, 3) * 0.01})
        case "leaky":
            body = f"a = Conv(x,k)\n n = BatchNormalization(a,g,h,m,v)\n r = LeakyRelu<alpha=0.1>(n)\n {up}"
            return make_model(body, [1, 4, 3, 3], {"k": f32(R, 8, 4, 1, 1), **bn, **wide})
    raise AssertionError(kind)


KINDS = ["conv", "dense_reshape", "flatten_dense", "grouped", "leaky"]


def read(folder: Path, model: onnx.ModelProto) -> tuple[Graph, dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
    onnx.save(model, folder / "m.onnx")
    graph = passes.run(load(folder / "m.onnx").graph)
    (port,) = graph.inputs
    runs = [{port.onnx_name: np.random.default_rng(n).normal(size=port.onnx_shape)} for n in range(6)]
    found = [evaluate(graph, run) for run in runs]
    return graph, {name: np.stack([one[name] for one in found]).astype(np.float32) for name in found[0]}, runs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_the_equalized_graph_is_the_same_function(tmp_path: Path, kind: str, alpha: float) -> None:
    graph, streams, runs = read(tmp_path, chain_of(kind))
    gains = find_gains(graph, streams, alpha)
    assert set(gains) == {graph.layers[0].name}
    assert max(gains[graph.layers[0].name]) > (2 if alpha else 1.1) * min(gains[graph.layers[0].name])
    even = apply_gains(graph, gains)
    verify_graph(even)
    predicted = apply_to_streams(streams, gains)
    for n, run in enumerate(runs):
        made = evaluate(even, run)
        last = graph.layers[-1].name
        assert np.allclose(made[last], streams[last][n], atol=1e-5)
        for name, values in made.items():
            assert np.allclose(values, predicted[name][n], rtol=1e-4, atol=1e-4), name


@pytest.mark.parametrize("kind", KINDS)
def test_alpha_one_makes_all_channels_equally_wide(tmp_path: Path, kind: str) -> None:
    graph, streams, _ = read(tmp_path, chain_of(kind))
    first = graph.layers[0].name
    gains = find_gains(graph, streams, 1.0)
    even = np.abs(apply_to_streams(streams, gains)[first]).reshape(-1, gains[first].size).max(axis=0)
    before = np.abs(streams[first]).reshape(-1, gains[first].size).max(axis=0)
    assert before.max() / before[before > 0].min() > 20
    assert even.max() / even[even > 0].min() == pytest.approx(1, abs=1e-3)
    assert np.median(gains[first]) == pytest.approx(1, rel=0.8)


def test_dead_channels_keep_a_gain_of_one(tmp_path: Path) -> None:
    model = make_model(
        "a = Conv(x,k,b)\n r = Relu(a)\n c = Conv(r,w)\n y = Tanh(c)",
        [1, 2, 3, 3],
        {"k": f32(R, 3, 2, 1, 1), "b": np.float32([5, -1e4, 5]), "w": f32(R, 2, 3, 1, 1)},
    )
    graph, streams, _ = read(tmp_path, model)
    gain = find_gains(graph, streams, 0.5)["l0_conv"]
    assert gain[1] == 1 and np.isfinite(gain).all()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a = Conv(x,k)\n r = Tanh(a)\n c = Conv(r,w)\n y = Tanh(c)", "one table serves all channels"),
        ("a = Conv(x,k)\n r = Clip(a,lo,hi)\n c = Conv(r,w)\n y = Tanh(c)", "one clamp serves all channels"),
        ("a = Conv(x,k)\n y = Relu(a)", "an output"),
    ],
)
def test_layers_that_cannot_scale_their_channels_are_left(tmp_path: Path, body: str, why: str) -> None:
    used = {"k": f32(R, 3, 2, 1, 1), "w": f32(R, 2, 3, 1, 1), "lo": np.float32(0), "hi": np.float32(6)}
    constants = {name: value for name, value in used.items() if f"{name}" in body.replace("Clip", "")}
    graph, streams, _ = read(tmp_path, make_model(body, [1, 2, 3, 3], constants))
    assert find_gains(graph, streams, 0.5) == {}, why


def test_gains_are_bounded(tmp_path: Path) -> None:
    model = make_model(
        "a = Conv(x,k)\n r = Relu(a)\n c = Conv(r,w)\n y = Tanh(c)",
        [1, 2, 3, 3],
        {"k": f32(R, 3, 2, 1, 1) * np.float32([1, 1e-9, 1e9])[:, None, None, None], "w": f32(R, 2, 3, 1, 1)},
    )
    graph, streams, _ = read(tmp_path, model)
    gain = find_gains(graph, streams, 1.0)["l0_conv"]
    assert gain.max() == 2.0**10 and gain.min() == 2.0**-10
