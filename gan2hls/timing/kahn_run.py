"""The compiled run of a process network: every process goes on as far as it can, then those that waited for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

from gan2hls.numbers import Int64Array


class Arrays(NamedTuple):
    """A network in arrays, int64 unless said otherwise.

    Attributes:
        orders: ``[n, 2]``, what all processes do, one process after the other: the place of a FIFO, and words.
        starts: ``[processes + 1]``, where a process starts in ``orders``.
        fifo: ``[processes, places]``, the number of the FIFO at each place of a process.
        reads: ``[processes]``, how many of its places it reads; it writes the others.
        depth: ``[FIFOs]``, words that each holds.  Written where it grows.
        grows: bool ``[FIFOs]``, whether it does.
        reader: ``[FIFOs]``, number of the process that reads it, -1 for a port.
        writer: ``[FIFOs]``, of the one that writes it.
        waits: ``[processes]``, the FIFO at which it waits, -1 for none.  Written.
        buffer: ``[2]``, FIFOs from which an endless buffer takes and to which it gives; -1: there is none.
        eager: whether it takes whenever it can, and gives where nothing else can go on; else it is the other way round.
        taken: ``[words]``, how many it had taken when it gave each of its words.  Written.
    """

    orders: Int64Array
    starts: Int64Array
    fifo: Int64Array
    reads: Int64Array
    depth: Int64Array
    grows: Any
    reader: Int64Array
    writer: Int64Array
    waits: Int64Array
    buffer: Int64Array
    eager: bool
    taken: Int64Array


def _runner() -> Callable[[Arrays], int]:
    """Return the compiled ``run_network``, kept on disk where a folder for that can be written."""

    def run_network(net: Arrays) -> int:
        orders, starts, depth, reader, writer, waits = (
            net.orders, net.starts, net.depth, net.reader, net.writer, net.waits
        )  # fmt: skip
        count = len(waits)
        held = np.zeros(len(depth), np.int64)
        place, left = starts[:-1].copy(), np.zeros(count, np.int64)
        ready = np.arange(count)  # a stack of processes that may go on
        top = count
        source, sink, took, gave, again = net.buffer[0], net.buffer[1], 0, 0, -1
        while True:
            while top > 0:
                top -= 1
                p = ready[top]
                waits[p] = -1
                while place[p] < starts[p + 1]:
                    at = orders[place[p], 0]
                    fifo, writes = net.fifo[p, at], at >= net.reads[p]
                    if left[p] == 0:
                        left[p] = orders[place[p], 1]
                    other = reader[fifo] if writes else writer[fifo]
                    if other >= 0 and waits[other] == fifo:  # with words of its own to move: they pass through at once
                        if writes:
                            through = min(left[p], left[other])
                            left[other] -= through
                        else:
                            through = min(left[p], held[fifo] + left[other])
                            rest = held[fifo] + left[other] - through
                            held[fifo] = min(rest, depth[fifo])
                            left[other] = rest - held[fifo]
                        left[p] -= through
                        if left[other] == 0:
                            waits[other] = -1
                            place[other] += 1
                            ready[top] = other
                            top += 1
                    can = left[p]
                    if other >= 0 or fifo in (source, sink):
                        can = min(can, depth[fifo] - held[fifo] if writes else held[fifo])
                        held[fifo] += can if writes else -can
                    left[p] -= can
                    if left[p] > 0:
                        waits[p] = fifo
                        break
                    place[p] += 1
            if source >= 0:
                takes = held[source] > 0
                gives = took > gave and held[sink] < depth[sink]
                if takes and (net.eager or not gives):
                    held[source] -= 1
                    took += 1
                    other, fifo = writer[source], source
                elif gives:
                    held[sink] += 1
                    net.taken[gave] = took
                    gave += 1
                    other, fifo = reader[sink], sink
                if takes or gives:
                    if waits[other] == fifo:
                        waits[other] = -1
                        ready[0], top = other, 1
                    continue
                if gave == len(net.taken):
                    return -1
                return 0
            # All wait or are done.  From any process that waits the way leads into a circle.
            found, longer = -1, -1
            for turn in range(-1, count):  # mostly it is the circle that has just been widened
                start = again if turn < 0 else turn
                if start < 0 or waits[start] < 0:
                    continue
                p = start
                for _ in range(count):
                    p = reader[waits[p]] if writer[waits[p]] == p else writer[waits[p]]
                found = p if found < 0 else found
                for _ in range(count):
                    fifo = waits[p]
                    full = writer[fifo] == p
                    if full and net.grows[fifo] and (longer < 0 or depth[fifo] < depth[longer]):
                        longer = fifo
                    p = reader[fifo] if full else writer[fifo]
                if longer >= 0:
                    break
            if longer < 0:
                return found
            depth[longer] += 1
            again = writer[longer]
            waits[again] = -1
            ready[0], top = again, 1

    made: Any
    try:
        made = numba.njit(run_network, cache=True)
    except RuntimeError:  # no folder
        made = numba.njit(run_network)
    return made  # type: ignore[no-any-return]


_run = _runner()


def run_network(net: Arrays) -> int:
    """Let all processes go on until none can; return -1, or the number of one in a circle of waits."""
    return _run(net)
