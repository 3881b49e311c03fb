"""Constants that a rewritten operator needs, where the file's have those very names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(7)
CONSTANTS = {
    "front": f32(RNG, 4, 6),
    "style": f32(RNG, 4, 6),
    "back": f32(RNG, 6, 6),
    "wide": f32(RNG, 4, 75),
    "map": np.array([1, 3, 5, 5]),
    "factors": f32(RNG, 6),
    "taken": np.array([True, False, True, True, False, False]),
}
BODIES = {
    "m/windows_0": """d = Gemm(x, wide) v = Reshape(d, map) m = MaxPool<kernel_shape = [3, 3]>(v)
        y = Add(m, own)""",
    "n/neutral_0": """v = Gemm(x, front) s = Gemm(x, style) n = LayerNormalization(v, s) o = MatMul(n, back)
        y = Add(o, own)""",
    "c/zeros_0": "v = Gemm(x, front) c = Concat<axis = 1>(v, row) y = Add(c, own)",
    "c/offset": "v = Gemm(x, front) c = Concat<axis = 1>(v, row) y = Add(c, own)",
    "k/taken": "v = Gemm(x, front) k = Compress<axis = 1>(v, taken) y = Add(k, own)",
    "e/factor": "v = Gemm(x, front) e = Einsum<equation = 'bc,c->bc'>(v, factors) y = Add(e, own)",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_constant_of_the_file_is_not_overwritten(tmp_path: Path, name: str) -> None:
    """``own``, which has the ``name`` in the file, is read behind the operator."""
    size = {"m": (3, 1, 1), "n": (6,), "c": (9,), "k": (3,), "e": (6,)}[name[0]]
    constants = CONSTANTS | {"row": f32(RNG, 1, 3), "own": f32(RNG, *size)}
    path = save(tmp_path, BODIES[name].replace("'", '"'), (1, 4), constants)
    model = onnx.load(path)
    for node in model.graph.node:
        node.input[:] = [name if read == "own" else read for read in node.input]
    for tensor in model.graph.initializer:
        tensor.name = name if tensor.name == "own" else tensor.name
    onnx.save(model, path)
    check(path)


def test_a_constant_of_a_branch_is_not_overwritten(tmp_path: Path) -> None:
    """Names of a branch that is taken are put behind that of the If, as those of added constants are."""
    path = save(tmp_path, "v = Gemm(x, front) y = Relu(v)", (1, 4), CONSTANTS | {"yes": np.array(True)})
    model = onnx.load(path)
    own = {"row": f32(RNG, 1, 3), "c/zeros_0": f32(RNG, 9)}
    branch = helper.make_graph(
        [
            helper.make_node("Concat", ["v", "row"], ["c"], axis=1),
            helper.make_node("Add", ["c", "c/zeros_0"], ["out"]),
        ],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 9))],
        [numpy_helper.from_array(value, name) for name, value in own.items()],
    )
    model.graph.node[-1].CopyFrom(helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch))
    onnx.save(model, path)
    check(path)


@pytest.mark.parametrize(
    "body",
    [
        "v = Gemm(x, front) p = ReduceL1<axes = [1]>(v) q = ReduceL2<axes = [1]>(v) y = Add(p, q)",
        "v = Gemm(x, front) s = Gemm(x, style) r = Abs(v) p = Sum(v, s, r) q = Max(r, s, v) y = Add(p, q)",
        "v = Gemm(x, wide) g = Reshape(v, high) p = Softmax<axis = 1>(g) q = Softmax<axis = 2>(g) y = Add(p, q)",
        "v = Gemm(x, front) s = Gemm(x, style) p = Div(v, s) q = Div(s, v) y = Add(p, q)",
    ],
)
def test_nodes_without_names_make_no_two_of_one_name(tmp_path: Path, body: str) -> None:
    path = save(tmp_path, body, (1, 4), {**CONSTANTS, "high": np.array([1, 3, 5, 5, 1])})
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = ""
    onnx.save(model, path)
    loaded, _ = check(path, tolerance=1e-3)
    names = [node.name for node in loaded.onnx_model.graph.node]
    assert "" not in names and len(set(names)) == len(names)
