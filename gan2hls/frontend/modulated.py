"""Modulated convolutions: what multiplies their weights multiplies the map in front of them, or behind them, instead.

A kernel times a style for each input channel, and times ``rsqrt`` of the sum of its squares for each output channel,
is built as a map times a vector, a convolution by the kernel, and a map times a vector.  Those sums of squares are a
matrix of constants times the squares of the style.

Source: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, section 2.2 and appendix B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np
import onnx
from onnx import helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.factored import Factor, Factored, Factoring
from gan2hls.frontend.normalize import Normalized
from gan2hls.numbers import FloatArray, Int64Array

#: Reductions, and whether they take squares.
_SUMS = {"ReduceMean": False, "ReduceSum": False, "ReduceSumSquare": True, "ReduceL2": True}
_CONVOLUTIONS = ("Conv", "ConvTranspose")
#: Most elements of the matrix that a reduction becomes.
_MOST_ELEMENTS = 1 << 22


def unmodulated(plain: Normalized) -> Normalized:
    """Return ``plain`` with constant weights in the place of those that are products with smaller tensors.

    What its weights cannot be taken apart of stays, and is refused where it is read.
    """
    writer = _Writer(plain)
    for node in plain.model.graph.node:
        makers = {**dict.fromkeys(_CONVOLUTIONS, writer.convolution), "MatMul": writer.product}
        write = makers.get(node.op_type, writer.reduction if node.op_type in _SUMS else None)
        if node.domain not in ("", "ai.onnx") or write is None or not write(node):
            writer.added.nodes.append(node)
    return writer.added.model() if writer.rewritten else plain


@final
class _Writer:
    """Writes nodes in the place of others.

    Attributes:
        added: the nodes so far.
        rewritten: whether any node is another one.
    """

    def __init__(self, plain: Normalized) -> None:
        self.plain, self.added, self.rewritten = plain, Added(plain), False
        self._factoring = Factoring(plain)

    def convolution(self, node: onnx.NodeProto) -> bool:
        """Write a convolution by modulated weights; False: it has none, or not of channels alone."""
        if len(node.input) < 2 or node.input[1] not in self.plain.types or "" in node.input[:2]:
            return False
        if len(node.input) > 2 and node.input[2] in self.plain.types:
            return False
        weight = self._factoring.of(node.input[1])
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        read, made = _channels(weight.weight.shape, groups, transposed=node.op_type == "ConvTranspose")
        rank = weight.weight.ndim - 2
        return self._linear(node, weight, (read, made), lambda count: (1, count, *(1,) * rank))

    def product(self, node: onnx.NodeProto) -> bool:
        """Write a matrix product by a modulated matrix on the right; False: it has none."""
        if node.input[1] not in self.plain.types:
            return False
        weight = self._factoring.of(node.input[1])
        shape = self._factoring.shape(node.input[0])
        if weight.weight.ndim < 2 or weight.weight.size != np.prod(weight.weight.shape[-2:]) or len(shape) < 2:
            return False
        rows, columns = np.indices(weight.weight.shape)[-2:]
        lead = (1,) * (3 if len(shape) == 3 else len(shape) - 1)  # of three axes the last is that of pixels
        return self._linear(node, weight, (rows, columns), lambda count: (*lead, count))

    def reduction(self, node: onnx.NodeProto) -> bool:
        """Write a sum over a product as a matrix of constants times a vector; False: nothing is spread over it."""
        if node.input[0] not in self.plain.types:
            return False
        given = self._factoring.of(node.input[0])
        if _SUMS[node.op_type]:
            given = given.times(given)
        axes = self._axes(node, given.weight.ndim)
        if not axes or not given.factors or not self._is_spread(given):
            return False
        inner = [factor for factor in given.factors if not _is_constant(factor.places, axes)]
        outer = [factor for factor in given.factors if _is_constant(factor.places, axes)]
        if not inner:
            return False
        sets = np.stack([factor.places.ravel() for factor in inner])
        numbers, place = np.unique(sets, axis=1, return_inverse=True)
        kept = tuple(1 if n in axes else size for n, size in enumerate(given.weight.shape))
        count = int(np.prod(kept))
        if numbers.shape[1] >= given.weight.size or numbers.shape[1] * count > _MOST_ELEMENTS:
            return False
        goal = np.broadcast_to(np.arange(count).reshape(kept), given.weight.shape).ravel()
        matrix = np.zeros((numbers.shape[1], count))
        np.add.at(matrix, (place.ravel(), goal), given.weight.ravel())
        if node.op_type == "ReduceMean":
            matrix *= count / given.weight.size
        self._sum(node, matrix, [(f, n) for f, n in zip(inner, numbers, strict=True)], [(f, axes) for f in outer])
        return True

    def _sum(
        self,
        node: onnx.NodeProto,
        matrix: FloatArray,
        inner: Sequence[tuple[Factor, Int64Array]],
        outer: Sequence[tuple[Factor, tuple[int, ...]]],
    ) -> None:
        """Write a reduction: the product of ``inner``, one number for each row of ``matrix``, times it."""
        added, base = self.added, node.output[0]
        vector = self._multiplied(f"{base}/vector", [self._vector(f, n, (1, len(n))) for f, n in inner])
        constant = added.constant(f"{base}/squares", matrix.astype(np.float32))
        steps = ["MatMul", *(["Sqrt"] if node.op_type == "ReduceL2" else []), "Reshape"]
        shape = self.plain.types[base].shape
        name = vector
        for n, step in enumerate(steps):
            made = shape if step == "Reshape" else (1, matrix.shape[1])
            last = n == len(steps) - 1 and not outer
            second = {"MatMul": [constant], "Reshape": [added.shape(f"{base}/shape", shape)]}.get(step, [])
            name = added.node(step, [name, *second], base if last else f"{base}/{step}", made, node.name)
        if outer:
            first = [_first(factor.places, axes) for factor, axes in outer]
            parts = [self._vector(f, p.ravel(), shape) for (f, _), p in zip(outer, first, strict=True)]
            added.node("Mul", [name, self._multiplied(f"{base}/outer", parts)], base, shape, node.name)
        self.rewritten = True

    def _linear(
        self,
        node: onnx.NodeProto,
        weight: Factored,
        channels: tuple[Int64Array, Int64Array],
        shaped: Callable[[int], tuple[int, ...]],
    ) -> bool:
        """Write a linear node by a constant weight, with vectors of what it reads in front and of what it makes behind.

        ``channels`` say of each weight which channel it reads, and of which it is a part.
        """
        if not weight.factors or not self._is_spread(weight):
            return False
        behind = [(factor, _by_channel(factor.places, channels[1])) for factor in weight.factors]
        front = [(factor, _by_channel(factor.places, channels[0])) for factor, places in behind if places is None]
        after = [(factor, places) for factor, places in behind if places is not None]
        before = [(factor, places) for factor, places in front if places is not None]
        if len(before) < len(front) or (not before and node.input[0] not in self.plain.types):
            return False
        added, output = self.added, node.output[0]
        x, x_shape, shape = node.input[0], self._factoring.shape(node.input[0]), self.plain.types[output].shape
        if before:
            parts = [self._vector(factor, places, shaped(places.size)) for factor, places in before]
            x = self._scaled(x, self._multiplied(f"{output}/style", parts), f"{output}/styled", x_shape, node.name)
        constant = added.constant(f"{output}/weight", weight.weight.astype(np.float32))
        bias = [name for name in node.input[2:] if name]
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        plain.input[:] = [x, constant, *([] if after else bias)]
        if after:
            plain.name = f"{node.name}/{node.op_type}"
            plain.output[:] = [added.tensor(f"{output}/sums", shape)]
        added.nodes.append(plain)
        if after:
            parts = [self._vector(factor, places, shaped(places.size)) for factor, places in after]
            goal = f"{output}/scaled" if bias else output
            name = self._multiplied(f"{output}/demodulation", parts)
            scaled = self._scaled(plain.output[0], name, goal, shape, node.name)
            if bias:
                value = self.plain.constants[bias[0]]
                offset = added.constant(f"{output}/bias", value.reshape(shaped(value.size)))
                added.node("Add", [scaled, offset], output, shape, node.name)
        self.rewritten = True
        return True

    def _scaled(self, x: str, vector: str, output: str, shape: tuple[int, ...], source: str) -> str:
        """Return the name of ``x`` of ``shape`` times a vector, which may have one more axis in front."""
        added = self.added
        if len(added.types[vector].shape) <= len(shape):
            return added.node("Mul", [x, vector], output, shape, source)
        wide = (1, *shape)
        if x in self.plain.constants:
            x = added.constant(f"{output}/wide", self.plain.constants[x].reshape(wide))
        else:
            x = added.node("Reshape", [x, added.shape(f"{output}/wide_shape", wide)], f"{output}/wide", wide)
        scaled = added.node("Mul", [x, vector], f"{output}/products", wide, source)
        return added.node("Reshape", [scaled, added.shape(f"{output}/shape", shape)], output, shape)

    def _axes(self, node: onnx.NodeProto, rank: int) -> tuple[int, ...]:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        axes = attributes.get("axes")
        if axes is None and len(node.input) > 1 and node.input[1]:
            axes = self.plain.constants[node.input[1]].ravel().tolist()
        if not axes:
            axes = () if attributes.get("noop_with_empty_axes", 0) else range(rank)
        return tuple(sorted({axis % rank for axis in axes}))

    def _is_spread(self, given: Factored) -> bool:
        """Whether all factors are smaller than the tensor, or it is no plain product of them."""
        size = given.weight.size
        small = all(np.prod(self._factoring.shape(factor.source)) < size for factor in given.factors)
        return small or bool((given.weight != given.weight.flat[0]).any())

    def _vector(self, factor: Factor, places: Int64Array, shape: tuple[int, ...]) -> str:
        """Return the name of a tensor of ``shape`` that has these places of a factor's source."""
        added, name = self.added, factor.source
        whole = self._factoring.shape(name)
        if not np.array_equal(places, np.arange(np.prod(whole))):
            flat = added.node(
                "Reshape", [name, added.shape(f"{name}/one", (-1,))], f"{name}/flat", (int(np.prod(whole)),)
            )
            index = added.constant(f"{name}/places", places)
            name = added.node("Gather", [flat, index], f"{name}/taken", (places.size,))
        if factor.inverted:
            name = added.node("Reciprocal", [name], f"{name}/inverse", added.types[name].shape)
        if added.types[name].shape != shape:
            name = added.node("Reshape", [name, added.shape(f"{name}/as", shape)], f"{name}/shaped", shape)
        return name

    def _multiplied(self, name: str, parts: Sequence[str]) -> str:
        """Return the name of the product of tensors of one shape."""
        first, *others = parts
        for other in others:
            first = self.added.node("Mul", [first, other], name, self.added.types[first].shape)
        return first


def _channels(shape: tuple[int, ...], groups: int, *, transposed: bool) -> tuple[Int64Array, Int64Array]:
    """Return which channel each weight of a convolution reads, and of which it is a part."""
    first, second = np.indices(shape)[:2]
    other = first // max(1, shape[0] // groups) * shape[1] + second
    return (first, other) if transposed else (other, first)


def _by_channel(places: Int64Array, channels: Int64Array) -> Int64Array | None:
    """Return the place of each channel, where all of a channel have one."""
    found = np.zeros(int(channels.max()) + 1, np.int64)
    found[channels.ravel()] = places.ravel()
    return found if np.array_equal(found[channels], places) else None


def _is_constant(places: Int64Array, axes: tuple[int, ...]) -> bool:
    return bool((places == _first(places, axes)).all())


def _first(places: Int64Array, axes: tuple[int, ...]) -> Int64Array:
    return places[tuple(slice(0, 1) if n in axes else slice(None) for n in range(places.ndim))]
