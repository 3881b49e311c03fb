"""Sums, means and extremes of several computed tensors, spelled out as operators on two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gan2hls.frontend.constants import Array
from gan2hls.frontend.fusion import find_fused
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.tensor_type import TensorType

#: Operators on as many tensors as one likes, and those on two that they are spelled out with.
SUMS = {"Mean": "Add", "Sum": "Add", "Max": "Max", "Min": "Min"}


def spelled_out(plain: Normalized) -> Normalized:
    """Return ``plain`` with every operator of ``SUMS`` of several computed tensors as operators on two.

    What is a function of one tensor stays.
    """
    nodes = list(plain.model.graph.node)
    several = [
        n
        for n, node in enumerate(nodes)
        if node.op_type in SUMS
        and node.domain in ("", "ai.onnx")
        and len(_computed(node, plain)) > 1
        and (node.op_type != SUMS[node.op_type] or len(node.input) > 2)
    ]
    if not several:
        return plain
    fusion = find_fused(plain)
    apart = {n for n in several if n not in fusion.groups and n not in fusion.hidden}
    if not apart:
        return plain
    writer = _Writer(plain)
    made = onnx.ModelProto()
    made.CopyFrom(plain.model)
    del made.graph.node[:]
    for n, node in enumerate(nodes):
        made.graph.node.extend(writer.spelled(node) if n in apart else [node])
    made.graph.value_info.extend(
        helper.make_tensor_value_info(name, kind.elem, kind.shape) for name, kind in writer.types.items()
    )
    made.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in writer.constants.items())
    return replace(
        plain, model=made, types={**plain.types, **writer.types}, constants={**plain.constants, **writer.constants}
    )


def _computed(node: onnx.NodeProto, plain: Normalized) -> set[str]:
    return {name for name in node.input if name in plain.types}


@final
class _Writer:
    """Writes operators on two tensors.

    Attributes:
        types: of the tensors in between, by name.
        constants: that means are divided by.
    """

    def __init__(self, plain: Normalized) -> None:
        self.plain = plain
        self.types: dict[str, TensorType] = {}
        self.constants: dict[str, Array] = {}

    def spelled(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        """Yield the nodes that ``node`` is, computed tensors first; the last makes its output."""
        ordered = sorted(node.input, key=lambda name: name not in self.plain.types)
        steps = [(SUMS[node.op_type], name) for name in ordered[1:]]
        elem = self.plain.types[node.output[0]].elem
        if node.op_type == "Mean":
            count = self._free(f"{node.output[0]}/count")
            self.constants[count] = np.array(len(ordered), helper.tensor_dtype_to_np_dtype(elem))
            steps.append(("Div", count))
        done, shape = ordered[0], self._shape(ordered[0])
        for n, (op_type, name) in enumerate(steps):
            shape = np.broadcast_shapes(shape, self._shape(name))
            output = node.output[0]
            if n < len(steps) - 1:
                output = self._free(f"{node.output[0]}/{n}")
                self.types[output] = TensorType(elem, shape)
            yield helper.make_node(op_type, [done, name], [output], f"{node.name}/{op_type}_{n}")
            done = output

    def _shape(self, name: str) -> tuple[int, ...]:
        if name in self.constants:
            return ()
        return self.plain.types[name].shape if name in self.plain.types else self.plain.constants[name].shape

    def _free(self, name: str) -> str:
        """Return ``name``, or one like it that no tensor has."""
        while any(name in known for known in (self.plain.types, self.plain.constants, self.types, self.constants)):
            name += "_"
        return name
