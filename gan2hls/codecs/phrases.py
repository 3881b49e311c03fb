"""Runs of zeros in front of an entropy code: symbols become phrases, each of some zeros and the symbol behind them.

A symbol has a code of one bit at least, so an entropy code of symbols takes a bit a weight however many are zeros.  A
phrase is a symbol of the code's alphabet, and stands for up to a fixed number of weights.  Source: Golomb, "Run-length
encodings" (IEEE Transactions on Information Theory 1966), who cuts runs so; Han, Mao, Dally, "Deep Compression" (ICLR
2016), who store the zeros in front of each weight that pruning has left, and Huffman-code both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.numbers import Int64Array


@final
@dataclass(frozen=True)
class Phrases:
    """How symbols are cut into phrases.

    A phrase is fewer than ``most`` zeros and the symbol behind them, or ``most`` zeros where there are as many or more.
    Its number is that of the zeros in front of its symbol, times ``2 ** symbol_bits``, plus the symbol.

    Attributes:
        zero: the symbol that runs are of: that of a weight of 0, or whatever occurs most often.
        most: symbols of a phrase at most; 1: each symbol is a phrase, and its number.
        symbol_bits: bits of a symbol.
    """

    zero: int
    most: int
    symbol_bits: int

    @property
    def zero_bits(self) -> int:
        """Bits of the number of zeros in front of a symbol."""
        return (self.most - 1).bit_length()

    @property
    def bits(self) -> int:
        """Bits of the number of a phrase."""
        return self.zero_bits + self.symbol_bits

    @property
    def alphabet(self) -> int:
        """Numbers that a phrase may have."""
        return self.most << self.symbol_bits

    def parse(self, text: Int64Array) -> Int64Array:
        """Return the phrases of ``text``, symbols int64 ``[N]``.  No run goes beyond its end."""
        others = np.flatnonzero(text != self.zero)
        zeros = np.diff(others, prepend=-1) - 1
        whole, rest = np.divmod(zeros, self.most)
        ends = np.cumsum(whole + 1) - 1
        trailing = len(text) - 1 - int(others[-1]) if others.size else len(text)
        last_whole, last_rest = divmod(trailing, self.most)
        count = others.size + int(whole.sum()) + last_whole + (last_rest > 0)
        phrases = np.full(count, self._number(self.most), np.int64)
        phrases[ends] = rest << self.symbol_bits | text[others]
        if last_rest:
            phrases[-1] = self._number(last_rest)
        return phrases

    def expand(self, phrases: Int64Array) -> Int64Array:
        """Undo ``parse``."""
        ends = np.cumsum(self.spans(phrases)) - 1
        text = np.full(int(ends[-1]) + 1 if ends.size else 0, self.zero, np.int64)
        text[ends] = phrases & ((1 << self.symbol_bits) - 1)
        return text

    def spans(self, phrases: Int64Array) -> Int64Array:
        """Return how many symbols each of ``phrases`` stands for."""
        return (phrases >> self.symbol_bits) + 1

    def _number(self, zeros: int) -> int:
        """Return the number of a phrase of so many zeros, at least one, and nothing else."""
        return (zeros - 1) << self.symbol_bits | self.zero
