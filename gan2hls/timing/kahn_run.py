"""The compiled run of a process network: every process goes on as far as it can, then those that waited for it.

Where endless buffers are a part of it, and nothing can go on, one of them moves a word: the one at which the last
process waits in the end, or what that one waits for (so words move where they are asked for).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan2hls.base import compiled_once
from gan2hls.numbers import Int32Array, Int64Array


class Arrays(NamedTuple):
    """A network in arrays, int64 unless said otherwise.

    Attributes:
        orders: int32 ``[n, 2]``, what all processes do, one process after the other: the place of a FIFO, and words.
        starts: ``[processes + 1]``, where a process starts in ``orders``.
        fifo: ``[processes, places]``, the number of the FIFO at each place of a process.
        reads: ``[processes]``, how many of its places it reads; it writes the others.
        depth: ``[FIFOs]``, words that each holds.  Written where it grows.
        grows: bool ``[FIFOs]``, whether it does.
        doubling: whether it doubles; else it grows by a word.
        reader: ``[FIFOs]``, number of the process that reads it, -1 for a port.
        writer: ``[FIFOs]``, of the one that writes it.
        waits: ``[processes]``, the FIFO at which it waits, -1 for none.  Written.
        buffers: ``[buffers, 2]``, FIFOs from which an endless buffer takes and to which it gives.
        buffer: ``[FIFOs]``, the number of the buffer that takes from it or gives to it, -1 for none.
        eager: whether buffers take whenever they can, and give where nothing else can go on; else it is the other way
            round.
        first: ``[buffers]``, where the words of each start in ``taken``.
        taken: ``[words]``, how many a buffer had taken when it gave each of its words.  Written.
    """

    orders: Int32Array
    starts: Int64Array
    fifo: Int64Array
    reads: Int64Array
    depth: Int64Array
    grows: Any
    doubling: bool
    reader: Int64Array
    writer: Int64Array
    waits: Int64Array
    buffers: Int64Array
    buffer: Int64Array
    eager: bool
    first: Int64Array
    taken: Int64Array


@compiled_once
def run_network(net: Arrays) -> int:
    """Let all processes go on until none can; return -1, or the number of one in a circle of waits."""
    orders, starts, depth, reader, writer, waits = (
        net.orders, net.starts, net.depth, net.reader, net.writer, net.waits
    )  # fmt: skip
    count = len(waits)
    held = np.zeros(len(depth), np.int64)
    place, left = starts[:-1].copy(), np.zeros(count, np.int64)
    ready = np.arange(count)  # a stack of processes that may go on
    top, last, again = count, count - 1, -1
    took, gave = np.zeros(len(net.buffers), np.int64), np.zeros(len(net.buffers), np.int64)
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
                b = net.buffer[fifo]
                if b < 0:
                    can = left[p]
                    if other >= 0:
                        can = min(can, depth[fifo] - held[fifo] if writes else held[fifo])
                        held[fifo] += can if writes else -can
                    left[p] -= can
                elif writes and net.eager:
                    took[b] += left[p]
                    left[p] = 0
                elif writes:
                    can = min(left[p], depth[fifo] - held[fifo])
                    held[fifo] += can
                    left[p] -= can
                else:
                    can = min(left[p], held[fifo])
                    while can > 0:
                        held[fifo] -= can
                        left[p] -= can
                        if not net.eager:
                            gives = min(took[b] - gave[b], depth[fifo] - held[fifo])
                            start = net.first[b] + gave[b]
                            net.taken[start : start + gives] = took[b]
                            gave[b] += gives
                            held[fifo] += gives
                        can = min(left[p], held[fifo])
                if left[p] > 0:
                    waits[p] = fifo
                    break
                place[p] += 1
        if len(net.buffers) > 0:
            while last >= 0 and waits[last] < 0:
                last -= 1
            if last < 0:
                return -1
            p = last
            for _ in range(count + len(net.buffers)):
                fifo = waits[p]
                b = net.buffer[fifo]
                if b < 0:
                    p = reader[fifo] if writer[fifo] == p else writer[fifo]
                    continue
                source, sink = net.buffers[b]
                gives = net.eager and took[b] > gave[b]
                if not net.eager and held[source] > 0:
                    held[source] -= 1
                    took[b] += 1
                    gives = held[sink] < depth[sink]
                    if waits[writer[source]] == source:
                        ready[top] = writer[source]
                        top += 1
                elif not gives:
                    p = writer[source]
                    continue
                if gives:
                    held[sink] += 1
                    net.taken[net.first[b] + gave[b]] = took[b]
                    gave[b] += 1
                    if waits[reader[sink]] == sink:
                        ready[top] = reader[sink]
                        top += 1
                break
            if top == 0:
                return int(p)
            continue
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
        depth[longer] += depth[longer] if net.doubling else 1
        again = writer[longer]
        waits[again] = -1
        ready[0], top = again, 1
