"""Computed tensors that are a constant times numbers of smaller ones, each spread over it in some way.

So are the weights of a modulated convolution: a kernel times a style for each input channel, and times what undoes its
scale for each output channel.  Views and products are followed back to what is none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.layout import VIEWS
from gan2hls.frontend.normalize import Normalized
from gan2hls.numbers import FloatArray, Int64Array

#: Largest tensor that is looked at.
_MOST_ELEMENTS = 1 << 24
#: Most nodes that are followed back.
_DEEPEST = 64
_SAME = frozenset(("Identity", "Dropout"))


@final
@dataclass(frozen=True, eq=False)
class Factor:
    """A computed tensor, spread over another.

    Attributes:
        source: its name.
        places: int64 of the other's shape; which flat element of the source each of its elements is multiplied by.
        inverted: whether it is divided by it instead.
    """

    source: str
    places: Int64Array
    inverted: bool = False


@final
@dataclass(frozen=True, eq=False)
class Factored:
    """A tensor as a product: ``weight``, float64 of its shape, times its factors."""

    weight: FloatArray
    factors: tuple[Factor, ...] = ()

    def at(self, index: Int64Array) -> Factored:
        """Return what a view makes of it: ``index`` says which flat element each of its own is."""
        factors = (Factor(f.source, f.places.ravel()[index], f.inverted) for f in self.factors)
        return Factored(self.weight.ravel()[index], tuple(factors))

    def times(self, other: Factored) -> Factored:
        """Return the product with another, both broadcast."""
        shape = np.broadcast_shapes(self.weight.shape, other.weight.shape)
        factors = (
            Factor(f.source, np.broadcast_to(f.places, shape), f.inverted) for f in (*self.factors, *other.factors)
        )
        return Factored(np.broadcast_to(self.weight, shape) * other.weight, tuple(factors))

    def inverse(self) -> Factored | None:
        """Return one over it; None: by a zero."""
        if not self.weight.all():
            return None
        return Factored(1.0 / self.weight, tuple(Factor(f.source, f.places, not f.inverted) for f in self.factors))


@final
class Factoring:
    """Tensors of a model as products, each found once."""

    def __init__(self, plain: Normalized) -> None:
        self._plain = plain
        self._makers = {name: node for node in plain.model.graph.node for name in node.output}
        self._known: dict[str, Factored] = {}

    def of(self, name: str, depth: int = 0) -> Factored:
        """Return a tensor as a product; what is none is once itself."""
        if name not in self._known:
            node = self._makers.get(name)
            found = None if node is None or depth > _DEEPEST else self._product(node, name, depth + 1)
            self._known[name] = found or self._itself(name)
        return self._known[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, computed or constant."""
        types, constants = self._plain.types, self._plain.constants
        return types[name].shape if name in types else constants[name].shape

    def _itself(self, name: str) -> Factored:
        if name in self._plain.constants:
            return Factored(np.asarray(self._plain.constants[name], np.float64))
        shape = self._plain.types[name].shape
        return Factored(np.ones(shape), (Factor(name, np.arange(int(np.prod(shape))).reshape(shape)),))

    def _product(self, node: onnx.NodeProto, name: str, depth: int) -> Factored | None:
        """Return what ``node`` makes under ``name`` as a product; None: it is none."""
        plain = self._plain
        kind = plain.types[name]
        if node.domain not in ("", "ai.onnx") or kind.elem != TensorProto.FLOAT:
            return None
        if not kind.shape or np.prod(kind.shape) > _MOST_ELEMENTS:
            return None
        first = node.input[0]
        if node.op_type in ("Mul", "Div"):
            a, b = self.of(first, depth), self.of(node.input[1], depth)
            divisor = b.inverse() if node.op_type == "Div" else b
            made = None if divisor is None else a.times(divisor)
            return None if made is None or self._stays_small(made) else made
        if node.op_type == "Pow" and np.array_equal(np.unique(plain.constants.get(node.input[1], 0)), [2]):
            a = self.of(first, depth)
            return a.times(a)
        if node.op_type == "Neg":
            return self.of(first, depth).times(Factored(-np.ones(kind.shape)))
        if node.op_type in _SAME:
            return self.of(first, depth)
        return self._view(node, name, depth)

    def _stays_small(self, made: Factored) -> bool:
        """Whether a product of computed tensors is no larger than one of them, as what a normalization makes."""
        if len(made.factors) < 2 or (made.weight != made.weight.flat[0]).any():
            return False
        return made.weight.size <= max(int(np.prod(self.shape(factor.source))) for factor in made.factors)

    def _view(self, node: onnx.NodeProto, name: str, depth: int) -> Factored | None:
        """Return what a node that only rearranges makes of a product; None: it pads, resamples or is no view."""
        index = places(node, name, self._plain)
        return None if index is None or (index < 0).any() else self.of(node.input[0], depth).at(index)


def places(node: onnx.NodeProto, name: str, plain: Normalized) -> Int64Array | None:
    """Return which flat element of its input each element of ``name``, which ``node`` makes, is; negative: a zero.

    None where it is no view of its first input, or resamples it.
    """
    computed = [other for other in node.input if other in plain.types]
    if node.op_type not in VIEWS or node.op_type in ("Cast", "Resize", "Upsample") or computed != [node.input[0]]:
        return None
    shape = plain.types[node.input[0]].shape
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    constants = [plain.constants.get(other) for other in node.input[1:]]
    elements = np.arange(int(np.prod(shape))).reshape(shape)
    made = VIEWS[node.op_type](elements, plain.types[name].shape, *constants, **_text(attributes))
    return made[list(node.output).index(name)] if isinstance(made, list) else made


def _text(attributes: Mapping[str, object]) -> dict[str, object]:
    return {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in attributes.items()}
