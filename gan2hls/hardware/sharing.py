"""Which layers of a model may take turns at one engine, for a target and what a user pins."""

from __future__ import annotations

from collections.abc import Mapping

from gan2hls.hardware.budget import Target
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.options import worth_away
from gan2hls.hardware.turns import in_a_row, shareable
from gan2hls.model import IntegerModel
from gan2hls.ops import IntLinear

#: What may be pinned of a layer that shares its engine.
_FREE, _AWAY = FoldingRequest(), FoldingRequest(off_chip=True)


#: Names of layers that take turns at one engine, group by group.
Groups = tuple[tuple[str, ...], ...]


def sharing(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> tuple[Groups, ...]:
    """Return which layers of ``model`` may take turns at one engine, in ways of which each shares more engines.

    First those in a row that have no weights, or some that are worth being off chip and may be; then such wherever they
    stand; then those of few weights as well, which spare line buffers and logic.  Nothing is pinned of their foldings.
    """
    free = [layer for layer in model.layers if pinned.get(layer.name, _FREE) in (_FREE, _AWAY)]
    free = [layer for layer in free if not isinstance(layer.op, IntLinear) or target.memory.off_chip is not False]
    large = {layer.name for layer in free if not isinstance(layer.op, IntLinear) or worth_away(layer)}
    groups = shareable(model)
    far = _within(groups, large)
    ways = in_a_row(model, far), far, _within(groups, {layer.name for layer in free})
    return tuple(way for way in dict.fromkeys(ways) if way)


def _within(groups: Groups, names: set[str]) -> Groups:
    """Return what ``groups`` have of ``names``, where that is more than one."""
    left = (tuple(name for name in group if name in names) for group in groups)
    return tuple(group for group in left if len(group) > 1)
