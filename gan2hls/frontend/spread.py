"""Operands of elementwise nodes that are spread over more than a layer spreads them: an Expand in front says so."""

from __future__ import annotations

import math

import onnx

from gan2hls.base import UnsupportedError
from gan2hls.frontend.added import Added
from gan2hls.frontend.functions import ELEMENTWISE
from gan2hls.frontend.normalize import Normalized
from gan2hls.kinds import JOINS


def expanded_operands(plain: Normalized) -> Normalized:
    """Return ``plain`` with an Expand in front of computed operands that no layer spreads as their node does.

    So is a vector that meets a constant map, as the style of a network that begins with one, or a row that meets a map.
    """
    added = Added(plain)
    known: dict[tuple[str, tuple[int, ...]], str] = {}
    for original in plain.model.graph.node:
        node = original
        shape = plain.types[node.output[0]].shape if node.output[0] in plain.types else ()
        for name in _to_expand(node, plain, shape):
            key = name, shape
            if key not in known:
                inputs = [name, added.shape(f"{name}/spread_shape", shape)]
                known[key] = added.node("Expand", inputs, f"{name}/spread", shape, original.name)
            if node is original:
                node = onnx.NodeProto()
                node.CopyFrom(original)
            node.input[:] = [known[key] if read == name else read for read in node.input]
        added.nodes.append(node)
    return added.model() if known else plain


def _to_expand(node: onnx.NodeProto, plain: Normalized, shape: tuple[int, ...]) -> list[str]:
    """Return the computed operands of ``node``, which makes ``shape``, that need an Expand to it."""
    computed = [name for name in dict.fromkeys(node.input) if name in plain.types]
    if node.domain not in ("", "ai.onnx") or node.op_type not in ELEMENTWISE or not computed or not math.prod(shape):
        return []
    sizes = {name: math.prod(plain.types[name].shape) for name in computed}
    largest = max(computed, key=lambda name: sizes[name])
    wanted = [largest] if sizes[largest] < math.prod(shape) else []
    if len(computed) == 2 and node.op_type in JOINS and len(node.input) == 2:
        shapes = [shape if name in wanted else plain.types[name].shape for name in node.input]
        try:
            JOINS[node.op_type](shapes, shape)
        except UnsupportedError:
            wanted = [name for name in computed if plain.types[name].shape != shape]
    return wanted
