"""The cycle model's interpreter against the simulation of the same blocks clock by clock that tests hold it to."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gan2hls.ops import conv_axis
from gan2hls.timing import Network, Queue, Stream, network, simulate
from tests import clocked

_FRAMES, _LAYERS, _CHANNELS, _PE, _SIMD = 4, 3, 32, 8, 8
_SMALL, _LARGE = 8, 128
_RUNS = 5


def measure() -> dict[str, Any]:
    """Return beats/s of both on three convolutions 3 x 3 of 32 channels, small maps and large ones, and their ratio.

    The first call compiles, or loads what a former process compiled.
    """
    small, large = convolutions(_SMALL), convolutions(_LARGE)
    first = _seconds(lambda: simulate(small), 1)
    slow = beats(small) / _seconds(lambda: clocked.run(small), 1)
    same, fast = (beats(net) / _seconds(lambda net=net: simulate(net), _RUNS) for net in (small, large))
    return {
        "first_call_seconds": first,
        "clock_by_clock_beats_per_second": slow,
        "beats_per_second": {f"{_SMALL} x {_SMALL}": same, f"{_LARGE} x {_LARGE}": fast},
        "ratio": {f"{_SMALL} x {_SMALL}": same / slow, f"{_LARGE} x {_LARGE}": fast / slow},
        "beats": beats(large),
    }


def convolutions(size: int) -> Network:
    """Return the blocks of a chain of convolutions on maps of ``size * size``."""
    axis, pixels = conv_axis(size, 3, 1, 1, (1, 1)), size * size * _FRAMES
    taps = np.array([len(pairs) for pairs in axis.taps], np.int64)
    cycles = np.repeat((np.outer(taps, taps) * (_CHANNELS // _SIMD))[:, :, None], _CHANNELS // _PE, axis=2)
    stream = Stream("input", pixels * _CHANNELS // _SIMD)
    blocks = [network.source(stream, _FRAMES)]
    for n in range(_LAYERS):
        rows = Queue(f"{n}.rows", size * _FRAMES, 4, early=size)
        vectors = Queue(f"{n}.vectors", cycles.size * _FRAMES, 16)
        acc, codes = (Stream(f"{n}.{name}", pixels * _CHANNELS) for name in ("acc", "codes"))
        blocks += [
            network.loader(stream, rows, 5),
            network.sequencer(
                rows, vectors, in_rows=size, need=axis.need, released=axis.released, vector_cycles=cycles, to_push=12
            ),
            network.fifo(vectors, acc),
            network.requant(
                acc, codes, latency=7, queue_words=16, pixels=np.ones(size * size, np.int64), groups=_CHANNELS
            ),
        ]
        stream = codes
        if n < _LAYERS - 1:
            stream = Stream(f"{n}.joined", pixels * _CHANNELS // _SIMD)
            blocks.append(network.up(codes, stream, _SIMD))
    return Network((*blocks, network.sink(stream, _FRAMES)))


def beats(net: Network) -> int:
    """Return the beats of all streams of ``net``."""
    return sum(edge.beats for edge in net.edges if isinstance(edge, Stream))


def _seconds(call: Callable[[], object], runs: int) -> float:
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
