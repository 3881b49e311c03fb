"""Scheduling: fold every layer so that the whole design runs at one pace within what may be taken of the part.

The slowest engine sets the frame interval, so multipliers beyond the pace of the others are wasted.  The search
(``search``) fixes an interval, takes for each layer the cheapest folding that keeps it, and looks for the least
interval that fits.  Queues between engines are known only then: what they take, and every row of line buffers beyond
the least, is taken off the budget, and the search goes on with what is left.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import final

from gan2hls.base import FoldingError
from gan2hls.fabric import Resources
from gan2hls.hardware.budget import Target, excess_text, lifted, room_beside
from gan2hls.hardware.buffered import beside_options, buffered, placed, with_fewer_bytes
from gan2hls.hardware.coding import with_entropy
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import Design, verify_design
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.misfit import Narrower, WithWeights, misfit_error
from gan2hls.hardware.options import options as layer_options
from gan2hls.hardware.options import shared_options
from gan2hls.hardware.queues import queue_bytes
from gan2hls.hardware.reach import reaching
from gan2hls.hardware.refold import refolded
from gan2hls.hardware.resources import design_resources
from gan2hls.hardware.search import Choices, taken_by
from gan2hls.hardware.sharing import loops, sharing
from gan2hls.model import IntegerModel, batched

__all__ = ["Target", "check_fits", "fits", "layer_choices", "schedule"]

_log = logging.getLogger(__name__)
_NOTHING = Resources()

#: How much more than the smallest folding an oversize design may take; the first that is enough.
_SLACKS = (1.05, 1.25)
#: How much faster a design must be for which layers take turns, where each could have an engine.
_WORTH_TURNS = 1.1
#: Bands of a batch at least, where layers take turns.
_LEAST_BANDS = 2
#: How many times the bytes that ports carry are too many for a design to be written; its pace may be a step better than
#: that for which they were counted.
_FAR_MORE = 2
#: Searches at most, each with what the former design's queues take put aside.
_SEARCHES = 5


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
            turns in it, such a design is looked for first.

    Raises:
        FoldingError: a pinned value that does not divide, a goal that no folding reaches, or, unless the target is
            ``oversize``, a part that holds no folding of it.
    """
    budget, model = target.budget, batched(model, target.batch)
    choices, found = _within_budget(model, target, pinned, like)
    if found.design is None:
        if not target.oversize:
            raise _misfit(model, choices, target, pinned, found.aside)
        found = _oversized(model, choices, target, budget, found.aside, near=near)
    assert found.design is not None, "there is always one where nothing is held"
    verify_design(found.design)
    return found.design


def fits(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> bool:
    """Whether ``schedule`` with the same arguments has a design within the target's budget.

    Raises:
        FoldingError: a pinned value that does not divide, or a goal that no folding reaches.
    """
    return _fitting(model, target, pinned) is not None


def _fitting(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> Design | None:
    return _within_budget(batched(model, target.batch), target, pinned)[1].design


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
    choices, found = _within_budget(design.model, target, pinned)
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
    narrower = Narrower(with_weights, lambda other: fits(other, target, pinned))
    listed = choices
    if not target.has_ultra:
        listed = layer_choices(model, target, pinned, short=True, ultra=True, shared=choices.shared)

    def taken_with(other: Target) -> Resources | None:
        design = _fitting(model.single or model, other, pinned)
        return None if design is None else design_resources(design)

    return misfit_error(model, choices, listed, target, aside, narrower, taken_with)


@final
@dataclass(frozen=True)
class _Found:
    """What a search has found.

    Attributes:
        design: that fits; None: there is none.
        aside: what is taken beside the options of layers, as far as it is known.
    """

    design: Design | None
    aside: Resources


def _within_budget(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None = None
) -> tuple[Choices, _Found]:
    """Look for a design within the target's budget; return where it was looked for, and what was found.

    Of several memory ports no more than must be are planned with: a design that is as fast moves fewer bytes then.
    """
    memory, found = target.memory, _at_widths(model, target, pinned, like)
    best = found[1].design
    if best is None or best.memory is None:
        return found
    for planned in (1 << n for n in range((memory.ports - 1).bit_length())):
        try:
            other = _at_widths(model, replace(target, memory=replace(memory, planned=planned)), pinned, like)
        except FoldingError:  # so few ports are too slow for the rate that is asked for
            continue
        design = other[1].design
        if design is not None and (target.cycles is not None or estimate(design).interval <= estimate(best).interval):
            return other
    return found


def _at_widths(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None
) -> tuple[Choices, _Found]:
    """Do what ``_within_budget`` does with all ports that are planned.

    Where queues off chip are too many for ports of full width, it is looked for with half of it too.
    """
    found = _at_width(model, target if like is None else target.with_port(like.memory), pinned, like)
    queues_are_too_many = found[1].design is None and found[1].aside != _NOTHING
    if queues_are_too_many and target.memory.may_narrow:
        half = replace(target.memory, bits=target.memory.bits // 2)
        other = _at_width(model, replace(target, memory=half), pinned, like)
        return other if other[1].design is not None else found
    return found


def _at_width(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None
) -> tuple[Choices, _Found]:
    """Do what ``_at_widths`` does with memory ports of the target's width.

    Layers take turns at engines where nothing else fits, or where external memory is used anyway and that is faster.
    """
    if like is not None and like.shared:
        again = _shared(model, target, pinned, like)
        if again is not None and again[1].design is not None:
            return again
    if target.share:
        shared = _shared(model, target, pinned)
        if shared is not None:
            return shared
    choices, found = _each_its_own(model, target, pinned)
    if target.share is None:
        if found.design is None:
            return _shared(model, target, pinned) or (choices, found)
        if target.cycles is None and found.design.memory is not None:
            return _faster_in_turns(model, target, pinned, found.design) or (choices, found)
    return choices, found


def _each_its_own(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> tuple[Choices, _Found]:
    """Look for a design in which each layer has an engine.

    Weights and maps go off chip, and line buffers get short, where that makes it fit, or as fast as multipliers allow.
    """
    budget, memory = target.budget, target.memory
    pinned_away = memory.off_chip or any(request.off_chip for request in pinned.values())
    free = (memory.off_chip is None or memory.maps) and not pinned_away
    near = replace(target, memory=replace(memory, off_chip=False, maps=False)) if free else target
    choices = layer_choices(model, near, pinned)
    found = _search(model, choices, near, budget)
    kept = target.cycles is not None or not free or not found.design or not _is_slowed(choices, budget, found.design)
    if found.design is not None and kept:
        return choices, found
    wide = layer_choices(model, target, pinned, short=True)
    further = _search(model, wide, target, budget)
    if further.design is None:  # rows that a short line buffer lacks may have been wanted after all
        further = _search(model, wide.with_long_rows(), target, budget)
    if found.design is not None and (further.design is None or found.design.interval <= further.design.interval):
        return choices, found
    return wide, further


def _faster_in_turns(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], design: Design
) -> tuple[Choices, _Found] | None:
    """Look for a design in which layers take turns and which is so much faster than ``design``; None: there is none.

    One engine of many lanes for all has as many multipliers in its requantizer as each of many with few lanes.
    """
    wanted = estimate(design).interval / _WORTH_TURNS
    for groups in sharing(model, target, pinned):
        joint = layer_choices(model, target, pinned, short=True, shared=groups)
        chosen = joint.fastest(target.budget)
        if chosen is not None and joint.pace(chosen) <= wanted:
            found = _search(model, joint, target, target.budget)
            if found.design is not None and estimate(found.design).interval <= wanted:
                return joint, found
    return None


def _shared(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None = None
) -> tuple[Choices, _Found] | None:
    """Look for a design in which layers take turns at one engine; return None where none can.

    As few engines as fit are shared: where others work between two turns, the engine waits for them.  It begins with
    those of ``like``, and with what queues as there take for the types of ``model``.
    """
    tried, ways = None, sharing(model, target, pinned)
    if like is not None:
        ways = ways[ways.index(like.shared) :] if like.shared in ways else ()
    for groups in ways:
        if tried is None or tried[1].design is None:
            joint = layer_choices(model, target, pinned, short=True, shared=groups)
            same = None if like is None else refolded(like, model)
            aside = _NOTHING if same is None or groups != same.shared else beside_options(same)
            tried = joint, _search(model, joint, target, target.budget, aside)
    return tried


def _is_slowed(choices: Choices, budget: Resources, design: Design) -> bool:
    """Whether ``design`` is slower than its multipliers would have to be: for want of memory."""
    chosen = choices.fastest(lifted(budget, frozenset(("bram18", "uram"))))
    return chosen is not None and choices.pace(chosen) < design.interval


def layer_choices(
    model: IntegerModel,
    target: Target,
    pinned: Mapping[str, FoldingRequest],
    *,
    short: bool = False,
    ultra: bool = False,
    shared: tuple[tuple[str, ...], ...] = (),
) -> Choices:
    """Return the options of all layers.

    Args:
        model: the integer model.
        target: as for ``schedule``.
        pinned: as for ``schedule``.
        short: whether line buffers may be so short that the next frame waits for one to end.
        ultra: with UltraRAMs even if the target has none.
        shared: names of the layers that take turns at one engine, group by group.
    """
    ultra = ultra or target.has_ultra
    single = partial(layer_options, family=target.family, short=short, ultra=ultra)
    alike = partial(shared_options, family=target.family, short=short, ultra=ultra)
    groups = {group[0]: [model.layer(name) for name in group] for group in shared}
    later, bands = {name for group in shared for name in group[1:]}, min(model.batch, _LEAST_BANDS)
    found = {
        layer.name: alike(groups[layer.name], target.memory, least_bands=bands)
        if layer.name in groups
        else single(layer, pinned.get(layer.name, FoldingRequest()), target.memory)
        for layer in model.layers
        if layer.name not in later
    }
    bytes_per_clock = target.memory.bytes_per_clock(target.clock_mhz)
    return Choices(found, bytes_per_clock, shared, loops(model, shared), model.batch, target.memory.carrying)


def _search(
    model: IntegerModel, choices: Choices, target: Target, budget: Resources, aside: Resources = _NOTHING
) -> _Found:
    """Look for a design within ``budget``; ``aside``: what it takes beside options, as far as it is known."""
    for _ in range(_SEARCHES):
        room = budget - aside
        chosen = choices.fastest(room) if target.cycles is None else reaching(model, choices, target, room)
        if chosen is None:
            break
        place = partial(placed, target=target, budget=budget)
        design = buffered(model, choices, chosen, target, place, lambda made: design_resources(made).within(budget))
        taken = design_resources(design)
        known, choices.bytes_aside = choices.bytes_aside, max(choices.bytes_aside, queue_bytes(design))
        if taken.within(budget) and (
            choices.bytes_aside == known or choices.carries(chosen, estimate(design).interval)
        ):
            design = with_fewer_bytes(design, choices, chosen, target, budget, place)
            return _Found(with_entropy(design, budget) if target.memory.entropy else design, aside)
        beside = (taken - taken_by(chosen)).counts
        aside = Resources(*(max(pair) for pair in zip(beside, aside.counts, strict=True)))
    return _Found(None, aside)


def _oversized(
    model: IntegerModel, choices: Choices, target: Target, budget: Resources, aside: Resources, *, near: bool
) -> _Found:
    """Return a design that comes near ``budget``, or at least holds of it all that some folding can hold."""
    interval = choices.intervals[-1] if target.cycles is None else target.cycles
    nearest = dict(taken_by(choices.nearest(interval, room_beside(budget, aside))) + aside)
    for slack in _SLACKS if near else ():
        grown = Resources(**{name: max(count, int(slack * nearest[name])) for name, count in budget})
        found = _search(model, choices, target, grown)
        if found.design is not None:
            return found
    names = frozenset[str]()
    while True:
        room = lifted(budget, names) - aside
        taken = taken_by(choices.nearest(interval, room))
        limits = dict(room)
        over = {name: count / max(limits[name], 1) for name, count in taken if count > limits[name]}
        if not over:
            found = _search(model, choices, target, lifted(budget, names))
            if found.design is not None:
                return found
            over = {name: count for name, count in aside if name not in names}
        if not over:  # memory ports are too slow
            return _search(model, choices.with_endless_ports(), replace(target, fps=None), lifted(budget, names))
        names |= {max(over, key=lambda name: over[name])}
