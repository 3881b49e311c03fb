"""Tensors that are written part by part, as rows and columns of an inverse wavelet transform: views of what is written.

``image[:, :, ::2, ::2] = a`` becomes a ScatterND of constant indices.  What several of them make of zeros is a Gather
of all that they write, one behind the other along the channels.  Parts of other shapes are joined where they are boxes,
and element by element where they are not.  Constants that are written, as a border around an image, are added to zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.added import Added
from gan2hls.frontend.boxes import write_boxes
from gan2hls.frontend.factored import places
from gan2hls.frontend.naming import describe
from gan2hls.frontend.normalize import Normalized
from gan2hls.numbers import Float32Array, Int64Array

SCATTERS = frozenset(("ScatterElements", "ScatterND"))
#: Nodes that change nothing.
_SAME = frozenset(("Identity", "Dropout"))


@final
@dataclass(frozen=True, eq=False)
class _Mosaic:
    """A tensor that is parts of others.

    Attributes:
        sources: their names.
        source: int64 of its shape, which of them each element is from; -1: it is a number.
        index: int64 of its shape, which flat element of that.
        number: float32 of its shape, the numbers, 0 elsewhere.
        is_written: whether a scatter wrote it, or it is a view of what one wrote.
    """

    sources: tuple[str, ...]
    source: Int64Array
    index: Int64Array
    number: Float32Array
    is_written: bool = False

    @classmethod
    def of_numbers(cls, number: Float32Array) -> _Mosaic:
        """Return a constant."""
        return cls((), np.full(number.shape, -1, np.int64), np.zeros(number.shape, np.int64), number)

    def at(self, index: Int64Array) -> _Mosaic:
        """Return what a view makes of it: ``index`` says which flat element each of its own is, negative: a zero."""
        zero = index < 0
        source, places = self.source.ravel()[index], self.index.ravel()[index]
        number = np.where(zero, np.float32(0), self.number.ravel()[index])
        return _Mosaic(self.sources, np.where(zero, -1, source), np.where(zero, 0, places), number, self.is_written)

    def written(self, at: Int64Array, other: _Mosaic) -> _Mosaic:
        """Return it with ``other`` in the place of its flat elements ``at``."""
        sources = tuple(dict.fromkeys((*self.sources, *other.sources)))
        numbers = np.array([sources.index(name) for name in other.sources] + [-1], np.int64)
        source, index, number = self.source.flatten(), self.index.flatten(), self.number.flatten()
        source[at], index[at], number[at] = numbers[other.source], other.index, other.number
        used, shape = [n for n in range(len(sources)) if (source == n).any()], self.source.shape
        kept = np.full(len(sources) + 1, -1)
        kept[used] = np.arange(len(used))
        left = tuple(sources[n] for n in used)
        parts: Int64Array = kept[source].reshape(shape)
        return _Mosaic(left, parts, index.reshape(shape), number.reshape(shape), is_written=True)


def without_scatters(plain: Normalized) -> Normalized:
    """Return ``plain`` with a Gather in the place of each ScatterND and ScatterElements.

    Raises:
        ModelError: indices beyond the tensor.
        UnsupportedError: indices that are computed, nothing else that is.
    """
    if not any(_scatters(node) for node in plain.model.graph.node):
        return plain
    added, mosaics = Added(plain), _Mosaics(plain)
    for node in plain.model.graph.node:
        if _scatters(node) or mosaics.turns_numbers(node):
            _write(node, mosaics.of(node.output[0]), added)
        else:
            added.nodes.append(node)
    return added.model()


def _scatters(node: onnx.NodeProto) -> bool:
    return node.op_type in SCATTERS and node.domain in ("", "ai.onnx")


@final
class _Mosaics:
    """Tensors of a model as parts of others, each found once."""

    def __init__(self, plain: Normalized) -> None:
        self._plain = plain
        self._makers = {name: node for node in plain.model.graph.node for name in node.output}
        self._known: dict[str, _Mosaic] = {}

    def of(self, name: str) -> _Mosaic:
        """Return a tensor as parts of those that no view and no scatter makes."""
        if name not in self._known:
            node, made = self._makers.get(name), None
            if node is not None and _scatters(node):
                made = self._scattered(node)
            elif node is not None and node.domain in ("", "ai.onnx"):
                made = self._view(node, name)
            self._known[name] = made or self._itself(name)
        return self._known[name]

    def turns_numbers(self, node: onnx.NodeProto) -> bool:
        """Whether a node turns the axes back to which numbers were written, as they are brought to the front first."""
        known = self._known.get(node.input[0]) if node.op_type == "Transpose" else None
        return known is not None and known.is_written and bool(known.number.any())

    def _itself(self, name: str) -> _Mosaic:
        shape = self._plain.types[name].shape
        index = np.arange(int(np.prod(shape))).reshape(shape)
        return _Mosaic((name,), np.zeros(shape, np.int64), index, np.zeros(shape, np.float32))

    def _view(self, node: onnx.NodeProto, name: str) -> _Mosaic | None:
        """Return what a view makes of parts, or of a tensor that it has each element of once; None: of another."""
        if node.op_type in _SAME:
            return self.of(node.input[0])
        index = places(node, name, self._plain)
        if index is None:
            return None
        whole = self.of(node.input[0])
        once = index.size == whole.index.size and np.array_equal(np.sort(index, axis=None), np.arange(index.size))
        return whole.at(index) if once or whole.is_written else None

    def _scattered(self, node: onnx.NodeProto) -> _Mosaic:
        plain = self._plain
        data, indices, updates = node.input
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if plain.types[node.output[0]].elem != TensorProto.FLOAT or attributes.get("reduction", b"none") != b"none":
            raise _refused(node, "adds to what it is written to, or writes integers")
        if indices not in plain.constants:
            raise _refused(node, "writes where a computed tensor says")
        whole = self._read(data)
        where, shape = np.asarray(plain.constants[indices]), whole.index.shape
        try:
            at = _written_places(node.op_type, where, shape, attributes.get("axis", 0))
        except IndexError as error:
            raise ModelError(
                f"writes outside of its tensor of shape {list(shape)}",
                where=describe(node),
                hint=f"of axis n, indices run from -size to size - 1; these, from {where.min()} to {where.max()}",
            ) from error
        return whole.written(at, self._read(updates))

    def _read(self, name: str) -> _Mosaic:
        if name in self._plain.types:
            return self.of(name)
        return _Mosaic.of_numbers(np.asarray(self._plain.constants[name], np.float32))


def _written_places(op_type: str, indices: Int64Array, shape: tuple[int, ...], axis: int) -> Int64Array:
    """Return which flat elements of a tensor of ``shape`` are written, int64 of the updates' shape."""
    elements: Int64Array = np.arange(int(np.prod(shape))).reshape(shape)
    if op_type == "ScatterND":
        found: Int64Array = elements[tuple(np.moveaxis(indices, -1, 0))]
        return found
    grid: list[Int64Array] = list(np.indices(indices.shape))
    grid[axis] = indices
    made: Int64Array = elements[tuple(grid)]
    return made


def _refused(node: onnx.NodeProto, what: str) -> UnsupportedError:
    return UnsupportedError(
        what,
        where=describe(node),
        hint="tensors of batch 1 that are written at constant places are built, into constants or a computed tensor: "
        "join others by Concat",
    )


def _write(node: onnx.NodeProto, mosaic: _Mosaic, added: Added) -> None:
    """Write the Gather that a scatter is, and what adds its numbers."""
    output = node.output[0]
    if not mosaic.sources:
        raise _refused(node, "writes nothing that is computed")
    if mosaic.number.any():
        read = _gather(node, mosaic, f"{output}/read", added)
        added.node("Add", [read, added.constant(f"{output}/number", mosaic.number)], output, mosaic.number.shape)
    else:
        _gather(node, mosaic, output, added)


def _gather(node: onnx.NodeProto, mosaic: _Mosaic, output: str, added: Added) -> str:
    """Write what ``mosaic`` is but for its numbers, and return its name: ``output``, or one like it."""
    sources = mosaic.sources
    shapes = [added.types[name].shape for name in sources]
    apart = len(set(shapes)) > 1
    if apart and write_boxes(output, mosaic.source, mosaic.index, sources, added, node.name):
        return output
    if any(len(shape) < 2 or shape[0] != 1 for shape in shapes):
        raise _refused(node, f"writes parts of the shape {list(shapes[0])}")
    sizes = [int(np.prod(shape)) for shape in shapes]
    if apart:
        lines = [(1, size) for size in sizes]
        sources = tuple(
            added.node("Reshape", [name, added.shape(f"{output}/{n}/line", line)], f"{output}/{n}", line, node.name)
            for n, (name, line) in enumerate(zip(sources, lines, strict=True))
        )
    whole, name = (1, sum(sizes)) if apart else (1, shapes[0][1] * len(sources), *shapes[0][2:]), sources[0]
    if len(sources) > 1:
        name = added.tensor(f"{output}/parts", whole)
        added.nodes.append(helper.make_node("Concat", list(sources), [name], f"{node.name}/Concat", axis=1))
    index = mosaic.index + np.cumsum([0, *sizes])[mosaic.source]
    if (mosaic.source < 0).any():
        index = np.where(mosaic.source < 0, sum(sizes), index)
        whole = (whole[0], whole[1] + 1, *whole[2:])
        pads = added.constant(f"{output}/pads", np.array([0] * (len(whole) + 1) + [1] + [0] * (len(whole) - 2)))
        name = added.node("Pad", [name, pads], f"{output}/padded", whole, node.name)
    flat = added.node("Reshape", [name, added.shape(f"{output}/one", (-1,))], f"{output}/flat", (int(np.prod(whole)),))
    places = added.constant(f"{output}/places", index)
    return added.node("Gather", [flat, places], output, mosaic.index.shape, node.name)
