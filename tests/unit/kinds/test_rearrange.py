"""Maps in another order: how places are found, lanes, and what it is in float."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gan2hls.kinds import Rearrange, rearrangement
from gan2hls.kinds.int_rearrange import IntRearrange
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import Shape

GIVEN = QuantType(IntType(8, signed=True), 0.5)


def image_of(shape: Shape, perm: tuple[int, ...]) -> np.ndarray:
    """The axes of a map exchanged."""
    return np.arange(np.prod(shape)).reshape(shape).transpose(perm)


@pytest.mark.parametrize("perm", list(itertools.permutations(range(3))))
def test_axes_that_are_exchanged(perm: tuple[int, ...]) -> None:
    shape = (3, 4, 8)
    image = image_of(shape, perm)
    op = rearrangement(image, shape)
    assert op is not None and (op.in_shape, op.shape) == (shape, image.shape)
    assert np.array_equal(op.index, image)
    assert op.lane_channels(op.shape) == (8 if perm[2] == 2 else 1)
    assert [len(axis) for axis in (op.rows, op.columns, op.channels)] == list(image.shape)


@pytest.mark.parametrize("seed", range(40))
def test_rows_columns_and_channels_in_any_order_with_zeros(seed: int) -> None:
    """Places of each axis taken at random, some twice, some as zeros, and axes exchanged."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, 3).tolist())
    places = [rng.integers(-1, size, int(rng.integers(1, 8))) for size in shape]
    for taken in places:
        taken[0] = max(0, taken[0])
    taken = np.arange(np.prod(shape)).reshape(shape)[np.ix_(*places)]
    live = np.logical_and.outer(np.logical_and.outer(places[0] >= 0, places[1] >= 0), places[2] >= 0)
    image = np.where(live, taken, -1).transpose(rng.permutation(3))
    op = rearrangement(image, shape)
    assert op is not None and np.array_equal(op.index, image)
    op.verify([GIVEN], image.shape[2])


def test_halves_of_the_channels_that_are_shifted_apart() -> None:
    """Rows and channels do not add up; elements one by one do, in a table."""
    shape = (4, 4, 4)
    whole = np.arange(64).reshape(shape)
    image = np.full(shape, -1)
    image[1:, :, :2], image[:-1, :, 2:] = whole[:-1, :, :2], whole[1:, :, 2:]
    op = rearrangement(image, shape)
    assert op is not None and np.array_equal(op.index, image)
    assert op.lane_channels(op.shape) == 2


def test_what_adds_up_of_nothing_small_is_refused() -> None:
    rng = np.random.default_rng(1)
    assert rearrangement(rng.permutation(1 << 14).reshape(16, 16, 64), (16, 16, 64)) is not None
    assert rearrangement(rng.permutation(1 << 15).reshape(16, 32, 64), (16, 32, 64)) is None
    assert rearrangement(np.full((2, 2, 2), -1), (2, 2, 2)) is None


@pytest.mark.parametrize(
    ("image", "lanes"),
    [
        (image_of((4, 4, 8), (1, 0, 2))[:, :, [4, 5, 6, 7, 0, 1, 2, 3]], 4),
        (image_of((4, 4, 8), (1, 0, 2))[:, :, [2, 3, 0, 1, 6, 7, 4, 5]], 2),
        (image_of((4, 4, 8), (1, 0, 2))[:, :, 1:7], 1),
        (image_of((4, 4, 8), (1, 0, 2))[:, :, ::-1], 1),
        (np.where(np.arange(8) < 4, image_of((4, 4, 8), (1, 0, 2)), -1), 4),
        (np.where(np.arange(8) < 6, image_of((4, 4, 8), (1, 0, 2)), -1), 2),
    ],
)
def test_lanes_are_channels_that_stand_side_by_side(image: np.ndarray, lanes: int) -> None:
    op = rearrangement(image, (4, 4, 8))
    assert op is not None and op.lane_channels(op.shape) == lanes


def test_gradients_are_those_of_what_is_made_of_an_element() -> None:
    rng = np.random.default_rng(2)
    image = np.array([[[0, 2], [2, -1]], [[5, 0], [0, 3]]])
    op = rearrangement(image, (1, 2, 3))
    assert op is not None
    made, x = Rearrange(op), rng.normal(size=(2, 1, 2, 3)).astype(np.float32)
    found = made.evaluate([x])
    gradient = rng.normal(size=found.shape).astype(np.float32)
    (at_input,) = made.backward([x], gradient)
    for n, element in itertools.product(range(2), range(6)):
        assert at_input[n].ravel()[element] == pytest.approx(gradient[n][image == element].sum(), abs=1e-6)
        assert (found[n][image == element] == x[n].ravel()[element]).all()
    assert (found[:, image < 0] == 0).all()


@pytest.mark.parametrize(
    "op",
    [
        IntRearrange((2, 2, 2), (2, 2, 2), (0, 4), (0, 2), (0, 2)),
        IntRearrange((2, 2, 2), (2, 2, 2), (0, 4), (0, 2), (0, -2)),
        IntRearrange((2, 2, 2), (2, 2, 2), (0, 4), (0, 2), (0, 1, 1)),
        IntRearrange((2, 2, 2), (2, 2, 4), (0, 4), (0, 2), (0, 1)),
    ],
)
def test_places_that_are_none_are_refused(op: IntRearrange) -> None:
    with pytest.raises(AssertionError):
        op.verify([GIVEN], 2)
