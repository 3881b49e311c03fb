"""What a model would take that differs from a scheduled one in types and weights alone, without a simulation of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import final

from gan2hls.fabric import Resources, overall
from gan2hls.hardware.budget import Target
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import Design
from gan2hls.hardware.engine import EngineDesign, FoldingRequest, StreamEngine
from gan2hls.hardware.engines import make_engine
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.queues import queue_bytes
from gan2hls.hardware.resources import design_resources, engine_resources
from gan2hls.hardware.schedule import layer_choices
from gan2hls.hardware.search import taken_by
from gan2hls.hardware.sharing import shares_of_frame
from gan2hls.hardware.turns import sharing_key
from gan2hls.model import IntegerModel, IntLayer


@final
@dataclass(frozen=True)
class Weighed:
    """What a design would take.

    Attributes:
        taken: of the part.
        interval: cycles from frame to frame.
        refolded: whether engines are folded as in the scheduled design, so that it is sure to be there.
    """

    taken: Resources
    interval: int
    refolded: bool


def refolded(design: Design, model: IntegerModel) -> Design:
    """Return ``design`` of another model, whose layers differ in types and weights alone: foldings and queues stay."""
    engines = tuple(_refolded(engine, layer) for engine, layer in zip(design.engines, model.layers, strict=True))
    return replace(design, model=model, engines=engines, shared=_still_shared(design, model))


def weigh(design: Design, model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> Weighed | None:
    """Return what a design of ``model`` would take, or None where none fits.

    It is that of the foldings and queues of ``design``.  Where the target does not hold those, and holds ``design``,
    engines are folded for the queues and the pace of that, or for the next pace that fits; only ``schedule`` knows
    whether there is such a design.

    Args:
        design: scheduled for ``target``, which need not hold it.
        model: as that of ``design`` but for types and weights.
        target: as for ``schedule``.
        pinned: as for ``schedule``.

    Raises:
        FoldingError: a pinned value that does not divide.
    """
    same, pace = refolded(design, model), estimate(design).interval
    taken = design_resources(same)
    if taken.within(target.budget) or not design_resources(design).within(target.budget):
        return Weighed(taken, pace, refolded=True)
    aside = taken - overall(engine_resources(unit).taken for unit in same.units)
    shared = _still_shared(design, model)
    choices, room = layer_choices(model, target, pinned, short=True, shared=shared), target.budget - aside
    choices.bytes_aside = queue_bytes(same)
    limit = max(design.interval_limit, _planned(design))
    chosen = choices.fitting(max(limit, choices.intervals[0]), room) or choices.fastest(room)
    if chosen is None:
        return None
    slowest = max(option.interval for option in chosen.values())
    interval = pace if slowest <= limit else max(pace, slowest)
    return Weighed(taken_by(chosen) + aside, interval, refolded=False)


def _planned(design: Design) -> int:
    """Return the interval for which the engines of ``design`` are folded that have a part of a frame each."""
    shares = shares_of_frame(design.model, design.shared)
    first = {unit.layers[0].name: unit.interval for unit in design.units}
    return max((ceil(first[name] / share) for name, share in shares.items()), default=0)


def _still_shared(design: Design, model: IntegerModel) -> tuple[tuple[str, ...], ...]:
    """Return the groups of ``design`` whose layers can still take turns at one engine."""
    keys = {layer.name: sharing_key(layer) for layer in model.layers}
    first = (keys[group[0]] for group in design.shared)
    pairs = zip(design.shared, first, strict=True)
    return tuple(group for group, key in pairs if key is not None and all(keys[name] == key for name in group))


def _refolded(engine: EngineDesign, layer: IntLayer) -> EngineDesign:
    if not isinstance(engine, LinearEngine):
        bus_bits = engine.bus_bits if isinstance(engine, StreamEngine) else 0
        return make_engine(layer, engine.folding, bus_bits=bus_bits, ultra=engine.ultra)
    return make_engine(
        layer,
        engine.folding,
        rows=engine.rows,
        skip=engine.skip is not None,
        off_chip=engine.off_chip,
        ultra=engine.ultra,
    )
