"""Axes of branches, as ``torch.stack`` and a view of channels as groups make them: what reduces one, branch by branch.

A tensor of rank 5 is no image.  What works along one of its axes works on the tensors that lie along that axis: the sum
of a stack is a sum of tensors, and an elementwise operator in between is one of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.functions import ELEMENTWISE
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.reductions import reduced_axes

#: What reduces an axis, and what that is of two of the tensors along it.
_REDUCED: Mapping[str, str] = {"ReduceMax": "Max", "ReduceMean": "Add", "ReduceSum": "Add"}
#: Most axes of an image or map, ``[1, C, H, W]``: of one with more, one is that of branches.
_RANK_OF_IMAGES = 4
#: Most tensors along an axis that are told apart.
_MOST_BRANCHES = 16
#: Most nodes in a row of which each branch has one of its own.
_DEEPEST = 100
#: Operators that take one tensor along an axis, or some.
_TAKES = ("Gather", "Slice", "Split")
#: Operators that change the shape alone.
_RESHAPED = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
#: Operators whose constants have other shapes than ONNX broadcasts.
_OF_CHANNELS = frozenset(("BatchNormalization", "PRelu"))


def unstacked(plain: Normalized) -> Normalized:
    """Return ``plain`` with operators on each branch in place of those that reduce or join branches."""
    writer = _Writer(plain)
    changed = False
    for node in plain.model.graph.node:
        if node.domain in ("", "ai.onnx") and writer.write(node):
            changed = True
        else:
            writer.added.nodes.append(node)
    return writer.added.model() if changed else plain


def _is_stack(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` joins computed floats that have one element each along an axis."""
    if node.op_type != "Concat" or node.domain not in ("", "ai.onnx") or len(node.input) < 2:
        return False
    axis = _axis(node, plain)
    floats = plain.types[node.output[0]].elem == TensorProto.FLOAT
    return floats and all(name in plain.types and plain.types[name].shape[axis] == 1 for name in node.input)


def _axis(node: onnx.NodeProto, plain: Normalized) -> int:
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    rank = len(plain.types[node.output[0] if node.op_type == "Concat" else node.input[0]].shape)
    return int(axis) % rank


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


@final
class _Writer:
    """Writes the nodes of each branch.

    Attributes:
        added: the model so far.
    """

    def __init__(self, plain: Normalized) -> None:
        self.added = Added(plain)
        self._plain = plain
        self._makers = {name: node for node in plain.model.graph.node for name in node.output}
        #: By tensor, axis and place along it.
        self._branches: dict[tuple[str, int, int], str] = {}
        #: Axis of branches by tensor that has been reduced along it, which it still has, with one element.
        self._reduced: dict[str, int] = {}
        #: Axis of branches by tensor whose branches are written one by one.
        self._apart: dict[str, int] = {}

    def write(self, node: onnx.NodeProto) -> bool:
        """Write what stands in the place of ``node``; return whether that is anything."""
        if node.op_type in _REDUCED:
            return self._reduce(node)
        if _is_stack(node, self._plain):
            return self._join(node)
        if node.op_type in _TAKES and node.input[0] in self._apart:
            return self._take(node)
        return not self._reduced.keys().isdisjoint(node.input) and self._spread(node)

    def _is_computed(self, name: str) -> bool:
        """Whether an elementwise operator on floats makes a tensor."""
        maker = self._makers.get(name)
        if maker is None or maker.op_type not in ELEMENTWISE or maker.domain not in ("", "ai.onnx"):
            return False
        types = [self._plain.types[name] for name in (name, *maker.input) if name in self._plain.types]
        return all(found.elem == TensorProto.FLOAT for found in types)

    def _reduce(self, node: onnx.NodeProto) -> bool:
        """Write the sum, mean or maximum of the branches that ``node`` reduces."""
        source, output, axes = node.input[0], node.output[0], reduced_axes(node, self._plain)
        shape, kept = self._plain.types[source].shape, self._plain.types[output].shape
        count = math.prod(shape[n] for n in axes)
        if self._plain.types[output].elem != TensorProto.FLOAT or not axes or count > _MOST_BRANCHES:
            return False
        if not (self._is_along(source, axes) or (0 not in axes and self._is_split(source, axes))):
            return False
        branches = [source]
        for axis in sorted(axes, reverse=True):
            branches = [self._branch(name, axis, at) for name in branches for at in range(shape[axis])]
        (result, *others), op_type = branches, _REDUCED[node.op_type]
        made = self.added.types[result].shape
        for n, other in enumerate(others):
            result = self.added.node(op_type, [result, other], f"{output}/{n + 1}", made, node.name)
        if node.op_type == "ReduceMean":
            share = self.added.constant(f"{output}/share", np.array(1 / count, np.float32))
            result = self.added.node("Mul", [result, share], f"{output}/mean", made, node.name)
        self._reshape(result, output, kept, node.name)
        if len(kept) == len(shape) and len(axes) == 1:
            self._reduced[output] = axes[0]
        return True

    def _is_along(self, name: str, axes: list[int]) -> bool:
        """Whether ``name`` is a stack along the only one of ``axes``."""
        maker = self._makers.get(name)
        return maker is not None and _is_stack(maker, self._plain) and axes == [_axis(maker, self._plain)]

    def _is_split(self, name: str, axes: list[int]) -> bool:
        """Whether ``axes`` are of branches: of more axes than an image has, or one that splits a vector."""
        high = len(self._plain.types[name].shape) > _RANK_OF_IMAGES
        return high or (len(axes) == 1 and self._splits_vector(name, axes[0]))

    def _splits_vector(self, name: str, axis: int) -> bool:
        """Whether ``name``, of rank 4, is a function of a vector whose elements a view puts along ``axis`` and others.

        Of rank 3 the axes are channels and columns, along which layers reduce.
        """
        for _ in range(_DEEPEST):
            shape, maker = self._plain.types[name].shape, self._makers.get(name)
            if maker is None or len(shape) != _RANK_OF_IMAGES or max(_without(shape[1:], axis - 1)) == 1:
                return False
            if maker.op_type == "Reshape":
                before = self._plain.types[maker.input[0]].shape
                return max(before, default=1) == math.prod(before) == math.prod(shape)
            computed = [name for name in maker.input if name in self._plain.types]
            if not self._is_computed(name) or not computed:
                return False
            name = max(computed, key=lambda name: math.prod(self._plain.types[name].shape))
        return False

    def _join(self, node: onnx.NodeProto) -> bool:
        """Write the view that ``node`` makes of tensors that it stacks, which are joined along their channels."""
        axis, output = _axis(node, self._plain), node.output[0]
        if axis == 0 or len(set(node.input)) < 2:
            return False
        if len(self._plain.types[output].shape) <= _RANK_OF_IMAGES:
            images = {self._image(name)[1] for name in node.input}
            if (
                len(images) > 1
                or len(min(images)) < _RANK_OF_IMAGES
                or self._plain.types[node.input[0]].shape in images
            ):
                return False
        self._joined(list(node.input), axis, output, node.name)
        return True

    def _joined(self, names: list[str], axis: int, output: str, source: str) -> None:
        """Write ``output``, a view of tensors along ``axis`` with one element there, or without that axis."""
        shape = self._plain.types[output].shape
        images = [self._image(name) for name in names]
        image = images[0][1]
        if any(size != image for _, size in images):
            images = [(name, image) for name in names]
        parts = [self._reshape(name, f"{name}/image", image, source) for name, _ in images]
        whole = (1, len(names) * image[1], *image[2:])
        joined = self.added.tensor(f"{output}/joined", whole)
        self.added.nodes.append(helper.make_node("Concat", parts, [joined], f"{joined}/Concat", axis=1))
        flat = (1, len(names), math.prod(shape[:axis]), math.prod(shape[axis + 1 :]))
        apart = self._reshape(joined, f"{output}/apart", flat, source)
        turned = self.added.tensor(f"{output}/turned", (1, flat[2], flat[1], flat[3]))
        self.added.nodes.append(
            helper.make_node("Transpose", [apart], [turned], f"{turned}/Transpose", perm=[0, 2, 1, 3])
        )
        self._reshape(turned, output, shape, source)

    def _image(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return what a tensor is the same elements of in the same order, as an image or vector, and that shape."""
        while name in self._makers and self._makers[name].op_type in _RESHAPED:
            name = self._makers[name].input[0]
        shape = self.added.types[name].shape
        rest = (1,) * max(0, 3 - len(shape[1:])) + shape[1:]
        vector = max(rest) == math.prod(rest)
        return name, (1, math.prod(rest)) if vector else (1, math.prod(rest[:-2]), *rest[-2:])

    def _spread(self, node: onnx.NodeProto) -> bool:
        """Write each branch of an operator on branches and on what they have been reduced to."""
        output = node.output[0]
        axis = next((self._reduced[name] for name in node.input if name in self._reduced), 0)
        shape = self._plain.types[output].shape
        ranks = {len(self._plain.types[name].shape) for name in node.input if name in self._plain.types}
        if ranks != {len(shape)} or not self._is_computed(output):
            return False
        if shape[axis] == 1:
            self._reduced[output] = axis
        if not 1 < shape[axis] <= _MOST_BRANCHES:
            return False
        self._joined([self._branch(output, axis, n) for n in range(shape[axis])], axis, output, node.name)
        self._apart[output] = axis
        return True

    def _take(self, node: onnx.NodeProto) -> bool:
        """Write the branch, or each, that a Gather, Slice or Split takes of those that are written apart."""
        source = node.input[0]
        axis = self._apart[source]
        shape = self._plain.types[source].shape
        made = [self._plain.types[name].shape for name in node.output]
        starts = list(range(len(made)))
        if node.op_type != "Split":
            begin = self._plain.constants.get(node.input[1]) if len(node.input) > 1 else None
            if begin is None or begin.size != 1:
                return False
            starts = [int(begin.ravel()[0]) % shape[axis]]
        if node.op_type != "Slice" and _axis(node, self._plain) != axis:
            return False
        if not {_without(shape, axis), (*shape[:axis], 1, *shape[axis + 1 :])}.issuperset(made):
            return False
        for name, size, start in zip(node.output, made, starts, strict=True):
            self._reshape(self._branch(source, axis, start), name, size, node.name)
        return True

    def _branch(self, name: str, axis: int, at: int, depth: int = 0) -> str:
        """Return tensor ``name`` at one place of an axis, which it then lacks."""
        key = name, axis, at
        if key not in self._branches:
            self._branches[key] = self._written(name, axis, at, depth)
        return self._branches[key]

    def _written(self, name: str, axis: int, at: int, depth: int) -> str:
        shape, maker = self.added.types[name].shape, self._makers.get(name)
        made, label = _without(shape, axis), f"{name}/branch_{at}"
        if shape[axis] == 1:
            return self._reshape(name, label, made, name)
        if maker is not None and depth < _DEEPEST:
            if maker.op_type == "Concat" and _axis(maker, self._plain) == axis:
                sizes = [self._shape(part)[axis] for part in maker.input]
                ends = np.cumsum(sizes)
                n = int(np.searchsorted(ends, at, side="right"))
                if maker.input[n] in self._plain.types:
                    return self._branch(maker.input[n], axis, at - int(ends[n]) + sizes[n], depth + 1)
            part = self._part_of_concat(maker, axis, at)
            if part:
                return self._reshape(part, label, made, maker.name)
            if self._is_computed(name) and maker.op_type not in _OF_CHANNELS:
                return self._elementwise(maker, axis, at, depth)
        where = self.added.constant(f"{label}/place", np.array(at, np.int64))
        output = self.added.tensor(label, made)
        self.added.nodes.append(helper.make_node("Gather", [name, where], [output], f"{output}/Gather", axis=axis))
        return output

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._plain.types[name].shape if name in self._plain.types else self._plain.constants[name].shape

    def _part_of_concat(self, view: onnx.NodeProto, axis: int, at: int) -> str:
        """Return which of the equal tensors that are joined along channels stands at ``at`` of a view; empty: none."""
        joined = self._makers.get(view.input[0]) if view.op_type == "Reshape" and axis == 1 else None
        if joined is None or joined.op_type != "Concat" or _axis(joined, self._plain) != 1:
            return ""
        branches = self._plain.types[view.output[0]].shape[1]
        alike = len({self._shape(name)[1] for name in joined.input}) == 1 and len(joined.input) == branches
        return joined.input[at] if alike and joined.input[at] in self._plain.types else ""

    def _elementwise(self, node: onnx.NodeProto, axis: int, at: int, depth: int) -> str:
        """Return one branch of what an elementwise node makes: that operator of its operands' branches."""
        shape = self._plain.types[node.output[0]].shape
        branch = onnx.NodeProto()
        branch.CopyFrom(node)
        branch.input[:] = [name and self._operand(name, axis - len(shape), at, depth) for name in node.input]
        output = self.added.tensor(f"{node.output[0]}/branch_{at}", _without(shape, axis))
        branch.name, branch.output[0] = f"{output}/{node.op_type}", output
        self.added.nodes.append(branch)
        return output

    def _operand(self, name: str, axis: int, at: int, depth: int) -> str:
        """Return an operand at one place of an axis that is counted from the last one on."""
        shape = self._shape(name)
        if len(shape) + axis < 0:
            return name
        if name in self._plain.types:
            return self._branch(name, len(shape) + axis, at, depth + 1)
        value = self._plain.constants[name]
        return self.added.constant(f"{name}/branch_{at}", value.take(at if shape[axis] > 1 else 0, axis))

    def _reshape(self, name: str, output: str, shape: tuple[int, ...], source: str) -> str:
        return self.added.node("Reshape", [name, self.added.shape(f"{output}/shape", shape)], output, shape, source)
