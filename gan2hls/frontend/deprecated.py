"""Operators of older sets in forms that the installed onnx checks and infers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

#: Operator sets whose GroupNormalization has a scale and a bias for each group; onnx's checker refuses it.
_BY_GROUP = range(18, 21)
#: First operator set whose Slice has bounds and axes as inputs, and may have these in any order.
_SLICE_BY_INPUTS = 10


def respell(model: onnx.ModelProto) -> None:
    """Write GroupNormalization of opsets 18 to 20 as InstanceNormalization of its groups, in place.

    Slices before opset 10 get their axes in order: of others, as tf2onnx writes them, onnx infers no shape.
    """
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset < _SLICE_BY_INPUTS:
        for node in model.graph.node:
            if node.op_type == "Slice" and node.domain in ("", "ai.onnx"):
                _sort_axes(node)
    if opset not in _BY_GROUP or not any(node.op_type == "GroupNormalization" for node in model.graph.node):
        return
    nodes = [part for node in model.graph.node for part in _parts(model, node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _sort_axes(node: onnx.NodeProto) -> None:
    """Put the axes of a Slice in order, and its bounds with them."""
    lists = {a.name: a.ints for a in node.attribute if a.name in ("axes", "starts", "ends")}
    sizes = {len(values) for values in lists.values()}
    if "axes" in lists and len(sizes) == 1:  # other sizes are an error, which the checker tells
        order = np.argsort(lists["axes"], kind="stable")
        for values in lists.values():
            values[:] = [values[n] for n in order]


def _parts(model: onnx.ModelProto, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield ``node``, or the nodes that it stands for; their constants join the model."""
    if node.op_type != "GroupNormalization" or node.domain not in ("", "ai.onnx"):
        yield node
        return
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    x, scale, bias = node.input
    made = node.output[0]
    grouped = np.array([0, attributes.get("num_groups", 1), -1], np.int64)
    model.graph.initializer.append(numpy_helper.from_array(grouped, f"{made}/groups"))
    yield helper.make_node("Shape", [x], [f"{made}/shape"], f"{node.name}/shape")
    yield helper.make_node("Reshape", [x, f"{made}/groups"], [f"{made}/grouped"], f"{node.name}/grouped")
    yield helper.make_node(
        "InstanceNormalization",
        [f"{made}/grouped", scale, bias],
        [f"{made}/normalized"],
        node.name,
        epsilon=attributes.get("epsilon", 1e-5),
    )
    yield helper.make_node("Reshape", [f"{made}/normalized", f"{made}/shape"], [made], f"{node.name}/image")
