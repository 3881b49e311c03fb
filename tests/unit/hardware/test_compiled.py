"""What is compiled in the search for a design, against the same in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.hardware import requant_resources, search
from tests.randomized import Rng

FULL, EASE = 1 + 1e-12, 1e-3


def climbed(share: np.ndarray, keeps: np.ndarray, at: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where changes of single options lead, all layers and options of a step at once."""
    layers = np.arange(at.size)
    for _ in range(3 * at.size):
        if used.max() <= FULL:
            break
        after = used - share[layers, at][:, None] + share
        cost = np.where(keeps, np.maximum(after - 1, 0).sum(axis=2) + EASE * after.sum(axis=2), np.inf)
        layer, option = np.unravel_index(cost.argmin(), cost.shape)
        if cost[layer, option] >= np.maximum(used - 1, 0).sum() + EASE * used.sum() - 1e-9:
            break
        at[layer], used = option, after[layer, option]
    return at, used


@pytest.mark.parametrize("seed", range(40))
def test_options_are_changed_one_by_one(seed: int) -> None:
    rng: Rng = np.random.default_rng(seed)
    layers, options, resources = int(rng.integers(1, 20)), int(rng.integers(1, 30)), int(rng.integers(6, 8))
    share = rng.integers(0, 40, (layers, options, resources)) / rng.integers(50, 200, resources)
    share *= rng.choice([4, 8, 16]) / layers  # little, or too much however it is chosen
    keeps = rng.random((layers, options)) < 0.7
    keeps[:, 0] = True
    at = np.array([rng.choice(np.flatnonzero(row)) for row in keeps])
    used = share[np.arange(layers), at].sum(axis=0)
    wanted = climbed(share, keeps, at.copy(), used.copy())
    search._climb(share, keeps, at, used, 3 * layers, FULL, EASE)
    np.testing.assert_array_equal(at, wanted[0])
    np.testing.assert_allclose(used, wanted[1], rtol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_rows_that_none_before_them_is_as_small_as_are_minimal(seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 4, (60, 4))
    minimal = np.ones(60, np.bool_)
    search._find_minimal(rows, minimal)
    wanted = [not (rows[:n] <= row).all(axis=1).any() for n, row in enumerate(rows)]
    assert minimal.tolist() == wanted


@pytest.mark.parametrize("words", [2, 3, 31, 63, 64])
def test_bits_that_vary_are_those_of_different_functions_of_a_word(words: int) -> None:
    rng: Rng = np.random.default_rng(words)
    for bits in (1, 5, 33):
        values = rng.integers(-(1 << bits - 1), 1 << bits - 1, (2, words, 3))
        values[1, :, 2] = values[0, :, 1]  # copies
        values[:, :, 0] |= 1  # a constant bit
        columns = {
            tuple(int(value) >> bit & 1 for value in values[n, :, lane])
            for n in range(2)
            for lane in range(3)
            for bit in range(bits)
        }
        wanted = columns - {(0,) * words, (1,) * words}
        assert requant_resources._varying_bits(values, bits) == len(wanted)
