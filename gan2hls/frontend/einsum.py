"""Einsum as other operators: of a computed tensor and a constant a 1 x 1 convolution, of two that sums nothing a Mul.

Of two with the same axes, some of which are summed, as of squares of weights, it is a Mul and a ReduceSum.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.constants import Constants
from gan2hls.frontend.tensor_type import TensorType

Shape = tuple[int, ...]
#: Letter of a batch of one frame that an equation does not have.
_MERGED = "."
#: First operator set whose ReduceSum reads axes as an input.
_AXES_ARE_AN_INPUT = 13
#: Most axes of pixels that a convolution keeps apart.
_MOST_PIXEL_AXES = 2


def einsum(
    node: onnx.NodeProto, types: Mapping[str, TensorType], constants: Constants, opset: int
) -> list[onnx.NodeProto]:
    """Return the nodes of ``opset`` that an Einsum is, whose constants are added; none if no layer is one."""
    names = list(node.input)
    shapes = [types[name].shape if name in types else constants[name].shape for name in names]
    terms = _terms(node, shapes)
    if len(names) != 2 or terms is None or any(len(set(term)) != len(term) for term in terms):
        return []
    if any(types[name].elem != TensorProto.FLOAT for name in names if name in types):
        return []
    *read, made = terms
    axes = [pair for term, shape in zip(read, shapes, strict=True) for pair in zip(term, shape, strict=True)]
    sizes = dict(axes)
    if any(sizes[letter] != size for letter, size in axes):
        return []
    writer = _Writer(node, constants, sizes)
    computed = [name in types for name in names]
    if set(read[0]) | set(read[1]) == set(made):
        operands = []
        for name, term, varies in zip(names, read, computed, strict=True):
            if varies:
                operands.append(writer.spread(name, term, made))
            else:
                operands.append(writer.constant("factor", _spread(np.asarray(constants[name]), term, made)))
        writer.add("Mul", operands, last=True)
        return writer.nodes
    if sum(computed) == 2 and set(read[0]) == set(read[1]):
        return writer.sum_of_products(names, read, made, opset)
    if sum(computed) == 2:
        return writer.weighted_sum(names, read, made)
    if not any(computed):
        return []
    at = computed.index(True)
    return writer.product(names[at], read[at], np.asarray(constants[names[1 - at]]), read[1 - at], made)


def _terms(node: onnx.NodeProto, shapes: Sequence[Shape]) -> list[str] | None:
    """Return the letters of each operand and of what is made, None if they are not told or do not fit."""
    equation = next((a.s.decode("utf-8", "replace") for a in node.attribute if a.name == "equation"), "")
    left, arrow, made = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != len(shapes):
        return None
    hidden = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)]
    spare = "".join(letter for letter in string.ascii_letters if letter not in equation)
    if (
        min(hidden) < 0
        or max(hidden) > len(spare)
        or any(n and "..." not in t for n, t in zip(hidden, terms, strict=True))
    ):
        return None
    terms = [term.replace("...", spare[len(spare) - n :]) for n, term in zip(hidden, terms, strict=True)]
    made = made.replace("...", spare[len(spare) - max(hidden) :])
    fits = all(letter.isalpha() for letter in "".join((*terms, made))) and set(made) <= set("".join(terms))
    return [*terms, made] if fits else None


def _spread(value: npt.NDArray[np.generic], term: str, made: str) -> npt.NDArray[np.generic]:
    """Return a tensor of the axes ``term`` with those of ``made``, of size 1 where it has none."""
    kept = [letter for letter in made if letter in term]
    ordered = value.transpose([term.index(letter) for letter in kept])
    return ordered.reshape([ordered.shape[kept.index(letter)] if letter in kept else 1 for letter in made])


@final
class _Writer:
    """Writes the nodes of one Einsum.

    Attributes:
        nodes: so far, in order.
    """

    def __init__(
        self,
        node: onnx.NodeProto,
        constants: Constants,
        sizes: Mapping[str, int],
    ) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._output, self._base = node.output[0], node.name or node.output[0]
        self._constants, self._sizes = constants, sizes

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        """Add a constant and return its name."""
        return self._constants.add(f"{self._output}/{name}", value)

    def add(self, op_type: str, inputs: list[str], *, last: bool = False, **attributes: Any) -> str:
        """Add a node and return what it makes; the ``last`` one has the name and the output of the Einsum."""
        n = len(self.nodes)
        output, name = (self._output, self._base) if last else (f"{self._output}/{n}", f"{self._base}/{op_type}_{n}")
        self.nodes.append(helper.make_node(op_type, inputs, [output], name, **attributes))
        return output

    def spread(self, name: str, term: str, made: str) -> str:
        """Return a computed tensor of the axes ``term`` with those of ``made``, of size 1 where it has none."""
        kept = "".join(letter for letter in made if letter in term)
        name = self._transposed(name, term, kept)
        if kept == made:
            return name
        return self._reshaped(name, [self._sizes[letter] if letter in kept else 1 for letter in made])

    def product(
        self, name: str, term: str, value: npt.NDArray[np.generic], matrix: str, made: str
    ) -> list[onnx.NodeProto]:
        """Return the nodes of a tensor of axes ``term`` times constant weights of axes ``matrix``; none of its batch.

        What both have and the result too are groups, what both have and the result lacks is summed.  Nothing but the
        weights may be summed alone.  A leading axis of several elements is the batch, of 1, merged with pixels, as
        ``tensordot`` has it.
        """
        merged = term[:1] not in ("", *matrix) and self._sizes[term[0]] > 1
        if merged:
            name = self._reshaped(name, [1, *(self._sizes[letter] for letter in term)])
            term, made, self._sizes = _MERGED + term, _MERGED + made, {**self._sizes, _MERGED: 1}
        batch = term[:1]
        if (
            not batch
            or made[:1] != batch
            or batch in matrix
            or self._sizes[batch] != 1
            or not set(term) <= set(matrix + made)
        ):
            return []
        unread = [letter for letter in matrix if letter not in term + made]
        value = value.sum(axis=tuple(matrix.index(letter) for letter in unread))
        matrix = "".join(letter for letter in matrix if letter not in unread)
        groups = [letter for letter in made if letter in term and letter in matrix]
        summed = [letter for letter in term if letter in matrix and letter not in made]
        columns = [letter for letter in made if letter in matrix and letter not in term]
        pixels = [letter for letter in made[1:] if letter not in matrix]
        count, reads, makes = (math.prod(self._sizes[letter] for letter in part) for part in (groups, summed, columns))
        weight = value.transpose([matrix.index(letter) for letter in (*groups, *columns, *summed)])
        x = self._transposed(name, term, "".join([batch, *groups, *summed, *pixels]))
        size = [self._sizes[letter] for letter in pixels]
        if not pixels and count == 1:
            x = self._reshaped(x, [1, reads]) if len(summed) != 1 or groups else x
            y = self.add("MatMul", [x, self.constant("matrix", weight.reshape(makes, reads).T)])
        else:
            size = size if 0 < len(size) <= _MOST_PIXEL_AXES else [math.prod(size)]
            if len(groups) + len(summed) != 1 or len(size) != len(pixels):
                x = self._reshaped(x, [1, count * reads, *size])
            kernel = weight.reshape(count * makes, reads, *(1 for _ in size))
            y = self.add("Conv", [x, self.constant("kernel", kernel)], group=count)
        whole = [batch, *groups, *columns, *pixels]
        y = self._reshaped(y, [self._sizes[letter] for letter in whole])
        perm = [whole.index(letter) for letter in made]
        y = self.add("Transpose", [y], last=not merged, perm=perm)
        if merged:
            shape = self.constant("shape", np.array([self._sizes[letter] for letter in made[1:]], np.int64))
            self.add("Reshape", [y, shape], last=True)
        return self.nodes

    def sum_of_products(self, names: Sequence[str], read: Sequence[str], made: str, opset: int) -> list[onnx.NodeProto]:
        """Return the nodes of the products of two tensors' elements, summed over the axes that are not made."""
        order = made + "".join(letter for letter in read[0] if letter not in made)
        factors = [self._transposed(name, term, order) for name, term in zip(names, read, strict=True)]
        product, axes = self.add("Mul", factors), list(range(len(made), len(order)))
        if opset < _AXES_ARE_AN_INPUT:
            self.add("ReduceSum", [product], last=True, axes=axes, keepdims=0)
        else:
            self.add("ReduceSum", [product, self.constant("axes", np.array(axes))], last=True, keepdims=0)
        return self.nodes

    def weighted_sum(self, names: Sequence[str], read: Sequence[str], made: str) -> list[onnx.NodeProto]:
        """Return the MatMul of a map by one column of numbers; none where both have several."""
        batch = read[0][:1]
        if not batch or read[1][:1] != batch or made[:1] != batch or self._sizes[batch] != 1:
            return []
        summed = [letter for letter in read[0] if letter in read[1] and letter not in made]
        alone = [[letter for letter in term if letter not in (*summed, batch)] for term in read]
        counts = [math.prod(self._sizes[letter] for letter in letters) for letters in alone]
        if 1 not in counts or set(alone[0]) & set(alone[1]) or set(made) != {batch, *alone[0], *alone[1]}:
            return []
        at, size = counts.index(1), math.prod(self._sizes[letter] for letter in summed)
        column = self._reshaped(
            self._transposed(names[at], read[at], "".join([batch, *alone[at], *summed])), [1, size, 1]
        )
        rows = self._transposed(names[1 - at], read[1 - at], "".join([batch, *alone[1 - at], *summed]))
        product = self.add("MatMul", [self._reshaped(rows, [1, counts[1 - at], size]), column])
        whole = [batch, *alone[1 - at], *alone[at]]
        product = self._reshaped(product, [self._sizes[letter] for letter in whole])
        self.add("Transpose", [product], last=True, perm=[whole.index(letter) for letter in made])
        return self.nodes

    def _transposed(self, name: str, term: str, goal: str) -> str:
        return name if term == goal else self.add("Transpose", [name], perm=[term.index(letter) for letter in goal])

    def _reshaped(self, name: str, shape: list[int]) -> str:
        return self.add("Reshape", [name, self.constant("shape", np.array(shape, np.int64))])
