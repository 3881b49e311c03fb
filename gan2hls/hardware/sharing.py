"""Which layers of a model may take turns at one engine, for a target and what a user pins."""

from __future__ import annotations

from collections.abc import Mapping

from gan2hls.hardware.budget import Target
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.options import worth_away
from gan2hls.hardware.turns import in_a_row, shareable, sharing_key
from gan2hls.model import IntegerModel, IntLayer
from gan2hls.ops import IntLinear

#: What may be pinned of a layer that shares its engine.
_FREE, _AWAY = FoldingRequest(), FoldingRequest(off_chip=True)


def sharing(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], *, near: bool
) -> tuple[tuple[str, ...], ...]:
    """Return the layers of ``model`` that may take turns at one engine, by name, group by group.

    Their weights are worth being off chip and may be, or they have none, and nothing is pinned of their foldings.
    ``near``: without much work in between of layers that do not take turns.
    """
    legal = {
        layer.name
        for layer in model.layers
        if sharing_key(layer) is not None and (not isinstance(layer.op, IntLinear) or _goes_away(layer, target))
        if pinned.get(layer.name, _FREE) in (_FREE, _AWAY)
    }
    groups = [tuple(name for name in group if name in legal) for group in shareable(model)]
    every = [group for group in groups if len(group) > 1]
    return in_a_row(model, every) if near else tuple(every)


def _goes_away(layer: IntLayer, target: Target) -> bool:
    return target.memory.off_chip is not False and worth_away(layer)
