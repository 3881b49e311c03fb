"""What to say of a model that no folding brings onto its part: what is needed, what is there, and every way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import final

import numpy as np

from gan2hls.base import FoldingError
from gan2hls.fabric import BRAM18_BITS, URAM_BITS, Resources
from gan2hls.hardware.budget import (
    RESOURCE_NAMES,
    Target,
    Utilization,
    excess,
    excess_text,
    lifted,
    room_beside,
)
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.options import options
from gan2hls.hardware.parts import PARTS
from gan2hls.hardware.search import Choices, taken_by
from gan2hls.model import IntegerModel, IntLayer
from gan2hls.numbers import IntType
from gan2hls.ops import IntLinear

#: Widths of weights that are tried.
_WEIGHT_BITS = (6, 4, 2)
#: Batches that are tried where single frames cannot be as fast as they should.
_BATCHES = (2, 4, 8)
#: Memory ports that are tried there, as parts with a processor have them.
_PORTS = (2, 4)
#: Widths of a memory port that are tried.
_PORT_BITS = (128, 256, 512)
#: What stands between two ways out: each has its line.
_BETWEEN = ";\n        "


#: Returns a model with weights in the format of that name, and the PSNR of its output in dB; None: nobody knows, or it
#: would take too long.
WithWeights = Callable[[str], tuple[IntegerModel, float] | None]


@final
@dataclass(frozen=True)
class Narrower:
    """How a format of fewer bits for weights is tried.

    Attributes:
        with_weights: returns the model in that format.
        fits: whether some design of a model fits.
        choices: returns the foldings of a model.
    """

    with_weights: WithWeights
    fits: Callable[[IntegerModel], bool]
    choices: Callable[[IntegerModel], Choices]


def misfit_error(
    model: IntegerModel,
    choices: Choices,
    listed: Choices,
    target: Target,
    aside: Resources,
    narrower: Narrower,
    taken_with: Callable[[Target], Resources | None],
) -> FoldingError:
    """Return what says that nothing fits, with the ways out that have been tried.

    Args:
        model: the integer model.
        choices: its foldings.
        listed: those with UltraRAMs, which other parts may have.
        target: part, clock and goal.
        aside: what is taken beside the options of layers.
        narrower: by which fewer bits of weights are tried.
        taken_with: what a design takes that fits another target; None: there is none.
    """
    budget, interval = target.budget, _interval(choices, target)
    chosen = choices.nearest(interval, room_beside(budget, aside))
    taken = taken_by(chosen) + aside
    slow = "more bytes than its ports to external memory carry"
    other = "more than there is" if choices.carries(chosen, interval) else slow
    what = "the smallest folding needs" if target.fps is None else f"{target.fps:g} frames/s need"
    names = list(excess(taken, budget))
    counts = [f"{count:,} {RESOURCE_NAMES[name]}" for name, count in taken if count]
    ways = [f"in all it takes {', '.join(counts)}"]
    ways += [*_other_settings(target, taken_with), *_memory_bits((choices, listed), target, aside, taken_with)]
    ways += _off_chip(model, target, aside, taken_with)
    return FoldingError(
        f"{what} {excess_text(taken, budget) or other}",
        where=target.part,
        hint=_BETWEEN.join([*ways, *_ways_out(model, choices, listed, target, aside, narrower, names)]),
    )


def _interval(choices: Choices, target: Target) -> int:
    return choices.intervals[-1] if target.cycles is None else target.cycles


def _ways_out(
    model: IntegerModel,
    choices: Choices,
    listed: Choices,
    target: Target,
    aside: Resources,
    narrower: Narrower,
    names: list[str],
) -> Iterator[str]:
    """Yield what would help, each with its price; ``names`` are the resources that are short."""
    budget, interval = target.budget, _interval(choices, target)
    if target.dsp is not None:
        without = lifted(budget, frozenset(("dsp",)))
        chosen = choices.fitting(interval, without - aside)
        if chosen is not None:
            yield f"target.dsp: {(taken_by(chosen) + aside).dsp} would do"
    yield from _more_of_the_part(choices, target, aside)
    yield _larger_part(listed, target, aside)
    yield from _fewer_bits(model, target, aside, narrower, names)
    if target.fps is not None:
        fastest = choices.fastest(budget - aside)
        if fastest is None:
            yield "fewer frames/s do not help"
        else:
            pace = choices.pace(fastest)
            yield f"fewer frames/s: about {target.rate(pace)} fit"
    nearest = "which no tool can place on this part" if names else "which is slower than asked"
    yield f"target.oversize: true (--oversize) writes what comes nearest, {nearest}"


def _other_settings(target: Target, taken_with: Callable[[Target], Resources | None]) -> Iterator[str]:
    """Yield which settings would help, of those that decide how a search goes: each is tried."""
    memory = target.memory

    def fits(other: Target) -> bool:
        return taken_with(other) is not None

    if not memory.maps and fits(replace(target, memory=replace(memory, maps=True))):
        yield "memory.maps: auto: with queues and maps off chip it fits"
    if target.batch > 1 and fits(replace(target, batch=1)):
        yield "target.batch: 1: frames one by one fit"
    if target.fps is None or memory.off_chip is False:
        return
    more = {ports: replace(target, memory=replace(memory, ports=ports)) for ports in _PORTS if ports > memory.ports}
    ports = next((n for n, other in more.items() if fits(other)), None)
    if ports is not None:
        yield f"memory.ports: {ports}: so many ports to external memory are fast enough"
    batch = next((n for n in _BATCHES if fits(replace(target, batch=n))), None) if target.batch == 1 else None
    if batch is not None:
        yield f"target.batch: {batch}: frames that share passes over weights off chip fit"


def _memory_bits(
    several: Iterable[Choices], target: Target, aside: Resources, taken_with: Callable[[Target], Resources | None]
) -> Iterator[str]:
    """Yield a limit of bits of memories that is enough, where there is one and more would do."""
    if target.memory_bits is None:
        return
    free = replace(target, memory_bits=None)
    ways = (choices.fitting(_interval(choices, target), free.budget - aside) for choices in several)
    takes = [taken_by(chosen) + aside for chosen in ways if chosen is not None]
    takes += [taken for taken in (taken_with(free),) if taken is not None]
    for bits in (_least_memory_bits(taken, free.budget) for taken in takes):
        if taken_with(replace(target, memory_bits=bits)) is not None:
            yield f"precision.auto.memory_bits_max: {bits} would do"
            return


def _least_memory_bits(taken: Resources, whole: Resources) -> int:
    """Return the least ``Target.memory_bits`` that allows what is taken: UltraRAMs follow all block RAMs of a part."""
    if not taken.uram:
        return taken.bram18 * BRAM18_BITS
    return whole.bram18 * BRAM18_BITS + taken.uram * URAM_BITS


def _off_chip(
    model: IntegerModel, target: Target, aside: Resources, taken_with: Callable[[Target], Resources | None]
) -> Iterator[str]:
    """Yield what weights off chip, or a faster memory port, would bring."""
    beat = target.memory.bytes_per_clock(target.clock_mhz)
    free = replace(target.memory, off_chip=target.memory.off_chip or None)  # they may be off chip
    ways = [("memory.weights: auto", beat, free)] if target.memory.off_chip is False else []
    ways += [
        (f"memory.port_bits: {bits}", beat * bits / target.memory.bits, replace(free, bits=bits)) for bits in _PORT_BITS
    ]
    found = {
        layer.name: options(layer, FoldingRequest(), free, family=target.family, ultra=target.has_ultra)
        for layer in model.layers
    }
    for way, bytes_per_clock, memory in ways:
        if bytes_per_clock < beat or (bytes_per_clock == beat and target.memory.off_chip is not False):
            continue
        choices = Choices(found, bytes_per_clock, ports=target.memory.carrying)
        chosen = choices.fitting(_interval(choices, target), target.budget - aside)
        if chosen is not None and taken_with(replace(target, memory=memory)) is not None:
            count = sum(option.bus_bytes for option in chosen.values())
            pace = choices.pace(chosen)
            spent = count / pace * target.clock_mhz / 1e3
            yield f"{way}: weights off chip fit, {count // target.batch:,} bytes a frame, {spent:.2f} GB/s"
            return


def _more_of_the_part(choices: Choices, target: Target, aside: Resources) -> Iterator[str]:
    """Yield what shares of the part would be enough, where it could be filled to the last."""
    there = target.budget_of(target.part, Utilization(1, 1, 1, 1, 1))
    chosen = choices.fitting(_interval(choices, target), there - aside)
    if chosen is None:
        return
    taken, counts = taken_by(chosen) + aside, dict(there)
    shares = {name: ceil(100 * count / counts[name]) / 100 for name, (count, _) in excess(taken, target.budget).items()}
    if shares and all(0 < share <= 1 for share in shares.values()):
        text = ", ".join(f"{name.removesuffix('18')}: {share:g}" for name, share in shares.items())
        yield f"target.utilization: {{{text}}}: that much of the part is enough, if it can be routed"


def _larger_part(choices: Choices, target: Target, aside: Resources) -> str:
    interval = _interval(choices, target)
    alike = [(device, found) for device, found in PARTS.items() if found.family is target.family]
    for device, found in sorted(alike, key=lambda item: item[1].resources.counts[1:]):
        room = target.budget_of(device, target.utilization) - aside
        if choices.fitting(interval, room) is not None:
            there = found.resources
            uram = f", {there.uram} UltraRAMs" if there.uram else ""
            return (
                f"a larger part: {device} holds it, of those listed the smallest, with {there.dsp} DSP blocks, "
                f"{there.lut:,} LUTs{uram} and {there.bram18} block RAMs of 18 kbit"
            )
    return "no part that is listed holds it"


def _fewer_bits(
    model: IntegerModel, target: Target, aside: Resources, narrower: Narrower, names: list[str]
) -> Iterator[str]:
    """Yield what fewer bits of weights take of the resources ``names``, and what the picture loses.

    Weights are cut at first, which sizes do not mind; what fits so is then lowered in that format.
    """
    for bits in _WEIGHT_BITS if names else ():
        layers = [_narrowed(layer, bits) for layer in model.layers]
        if all(narrow is layer for narrow, layer in zip(layers, model.layers, strict=True)):
            continue
        narrowed = replace(model, layers=tuple(layers))
        choices = narrower.choices(narrowed)
        taken = taken_by(choices.nearest(_interval(choices, target), room_beside(target.budget, aside))) + aside
        name = "ternary" if bits == 2 else f"int{bits}"
        counts = dict(taken)
        prices = " and ".join(f"{counts[short]:,} {RESOURCE_NAMES[short]}" for short in names)
        if taken.within(target.budget):
            other, psnr_db = narrower.with_weights(name) or (narrowed, None)
            if narrower.fits(other):
                quality = "" if psnr_db is None else f", at a PSNR of {psnr_db:.1f} dB on calibration data"
                yield f"precision.weight: {name}: {prices}, which fits{quality}"
                return
        yield f"precision.weight: {name}: {prices}, which is still too much"


def _narrowed(layer: IntLayer, bits: int) -> IntLayer:
    """Return ``layer`` with weights of ``bits`` bits, or as it is where it has no wider ones."""
    if not isinstance(layer.op, IntLinear) or layer.op.weight.type.bits <= bits:
        return layer
    weight, kind = layer.op.weight, IntType(bits, signed=True)
    values = np.clip(weight.values, kind.lo + (bits == 2), kind.hi)
    codec = "ternary" if bits == 2 else "raw"
    narrow = replace(weight, values=values, type=kind, codec=codec, precision=f"int{bits}", books=1)
    return replace(layer, op=replace(layer.op, weight=narrow))
