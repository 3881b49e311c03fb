"""Weights that stay in external memory: which part of a layer shares one pass over them, and how they stand there.

A pass goes over a **band** of output rows.  Within it the output folds follow one another, and the weights of a fold, a
**tile**, are read once, used by every pixel of the band, and forgotten.  So an engine holds two tiles instead of all
weights, and the codes of two bands, or of one where block RAM is short, which leave pixel by pixel.  The MACs are those
of any other engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import final

import numpy as np

from gan2hls.codecs import Encoded, WordArray
from gan2hls.ops import AxisTaps, LinearGeometry

#: Beats of the queue behind that memory.
REORDER_OUT_WORDS = 8
#: Heights of bands that are compared.
_MOST_HEIGHTS = 6


@final
@dataclass(frozen=True)
class OffChip:
    """How the weights of an engine come from external memory.

    Attributes:
        band_rows: output rows with taps that share one pass over the weights; divides their number.
        bus_bits: width of the memory port.
        decoders: of a Huffman code over the codes of the weights, each of which reads a stream of its own; 0: codes
            stand in memory as they are.
        phrase_symbols: symbols that a code of theirs stands for at most, a run of zeros and what is behind it; 1: each
            symbol has a code of its own.
        banks: bands that codes are kept of: 2, one that is computed while the one before leaves, or 1, which leaves
            before the next one is computed.
    """

    band_rows: int
    bus_bits: int
    decoders: int = 0
    phrase_symbols: int = 1
    banks: int = 2


@final
@dataclass(frozen=True)
class Bands:
    """The bands of a layer's output rows.

    Attributes:
        y: taps along the rows.
        rows: output rows with taps in a band.
    """

    y: AxisTaps
    rows: int

    def __post_init__(self) -> None:
        assert len(self.y.outputs) % self.rows == 0, "bands of unequal height"

    @property
    def starts(self) -> range:
        """Of each band, the number of its first row among those with taps."""
        return range(0, len(self.y.outputs), self.rows)

    @property
    def count(self) -> int:
        """Bands of a frame."""
        return len(self.starts)

    @cached_property
    def need(self) -> tuple[int, ...]:
        """Input rows of its frame that must be in before a band can start."""
        return tuple(self.y.need[start + self.rows - 1] for start in self.starts)

    @cached_property
    def base(self) -> tuple[int, ...]:
        """Input rows that are no longer used when a band starts."""
        return tuple(self.y.base[start] for start in self.starts)

    @cached_property
    def released(self) -> tuple[int, ...]:
        """Input rows that are free once a band is done."""
        return tuple(after - before for before, after in pairwise((*self.base, self.y.in_size)))

    @cached_property
    def row_taps(self) -> tuple[int, ...]:
        """Taps along the rows of each band, all its rows together."""
        counts = [len(self.y.taps[o]) for o in self.y.outputs]
        return tuple(sum(counts[start : start + self.rows]) for start in self.starts)

    @property
    def buffer_rows(self) -> int:
        """Least input rows with which the next band can load while one is computed."""
        following = (*self.need[1:], self.y.in_size + self.need[0])
        rows = max(after - before for after, before in zip(following, self.base, strict=True))
        window = max(need - base for need, base in zip(self.need, self.base, strict=True))
        return min(max(rows, window), 2 * self.y.in_size)

    @property
    def frame_rows(self) -> int:
        """Least input rows with which the next band of the same frame can load while one is computed."""
        rows = (after - before for after, before in zip(self.need[1:], self.base, strict=False))
        return max((self.window, *rows))

    def late_rows(self, rows: int) -> int:
        """Return how many of the first band's rows have no place in ``rows`` until the frame before it is done."""
        return max(0, self.y.in_size - self.base[-1] + self.need[0] - rows)

    def waiting_rows(self, rows: int) -> int:
        """Return how many rows of a frame have no place in ``rows`` until the band before that of theirs is done."""
        pairs = zip(self.need[1:], self.base, strict=False)
        return sum(max(0, need - base - rows) for need, base in pairs)

    @property
    def window(self) -> int:
        """Greatest number of input rows alive at once."""
        return max(need - base for need, base in zip(self.need, self.base, strict=True))


@final
@dataclass(frozen=True)
class Tiles:
    """The tiles of a pass.

    Attributes:
        sizes: words of each one; where empty blocks are skipped they differ, and may be 0.
    """

    sizes: tuple[int, ...]

    def filled(self, beat_words: int) -> Tiles:
        """Return them with what fills the last beat, of ``beat_words`` each, in the last one; nothing reads that."""
        return Tiles((*self.sizes[:-1], self.sizes[-1] + -self.words % beat_words))

    @property
    def words(self) -> int:
        """Words of a pass."""
        return sum(self.sizes)

    @property
    def ends(self) -> tuple[int, ...]:
        """Words of a pass that are there when each one is complete."""
        return tuple(accumulate(self.sizes))

    @cached_property
    def held(self) -> int:
        """Words of the memory that holds each tile and the next one, that of the next pass behind the last."""
        return max(
            tile + following for tile, following in zip(self.sizes, (*self.sizes[1:], self.sizes[0]), strict=True)
        )


def legal_band_rows(geometry: LinearGeometry) -> tuple[int, ...]:
    """Return the heights of bands to choose from: the divisors of the number of output rows with taps."""
    rows = len(geometry.y.outputs)
    return tuple(height for height in range(1, rows + 1) if rows % height == 0)


def band_rows_choices(geometry: LinearGeometry, least_bands: int) -> tuple[int, ...]:
    """Return some legal heights with which a frame has ``least_bands`` or more: the least ones, and the greatest.

    Where a row is one pixel they are of all sizes, for weights are read again for each band.
    """
    most = len(geometry.y.outputs) // least_bands
    heights = [height for height in legal_band_rows(geometry) if height <= most]
    last = len(heights) - 1
    if last < _MOST_HEIGHTS:
        return tuple(heights)
    if geometry.x.out_size == 1:
        return tuple(heights[last * n // (_MOST_HEIGHTS - 1)] for n in range(_MOST_HEIGHTS))
    return (*heights[: _MOST_HEIGHTS - 1], heights[last])


def pass_words(encoded: Encoded, turns: int = 1) -> WordArray:
    """Return the words that one pass reads, in their order: fold by fold; uint64 ``[N, limbs]``.

    Where layers take turns, their taps stand behind one another in ``encoded``, and their passes do here.
    """
    taps, co, ci = encoded.shape
    memory = encoded.memories[0]
    if encoded.kept is not None:
        assert (np.diff(encoded.co_fold) >= 0).all(), "blocks that are kept stand fold by fold"
        return memory.words
    order = np.arange(memory.depth).reshape(turns, taps // turns, co // encoded.pe, ci // encoded.simd)
    return memory.words[order.transpose(0, 2, 1, 3).ravel()]


def plain_stream(words: WordArray, word_bits: int) -> bytes:
    """Return ``words`` as one pass reads them, of ``word_bits`` each, least byte first."""
    limbs = words.astype("<u8").view(np.uint8).reshape(len(words), -1)
    if word_bits % 8:  # several words in a byte
        bits = np.unpackbits(limbs, axis=1, bitorder="little")[:, :word_bits]
        return np.packbits(bits.ravel(), bitorder="little").tobytes()
    sized = np.zeros((len(words), word_bits // 8), np.uint8)
    shared = min(sized.shape[1], limbs.shape[1])
    sized[:, :shared] = limbs[:, :shared]  # what is cut is 0
    return sized.tobytes()
