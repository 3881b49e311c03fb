"""Runs of zeros in front of an entropy code: lossless, and no longer than symbols alone or words of a fixed width."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.codecs import HuffmanCode, Phrases, huffman_code
from gan2hls.numbers import Int64Array


def decoded(bits: Iterator[int], code: HuffmanCode, count: int) -> Iterator[int]:
    """The phrases of a canonical code, from how many there are of each length, as it is read by hand."""
    for _ in range(count):
        word = first = place = 0
        for length in range(1, code.longest + 1):
            word, own = word << 1 | next(bits), int(np.count_nonzero(code.lengths == length))
            if word - first < own:
                yield int(code.symbols[place + word - first])
                break
            place, first = place + own, (first + own) << 1
        else:
            raise AssertionError("no code")


def spelled_out(phrases: Iterator[int], symbol_bits: int, zero: int) -> Iterator[int]:
    for phrase in phrases:
        zeros, symbol = divmod(phrase, 1 << symbol_bits)
        yield from [zero] * zeros
        yield symbol


@st.composite
def texts(draw: st.DrawFn) -> tuple[Int64Array, int]:
    """Symbols of so many bits, a part of 0 to 0.99 of them zeros, which are any symbol."""
    bits, length = draw(st.integers(1, 8)), draw(st.integers(1, 600))
    sparsity, seed = draw(st.sampled_from([0.0, 0.3, 0.5, 0.8, 0.9, 0.99, 1.0])), draw(st.integers(0, 1 << 32))
    rng = np.random.default_rng(seed)
    text = rng.integers(0, 1 << bits, length)
    text[rng.random(length) < sparsity] = rng.integers(0, 1 << bits)
    return text, bits


@given(texts(), st.integers(1, 40), st.integers(0, 255))
def test_symbols_come_back(given: tuple[Int64Array, int], most: int, zero: int) -> None:
    text, bits = given
    phrases = Phrases(zero % (1 << bits), most, bits)
    parsed = phrases.parse(text)
    assert (phrases.expand(parsed) == text).all()
    assert parsed.size <= text.size and parsed.min() >= 0 and parsed.max() < phrases.alphabet <= 1 << phrases.bits
    assert most > 1 or (parsed == text).all()
    code = huffman_code(np.bincount(parsed, minlength=phrases.alphabet))
    coded = code.encode(parsed)
    words = decoded(iter(coded.tolist()), code, parsed.size)
    assert list(spelled_out(words, bits, phrases.zero)) == text.tolist()
    assert coded.size <= parsed.size * max(1, (len(code.symbols) - 1).bit_length())  # words of a fixed width


@given(st.integers(1, 5000), st.integers(2, 40))
def test_zeros_alone_take_a_phrase_for_as_many_as_one_holds(length: int, most: int) -> None:
    """And a last one of what is left."""
    assert Phrases(3, most, 4).parse(np.full(length, 3)).size == -(-length // most)
