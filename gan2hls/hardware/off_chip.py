"""Weights that stay in external memory: which part of a layer shares one pass over them, and how they stand there.

A pass goes over a **band** of output rows.  Within it the output folds follow one another, and the weights of a fold, a
**tile**, are read once, used by every pixel of the band, and forgotten.  So an engine holds two tiles instead of all
weights, and the accumulators of two bands, which leave pixel by pixel.  The MACs are those of any other engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.codecs import Encoded
from gan2hls.ops import AxisTaps, LinearGeometry

#: Bands that accumulators are kept of: one that is computed while the one before leaves.
BANKS = 2
#: Accumulator vectors of the queue behind that memory.
REORDER_OUT_WORDS = 8


@final
@dataclass(frozen=True)
class OffChip:
    """How the weights of an engine come from external memory.

    Attributes:
        band_rows: output rows with taps that share one pass over the weights; divides their number.
        bus_bits: width of the memory port.
    """

    band_rows: int
    bus_bits: int


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
    def window(self) -> int:
        """Greatest number of input rows alive at once."""
        return max(need - base for need, base in zip(self.need, self.base, strict=True))


def legal_band_rows(geometry: LinearGeometry) -> tuple[int, ...]:
    """Return the heights of bands to choose from: the divisors of the number of output rows with taps."""
    rows = len(geometry.y.outputs)
    return tuple(height for height in range(1, rows + 1) if rows % height == 0)


def bus_word_bits(width_bits: int, words: int, bus_bits: int) -> int:
    """Return the bits that a word of weights takes in memory, so that a pass of ``words`` fills whole beats of the bus.

    A wide word takes whole beats; of narrow ones a power of two stand in a beat, as many as divide the words.
    """
    if width_bits > bus_bits:
        return -(-width_bits // bus_bits) * bus_bits
    share = 1
    while width_bits * 2 * share <= bus_bits and words % (2 * share) == 0:
        share *= 2
    return bus_bits // share


def pass_image(encoded: Encoded, word_bits: int) -> bytes:
    """Return what one pass reads: the words of all folds, fold by fold, each ``word_bits`` long, least byte first."""
    taps, co, ci = encoded.shape
    folds, ci_folds = co // encoded.pe, ci // encoded.simd
    assert encoded.kept is None, "blocks are not skipped off chip"
    memory = encoded.memories[0]
    order = np.arange(memory.depth).reshape(taps, folds, ci_folds).transpose(1, 0, 2).ravel()
    limbs = memory.words[order].astype("<u8").view(np.uint8).reshape(memory.depth, -1)
    if word_bits % 8:  # several words in a byte
        bits = np.unpackbits(limbs, axis=1, bitorder="little")[:, :word_bits]
        return np.packbits(bits.ravel(), bitorder="little").tobytes()
    return _resized(limbs, word_bits // 8).tobytes()


def _resized(rows: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Return rows of ``size`` bytes, cut (of zeros) or filled with zeros."""
    made = np.zeros((len(rows), size), np.uint8)
    shared = min(size, rows.shape[1])
    made[:, :shared] = rows[:, :shared]
    return made
