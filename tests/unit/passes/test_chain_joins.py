"""Concatenations that begin with, end in, or hold what another one has joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.kinds import Concat
from gan2hls.model import Clip, Graph, Layer, Port
from gan2hls.passes.chain_joins import chain_joins
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(36)
C = {"w": f32(RNG, 4, 2, 3, 3), "k": f32(RNG, 4, 4, 3, 3), "v": f32(RNG, 4, 4, 3, 3), "n": f32(RNG, 2, 8, 1, 1)}
FRONT = (
    "p = Conv<pads = [1, 1, 1, 1]>(x, w) a = Relu(p) b = Conv<pads = [1, 1, 1, 1]>(a, k) "
    "c = Conv<pads = [1, 1, 1, 1]>(a, v) j = Concat<axis = 1>(a, b) u = Conv(j, n) "
)


def joins(tmp_path: Path, body: str, **more: np.ndarray) -> tuple[Graph, list[tuple[int, ...]]]:
    """The graph, which computes what the file does, and the runs of its concatenations."""
    graph = check(save(tmp_path, FRONT + body, (1, 2, 5, 6), {**C, **more}))[1]
    return graph, [layer.op.runs for layer in graph.layers if layer.op.kind == "concat"]


@pytest.mark.parametrize(("operands", "runs"), [("a, b, c", (8, 4)), ("c, a, b", (4, 8)), ("c, a, b, p", (4, 8, 4))])
def test_what_is_joined_already_is_one_operand(tmp_path: Path, operands: str, runs: tuple[int, ...]) -> None:
    body = f"m = Concat<axis = 1>({operands}) t = Conv(m, l) y = Add(u, t)"
    graph, found = joins(tmp_path, body, l=f32(RNG, 2, sum(runs), 1, 1))
    assert found == [(4, 4), runs]
    former, later = (layer for layer in graph.layers if layer.op.kind == "concat")
    assert later.inputs.count(former.name) == runs.count(8)


def test_a_dense_block_joins_each_tensor_once(tmp_path: Path) -> None:
    operands, body, weights = ["a", "b"], "c1 = Conv<pads = [1, 1, 1, 1]>(j, w1) ", {"w1": f32(RNG, 4, 8, 3, 3)}
    for n in range(2, 5):
        operands.append(f"c{n - 1}")
        body += f"j{n} = Concat<axis = 1>({', '.join(operands)}) c{n} = Conv<pads = [1, 1, 1, 1]>(j{n}, w{n}) "
        weights[f"w{n}"] = f32(RNG, 4, 4 * len(operands), 3, 3)
    graph, runs = joins(tmp_path, body + "y = Add(c4, c1)", **weights)
    assert runs == [(4, 4), (8, 4), (12, 4), (16, 4)]
    readers = [layer.name for layer in graph.layers if "l0_conv" in layer.inputs]
    assert len(readers) == 2, "the block's input is joined once"


def test_of_equal_ones_one_is_left() -> None:
    """Neighbours are joined first where no divisor is common, whether or not the file joins them elsewhere."""
    port = Port("x", "x", (1, 6), (1, 2, 3), np.arange(6))
    ports = {name: replace(port, name=name, onnx_name=name) for name in "jkmy"}

    def layer(name: str, inputs: tuple[str, ...], runs: tuple[int, ...], points: tuple[Clip, ...] = ()) -> Layer:
        return Layer(name, name, inputs, (1, 2, sum(runs)), Concat(runs), points, ports[name])

    clip = (Clip(0.0, 1.0),)
    layers = layer("j", ("x", "x"), (3, 3)), layer("k", ("x", "x"), (3, 3)), layer("m", ("x", "x"), (3, 3), clip)
    last = layer("y", ("k", "m"), (6, 6))
    made = chain_joins(Graph("g", (port,), (*layers, last), (ports["y"],)))
    assert [(one.name, one.inputs) for one in made.layers] == [
        ("j", ("x", "x")),
        ("m", ("x", "x")),
        ("y", ("j", "m")),
    ]
    kept = chain_joins(Graph("g", (port,), (*layers, last), (ports["k"], ports["y"])))
    assert [one.name for one in kept.layers] == ["j", "k", "m", "y"], "an output has a name"


@pytest.mark.parametrize(
    ("body", "runs"),
    [
        ("m = Concat<axis = 1>(b, a, c) t = Conv(m, l) y = Add(u, t)", [(4, 4), (4, 4, 4)]),  # another order
        ("r = Tanh(j) m = Concat<axis = 1>(a, b, c) t = Conv(m, l) s = Conv(r, n) y = Add(s, t)", [(4, 4), (4, 4, 4)]),
        ("m = Concat<axis = 2>(a, b, c) t = Conv(m, o) y = Concat<axis = 2>(u, t)", [(4, 4), (120,) * 3, (60, 180)]),
    ],
)
def test_other_concatenations_stay(tmp_path: Path, body: str, runs: list[tuple[int, ...]]) -> None:
    assert joins(tmp_path, body, l=f32(RNG, 2, 12, 1, 1), o=f32(RNG, 2, 4, 1, 1))[1] == runs
