"""The interpreter of networks: the clock of every event, exactly, in compiled code.

Events of one sort are a sequence of clocks, in order.  A stream has the sequences

    offer[n]     clock in which its writer alone could make beat n valid
    gate[r][n]   clock from which reader r alone could take it
    take[r][n] = max(offer[n], leave[n - 1] + 1, gate[r][n])
    leave[n]   = max over r of take[r][n]

so beat n is valid from ``max(offer[n], leave[n - 1] + 1)``; an offer or a gate of ``_ANY`` adds nothing.  A queue has
``put[n]`` and ``free[n]``.  A block goes on as long as the events that it needs are known, often many beats ahead, then
wakes the blocks at the other ends of its edges; in which order they go on does not matter.

Sequences are rings.  A block reads all there is before it writes, and then offers or opens gates at most a ring's size
ahead of what left or was taken, so nothing is overwritten that is still needed.

All that the compiled code depends on stands in this file, since its time is what the cache of compiled code goes by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numba import njit

from gan2hls.numbers import Int64Array

P = ParamSpec("P")
R = TypeVar("R")

#: A clock that bounds nothing.
_ANY = -1
#: Kinds of blocks by number; a stream is one too, the meeting of its writer and its readers.
KINDS = ("source", "sink", "up", "down", "loader", "sequencer", "fifo", "requant", "requant_holes", "stream")
_SOURCE, _SINK, _UP, _DOWN, _LOADER, _SEQUENCER, _FIFO, _REQUANT, _REQUANT_HOLES, _STREAM = range(10)
#: Columns of ``events``: place of the ring, its size - 1, events so far, events in all.
AT, MASK, COUNT, LIMIT = range(4)
#: Integers of state of a block; those of a sequencer end with the takes of its last rows.
STATES = 12
_TAKES, _GRANTS_AHEAD = 8, 4


def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` when it is first called, and keep the result where a folder for that can be written."""
    try:
        made: Callable[P, R] = njit(function, cache=True)
    except RuntimeError:  # no folder
        made = njit(function)
    return made


@njit
def _get(events: Int64Array, store: Int64Array, event: int, n: int) -> int:
    return store[events[event, AT] + (n & events[event, MASK])]


@njit
def _add(events: Int64Array, store: Int64Array, event: int, clock: int) -> None:
    n = events[event, COUNT]
    store[events[event, AT] + (n & events[event, MASK])] = clock
    events[event, COUNT] = n + 1


@njit
def _room(events: Int64Array, event: int, done: int) -> int:
    """Return how many events there may be while those of ``done`` are the last that were answered."""
    return min(events[event, LIMIT], events[done, COUNT] + events[event, MASK] + 1)


@njit
def _stream(b, ports, numbers, events, store, state):
    """Let beats pass that are offered and wanted.

    Ports: offer, leave, then gate and take of each reader, leave being the take of a single one; number: readers;
    state: first clock of the next beat.
    """
    offer, leave, readers = ports[b, 0], ports[b, 1], numbers[b, 0]
    at_offer, at_leave, mask = events[offer, AT], events[leave, AT], events[offer, MASK]
    n, earliest, moved = events[leave, COUNT], state[b, 0], False
    if readers == 1:
        at_gate = events[ports[b, 2], AT]
        for beat in range(n, min(events[offer, COUNT], events[ports[b, 2], COUNT])):
            place = beat & mask
            earliest = max(store[at_offer + place], earliest, store[at_gate + place])
            store[at_leave + place] = earliest
            earliest += 1
            n += 1
            moved = True
    else:
        while n < events[offer, COUNT]:
            valid = left = max(store[at_offer + (n & mask)], earliest)
            waiting = False
            for reader in range(readers):
                gate, take = ports[b, 2 + 2 * reader], ports[b, 3 + 2 * reader]
                if events[take, COUNT] == n:
                    if events[gate, COUNT] == n:
                        waiting = True
                        continue
                    _add(events, store, take, max(valid, _get(events, store, gate, n)))
                    moved = True
                left = max(left, _get(events, store, take, n))
            if waiting:
                break
            store[at_leave + (n & mask)] = left
            earliest = left + 1
            n += 1
    events[leave, COUNT], state[b, 0] = n, earliest
    return moved


@njit
def _source(b, ports, numbers, events, store, state):
    """Offer beats.  Ports: offer, leave, mark; number: beats of a frame; state: next beat to mark."""
    offer, leave, mark, frame = ports[b, 0], ports[b, 1], ports[b, 2], numbers[b, 0]
    while state[b, 0] < events[leave, COUNT]:
        _add(events, store, mark, _get(events, store, leave, state[b, 0]))
        state[b, 0] += frame
    moved = False
    for _ in range(events[offer, COUNT], _room(events, offer, leave)):
        _add(events, store, offer, _ANY)
        moved = True
    return moved


@njit
def _sink(b, ports, numbers, events, store, state):
    """Take beats.  Ports: offer, gate, take, leave, mark; number: beats of a frame; state: frames."""
    gate, take, mark, frame = ports[b, 1], ports[b, 2], ports[b, 4], numbers[b, 0]
    while (state[b, 0] + 1) * frame <= events[take, COUNT]:
        state[b, 0] += 1
        _add(events, store, mark, _get(events, store, take, state[b, 0] * frame - 1))
    moved = False
    for _ in range(events[gate, COUNT], _room(events, gate, take)):
        _add(events, store, gate, _ANY)
        moved = True
    return moved


@njit
def _up(b, ports, numbers, events, store, state):
    """Join beats.  Ports: those of the narrow stream, offer, leave; number: ratio; state: part and word of a gate."""
    gate, take, offer, leave, ratio = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5], numbers[b, 0]
    moved = False
    while (events[offer, COUNT] + 1) * ratio <= events[take, COUNT]:
        last = (events[offer, COUNT] + 1) * ratio - 1
        _add(events, store, offer, _get(events, store, take, last) + 1)
        moved = True
    part, word = state[b, 0], state[b, 1]
    for _ in range(events[gate, COUNT], _room(events, gate, take)):
        opened = _ANY
        if part == ratio - 1:
            if word > events[leave, COUNT]:
                break
            if word > 0:
                opened = _get(events, store, leave, word - 1) + 1
        _add(events, store, gate, opened)
        moved = True
        part += 1
        if part == ratio:
            part, word = 0, word + 1
    state[b, 0], state[b, 1] = part, word
    return moved


@njit
def _down(b, ports, numbers, events, store, state):
    """Split beats.  Ports: those of the wide stream, offer, leave; number: ratio; state: part and word of an offer."""
    gate, take, offer, leave, ratio = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5], numbers[b, 0]
    moved = False
    n, room = events[gate, COUNT], _room(events, gate, take)
    while n < room and n * ratio <= events[leave, COUNT]:
        _add(events, store, gate, _get(events, store, leave, n * ratio - 1) if n else _ANY)
        n += 1
        moved = True
    part, word = state[b, 0], state[b, 1]
    for _ in range(events[offer, COUNT], _room(events, offer, leave)):
        offered = _ANY
        if part == 0:
            if word == events[take, COUNT]:
                break
            offered = _get(events, store, take, word) + 1
        _add(events, store, offer, offered)
        moved = True
        part += 1
        if part == ratio:
            part, word = 0, word + 1
    state[b, 0], state[b, 1] = part, word
    return moved


@njit
def _loader(b, ports, numbers, events, store, state):
    """Write rows.

    Ports: those of the stream, put, free; numbers: beats of a row, rows, clocks from a free row to its first beat;
    state: beat and row of a gate.
    """
    gate, take, put, free = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5]
    row_beats, rows, to_ready = numbers[b, 0], numbers[b, 1], numbers[b, 2]
    moved = False
    while (events[put, COUNT] + 1) * row_beats <= events[take, COUNT]:
        _add(events, store, put, _get(events, store, take, (events[put, COUNT] + 1) * row_beats - 1))
        moved = True
    beat, row = state[b, 0], state[b, 1]
    for _ in range(events[gate, COUNT], _room(events, gate, take)):
        opened = _ANY
        if beat == 0 and row >= rows:
            if events[free, COUNT] <= row - rows:
                break
            opened = _get(events, store, free, row - rows) + to_ready
        _add(events, store, gate, opened)
        moved = True
        beat += 1
        if beat == row_beats:
            beat, row = 0, row + 1
    state[b, 0], state[b, 1] = beat, row
    return moved


@njit
def _sequencer(b, ports, numbers, tables_at, tables, events, store, state):
    """Step through rows and vectors.

    Ports: put and free of rows, put and free of vectors; numbers: input rows of a frame, output rows, vectors of one,
    credits, clocks from a vector's last step to its push; tables: rows needed, rows released, steps of vectors; state:
    row, rows of former frames, in and out, vectors of the row, whether it is granted, first clock of the next step, of
    the next grant, takes of the last rows.
    """
    put_row, free_row, put, free = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3]
    in_rows, out_rows, row_vectors = numbers[b, 0], numbers[b, 1], numbers[b, 2]
    depth, to_push = numbers[b, 3], numbers[b, 4]
    need, released, steps = tables_at[b, 0], tables_at[b, 1], tables_at[b, 2]
    row, in_before, out_before, done = state[b, 0], state[b, 1], state[b, 2], state[b, 3]
    granted, clock, grant = state[b, 4], state[b, 5], state[b, 6]
    vector, moved = events[put, COUNT], False
    while vector < events[put, LIMIT]:
        take = _TAKES + (out_before + row) % _GRANTS_AHEAD
        if not granted:
            needed = in_before + tables[need + row]
            if events[put_row, COUNT] < needed:
                break
            grant = max(grant, _get(events, store, put_row, needed - 1) + 1)
            if out_before + row >= _GRANTS_AHEAD:
                grant = max(grant, state[b, take] + 1)
            grant += 1
            clock = max(clock, grant)
            granted = 1
        while done < row_vectors and (vector < depth or vector - depth < events[free, COUNT]):
            if vector >= depth:
                clock = max(clock, _get(events, store, free, vector - depth) + 1)
            if done == 0:
                state[b, take] = clock
            clock += tables[steps + row * row_vectors + done]
            _add(events, store, put, clock - 1 + to_push)
            vector += 1
            done += 1
            moved = True
        if done < row_vectors:
            break
        for _ in range(tables[released + row]):
            _add(events, store, free_row, clock - 1)
        granted, done, row = 0, 0, row + 1
        if row == out_rows:
            row, in_before, out_before = 0, in_before + in_rows, out_before + out_rows
    state[b, 0], state[b, 1], state[b, 2], state[b, 3] = row, in_before, out_before, done
    state[b, 4], state[b, 5], state[b, 6] = granted, clock, grant
    return moved


@njit
def _fifo(b, ports, numbers, events, store, state):
    """Send words.  Ports: put, free, offer, leave; number: beats of a word; state: part and word of an offer."""
    put, free, offer, leave, ratio = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3], numbers[b, 0]
    moved = False
    n = events[free, COUNT]
    while n < events[put, COUNT] and n * ratio <= events[leave, COUNT]:
        load = _get(events, store, put, n) + 1
        if n > 0:
            load = max(load, _get(events, store, leave, n * ratio - 1))
        _add(events, store, free, load)
        n += 1
        moved = True
    part, word = state[b, 0], state[b, 1]
    for _ in range(events[offer, COUNT], _room(events, offer, leave)):
        offered = _ANY
        if part == 0:
            if word == events[put, COUNT]:
                break
            offered = _get(events, store, put, word) + 2
        _add(events, store, offer, offered)
        moved = True
        part += 1
        if part == ratio:
            part, word = 0, word + 1
    state[b, 0], state[b, 1] = part, word
    return moved


@njit
def _requant(b, ports, numbers, events, store, state):
    """Make codes.  Ports: those of the accumulators, put, free; numbers: latency, credits."""
    gate, take, put, free = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5]
    latency, depth = numbers[b, 0], numbers[b, 1]
    moved = False
    for n in range(events[put, COUNT], events[take, COUNT]):
        _add(events, store, put, _get(events, store, take, n) + latency)
        moved = True
    for n in range(events[gate, COUNT], min(_room(events, gate, take), events[free, COUNT] + depth)):
        _add(events, store, gate, _ANY if n < depth else _get(events, store, free, n - depth) + 1)
        moved = True
    return moved


@njit
def _requant_holes(b, ports, numbers, tables_at, tables, events, store, state):
    """Make codes, also of output pixels without taps, ``holes``; those at the start of a frame wait for its first beat.

    Ports are those of ``_requant``; numbers: latency, credits, beats of a pixel, pixels of a frame; table: whether a pixel has taps; state:
    beats taken, first clock of the next beat, pixel, its beat, whether a beat of the frame came.
    """
    offer, gate, take, leave = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3]
    put, free = ports[b, 4], ports[b, 5]
    latency, depth, groups, pixels = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    taken, clock, pixel, group, started = state[b, 0], state[b, 1], state[b, 2], state[b, 3], state[b, 4]
    moved = False
    while True:
        while taken < events[take, COUNT]:
            clock = _get(events, store, take, taken) + 1
            _add(events, store, put, clock - 1 + latency)
            taken += 1
            moved = True
        opened = events[gate, COUNT]
        beat = events[put, COUNT] + opened - taken
        if beat == events[put, LIMIT] or events[free, COUNT] <= beat - depth:
            break
        earliest = clock
        if beat >= depth:
            earliest = max(earliest, _get(events, store, free, beat - depth) + 1)
        if tables[tables_at[b, 0] + pixel]:
            if opened == _room(events, gate, take):
                break
            _add(events, store, gate, earliest)
            started = 1
        else:
            if taken < opened:
                break
            if not started:
                if events[offer, COUNT] == taken or events[leave, COUNT] < taken:
                    break
                earliest = max(earliest, _get(events, store, offer, taken))
                if taken > 0:
                    earliest = max(earliest, _get(events, store, leave, taken - 1) + 1)
            _add(events, store, put, earliest + latency)
            clock = earliest + 1
        moved = True
        group += 1
        if group == groups:
            group, pixel = 0, pixel + 1
            if pixel == pixels:
                pixel, started = 0, 0
    state[b, 0], state[b, 1], state[b, 2], state[b, 3], state[b, 4] = taken, clock, pixel, group, started
    return moved


@_compiled
def evaluate(kinds, ports, numbers, tables_at, tables, events, store, state, wakes_at, wakes):
    """Let all blocks go on until none can.

    Args:
        kinds: ``[B]``, places in ``KINDS``.
        ports: ``[B, ...]``, the numbers of a block's events; see the function of each kind.
        numbers: ``[B, ...]``, parameters.
        tables_at: ``[B, ...]``, where a block's tables start.
        tables: all tables.
        events: ``[E, 4]``, rings of events; see ``AT``.  Counts are written.
        store: what the rings hold.  Written.
        state: ``[B, STATES]``, zeros.  Written.
        wakes_at: ``[B + 1]``, where the list of a block's neighbours starts and ends.
        wakes: the blocks that go on when another one has.
    """
    blocks = len(kinds)
    ring = np.arange(blocks)
    queued = np.ones(blocks, np.bool_)
    head, waiting = 0, blocks
    while waiting:
        b = ring[head]
        head = head + 1 if head + 1 < blocks else 0
        waiting -= 1
        queued[b] = False
        kind = kinds[b]
        if kind == _STREAM:
            moved = _stream(b, ports, numbers, events, store, state)
        elif kind == _FIFO:
            moved = _fifo(b, ports, numbers, events, store, state)
        elif kind == _REQUANT:
            moved = _requant(b, ports, numbers, events, store, state)
        elif kind == _REQUANT_HOLES:
            moved = _requant_holes(b, ports, numbers, tables_at, tables, events, store, state)
        elif kind == _SEQUENCER:
            moved = _sequencer(b, ports, numbers, tables_at, tables, events, store, state)
        elif kind == _LOADER:
            moved = _loader(b, ports, numbers, events, store, state)
        elif kind == _UP:
            moved = _up(b, ports, numbers, events, store, state)
        elif kind == _DOWN:
            moved = _down(b, ports, numbers, events, store, state)
        elif kind == _SOURCE:
            moved = _source(b, ports, numbers, events, store, state)
        else:
            moved = _sink(b, ports, numbers, events, store, state)
        if moved:
            for n in range(wakes_at[b], wakes_at[b + 1]):
                other = wakes[n]
                if not queued[other]:
                    queued[other] = True
                    at = head + waiting
                    ring[at if at < blocks else at - blocks] = other
                    waiting += 1
