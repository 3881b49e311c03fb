"""The reciprocal square root of integers, by chords: what hardware has where it divides by a standard deviation.

    y = m * 4**k * 2**-17 with 2**17 <= m < 2**19, cut to an integer        a shift by an even number of bits
    r = (A[i] * 2**10 - B[i] * d) >> 13,  i = (m >> 10) - 128,  d = m % 1024
    1 / sqrt(y) = r * 2**-17 * 2**-k, within the part ``MOST_ERROR`` of it

A chord runs as far above the curve at its ends as below it in its middle, which for 128 chords an octave is 2**-18.4 of
it.  Source: Muller, Elementary Functions, 3rd ed., section 3.2 (polynomials of least greatest error), of degree 1.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from gan2hls.numbers.numerics import FloatArray, Int64Array

#: Bits of a root, whose greatest value is just below 1; fraction bits of a mantissa, in 1..4.
ROOT_BITS = 17
#: Bits of a mantissa that say where on its chord it lies, and fraction bits of the words of a chord.
ALONG_BITS, _WORD_FRACTION = 10, 3
#: Chords for mantissas from 1 to 4; bits of the two words of one.
CHORDS = 3 << (ROOT_BITS - ALONG_BITS)
START_BITS, DROP_BITS = ROOT_BITS + _WORD_FRACTION, 13
#: How far a root may be off, as a part of it.
MOST_ERROR = 2.0**-16
#: Widest integer of which there is a root: what an int64 of NumPy holds, with room.
MOST_BITS = 62


@cache
def chords() -> tuple[Int64Array, Int64Array]:
    """Return ``A``, 20 bits, and ``B``, 13 bits: start and drop of each chord in 2**-20, int64 ``[CHORDS]``."""
    width = 2.0 ** (ALONG_BITS - ROOT_BITS)
    x: FloatArray = 1 + width * np.arange(CHORDS + 1, dtype=np.float64) + 2.0 ** -(ROOT_BITS + 1)  # what is cut: half
    ends = 1 / np.sqrt(x)
    drop = ends[:-1] - ends[1:]
    lowest = (2 * drop / width) ** (-2 / 3)  # where the curve is as steep as the chord
    above = ends[:-1] - drop * (lowest - x[:-1]) / width - 1 / np.sqrt(lowest)
    start = (ends[:-1] - above / 2) * 2.0**START_BITS + 2.0 ** (_WORD_FRACTION - 1)  # and a half, which rounds
    made = np.floor(start + 0.5).astype(np.int64), np.floor(drop * 2.0**START_BITS + 0.5).astype(np.int64)
    for words, bits in zip(made, (START_BITS, DROP_BITS), strict=True):
        assert 0 <= words.min() <= words.max() < 1 << bits
        words.flags.writeable = False
    return made


def reciprocal_root(y: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return ``r`` and ``k`` with ``1 / sqrt(y) = r * 2**-(ROOT_BITS + k)``, for ``y`` of any shape.

    Args:
        y: int64, 1 to ``2**MOST_BITS - 1``.
    """
    k = _top_pair(y)
    m = np.where(2 * k > ROOT_BITS, y >> np.maximum(2 * k - ROOT_BITS, 0), y << np.maximum(ROOT_BITS - 2 * k, 0))
    start, drop = chords()
    at = (m >> ALONG_BITS) - (1 << (ROOT_BITS - ALONG_BITS))
    along = m & ((1 << ALONG_BITS) - 1)
    r = ((start[at] << ALONG_BITS) - drop[at] * along) >> (ALONG_BITS + _WORD_FRACTION)
    return r, k


def _top_pair(y: Int64Array) -> Int64Array:
    """Return the number of the highest pair of bits that is not 0: half the logarithm, rounded down."""
    found = np.zeros_like(y)
    for step in (16, 8, 4, 2, 1):
        found += step * (y >> 2 * (found + step) > 0)
    return found
