"""The bound of cost of wider activations: what is folded otherwise is scheduled before it is taken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gan2hls.base import FoldingError
from gan2hls.config import PrecisionConfig
from gan2hls.fabric import Resources
from gan2hls.flow.from_config import activation_bound
from gan2hls.hardware import Design, Target, Weighed, design_resources, estimate, schedule
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from gan2hls.quantize import CostBound
from tests.randomized import chain, conv, linear_layer

TARGET = Target("xc7a15tcpg236-1")


def model(bits: int) -> IntegerModel:
    rng = np.random.default_rng(0)
    given, made = QuantType(IntType(8, signed=True), 1.0), QuantType(IntType(bits, signed=False), 1.0)
    return chain(
        "one", (4, 4, 8), given, (linear_layer(rng, "l0", "z", conv((4, 4), 8, 8, k=1, p=0), given, out=made),)
    )


def bound_of(weigh: Callable[[Design, IntegerModel], Weighed | None], most: Resources, seen: list[str]) -> CostBound:
    def design_of(asked: IntegerModel) -> Design:
        seen.append(f"{asked.layers[0].output_type.int_type.bits} bits")
        return schedule(asked, TARGET, {})

    bound = activation_bound(PrecisionConfig(), design_of, weigh, most)
    assert bound is not None
    return bound


@pytest.mark.parametrize(("share", "holds"), [(1.0, True), (0.9995, True), (0.999, False), (2.0, True)])
def test_a_design_that_is_slower_than_weighed_is_not_taken(share: float, holds: bool) -> None:
    seen: list[str] = []
    interval = share * estimate(schedule(model(10), TARGET, {})).interval
    bound = bound_of(lambda *_: Weighed(Resources(dsp=3), interval, refolded=False), TARGET.budget, seen)
    assert bound.measure(model(8)) is not None and seen == ["8 bits"]
    assert bound.holds(model(10)) is holds and seen == ["8 bits", "10 bits"]


def test_a_design_that_is_larger_than_the_part_is_not_taken() -> None:
    taken = design_resources(schedule(model(10), TARGET, {}))
    for dsp, holds in ((taken.dsp, True), (taken.dsp - 1, False)):
        most = Resources(dsp, *TARGET.budget.counts[1:])
        bound = bound_of(lambda *_: Weighed(Resources(), 1 << 30, refolded=False), most, [])
        assert bound.measure(model(8)) is not None
        assert bound.holds(model(10)) is holds


def test_what_is_folded_as_before_is_not_scheduled_again() -> None:
    seen: list[str] = []
    bound = bound_of(lambda *_: Weighed(Resources(dsp=3, bram18=2), 7, refolded=True), TARGET.budget, seen)
    cost = bound.measure(model(8))
    assert cost is not None and (cost.dsp, cost.bram18, cost.interval) == (3, 2, 7)
    assert bound.holds(model(10)) and seen == ["8 bits"]


def test_what_has_no_folding_has_no_cost() -> None:
    def refuse(*_: object) -> Weighed:
        raise FoldingError("no such folding", where="l0")

    bound = bound_of(refuse, TARGET.budget, [])
    assert bound.measure(model(8)) is None


def test_a_model_that_is_asked_for_twice_is_weighed_once() -> None:
    weighed: list[IntegerModel] = []

    def weigh(_: Design, asked: IntegerModel) -> Weighed:
        weighed.append(asked)
        return Weighed(Resources(dsp=3), 7, refolded=True)

    bound, narrow, wide = bound_of(weigh, TARGET.budget, []), model(8), model(10)
    for asked in (narrow, narrow, wide, wide):
        assert bound.measure(asked) is not None
    assert bound.holds(wide) and weighed == [narrow, wide]
