"""How the search sees batches, and layers that work one after the other: what options count, and what is compared."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from gan2hls.config import PrecisionConfig
from gan2hls.flow.from_config import activation_bound
from gan2hls.hardware import (
    Folding,
    FoldingRequest,
    LinearEngine,
    StreamEngine,
    Target,
    design_resources,
    estimate,
    make_engine,
    schedule,
    weigh,
)
from gan2hls.hardware.budget import MemoryPort
from gan2hls.hardware.option import Option
from gan2hls.hardware.sharing import loops
from gan2hls.hardware.sizing import sizing
from gan2hls.hardware.turns import shareable
from gan2hls.hardware.within_budget import layer_choices
from gan2hls.model import IntegerModel, batched
from gan2hls.numbers import IntType, QuantType
from tests.random_integer_graphs import norm_layer
from tests.randomized import chain, conv, linear_layer
from tests.shared_engines import residual_model

INT8 = QuantType(IntType(8, signed=True), 1.0)


def blocks() -> IntegerModel:
    """Residual blocks whose four convolutions can take turns."""
    return residual_model(np.random.default_rng(0), 2, channels=12, size=4)


def shared_options(batch: int) -> tuple[IntegerModel, tuple[str, ...], list[Option]]:
    """The model of batches, the convolutions that take turns, and the options of their engine."""
    model = batched(blocks(), batch)
    group = next(names for names in shareable(model) if model.layer(names[0]).op.useful_macs)
    choices = layer_choices(model, Target(), {}, short=True, shared=(group,))
    return model, group, list(choices.options[group[0]])


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_an_option_of_a_shared_engine_counts_the_last_band_of_each_turn(batch: int) -> None:
    """As many beats as the codes of a band are, by lanes, on top of what the engine alone takes for each layer."""
    model, group, options = shared_options(batch)
    layer = model.layer(group[0])
    height, width, channels = layer.shape
    bands = set()
    for option in options:
        assert option.off_chip is not None
        if not option.rows:
            alone = make_engine(layer, option.folding, off_chip=option.off_chip)
            assert isinstance(alone, LinearEngine)
            last = option.off_chip.band_rows * width * channels // option.folding.lanes
            assert option.interval == len(group) * (alone.interval + last)
        bands.add(height // option.off_chip.band_rows)
    assert min(bands) == min(batch, 2), "of a batch one band leaves while another is computed"


@pytest.mark.parametrize("batch", [1, 2])
def test_the_search_holds_sums_of_loops(batch: int) -> None:
    """Of the options of layers that work one after the other; frames of a batch do so at a time."""
    model = batched(blocks(), batch)
    groups = shareable(model)
    choices = layer_choices(model, Target(), {}, short=True, shared=groups)
    chosen = {name: found[0] for name, found in choices.options.items()}
    (loop,) = loops(model, groups)
    total = sum(part * chosen[name].interval for name, part in loop.items())
    slowest = max(option.interval for option in chosen.values())
    assert slowest < total and choices.pace(chosen) == max(slowest, ceil(total / batch))


def test_more_lanes_behind_the_same_array_are_options() -> None:
    """By them turns end sooner."""
    _, _, options = shared_options(1)
    lanes: dict[tuple[int, int], set[int]] = {}
    for option in options:
        lanes.setdefault((option.folding.pe, option.folding.simd), set()).add(option.folding.lanes)
    assert any(len(found) > 1 for found in lanes.values())


@pytest.mark.parametrize("bus_bits", [0, 64])
def test_a_normalization_holds_a_frame_not_a_batch(bus_bits: int) -> None:
    """On chip and off: the first frame of a batch leaves while others come."""
    layer = norm_layer(np.random.default_rng(0), "l0", "z", (4, 6, 8), INT8, groups=8)
    model = chain("norm", (4, 6, 8), INT8, (layer,))
    holds = []
    for batch in (1, 4):
        engine = make_engine(batched(model, batch).layers[0], Folding(2, 2, 2), bus_bits=bus_bits)
        assert isinstance(engine, StreamEngine) and (engine.ring is not None) == (bus_bits > 0)
        holds.append(engine.holds_map)
    assert holds == [True, False]


def test_formats_are_compared_at_the_pace_of_single_frames() -> None:
    """The model that is sized has no batches; ``fps`` is that of its frames all the same."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", conv((6, 6), 8, 8), INT8)
    model, target = chain("sized", (6, 6, 8), INT8, (layer,)), Target(fps=50_000.0)
    assert sizing(model, replace(target, batch=4), {}) == sizing(model, target, {})


def away() -> tuple[IntegerModel, Target]:
    """Convolutions whose weights are off chip, and a target of batches."""
    rng = np.random.default_rng(0)
    layers = [linear_layer(rng, f"l{n}", "z", conv((4, 4), 32, 32), INT8, out=INT8) for n in range(2)]
    return chain("away", (4, 4, 32), INT8, layers), Target(batch=3, memory=MemoryPort(off_chip=True))


def test_a_model_of_frames_is_weighed_beside_a_design_of_batches() -> None:
    model, target = away()
    design = schedule(model, target, {})
    found = weigh(design, model, target, {})
    assert found is not None and found.refolded and found.taken == design_resources(design)
    assert found.interval == estimate(design).interval


def test_what_more_bits_cost_is_told_a_frame() -> None:
    model, target = away()
    pinned = {"l0": FoldingRequest(pe=1, simd=1)}
    design = schedule(model, target, pinned)
    bound = activation_bound(
        PrecisionConfig(), lambda _: design, lambda made, other: weigh(made, other, target, pinned), target.budget
    )
    assert bound is not None
    cost = bound.measure(model)
    assert cost is not None and cost.interval == -(-estimate(design).interval // 3)
