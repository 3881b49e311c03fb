"""A model of batches computes of frames that are stacked what the model computes of each."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.model import Golden, IntegerModel, batched, verify_integer_model
from gan2hls.ops import IntLinear, IntRepeated
from gan2hls.ops.taps import LinearGeometry, by_frames, by_row_phases
from tests.random_integer_graphs import random_graph
from tests.randomized import conv, conv_transpose, random_inputs
from tests.shared_engines import residual_model

SEEDS = range(24)


def model_of(seed: int) -> IntegerModel:
    """A graph of any operations, or a residual network with normalizations."""
    if seed % 4 == 3:
        return residual_model(np.random.default_rng(seed), 2)
    kinds = {"norms": seed % 2 == 0, "crops": seed % 3 == 0, "selects": seed % 5 == 0, "rearranges": seed % 4 == 0}
    return random_graph(seed, **kinds)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_batch_is_its_frames(seed: int) -> None:
    model, batch = model_of(seed), 2 + seed % 3
    codes = random_inputs(np.random.default_rng(seed), model, 2 * batch)
    one, several = Golden(model).run(codes), batched(model, batch)
    verify_integer_model(several)
    shapes = {port.name: port.shape for port in several.inputs} | {e.name: e.shape for e in several.layers}
    stacked = Golden(several).run({name: values.reshape(-1, *shapes[name]) for name, values in codes.items()})
    assert stacked.keys() == one.keys()
    for name, values in stacked.items():
        assert values.shape == (2, *shapes[name]) and np.array_equal(values.ravel(), one[name].ravel()), name


def test_seeds_have_operations_of_all_forms() -> None:
    """Those that know of no frame, and those whose unit does one after the other."""
    ops = [layer.op for seed in SEEDS for layer in batched(model_of(seed), 2).layers]
    assert {op.kind for op in ops if isinstance(op, IntRepeated)} >= {"add", "mul", "crop", "rearrange"}
    others = {op.kind for op in ops if not isinstance(op, IntLinear | IntRepeated)}
    assert others >= {"add", "mul", "concat", "pool", "gather", "norm", "select", "pointwise"}


def test_models_that_share_layers_share_those_of_a_batch() -> None:
    """So that options are looked for once."""
    model = model_of(0)
    first, again = batched(model, 3), batched(model, 3)
    assert all(a is b for a, b in zip(first.layers, again.layers, strict=True))
    assert (first.batch, first.single) == (3, model)
    assert batched(model, 1) is model
    with pytest.raises(AssertionError, match="already"):
        batched(first, 2)


@pytest.mark.parametrize("geometry", [conv((5, 4), 2, 4), conv_transpose((3, 4), 2, 4), conv((7, 3), 2, 4, k=4, s=2)])
def test_no_output_reads_two_frames(geometry: LinearGeometry) -> None:
    for one in (geometry, by_row_phases(geometry, 2)):
        made = by_frames(one, 3)
        assert (made.useful_macs, made.in_shape[0], made.out_shape[0]) == (
            3 * one.useful_macs,
            3 * one.in_shape[0],
            3 * one.out_shape[0],
        )
        for o, pairs in enumerate(made.y.taps):
            frame, row = divmod(o, one.y.out_size)
            assert pairs == tuple((frame * one.y.in_size + i, k) for i, k in one.y.taps[row])
