"""Long queues and maps of normalizations in external memory: when the search puts them there, and their sizes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.base import FoldingError
from gan2hls.fabric import Resources
from gan2hls.hardware import (
    Design,
    MemoryPort,
    StreamEngine,
    Target,
    Utilization,
    design_resources,
    estimate,
    queues,
    schedule,
    weigh,
)
from gan2hls.hardware.cycles import Estimate
from gan2hls.hardware.queues import queues_off_chip, with_endless_queues, with_queues
from gan2hls.hardware.search import Choices, Chosen
from gan2hls.kinds.add import IntAdd
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import OffChipRing, burst_beats
from tests.random_integer_graphs import Graph, norm_layer
from tests.randomized import conv, linear_layer
from tests.shared_engines import residual_model, shared_design

INT8 = QuantType(IntType(8, signed=True), 1.0)
SIZE = (24, 24)


def residual() -> IntegerModel:
    """A convolution, a normalization and what skips both: a map of 110 kbit twice."""
    rng = np.random.default_rng(0)
    graph = Graph(rng, {"x0": (*SIZE, 24)})
    graph.types["x0"] = INT8
    graph.keep(linear_layer(rng, "l0", "x0", conv(SIZE, 24, 24), INT8))
    shape = (*SIZE, 24)
    graph.keep(norm_layer(rng, "l1", "l0", shape, graph.types["l0"], groups=24, by_pixel=False, centred=True))
    graph.stream(IntAdd((1, 1)), ("l1", "x0"), shape)
    return graph.model("residual", ("l2",))


def target(bram: float, **memory: object) -> Target:
    port = replace(MemoryPort(), **memory)  # type: ignore[arg-type]
    return Target("xc7z020clg400-1", utilization=Utilization(bram=bram), memory=port)


def rings(design: Design) -> list[str]:
    return [] if design.memory is None else [placed.about for placed in design.memory.rings]


def test_what_fits_stays_on_chip() -> None:
    design = schedule(residual(), target(1.0), {})
    assert design.memory is None
    taken = design_resources(design).bram18
    tight = schedule(residual(), target((taken - 1) / 280), {})
    assert design_resources(tight).bram18 <= taken - 1


def test_maps_leave_until_the_rest_fits() -> None:
    model, free = residual(), schedule(residual(), target(1.0), {})
    tight = target(8 / 280)
    design = schedule(model, tight, {})
    assert design_resources(design).within(tight.budget)
    assert rings(design) == ["x0 -> l2", "map of l1"]
    assert estimate(design).interval <= 1.01 * estimate(free).interval
    norm = design.engine("l1")
    assert isinstance(norm, StreamEngine) and norm.bus_bits == 64
    memory = design.memory
    assert memory is not None and not design.has_image
    assert memory.frame_bytes == 4 * 24 * 24 * 24  # each map of a byte an element is written and read


def test_a_port_is_half_as_wide_where_nothing_fits_otherwise() -> None:
    """Each queue off chip takes flip-flops and LUTs by its width."""
    model = residual()
    slow = replace(target(8 / 280), dsp=8)
    taken = design_resources(schedule(model, slow, {}))
    tight = replace(slow, utilization=Utilization(bram=8 / 280, ff=(taken.ff - 200) / 106_400))
    with pytest.raises(FoldingError, match="flip-flops"):
        schedule(model, tight, {})
    free = replace(tight, memory=replace(tight.memory, may_narrow=True))
    made = schedule(model, free, {})
    assert made.memory is not None and made.memory.bus_bits == 32
    assert design_resources(made).within(tight.budget)
    again = schedule(replace(model), free, {}, like=made)
    assert again.memory is not None and again.memory.bus_bits == 32
    wanted = weigh(made, model, free, {})
    assert wanted is not None and wanted.taken == design_resources(made)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let designs with queues off chip be so many percent slower than they are."""
    real = queues.estimate

    def wait(percent: int) -> None:
        def paced(made: Design) -> Estimate:
            known = real(made)
            return replace(known, interval=known.interval * (100 + percent * bool(queues.queue_bytes(made))) // 100)

        monkeypatch.setattr(queues, "estimate", paced)

    return wait


def test_queues_off_chip_may_wait_at_the_port_for_a_little(waiting: Callable[[int], None]) -> None:
    """Where a design fits with them, and none fits that keeps the interval."""
    model, tight = residual(), target(12 / 280)
    waiting(1)
    design = schedule(model, tight, {})
    assert rings(design) == ["x0 -> l2"] and design_resources(design).within(tight.budget)
    waiting(50)
    assert rings(schedule(model, tight, {})) != ["x0 -> l2"]


@pytest.mark.parametrize(("percent", "away"), [(1, ["x0 -> l2"]), (50, [])])
def test_where_no_queues_fit_those_off_chip_are_put_aside(
    percent: int, away: list[str], waiting: Callable[[int], None]
) -> None:
    """They take little: the search goes on with what they leave, and a slower folding fits beside them."""
    endless = with_endless_queues(schedule(residual(), target(1.0), {}))
    waiting(percent)
    made = with_queues(endless, lambda one: queues_off_chip(one, Resources(), 64), lambda one: False)
    assert rings(made) == away


@pytest.mark.parametrize("tenths", [13, 17])
def test_of_turns_slower_queues_are_told_where_those_that_keep_the_interval_do_not_fit(
    tenths: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fastest of them, however slow it is."""
    rng = np.random.default_rng(0)
    endless = shared_design(rng, residual_model(rng, 2), endless=True)
    real, seen = queues.estimate, list[Mapping[tuple[str, int], int]]()

    def paced(made: Design) -> Estimate:
        known = real(made)
        if not made.off_chip:
            return known
        seen.append(made.depths)
        return replace(known, interval=known.interval * (tenths if made.depths == seen[0] else 30) // 10)

    monkeypatch.setattr(queues, "estimate", paced)

    def away(one: Design) -> Design:
        return replace(one, off_chip={("l4", 0): 64})

    told: list[Design] = []
    made = with_queues(endless, away, slower=told.append)
    assert not made.off_chip and not told and real(made).interval <= real(endless).interval
    again = with_queues(endless, away, lambda one: bool(one.off_chip), told.append)
    assert again.depths == made.depths and not again.off_chip
    (slow,) = told
    assert slow.off_chip and slow.depths == seen[0]


def test_slower_queues_are_taken_where_nothing_else_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = residual_model(rng, 2, channels=36, size=3)
    target = Target(dsp=40, share=True)
    usual = schedule(model, target, {})
    assert usual.shared and usual.depths
    module, told = sys.modules["gan2hls.hardware.within_budget"], list[Design]()
    real = module.buffered

    def buffered(*args: Any) -> Design:
        *others, slower = args
        made: Design = real(*others)
        if not told:
            slower(made)
        told.append(made)
        return replace(made, depths=dict.fromkeys(made.depths, 1 << 20))

    monkeypatch.setattr(module, "buffered", buffered)
    found = schedule(model, target, {})
    assert len(told) > 1 and found.engines == told[0].engines
    assert found.depths == told[0].depths and design_resources(found).within(target.budget)


def test_half_of_what_queues_take_is_put_aside_where_all_of_it_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = residual_model(rng, 2, channels=36, size=3)
    target = Target(dsp=40, share=True)
    budget = target.budget
    module, rooms = sys.modules["gan2hls.hardware.within_budget"], list[int]()
    real, fastest = module.buffered, Choices.fastest

    def buffered(*args: Any) -> Design:
        *others, slower = args
        made: Design = real(*others)
        if len(rooms) > 1:
            return made
        slower(made)
        longer = (replace(made, depths=dict.fromkeys(made.depths, 1 << n)) for n in count())
        return next(one for one in longer if design_resources(one).bram18 > 1.2 * budget.bram18)

    def recorded(self: Choices, room: Resources) -> Chosen | None:
        rooms.append(room.bram18)
        return fastest(self, room)

    monkeypatch.setattr(module, "buffered", buffered)
    monkeypatch.setattr(Choices, "fastest", recorded)
    assert design_resources(schedule(model, target, {})).within(budget)
    first, second, third = rooms[:3]
    assert first == budget.bram18 and second < 0 and third == first - first // 2


@pytest.mark.parametrize("rate", [False, True])
def test_a_design_of_slower_queues_may_be_the_faster_one(rate: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no rate is asked for."""
    model, module = residual(), sys.modules["gan2hls.hardware.within_budget"]
    slow, fast = (schedule(model, Target(dsp=dsp), {}) for dsp in (12, 40))
    assert estimate(fast).interval < estimate(slow).interval
    found = module.Found(slow, Resources(), fast)
    monkeypatch.setattr(module, "_at_ports", lambda *_: (None, found))
    asked = Target(fps=1.0) if rate else Target()
    _, taken = module.within_budget(model, asked, {})
    assert taken.design is (slow if rate else fast)


def test_slower_queues_behind_a_port_of_full_width_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something is found behind one of half of it."""
    module = sys.modules["gan2hls.hardware.within_budget"]
    wide, narrow = (schedule(residual(), Target(dsp=dsp), {}) for dsp in (12, 40))
    ways = iter([module.Found(None, Resources(bram18=1), wide), module.Found(narrow, Resources())])
    monkeypatch.setattr(module, "_at_width", lambda *_: (None, next(ways)))
    _, found = module._at_widths(residual(), Target(memory=MemoryPort(may_narrow=True)), {}, None)
    assert found.design is narrow and found.slower is wide


def test_maps_can_be_kept_on_chip() -> None:
    with pytest.raises(FoldingError, match="block RAMs") as error:
        schedule(residual(), target(8 / 280, maps=False), {})
    assert "memory.maps: auto" in error.value.hint
    schedule(residual(), target(8 / 280), {})  # as the hint says


def test_what_the_port_does_not_carry_is_refused() -> None:
    with pytest.raises(FoldingError):
        schedule(residual(), target(8 / 280, gbps=1e-4), {})


@given(st.integers(1, 300), st.integers(1, 5000), st.integers(2, 20_000), st.sampled_from([32, 64, 128, 256, 512]))
def test_a_ring_holds_what_it_must(width: int, words: int, depth: int, bus_bits: int) -> None:
    ring = OffChipRing(width, words, depth, bus_bits)
    assert ring.word_bits >= width
    assert max(ring.word_bits, bus_bits) % min(ring.word_bits, bus_bits) == 0
    assert ring.beats * bus_bits == words * ring.word_bits, "a frame is whole beats"
    assert 1 <= ring.burst <= burst_beats(bus_bits)
    assert (ring.bursts - 1) * ring.burst < ring.beats <= ring.bursts * ring.burst
    # Bursts of the frames that overlap ``depth`` words: all but the last of each are whole.
    frames = -(-(depth + words - 1) // words)
    worst = -(-(depth * ring.word_bits // bus_bits) // ring.burst) + frames
    assert ring.slots >= worst
    assert ring.size == ring.slots * burst_beats(bus_bits) * bus_bits // 8
    assert ring.held >= depth


def test_an_oversize_design_has_its_maps_off_chip() -> None:
    """It comes near the part: what can leave has left."""
    tight = replace(target(1 / 280), oversize=True)
    design = schedule(residual(), tight, {})
    assert not design_resources(design).within(tight.budget)
    assert rings(design) == ["x0 -> l2", "map of l1"]
    assert design_resources(design).bram18 < design_resources(schedule(residual(), target(1.0), {})).bram18 / 2
