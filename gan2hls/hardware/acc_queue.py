"""How deep the queue between MAC array and requantizer must be, and what one that is not holds up."""

from __future__ import annotations

import numpy as np

from gan2hls.base import compiled_once
from gan2hls.numbers import Int64Array

#: More words are not worth their price.
_MOST_WORDS = 64
#: Clocks of the latency that a credit takes back.
_BACK = 3
#: Frames until the queue is as full between two of them as it will always be.
_STEADY = 3


def acc_queue_words(cycles: Int64Array, serial: int, latency: int) -> int:
    """Return the words of the queue, a power of two: it covers the MAC pipeline and evens out pixels with few taps.

    On top of what a vector's way keeps in flight come the vectors that arrive, at full pace, while the requantizer is
    busy with former ones or with output pixels without taps, be they the last ones of the frame before.

    Args:
        cycles: clocks of each vector of a frame in the order in which the requantizer takes them; 0: it makes that one
            by itself.
        serial: clocks that a vector takes there.
        latency: clocks from the first step of a vector until its credit counts: ``12 + clog2(SIMD)``, two more with
            ``skip``, and as many more as the weights' decoder has.
    """
    ordered = cycles.ravel()
    if not ordered.all():
        ordered = np.tile(ordered, 2)
    arrival = np.cumsum(ordered)
    service = np.arange(1, arrival.size + 1, dtype=np.int64) * serial
    real = ordered > 0
    departure = service + np.maximum.accumulate(arrival - service + serial)
    served = np.searchsorted(departure[real], arrival[real], side="right")
    backlog = int((np.arange(1, served.size + 1) - served).max())
    in_flight = -(-latency // int(ordered[real].min()))
    wanted = min(in_flight + backlog, _MOST_WORDS)
    return max(16, 1 << (wanted - 1).bit_length())


def queued_frame_cycles(cycles: Int64Array, serial: int, latency: int) -> int:
    """Return the clocks between two frames of a MAC array that waits for room in the queue.

    Arguments are those of ``acc_queue_words``.
    """
    words = acc_queue_words(cycles, serial, latency)
    return int(_frame_cycles(np.tile(cycles.ravel(), _STEADY), cycles.size, serial, latency, words))


@compiled_once
def _frame_cycles(cycles: Int64Array, frame: int, serial: int, latency: int, words: int) -> int:
    """Return the clocks from the last but one to the last vector of frames of ``frame`` vectors each."""
    gone = np.zeros(words, np.int64)  # when the latest vectors have left the queue
    free, left, before, count = 0, 0, 0, 0  # the array, the requantizer; when the last frame begins; vectors
    for n in range(cycles.size):
        if n == cycles.size - frame:
            before = left
        if cycles[n] > 0:
            start = max(free, gone[count % words])
            free = start + cycles[n]
            left = max(left, free + latency - _BACK)
            gone[count % words] = left + 1
            count += 1
        left += serial
    return left - before
