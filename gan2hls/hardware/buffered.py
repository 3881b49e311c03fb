"""From an option for each layer to a design: with the line buffer rows and queues that keep its pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gan2hls.base import free_processors, in_threads
from gan2hls.fabric import Resources
from gan2hls.hardware.budget import Target
from gan2hls.hardware.cycles import estimate, is_long
from gan2hls.hardware.design import Design
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.engines import make_engine
from gan2hls.hardware.line_buffer import line_buffer_rows, most_rows
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.option import Option
from gan2hls.hardware.queues import queues_in_ultra, queues_off_chip, with_endless_queues, with_queues
from gan2hls.hardware.resources import design_resources, engine_resources
from gan2hls.hardware.search import Choices, Chosen, taken_by
from gan2hls.model import IntegerModel, IntLayer

#: How far the frame interval may lie above its limit before line buffers get another row, and how many they get.
_TOLERANCE = 1.005
_MOST_EXTRA_ROWS = 3
#: By what part of their clocks loops must become shorter where another design is looked at for that, and how many are:
#: each is planned with what queues of the former ones take.
_WORTH_LOOPS, _TRIES = 0.005, 3


def placed(design: Design, target: Target, budget: Resources) -> Design:
    """Return ``design`` with queues in UltraRAM, and in external memory, where block RAMs are beyond ``budget``."""
    design = queues_in_ultra(design, budget)
    return queues_off_chip(design, budget, target.memory.bits) if target.memory.maps else design


def buffered(
    model: IntegerModel,
    choices: Choices,
    chosen: Chosen,
    target: Target,
    placed: Callable[[Design], Design] = lambda made: made,
    fits: Callable[[Design], bool] = lambda made: True,
    slower: Callable[[Design], None] = lambda made: None,
) -> Design:
    """Return the design of ``chosen`` options with the line buffers and queues that it needs.

    Args:
        model: the integer model.
        choices: the options of all layers.
        chosen: an option for each engine.
        target: part and clock.
        placed: as for ``with_queues``.
        fits: as for ``with_queues``.
        slower: as for ``with_queues``.
    """
    of_layers = choices.of_layers(chosen, (layer.name for layer in model.layers))
    engines = tuple(_engine(layer, of_layers[layer.name]) for layer in model.layers)
    clock_ns, ports = 1000.0 / target.clock_mhz, target.memory.ports
    plain = Design(model, engines, target.part, clock_ns, shared=choices.shared, memory_ports=ports)
    made = with_endless_queues(plain)
    short = (option.interval for option in chosen.values() if option.rows)
    pace = choices.pace(chosen) if choices.shared else max(short, default=0)
    return with_queues(_buffer(made, pace) if target.prefetch else made, placed, fits, slower)


def with_fewer_bytes(
    design: Design,
    choices: Choices,
    chosen: Chosen,
    target: Target,
    budget: Resources,
    placed: Callable[[Design], Design],
) -> Design:
    """Return ``design`` of batches with what ``budget`` leaves spent on higher bands, so on fewer passes over weights.

    It is no slower, and fewer bytes cross its memory port.  Its latency is longer, since a band waits for all of its
    input, so single frames are left as they are.

    Args:
        design: of ``chosen`` options, within ``budget``.
        choices: the options of all layers.
        chosen: an option for each engine.
        target: part and clock.
        budget: what may be taken.
        placed: as for ``with_queues``.
    """
    if design.batch == 1 or design.memory is None:
        return design
    fewer = choices.with_fewer_bytes(chosen, _left(design, chosen, budget))
    if fewer == chosen:
        return design
    other = buffered(design.model, choices, fewer, target, placed, lambda made: design_resources(made).within(budget))
    spent = 0 if other.memory is None else other.memory.frame_bytes
    as_good = design_resources(other).within(budget) and estimate(other).interval <= estimate(design).interval
    return other if as_good and spent < design.memory.frame_bytes else design


def with_shorter_loops(
    design: Design,
    choices: Choices,
    chosen: Chosen,
    target: Target,
    budget: Resources,
    placed: Callable[[Design], Design],
) -> Design:
    """Return ``design`` with ``budget`` spent on layers that work one after the other, if that is faster.

    A design that is as fast as ``target`` asks stays as it is.

    Args:
        design: of ``chosen`` options, within ``budget``.
        choices: the options of all layers.
        chosen: an option for each engine.
        target: part and clock.
        budget: what may be taken.
        placed: as for ``with_queues``.
    """
    interval = estimate(design).interval
    if not design.shared or interval <= (target.cycles or 0):
        return design
    left = _left(design, chosen, budget)
    for _ in range(_TRIES):
        shorter = choices.with_shorter_loops(chosen, left, interval)
        spared = choices.loops_of(chosen) - choices.loops_of(shorter)
        if spared <= _WORTH_LOOPS * choices.loops_of(chosen):
            break
        made = buffered(
            design.model, choices, shorter, target, placed, lambda one: design_resources(one).within(budget)
        )
        if design_resources(made).within(budget):
            return made if estimate(made).interval < interval else design
        left = Resources(*map(min, zip(left.counts, _left(made, shorter, budget).counts, strict=True)))
    return design


def _left(design: Design, chosen: Chosen, budget: Resources) -> Resources:
    """Return what ``budget`` leaves to options where what ``design`` takes beside the ``chosen`` ones stays."""
    beside = design_resources(design) - taken_by(chosen)
    return budget - Resources(*(max(0, count) for count in beside.counts))


def _engine(layer: IntLayer, option: Option) -> EngineDesign:
    """Return the engine that ``option`` stands for."""
    return make_engine(
        layer,
        option.folding,
        rows=option.rows or None,
        skip=option.skip,
        off_chip=option.off_chip,
        bus_bits=option.bus_bits,
        ultra=option.ultra,
    )


def _buffer(design: Design, pace: int) -> Design:
    """Return ``design`` with as many line buffer rows as keep the slowest engine busy, and no more.

    Neighbours of equal pace produce and consume rows unevenly within a frame; a row of slack evens that out.

    Args:
        design: with the rows of its options.
        pace: interval of the slowest engine whose line buffer is shorter than it should be, or that has a part of the
            frame where layers take turns; 0: there is none.
    """
    longer = [design, *(_with_rows(design, extra) for extra in range(1, _MOST_EXTRA_ROWS + 1))]
    if is_long(design) and free_processors() > 1:
        in_threads(estimate, longer[:2])  # the second one is wanted more often than not
    best = design
    for wider in longer[1:]:
        if estimate(best).interval <= _TOLERANCE * max(design.interval_limit, pace):
            break
        if estimate(wider).interval >= estimate(best).interval:
            break
        best = wider
    return best


def _with_rows(design: Design, extra: int) -> Design:
    """Return ``design`` with so many line buffer rows more, as far as they are of use."""
    engines = tuple(
        replace(e, rows=min(e.rows + extra, most_rows(e.layer))) if isinstance(e, LinearEngine) else e
        for e in design.engines
    )
    return replace(design, engines=engines)


def beside_options(design: Design) -> Resources:
    """Return what ``design`` takes beside the options of its engines, whose line buffers are no longer than must be."""
    taken = design_resources(design)
    for unit in design.units:
        unit = replace(unit, given_depth=0)
        if isinstance(unit, LinearEngine):
            band_rows = 1 if unit.off_chip is None else unit.off_chip.band_rows
            unit = replace(unit, rows=min(unit.rows, line_buffer_rows(unit.layer, unit.folding, band_rows)))
        taken -= engine_resources(unit, design.family).taken
    return Resources(*(max(0, count) for count in taken.counts))
