"""The reciprocal square root by chords: how far off it is, and what its words are."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.numbers import CHORDS, DROP_BITS, MOST_BITS, MOST_ERROR, ROOT_BITS, START_BITS, chords, reciprocal_root


@pytest.mark.parametrize("below", [0, 43, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 7, 20))])
def test_every_mantissa_is_within_the_stated_error(below: int) -> None:
    """With nothing cut off, and with all that may be cut off."""
    m = np.arange(1 << ROOT_BITS, 4 << ROOT_BITS, dtype=np.int64)
    for y in (m << below, (m << below) + (1 << below) - 1):
        root, k = reciprocal_root(y)
        exact = 1 / np.sqrt(y.astype(np.longdouble))
        error = np.abs(root * np.longdouble(2.0) ** -(ROOT_BITS + k) / exact - 1)
        assert error.max() < MOST_ERROR
        assert 1 << (ROOT_BITS - 1) <= root.min() <= root.max() < 1 << ROOT_BITS


def test_small_numbers_are_within_it_too() -> None:
    y = np.arange(1, 1 << ROOT_BITS)
    root, k = reciprocal_root(y)
    assert np.abs(root * 2.0 ** -(ROOT_BITS + k) * np.sqrt(y) - 1).max() < MOST_ERROR
    assert (k == [(int(n).bit_length() - 1) // 2 for n in y]).all()


@given(st.integers(1, (1 << MOST_BITS) - 1))
def test_plain_integers_make_the_same(y: int) -> None:
    """The steps of the definition, in Python's integers; its error against an integer root."""
    k = (y.bit_length() - 1) // 2
    m = (y << 2 * ROOT_BITS) >> (2 * k + ROOT_BITS)
    chord, along = divmod(m, 1024)
    start, drop = (int(words[chord - 128]) for words in chords())
    root, shift = (int(part) for part in reciprocal_root(np.array(y)))
    assert (root, shift) == ((start * 1024 - drop * along) >> 13, k)
    exact = isqrt((1 << (2 * (ROOT_BITS + k) + 40)) // y)  # of 2**20 times as many steps
    assert abs((root << 20) - exact) <= exact >> 16


def test_words_fit_a_block_ram() -> None:
    start, drop = chords()
    assert start.shape == drop.shape == (CHORDS,)
    assert START_BITS + DROP_BITS <= 36 and CHORDS <= 512
