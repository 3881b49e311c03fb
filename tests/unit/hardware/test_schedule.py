"""Foldings: the best by brute force, within budgets, as pinned, and fast enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from gan2hls.base.errors import ConfigError, FoldingError
from gan2hls.emit.hls.files import emit_hls
from gan2hls.fabric import SERIES_7
from gan2hls.hardware import Design, Folding, FoldingRequest, verify_design
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.line_buffer import line_buffer_rows, stretch_rows
from gan2hls.hardware.parts import PARTS, part_resources
from gan2hls.hardware.resources import engine_resources
from gan2hls.hardware.schedule import Target, schedule
from gan2hls.hardware.sizing import sizing
from gan2hls.model.integer import IntegerModel, IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis
from tests.randomized import chain, conv, conv_transpose, dense, linear_layer, pointwise_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)


def generator(seed: int = 0) -> IntegerModel:
    rng = np.random.default_rng(seed)
    l0 = linear_layer(rng, "l0", "z", dense(6, 16), INT8, shape=(2, 2, 4))
    l1 = linear_layer(rng, "l1", "l0", conv_transpose((2, 2), 4, 6), l0.output_type)
    l2 = linear_layer(rng, "l2", "l1", conv((4, 4), 6, 3), l1.output_type, out=INT8)
    return chain("g", (1, 1, 6), INT8, (l0, l1, l2))


def grouped(seed: int = 0) -> IntegerModel:
    """4 groups of 1 x 2 channels, 2 groups of 4 x 2, depthwise upsampling; no borders, whose pixels need more lanes."""
    rng = np.random.default_rng(seed)
    l0 = linear_layer(rng, "l0", "z", conv((6, 6), 4, 8, p=0, groups=4), INT8)
    l1 = linear_layer(rng, "l1", "l0", conv((4, 4), 8, 4, p=0, groups=2), l0.output_type)
    up = conv_transpose((2, 2), 4, 4, k=2, s=2, p=0, groups=4)
    l2 = linear_layer(rng, "l2", "l1", up, l1.output_type, out=INT8)
    return chain("g", (6, 6, 4), INT8, (l0, l1, l2))


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def legal(g: LinearGeometry) -> list[tuple[int, int]]:
    """PE and SIMD of which every step works on a part of one group, or on whole groups; channel by channel."""
    found = []
    for pe, simd in product(divisors(g.out_channels), divisors(g.group_in)):
        steps = [{c // g.group_out for c in range(start, start + pe)} for start in range(0, g.out_channels, pe)]
        whole = all(len(groups) * g.group_out == pe for groups in steps) and simd == g.group_in
        if whole or all(len(groups) == 1 for groups in steps):
            found.append((pe, simd))
    return found


def dsp(design: Design) -> int:
    """8-bit products and 18-bit multipliers on narrow accumulators: one block each."""
    return sum(e.folding.pe * e.folding.simd + e.folding.lanes for e in design.engines)


def word(g: LinearGeometry, pe: int, simd: int) -> int:
    """Input channels of a step."""
    return simd * len({c // g.group_out for c in range(pe)})


def brute_force(model: IntegerModel, budget: int) -> int:
    """The least interval bound of any legal PE and SIMD with one requantizer lane or more that fits."""
    per_layer = []
    for layer in model.layers:
        g = layer.op.geometry
        assert g is not None
        inputs, outputs = int(np.prod(g.in_shape)), int(np.prod(g.out_shape))
        per_layer.append(
            [
                (max(g.useful_macs // (pe * simd), inputs // word(g, pe, simd), outputs // lanes), pe * simd + lanes)
                for pe, simd in legal(g)
                for lanes in divisors(pe)
            ]
        )
    return min(
        max(interval for interval, _ in chosen)
        for chosen in product(*per_layer)
        if sum(blocks for _, blocks in chosen) <= budget
    )


@pytest.mark.parametrize("make", [generator, grouped])
@pytest.mark.parametrize("budget", [6, 8, 12, 20, 33, 60, 200])
def test_the_search_is_as_good_as_brute_force(budget: int, make: Callable[[], IntegerModel]) -> None:
    model = make()
    design = schedule(model, Target(dsp=budget), {})
    assert dsp(design) <= budget
    assert max(engine.interval for engine in design.engines) == brute_force(model, budget)


@pytest.mark.parametrize("make", [generator, grouped])
@pytest.mark.parametrize("budget", [6, 20, 60])
def test_no_layer_is_folded_less_than_the_pace_needs(budget: int, make: Callable[[], IntegerModel]) -> None:
    """Every layer takes the fewest multipliers that keep the pace: one step down in PE x SIMD would miss it."""
    design = schedule(make(), Target(dsp=budget), {})
    pace = max(engine.interval for engine in design.engines)
    for engine in design.engines:
        g, used = engine.layer.op.geometry, engine.folding.pe * engine.folding.simd
        assert g is not None
        for pe, simd in legal(g):
            if pe * simd < used:
                inputs, outputs = int(np.prod(g.in_shape)), int(np.prod(g.out_shape))
                best = max(g.useful_macs // (pe * simd), inputs // word(g, pe, simd), outputs // pe)
                assert best > pace or pe * simd + pe >= used + engine.folding.lanes


def test_more_multipliers_never_slow_it_down() -> None:
    intervals = [estimate(schedule(generator(), Target(dsp=n), {})).interval for n in (6, 10, 20, 40, 80, 160)]
    assert all(a >= b for a, b in pairwise(intervals)) and intervals[0] > 4 * intervals[-1]


@pytest.mark.parametrize("fps", [1e5, 3e5, 7e5, 9e5])
def test_a_frame_rate_is_reached_with_few_multipliers(fps: float) -> None:
    target = Target(clock_mhz=100.0, fps=fps, dsp=1000)
    design = schedule(generator(), target, {})
    assert estimate(design).interval <= 1e8 / fps
    assert design.interval_limit <= 1e8 / fps
    fastest = schedule(generator(), Target(dsp=dsp(design) - 1), {})
    assert max(e.interval for e in fastest.engines) > 1e8 / fps, "fewer blocks would have done"


def test_a_frame_rate_holds_with_the_hand_over_between_engines() -> None:
    """The folding of 6272 cycles alone would take 6278: the next faster one is due."""
    rng = np.random.default_rng(0)
    shapes = [conv_transpose((1, 1), 8, 8, s=1, p=0), conv_transpose((4, 4), 8, 8), conv_transpose((8, 8), 8, 3)]
    layers = [linear_layer(rng, f"l{n}", "z", geometry, INT8, out=INT8) for n, geometry in enumerate(shapes)]
    model = chain("m", (1, 1, 8), INT8, layers)
    design = schedule(model, Target(clock_mhz=100.0, fps=1e8 / 6272.5), {})
    assert estimate(design).interval <= 6272


def test_line_buffers_keep_the_interval_near_its_limit() -> None:
    for budget in (6, 20, 60):
        design = schedule(generator(), Target(dsp=budget), {})
        assert estimate(design).interval <= 1.02 * max(e.interval for e in design.engines)
        for engine in design.engines:
            assert engine.rows >= line_buffer_rows(engine.layer, engine.folding)


def test_the_least_line_buffer_by_hand() -> None:
    """k4 s2: two rows make a row, the next needs one more; k1 holds the row in use and the row that comes."""
    rng = np.random.default_rng(0)
    up = linear_layer(rng, "l0", "z", conv_transpose((8, 8), 2, 2), INT8)
    assert line_buffer_rows(up, Folding(1, 1, 1)) == 3
    point = linear_layer(rng, "l0", "z", conv((8, 8), 2, 2, k=1, p=0), INT8)
    assert line_buffer_rows(point, Folding(1, 1, 1)) == 2
    wide = linear_layer(rng, "l0", "z", conv((8, 8), 2, 2, k=3, p=1), INT8)
    assert line_buffer_rows(wide, Folding(1, 1, 1)) == 4


@pytest.mark.parametrize(("simd", "stretch", "rows"), [(1, 6, 14), (2, 11, 24)])
def test_the_line_buffer_of_rows_of_one_pixel(simd: int, stretch: int, rows: int) -> None:
    """So many rows as take 32 clocks come in while as many are computed: k3 reads a row before and one behind them."""
    geometry = LinearGeometry(conv_axis(20, 3, 1, 1, (1, 1)), conv_axis(1, 1, 1, 1, (0, 0)), 2, 1)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8)
    assert stretch_rows(geometry, Folding(1, simd, 1)) == stretch
    assert line_buffer_rows(layer, Folding(1, simd, 1)) == rows


def test_clock_and_part_reach_the_design() -> None:
    design = schedule(generator(), Target("xc7a35tcpg236-1", 250.0), {})
    assert design.part == "xc7a35tcpg236-1" and design.clock_ns == pytest.approx(4.0)
    assert dsp(design) <= PARTS["xc7a35t"].resources.dsp
    verify_design(design)


# --- pinned ---


@pytest.mark.parametrize(
    "request_", [FoldingRequest(3, 2), FoldingRequest(pe=6), FoldingRequest(simd=1), FoldingRequest(6, 4, 3)]
)
def test_pinned_values_are_taken(request_: FoldingRequest) -> None:
    design = schedule(generator(), Target(dsp=100), {"l1": request_})
    folding = design.engines[1].folding
    assert request_.pe in (None, folding.pe)
    assert request_.simd in (None, folding.simd)
    assert request_.lanes in (None, folding.lanes)


@pytest.mark.parametrize("lanes", [1, 2, 3, 6])
def test_lanes_alone_can_be_pinned(lanes: int) -> None:
    design = schedule(generator(), Target(), {"l1": FoldingRequest(lanes=lanes)})
    assert design.engines[1].folding.lanes == lanes and design.engines[1].folding.pe % lanes == 0


def test_a_pinned_slow_layer_leaves_the_others_cheap() -> None:
    free = schedule(generator(), Target(dsp=100), {})
    slow = schedule(generator(), Target(dsp=100), {"l1": FoldingRequest(1, 1)})
    assert dsp(slow) < dsp(free)
    assert slow.interval_limit == slow.engines[1].layer.op.useful_macs


@pytest.mark.parametrize("target", [Target(dsp=20), Target(dsp=60), Target(fps=100_000.0), Target(fps=2_000_000.0)])
def test_other_weights_are_sized_at_the_folding_of_the_model(target: Target) -> None:
    model = generator()
    sizes, design = sizing(model, target, {}), schedule(model, target, {})
    for engine in design.engines:
        taken = engine_resources(engine, SERIES_7)
        assert sizes(engine.layer) == (taken.dsp, taken.lane_lut, taken.bram18)
        assert engine.layer.op.kind != "pointwise"
        signs = replace(engine.layer.op.weight, values=np.sign(engine.layer.op.weight.values) | 1, codec="binary")
        lanes = engine.folding.pe * engine.folding.simd
        dsp_blocks, luts, _ = sizes(replace(engine.layer, op=replace(engine.layer.op, weight=signs)))
        assert dsp_blocks == taken.dsp - lanes and luts == 2 * (8 + 2) * lanes


def test_a_target_out_of_reach_is_sized_at_the_nearest_folding() -> None:
    """Another format may reach what the widest one cannot."""
    model = generator()
    with pytest.raises(FoldingError):
        schedule(model, Target(dsp=1), {})
    with pytest.raises(FoldingError):
        schedule(model, Target(fps=1e9), {})
    smallest, fastest = (sizing(model, target, {}) for target in (Target(dsp=1), Target(fps=1e9)))
    assert all(smallest(layer)[0] == 2 for layer in model.layers)
    quickest = schedule(model, Target(dsp=10_000), {})
    assert [fastest(engine.layer)[0] for engine in quickest.engines] == [
        engine_resources(engine, SERIES_7).dsp for engine in quickest.engines
    ]


def test_pointwise_layers_fold_over_their_channels() -> None:
    rng = np.random.default_rng(0)
    layer = pointwise_layer(rng, "l0", "z", (3, 3, 6), INT8)
    model = chain("p", (3, 3, 6), INT8, (layer,))
    assert schedule(model, Target(), {"l0": FoldingRequest(lanes=3)}).engines[0].folding == Folding(3, 3, 3)
    assert schedule(model, Target(), {"l0": FoldingRequest(pe=2)}).engines[0].folding == Folding(2, 2, 2)
    assert schedule(model, Target(), {}).engines[0].folding == Folding(6, 6, 6)


def test_groups_fold_over_their_channels_and_over_whole_groups() -> None:
    """3 groups of 2 x 3: up to 6 MACs a clock within one group, then all 18."""
    rng = np.random.default_rng(0)
    layer = linear_layer(rng, "l0", "z", conv((4, 4), 6, 9, groups=3), INT8)
    model = chain("g", (4, 4, 6), INT8, (layer,))
    found = set()
    for dsp_blocks in range(2, 28):
        (engine,) = schedule(model, Target(dsp=dsp_blocks), {}).engines
        found.add((engine.folding.pe, engine.folding.simd, engine.parallel_groups))
    assert found == {(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (9, 2, 3)}


def separable(channels: int = 64) -> IntegerModel:
    """A depthwise-separable layer: 3 x 3 within each channel, then 1 x 1 over all."""
    rng = np.random.default_rng(0)
    depthwise = linear_layer(rng, "depthwise", "z", conv((8, 8), channels, channels, groups=channels), INT8)
    pointwise = linear_layer(rng, "point", "z", conv((8, 8), channels, channels, k=1, p=0), depthwise.output_type)
    return chain("separable", (8, 8, channels), INT8, (depthwise, pointwise))


def test_a_depthwise_layer_takes_the_lanes_that_the_pace_needs() -> None:
    """The 1 x 1 part has 8.5 times the MACs: of 150 DSP blocks 128 multiply there, 16 in the depthwise part."""
    design = schedule(separable(), Target(dsp=150), {})
    depthwise, pointwise = design.engines
    assert (depthwise.folding.pe, depthwise.folding.simd, depthwise.parallel_groups) == (16, 1, 16)
    assert pointwise.folding.pe * pointwise.folding.simd == 128
    assert depthwise.mac_steps == 22 * 22 * 64 // 16 and depthwise.loads == 8 * 8 * 64 // 16
    assert estimate(design).interval <= 1.02 * design.interval_limit == 1.02 * 2048
    assert engine_resources(depthwise, SERIES_7).dsp == 16 + depthwise.folding.lanes


def test_a_line_buffer_of_wide_words_takes_more_block_rams() -> None:
    """4 rows of 8 pixels of 64 bytes: 2048 words of a byte are 1 block RAM of 18 kbit, 128 words of 16 bytes are 4.

    576 weights of a byte are one more, 36 words of them are LUTs.
    """
    for pe, bram in ((1, 1 + 1), (16, 4)):
        pinned = {"depthwise": FoldingRequest(pe=pe), "point": FoldingRequest(1, 1)}
        engine = schedule(separable(), Target(fps=1), pinned).engines[0]
        assert (engine.rows, engine.pixel_words * engine.in_lanes) == (4, 64)
        assert engine_resources(engine, SERIES_7).bram18 == bram


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (FoldingRequest(pe=4), "PE 4 takes neither a part of a group of 3 output channels nor whole groups"),
        (FoldingRequest(pe=5), "PE 5 does not divide 12"),
        (FoldingRequest(pe=6, simd=1), "SIMD 1 is not all 2 input channels of a group, of which PE 6 spans several"),
        (FoldingRequest(simd=1, lanes=6), "lanes 6 does not divide 3"),
    ],
)
def test_foldings_over_parts_of_groups_are_refused(request_: FoldingRequest, message: str) -> None:
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((4, 4), 8, 12, groups=4), INT8)
    with pytest.raises(FoldingError, match=message) as found:
        schedule(chain("g", (4, 4, 8), INT8, (layer,)), Target(), {"l0": request_})
    assert "legal values: [" in found.value.hint


# --- parts ---


def test_no_folding_is_chosen_whose_words_no_hls_compiler_takes() -> None:
    rng = np.random.default_rng(0)
    wide = chain("wide", (1, 1, 1024), INT8, (linear_layer(rng, "l0", "x", dense(1024, 2), INT8),))
    assert schedule(wide, Target(dsp=5000), {}).engines[0].folding.simd == 256  # 512 x 8 bits, and an address
    with pytest.raises(FoldingError, match="HLS takes at most 4096"):
        emit_hls(schedule(wide, Target(dsp=5000), {"l0": FoldingRequest(simd=512)}))


def test_blocks_are_skipped_only_where_it_saves_bits_or_time_that_is_needed() -> None:
    """Scattered zeros at PE = SIMD = 1 leave few clocks out, and each block that stays needs a pointer."""
    rng = np.random.default_rng(0)
    geometry = conv_transpose((4, 4), 16, 16)
    scattered = linear_layer(rng, "l0", "z", geometry, INT8, weight_bits=4, empty=0.2)
    blocks = linear_layer(rng, "l0", "z", conv_transpose((4, 4), 64, 16), INT8, empty=0.6, block=(4, 4))

    def only(layer: IntLayer, interval: int, request: FoldingRequest) -> bool:
        assert layer.op.kind != "pointwise"
        model = chain("g", layer.op.geometry.in_shape, INT8, (layer,))
        (engine,) = schedule(model, Target(fps=200e6 / interval), {"l0": request}).engines
        return engine.skip is not None

    dense = geometry.useful_macs
    one = FoldingRequest(pe=1, simd=1)
    assert not only(scattered, dense + 200, one), "fast enough without"
    assert only(scattered, dense - dense // 10, one)
    assert only(blocks, 4 * dense, FoldingRequest(pe=4, simd=4)), "it saves bits, too"


def test_blocks_that_span_groups_are_skipped_where_the_pace_needs_it() -> None:
    geometry = conv((8, 8), 64, 64, groups=64)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8, empty=0.6, block=(16, 1))
    model, pinned = chain("g", (8, 8, 64), INT8, (layer,)), {"l0": FoldingRequest(pe=16)}
    dense = geometry.useful_macs // 16
    for interval, skips in ((2 * dense, False), (dense // 2 + 100, True)):
        (engine,) = schedule(model, Target(fps=200e6 / interval), pinned).engines
        assert (engine.skip is not None, engine.parallel_groups) == (skips, 16)
        assert engine.mac_cycles <= interval


def test_pointers_are_no_bargain_for_a_few_lanes_of_luts() -> None:
    """A ternary layer with scattered zeros could do with fewer lanes if it skipped them, at a pointer a block."""
    geometry = conv_transpose((4, 4), 64, 64)
    made = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8, codec="ternary", empty=0.5)
    model = chain("g", geometry.in_shape, INT8, (made,))
    (engine,) = schedule(model, Target(fps=200e6 / (0.7 * geometry.useful_macs)), {}).engines
    assert engine.skip is None


def test_parts_are_found_by_their_full_name() -> None:
    assert part_resources("XC7Z020CLG484-1").dsp == 220
    assert part_resources("xc7a100tcsg324-1").dsp == 240  # not xc7a10
    with pytest.raises(ConfigError, match="'xcv2000' is not known") as found:
        part_resources("xcv2000")
    assert "xc7z020" in found.value.hint and "target.dsp" in found.value.hint


def test_a_stated_budget_makes_any_part_usable() -> None:
    assert schedule(generator(), Target("some_asic", dsp=20), {}).part == "some_asic"


def test_errors_are_of_one_kind() -> None:
    with pytest.raises(FoldingError):
        schedule(generator(), Target(dsp=5), {})
