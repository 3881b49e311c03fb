"""Tensors that are stacked along an axis which is then reduced, as branches in PyTorch: operators on all of them."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.normalize import Normalized

#: What reduces a stack, and what that is of the tensors in it.
_REDUCED: Mapping[str, str] = {"ReduceMax": "Max", "ReduceMean": "Mean", "ReduceSum": "Sum"}


def without_stacks(plain: Normalized) -> Normalized:
    """Return ``plain`` with a Sum, Mean or Max of several tensors in place of each stack that is reduced.

    A stack is a Concat of computed floats with one element along its axis.
    """
    makers = {node.output[0]: node for node in plain.model.graph.node}
    reduced = {
        node.output[0]: makers[node.input[0]]
        for node in plain.model.graph.node
        if node.op_type in _REDUCED
        and node.domain in ("", "ai.onnx")
        and plain.types[node.output[0]].elem == TensorProto.FLOAT
        and node.input[0] in makers
        and _is_stack(makers[node.input[0]], plain)
        and _axes(node, plain) == [_axis(makers[node.input[0]], plain)]
    }
    if not reduced:
        return plain
    added = Added(plain)
    for node in plain.model.graph.node:
        if node.output[0] not in reduced:
            added.nodes.append(node)
            continue
        shape = plain.types[node.output[0]].shape
        parts = []
        for name in reduced[node.output[0]].input:
            views = [name, added.shape(f"{name}/unstacked_shape", shape)]
            parts.append(added.node("Reshape", views, f"{name}/unstacked", shape, node.name))
        added.nodes.append(helper.make_node(_REDUCED[node.op_type], parts, node.output, node.name))
    return added.model()


def _is_stack(node: onnx.NodeProto, plain: Normalized) -> bool:
    if node.op_type != "Concat" or node.domain not in ("", "ai.onnx") or len(node.input) < 2:
        return False
    axis = _axis(node, plain)
    return all(name in plain.types and plain.types[name].shape[axis] == 1 for name in node.input)


def _axis(node: onnx.NodeProto, plain: Normalized) -> int:
    axis: int = next(a.i for a in node.attribute if a.name == "axis")
    return axis % len(plain.types[node.output[0]].shape)


def _axes(node: onnx.NodeProto, plain: Normalized) -> list[int]:
    """Return the axes that ``node`` reduces, from 0 on; none: all of them, or nothing, as other attributes say."""
    given = next((list(a.ints) for a in node.attribute if a.name == "axes"), [])
    if len(node.input) > 1 and node.input[1] in plain.constants:
        given = [int(n) for n in plain.constants[node.input[1]].ravel()]
    rank = len(plain.types[node.input[0]].shape)
    return [n % rank for n in given]
