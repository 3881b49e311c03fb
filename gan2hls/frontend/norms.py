"""Normalizations that are spelled out: regions around means of one tensor that are looked at, not matched.

From a tensor that a mean reads, nodes are evaluated in float64 on numbers of four sorts, until one makes

    scale * (x - mean) / (sqrt(variance + epsilon) + outside) + bias        or the same without the mean

of it, with statistics over the sets that its means reduce.  Large numbers tell scale and bias of each element, small
ones epsilon, or what is added to the root; others must agree.  The first node that does so is the normalization, so
scale and bias behind it stay nodes of their own, constant or computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.norm_region import REDUCTIONS, Evaluated, Evaluator, passes_through
from gan2hls.frontend.normalize import Normalized
from gan2hls.kinds import Normalization
from gan2hls.model import Affine
from gan2hls.numbers import FloatArray, Int64Array

#: Domain of the node that stands for a normalization.
NORM_DOMAIN = "gan2hls"
#: How near values must be to those of a normalization, as a part of their greatest.
_NEAR = 1e-6
#: How near parameters are that rounding alone sets apart, in float64.
_SAME = 1e-8
#: Stands for a bound that keeps a root from 0: nothing beside a variance that is not 0.
_LEAST_EPSILON = 1e-24
#: Most nodes that are looked at behind a tensor.
_MOST_NODES = 64
#: Most that may be added to a root: hardware adds its square below the root.
_MOST_OUTSIDE = 2e-3


@final
@dataclass(frozen=True, eq=False)
class Found:
    """A normalization that nodes spell out.

    Attributes:
        input: the tensor that it normalizes.
        output: what its last node makes.
        source: names of its nodes.
        reading: what it computes, over the input's shape.
        places: int64 of the output's shape; which flat element of the input each element belongs to.
    """

    input: str
    output: str
    source: str
    reading: Normalization
    places: Int64Array


def without_norms(plain: Normalized) -> tuple[Normalized, dict[str, Found]]:
    """Return ``plain`` with a node of ``NORM_DOMAIN`` for every normalization, and these by what they make."""
    nodes = list(plain.model.graph.node)
    if not any(_reduces(node) for node in nodes):
        return plain, {}
    found: dict[str, Found] = {}
    inside: set[int] = set()
    for n, node in enumerate(nodes):
        if _reduces(node) and n not in inside:
            made = next(filter(None, (_search(plain, nodes, source) for source in _sources(plain, nodes, n))), None)
            if made is not None:
                norm, members = made
                found[norm.output] = norm
                inside |= members
    return replace(plain, model=_replaced(plain.model, found)), found


def _reduces(node: onnx.NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in REDUCTIONS


def _replaced(model: onnx.ModelProto, found: dict[str, Found]) -> onnx.ModelProto:
    """Return ``model`` with the nodes that ``found`` stand for, without those that nobody reads any more."""
    kept: list[onnx.NodeProto] = []
    needed = {output.name for output in model.graph.output}
    for node in reversed(model.graph.node):
        if needed.isdisjoint(node.output):
            continue
        norm = found.get(node.output[0])
        if norm is not None:
            node = helper.make_node("Normalization", [norm.input], [norm.output], norm.source, domain=NORM_DOMAIN)
        kept.append(node)
        needed.update(node.input)
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.node[:]
    made.graph.node.extend(kept[::-1])
    return made


def _sources(plain: Normalized, nodes: list[onnx.NodeProto], n: int) -> Iterator[str]:
    """Yield the tensors that reduction ``n`` may be a statistic of, nearest first."""
    makers = {name: node for node in nodes for name in node.output}
    name = nodes[n].input[0]
    while True:
        yield name
        node = makers.get(name)
        computed = set() if node is None else {name for name in node.input if name in plain.types}
        if node is None or len(computed) != 1 or not passes_through(node):
            return
        (name,) = computed


def _search(plain: Normalized, nodes: list[onnx.NodeProto], source: str) -> tuple[Found, set[int]] | None:
    """Return the first node that makes a normalization of ``source``, and the nodes from there to it."""
    if plain.types[source].elem != TensorProto.FLOAT:
        return None
    size = int(np.prod(plain.types[source].shape))
    probes = _probes(size)
    evaluator = Evaluator(plain, source, probes)
    members: list[int] = []
    for n, node in enumerate(nodes):
        if len(members) == _MOST_NODES:
            break
        made = evaluator.take(node)
        if made is None:
            continue
        members.append(n)
        if made.sets is None or not made.rooted or made.places is None or made.places.size != size:
            continue
        reading = _fitted(probes, made, plain.types[source].shape)
        if reading is not None:
            behind = _behind(nodes, members, node.output[0])
            names = " + ".join(nodes[m].name for m in sorted(behind))
            return Found(source, node.output[0], names, reading, made.places), behind
    return None


def _behind(nodes: list[onnx.NodeProto], members: list[int], output: str) -> set[int]:
    """Return those of ``members`` that ``output`` is made of."""
    needed, found = {output}, set()
    for n in reversed(members):
        if not needed.isdisjoint(nodes[n].output):
            found.add(n)
            needed.update(nodes[n].input)
    return found


def _probes(size: int) -> tuple[FloatArray, ...]:
    """Return numbers to evaluate regions on, ``[size]`` each: three times large, twice small, once in between."""
    rng = np.random.default_rng(size)
    return tuple(scale * (0.3 + rng.normal(size=size)) for scale in (1e5, 1e5, 1e5, 1e-3, 2e-3, 1.0))


def _fitted(probes: tuple[FloatArray, ...], made: Evaluated, shape: tuple[int, ...]) -> Normalization | None:
    """Return the normalization of the ``probes`` that ``made`` has values of; None: it is none."""
    assert made.sets is not None and made.places is not None
    values = []
    for value in made.values:
        if not np.isfinite(value).all():
            return None
        in_place = np.empty(value.size)
        in_place[made.places.ravel()] = value.ravel()
        values.append(in_place)
    sets = (np.cumsum(made.sets == np.arange(made.sets.size)) - 1)[made.sets]  # numbered in order
    counts = np.bincount(sets)
    if counts.min() < 2:
        return None
    for centred in (True, False):
        parts = [_parts(x, sets, counts, centred) for x in probes]
        scale, bias = _affine([off / np.sqrt(power) for off, power in parts[:3]], values[:3])
        for outside, epsilon in _added(scale, bias, parts[3], values[3]):
            if epsilon < 0 or outside < 0:
                continue
            near = all(
                np.abs(scale * off / (np.sqrt(power + epsilon) + outside) + bias - value).max()
                <= _NEAR * max(np.abs(value).max(), 1e-30)
                for (off, power), value in zip(parts, values, strict=True)
            )
            if near and outside <= _MOST_OUTSIDE:
                plain = np.abs(scale - 1).max() <= _NEAR and np.abs(bias).max() <= _NEAR
                points = () if plain else (Affine(scale.reshape(shape), bias.reshape(shape)),)
                least = _LEAST_EPSILON if made.floored else 0.0
                return Normalization(sets.reshape(shape), centred, max(epsilon, least), outside, points)
    return None


def _parts(x: FloatArray, sets: Int64Array, counts: Int64Array, centred: bool) -> tuple[FloatArray, FloatArray]:
    """Return ``x``, less the mean of its set, and the mean square of that by element."""
    off = x - (np.bincount(sets, x) / counts)[sets] if centred else x
    return off, (np.bincount(sets, off * off) / counts)[sets]


def _affine(x: list[FloatArray], y: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return scale and bias of the lines through points ``x``, ``y`` by element."""
    xs, ys = np.stack(x), np.stack(y)
    off = xs - xs.mean(axis=0)
    spread = np.maximum((off * off).sum(axis=0), 1e-12)
    scale = (off * ys).sum(axis=0) / spread
    bias = ys.mean(axis=0) - scale * xs.mean(axis=0)
    bias[np.abs(bias) <= _NEAR * np.abs(ys).max()] = 0
    return _merged(scale), _merged(bias)


def _merged(values: FloatArray) -> FloatArray:
    """Return ``values`` with those that differ by rounding alone made one."""
    if np.ptp(values) <= _SAME * np.abs(values).max():
        return np.full_like(values, values.mean())
    order = np.argsort(values)
    steps = np.diff(values[order]) > _SAME * np.abs(values).max()
    which = np.concatenate([[0], np.cumsum(steps)])
    made = np.empty_like(values)
    made[order] = (np.bincount(which, values[order]) / np.bincount(which))[which]
    return made


def _added(
    scale: FloatArray, bias: FloatArray, parts: tuple[FloatArray, FloatArray], value: FloatArray
) -> Iterator[tuple[float, float]]:
    """Yield what may be added to the root, and to the variance below it, where small numbers ``value`` show it."""
    off, power = parts
    at = int(np.abs(scale * off).argmax())
    made = value[at] - bias[at]
    deviation = 0.0 if made == 0 else float(scale[at] * off[at] / made)
    yield 0.0, float(np.float32(_whole(deviation**2 - power[at], power[at])))
    yield float(np.float32(_whole(deviation - np.sqrt(power[at]), np.sqrt(power[at])))), 0.0


def _whole(added: float, beside: float) -> float:
    """Return what was added, 0 where that is lost ``beside`` the other number."""
    return 0.0 if abs(added) <= 1e-8 * beside else float(added)
