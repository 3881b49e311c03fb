"""Choices between computed tensors by a condition, as of a mask: sums of products by 0 and 1."""

from __future__ import annotations

from typing import final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.fusion import find_fused
from gan2hls.frontend.normalize import Normalized


def as_sums(plain: Normalized) -> Normalized:
    """Return ``plain`` with a sum of two products in place of each Where that is part of no function of one tensor.

    One factor of each is 1 where its operand is chosen, else 0: a function of what makes the condition, or a constant.

    Raises:
        UnsupportedError: constants of a function that do not fit.
    """
    nodes = list(plain.model.graph.node)
    if not any(_chooses(node, plain) for node in nodes):
        return plain
    fusion = find_fused(plain)
    writer = _Writer(plain)
    for n, node in enumerate(nodes):
        if not _chooses(node, plain) or n in fusion.groups or n in fusion.hidden:
            writer.added.nodes.append(node)
        else:
            writer.sum_of(node)
    return writer.added.model()


def _chooses(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` is a Where of floats that reads several computed tensors, a float among them."""
    return (
        node.op_type == "Where"
        and node.domain in ("", "ai.onnx")
        and plain.types[node.output[0]].elem == TensorProto.FLOAT
        and sum(name in plain.types for name in node.input) > 1
    )


@final
class _Writer:
    """Writes sums of products; a factor that several of them have is made once."""

    def __init__(self, plain: Normalized) -> None:
        self.plain = plain
        self.added = Added(plain)
        self.one = self.added.constant("choice/one", np.array(1, np.float32))
        self.zero = self.added.constant("choice/zero", np.array(0, np.float32))
        self.factors: dict[tuple[str, bool], str] = {}

    def sum_of(self, node: onnx.NodeProto) -> None:
        """Write the sum that ``node`` is."""
        condition, *operands = node.input
        output = node.output[0]
        terms: list[tuple[str, list[str]]] = []
        for holds, name in zip((True, False), operands, strict=True):
            if name in self.plain.types or self.plain.constants[name].any():
                factor = self._factor(condition, holds, node.name)
                terms.append((f"{output}/{'chosen' if holds else 'other'}", [factor, name]))
        if len(terms) == 1:
            self.added.nodes.append(helper.make_node("Mul", terms[0][1], [output], node.name))
            return
        products = [
            self.added.node("Mul", inputs, name, np.broadcast_shapes(*map(self._shape, inputs)), node.name)
            for name, inputs in terms
        ]
        self.added.nodes.append(helper.make_node("Add", products, [output], node.name))

    def _shape(self, name: str) -> tuple[int, ...]:
        if name in self.added.types:
            return self.added.types[name].shape
        return {**self.plain.constants, **self.added.constants}[name].shape

    def _factor(self, condition: str, holds: bool, source: str) -> str:
        """Return what is 1 where ``condition`` is as ``holds`` says, else 0."""
        key = condition, holds
        if key not in self.factors:
            name = f"{condition}/{'holds' if holds else 'fails'}"
            if condition in self.plain.types:
                values = [self.one, self.zero] if holds else [self.zero, self.one]
                shape = self.plain.types[condition].shape
                self.factors[key] = self.added.node("Where", [condition, *values], name, shape, source)
            else:
                value = (self.plain.constants[condition] == holds).astype(np.float32)
                self.factors[key] = self.added.constant(name, value)
        return self.factors[key]
