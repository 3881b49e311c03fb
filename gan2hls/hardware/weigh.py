"""What a model would take that differs from a scheduled one in types and weights alone, without a simulation of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from gan2hls.base import remembered
from gan2hls.fabric import Resources, overall
from gan2hls.hardware.budget import Target
from gan2hls.hardware.coding import without_entropy
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import Design
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.prefetch import prefetches
from gan2hls.hardware.queues import queue_bytes
from gan2hls.hardware.refold import refolded, still_shared
from gan2hls.hardware.requant_lanes import turn_cycles
from gan2hls.hardware.resources import design_resources, engine_resources
from gan2hls.hardware.search import taken_by
from gan2hls.hardware.sharing import longest_loop, loops
from gan2hls.hardware.within_budget import layer_choices
from gan2hls.model import IntegerModel, batched


@final
@dataclass(frozen=True)
class Weighed:
    """What a design would take.

    Attributes:
        taken: of the part.
        interval: cycles from frame to frame of the design.
        refolded: whether engines are folded as in the scheduled design, so that it is sure to be there.
    """

    taken: Resources
    interval: int
    refolded: bool


def weigh(design: Design, model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> Weighed | None:
    """Return what a design of ``model`` would take, or None where none fits.

    It is that of the foldings and queues of ``design``.  Where the target does not hold those, and holds ``design``,
    engines are folded for the queues and the pace of that, or for the next pace that fits; only ``schedule`` knows
    whether there is such a design.

    Args:
        design: scheduled for ``target``, which need not hold it.
        model: as that of ``design`` but for types and weights, and of one frame where that has batches.
        target: as for ``schedule``.
        pinned: as for ``schedule``.

    Raises:
        FoldingError: a pinned value that does not divide.
    """
    target, model = target.with_port(design.memory), batched(model, target.batch)
    same, pace = refolded(design, model), plain_pace(design)
    taken = design_resources(same)
    if taken.within(target.budget) or not design_resources(design).within(target.budget):
        return Weighed(taken, pace, refolded=True)
    aside = taken - overall(engine_resources(replace(unit, given_depth=0), same.family).taken for unit in same.units)
    shared, target = still_shared(design.shared, model), replace(target, prefetch=prefetches(design))
    choices, room = layer_choices(model, target, pinned, short=True, shared=shared), target.budget - aside
    choices.bytes_aside = queue_bytes(same)
    limit = max(design.interval_limit, _planned(design))
    chosen = choices.fitting(max(limit, choices.intervals[0]), room) or choices.fastest(room)
    if chosen is None:
        return None
    slowest = choices.pace(chosen)
    interval = pace if slowest <= limit else max(pace, slowest)
    return Weighed(taken_by(chosen) + aside, interval, refolded=False)


@remembered
def plain_pace(design: Design) -> int:
    """Return the cycles from frame to frame without entropy codes, which hold nothing up; a search has them anyway."""
    return estimate(without_entropy(design)).interval


def _planned(design: Design) -> int:
    """Return the interval for which the engines of ``design`` are folded where some work one after the other."""
    cycles = {unit.layers[0].name: turn_cycles(unit) for unit in design.units}
    return longest_loop(loops(design.model, design.shared), cycles, design.batch)
