"""The order of a process that is a pipelined loop: what it writes comes later than what it reads meanwhile."""

from __future__ import annotations

import numpy as np

from gan2hls.base import compiled_once
from gan2hls.numbers import Int32Array, Int64Array


def stalling(order: Int32Array, reads: int, latency: int, *, writes_first: bool = False) -> Int32Array:
    """Return the order of a pipelined loop that stands still as a whole where it cannot read or write.

    What an iteration writes then leaves once so many iterations behind it have read, or the loop has no more of them.

    Args:
        order: int32 ``[n, 2]`` as of ``Process``, of the loop: an iteration reads some FIFOs, each once at most, then
            it writes some; one that only writes does not follow one that only reads.
        reads: how many of its places it reads.
        latency: clocks, an iteration each, from what an iteration reads to what it writes.
        writes_first: whether an iteration writes first, and then it reads.
    """
    places, counts = np.ascontiguousarray(order.T)
    rank = -places if writes_first else places
    begins = np.diff(rank, prepend=rank[:1]) <= 0  # a word whose place is not behind that of the one before
    first = np.cumsum(begins + np.concatenate([[0], counts[:-1] - 1]))
    made = np.zeros((0, 2), np.int32)
    made = np.zeros((_merge(places, counts, first, reads, latency, made), 2), np.int32)
    _merge(places, counts, first, reads, latency, made)
    return made


@compiled_once
def _merge(
    places: Int32Array, counts: Int32Array, first: Int64Array, reads: int, latency: int, made: Int32Array
) -> int:
    """Merge what is read, and what is written ``latency`` iterations later, and return of how many runs that is.

    Args:
        places: ``[n]``, of runs of words; a run has a word in each of its iterations.
        counts: ``[n]``, words of each.
        first: ``[n]``, the first iteration of each.
        reads: places below that are read.
        latency: iterations.
        made: ``[runs, 2]``, written: places and counts, unless it has none.
    """
    runs, last, n = 0, -1, len(places)
    read, write, read_words, written = 0, 0, 0, 0
    while True:
        while read < n and places[read] >= reads:
            read += 1
        while write < n and places[write] < reads:
            write += 1
        if read == n and write == n:
            return runs
        ahead = 0  # iterations in which only reads are due, or, if negative, only writes
        if read < n and write < n:
            ahead = first[write] + written + latency - first[read] - read_words
        if write == n or (read < n and ahead >= 0):
            place, words = places[read], counts[read] - read_words
            words = words if write == n else min(words, ahead + 1)
            read_words += words
            if read_words == counts[read]:
                read, read_words = read + 1, 0
        else:
            place, words = places[write], counts[write] - written
            words = words if read == n else min(words, -ahead)
            written += words
            if written == counts[write]:
                write, written = write + 1, 0
        if place != last:
            last, runs = place, runs + 1
            if len(made) > 0:
                made[runs - 1, 0] = place
        if len(made) > 0:
            made[runs - 1, 1] += words
