"""Comparisons of two computed tensors: of their difference with 0, a function of one tensor."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from gan2hls.frontend.added import Added
from gan2hls.frontend.fusion import find_fused
from gan2hls.frontend.normalize import Normalized

COMPARISONS = frozenset(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"))


def of_differences(plain: Normalized) -> Normalized:
    """Return ``plain`` with a Sub and a comparison with 0 in place of each that is part of no function of one tensor.

    Raises:
        UnsupportedError: constants of a function that do not fit.
    """
    nodes = list(plain.model.graph.node)
    if not any(_compares_computed(node, plain) for node in nodes):
        return plain
    fusion = find_fused(plain)
    added = Added(plain)
    zero = added.constant("difference/zero", np.array(0, np.float32))
    for n, node in enumerate(nodes):
        if not _compares_computed(node, plain) or n in fusion.hidden:
            added.nodes.append(node)
            continue
        output = node.output[0]
        difference = added.node("Sub", node.input, f"{output}/difference", plain.types[output].shape, node.name)
        compared = onnx.NodeProto()
        compared.CopyFrom(node)
        compared.input[:] = [difference, zero]
        added.nodes.append(compared)
    return added.model()


def _compares_computed(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` compares floats that are both computed."""
    return (
        node.op_type in COMPARISONS
        and node.domain in ("", "ai.onnx")
        and all(name in plain.types and plain.types[name].elem == TensorProto.FLOAT for name in node.input)
    )
