"""What wider types would take, weighed beside a design and not scheduled."""

from __future__ import annotations

from math import ceil

import numpy as np

from gan2hls.hardware import FoldingRequest, Target, design_resources, estimate, schedule, weigh
from gan2hls.hardware.budget import Utilization
from gan2hls.hardware.parts import part_resources
from gan2hls.hardware.requant_lanes import turn_cycles
from gan2hls.hardware.sharing import loops
from gan2hls.hardware.weigh import _planned
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from tests.randomized import chain, conv, linear_layer
from tests.shared_engines import residual_model

PART = "xc7a15tcpg236-1"
PINNED = FoldingRequest(1, 1, 1)


def of_bits(bits: int) -> IntegerModel:
    """Two convolutions, the code between them of so many bits."""
    rng = np.random.default_rng(0)
    given, between = QuantType(IntType(8, signed=True), 1.0), QuantType(IntType(bits, signed=False), 1.0)
    l0 = linear_layer(rng, "l0", "z", conv((8, 8), 24, 32, k=1, p=0), given, out=between)
    l1 = linear_layer(rng, "l1", "l0", conv((8, 8), 32, 8, k=3, p=1), between)
    return chain("wide", (8, 8, 24), given, (l0, l1))


def target_of(**shares: float) -> Target:
    return Target(PART, utilization=Utilization(**shares))


def test_where_the_foldings_hold_they_stay() -> None:
    target = target_of()
    design = schedule(of_bits(8), target, {})
    found = weigh(design, of_bits(12), target, {})
    assert found is not None and found.refolded and found.interval == estimate(design).interval
    assert found.taken.within(target.budget) and found.taken.lut > design_resources(design).lut
    same = weigh(design, of_bits(8), target, {})
    assert same is not None and same.taken == design_resources(design)


def test_where_they_do_not_hold_others_are_found_that_a_schedule_has_too() -> None:
    free = schedule(of_bits(8), target_of(), {})
    tight = target_of(lut=(design_resources(free).lut + 0.5) / part_resources(PART).lut)
    design = schedule(of_bits(8), tight, {})
    assert design.interval == free.interval
    found = weigh(design, of_bits(12), tight, {})
    assert found is not None and not found.refolded
    assert found.taken.within(tight.budget) and found.interval > estimate(design).interval
    anew = schedule(of_bits(12), tight, {})
    assert design_resources(anew).within(tight.budget)
    assert abs(estimate(anew).interval - found.interval) <= 0.02 * found.interval


def test_where_nothing_holds_there_is_no_design() -> None:
    design = schedule(of_bits(8), target_of(), {"l0": PINNED, "l1": PINNED})
    tight = target_of(lut=(design_resources(design).lut + 0.5) / part_resources(PART).lut)
    assert weigh(design, of_bits(20), tight, {"l0": PINNED, "l1": PINNED}) is None


def test_engines_of_a_loop_are_weighed_at_the_interval_that_they_were_folded_for() -> None:
    """A frame takes the sum of what works one after the other; of a batch a frame each works at a time."""
    rng = np.random.default_rng(0)
    model = residual_model(rng, 2, channels=36, size=3)
    for batch in (1, 2):
        design = schedule(model, Target(share=True, batch=batch), {})
        (loop,) = loops(design.model, design.shared)
        parts = [part * turn_cycles(design.unit(name)) for name, part in loop.items()]
        assert len(parts) > 1 and _planned(design) == ceil(sum(parts) / batch)
        assert batch > 1 or _planned(design) >= design.interval
