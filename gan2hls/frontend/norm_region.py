"""The nodes behind one tensor, evaluated: its means, and what is made of them and of its elements, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.functions import FUNCTIONS
from gan2hls.frontend.layout import VIEWS
from gan2hls.frontend.normalize import Normalized
from gan2hls.numbers import FloatArray, Int64Array

Array = npt.NDArray[Any]

#: ``(x, axes) -> array`` with the axes kept.
REDUCTIONS: Mapping[str, Callable[[FloatArray, tuple[int, ...]], FloatArray]] = {
    "GlobalAveragePool": lambda x, axes: x.mean(axis=axes, keepdims=True),
    "ReduceL2": lambda x, axes: np.sqrt(np.square(x).sum(axis=axes, keepdims=True)),
    "ReduceMean": lambda x, axes: x.mean(axis=axes, keepdims=True),
    "ReduceSum": lambda x, axes: x.sum(axis=axes, keepdims=True),
    "ReduceSumSquare": lambda x, axes: np.square(x).sum(axis=axes, keepdims=True),
}
#: What may stand between; of each, whether there is a root in it.
_ELEMENTWISE: Mapping[str, bool] = {
    "Add": False,
    "Div": False,
    "Identity": False,
    "Mul": False,
    "Neg": False,
    "Pow": True,
    "Reciprocal": False,
    "Sqrt": True,
    "Sub": False,
}
#: What keeps the root of a statistic from 0, as PyTorch's ``normalize`` does: of these it is lost beside any other.
_FLOORS = frozenset(("Clip", "Max"))
#: The greatest such bound.
_MOST_FLOOR = 1e-6
_VIEWS = frozenset(("Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))


def passes_through(node: onnx.NodeProto) -> bool:
    """Whether a node makes something of each element of its input, or rearranges them."""
    return node.domain in ("", "ai.onnx") and (node.op_type in _ELEMENTWISE or node.op_type in _VIEWS)


@final
@dataclass(frozen=True, eq=False)
class Evaluated:
    """A tensor of a region.

    Attributes:
        values: float64 of its shape, for each probe.
        places: int64 of its shape; which element of the source each of its own is made of, beside statistics; None: it
            is a statistic, or made of several.
        sets: int64 ``[elements of the source]``; the first element of the set of each, for the statistics in it; None:
            there are none, or of several sorts.
        rooted: whether there is a root of a statistic in it.
        mixed: whether its statistics are of several sorts.
        floored: whether a bound keeps a statistic in it from 0.
    """

    values: tuple[FloatArray, ...]
    places: Int64Array | None
    sets: Int64Array | None = None
    rooted: bool = False
    mixed: bool = False
    floored: bool = False


@final
class Evaluator:
    """Evaluates the nodes behind one tensor, in order."""

    def __init__(self, plain: Normalized, source: str, probes: tuple[FloatArray, ...]) -> None:
        self._plain = plain
        shape = plain.types[source].shape
        places = np.arange(probes[0].size).reshape(shape)
        self._known = {source: Evaluated(tuple(probe.reshape(shape) for probe in probes), places)}
        self._count = len(probes)

    def take(self, node: onnx.NodeProto) -> Evaluated | None:
        """Return what ``node`` makes, where that is a function of the source that may be part of a normalization."""
        plain, known = self._plain, self._known
        computed = [name for name in node.input if name in plain.types]
        if node.domain not in ("", "ai.onnx") or not computed or any(name not in known for name in computed):
            return None
        if plain.types[node.output[0]].elem != TensorProto.FLOAT:
            return None
        if node.op_type in REDUCTIONS:
            made = self._reduced(node)
        elif node.op_type in _VIEWS and node.op_type != "Identity":
            made = self._rearranged(node)
        elif node.op_type in _ELEMENTWISE:
            made = self._function(node)
        elif node.op_type in _FLOORS:
            made = self._floored(node)
        else:
            return None
        if made is not None:
            known[node.output[0]] = made
        return made

    def _constants(self, node: onnx.NodeProto) -> list[Array | None]:
        return [self._plain.constants.get(name) for name in node.input]

    def _reduced(self, node: onnx.NodeProto) -> Evaluated | None:
        given = self._known[node.input[0]]
        shape = self._plain.types[node.output[0]].shape
        if given.places is None or given.mixed:
            return None
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        rank = given.places.ndim
        axes = attributes.get("axes")
        second = (*self._constants(node), None)[1]
        if node.op_type == "GlobalAveragePool":
            axes = range(2, rank)
        elif axes is None and second is not None:
            axes = second.ravel().tolist()
        if axes is None:
            axes = () if attributes.get("noop_with_empty_axes", 0) else range(rank)
        along = tuple(sorted({axis % rank for axis in axes}))
        reduce = REDUCTIONS[node.op_type]
        kept = tuple(1 if n in along else size for n, size in enumerate(given.places.shape))
        number = np.broadcast_to(np.arange(int(np.prod(kept))).reshape(kept), given.places.shape)
        sets = np.empty(given.places.size, np.int64)
        sets[given.places.ravel()] = number.ravel()
        first = np.empty(int(np.prod(kept)), np.int64)
        first[sets[::-1]] = np.arange(sets.size)[::-1]  # the last one that is written stays
        found = first[sets]
        mixed = given.sets is not None and not np.array_equal(given.sets, found)
        rooted = given.rooted or node.op_type == "ReduceL2"
        values = tuple(reduce(v, along).reshape(shape) for v in given.values)
        return Evaluated(values, None, found, rooted, mixed, given.floored)

    def _rearranged(self, node: onnx.NodeProto) -> Evaluated:
        given = self._known[node.input[0]]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        elements = np.arange(given.values[0].size).reshape(given.values[0].shape)
        shape = self._plain.types[node.output[0]].shape
        index = VIEWS[node.op_type](elements, shape, *self._constants(node)[1:], **attributes)
        assert not isinstance(index, list)
        places = None if given.places is None else given.places.ravel()[index]
        values = tuple(value.ravel()[index] for value in given.values)
        return Evaluated(values, places, given.sets, given.rooted, given.mixed, given.floored)

    def _floored(self, node: onnx.NodeProto) -> Evaluated | None:
        """Return a statistic that a small number bounds from below; None: it is none, or bounded otherwise."""
        computed = [name for name in node.input if name in self._known]
        given = self._known[computed[0]]
        floors = [self._plain.constants[name] for name in node.input if name in self._plain.constants]
        floors += [np.asarray(a.f) for a in node.attribute if a.name == "min"]
        others = [a for a in node.attribute if a.name != "min" and abs(a.f) < np.finfo(np.float32).max]
        if len(computed) != 1 or given.places is not None or len(floors) != 1 or others or node.input[1:2] == [""]:
            return None
        (floor,) = floors
        if floor.size != 1 or not 0 <= floor.item() <= _MOST_FLOOR:
            return None
        values = tuple(np.maximum(value, floor.item()) for value in given.values)
        return replace(given, values=values, floored=True)

    def _function(self, node: onnx.NodeProto) -> Evaluated | None:
        plain, known = self._plain, self._known
        constants = {
            name: np.asarray(plain.constants[name], np.float64) for name in node.input if name in plain.constants
        }
        shape = plain.types[node.output[0]].shape
        function = np.negative if node.op_type == "Neg" else FUNCTIONS[node.op_type]
        operands = [known[name] for name in node.input if name in known]
        values = []
        with np.errstate(all="ignore"):
            for probe in range(self._count):
                read = (known[name].values[probe] if name in known else constants[name] for name in node.input)
                values.append(np.broadcast_to(function(*read), shape))
        all_places = [given.places for given in operands if given.places is not None]
        places = all_places[0] if all_places else None
        if any(other.shape != shape or not _same(other, all_places[0]) for other in all_places):
            places = None
        sets = [given.sets for given in operands if given.sets is not None]
        mixed = any(given.mixed for given in operands) or any(not _same(other, sets[0]) for other in sets)
        rooted = any(given.rooted for given in operands) or (bool(sets) and _ELEMENTWISE[node.op_type])
        floored = any(given.floored for given in operands)
        return Evaluated(tuple(values), places, None if mixed or not sets else sets[0], rooted, mixed, floored)


def _same(a: Int64Array, b: Int64Array) -> bool:
    return a is b or np.array_equal(a, b)
