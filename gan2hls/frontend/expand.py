"""Operators that ONNX defines by simpler ones: Swish, Mish, Gelu, Softmax and whatever else has a function body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from onnx import helper, inliner

#: Operators whose bodies reduce tensors by what is built as part of a normalization alone.
_REDUCING = frozenset(("LogSoftmax", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"))

#: First operator set whose Softmax is of one axis, and is defined by simpler operators.
SOFTMAX_OF_ONE_AXIS = 13


def flat_softmax(node: onnx.NodeProto, rank: int, maker: onnx.NodeProto | None) -> list[onnx.NodeProto]:
    """Return what a Softmax of older operator sets is, which is of its axis and all behind it.

    Args:
        node: the Softmax.
        rank: of its input.
        maker: what makes its input; a Transpose that brings an axis to the end for it goes behind it, so that the
            reductions see the tensor as it was.
    """
    (y,) = node.output
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1) % rank
    perm = [] if maker is None or maker.op_type != "Transpose" else [n for a in maker.attribute for n in a.ints]
    if maker is not None and perm and axis == rank - 1:
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        plain.input[:], plain.output[:] = maker.input, [f"{y}/unturned"]
        turned = helper.make_node("Transpose", plain.output, [y], f"{node.name or y}/Transpose", perm=perm)
        return [*_softmax(plain, {"axes": [perm[-1]], "keepdims": 1}), turned]
    return _softmax(node, {"axes": list(range(axis, rank)), "keepdims": 1})


def _softmax(node: onnx.NodeProto, over: Mapping[str, Any]) -> list[onnx.NodeProto]:
    """Return a Softmax as reductions with the attributes ``over``, and what stands between them."""
    (x,), (y,), base = node.input, node.output, node.name or node.output[0]
    return [
        helper.make_node("ReduceMax", [x], [f"{y}/greatest"], f"{base}/ReduceMax", **over),
        helper.make_node("Sub", [x, f"{y}/greatest"], [f"{y}/below"], f"{base}/Sub"),
        helper.make_node("Exp", [f"{y}/below"], [f"{y}/powers"], f"{base}/Exp"),
        helper.make_node("ReduceSum", [f"{y}/powers"], [f"{y}/sum"], f"{base}/ReduceSum", **over),
        helper.make_node("Div", [f"{y}/powers", f"{y}/sum"], [y], f"{base}/Div"),
    ]


def has_body(node: onnx.NodeProto, opset: int) -> bool:
    """Whether ONNX says by other operators, which could be built, what ``node`` of the default domain computes."""
    if node.domain not in ("", "ai.onnx") or node.op_type in _REDUCING:
        return False
    try:
        schema: Any = onnx.defs.get_schema(node.op_type, opset, "")  # whose types lack what is asked below
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


def expanded(single: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return the nodes that the only node of ``single`` stands for, named after it; none if there is no body for it.

    Args:
        single: its inputs have types, since a body may depend on them.
    """
    (node,) = single.graph.node
    _write_defaults(node, max(o.version for o in single.opset_import if o.domain in ("", "ai.onnx")))
    try:
        made = inliner.inline_selected_functions(single, [("", node.op_type)], inline_schema_functions=True)
    except Exception:  # RuntimeError and ValueError from C++: there is no body for these types
        return []
    parts = list(made.graph.node)
    if any(part.op_type == node.op_type and part.domain == node.domain for part in parts):
        return []
    outer = {name: name for name in (*node.input, *node.output) if name}
    base = node.name or node.output[0]
    names: Mapping[str, str] = outer | {
        name: f"{node.output[0]}/{name}" for part in parts for name in part.output if name and name not in outer
    }
    for n, part in enumerate(parts):
        part.name = f"{base}/{part.op_type}_{n}"
        part.input[:] = [names.get(name, name) for name in part.input]
        part.output[:] = [names.get(name, name) for name in part.output]
    return parts


def _write_defaults(node: onnx.NodeProto, opset: int) -> None:
    """Write down the attributes that ``node`` leaves to their defaults: a body that refers to them needs them."""
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type, opset, "").attributes.items():
        if name not in given and attribute.default_value.type:
            node.attribute.append(attribute.default_value)
