"""Hand-made ONNX models: a few lines of onnx's text form and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gan2hls import passes
from gan2hls.frontend import load
from gan2hls.model.ir import Graph

NEWEST = 26  # the newest operator set that ONNX Runtime 1.32 runs


def make_model(
    body: str,
    shape: Sequence[int | str | None] | None,
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    opset: int = 17,
    elem: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a model that computes ``y`` from ``x`` by ``body``, in the text form of ``onnx.parser``."""
    parsed = onnx.parser.parse_graph("g (float[N] x) => (float[M] y) {" + body + "}")
    graph = helper.make_graph(
        list(parsed.node),
        "g",
        [helper.make_tensor_value_info("x", elem, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    for n, node in enumerate(graph.node):
        node.name = node.name or f"/g/{node.op_type}_{n}"
    ir_version = 4 if opset <= 9 else 8 if opset <= 17 else 12
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def save(
    folder: Path,
    body: str,
    shape: Sequence[int | str | None] | None,
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    opset: int = 17,
    elem: int = TensorProto.FLOAT,
) -> Path:
    """Write such a model to ``folder``."""
    path = folder / "hand_made.onnx"
    onnx.save(make_model(body, shape, constants, opset=opset, elem=elem), path)
    return path


def final_graph(folder: Path, model: onnx.ModelProto) -> Graph:
    """The graph of a model after all passes, by way of a file in ``folder``."""
    path = folder / "m.onnx"
    onnx.save(model, path)
    return passes.run(load(path).graph)


def f32(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random float32 weights."""
    return rng.normal(size=shape).astype(np.float32)
