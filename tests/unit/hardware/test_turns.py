"""Layers that take turns at one engine: which can, what they share, and when the search lets them."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gan2hls.base import FoldingError
from gan2hls.codecs import decode
from gan2hls.fabric import SERIES_7, Resources, overall
from gan2hls.hardware import TURNS, Design, Folding, Target, design_resources, estimate, fits, queues, schedule
from gan2hls.hardware.budget import Utilization
from gan2hls.hardware.buffered import beside_options, buffered, with_shorter_loops
from gan2hls.hardware.design import verify_design
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.line_buffer import line_buffer_rows
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.queues import _in_turn, waiting_edges
from gan2hls.hardware.refold import refolded
from gan2hls.hardware.requant_lanes import turn_cycles, with_quicker_ends
from gan2hls.hardware.resources import edges_resources, engine_resources, joints_resources
from gan2hls.hardware.search import Choices, Chosen
from gan2hls.hardware.sharing import loops, sharing
from gan2hls.hardware.stream_engine import stream_op
from gan2hls.hardware.turns import in_a_row, joint_layer, shareable, sharing_key, turn_of
from gan2hls.hardware.within_budget import layer_choices
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType, Table
from gan2hls.ops import IntLinear
from tests.random_integer_graphs import norm_layer, random_graph_design
from tests.randomized import chain, conv, linear_layer
from tests.shared_engines import residual_model, shared_design, shared_engines

KIND = QuantType(IntType(8, signed=True), 1.0)


def convolutions(model: IntegerModel) -> list[str]:
    """The names of its layers with weights."""
    return [layer.name for layer in model.layers if isinstance(layer.op, IntLinear)]


def large_model(seed: int = 0) -> IntegerModel:
    """Convolutions whose weights are worth being off chip."""
    return residual_model(np.random.default_rng(seed), 2, channels=36, size=3)


def test_convolutions_of_one_shape_can_share_an_engine() -> None:
    model = residual_model(np.random.default_rng(1), 3)
    assert shareable(model) == (tuple(convolutions(model)),)


def test_what_has_something_of_its_own_does_not_share() -> None:
    rng = np.random.default_rng(0)
    plain = linear_layer(rng, "l0", "z", conv((4, 4), 6, 6), KIND, out=KIND)
    assert sharing_key(plain) is not None
    table = linear_layer(rng, "l0", "z", conv((4, 4), 6, 6), KIND, out=KIND, table_bits=6)
    assert isinstance(table.table, Table) and sharing_key(table) is None
    books = linear_layer(rng, "l0", "z", conv((4, 4), 6, 6), KIND, out=KIND, codec="codebook")
    assert sharing_key(books) is None
    even = replace(plain, requant=replace(plain.requant, half_even=True))
    assert sharing_key(even) is None
    other = linear_layer(rng, "l0", "z", conv((4, 4), 6, 6, k=5, p=2), KIND, out=KIND)
    assert sharing_key(other) not in (None, sharing_key(plain))


@pytest.mark.parametrize("seed", range(4))
def test_joint_constants_are_those_of_each_layer(seed: int) -> None:
    """The joint requantizer, a layer's part of its words, shift, zero point and ends, is the layer's own."""
    model = residual_model(np.random.default_rng(seed), 2)
    layers = tuple(model.layer(name) for name in convolutions(model))
    joint, rng = joint_layer(layers), np.random.default_rng(seed)
    assert joint_layer(layers) is joint  # its weights are those of all, and many designs of a search hold it
    channels = layers[0].requant.channels
    for n, layer in enumerate(layers):
        turn, own = turn_of(layer), slice(n * channels, (n + 1) * channels)
        acc = rng.integers(layer.acc_type.lo, layer.acc_type.hi + 1, (50, channels))
        piece = (acc >= joint.requant.threshold[own]).astype(int) * (joint.requant.pieces - 1)
        mult, offset = (
            np.take_along_axis(words[:, own][None], piece[:, None], axis=1)[:, 0]
            for words in (joint.requant.mult, joint.requant.offset)
        )
        codes = np.clip((acc * mult + offset >> turn.shift) + turn.zero_point, turn.lo, turn.hi)
        assert (codes == layer.requant(acc, layer.acc_type)).all(), layer.name
        assert joint.acc_type.lo <= layer.acc_type.lo and layer.acc_type.hi <= joint.acc_type.hi
        centred = layer.input_type.centred
        assert joint.input_type.int_type.lo <= centred.lo and centred.hi <= joint.input_type.int_type.hi


@pytest.mark.parametrize(("seed", "codec"), [(0, "raw"), (1, "ternary"), (2, "binary"), (3, "raw")])
def test_a_region_holds_the_weights_of_each_layer_from_a_whole_burst_on(seed: int, codec: str) -> None:
    rng = np.random.default_rng(seed)
    made = shared_design(rng, residual_model(rng, 2, codec=codec))
    (engine,) = shared_engines(made)
    assert made.memory is not None
    (region,) = made.memory.regions
    image, beat = made.memory.image(), region.bus_bits // 8
    assert region.stride % made.memory.burst_beats == 0 and region.turns == len(engine.turns) == 4
    encoded, wanted = decode(engine.weights), np.concatenate([linear(layer).weight.values for layer in engine.turns])
    assert (encoded == wanted).all()
    passes = [image[region.offset + n * region.stride * beat :][: region.beats * beat] for n in range(region.turns)]
    for n, name in enumerate(made.shared[0]):
        alone = made.engine(name)
        assert isinstance(alone, LinearEngine)
        others = [passes[m] for m in range(region.turns) if m != n]
        assert passes[n] not in others, "each layer has weights of its own"


def linear(layer: object) -> IntLinear:
    op = getattr(layer, "op", None)
    assert isinstance(op, IntLinear)
    return op


def test_cycles_are_those_of_all_turns() -> None:
    rng = np.random.default_rng(4)
    made = shared_design(rng, residual_model(rng, 2), endless=True)
    (engine,) = shared_engines(made)
    assert engine.interval == 4 * max(engine.mac_cycles, *engine.in_beats, engine.out_beats, engine.bus_beats // 4)
    assert made.interval_limit >= 4 * engine.mac_cycles
    assert estimate(made).interval >= made.interval
    assert design_resources(made).dsp < design_resources(replace(made, shared=())).dsp


def test_layers_far_from_each_other_are_not_in_a_row() -> None:
    """Two alike layers with others in between, whose work the shared engine would wait for."""
    rng = np.random.default_rng(5)
    sizes = [(6, 6), (6, 6), (6, 12), (12, 6), (6, 6), (6, 6)]
    layers = [linear_layer(rng, f"l{n}", "z", conv((4, 4), ci, co), KIND, out=KIND) for n, (ci, co) in enumerate(sizes)]
    model = chain("far", (4, 4, 6), KIND, layers)
    (group,) = shareable(model)
    assert group == ("l0", "l1", "l4", "l5")
    assert in_a_row(model, [group]) == (("l0", "l1"), ("l4", "l5"))


@pytest.mark.slow
def test_the_search_shares_engines_where_nothing_else_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """And for a model that is like another one it takes the same, or looks for nothing else."""
    model = large_model()
    least = next(n for n in range(4, 40) if fits(model, Target(dsp=n, share=False), {}))
    roomy = schedule(model, Target(dsp=least), {})
    assert not roomy.shared
    scarce = Target(dsp=least - 1)
    with pytest.raises(FoldingError):
        schedule(model, replace(scarce, share=False), {})
    made = schedule(model, scarce, {})
    assert made.shared[0] == tuple(convolutions(model))
    assert design_resources(made).within(scarce.budget)
    assert estimate(made).interval <= 1.1 * made.interval_limit
    module, looked = sys.modules["gan2hls.hardware.within_budget"], []
    choices = module.layer_choices
    monkeypatch.setattr(module, "layer_choices", lambda *args, **named: looked.append(named) or choices(*args, **named))
    again = schedule(replace(model), scarce, {}, like=made)
    assert not looked and again.shared == made.shared
    assert design_resources(again) == design_resources(made) and again.depths == made.depths
    fewer = replace(scarce, dsp=design_resources(made).dsp - 1)
    slower = schedule(replace(model), fewer, {}, like=made)
    assert [named["shared"] for named in looked] == [made.shared] == [slower.shared]
    assert design_resources(slower).within(fewer.budget)


def test_what_is_left_makes_a_design_in_turns_faster() -> None:
    """One of the cheapest options; where nothing is left it stays."""
    model, target = large_model(), Target(dsp=60)
    (groups, *_) = sharing(model, target, {})
    choices = layer_choices(model, target, {}, short=True, shared=groups)
    chosen = choices.cheapest(choices.intervals[-1])
    design = buffered(model, choices, chosen, target)

    def shorter(budget: Resources) -> Design:
        return with_shorter_loops(design, choices, chosen, target, budget, lambda made: made)

    faster = shorter(target.budget)
    assert estimate(faster).interval < estimate(design).interval
    assert design_resources(faster).within(target.budget)
    assert shorter(design_resources(design)) is design


def test_designs_of_the_same_turns_have_one_layout_of_weights() -> None:
    rng = np.random.default_rng(0)
    design = shared_design(rng, residual_model(rng, 2))
    pairs = list(zip(*map(shared_engines, (design, replace(design, clock_ns=2 * design.clock_ns))), strict=True))
    assert pairs and all(one is not other and one.encoded is other.encoded for one, other in pairs)


def test_another_design_is_planned_where_a_faster_one_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model, target = large_model(), Target(dsp=60)
    (groups, *_) = sharing(model, target, {})
    choices = layer_choices(model, target, {}, short=True, shared=groups)
    chosen = choices.cheapest(choices.intervals[-1])
    design = buffered(model, choices, chosen, target)
    module, made = sys.modules["gan2hls.hardware.buffered"], list[Design]()
    real, taken = module.buffered, module.design_resources

    def recorded(*args: Any) -> Design:
        made.append(real(*args))
        return made[-1]

    def too_much(one: Design) -> Resources:
        over = target.budget.bram18 - taken(one).bram18 + 1 if made and one is made[0] else 0
        return taken(one) + Resources(bram18=over)

    monkeypatch.setattr(module, "buffered", recorded)
    monkeypatch.setattr(module, "design_resources", too_much)
    faster = with_shorter_loops(design, choices, chosen, target, target.budget, lambda made: made)
    assert len(made) == 2 and faster is made[1] and estimate(faster).interval < estimate(design).interval


def test_nothing_more_is_spent_on_a_design_that_is_fast_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked = large_model(), list[int]()
    real = Choices.with_shorter_loops

    def with_shorter_loops(self: Choices, chosen: Chosen, budget: Resources, interval: int) -> Chosen:
        asked.append(interval)
        return real(self, chosen, budget, interval)

    monkeypatch.setattr(Choices, "with_shorter_loops", with_shorter_loops)
    fastest = schedule(model, Target(dsp=40, share=True), {})
    assert fastest.shared and asked and estimate(fastest).interval <= asked[0]
    asked.clear()
    target = Target(dsp=40, share=True, fps=2e8 / (2 * estimate(fastest).interval))
    assert schedule(model, target, {}).shared and not asked


@pytest.mark.slow
@pytest.mark.parametrize(("bram", "away"), [(30, True), (45, False)])
def test_engines_are_shared_where_weights_are_away_and_that_is_faster(bram: int, away: bool) -> None:
    """Each engine has multipliers in its requantizer, so a few with many lanes do more than many with a few."""
    model = residual_model(np.random.default_rng(0), 4, channels=36, size=3)
    target = Target(dsp=40, utilization=Utilization(bram=bram / 280))
    apart = schedule(model, replace(target, share=False), {})
    made = schedule(model, target, {})
    assert not apart.shared and (apart.memory is not None) == away
    if away:
        assert made.shared and estimate(made).interval < 0.6 * estimate(apart).interval
        assert design_resources(made).within(target.budget)
    else:
        assert not made.shared and estimate(made).interval == estimate(apart).interval


def test_what_a_design_takes_beside_its_options() -> None:
    """Queues, converters and forks, and the rows of line buffers beyond those of options."""
    drawn = random_graph_design(3)
    engines = [
        replace(e, rows=line_buffer_rows(e.layer, e.folding)) if isinstance(e, LinearEngine) else e
        for e in drawn.engines
    ]
    longer = [replace(e, rows=e.rows + 9) if isinstance(e, LinearEngine) else e for e in engines]
    made = replace(drawn, engines=tuple(engines))
    edges = edges_resources(made.edges, SERIES_7) + joints_resources(made)
    assert edges.ff > 0 and beside_options(made) == edges
    after, before = (overall(engine_resources(e, SERIES_7).taken for e in units) for units in (longer, engines))
    more = after - before
    assert more.lut > 0 and beside_options(replace(made, engines=tuple(longer))) == edges + more


def test_one_queue_behind_the_turns_stands_for_one_in_front_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all but the first turn, in front of which a frame waits for the turns of the one before."""
    model = residual_model(np.random.default_rng(1), 3, size=5)
    made = shared_design(np.random.default_rng(0), model, narrow=True)
    ((first, *later),) = made.shared[:1]
    assert (first, TURNS) in made.depths
    assert [name for name in later if (name, 0) in made.depths] == []
    monkeypatch.setattr(queues, "_MOST_BRAM18", -1)
    longer = shared_design(np.random.default_rng(0), model, narrow=True)
    assert (first, TURNS) not in longer.depths, "each turn's own may be off chip"
    monkeypatch.setattr(queues, "_with_turns_queued", lambda design, interval: design)
    apart = shared_design(np.random.default_rng(0), model, narrow=True)
    assert any((name, 0) in apart.depths for name in later)
    assert design_resources(made).lut < design_resources(apart).lut
    assert estimate(made).interval <= 1.002 * estimate(apart).interval
    other = refolded(replace(made, shared=made.shared[1:]), model)
    assert not any(port == TURNS for _, port in other.depths)


def test_what_is_pinned_does_not_share() -> None:
    model, target = large_model(), Target(share=True)
    first, *others = convolutions(model)
    group, *norms = sharing(model, target, {first: FoldingRequest(pe=1)})[-1]
    assert group == tuple(others)
    on_chip = replace(target, memory=replace(target.memory, off_chip=False))
    assert sharing(model, on_chip, {})[-1] == tuple(norms), "without weights"
    assert sharing(model, on_chip, {norms[0][0]: FoldingRequest(lanes=1)}) == ()


def test_layers_far_from_each_other_share_later_and_those_of_few_weights_last() -> None:
    rng = np.random.default_rng(5)
    sizes = [(36, 36), (36, 36), (36, 72), (72, 6), (6, 6), (6, 6), (6, 36), (36, 36)]
    layers = [linear_layer(rng, f"l{n}", "z", conv((2, 2), ci, co), KIND, out=KIND) for n, (ci, co) in enumerate(sizes)]
    model = chain("far", (2, 2, 36), KIND, layers)
    large, few = ("l0", "l1", "l7"), ("l4", "l5")
    assert sharing(model, Target(), {}) == ((large[:2],), (large[:2], few), (large, few))


def test_what_works_between_two_turns_is_one_loop() -> None:
    """And what shares an engine with it; layers in front of the first turn and behind the last one are in none."""
    rng = np.random.default_rng(5)
    sizes = [(6, 6), (6, 24), (24, 6), (6, 6), (6, 2)]
    layers = [linear_layer(rng, f"l{n}", "z", conv((2, 2), ci, co), KIND, out=KIND) for n, (ci, co) in enumerate(sizes)]
    model = chain("loops", (2, 2, 6), KIND, layers)
    assert loops(model, (("l0", "l3"),)) == ({"l0": 1, "l1": 1, "l2": 1},)
    assert loops(model, (("l0", "l3"), ("l1", "l2"))) == ({"l0": 1, "l1": 1},)
    assert loops(model, (("l0", "l1"), ("l3", "l4"))) == ({"l0": 1}, {"l3": 1})
    assert loops(model, ()) == ()


def test_a_normalization_is_waited_for_in_part() -> None:
    """While others have nothing of its map to do."""
    rng, shape = np.random.default_rng(5), (2, 2, 6)
    norm = norm_layer(rng, "l1", "z", shape, KIND, groups=6)
    pairs = (("l0", KIND), ("l2", norm.output_type))
    first, last = (linear_layer(rng, name, "z", conv((2, 2), 6, 6), given, out=KIND) for name, given in pairs)
    model = chain("norm", shape, KIND, (first, norm, last))
    (loop,) = loops(model, (("l0", "l2"),))
    assert loop.keys() == {"l0", "l1"} and 0 < loop["l1"] < loop["l0"] == 1


@pytest.mark.parametrize("lanes", [1, 2])
def test_the_last_band_of_each_turn_is_waited_for(lanes: int) -> None:
    """It leaves when all of it is done, in as many clocks less as there are lanes."""
    rng = np.random.default_rng(1)
    made = shared_design(rng, residual_model(rng, 1, size=4), band_rows=2)
    unit = replace(shared_engines(made)[0], folding=Folding(2, 2, lanes))
    assert turn_cycles(unit) == unit.paced_cycles + len(unit.layers) * 2 * 4 * 6 // lanes
    assert turn_cycles(made.engines[0]) == made.engines[0].paced_cycles  # type: ignore[attr-defined]
    wider = [one.folding.lanes for one in with_quicker_ends(replace(unit, folding=Folding(6, 2, 2)))]
    assert wider == [2, 3, 6]


def test_what_a_held_map_delays_needs_no_queue() -> None:
    """Each turn in front of a norm, or behind one, but not the first and the last ones of a frame."""
    model = large_model()
    made = shared_design(np.random.default_rng(1), model, endless=True)
    spared = _in_turn(made)
    waiting = {(edge.reader, edge.port) for edge in waiting_edges(made)}
    assert spared and spared < waiting
    first = {(group[0], 0) for group in made.shared}
    assert not spared & first
    lean = replace(made, depths={key: depth for key, depth in made.depths.items() if key not in spared})
    assert estimate(lean).latency <= 1.5 * estimate(made).latency, "it comes to its end"


def test_norms_are_in_a_row_where_convolutions_between_them_are() -> None:
    """What else works between two norms would leave their engine idle."""
    model = large_model()
    every = shareable(model)
    kinds = [model.layer(group[0]).op.kind for group in every]
    assert kinds == ["conv", "norm"]
    assert in_a_row(model, every) == every
    assert in_a_row(model, every[1:]) == (), "convolutions that do not share"
    op = replace(stream_op(model.layer(every[1][0])), centred=False)
    assert op.turn_key != stream_op(model.layer(every[1][0])).turn_key
    assert replace(op, epsilon=7).turn_key == op.turn_key


@pytest.mark.parametrize("changed", [0, 1, 4])
def test_layers_of_another_model_are_shared_as_long_as_they_can(changed: int) -> None:
    """Layers whose ties go to even have an engine each: one of a group, or all of it."""
    rng = np.random.default_rng(6)
    made = shared_design(rng, residual_model(rng, 2))
    own = made.shared[0][:changed]
    layers = tuple(
        replace(layer, requant=replace(layer.requant, half_even=True)) if layer.name in own else layer
        for layer in made.model.layers
    )
    other = refolded(made, replace(made.model, layers=layers))
    assert other.shared == (() if changed else made.shared)
    verify_design(other)


def test_groups_that_are_not_alike_are_no_design() -> None:
    rng = np.random.default_rng(7)
    made = shared_design(rng, residual_model(rng, 2))
    first, second, *_ = made.shared[0]
    for shared in (((second, first),), ((first,),), ((first, made.model.layers[-1].name),)):
        with pytest.raises(AssertionError):
            verify_design(replace(made, shared=shared))
