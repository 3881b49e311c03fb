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
import numpy as np

from gan2hls.timing import from_memory, programs, recurrences, rings
from gan2hls.timing.rings import A, Arrays, compiled

#: Kinds of blocks by number.
KINDS = (
    "source", "sink", "up", "down", "loader", "sequencer", "fifo", "steps", "requant", "requant_holes", "decoder",
    "expand", "meeting", "port",
)  # fmt: skip
(
    _SOURCE, _SINK, _UP, _DOWN, _LOADER, _SEQUENCER, _FIFO, _STEPS, _REQUANT, _REQUANT_HOLES, _DECODER, _EXPAND,
    _MEETING, _PORT,
) = range(14)  # fmt: skip
#: Integers of state of a block, but for ports.
STATES = 10


@compiled
def _advance(kind: int, events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Let block ``b``, which is no port, go on as far as it can; return whether it did."""
    if kind == _FIFO:
        return recurrences.fifo(events, store, ports, numbers, state, b)
    if kind == _REQUANT:
        return recurrences.requant(events, store, ports, numbers, state, b)
    if kind == _REQUANT_HOLES:
        return recurrences.requant_holes(events, store, ports, numbers, state, tables_at, tables, b)
    if kind == _STEPS:
        return programs.steps(events, store, ports, numbers, state, tables_at, tables, b)
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


@compiled
def _wake(ready: Any, wakes_at: A, wakes: A, b: int) -> int:
    """Let the blocks that may go on when ``b`` has be ready; return how many more are."""
    more = 0
    for n in range(wakes_at[b], wakes_at[b + 1]):
        more += not ready[wakes[n]]
        ready[wakes[n]] = True
    return more


def _evaluator(source: int) -> Callable[[Arrays], int]:
    """Return the compiled ``evaluate``, kept on disk where a folder for that can be written.

    Its name in the cache is made of the time of this file, and of ``source``, which therefore it returns.
    """

    def evaluate(net: Arrays) -> int:
        events, store, ports, numbers, state = net.events, net.store, net.ports, net.numbers, net.state
        tables_at, tables, wakes_at, wakes, kinds = net.tables_at, net.tables, net.wakes_at, net.wakes, net.kinds
        blocks = len(kinds)
        ready = np.ones(blocks, np.bool_)
        waiting, step, b, port = blocks, 1, -1, -1
        for n in range(blocks):
            if kinds[n] == _PORT:
                port, ready[n], waiting = n, False, waiting - 1
        while waiting:
            b += step
            if b == blocks or b < 0:
                step = -step
            elif ready[b]:
                ready[b] = False
                waiting -= 1
                if _advance(kinds[b], events, store, ports, numbers, state, tables_at, tables, b):
                    waiting += _wake(ready, wakes_at, wakes, b)
                if waiting or port < 0:
                    continue
                # Nobody wakes a port: it goes on when no other block can.
                if from_memory.port(events, store, ports, numbers, state, tables_at, tables, port):
                    waiting += _wake(ready, wakes_at, wakes, port)
        return source

    made: Any
    try:
        made = numba.njit(evaluate, cache=True)
    except RuntimeError:  # no folder
        made = numba.njit(evaluate)
    return made  # type: ignore[no-any-return]


_evaluate = _evaluator(crc32("".join(map(inspect.getsource, (rings, recurrences, programs, from_memory))).encode()))


def evaluate(net: Arrays) -> None:
    """Let all blocks go on until none can, up and down the network in turn: beats go one way, gates the other."""
    _evaluate(net)
