"""How deep the queue between MAC array and requantizer must be."""

from __future__ import annotations

import numpy as np

from gan2hls.numbers import Int64Array


def acc_queue_words(cycles: Int64Array, serial: int, latency: int) -> int:
    """Return the words of the queue, a power of two: it covers the MAC pipeline and evens out pixels with few taps.

    On top of what a vector's way keeps in flight come the vectors that arrive, at full pace, while the requantizer is
    busy with former ones or with output pixels without taps; more than 64 words are not worth their price.

    Args:
        cycles: clocks of each vector in the order in which the requantizer takes them; 0: it makes that one by itself.
        serial: clocks that a vector takes there.
        latency: clocks from the first step of a vector until its credit counts: ``12 + clog2(SIMD)``, two more with
            ``skip``, and as many more as the weights' decoder has.
    """
    arrival = np.cumsum(cycles)
    service = np.arange(1, arrival.size + 1, dtype=np.int64) * serial
    real = cycles.ravel() > 0
    departure = service + np.maximum.accumulate(arrival - service + serial)
    served = np.searchsorted(departure[real], arrival[real], side="right")
    backlog = int((np.arange(1, served.size + 1) - served).max())
    in_flight = -(-latency // int(cycles[cycles > 0].min()))
    wanted = min(in_flight + backlog, 64)
    return max(16, 1 << (wanted - 1).bit_length())
