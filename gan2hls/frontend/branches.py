"""If whose condition follows from sizes and constants, as of a scripted model: nodes of the branch that is taken."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from gan2hls.base import UnsupportedError
from gan2hls.frontend.naming import describe
from gan2hls.frontend.read import sub_graphs

_IN_ITS_PLACE = "put the nodes of the branch that is taken in its place"


def is_branch(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is an If."""
    return node.op_type == "If" and node.domain in ("", "ai.onnx")


def names_read(node: onnx.NodeProto) -> list[str]:
    """Return the names that ``node`` and the nodes of its sub-graphs read, whoever makes them."""
    names = [name for name in node.input if name]
    for graph in sub_graphs(node):
        names += [name for inner in graph.node for name in names_read(inner)]
        names += [output.name for output in graph.output]
    return names


def check_straight(node: onnx.NodeProto) -> None:
    """Check that a node has no sub-graph, or is an If.

    Raises:
        UnsupportedError: it is a loop.
    """
    if not is_branch(node) and any(sub_graphs(node)):
        raise UnsupportedError(
            "contains a sub-graph",
            where=describe(node),
            hint="unroll it: put its nodes in its place, once for each turn",
        )


def depends_on_values(node: onnx.NodeProto) -> UnsupportedError:
    """Return the error of an If whose condition is computed."""
    return UnsupportedError(
        "takes one branch or the other as a computed tensor says",
        where=describe(node),
        hint=f"{_IN_ITS_PLACE}, or choose between two tensors by Where: a branch is followed where sizes choose it",
    )


def taken(node: onnx.NodeProto, holds: bool) -> tuple[list[onnx.NodeProto], Mapping[str, onnx.TensorProto]]:
    """Return the nodes of the branch of an If that is taken, and its initializers, under names of their own.

    Args:
        node: the If.
        holds: whether its condition does.
    """
    branch = next(a.g for a in node.attribute if a.name == ("then_branch" if holds else "else_branch"))
    inside = [name for inner in branch.node for name in inner.output if name]
    names = {name: f"{node.output[0]}/{name}" for name in (*inside, *(tensor.name for tensor in branch.initializer))}
    names |= {inner.name: outer for inner, outer in zip(branch.output, node.output, strict=True) if outer}
    parts = []
    for inner_node in branch.node:
        part = onnx.NodeProto()
        part.CopyFrom(inner_node)
        _rename(part, names)
        parts.append(part)
    return parts, {names[tensor.name]: tensor for tensor in branch.initializer}


def _rename(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    """Give the tensors of ``node``, and of its sub-graphs, other names."""
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]
    for graph in sub_graphs(node):
        for inner in graph.node:
            _rename(inner, names)
        for output in graph.output:
            output.name = names.get(output.name, output.name)
