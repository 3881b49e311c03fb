"""Scheduling: fold every layer so that the whole design runs at one pace within what may be taken of the part.

The slowest engine sets the frame interval, so multipliers beyond the pace of the others are wasted.  What fits is
looked for in ``within_budget``; where nothing does, it is said what would help, or a design made that comes near.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from gan2hls.base import FoldingError
from gan2hls.fabric import Resources
from gan2hls.hardware.budget import Target, excess_text, lifted, room_beside
from gan2hls.hardware.coding import coded_for, without_entropy
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import Design, verify_design
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.misfit import Narrower, WithWeights, misfit_error
from gan2hls.hardware.refold import refolded, still_shared
from gan2hls.hardware.resources import design_resources
from gan2hls.hardware.search import Choices, taken_by
from gan2hls.hardware.weigh import plain_pace
from gan2hls.hardware.within_budget import Found, layer_choices, search_within, within_budget
from gan2hls.model import IntegerModel, batched

__all__ = ["Target", "check_fits", "fits", "schedule"]

_log = logging.getLogger(__name__)

#: How much more than the smallest folding an oversize design may take; the first that is enough.
_SLACKS = (1.05, 1.25)
#: How many times the bytes that ports carry are too many for a design to be written; its pace may be a step better than
#: that for which they were counted.
_FAR_MORE = 2
#: How far the interval of a design of another model may lie above that of the first: bytes of maps differ.
_AS_FAST = 1.001


def schedule(
    model: IntegerModel,
    target: Target,
    pinned: Mapping[str, FoldingRequest],
    *,
    near: bool = True,
    like: Design | None = None,
) -> Design:
    """Choose foldings and buffers for ``model``.

    Args:
        model: the integer model, of one frame; that of the design has batches.
        target: part, clock and goal.
        pinned: foldings fixed by the user, by layer name.
        near: whether an ``oversize`` design is to come near the part; else it has what multipliers allow, and is found
            sooner.
        like: scheduled with the same arguments for a model that differs in types and weights alone.  Where layers take
            turns in it, it is taken again if the target holds it and it is as fast; else such a design is looked for
            first.

    Raises:
        FoldingError: a pinned value that does not divide, a goal that no folding reaches, or, unless the target is
            ``oversize``, a part that holds no folding of it.
    """
    budget, model = target.budget, batched(model, target.batch)
    again = None if like is None else _again(like, model, target)
    if again is not None:
        return again
    choices, found = within_budget(model, target, pinned, like)
    if found.design is None:
        if not target.oversize:
            raise _misfit(model, choices, target, pinned, found.aside)
        found = _oversized(model, choices, target, budget, found.aside, near=near)
    assert found.design is not None, "there is always one where nothing is held"
    verify_design(found.design)
    return found.design


def _again(like: Design, model: IntegerModel, target: Target) -> Design | None:
    """Return ``like`` of another model, or None where each layer has an engine, it does not fit, or it is slower."""
    if not like.shared:
        return None
    made = without_entropy(refolded(like, model))
    if made.shared != like.shared or not design_resources(made).within(target.budget):
        return None
    made = coded_for(target, made, target.budget)
    if estimate(made).interval > _AS_FAST * plain_pace(like):
        return None
    verify_design(made)
    return made


def fits(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> bool:
    """Whether ``schedule`` with the same arguments has a design within the target's budget.

    Raises:
        FoldingError: a pinned value that does not divide, or a goal that no folding reaches.
    """
    return _fitting(model, target, pinned) is not None


def _fitting(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> Design | None:
    return within_budget(batched(model, target.batch), target, pinned)[1].design


def check_fits(
    design: Design, target: Target, pinned: Mapping[str, FoldingRequest], with_weights: WithWeights = lambda _: None
) -> None:
    """Refuse a design that takes more than ``target`` allows; where that is ``oversize``, warn of it.

    Warn of batches, too, where their frames share nothing.

    Args:
        design: of some model.
        target: as for ``schedule``.
        pinned: as for ``schedule``.
        with_weights: returns the same model with weights in another format, and the PSNR of its output in dB; None:
            that is not known.

    Raises:
        FoldingError: it says what is needed and what is there, and which ways out there are.
    """
    if design.batch > 1 and not design.has_image and not design.shared:
        _log.warning(
            "target.batch: %d brings latency alone: no weights are off chip, no layers take turns", design.batch
        )
    short = _shortcomings(design, target)
    if not short:
        return
    what = f"{target.part}: the design {' and '.join(short)}"
    if target.oversize:
        _log.warning("%s; target.oversize lets it pass", what)
        return
    choices, found = within_budget(design.model, target, pinned)
    if found.design is not None and design_resources(design).within(target.budget):
        _log.warning("%s", what)  # the search has nothing better: its queues slow it down
        return
    raise _misfit(design.model, choices, target, pinned, found.aside, with_weights)


def _shortcomings(design: Design, target: Target) -> list[str]:
    """Return in what ``design`` is not as it should be: what it takes, its pace, what it asks of its memory ports."""
    taken, budget, memory = design_resources(design), target.budget, target.memory
    short = [] if taken.within(budget) else [f"takes {excess_text(taken, budget)}"]
    if target.cycles is None and memory.gbps is None:
        return short
    interval = estimate(design).interval
    if target.cycles is not None and interval > target.cycles:
        short.append(f"makes {target.rate(interval)} frames/s instead of {target.fps:g}")
    if design.memory is not None and memory.gbps is not None:
        there = memory.ports * memory.bytes_per_clock(target.clock_mhz)
        if design.memory.frame_bytes > _FAR_MORE * there * interval:
            spent, per_clock = design.memory.frame_bytes / interval, target.clock_mhz / 1e3
            short.append(f"asks {spent * per_clock:.3g} GB/s of external memory that brings {there * per_clock:.3g}")
    return short


def _misfit(
    model: IntegerModel,
    choices: Choices,
    target: Target,
    pinned: Mapping[str, FoldingRequest],
    aside: Resources,
    with_weights: WithWeights = lambda _: None,
) -> FoldingError:
    """Return what says that nothing fits."""
    least = replace(target, prefetch=False)

    def choices_of(other: IntegerModel, *, ultra: bool = False) -> Choices:
        shared = still_shared(choices.shared, other)
        return layer_choices(other, least, pinned, short=True, ultra=ultra, shared=shared)

    narrower = Narrower(with_weights, lambda other: fits(other, target, pinned), choices_of)
    listed = choices if target.has_ultra else choices_of(model, ultra=True)

    def taken_with(other: Target) -> Resources | None:
        design = _fitting(model.single or model, other, pinned)
        return None if design is None else design_resources(design)

    return misfit_error(model, choices, listed, target, aside, narrower, taken_with)


def _oversized(
    model: IntegerModel, choices: Choices, target: Target, budget: Resources, aside: Resources, *, near: bool
) -> Found:
    """Return a design that comes near ``budget``, or at least holds of it all that some folding can hold."""
    interval = choices.intervals[-1] if target.cycles is None else target.cycles
    nearest = dict(taken_by(choices.nearest(interval, room_beside(budget, aside))) + aside)
    for slack in _SLACKS if near else ():
        grown = Resources(**{name: max(count, int(slack * nearest[name])) for name, count in budget})
        found = search_within(model, choices, target, grown)
        if found.design is not None:
            return found
    names = frozenset[str]()
    while True:
        room = lifted(budget, names) - aside
        taken = taken_by(choices.nearest(interval, room))
        limits = dict(room)
        over = {name: count / max(limits[name], 1) for name, count in taken if count > limits[name]}
        if not over:
            found = search_within(model, choices, target, lifted(budget, names))
            if found.design is not None:
                return found
            over = {name: count for name, count in aside if name not in names}
        if not over:  # memory ports are too slow
            return search_within(model, choices.with_endless_ports(), replace(target, fps=None), lifted(budget, names))
        names |= {max(over, key=lambda name: over[name])}
