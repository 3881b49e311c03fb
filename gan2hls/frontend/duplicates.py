"""Nodes that compute the same of the same: one is left, as of quantizers that stand once for each reader."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import onnx

from gan2hls.frontend.constants import Array
from gan2hls.frontend.normalize import Normalized

#: Elements of the largest constants that are compared by their values; larger ones are by name.
_COMPARED = 4096


def without_duplicates(plain: Normalized) -> Normalized:
    """Return ``plain`` without the nodes, but for those of outputs, that repeat another of one output."""
    outputs = {port.name for port in plain.model.graph.output}
    first: dict[Hashable, str] = {}
    renamed: dict[str, str] = {}
    kept: list[onnx.NodeProto] = []
    for original in plain.model.graph.node:
        node = original
        if not renamed.keys().isdisjoint(node.input):
            node = onnx.NodeProto()
            node.CopyFrom(original)
            node.input[:] = [renamed.get(name, name) for name in node.input]
        same = first.setdefault(_key(node, plain.constants), node.output[0])
        if same != node.output[0] and len(node.output) == 1 and node.output[0] not in outputs:
            renamed[node.output[0]] = same
        else:
            kept.append(node)
    if not renamed:
        return plain
    made = onnx.ModelProto()
    made.CopyFrom(plain.model)
    del made.graph.node[:], made.graph.value_info[:]
    made.graph.node.extend(kept)
    made.graph.value_info.extend(info for info in plain.model.graph.value_info if info.name not in renamed)
    return replace(plain, model=made, types={name: t for name, t in plain.types.items() if name not in renamed})


def _key(node: onnx.NodeProto, constants: Mapping[str, Array]) -> Hashable:
    """Return what two nodes that compute the same have in common."""

    def operand(name: str) -> Hashable:
        value = constants.get(name)
        if value is None or value.size > _COMPARED:
            return name
        return value.dtype.str, value.shape, value.tobytes()

    attributes = sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
    return node.op_type, node.domain, len(node.output), *map(operand, node.input), *attributes
