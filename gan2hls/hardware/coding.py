"""Entropy codes over weights that stay off chip: where they save bytes, and LUTs for their decoders are left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gan2hls.fabric import Resources
from gan2hls.hardware.budget import Target
from gan2hls.hardware.design import Design
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.entropy import WORTH_CODING, best_phrase, legal_decoders, symbol_bits
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.resources import design_resources

#: Part of an interval in which the decoders of an entropy code bring all weights: they pause between passes.
_DECODER_SHARE = 0.95


def with_entropy(design: Design, budget: Resources) -> Design:
    """Return ``design`` with entropy codes over weights off chip as long as it is within ``budget``.

    What saves most bytes of a frame comes first.  Without a code it is as fast, since bytes were counted without one.
    Decoders are as slow as the slowest engine lets them be, as foldings are.
    """
    found = sorted(_coded(design), key=lambda pair: pair[0], reverse=True)
    for _, coded in found:
        engines = tuple(coded if engine.layer is coded.layer else engine for engine in design.engines)
        made = replace(design, engines=engines)
        if design_resources(made).within(budget):
            design = made
    return design


def coded_for(target: Target, design: Design, budget: Resources) -> Design:
    """Return ``design`` as ``with_entropy`` does, where ``target`` lets weights have entropy codes."""
    return with_entropy(design, budget) if target.memory.entropy else design


def without_entropy(design: Design) -> Design:
    """Return ``design`` without entropy codes, itself where there are none."""
    engines = tuple(map(_plain, design.engines))
    same = all(one is other for one, other in zip(engines, design.engines, strict=True))
    return design if same else replace(design, engines=engines)


def _plain(engine: EngineDesign) -> EngineDesign:
    if not isinstance(engine, LinearEngine) or engine.off_chip is None or not engine.off_chip.decoders:
        return engine
    return replace(engine, off_chip=replace(engine.off_chip, decoders=0, phrase_symbols=1))


def _coded(design: Design) -> Iterator[tuple[int, LinearEngine]]:
    """Yield the engines for which an entropy code is worth it, with the beats of a frame that it saves."""
    sharing = {name for group in design.shared for name in group}
    for engine in design.engines:
        if engine.layer.name in sharing:
            continue
        if isinstance(engine, LinearEngine) and engine.off_chip is not None:
            coded = with_decoders(engine, design.interval)
            if coded is not engine:
                yield engine.bus_beats - coded.bus_beats, coded


def with_decoders(engine: LinearEngine, interval: int) -> LinearEngine:
    """Return ``engine``, whose weights are off chip, with as few decoders as keep ``interval``, or with none.

    An entropy code must save a part of the bytes that is worth its decoders, and runs of zeros a part of what is left.
    """
    assert engine.off_chip is not None, f"{engine.layer.name}: weights stand on chip"
    passes, plain = engine.bands.count, engine.pass_bytes
    total = passes * engine.tiles.words * engine.weight_word_bits
    for decoders in legal_decoders(engine.weights):
        if total // symbol_bits(engine.weights) // decoders > _DECODER_SHARE * interval:
            continue
        phrase = best_phrase(engine.weights, decoders)
        coded = replace(engine, off_chip=replace(engine.off_chip, decoders=decoders, phrase_symbols=phrase))
        return coded if coded.pass_bytes <= (1 - WORTH_CODING) * plain else engine
    return engine
