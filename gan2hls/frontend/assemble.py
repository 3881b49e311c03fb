"""Put an ONNX model together so that its weights stand in memory once."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import helper


def assemble(
    graph: onnx.GraphProto,
    tensors: Iterable[onnx.TensorProto],
    opset_imports: Iterable[onnx.OperatorSetIdProto],
    ir_version: int,
) -> onnx.ModelProto:
    """Return a model of ``graph``, whose initializers become ``tensors``, which are taken one by one."""
    model = helper.make_model(graph, opset_imports=list(opset_imports), ir_version=ir_version)
    for tensor in tensors:
        model.graph.initializer.append(tensor)
    return model
