"""Canonical Huffman codes over the codes of a layer's weights, for a decoder of a symbol a clock.

Lengths are limited, so that the decoder's compare and shift stay short, by the package-merge algorithm, which finds the
best lengths within a limit.  Sources: Larmore and Hirschberg, "A fast algorithm for optimal length-limited Huffman
codes" (JACM 1990); Han, Mao, Dally, "Deep Compression" (ICLR 2016), which codes the indices of pruned codebooks so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numbers import Int64Array

#: Longest code of alphabets up to 16 symbols, and of larger ones.
_LONGEST_OF_FEW, LONGEST_CODE = 8, 12
_FEW = 16


@final
@dataclass(frozen=True, eq=False)
class HuffmanCode:
    """A canonical prefix code.

    Attributes:
        symbols: int64 ``[N]``, ordered by length of code, then by value.
        lengths: int64 ``[N]``, bits of each one's code, ascending.
        longest: bits of the longest code that the decoder knows; at least ``lengths[-1]``.
    """

    symbols: Int64Array
    lengths: Int64Array
    longest: int

    @cached_property
    def codes(self) -> Int64Array:
        """The code of each symbol, its first bit most significant, int64 ``[N]``."""
        codes = np.zeros(len(self.symbols), np.int64)
        for n in range(1, len(codes)):
            codes[n] = (codes[n - 1] + 1) << int(self.lengths[n] - self.lengths[n - 1])
        return codes

    @property
    def limits(self) -> tuple[int, ...]:
        """Per length from 1 to ``longest``, the first prefix of ``longest`` bits beyond all codes up to that length."""
        found, last = [], 0
        for length in range(1, self.longest + 1):
            own = self.codes[self.lengths == length]
            if own.size:
                last = (int(own[-1]) + 1) << (self.longest - length)
            found.append(last)
        return tuple(found)

    @property
    def bases(self) -> tuple[int, ...]:
        """Per length from 1 to ``longest``, what is added to a code of that length to get its place in ``symbols``."""
        found = []
        for length in range(1, self.longest + 1):
            own = np.flatnonzero(self.lengths == length)
            found.append(int(own[0] - self.codes[own[0]]) if own.size else 0)
        return tuple(found)

    def encode(self, text: Int64Array) -> npt.NDArray[np.uint8]:
        """Return the code of ``text`` as bits, uint8 of 0 and 1, the first bit of each symbol first."""
        places = self._places(text)
        lengths, codes = self.lengths[places], self.codes[places]
        ends = np.cumsum(lengths)
        of_bit = np.repeat(np.arange(len(text)), lengths)
        left = ends[of_bit] - 1 - np.arange(int(ends[-1]) if len(ends) else 0)
        return ((codes[of_bit] >> left) & 1).astype(np.uint8)

    def lengths_of(self, text: Int64Array) -> Int64Array:
        """Return the bits of the code of each symbol of ``text``."""
        return self.lengths[self._places(text)]

    def _places(self, text: Int64Array) -> Int64Array:
        place = np.zeros(int(self.symbols.max()) + 1, np.int64)
        place[self.symbols] = np.arange(len(self.symbols))
        return place[text]

    def decode(self, bits: npt.NDArray[np.uint8], count: int) -> Int64Array:
        """Undo ``encode`` of ``count`` symbols, bit by bit."""
        known = dict(
            zip(zip(self.lengths.tolist(), self.codes.tolist(), strict=True), self.symbols.tolist(), strict=True)
        )
        found, at = [], 0
        for _ in range(count):
            code, length = 0, 0
            while (length, code) not in known:
                code, length, at = code << 1 | int(bits[at]), length + 1, at + 1
            found.append(known[length, code])
        return np.array(found, np.int64)


def huffman_code(counts: Int64Array) -> HuffmanCode:
    """Return the best code for a text in which symbol ``s`` occurs ``counts[s]`` times, of limited length."""
    symbols = np.flatnonzero(counts)
    longest = _LONGEST_OF_FEW if len(counts) <= _FEW else LONGEST_CODE
    assert symbols.size <= 1 << longest, "more symbols than codes"
    lengths = _package_merge(counts[symbols].tolist(), longest)
    order = np.lexsort((symbols, np.array(lengths)))
    return HuffmanCode(symbols[order], np.array(lengths, np.int64)[order], longest)


def _package_merge(counts: list[int], longest: int) -> list[int]:
    """Return the lengths of codes that make the sum of ``counts`` times lengths least, none beyond ``longest``."""
    if len(counts) == 1:
        return [1]
    leaves: list[tuple[int, tuple[int, ...]]] = sorted((count, (n,)) for n, count in enumerate(counts))
    row = leaves
    for _ in range(longest - 1):
        packages = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(row[::2], row[1::2], strict=False)]
        row = sorted([*leaves, *packages], key=lambda item: item[0])
    lengths = [0] * len(counts)
    for _, members in row[: 2 * len(counts) - 2]:
        for n in members:
            lengths[n] += 1
    return lengths
