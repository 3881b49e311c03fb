"""Regions of elementwise nodes with one computed input: one function, whatever it is spelled with.

A function that is straight but for a knot and a clamp, per channel or not, becomes the points of a requantizer; any
other a curve, which one table computes for all channels where scale and shift in front of it make it the same for all,
else a table for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.base import Gan2HlsError, UnsupportedError
from gan2hls.frontend.constants import Array
from gan2hls.frontend.fronts import common_front
from gan2hls.frontend.functions import ELEMENTWISE, Region
from gan2hls.frontend.naming import at, describe
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.pieces import distinct, straight_pieces
from gan2hls.frontend.whole import WHOLE
from gan2hls.kinds import READERS, Tensor, map_parameters
from gan2hls.model import Affine, Function, Point
from gan2hls.numbers import FloatArray

#: Different sets of parameters, one per channel mostly, that are looked at one by one.
_MOST_SETS = 4096
#: Element types inside of a region.
_KINDS = (TensorProto.FLOAT, TensorProto.BOOL, *WHOLE)
#: Operators whose results depend on whether there is a number.
_ASKS = ("IsInf", "IsNaN")
#: Types that codes can have.
_CODES = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16)


@final
@dataclass(frozen=True)
class Fused:
    """A group of nodes read as one.

    Attributes:
        input: the tensor that the group reads.
        nodes: positions of its nodes; the last makes the output.  Another that somebody else reads too is also read
            alone, or is part of another group.
        points: what it computes.
    """

    input: str
    nodes: tuple[int, ...]
    points: tuple[Point, ...]


@final
@dataclass(frozen=True)
class Fusion:
    """What is read as one, and what for that reason is not read alone.

    Attributes:
        groups: by the position of their last node.
        hidden: positions of the nodes that nothing but groups needs.
    """

    groups: Mapping[int, Fused]
    hidden: frozenset[int]


def find_fused(plain: Normalized) -> Fusion:
    """Return the groups of ``plain``.

    Raises:
        UnsupportedError: constants that do not fit.
    """
    nodes = list(plain.model.graph.node)
    makers = {node.output[0]: n for n, node in enumerate(nodes)}
    readers = Counter(name for node in nodes for name in node.input)
    readers.update(output.name for output in plain.model.graph.output)
    needed = {output.name for output in plain.model.graph.output}
    groups: dict[int, Fused] = {}
    hidden: set[int] = set()
    for n in reversed(range(len(nodes))):
        if needed.isdisjoint(nodes[n].output):
            hidden.add(n)
            continue
        region = _region(nodes, makers, readers, plain, n) if _needs_region(nodes, makers, plain, n) else None
        if region is None:
            needed.update(nodes[n].input)
            continue
        source, members = region
        try:
            points = _points(source, tuple(nodes[m] for m in members), plain)
        except Gan2HlsError as error:
            raise at(error, describe(nodes[n])) from error
        groups[n] = Fused(source, members, points)
        needed.add(source)
    return Fusion(groups, frozenset(hidden))


def _needs_region(nodes: list[onnx.NodeProto], makers: Mapping[str, int], plain: Normalized, n: int) -> bool:
    """Whether node ``n`` alone is no layer: it joins tensors, or has no reader for what it reads."""
    node = nodes[n]
    if not _is_elementwise(node) or plain.types[node.output[0]].elem != TensorProto.FLOAT:
        return False
    computed = [n for n, name in enumerate(node.input) if name in plain.types]
    if len(computed) > 1:
        return True
    if node.op_type in ("Cast", "Identity", "Dropout"):
        elem = plain.types[node.input[0]].elem
        return elem == TensorProto.BOOL or (elem in WHOLE and not _are_codes(nodes, makers, plain, node.input[0]))
    return node.op_type not in READERS or (node.op_type == "Div" and computed == [1])


def _are_codes(nodes: list[onnx.NodeProto], makers: Mapping[str, int], plain: Normalized, name: str) -> bool:
    """Whether the integers ``name`` are codes of a quantizer, or of a Cast of floats to a type that codes can have."""
    while plain.types[name].elem in WHOLE:
        elem, n = plain.types[name].elem, makers.get(name)
        if n is None or not _is_elementwise(nodes[n]):
            return True
        if nodes[n].op_type not in ("Cast", "Clip", "Identity", "Dropout"):
            return False
        name = nodes[n].input[0]
    return elem in _CODES and plain.types[name].elem == TensorProto.FLOAT


def _is_elementwise(node: onnx.NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in ELEMENTWISE


def _region(
    nodes: list[onnx.NodeProto], makers: Mapping[str, int], readers: Mapping[str, int], plain: Normalized, last: int
) -> tuple[str, tuple[int, ...]] | None:
    """Return the one float tensor that node ``last`` depends on alone, and the nodes from there to it.

    What asks for NaN and infinity is joined with all that may make them.
    """
    found = _closed(nodes, makers, plain, frozenset(), last)
    if found is None:
        return None
    source, members = found
    while any(nodes[m].op_type in _ASKS for m in members):
        n = makers.get(source)
        reads = sum(name == source for m in members for name in nodes[m].input)
        if n is None or not _is_elementwise(nodes[n]) or readers[source] > reads:
            break
        wider = _closed(nodes, makers, plain, members, n)
        if wider is None or plain.types[wider[0]].shape != plain.types[source].shape:
            break
        source, members = wider
    given, made = plain.types[source].shape, plain.types[nodes[last].output[0]].shape
    if given != made:
        raise UnsupportedError(
            f"grows its input from {list(given)} to {list(made)}",
            where=describe(nodes[last]),
            hint="a constant operand must broadcast to the computed one's shape",
        )
    return source, tuple(sorted(members))


def _closed(
    nodes: list[onnx.NodeProto], makers: Mapping[str, int], plain: Normalized, members: frozenset[int], last: int
) -> tuple[str, frozenset[int]] | None:
    """Return the one float tensor that node ``last`` depends on alone, and ``members`` with the nodes from there."""
    members |= {last}
    open_ends = {name for name in nodes[last].input if name in plain.types}
    while len(open_ends) > 1 or plain.types[next(iter(open_ends))].elem != TensorProto.FLOAT:
        latest = max(open_ends, key=lambda name: makers.get(name, -1))
        n = makers.get(latest)
        if n is None or not _is_elementwise(nodes[n]) or plain.types[latest].elem not in _KINDS:
            return None
        members |= {n}
        open_ends.remove(latest)
        open_ends.update(name for name in nodes[n].input if name in plain.types)
        if not open_ends:
            return None
    (source,) = open_ends
    return source, members


def _points(source: str, nodes: tuple[onnx.NodeProto, ...], plain: Normalized) -> tuple[Point, ...]:
    """Return what the region computes, its parameters broadcast to the shape of its tensor where they differ."""
    name = "-".join(node.op_type.lower() for node in nodes)
    shape, known = plain.types[source].shape, dict(plain.constants)
    nodes = tuple(part for node in nodes for part in _without_batch_normalization(node, plain, known))
    used = dict.fromkeys(name for node in nodes for name in node.input if name in known)
    single = {name: known[name].reshape(()) for name in used if known[name].size == 1}
    wide = [name for name in used if name not in single]
    values = {name: _widened(known[name]) for name in wide}
    for name in wide:
        _check_fits(values[name], shape, name)
    columns = np.stack([np.broadcast_to(values[name], shape).ravel() for name in wide]) if wide else np.zeros((0, 1))
    sets, which = distinct(columns)
    count = sets.shape[1]
    if count > _MOST_SETS:
        raise UnsupportedError(
            f"has {count} different sets of parameters", hint=f"at most {_MOST_SETS}, which one per channel keeps to"
        )
    constants = {name: _real(value) for name, value in single.items()}
    constants |= {name: sets[n].astype(known[name].dtype) for n, name in enumerate(wide)}
    constants = {name: _real(value) for name, value in constants.items()}
    function = Region(source, nodes, constants, _whole(nodes, plain))
    every = np.arange(count)
    points = straight_pieces(lambda x: function(x, every), count)
    if points is None:
        front = common_front(function, count)
        curve = Function(name, function, np.zeros(1) if front else every.astype(np.float64))
        points = (*front, curve) if front else (curve,)

    def spread(value: FloatArray) -> FloatArray:
        return value[which].reshape(shape) if value.size > 1 else value

    return tuple(map_parameters(point, spread) for point in points)


def _without_batch_normalization(
    node: onnx.NodeProto, plain: Normalized, known: dict[str, Array]
) -> tuple[onnx.NodeProto, ...]:
    """Return ``node``, or the product and the sum that it is; their constants join ``known``."""
    if node.op_type != "BatchNormalization":
        return (node,)
    computed = [n for n, name in enumerate(node.input) if name in plain.types]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    tensor = Tensor(plain.types[node.input[computed[-1]]].shape, computed[-1])
    made = READERS[node.op_type](tensor, *(plain.constants.get(name) for name in node.input), **attributes)
    assert isinstance(made, tuple) and isinstance(made[0], Affine)
    factor, bias, product = (f"{node.output[0]}/{what}" for what in ("factor", "bias", "product"))
    known |= {factor: made[0].scale, bias: made[0].bias}
    return (
        helper.make_node("Mul", [node.input[0], factor], [product]),
        helper.make_node("Add", [product, bias], [node.output[0]]),
    )


def _whole(nodes: tuple[onnx.NodeProto, ...], plain: Normalized) -> dict[str, int]:
    """Return the types of the integers that ``nodes`` read or make, by name."""
    elems = {name: plain.types[name].elem for node in nodes for name in node.output if name in plain.types}
    for name in (name for node in nodes for name in node.input if name in plain.constants):
        elems[name] = helper.np_dtype_to_tensor_dtype(plain.constants[name].dtype)
    return {name: elem for name, elem in elems.items() if elem in WHOLE}


def _widened(value: Array) -> FloatArray:
    return np.asarray(value).astype(np.float64)


def _real(value: Array) -> Array:
    """Return numbers as float64, bools as they are."""
    return value.astype(np.float64) if value.dtype.kind != "b" else value


def _check_fits(value: FloatArray, shape: tuple[int, ...], name: str) -> None:
    try:
        fits = np.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise UnsupportedError(
            f"reads {name!r} of shape {list(value.shape)} beside a tensor of shape {list(shape)}",
            hint="a constant operand must broadcast to the computed one's shape",
        )
