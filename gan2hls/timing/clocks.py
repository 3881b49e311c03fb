"""The interpreter of networks: the clock of every event, exactly, in compiled code.

A block goes on as long as the events that it needs are known (``recurrences``), then wakes its neighbours; in which
order they go on does not matter.  ``rings`` says what events there are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from zlib import crc32

import numba

from gan2hls.timing import from_memory, programs, recurrences, rings
from gan2hls.timing.rings import GROUP_BITS, UNCOUNTED, A, Arrays, compiled

#: Kinds of blocks by number.
KINDS = (
    "source", "sink", "up", "down", "loader", "sequencer", "fifo", "steps", "join", "deal", "requant", "requant_holes",
    "decoder", "expand", "meeting", "unpack", "port",
)  # fmt: skip
(
    _SOURCE, _SINK, _UP, _DOWN, _LOADER, _SEQUENCER, _FIFO, _STEPS, _JOIN, _DEAL, _REQUANT, _REQUANT_HOLES, _DECODER,
    _EXPAND, _MEETING, _UNPACK, _PORT,
) = range(17)  # fmt: skip
#: Integers of state of a block, but for ports.
STATES = 10
#: Blocks that are passed over at once where none of them is ready, less one.
_GROUP = (1 << GROUP_BITS) - 1


@compiled
def _advance(kind: int, events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Let block ``b``, which is no port, go on as far as it can; return whether it did."""
    if kind == _UNPACK:
        return from_memory.unpack(events, store, ports, numbers, state, b)
    if kind == _FIFO:
        return recurrences.fifo(events, store, ports, numbers, state, b)
    if kind == _REQUANT:
        return recurrences.requant(events, store, ports, numbers, state, b)
    if kind == _REQUANT_HOLES:
        return recurrences.requant_holes(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _STEPS:
        return programs.steps(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _JOIN:
        return programs.join(events, store, ports, numbers, b)
    if kind == _DEAL:
        return programs.deal(events, store, ports, numbers, state, b)
    if kind == _SEQUENCER:
        return recurrences.sequencer(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _LOADER:
        return recurrences.loader(events, store, ports, numbers, state, b)
    if kind == _UP:
        return recurrences.up(events, store, ports, numbers, state, b)
    if kind == _DOWN:
        return recurrences.down(events, store, ports, numbers, state, b)
    if kind == _SOURCE:
        return recurrences.source(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _DECODER:
        return from_memory.decoder(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _EXPAND:
        return from_memory.expand(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _MEETING:
        return from_memory.meeting(events, store, ports, numbers, state, b)
    return recurrences.sink(events, store, ports, numbers, state, b)


def _evaluator(source: int) -> Callable[[Arrays], int]:
    """Return the compiled ``evaluate``, kept on disk where a folder for that can be written.

    Its name in the cache is made of the time of this file, and of ``source``, which therefore it returns.
    """

    def evaluate(net: Arrays) -> int:
        events, store, ports, numbers, state = net.events, net.store, net.ports, net.numbers, net.state
        tables_at, tables, kinds, ready, groups = net.tables_at, net.tables, net.kinds, net.ready, net.groups
        blocks, waiting, step, b = len(kinds), 0, 1, -1
        for n in range(blocks):
            if kinds[n] != _PORT:
                waiting += rings.wake(ready, groups, n)
        while waiting:
            b += step
            if b >= blocks or b < 0:
                b, step = min(b, blocks), -step
            elif not groups[b >> GROUP_BITS]:
                b = b | _GROUP if step > 0 else b & ~_GROUP  # the last of those side by side, none of which is ready
            elif ready[b]:
                ready[b] = False
                groups[b >> GROUP_BITS] -= 1
                waiting -= 1
                if _advance(kinds[b], events, store, ports, numbers, state, tables_at, tables, b):
                    waiting += rings.wake_neighbours(net, b)
                if waiting == 0:  # nobody wakes a port
                    waiting = from_memory.go_on(net)
        return source

    made: Any
    try:
        made = numba.njit(evaluate, cache=True, nogil=True, **UNCOUNTED)
    except RuntimeError:  # no folder
        made = numba.njit(evaluate, nogil=True, **UNCOUNTED)
    return made  # type: ignore[no-any-return]


_evaluate = _evaluator(crc32("".join(map(inspect.getsource, (rings, recurrences, programs, from_memory))).encode()))


def evaluate(net: Arrays) -> None:
    """Let all blocks go on until none can, up and down the network in turn: beats go one way, gates the other."""
    _evaluate(net)
