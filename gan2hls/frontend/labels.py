"""What depends on one label alone is a table: what it is for each number that the label can be.

Exporters spell an embedding, a one-hot vector and what stands behind them in many ways: OneHot, Equal with 0, 1, 2 and
so on, ScatterElements into zeros, rows of the identity, a Cast, a Gemm.  They are evaluated for each number, and a
Gather takes the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from gan2hls.base import Gan2HlsError, UnsupportedError
from gan2hls.frontend.evaluating import Computation
from gan2hls.frontend.naming import describe
from gan2hls.frontend.reads import not_computed
from gan2hls.frontend.tensor_type import TensorType

Array = npt.NDArray[Any]

#: Types of inputs that hold whole numbers.
LABELS = (TensorProto.INT64, TensorProto.INT32)
#: Most numbers for which nodes are evaluated one by one; an embedding of more rows is a Gather as it stands.
_MOST_ROWS = 4096
#: Most elements of a table.
_MOST_ELEMENTS = 1 << 22
#: How many numbers an index is looked at for, to see whether it is the label itself.
_SEEN = 3


@final
class Labels:
    """The nodes that depend on one label alone, in order.

    A label is an input of one whole number.

    Attributes:
        types: of computed tensors, by name; shared with the caller, as are constants.
        constants: by name; tables are added.
    """

    def __init__(
        self,
        types: MutableMapping[str, TensorType],
        constants: MutableMapping[str, Array],
        infer: Callable[[onnx.NodeProto], Sequence[TensorType]],
        opsets: Iterable[onnx.OperatorSetIdProto],
    ) -> None:
        self.types, self.constants = types, constants
        self._infer, self._opsets = infer, list(opsets)
        self._label_of = {
            name: name for name, kind in types.items() if kind.elem in LABELS and math.prod(kind.shape) == 1
        }
        self._nodes: dict[str, list[onnx.NodeProto]] = {name: [] for name in self._label_of}
        self._rows: dict[str, int] = {}

    def take(self, node: onnx.NodeProto, computed: Iterable[str]) -> bool:
        """Whether ``node``, which reads the tensors ``computed``, is part of a table; if so it is kept here."""
        labels = {self._label_of.get(name) for name in computed}
        label = labels.pop() if len(labels) == 1 else None
        if label is None or node.domain not in ("", "ai.onnx"):
            return False
        try:
            made = self._infer(node)
        except Gan2HlsError:
            return False  # which is said of the operator as it stands
        names = [name for name in node.output if name]
        known = [rows for rows in (self._rows.get(label), self._limit(node, label)) if rows and rows > 0]
        if len(made) != len(names) or not self._is_small(node, made, min(known, default=1)):
            return False
        if known:
            self._rows[label] = min(known)
        self._nodes[label].append(node)
        for name, kind in zip(names, made, strict=True):
            self.types[name], self._label_of[name] = kind, label
        return True

    def written(self, name: str) -> list[onnx.NodeProto]:
        """Return the nodes that make ``name`` of its label; none for what is none of the tables, or made already.

        Raises:
            UnsupportedError: nothing says how many numbers the label can be.
        """
        label = self._label_of.get(name)
        if label is None or name == label:
            return []
        nodes = behind(self._nodes[label], name)
        for output in (output for node in nodes for output in node.output if output == name):
            del self._label_of[output]
        first = nodes[0]
        if len(nodes) == 1 and _takes_rows(first, label):
            return nodes
        rows = self._rows.get(label)
        if rows is None:
            raise UnsupportedError(
                f"takes the label {label!r}, which is {TensorProto.DataType.Name(self.types[label].elem)}, as a number",
                where=describe(first),
                hint="whole numbers are the rows of a constant table (Gather, OneHot): for a number that is calculated "
                "with, export with a float example of shape [1, 1], which makes it FLOAT",
            )
        kind = self.types[name]
        values = self._evaluated(nodes, label, range(rows), name)
        table, shape = self._free(f"{name}/table"), self._free(f"{name}/shape")
        self.constants[table] = np.stack([np.asarray(value, np.float32).ravel() for value in values])
        self.constants[shape] = np.array(kind.shape, np.int64)
        taken, reshaped = f"{table}/row", name if kind.elem == TensorProto.FLOAT else f"{table}/float"
        made = [
            helper.make_node("Gather", [table, label], [taken], f"{name}/table"),
            helper.make_node("Reshape", [taken, shape], [reshaped], f"{name}/row"),
        ]
        if kind.elem != TensorProto.FLOAT:
            made.append(helper.make_node("Cast", [reshaped], [name], f"{name}/cast", to=kind.elem))
        return made

    def _is_small(self, node: onnx.NodeProto, made: Sequence[TensorType], rows: int) -> bool:
        """Whether a table of what ``node`` makes takes no more than what it reads; of whole numbers it may."""
        given = [self.types[name] for name in {*node.input} if name in self.types]
        size = sum(math.prod(kind.shape) for kind in made)
        if rows > _MOST_ROWS or rows * size > _MOST_ELEMENTS:
            return False
        if any(kind.elem != TensorProto.FLOAT for kind in given):
            return True
        held = sum(self.constants[name].size for name in {*node.input} if name in self.constants)
        return rows * size <= rows * sum(math.prod(kind.shape) for kind in given) + held

    def _limit(self, node: onnx.NodeProto, label: str) -> int | None:
        """Return for how many numbers ``node`` has something, where the label is an index of it."""
        first, second = (*node.input, "", "")[:2]
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
        table = self.constants.get(first)
        if node.op_type in ("Gather", "GatherElements", "ScatterElements") and table is not None:
            count = table.shape[axis]
            return count if self._is_label(second, label) else self._first_beyond(second, label, count)
        if node.op_type in ("GatherND", "ScatterND") and table is not None:
            return min((table.shape[n] for n in self._columns(second, label) if n < table.ndim), default=None)
        if node.op_type == "OneHot" and second in self.constants and self._is_label(first, label):
            depth = self.constants[second]
            return int(depth.item()) if depth.size == 1 else None
        if node.op_type == "Equal":
            index, known = (second, table) if table is not None else (first, self.constants.get(second))
            numbers = np.unique([] if known is None else known)
            counted = numbers.size > 1 and np.array_equal(numbers, np.arange(numbers.size))
            return int(numbers.size) if counted and self._is_label(index, label) else None
        return None

    def _is_label(self, name: str, label: str) -> bool:
        """Whether every element of the tensor ``name`` is the label."""
        if name == label:
            return True
        return all((value == row).all() for row, value in enumerate(self._looked_at(name, label)))

    def _first_beyond(self, name: str, label: str, count: int) -> int | None:
        """Return the first number, if there is one, for which the indices ``name`` are none of ``count``."""
        nodes = behind(self._nodes[label], name)
        rows = range(self._rows.get(label, _MOST_ROWS))
        for row, index in zip(rows, self._evaluated(nodes, label, rows, name), strict=True):
            if index.min(initial=0) < -count or index.max(initial=0) >= count:
                return row or None
        return None

    def _columns(self, name: str, label: str) -> list[int]:
        """Return the places along the last axis of the tensor ``name`` at which the label stands."""
        values = self._looked_at(name, label)
        last = self.types[name].shape[-1] if self.types[name].shape else 0
        return [n for n in range(last) if all((value[..., n] == row).all() for row, value in enumerate(values))]

    def _looked_at(self, name: str, label: str) -> list[Array]:
        """Return what the tensor ``name`` is for the first few numbers."""
        seen = range(min(_SEEN, self._rows.get(label, _SEEN)))
        if name == label:
            return [np.full(self.types[label].shape, row) for row in seen]
        nodes = behind(self._nodes[label], name)
        return list(self._evaluated(nodes, label, seen, name))

    def _evaluated(
        self, nodes: Sequence[onnx.NodeProto], label: str, rows: Iterable[int], name: str
    ) -> Iterator[Array]:
        """Yield what ``nodes`` make under ``name`` where the label is each of ``rows``."""
        kind = self.types[label]
        made = {node.output[0] for node in nodes}
        read = {name for node in nodes for name in node.input if name in self.constants and name not in made}
        graph = helper.make_graph(
            nodes,
            "label",
            [helper.make_tensor_value_info(label, kind.elem, kind.shape)],
            [helper.make_empty_tensor_value_info(name)],
            [numpy_helper.from_array(self.constants[name], name) for name in sorted(read)],
        )
        compute = Computation(helper.make_model(graph, opset_imports=self._opsets))
        for row in rows:
            given = np.full(kind.shape, row, helper.tensor_dtype_to_np_dtype(kind.elem))
            try:
                (value,) = compute({label: given})
            except Exception as error:  # onnx's reference operators raise whatever NumPy raises
                raise not_computed(nodes[-1], error) from error
            yield value

    def _free(self, name: str) -> str:
        while name in self.types or name in self.constants:
            name += "_"
        return name


def _takes_rows(node: onnx.NodeProto, label: str) -> bool:
    """Whether ``node`` takes rows of a table by the label as it is, which is a layer of its own kind."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    return node.op_type == "Gather" and node.input[1] == label and axis == 0


def behind(nodes: Sequence[onnx.NodeProto], *names: str) -> list[onnx.NodeProto]:
    """Return those of ``nodes`` that ``names`` are made of, in order."""
    needed, found = set(names), []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.output):
            found.append(node)
            needed.update(node.input)
    return found[::-1]
