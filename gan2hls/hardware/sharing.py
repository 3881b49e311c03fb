"""Which layers of a model may take turns at one engine, for a target and what a user pins, and which wait for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import ceil

from gan2hls.hardware.budget import Target
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.options import worth_away
from gan2hls.hardware.turns import between, in_a_row, not_far, shareable
from gan2hls.model import IntegerModel, IntLayer
from gan2hls.ops import IntLinear

#: What may be pinned of a layer that shares its engine.
_FREE, _AWAY = FoldingRequest(), FoldingRequest(off_chip=True)
#: Names of layers that take turns at one engine, group by group.
Groups = tuple[tuple[str, ...], ...]
#: Names of layers that work one after the other, and for what part of its clocks others wait for each.
Loop = Mapping[str, float]

#: Of the clocks of a normalization, which takes a map as it is made, and gives it as it is taken: neighbours wait while
#: its first elements and its last ones go by.  Of 0, 0.2, 0.3, 0.5 and 1 none led to a faster CartoonGAN of 110 layers
#: (32 x 32 and 64 x 64 pixels, activations of 8 bits).
_HELD_PART = 0.3


def sharing(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> tuple[Groups, ...]:
    """Return which layers of ``model`` may take turns at one engine, in ways of which each shares more engines.

    First those in a row that have no weights, or some that are worth being off chip and may be; then all with little of
    the model's work in between, those of few weights too, which spare line buffers and logic; then all.  Nothing is
    pinned of their foldings.
    """
    free = [layer for layer in model.layers if pinned.get(layer.name, _FREE) in (_FREE, _AWAY)]
    free = [layer for layer in free if not isinstance(layer.op, IntLinear) or target.memory.off_chip is not False]
    large = {layer.name for layer in free if not isinstance(layer.op, IntLinear) or worth_away(layer)}
    groups = shareable(model)
    every = _within(groups, {layer.name for layer in free})
    ways = not_far(model, in_a_row(model, _within(groups, large))), not_far(model, every), every
    return tuple(way for way in dict.fromkeys(ways) if way)


def loops(model: IntegerModel, groups: Groups) -> tuple[Loop, ...]:
    """Return the layers that work one after the other, loop by loop: of those that share an engine the first one.

    Between two turns of an engine lie the layers that make the second one's input of what the first one has made, and
    those may be turns of another engine.  So a frame takes the sum of their clocks.  What passes elements on as they
    come works beside its neighbours, and a normalization does for most of its clocks.
    """
    units = {name: group for group in groups for name in group}
    found: list[set[str]] = []
    for group in groups:
        loop = {name for pair in pairwise(group) for name in (*pair, *between(model, *pair))}
        loop.update(name for one in tuple(loop) for name in units.get(one, ()))
        meeting = [other for other in found if other & loop]
        found = [other for other in found if not other & loop] + [loop.union(*meeting)]
    return tuple(_loop(model, sorted({units.get(name, (name,))[0] for name in loop})) for loop in found)


def longest_loop(loops: Iterable[Loop], clocks: Mapping[str, int], batch: int = 1) -> int:
    """Return the clocks of a frame in the longest of ``loops``, of layers that take ``clocks``; 0: there is none.

    ``batch``: frames on which they work at the same time.
    """
    sums = (sum(part * clocks[name] for name, part in loop.items()) for loop in loops)
    return max((ceil(taken / batch) for taken in sums), default=0)


def _loop(model: IntegerModel, names: Iterable[str]) -> Loop:
    parts = {name: _awaited_part(model.layer(name)) for name in names}
    return {name: part for name, part in parts.items() if part}


def _awaited_part(layer: IntLayer) -> float:
    """Return for what part of its clocks others wait for a layer: for its MACs, or to end the map that it holds."""
    if layer.op.useful_macs:
        return 1.0
    return _HELD_PART if not isinstance(layer.op, IntLinear) and layer.op.turn_key is not None else 0.0


def _within(groups: Groups, names: set[str]) -> Groups:
    """Return what ``groups`` have of ``names``, where that is more than one."""
    left = (tuple(name for name in group if name in names) for group in groups)
    return tuple(group for group in left if len(group) > 1)
