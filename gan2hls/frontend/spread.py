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
    if node.domain not in ("", "ai.onnx") or node.op_type not in ELEMENTWISE or not computed or shape[:1] != (1,):
        return []
    small = [name for name in computed if plain.types[name].shape != shape]
    if len(computed) == 1:
        return small if math.prod(plain.types[computed[0]].shape) < math.prod(shape) else []
    if len(computed) > 2 or node.op_type not in JOINS or len(node.input) > 2:
        return small if len(small) == len(computed) else []
    by_rows = sorted(small, key=lambda name: _channels(plain.types[name].shape, shape) == 1)
    choices = [[], *([name] for name in by_rows), small]
    return next(wanted for wanted in choices if _is_joined(node, wanted, plain, shape))


def _channels(given: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Return the channels of an operand that is spread to ``shape``: where there are several, its copy is easy."""
    padded = (1,) * (len(shape) - len(given)) + given
    return padded[1] if len(padded) > 1 else 1


def _is_joined(node: onnx.NodeProto, wanted: list[str], plain: Normalized, shape: tuple[int, ...]) -> bool:
    """Whether a layer joins the operands of ``node`` once ``wanted`` have been expanded."""
    try:
        JOINS[node.op_type]([shape if name in wanted else plain.types[name].shape for name in node.input], shape)
    except UnsupportedError:
        return False
    return True
