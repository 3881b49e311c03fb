"""Entropy codes take the LUTs that are left, where they save most bytes first, and change no pace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.hardware import (
    Design,
    FoldingRequest,
    LinearEngine,
    Target,
    design_resources,
    estimate,
    plain_pace,
    schedule,
)
from gan2hls.hardware.budget import MemoryPort, Utilization
from gan2hls.hardware.coding import without_entropy
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from tests.randomized import chain, conv, dense, linear_layer

#: Of one folding, so that LUTs are those of decoders alone.
PINNED = {"l0": FoldingRequest(4, 8, 1), "l1": FoldingRequest(8, 8, 1)}
INT8 = QuantType(IntType(8, signed=True), 1.0)
CODED = MemoryPort(off_chip=True)
PLAIN = Target(memory=replace(CODED, entropy=False))


def narrow_codes() -> IntegerModel:
    """Two layers whose codes of 8 bits are mostly small, the second with four times the weights of the first."""
    rng = np.random.default_rng(0)
    layers = []
    for n, channels in enumerate((16, 64)):
        values = np.clip(rng.normal(0, 3, (9, channels, 16)).round(), -128, 127).astype(np.int64)
        given = layers[-1].output_type if layers else INT8
        layers.append(linear_layer(rng, f"l{n}", "z", conv((8, 8), 16, channels), given, values=values))
    return chain("narrow_codes", (8, 8, 16), INT8, layers)


def decoders(design: Design) -> list[int]:
    return [e.off_chip.decoders for e in design.engines if isinstance(e, LinearEngine) and e.off_chip is not None]


def test_decoders_take_luts_that_are_left() -> None:
    model = narrow_codes()
    plain, coded = (schedule(model, replace(PLAIN, memory=port), PINNED) for port in (PLAIN.memory, CODED))
    assert decoders(plain) == [0, 0] and all(decoders(coded))
    alone, both = design_resources(plain).lut, design_resources(coded).lut
    assert both > alone + 200
    for luts, first, second in ((alone, False, False), (both - 1, False, True), (both, True, True)):
        share = Utilization(lut=(luts + 0.5) / 53_200)
        made = schedule(model, Target(utilization=share, memory=CODED), PINNED)
        assert [count > 0 for count in decoders(made)] == [first, second]
        assert design_resources(made).lut <= luts
        assert estimate(made).interval == estimate(plain).interval


def test_entropy_codes_are_taken_off_again() -> None:
    model = narrow_codes()
    plain, coded = (schedule(model, replace(PLAIN, memory=port), PINNED) for port in (PLAIN.memory, CODED))
    bare = without_entropy(coded)
    assert decoders(bare) == [0, 0] and design_resources(bare) == design_resources(plain)
    assert plain_pace(coded) == plain_pace(plain) == estimate(plain).interval
    assert without_entropy(plain) is plain


def test_decoders_are_as_slow_as_the_slowest_engine_lets_them_be() -> None:
    """A layer on one pixel uses each weight once: as many decoders as it has lanes would not keep its own pace."""
    rng = np.random.default_rng(1)
    values = np.clip(rng.normal(0, 3, (1, 256, 64)).round(), -128, 127).astype(np.int64)
    first = linear_layer(rng, "l0", "z", dense(64, 256), INT8, values=values, shape=(4, 4, 16))
    second = linear_layer(rng, "l1", "l0", conv((4, 4), 16, 64), first.output_type)
    model = chain("slow_head", (1, 1, 64), INT8, (first, second))
    pinned = {"l0": FoldingRequest(8, 4, 1), "l1": FoldingRequest(4, 4, 1, off_chip=False)}
    auto = MemoryPort(off_chip=None, maps=False)
    head = replace(pinned["l0"], off_chip=True)
    plain, coded = (
        schedule(model, Target(memory=replace(auto, entropy=entropy)), pinned | {"l0": head})
        for entropy in (False, True)
    )
    engine = coded.engines[0]
    assert isinstance(engine, LinearEngine) and decoders(coded) == [4]
    assert 512 < engine.decode_cycles == 4096 <= 0.95 * coded.interval
    assert coded.interval == plain.interval and engine.bus_beats < plain.engines[0].bus_beats
    assert estimate(coded).interval == estimate(plain).interval
