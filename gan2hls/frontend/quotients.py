"""Quotients of two computed tensors: products with the reciprocal of the divisor, a function of one tensor."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from gan2hls.frontend.added import Added
from gan2hls.frontend.fusion import find_fused
from gan2hls.frontend.normalize import Normalized


def as_products(plain: Normalized) -> Normalized:
    """Return ``plain`` with a Mul by a Reciprocal in place of each Div that is part of no function of one tensor.

    Raises:
        UnsupportedError: constants of a function that do not fit.
    """
    nodes = list(plain.model.graph.node)
    if not any(_divides_computed(node, plain) for node in nodes):
        return plain
    fusion = find_fused(plain)
    added = Added(plain)
    inverses: dict[str, str] = {}
    for n, node in enumerate(nodes):
        if not _divides_computed(node, plain) or n in fusion.groups or n in fusion.hidden:
            added.nodes.append(node)
            continue
        dividend, divisor = node.input
        if divisor not in inverses:
            shape = plain.types[divisor].shape
            inverses[divisor] = added.node("Reciprocal", [divisor], f"{divisor}/inverse", shape, node.name)
        product = onnx.NodeProto()
        product.CopyFrom(node)
        product.op_type = "Mul"
        product.input[:] = [dividend, inverses[divisor]]
        added.nodes.append(product)
    return added.model()


def _divides_computed(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` is a quotient of floats that are both computed."""
    return (
        node.op_type == "Div"
        and node.domain in ("", "ai.onnx")
        and all(name in plain.types and plain.types[name].elem == TensorProto.FLOAT for name in node.input)
    )
