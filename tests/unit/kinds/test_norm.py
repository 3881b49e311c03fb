"""Normalization in float and in integers: what it is, how far integers are off, what they need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.base import ConfigError
from gan2hls.hardware import Folding
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.options import options
from gan2hls.kinds.int_norm import IntNorm, by_sets
from gan2hls.kinds.norm import Norm
from gan2hls.numbers import MOST_ERROR, IntType, QuantType
from gan2hls.ops import Sizes
from tests.random_integer_graphs import norm_layer
from tests.randomized import chain, design

#: Shape, groups, and whether each pixel has sets of its own.
FORMS = [
    ((8, 8, 4), 4, False),
    ((4, 6, 8), 2, False),
    ((5, 3, 4), 1, False),
    ((3, 4, 8), 1, True),
    ((3, 4, 8), 4, True),
    ((64, 64, 2), 2, False),
    ((1, 1, 96), 1, False),
]


def exact(op: Norm | IntNorm, x: np.ndarray, epsilon: float) -> np.ndarray:
    """The normalization of ``x`` ``[N, H, W, C]`` in float64."""
    sets = by_sets(x.astype(np.float64), op.shape, op.groups, op.by_pixel)
    off = sets - sets.mean(axis=(2, 4), keepdims=True) * op.centred
    return (off / np.sqrt((off**2).mean(axis=(2, 4), keepdims=True) + epsilon)).reshape(x.shape)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FORMS), st.booleans(), st.integers(0, 1 << 32))
def test_integers_are_within_the_stated_error(form: tuple, centred: bool, seed: int) -> None:
    """Of the exact value: the root's part of it, and two steps that are cut and rounded; never beyond the bounds."""
    rng = np.random.default_rng(seed)
    shape, groups, by_pixel = form
    code = IntType(int(rng.choice([2, 5, 8, 8, 12])), signed=bool(rng.integers(2)))
    given_type = QuantType(code, 0.1, int(rng.integers(code.lo, code.hi + 1)))
    op = IntNorm(shape, groups, by_pixel, centred, int(rng.choice([1, 1000, 1 << 30])))
    op.verify((given_type,), shape[2])
    spread = rng.choice([0.01, 0.2, 2.0])
    values = rng.normal(given_type.zero_point, max(0.3, spread * (code.hi - code.lo)), (2, *shape))
    values[0, 0, 0, 0] = code.hi if rng.integers(2) else code.lo
    codes = np.clip(np.rint(values), code.lo, code.hi).astype(np.int64)
    acc_type = IntType.covering(*op.bounds((given_type,)))
    made = op.program((given_type,), acc_type)(codes)
    wanted = exact(op, codes - given_type.zero_point, op.epsilon / op.count**2) * 2.0**op.fraction
    assert (np.abs(made - wanted) <= MOST_ERROR * np.abs(wanted) + 2).all()
    low, high = op.bounds((given_type,))
    assert low <= made.min() and made.max() <= high
    assert acc_type.signed_bits <= 25


def test_one_outlier_among_many_is_the_greatest_value_and_fits() -> None:
    """A value can be sqrt(n - 1) deviations off: then all others are alike."""
    op, kind = IntNorm((64, 64, 1), 1, False, True, 1), QuantType(IntType(8, signed=False), 1.0)
    codes = np.zeros((1, 64, 64, 1), np.int64)
    codes[0, 5, 7, 0] = 255
    made = op.program((kind,), IntType(25, signed=True))(codes)
    assert made.max() * 2.0**-op.fraction == pytest.approx(np.sqrt(4095), rel=1e-4)
    assert made.max() <= op.bounds((kind,))[1]


def test_what_is_flat_becomes_zero() -> None:
    op, kind = IntNorm((4, 4, 2), 2, False, True, 1), QuantType(IntType(8, signed=True), 1.0)
    assert not op.program((kind,), IntType(25, signed=True))(np.full((1, 4, 4, 2), -77)).any()


@pytest.mark.parametrize(("shape", "groups", "by_pixel"), FORMS)
@pytest.mark.parametrize("centred", [True, False])
def test_float_and_its_integers(shape: tuple[int, int, int], groups: int, by_pixel: bool, centred: bool) -> None:
    rng = np.random.default_rng(3)
    kind = QuantType(IntType(8, signed=True), 2.0**-5)
    codes = np.clip(np.rint(rng.normal(4, 30, (3, *shape))), -128, 127).astype(np.int64)
    op = Norm(shape, groups, by_pixel, centred, 1e-3)
    x = kind.dequantize(codes).astype(np.float32)
    made = op.evaluate([x])
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, exact(op, x, 1e-3), rtol=1e-4, atol=1e-5)
    lowered, scale = op.lower([kind], shape, None)
    unit = (kind.scale / lowered.count) ** 2  # of the epsilon of integers
    assert abs(lowered.epsilon * unit - 1e-3) <= unit / 2
    acc = lowered.program([kind], IntType(25, signed=True))(codes)
    np.testing.assert_allclose(acc * scale, exact(op, x, lowered.epsilon * unit), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("shape", "groups", "by_pixel"), FORMS[:5])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("outside", [0.0, 0.05])
def test_the_gradient_is_that_of_small_steps(
    shape: tuple[int, int, int], groups: int, by_pixel: bool, centred: bool, outside: float
) -> None:
    rng = np.random.default_rng(5)
    op = Norm(shape, groups, by_pixel, centred, 0.1, outside)
    x, along, gradient = (rng.normal(size=(2, *shape)) for _ in range(3))
    step = 1e-3
    ends = [op.evaluate([(x + s * step * along).astype(np.float32)]).astype(np.float64) for s in (1, -1)]
    wanted = ((ends[0] - ends[1]) / (2 * step) * gradient).sum()
    (back,) = op.backward([x.astype(np.float32)], gradient.astype(np.float32))
    assert back.shape == x.shape and back.dtype == np.float32
    assert (back * along).sum() == pytest.approx(wanted, rel=2e-3, abs=2e-2)


def test_sums_beyond_62_bits_are_refused_with_a_way_out() -> None:
    op = Norm((512, 512, 1), 1, False, True, 1e-5)
    op.lower([QuantType(IntType(8, signed=True), 0.1)], op.shape, None)
    with pytest.raises(ConfigError, match=r"262144 elements of int16.*62 bits") as caught:
        op.lower([QuantType(IntType(16, signed=True), 0.1)], op.shape, None)
    assert "fewer bits" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="with epsilon"):
        op.lower([QuantType(IntType(8, signed=True), 1e-9)], op.shape, None)


@pytest.mark.parametrize(("shape", "groups", "by_pixel"), FORMS[:5])
@pytest.mark.parametrize("most", [False, True])
def test_a_map_follows_the_other_without_a_gap(
    shape: tuple[int, int, int], groups: int, by_pixel: bool, most: bool
) -> None:
    """The interval is the beats of a frame, although the buffer holds little more than one map."""
    rng = np.random.default_rng(1)
    kind = QuantType(IntType(8, signed=True), 1.0, 3)
    layer = norm_layer(rng, "l0", "z", shape, kind, groups=groups, by_pixel=by_pixel)
    lanes = [option.folding.lanes for option in options(layer, FoldingRequest())]
    folding = Folding(*[max(lanes) if most else min(lanes)] * 3)
    made = design(chain("norm", shape, kind, [layer]), [folding])
    beats = int(np.prod(shape)) // folding.lanes
    assert estimate(made).interval == beats
    (buffer, *others) = layer.op.cost(Sizes((kind,), layer.acc_type, shape, folding.lanes)).memories
    one_map = beats // (shape[0] * shape[1]) if by_pixel else beats
    assert buffer[0] == 8 * folding.lanes and one_map < buffer[1] <= max(64, one_map + 40)
    sets = folding.lanes if groups == shape[2] else 1
    assert [block for _, _, block in others].count("rom") == sets


def test_lanes_are_in_one_set_or_each_in_its_own() -> None:
    assert IntNorm((4, 4, 12), 12, False, True, 1).lane_channels((4, 4, 12)) == 12
    assert IntNorm((4, 4, 12), 3, False, True, 1).lane_channels((4, 4, 12)) == 4
    assert IntNorm((4, 4, 12), 1, True, False, 1).lane_channels((4, 4, 12)) == 12
