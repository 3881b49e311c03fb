"""If whose condition follows from sizes: the branch that is taken is read, as if nothing else stood there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, make_model

RNG = np.random.default_rng(53)
SHAPE = (1, 2, 5, 6)
C = {
    "k": f32(RNG, 4, 2, 3, 3),
    "axis": np.array(2),
    "two": np.array(2),
    "one": np.array(1),
    "pads": np.array([0, 0, 0, 0, 0, 0, 1, 0]),
    "last": f32(RNG, 3, 4, 1, 1),
    "edge": np.float32(0),
}
BODY = """c = Conv(x, k) s = Shape(c) n = Gather(s, axis) m = Mod(n, two) odd = Equal(m, one) even = Not(odd)
    b = Identity(c) y = Conv(b, last)"""


def branch(body: str, output: str, tensors: dict[str, np.ndarray] | None = None) -> onnx.GraphProto:
    """A branch of an If, of nodes in the text form of ``onnx.parser``, that makes ``output``."""
    nodes = onnx.parser.parse_graph("g () => () {" + body + "}").node
    port = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    values = [numpy_helper.from_array(np.asarray(value), name) for name, value in (tensors or {}).items()]
    return helper.make_graph(nodes, "branch", [], [port], values)


def model(tmp_path: Path, condition: str, then: onnx.GraphProto, other: onnx.GraphProto, body: str = BODY) -> Path:
    """Write a model whose node that makes ``b`` is an If."""
    made = make_model(body, SHAPE, C)
    (node,) = [node for node in made.graph.node if list(node.output) == ["b"]]
    node.CopyFrom(helper.make_node("If", [condition], ["b"], "/g/If", then_branch=then, else_branch=other))
    path = tmp_path / "branches.onnx"
    onnx.save(made, path)
    return path


@pytest.mark.parametrize("condition", ["odd", "even"])
def test_the_branch_that_sizes_choose(tmp_path: Path, condition: str) -> None:
    then = branch("r = Relu(c) p = Add(r, small)", "p", {"small": np.float32(0.25)})
    check(model(tmp_path, condition, then, branch("r = Tanh(c)", "r")))


def test_a_branch_that_passes_on_what_stands_outside(tmp_path: Path) -> None:
    _, final = check(model(tmp_path, "even", branch("r = Relu(c)", "r"), branch("o = Identity(c)", "o")))
    assert [layer.op.kind for layer in final.layers] == ["conv", "conv"]


def test_a_branch_inside_of_a_branch(tmp_path: Path) -> None:
    inner = helper.make_node(
        "If", ["even"], ["q"], then_branch=branch("o = Neg(r)", "o"), else_branch=branch("o = Abs(r)", "o")
    )
    then = branch("r = Relu(c)", "q")
    then.node.append(inner)
    check(model(tmp_path, "odd", then, branch("r = Tanh(c)", "r")))


@pytest.mark.parametrize("condition", ["odd", "even"])
def test_branches_that_make_different_sizes(tmp_path: Path, condition: str) -> None:
    check(model(tmp_path, condition, branch("o = Pad(c, pads)", "o"), branch("o = Identity(c)", "o")))


def test_a_branch_that_values_choose_is_refused(tmp_path: Path) -> None:
    body = BODY.replace("odd = Equal(m, one)", "g = ReduceMax<keepdims = 0>(c) odd = Greater(g, edge)")
    path = model(tmp_path, "odd", branch("r = Relu(c)", "r"), branch("r = Tanh(c)", "r"), body)
    with pytest.raises(UnsupportedError, match="as a computed tensor says") as caught:
        load(path)
    assert "Where" in str(caught.value.hint)
