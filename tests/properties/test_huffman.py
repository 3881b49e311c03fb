"""Entropy codes: lossless, prefix-free, of limited length, and no longer than plain codes or than entropy allows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.codecs import LONGEST_CODE, huffman_code


@given(st.integers(1, 300), st.integers(1, 400), st.floats(0.02, 5.0), st.integers(0, 1 << 32))
def test_a_text_comes_back_in_no_more_bits_than_it_must(alphabet: int, length: int, evenness: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = rng.choice(alphabet, length, p=rng.dirichlet(np.full(alphabet, evenness)))
    counts = np.bincount(text, minlength=alphabet)
    code = huffman_code(counts)
    bits = code.encode(text)
    assert (code.decode(bits, length) == text).all()
    assert code.lengths.min() >= 1 and code.lengths.max() <= code.longest <= LONGEST_CODE
    shares = counts[counts > 0] / length
    least = length * -(shares * np.log2(shares)).sum()
    plain = length * max(1, int(np.count_nonzero(counts) - 1).bit_length())
    assert least - 1e-6 <= bits.size <= plain
    if len(code.symbols) > 1:
        assert sum(2.0**-code.lengths) == 1  # no prefix is left over
    for symbol, size, word in zip(code.symbols, code.lengths, code.codes, strict=True):
        prefix = int(word) << (code.longest - int(size))
        found = next(n for n, limit in enumerate(code.limits, 1) if prefix < limit)
        assert found == size and code.symbols[int(word) + code.bases[found - 1]] == symbol
