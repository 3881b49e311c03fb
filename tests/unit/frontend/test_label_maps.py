"""Maps of labels, such as segmentation maps, in whatever way they become one-hot, or rows of a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gan2hls import passes
from gan2hls.base import Gan2HlsError
from gan2hls.frontend import load
from gan2hls.kinds.gather import Gather
from gan2hls.model import Graph
from gan2hls.numbers import IntType, QuantType
from tests.float_evaluator import assert_near, evaluate, run_onnx
from tests.onnx_models import f32, make_model

RNG = np.random.default_rng(5)
CLASSES = 6
K = {
    "table": f32(RNG, CLASSES, 3),
    "columns": f32(RNG, 3, CLASSES),
    "few": f32(RNG, CLASSES - 2, 3),
    "w": f32(RNG, 4, CLASSES, 3, 3),
    "w3": f32(RNG, 4, 3, 3, 3),
    "o": f32(RNG, 3, 4, 1, 1),
    "depth": np.array(CLASSES),
    "ends": np.array([0, 1], np.float32),
    "whole": np.array([0, 1]),
    "range": np.arange(CLASSES).reshape(1, CLASSES, 1, 1),
    "last": np.arange(CLASSES),
    "pairs": np.array([0, 1, 1, 2, 3, 4]).reshape(1, CLASSES, 1, 1),
    "floats": np.arange(CLASSES, dtype=np.float32).reshape(1, CLASSES, 1, 1),
    "zeros": np.zeros((1, CLASSES, 5, 4), np.float32),
    "ones": np.ones((1, 1, 5, 4), np.float32),
    "axis1": np.array([1]),
    "axis4": np.array([4]),
    "left": np.array([0, 0, 0, 0, 0, 0, 0, 1]),
    "five": np.array([5]),
    "axis3": np.array([3]),
    "two": np.array([2]),
    "first": f32(RNG, 4, 1, 3, 3),
    "line": np.array([-1]),
    "map": np.array([1, 5, 4, 3]),
}
#: From the map ``x`` to ``h``, ``[1, CLASSES, 5, 4]``.
ONE_HOT = {
    "OneHot": "s = Squeeze(x, axis1) h = OneHot<axis = 1>(s, depth, ends)",
    "OneHot of whole numbers": """
        s = Squeeze(x, axis1) c = OneHot<axis = -1>(s, depth, whole) t = Transpose<perm = [0, 3, 1, 2]>(c)
        h = Cast<to = 1>(t)
    """,
    "Equal": "e = Equal(x, range) h = Cast<to = 1>(e)",
    "Equal behind": """
        u = Unsqueeze(x, axis4) e = Equal(u, last) f = Cast<to = 1>(e) t = Transpose<perm = [0, 4, 1, 2, 3]>(f)
        h = Squeeze(t, two)
    """,
    "ScatterElements": "h = ScatterElements<axis = 1>(zeros, x, ones)",
}


def read(
    folder: Path,
    body: str,
    shape: tuple[int, ...] = (1, 1, 5, 4),
    elem: int = TensorProto.INT64,
    *,
    nodes: bool = False,
) -> Graph:
    """Read a generator behind a map of labels, held against ONNX Runtime for maps of all classes.

    ``nodes``: its constants are nodes instead of initializers.
    """
    model = make_model(f"{body} y = Conv(r, o)", (1, 1), K)
    del model.graph.input[:]
    model.graph.input.append(helper.make_tensor_value_info("x", elem, shape))
    if nodes:
        made = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in model.graph.initializer]
        made += model.graph.node
        del model.graph.initializer[:], model.graph.node[:]
        model.graph.node.extend(made)
    path = folder / "m.onnx"
    onnx.save(model, path)
    loaded = load(path)
    final = passes.run(loaded.graph)
    (port,) = final.inputs
    for seed in range(3):
        labels = np.random.default_rng(seed).integers(0, port.labels, shape)
        given = labels.astype(np.int64 if elem == TensorProto.INT64 else np.int32)
        (wanted,) = run_onnx(path, {"x": given})
        found = evaluate(final, {"x": labels})[final.outputs[0].name]
        assert_near(final.outputs[0].from_stream(found[None]), wanted, "y")
    return final


@pytest.mark.parametrize("name", ONE_HOT)
def test_a_map_becomes_one_hot(name: str, tmp_path: Path) -> None:
    final = read(tmp_path, f"{ONE_HOT[name]} r = Conv<pads = [1, 1, 1, 1]>(h, w)")
    assert [layer.op.kind for layer in final.layers] == ["gather", "conv", "conv"]
    assert final.inputs[0].labels == CLASSES


@pytest.mark.parametrize("nodes", [False, True])
@pytest.mark.parametrize(
    "taken",
    [
        "s = Squeeze(x, axis1) g = Gather(table, s)",
        "u = Unsqueeze(x, axis4) t = GatherND(table, u) g = Squeeze(t, axis1)",
        "s = Squeeze(x, axis1) t = Gather<axis = 1>(columns, s) g = Transpose<perm = [1, 2, 3, 0]>(t)",
        "l = Reshape(x, line) t = Gather(table, l) g = Reshape(t, map)",
    ],
)
def test_all_rows_of_a_table_are_classes(taken: str, nodes: bool, tmp_path: Path) -> None:
    """Also where it has fewer channels than rows, whether it is an initializer or a node."""
    body = f"{taken} h = Transpose<perm = [0, 3, 1, 2]>(g) r = Conv<pads = [1, 1, 1, 1]>(h, w3)"
    final = read(tmp_path, body, nodes=nodes)
    assert final.inputs[0].labels == CLASSES
    assert [layer.op.kind for layer in final.layers] == ["gather", "conv", "conv"]


def test_a_map_of_another_type(tmp_path: Path) -> None:
    body = "s = Squeeze(x, axis1) i = Cast<to = 7>(s) h = OneHot<axis = 1>(i, depth, ends)"
    final = read(tmp_path, f"{body} r = Conv<pads = [1, 1, 1, 1]>(h, w)", elem=TensorProto.INT32)
    assert [layer.op.kind for layer in final.layers] == ["gather", "conv", "conv"]


def test_a_map_without_an_axis_of_channels(tmp_path: Path) -> None:
    body = "h = OneHot<axis = 1>(x, depth, ends) r = Conv<pads = [1, 1, 1, 1]>(h, w)"
    final = read(tmp_path, body, (1, 5, 4))
    assert [layer.op.kind for layer in final.layers] == ["gather", "conv", "conv"]


def test_rows_of_a_table_and_one_hot_together(tmp_path: Path) -> None:
    """The fewest classes of what reads the map are legal."""
    body = f"""
        {ONE_HOT["Equal"]} c = Conv<pads = [1, 1, 1, 1]>(h, w)
        s = Squeeze(x, axis1) g = Gather(few, s) t = Transpose<perm = [0, 3, 1, 2]>(g)
        d = Conv<pads = [1, 1, 1, 1]>(t, w3) r = Mul(c, d)
    """
    final = read(tmp_path, body)
    assert final.inputs[0].labels == CLASSES - 2
    assert sorted(layer.op.kind for layer in final.layers) == ["conv", "conv", "conv", "gather", "gather", "mul"]


@pytest.mark.parametrize(
    "body",
    [
        "f = Cast<to = 1>(x) r = Conv<pads = [1, 1, 1, 1]>(f, first)",  # a number that is calculated with
        "p = Pad(x, left) a = Slice(p, axis1, five, axis3) e = Equal(a, range) h = Cast<to = 1>(e)"
        " r = Conv<pads = [1, 1, 1, 1]>(h, w)",  # a class of the pixel at the right
    ],
)
def test_what_is_no_function_of_each_pixel_is_refused(body: str, tmp_path: Path) -> None:
    with pytest.raises(Gan2HlsError):
        read(tmp_path, body)


def test_rows_of_one_magnitude_take_two_bits() -> None:
    given = QuantType(IntType(2, signed=False), 1.0)
    op, scale = Gather(0.5 * np.eye(4)).lower([given], (1, 1, 4), None)
    assert op.bounds([given]) == (0, 1) and scale == 0.5
    other, scale = Gather(np.arange(8.0).reshape(4, 2)).lower([given], (1, 1, 2), None)
    assert other.bounds([given]) == (0, 32767) and scale == 7 / 32767
