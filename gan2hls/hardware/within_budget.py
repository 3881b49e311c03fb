"""Looking for a design within a budget: what is tried, in which order, where the first way comes to nothing.

The search (``search``) fixes an interval, takes for each layer the cheapest folding that keeps it, and looks for the
least interval that fits.  Queues between engines are known only then: what they take, and every row of line buffers
beyond the least, is taken off the budget, and the search goes on with what is left.

First each layer has an engine, with weights and maps on chip; then they may be off chip, and line buffers short; then
layers take turns at engines; then line buffers hold no more than a band reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import final

from gan2hls.base import FoldingError
from gan2hls.fabric import Resources
from gan2hls.hardware.budget import Target, lifted
from gan2hls.hardware.buffered import beside_options, buffered, placed, with_fewer_bytes, with_shorter_loops
from gan2hls.hardware.coding import coded_for
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import Design
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.option import Short
from gan2hls.hardware.options import options as layer_options
from gan2hls.hardware.options import shared_options
from gan2hls.hardware.prefetch import prefetches
from gan2hls.hardware.queues import queue_bytes
from gan2hls.hardware.reach import reaching
from gan2hls.hardware.refold import refolded
from gan2hls.hardware.resources import design_resources
from gan2hls.hardware.search import Choices, taken_by
from gan2hls.hardware.sharing import loops, sharing
from gan2hls.model import IntegerModel

_NOTHING = Resources()

#: How much faster a design must be for which layers take turns, where each could have an engine.
_WORTH_TURNS = 1.1
#: Bands of a batch at least, where layers take turns.
_LEAST_BANDS = 2
#: Searches at most, each with what the former design's queues take put aside.
_SEARCHES = 8


@final
@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        design: that fits; None: there is none.
        aside: what is taken beside the options of layers, as far as it is known.
        slower: where ``design`` is None, one that fits, and has shorter queues than its pace needs.
    """

    design: Design | None
    aside: Resources
    slower: Design | None = None

    def beside(self, other: Found | None) -> Found:
        """Return this with the faster one of both ``slower`` designs, if there are any."""
        slower = [found.slower for found in (self, other) if found is not None and found.slower is not None]
        return replace(self, slower=min(slower, key=lambda design: estimate(design).interval, default=None))


def within_budget(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None = None
) -> tuple[Choices, Found]:
    """Look for a design within the target's budget; return where it was looked for, and what was found.

    Where block RAM alone is short, line buffers may hold no more than a band reads, at the cost of its pace.  Where
    nothing is found of which queues keep the pace, or what is found is slower, it is a design of shorter queues.
    """
    if like is not None and not prefetches(like):
        target = replace(target, prefetch=False)
    choices, found = _at_ports(model, target, pinned, like)
    if found.design is None and target.prefetch and _lacks_memory(choices, found, target):
        choices, other = _at_ports(model, replace(target, prefetch=False), pinned, like)
        found = other.beside(found)
    if found.slower is not None and (
        found.design is None or (target.cycles is None and _is_faster(found.slower, found.design))
    ):
        found = replace(found, design=found.slower)
    return choices, found


def _is_faster(one: Design, other: Design) -> bool:
    return estimate(one).interval < estimate(other).interval


def _lacks_memory(choices: Choices, found: Found, target: Target) -> bool:
    """Whether a design would fit if there were enough block RAM."""
    room = lifted(target.budget, frozenset(("bram18", "uram"))) - found.aside
    return choices.fastest(room) is not None


def _at_ports(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None
) -> tuple[Choices, Found]:
    """Do what ``within_budget`` does with line buffers as the target has them.

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
) -> tuple[Choices, Found]:
    """Do what ``_at_ports`` does with all ports that are planned.

    Where queues off chip are too many for ports of full width, it is looked for with half of it too.
    """
    found = _at_width(model, target if like is None else target.with_port(like.memory), pinned, like)
    queues_are_too_many = found[1].design is None and found[1].aside != _NOTHING
    if queues_are_too_many and target.memory.may_narrow:
        half = replace(target.memory, bits=target.memory.bits // 2)
        other = _at_width(model, replace(target, memory=half), pinned, like)
        if other[1].design is not None:
            return other[0], other[1].beside(found[1])
    return found


def _at_width(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None
) -> tuple[Choices, Found]:
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


def _each_its_own(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> tuple[Choices, Found]:
    """Look for a design in which each layer has an engine.

    Weights and maps go off chip, and line buffers get short, where that makes it fit, or as fast as multipliers allow.
    """
    budget, memory = target.budget, target.memory
    pinned_away = memory.off_chip or any(request.off_chip for request in pinned.values())
    free = (memory.off_chip is None or memory.maps) and not pinned_away
    near = replace(target, memory=replace(memory, off_chip=False, maps=False)) if free else target
    choices = layer_choices(model, near, pinned)
    found = search_within(model, choices, near, budget)
    kept = target.cycles is not None or not free or not found.design or not _is_slowed(choices, budget, found.design)
    if found.design is not None and kept:
        return choices, found
    wide = layer_choices(model, target, pinned, short=True)
    further = search_within(model, wide, target, budget)
    if further.design is None:  # rows that a short line buffer lacks may have been wanted after all
        longer = search_within(model, wide.with_long_rows(), target, budget)
        further = further if longer.design is None else longer
    if found.design is not None and (further.design is None or found.design.interval <= further.design.interval):
        return choices, found
    return wide, further


def _faster_in_turns(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], design: Design
) -> tuple[Choices, Found] | None:
    """Look for a design in which layers take turns and which is so much faster than ``design``; None: there is none.

    One engine of many lanes for all has as many multipliers in its requantizer as each of many with few lanes.
    """
    wanted = estimate(design).interval / _WORTH_TURNS
    for groups in sharing(model, target, pinned):
        joint = layer_choices(model, target, pinned, short=True, shared=groups)
        chosen = joint.fastest(target.budget)
        if chosen is not None and joint.pace(chosen) <= wanted:
            found = search_within(model, joint, target, target.budget)
            if found.design is not None and estimate(found.design).interval <= wanted:
                return joint, found
    return None


def _shared(
    model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest], like: Design | None = None
) -> tuple[Choices, Found] | None:
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
            tried = joint, search_within(model, joint, target, target.budget, aside).beside(tried and tried[1])
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
        short: whether line buffers may be so short that the next frame waits for one to end, or without ``prefetch`` a
            band for the one before.
        ultra: with UltraRAMs even if the target has none.
        shared: names of the layers that take turns at one engine, group by group.
    """
    ultra = ultra or target.has_ultra
    waits: Short = "" if not short else "frame" if target.prefetch else "band"
    single = partial(layer_options, family=target.family, short=waits, ultra=ultra)
    alike = partial(shared_options, family=target.family, short=waits, ultra=ultra)
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


def search_within(
    model: IntegerModel, choices: Choices, target: Target, budget: Resources, aside: Resources = _NOTHING
) -> Found:
    """Look for a design within ``budget``; ``aside``: what it takes beside options, as far as it is known.

    Where nothing is left to options, though slower queues were found that fit, half of that may do.
    """
    slower = list[Design]()
    place = partial(placed, target=target, budget=budget)
    planned = known_aside = aside
    for _ in range(_SEARCHES):
        room = budget - aside
        chosen = choices.fastest(room) if target.cycles is None else reaching(model, choices, target, room)
        if chosen is None:
            if not slower:
                break
            most = (min(pair) for pair in zip(aside.counts, budget.counts, strict=True))
            aside = Resources(*((a + b) // 2 for a, b in zip(planned.counts, most, strict=True)))
            continue
        planned = aside
        design = buffered(
            model, choices, chosen, target, place, lambda made: design_resources(made).within(budget), slower.append
        )
        taken = design_resources(design)
        known, choices.bytes_aside = choices.bytes_aside, max(choices.bytes_aside, queue_bytes(design))
        if taken.within(budget) and (
            choices.bytes_aside == known or choices.carries(chosen, estimate(design).interval)
        ):
            design = with_shorter_loops(design, choices, chosen, target, budget, place)
            design = with_fewer_bytes(design, choices, chosen, target, budget, place)
            return Found(coded_for(target, design, budget), aside)
        aside = _most(taken - taken_by(chosen), aside)
        known_aside = _most(aside, known_aside)
    least = min(slower, key=lambda made: estimate(made).interval, default=None)
    return Found(None, known_aside, None if least is None else coded_for(target, least, budget))


def _most(one: Resources, other: Resources) -> Resources:
    return Resources(*map(max, zip(one.counts, other.counts, strict=True)))
