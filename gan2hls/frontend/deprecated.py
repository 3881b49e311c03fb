"""Operators that are written in others: of older sets, or of none, and those that are no layer of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import onnx
from onnx import helper, numpy_helper

#: Operator sets whose GroupNormalization has a scale and a bias for each group; onnx's checker refuses it.
_BY_GROUP = range(18, 21)
#: First operator set whose Slice has bounds and axes as inputs, and may have these in any order.
_SLICE_BY_INPUTS = 10
#: First operator set whose ReduceL1 and ReduceL2 have axes as an input.
_LENGTH_BY_INPUTS = 18
#: Least length by which LpNormalization divides: what has none stays 0.
_LEAST_LENGTH = 1e-12
_Spelling = Callable[[onnx.ModelProto, onnx.NodeProto], Iterable[onnx.NodeProto]]
#: Operators that exporters write although ONNX has none of the name: tf2onnx of an exact GELU.
RESPELLED = frozenset(("Erfc",))


def respell(model: onnx.ModelProto) -> None:
    """Write GroupNormalization of opsets 18 to 20 as InstanceNormalization of its groups, in place.

    Erfc becomes Erf, and LpNormalization a quotient by ReduceL1 or ReduceL2.  Floats of the model are float32.
    Slices before opset 10 get their axes in order: of others, as tf2onnx writes them, onnx infers no shape.
    """
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset < _SLICE_BY_INPUTS:
        for node in model.graph.node:
            if node.op_type == "Slice" and node.domain in ("", "ai.onnx"):
                _sort_axes(node)
    parts: dict[str, _Spelling] = {
        "Erfc": _complement,
        "LpNormalization": partial(_by_length, axes_given=opset >= _LENGTH_BY_INPUTS),
    }
    parts |= {"GroupNormalization": _by_group} if opset in _BY_GROUP else {}
    if not any(node.op_type in parts for node in model.graph.node):
        return
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        spell = parts.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        nodes.extend(spell(model, node) if spell else [node])
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


def _complement(model: onnx.ModelProto, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield 1 - Erf, which an Erfc stands for; the constant joins the model."""
    (made,) = node.output
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), f"{made}/one"))
    yield helper.make_node("Erf", node.input, [f"{made}/erf"], f"{node.name}/erf")
    yield helper.make_node("Sub", [f"{made}/one", f"{made}/erf"], [made], node.name)


def _by_length(model: onnx.ModelProto, node: onnx.NodeProto, *, axes_given: bool) -> Iterator[onnx.NodeProto]:
    """Yield x / max(|x|, least), which a LpNormalization stands for; its constants join the model.

    One that is none of ONNX's stays, to be refused as what it is.
    """
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    power, axis = attributes.get("p", 2), attributes.get("axis", -1)
    if power not in (1, 2) or not isinstance(axis, int) or (len(node.input), len(node.output)) != (1, 1):
        yield node
        return
    (made,), axes = node.output, [axis]
    constants = {"least": np.array(_LEAST_LENGTH, np.float32)} | ({"axes": np.array(axes)} if axes_given else {})
    model.graph.initializer.extend(
        numpy_helper.from_array(value, f"{made}/{name}") for name, value in constants.items()
    )
    given = [*node.input, *([f"{made}/axes"] if axes_given else [])]
    length = helper.make_node(f"ReduceL{power}", given, [f"{made}/length"], f"{node.name}/length")
    if not axes_given:
        length.attribute.append(helper.make_attribute("axes", axes))
    yield length
    yield helper.make_node("Max", [f"{made}/length", f"{made}/least"], [f"{made}/divisor"], f"{node.name}/divisor")
    yield helper.make_node("Div", [*node.input, f"{made}/divisor"], [made], node.name)


def _by_group(model: onnx.ModelProto, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that a GroupNormalization of opsets 18 to 20 stands for; their constants join the model."""
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
