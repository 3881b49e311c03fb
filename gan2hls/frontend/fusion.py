"""Patterns of several nodes that are one function: Swish as Sigmoid and Mul."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import onnx

from gan2hls.frontend.normalize import Array, Normalized
from gan2hls.points import Curve, Point


@final
@dataclass(frozen=True)
class Fused:
    """A group of nodes read as one.

    Attributes:
        input: the tensor that the group reads.
        nodes: positions of its nodes; the last makes the output.
        points: what it computes.
    """

    input: str
    nodes: tuple[int, ...]
    points: tuple[Point, ...]


def find_fused(plain: Normalized) -> dict[int, Fused]:
    """Return the groups by the position of their last node."""
    nodes = list(plain.model.graph.node)
    makers = {node.output[0]: n for n, node in enumerate(nodes)}
    readers: dict[str, int] = {}
    for node in nodes:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    found = {}
    for n, node in enumerate(nodes):
        if node.op_type == "Mul" and all(name in plain.types for name in node.input):
            for x, gate in (tuple(node.input), tuple(reversed(node.input))):
                group = _gate(nodes, makers, plain.constants, x, gate)
                if group is not None and all(readers[nodes[m].output[0]] == 1 for m in group.nodes):
                    found[n] = Fused(x, (*group.nodes, n), group.points)
    return found


def _gate(
    nodes: list[onnx.NodeProto], makers: Mapping[str, int], constants: Mapping[str, Array], x: str, gate: str
) -> Fused | None:
    """Return the nodes from ``x`` to ``gate`` if it is a sigmoid of ``x``, with the points of ``x * gate``."""
    if gate not in makers:
        return None
    position = makers[gate]
    node = nodes[position]
    if node.op_type == "HardSigmoid" and node.input[0] == x:
        values = {a.name: a.f for a in node.attribute}
        if abs(values.get("alpha", 0.2) - 1 / 6) < 1e-6 and values.get("beta", 0.5) == 0.5:
            return Fused(x, (position,), (Curve("hardswish"),))
        return None
    if node.op_type != "Sigmoid":
        return None
    if node.input[0] == x:
        return Fused(x, (position,), (Curve("swish", (("beta", 1.0),)),))
    inner = makers.get(node.input[0])
    if inner is None or nodes[inner].op_type != "Mul" or x not in nodes[inner].input:
        return None
    factor = constants.get(next((name for name in nodes[inner].input if name != x), ""))
    if factor is None or np.size(factor) != 1:
        return None
    return Fused(x, (inner, position), (Curve("swish", (("beta", float(np.ravel(factor)[0])),)),))
