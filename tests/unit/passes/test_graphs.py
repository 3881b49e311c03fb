"""Passes on graphs: what several readers keep apart, what joins a sum, and what no layer of several inputs is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls import passes
from gan2hls.kinds import Add
from gan2hls.model import Affine, Graph, Layer, Port
from gan2hls.ops import Identity
from gan2hls.passes.fuse_points import fuse_points
from gan2hls.passes.simplify import drop_identities
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(5)
C = {
    "w": f32(RNG, 3, 2, 3, 3),
    "k": f32(RNG, 3, 3, 3, 3),
    "u": f32(RNG, 3, 3, 3, 3),
    "g": f32(RNG, 3, 1, 1),
    "small": np.float32(0.2),
    "minus": np.float32(-1.5),
}
FRONT = "h = Conv<pads = [1, 1, 1, 1]>(x, w) c = Conv<pads = [1, 1, 1, 1]>(h, k) "


def final(tmp_path: Path, body: str, **more: np.ndarray) -> Graph:
    return check(save(tmp_path, FRONT + body, (1, 2, 5, 6), {**C, **more}))[1]


def kinds(graph: Graph) -> list[str]:
    return [layer.op.kind for layer in graph.layers]


def the_sum(graph: Graph) -> Layer:
    (layer,) = (layer for layer in graph.layers if layer.op.kind == "add")
    return layer


def by_hand(*layers: tuple[str, tuple[str, ...], Add | Identity, tuple], outputs: tuple[str, ...]) -> Graph:
    """A graph over the input ``x`` of 1 x 2 x 3."""

    def port(name: str) -> Port:
        return Port(name, name, (1, 6), (1, 2, 3), np.arange(6))

    made = (Layer(name, name, inputs, (1, 2, 3), op, points, port(name)) for name, inputs, op, points in layers)
    return Graph("g", (port("x"),), tuple(made), tuple(port(name) for name in outputs))


def scaled(scale: float, bias: float = 0.0) -> tuple[Affine, ...]:
    return (Affine(np.array([scale]), np.array([bias])),)


# --- sums


def test_a_sum_without_points_is_no_identity(tmp_path: Path) -> None:
    graph = final(tmp_path, "y = Add(h, c)")
    assert kinds(graph) == ["conv", "conv", "add"]
    assert graph.layers[2].inputs == ("l0_conv", "l1_conv") and not graph.layers[2].points


def test_points_behind_a_sum_join_it(tmp_path: Path) -> None:
    graph = final(tmp_path, "s = Add(h, c) m = Mul(s, g) y = LeakyRelu(m)")
    assert kinds(graph) == ["conv", "conv", "add"] and len(the_sum(graph).points) == 2
    assert the_sum(graph).source.count(" + ") == 2


def test_points_of_a_fork_stay_apart(tmp_path: Path) -> None:
    graph = final(tmp_path, "r = Relu(c) t = Tanh(c) y = Add(r, t)")
    assert kinds(graph) == ["conv", "conv"], "of one tensor it is a function"
    graph = final(tmp_path, "r = Relu(c) t = Tanh(h) y = Add(r, t)")
    assert kinds(graph) == ["conv", "conv", "pointwise", "add"], "only c has one reader"


def test_a_sum_of_one_scale_is_not_folded_into_the_convolution_behind_it(tmp_path: Path) -> None:
    graph = final(tmp_path, "s = Add(h, c) m = Mul(s, small) y = Conv<pads = [1, 1, 1, 1]>(m, u)")
    assert kinds(graph) == ["conv", "conv", "add", "conv"]


@pytest.mark.parametrize(
    ("body", "factors", "shift"),
    [
        ("m = Mul(h, small) y = Add(m, c)", (0.2, 1.0), None),
        ("m = Mul(h, small) n = Add(m, small) y = Sub(c, n)", (1.0, -0.2), -0.2),
        ("m = Mul(h, minus) a = Relu(c) n = Neg(m) y = Add(n, a)", (1.5, 1.0), None),
        ("m = Mul(h, minus) n = Add(m, g) a = Add(n, c) y = Relu(a)", (-1.5, 1.0), "g"),
    ],
)
def test_a_scale_between_a_fork_and_a_sum_is_its_factor(
    tmp_path: Path, body: str, factors: tuple[float, float], shift: float | str | None
) -> None:
    graph = final(tmp_path, body)
    assert kinds(graph) == ["conv", "conv", "add"]
    layer = the_sum(graph)
    assert isinstance(layer.op, Add) and layer.op.factors == pytest.approx(factors)
    if shift is None:
        assert not layer.points
    else:
        (first, *_) = layer.points
        assert isinstance(first, Affine)
        np.testing.assert_allclose(first.bias, np.ravel(C[shift] if isinstance(shift, str) else shift), rtol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        "m = Mul(h, g) y = Add(m, c)",
        "m = Mul(h, small) d = Conv<pads = [1, 1, 1, 1]>(m, u) s = Add(m, c) y = Add(s, d)",
        "m = Tanh(h) y = Add(m, c)",
    ],
    ids=["a scale per channel", "another reader", "a curve"],
)
def test_what_does_not_fold_into_a_sum(tmp_path: Path, body: str) -> None:
    graph = final(tmp_path, body)
    assert kinds(graph).count("pointwise") == 1
    assert all(layer.op.factors == (1.0, 1.0) for layer in graph.layers if isinstance(layer.op, Add))


def test_both_operands_fold() -> None:
    graph = by_hand(
        ("a", ("x",), Identity(), scaled(2.0, 1.0)),
        ("b", ("x",), Identity(), scaled(3.0, 5.0)),
        ("s", ("a", "b"), Add((1.0, -1.0)), ()),
        outputs=("s",),
    )
    (layer,) = passes.fold_into_sums(graph).layers
    assert layer.inputs == ("x", "x") and layer.op.factors == (2.0, -3.0)
    assert layer.points[0].bias == -4.0


# --- forks


def test_a_fork_is_not_fused_into_its_maker_and_outputs_are_readers() -> None:
    graph = by_hand(
        ("a", ("x",), Identity(), scaled(2.0)),
        ("b", ("a",), Identity(), scaled(3.0)),
        ("c", ("a",), Identity(), scaled(5.0)),
        ("s", ("b", "c"), Add(), ()),
        outputs=("s",),
    )
    assert [layer.name for layer in fuse_points(graph).layers] == ["a", "b", "c", "s"]
    shorter = replace(graph, layers=graph.layers[:2], outputs=(graph.outputs[0],))
    both = replace(shorter, outputs=tuple(replace(shorter.outputs[0], name=name) for name in "ab"))
    assert [layer.name for layer in fuse_points(both).layers] == ["a", "b"]


def test_identities_stay_where_two_outputs_would_become_one_tensor() -> None:
    graph = by_hand(
        ("a", ("x",), Identity(), scaled(2.0)),
        ("b", ("a",), Identity(), ()),
        ("c", ("a",), Identity(), ()),
        ("d", ("x",), Identity(), ()),
        outputs=("b", "c", "d"),
    )
    dropped = drop_identities(graph)
    assert [layer.name for layer in dropped.layers] == ["a", "c", "d"]
    assert [port.name for port in dropped.outputs] == ["a", "c", "d"]


def test_dead_channels_of_a_fork_stay(tmp_path: Path) -> None:
    empty = C["k"].copy()
    empty[1] = 0
    body = "d = Conv<pads = [1, 1, 1, 1]>(c, u) y = Add(c, d)"
    graph = final(tmp_path, body, k=empty)
    assert graph.layers[1].shape == (5, 6, 3)
    graph = final(tmp_path, "d = Conv<pads = [1, 1, 1, 1]>(c, u) y = Add(h, d)", k=empty)
    assert graph.layers[1].shape == (5, 6, 2)


def test_quantizers_of_operands_and_of_a_sum_are_types(tmp_path: Path) -> None:
    body = """
        qc = QuantizeLinear(c, step, zero) dc = DequantizeLinear(qc, step, zero)
        qh = QuantizeLinear(h, step, zero) dh = DequantizeLinear(qh, step, zero)
        s = Add(dh, dc) qs = QuantizeLinear(s, step, zero) y = DequantizeLinear(qs, step, zero)
    """
    graph = check_quantized(tmp_path, body)
    assert kinds(graph) == ["conv", "conv", "pointwise", "add"]
    assert set(graph.pinned) == {"l1_conv", "l2_pointwise", "l3_add"}


def check_quantized(tmp_path: Path, body: str) -> Graph:
    """Weights in halves and a step of 1/4, so that no quantizer of ONNX Runtime rounds otherwise than ours."""
    halves = {name: np.rint(C[name] * 2).astype(np.float32) / 2 for name in "wk"}
    return final(tmp_path, body, step=np.float32(0.5), zero=np.int8(3), **halves)
