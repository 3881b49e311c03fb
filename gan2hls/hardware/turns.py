"""Layers that take turns at one engine: which can, and what the engine must be for all of them.

Of a frame the engine computes one layer after the other, each with weights and requantizer constants of its own.  So
layers have one engine where shapes, codec and types of weights are alike; types of inputs, accumulators and outputs
are as wide as the widest needs, which changes no number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

import numpy as np

from gan2hls.base import shared
from gan2hls.hardware.line_buffer import linear_op
from gan2hls.model import IntegerModel, IntLayer
from gan2hls.numbers import Int64Array, IntType, QuantType, Requant
from gan2hls.ops import IntLinear, IntOp

#: Work of other layers between two turns, as a part of that of a turn, with which these are still in a row.
_MOST_WORK_BETWEEN = 0.25
#: Work between two turns, as a part of all of the model, with which these are not far from each other.
_MOST_OF_ALL = 0.125
#: Codecs whose decoders hold nothing of a layer's own.
_CODECS = ("raw", "binary", "ternary")


@final
@dataclass(frozen=True)
class Turn:
    """What the requantizer of a shared engine has of a layer, beside the words of its channels.

    Attributes:
        shift: as in ``Requant``, like the others.
        zero_point: added after the shift.
        lo: least code.
        hi: greatest code.
    """

    shift: int
    zero_point: int
    lo: int
    hi: int


def turn_of(layer: IntLayer) -> Turn:
    """Return what the requantizer has of ``layer``."""
    return Turn(layer.requant.shift, layer.requant.zero_point, layer.requant.lo, layer.requant.hi)


def shareable(model: IntegerModel) -> tuple[tuple[str, ...], ...]:
    """Return the layers of ``model`` that can take turns at one engine, by name, group by group."""
    groups = defaultdict[Hashable, list[str]](list)
    for layer in model.layers:
        key = sharing_key(layer)
        if key is not None:
            groups[key].append(layer.name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def in_a_row(model: IntegerModel, groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the parts of ``groups`` whose layers follow one another without much work of others in between.

    The engine has all turns of a frame before those of the next one, so it is idle while what lies between two of them
    is computed elsewhere.  One without weights is idle anyhow while layers with weights take turns at theirs.
    """
    linear = [group for group in groups if model.layer(group[0]).op.useful_macs]
    parts = [part for group in linear for part in _parts(model, group, frozenset())]
    taking = frozenset(name for part in parts for name in part)
    parts += [part for group in groups if group not in linear for part in _parts(model, group, taking)]
    return tuple(parts)


def not_far(model: IntegerModel, groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the parts of ``groups`` between whose layers little of all work is done.

    All that lies between two turns of an engine works in turn with it.  So parts of a model that work side by side
    should not have an engine together.
    """
    most = _MOST_OF_ALL * sum(layer.op.useful_macs for layer in model.layers)
    return tuple(
        part
        for group in groups
        for part in _split(group, lambda before, after: sum(between(model, before, after).values()) <= most)
    )


def _parts(model: IntegerModel, group: Sequence[str], taking: frozenset[str]) -> list[tuple[str, ...]]:
    """Return the parts of ``group`` in a row; the work of the layers ``taking`` turns elsewhere counts as its own."""

    def follow(before: str, after: str) -> bool:
        works = between(model, before, after)
        own = model.layer(after).op.useful_macs + sum(works[name] for name in works.keys() & taking)
        return sum(works[name] for name in works.keys() - taking) <= _MOST_WORK_BETWEEN * own

    return _split(group, follow)


def _split(group: Sequence[str], together: Callable[[str, str], bool]) -> list[tuple[str, ...]]:
    """Return the parts of ``group`` of which each layer and the next are ``together``, those of several layers."""
    parts: list[list[str]] = [[group[0]]]
    for before, after in pairwise(group):
        if together(before, after):
            parts[-1].append(after)
        else:
            parts.append([after])
    return [tuple(part) for part in parts if len(part) > 1]


def between(model: IntegerModel, before: str, after: str) -> dict[str, int]:
    """Return the MACs of the layers on the ways from one layer to another, by name."""
    behind, ahead = {before}, set(model.layer(after).inputs)
    for layer in model.layers:
        if behind.intersection(layer.inputs):
            behind.add(layer.name)
    for layer in reversed(model.layers):
        if layer.name in ahead:
            ahead.update(layer.inputs)
    both = behind & ahead - {before}
    return {layer.name: layer.op.useful_macs for layer in model.layers if layer.name in both}


def sharing_key(layer: IntLayer) -> Hashable | None:
    """Return what layers have in common that can take turns at one engine; None: this one has its own.

    An engine with weights takes turns only with these off chip, where they are as far away for one layer as for many.
    Tables behind the requantizer, and pixels without taps, would be a layer's own.
    """
    op = layer.op
    if layer.table is not None or layer.requant.half_even:  # what is a tie would depend on the layer's shift
        return None
    if not isinstance(op, IntLinear):
        return None if op.turn_key is None else (op.kind, op.turn_key, layer.shape)
    if op.weight.codec not in _CODECS:
        return None
    geometry = op.geometry
    if len(geometry.y.outputs) < geometry.y.out_size or len(geometry.x.outputs) < geometry.x.out_size:
        return None
    weight = op.weight.codec, op.weight.values.shape
    return op.kind, geometry, weight, layer.shape


@shared
def joint_layer(layers: tuple[IntLayer, ...]) -> IntLayer:
    """Return what the engine of ``layers`` must be: types that hold those of all, constants one behind the other.

    It reads codes less their zero points.  Its weights are those of all, one layer's taps behind the other's, so that
    they have one format.  Its requantizer has the greatest shift and all codes of its bits; what each layer has of its
    own is ``turn_of``.
    """
    first, requants = layers[0], [layer.requant for layer in layers]
    shift = max(requant.shift for requant in requants)
    rounding, pieces = (1 << shift) >> 1, max(requant.pieces for requant in requants)
    sent = _carrying([requant.out_type for requant in requants])
    requant = Requant(
        mult=np.concatenate([_pieces(requant.mult, pieces) for requant in requants], axis=1),
        bias=np.concatenate([_pieces(requant.offset, pieces) for requant in requants], axis=1) - rounding,
        threshold=np.concatenate([requant.threshold for requant in requants]),
        shift=shift,
        zero_point=0,
        lo=sent.lo,
        hi=sent.hi,
        out_type=sent,
    )
    given = QuantType(_holding([layer.input_type.centred for layer in layers]), first.input_type.scale)
    return replace(
        first,
        name=joint_name(layers),
        source="",
        inputs=tuple(layer.inputs[0] for layer in layers),
        input_types=(given,),
        output_type=QuantType(sent, first.output_type.scale),
        op=_joint_op(layers),
        acc_type=_holding([layer.acc_type for layer in layers]),
        requant=requant,
    )


def _joint_op(layers: Sequence[IntLayer]) -> IntOp:
    """Return the operation of the engine of ``layers``: with the weights of all, or the first one's."""
    op = layers[0].op
    if not isinstance(op, IntLinear):
        return op
    weights = [linear_op(layer).weight for layer in layers]
    values = np.concatenate([weight.values for weight in weights])
    return replace(op, weight=replace(op.weight, values=values, type=_holding([weight.type for weight in weights])))


def joint_name(layers: Sequence[IntLayer]) -> str:
    """Return the name of the engine of ``layers``."""
    return f"{layers[0].name}_shared"


def _pieces(words: Int64Array, count: int) -> Int64Array:
    """Return constants of linear pieces ``[pieces, C]`` as those of ``count``: a function of one has it twice."""
    return np.broadcast_to(words, (count, words.shape[1])) if len(words) == 1 else words


def _holding(types: Sequence[IntType]) -> IntType:
    """Return the type that holds all codes of ``types``."""
    return IntType.covering(min(one.lo for one in types), max(one.hi for one in types))


def _carrying(types: Sequence[IntType]) -> IntType:
    """Return a type that has as many bits as the widest of ``types``: whoever reads it knows which type is meant."""
    return IntType(max(one.bits for one in types), signed=any(one.signed for one in types))
