"""A model with other nodes in the place of some of its own, while it is written; and its reference with both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gan2hls.frontend.constants import Array
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.tensor_type import TensorType


@final
class Added:
    """The nodes of a model as they are written.

    Attributes:
        nodes: so far, in order.
        types: of computed tensors, by name, those of the model among them.
        constants: that were added, by name.
    """

    def __init__(self, plain: Normalized) -> None:
        self._plain = plain
        self._labels = {node.name for node in plain.model.graph.node}
        self.nodes: list[onnx.NodeProto] = []
        self.types: dict[str, TensorType] = dict(plain.types)
        self.constants: dict[str, Array] = {}

    def node(
        self, op_type: str, inputs: Sequence[str], output: str, shape: tuple[int, ...], source: str | None = None
    ) -> str:
        """Add a node of floats and return what its output is called: a tensor of the model, or a name that is free."""
        name = output if output in self._plain.types and output not in self._made() else self.free(output)
        label = f"{source}/{op_type}" if source else name
        while label in self._labels:
            label += "_"
        self._labels.add(label)
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], label))
        self.types[name] = TensorType(onnx.TensorProto.FLOAT, shape)
        return name

    def tensor(self, name: str, shape: tuple[int, ...]) -> str:
        """Note a tensor of floats that a node of the caller makes and return its name."""
        name = self.free(name)
        self.types[name] = TensorType(onnx.TensorProto.FLOAT, shape)
        return name

    def constant(self, name: str, value: Array) -> str:
        """Add a constant and return its name."""
        name = self.free(name)
        self.constants[name] = value
        return name

    def shape(self, name: str, shape: tuple[int, ...]) -> str:
        """Add the constant that a Reshape or Expand to ``shape`` reads and return its name."""
        return self.constant(name, np.array(shape, np.int64))

    def free(self, name: str) -> str:
        """Return ``name``, or one like it that no tensor has."""
        while name in self.types or name in self.constants or name in self._plain.constants:
            name += "_"
        return name

    def model(self) -> Normalized:
        """Return the model of these nodes, without those that nobody reads any more."""
        made = onnx.ModelProto()
        made.CopyFrom(self._plain.model)
        del made.graph.node[:]
        needed = {output.name for output in made.graph.output}
        kept = []
        for node in reversed(self.nodes):
            if not needed.isdisjoint(node.output):
                kept.append(node)
                needed.update(node.input)
        made.graph.node.extend(kept[::-1])
        names = self.types.keys() - self._plain.types.keys()
        made.graph.value_info.extend(
            helper.make_tensor_value_info(name, self.types[name].elem, self.types[name].shape) for name in sorted(names)
        )
        made.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in self.constants.items())
        constants = {**self._plain.constants, **self.constants}
        return replace(self._plain, model=made, types=self.types, constants=constants)

    def _made(self) -> set[str]:
        return {name for node in self.nodes for name in node.output}


def beside(reference: onnx.ModelProto, built: Normalized) -> onnx.ModelProto:
    """Return ``reference`` with the tensors that ``built`` has in addition.

    What both have, its own nodes make still: the model that is built is held to the nodes of the file.
    """
    known = {name for node in reference.graph.node for name in node.output}
    known.update(port.name for port in reference.graph.input)
    added = [node for node in built.model.graph.node if known.isdisjoint(node.output)]
    if not added:
        return reference
    made = onnx.ModelProto()
    made.CopyFrom(reference)
    made.graph.node.extend(added)
    read = {name for node in added for name in node.input}
    given = {tensor.name for tensor in reference.graph.initializer}
    made.graph.initializer.extend(
        numpy_helper.from_array(built.constants[name], name) for name in sorted(read & built.constants.keys() - given)
    )
    made.graph.value_info.extend(
        helper.make_tensor_value_info(name, built.types[name].elem, built.types[name].shape)
        for node in added
        for name in node.output
    )
    return made
