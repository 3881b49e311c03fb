"""Evaluate nodes that depend on no input, after making sure that the result is of sane size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from gan2hls.errors import ModelError, UnsupportedError
from gan2hls.layers.draft import MAX_CONSTANT_ELEMENTS

Array = npt.NDArray[Any]


def evaluate(node: onnx.NodeProto, inputs: Mapping[str, Array], opset: int) -> dict[str, Array]:
    """Return the outputs of ``node`` by name; ``inputs`` holds the constants that it reads, by name.

    Raises:
        ModelError: ONNX Runtime refuses the node.
        UnsupportedError: a random result, a nested graph, or a result that is too large or of unknown size.
    """
    where = f"node {node.name!r} ({node.op_type})"
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    if schema.node_determinism == onnx.defs.OpSchema.NodeDeterminism.NonDeterministic or _RANDOM.get(node.op_type):
        raise UnsupportedError(
            "draws random numbers inside the model", where=where, hint="make the noise an input of the model"
        )
    if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
        raise UnsupportedError(
            "holds a nested graph", where=where, hint="simplify the model, for example with onnxslim"
        )
    protos = {name: onnx.numpy_helper.from_array(np.ascontiguousarray(v), name) for name, v in inputs.items()}
    _check_size(node, schema, protos, opset, where)
    outputs = [name for name in node.output if name]
    graph = onnx.helper.make_graph(
        [node],
        "constant",
        [],
        [onnx.helper.make_empty_tensor_value_info(name) for name in outputs],
        list(protos.values()),
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run(outputs, {})
    except Exception as error:  # onnxruntime raises classes of its own, all derived from Exception
        raise ModelError(f"its constant value cannot be computed: {error}", where=where) from error
    return {name: np.asarray(value) for name, value in zip(outputs, found, strict=True)}


_RANDOM = dict.fromkeys(
    ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"), True
)


def _check_size(
    node: onnx.NodeProto, schema: Any, protos: Mapping[str, onnx.TensorProto], opset: int, where: str
) -> None:
    types = {
        name: onnx.helper.make_tensor_type_proto(proto.data_type, list(proto.dims)) for name, proto in protos.items()
    }
    try:
        inferred = onnx.shape_inference.infer_node_outputs(
            schema, node, types, dict(protos), opset_imports=[onnx.helper.make_opsetid("", opset)]
        )
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise ModelError(f"is not consistent: {str(error).strip().splitlines()[0]}", where=where) from error
    for name in filter(None, node.output):
        kind = inferred[name].tensor_type if name in inferred else None
        sizes = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim] if kind else [None]
        if kind is None or not kind.HasField("shape") or None in sizes:
            raise UnsupportedError(
                "makes a constant whose size is not known in advance",
                where=where,
                hint="simplify the model, for example with onnxslim",
            )
        count = math.prod(size or 0 for size in sizes)
        if count > MAX_CONSTANT_ELEMENTS:
            raise UnsupportedError(
                f"makes a constant of shape {sizes}, {count} elements; {MAX_CONSTANT_ELEMENTS} are supported",
                where=where,
            )
