"""The search for foldings: against all choices of small models, and where block RAM is what is short."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import ceil

import numpy as np
import pytest

from gan2hls.base.errors import FoldingError
from gan2hls.fabric import Resources, overall
from gan2hls.hardware import Folding, FoldingRequest, design_resources
from gan2hls.hardware.budget import MemoryPort, Target, Utilization, part_budget
from gan2hls.hardware.option import Option
from gan2hls.hardware.parts import part_resources
from gan2hls.hardware.schedule import check_fits, schedule
from gan2hls.hardware.search import Choices, taken_by
from gan2hls.model.integer import IntegerModel
from gan2hls.numbers.numerics import IntType, QuantType
from tests.randomized import chain, conv, dense, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)
SMALL = "xc7a15tcpg236-1"


def random_options(rng: np.random.Generator, layers: int, count: int) -> dict[str, tuple[Option, ...]]:
    """Options that take more of one resource where they take less of another."""
    found = {}
    for n in range(layers):
        made = []
        for _ in range(count):
            lanes, deep = int(rng.integers(1, 9)), int(rng.integers(1, 6))
            taken = Resources(lanes, 50 * lanes + int(rng.integers(40)), 80 * lanes, 12 // deep + lanes // 3)
            made.append(Option(Folding(lanes, 1, 1), 720 // lanes, taken, 0, 0, skip=False))
        found[f"l{n}"] = tuple(sorted(made, key=lambda option: option.rank))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_fastest_is_that_of_all_choices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = random_options(rng, 3, 8)
    budget = Resources(int(rng.integers(6, 20)), int(rng.integers(400, 1000)), 2000, int(rng.integers(10, 24)))
    fitting = [
        max(option.interval for option in chosen)
        for chosen in product(*options.values())
        if overall(option.taken for option in chosen).within(budget)
    ]
    found = Choices(options).fastest(budget)
    if found is None:
        assert not fitting
        return
    assert taken_by(found).within(budget)
    assert max(option.interval for option in found.values()) == min(fitting)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("batch", [1, 2])
def test_the_fastest_is_that_of_all_choices_where_layers_wait_for_each_other(seed: int, batch: int) -> None:
    """A frame takes the sum of a loop; frames of a batch are at different layers of it."""
    rng = np.random.default_rng(seed)
    options = random_options(rng, 4, 6)
    loops = ({"l0": 1.0, "l2": 0.5}, {"l1": 1.0, "l3": 1.0})[: 1 + seed % 2]
    budget = Resources(int(rng.integers(9, 26)), int(rng.integers(600, 1300)), 2600, int(rng.integers(14, 32)))
    choices = Choices(options, loops=loops, batch=batch)
    every = (dict(zip(options, chosen, strict=True)) for chosen in product(*options.values()))
    paces = [choices.pace(chosen) for chosen in every if taken_by(chosen).within(budget)]
    found = choices.fastest(budget)
    if found is None:
        assert not paces
        return
    assert taken_by(found).within(budget)
    assert choices.pace(found) <= 1.02 * min(paces), "sums are tried in steps of a hundredth"
    sums = [sum(part * found[name].interval for name, part in loop.items()) for loop in loops]
    assert choices.pace(found) == max(*(o.interval for o in found.values()), *(ceil(taken / batch) for taken in sums))


@pytest.mark.parametrize("seed", range(8))
def test_loops_are_the_shortest_of_all_choices(seed: int) -> None:
    """Of those that fit and keep the pace, whatever else of them changes."""
    rng = np.random.default_rng(seed)
    options = random_options(rng, 4, 6)
    loops = ({"l0": 1.0, "l2": 0.5}, {"l1": 1.0, "l3": 1.0})[: 1 + seed % 2]
    choices = Choices(options, loops=loops, batch=1 + seed // 4)
    chosen = choices.cheapest(choices.intervals[len(choices.intervals) // 2])
    budget = taken_by(chosen) + Resources(8, 300, 600, 10)
    kept = choices.with_shorter_loops(chosen, budget, choices.pace(chosen))
    every = (dict(zip(options, found, strict=True)) for found in product(*options.values()))
    legal = [o for o in every if taken_by(o).within(budget) and choices.pace(o) <= choices.pace(chosen)]
    assert kept in legal
    assert choices.loops_of(kept) <= 1.002 * min(map(choices.loops_of, legal))


def test_where_no_choice_fits_loops_stay_as_they_are() -> None:
    choices = Choices(random_options(np.random.default_rng(0), 4, 6), loops=({"l0": 1.0, "l2": 1.0},))
    chosen = choices.cheapest(choices.intervals[-1])
    assert choices.with_shorter_loops(chosen, Resources(), choices.pace(chosen)) == chosen


def test_where_the_cheapest_fits_it_is_taken() -> None:
    options = random_options(np.random.default_rng(0), 3, 8)
    choices = Choices(options)
    for interval in choices.intervals:
        cheapest = choices.cheapest(interval)
        assert choices.fitting(interval, taken_by(cheapest)) == cheapest
        least = choices.least(interval)
        assert least.dsp == taken_by(cheapest).dsp and least.within(taken_by(cheapest))


def test_short_intervals_are_found_behind_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prices find no choice for some intervals, though for shorter ones: halving the range passes over those."""
    one = Option(Folding(1, 1, 1), 100, Resources(99, 99, 99, 99), 0, 0, skip=False)
    taken = [Resources(*(99 - n,) * 4) for n in range(40)]
    choices = Choices({"l0": tuple(replace(one, interval=100 + 20 * n, taken=taken[n]) for n in range(39, -1, -1))})
    intervals = choices.intervals
    assert len(intervals) == 40
    there, tried = {intervals[2], intervals[-1]}, []

    def fitting(interval: int, budget: Resources) -> object:
        tried.append(interval)
        return {"l0": interval} if interval in there else None

    monkeypatch.setattr(choices, "fitting", fitting)
    roomy = Resources(10**6, 10**6, 10**6, 10**6)
    assert choices.fastest(roomy) == {"l0": intervals[2]}
    there.clear()
    tried.clear()
    assert choices.fastest(roomy) is None and tried == [intervals[0], intervals[-1]]


#: No weights in external memory.
ON_CHIP = MemoryPort(off_chip=False)


def wide() -> IntegerModel:
    """1 x 1 convolutions of 96 and 24 channels: 12 kbit and more of weights, deep or wide as one likes."""
    rng = np.random.default_rng(0)
    l0 = linear_layer(rng, "l0", "z", conv((4, 4), 96, 96, k=1, p=0), INT8)
    l1 = linear_layer(rng, "l1", "l0", conv((4, 4), 96, 24, k=3, p=1), l0.output_type)
    return chain("wide", (4, 4, 96), INT8, (l0, l1))


@pytest.mark.parametrize("name", ["dsp", "lut", "ff", "bram18"])
def test_every_resource_holds(name: str) -> None:
    """Where one resource is a little short, another design is found that is content with it."""
    free, there = schedule(wide(), Target(SMALL), {}), part_resources(SMALL)
    taken = dict(design_resources(free))
    assert design_resources(free).within(Utilization().of(there))
    short = Utilization(**{name.removesuffix("18"): (taken[name] - 0.5) / dict(there)[name]})
    target = Target(SMALL, utilization=short)
    tight = schedule(wide(), target, {})
    assert dict(target.budget)[name] == taken[name] - 1
    assert design_resources(tight).within(target.budget) and tight.interval >= free.interval


def test_queues_and_line_buffers_count() -> None:
    """What the design takes in all is what is held against the part, not what its options take."""
    target = Target(SMALL, utilization=Utilization(bram=0.62))
    design = schedule(wide(), target, {})
    assert design_resources(design).within(target.budget)


def test_a_part_that_is_not_listed_bounds_what_is_known() -> None:
    budget = part_budget("some_asic", 20, Utilization())
    assert (budget.dsp, budget.lut) == (20, int(0.8 * 53_200)) and budget.bram18 > 1 << 30
    assert part_budget(SMALL, 7, Utilization()).dsp == 7
    assert part_budget(SMALL, None, Utilization(dsp=0.5)).dsp == 22


def large() -> IntegerModel:
    """1.5 Mbit of weights in front of a small layer: the part has 0.9 Mbit."""
    rng = np.random.default_rng(0)
    l0 = linear_layer(rng, "l0", "z", dense(128, 1536), INT8, shape=(4, 4, 96))
    l1 = linear_layer(rng, "l1", "l0", conv((4, 4), 96, 24, k=1, p=0), l0.output_type)
    return chain("large", (1, 1, 128), INT8, (l0, l1))


def test_what_fits_nowhere_says_every_way_out() -> None:
    with pytest.raises(FoldingError) as found:
        schedule(large(), Target(SMALL, memory=ON_CHIP), {})
    error = found.value
    assert error.where == SMALL and "block RAMs of 18 kbit, 50 are allowed" in error.message
    ways = error.hint.splitlines()
    assert "DSP blocks" in ways[0] and "LUTs" in ways[0]
    assert "memory.weights: auto: weights off chip fit" in ways[1]
    assert "a larger part: xc7z007s holds it" in ways[2] and "100 block RAMs" in ways[2]
    assert "precision.weight: int4:" in ways[-2] and "which fits" in ways[-2]
    assert "target.oversize: true" in ways[-1] and "frames/s" not in error.hint
    assert schedule(large(), Target("xc7z007sclg225-1"), {}).engines, "the part that is named holds it"
    away = schedule(large(), Target(SMALL), {})
    assert away.memory is not None and design_resources(away).within(Target(SMALL).budget)


def test_a_larger_part_is_one_of_the_same_family() -> None:
    with pytest.raises(FoldingError) as found:
        schedule(large(), Target("LFE5U-12F-6BG256C", memory=ON_CHIP), {})
    assert "32 are allowed" in found.value.message
    assert "a larger part: lfe5u-45f holds it" in found.value.hint and "108 block RAMs" in found.value.hint
    larger = schedule(large(), Target("LFE5U-45F-6BG256C", memory=ON_CHIP), {})
    assert design_resources(larger).within(Target("LFE5U-45F-6BG256C").budget)


@pytest.mark.slow
def test_a_rate_that_does_not_fit_names_one_that_does() -> None:
    target = Target("xc7z010clg225-1", 100.0, fps=80_000.0)
    with pytest.raises(FoldingError, match="80000 frames/s need 227 DSP blocks, 80 are allowed") as found:
        schedule(large(), target, {})
    rate = int(found.value.hint.split("fewer frames/s: about ")[1].split()[0])
    assert 0 < rate < 80_000
    assert schedule(large(), Target("xc7z010clg225-1", 100.0, fps=0.97 * rate), {}).engines


def test_oversize_holds_what_can_be_held(caplog: pytest.LogCaptureFixture) -> None:
    """It is the design of a part with memory enough, and its DSP blocks are held."""
    target = Target(SMALL, oversize=True, memory=ON_CHIP)
    design = schedule(large(), target, {})
    taken, there = design_resources(design), part_resources(SMALL)
    assert taken.bram18 > there.bram18 and taken.dsp <= there.dsp and taken.lut <= 0.8 * there.lut
    check_fits(design, target, {})
    assert f"takes {taken.bram18} block RAMs of 18 kbit, 50 are allowed" in caplog.text
    with pytest.raises(FoldingError, match="50 are allowed"):
        check_fits(design, Target(SMALL, memory=ON_CHIP), {})


def test_oversize_changes_nothing_where_all_fits() -> None:
    plain, over = (schedule(wide(), Target(SMALL, oversize=oversize), {}) for oversize in (False, True))
    assert [engine.folding for engine in plain.engines] == [engine.folding for engine in over.engines]
    check_fits(plain, Target(SMALL), {})


def test_pinned_foldings_can_be_what_does_not_fit() -> None:
    pinned = {"l0": FoldingRequest(pe=96, simd=1)}
    with pytest.raises(FoldingError, match="DSP blocks, 45 are allowed"):
        schedule(wide(), Target(SMALL), pinned)
