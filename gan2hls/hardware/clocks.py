"""The interpreter of networks: the clock of every event, exactly, in compiled code.

Events of one sort are a sequence of clocks, in order.  A stream has the sequences

    offer[n]     clock in which its writer alone could make beat n valid
    gate[r][n]   clock from which reader r alone could take it
    valid[n]   = max(offer[n], leave[n - 1] + 1)
    take[r][n] = max(valid[n], gate[r][n], take[r][n - 1] + step[r])
    leave[n]   = max over r of take[r][n]

where an offer or a gate of ``_ANY`` adds nothing; a queue has ``put[n]`` and ``free[n]``.  The writer of a stream works
out take and leave.  A block goes on as long as the events that it needs are known, then wakes its neighbours; in which
order they go on does not matter.

What is fast is that gates open far ahead of the beats, where what a reader must wait for does not depend on them.  A
requantizer, for one, waits until output beat n - depth is valid; for its own sake that is at least two clocks before
it can have beat n, so gates of later blocks are all that counts.  The functions of the kinds say when this holds.

Sequences are rings.  Offers and gates run at most ``AHEAD`` beats ahead of what has left or was taken, and rings are
longer by what blocks look back, so nothing is overwritten that is still needed.

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
#: Kinds of blocks by number.
KINDS = ("source", "sink", "up", "down", "loader", "sequencer", "fifo", "requant", "requant_holes")
_SOURCE, _SINK, _UP, _DOWN, _LOADER, _SEQUENCER, _FIFO, _REQUANT, _REQUANT_HOLES = range(9)
#: Columns of ``events``: place of the ring, its size - 1, events so far, events in all, how far a stream may be ahead;
#: of offers the readers of the stream, of gates the least clocks between takes, of leaves the first clock of the next.
AT, MASK, COUNT, LIMIT, AHEAD, READERS, STEP, NEXT = range(8)
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
    return min(events[event, LIMIT], events[done, COUNT] + events[event, AHEAD])


@njit
def _meet(b, at, ports, events, store):
    """Let the beats of a written stream pass that are offered and wanted; its ports start at ``at``.

    Ports: offer, leave, then gate and take of each reader, leave being the take of a single one.
    """
    offer, leave = ports[b, at], ports[b, at + 1]
    at_offer, at_leave, mask = events[offer, AT], events[leave, AT], events[offer, MASK]
    n, moved = events[leave, COUNT], False
    if events[offer, READERS] == 1:
        gate = ports[b, at + 2]
        at_gate, step, earliest = events[gate, AT], events[gate, STEP], events[leave, NEXT]
        end = min(events[offer, COUNT], events[gate, COUNT])
        if n >= end:
            return False
        for beat in range(n, end):
            place = beat & mask
            clock = max(store[at_offer + place], earliest, store[at_gate + place])
            store[at_leave + place] = clock
            earliest = clock + step
        events[leave, COUNT], events[leave, NEXT] = end, earliest
        return True
    while n < events[offer, COUNT]:
        valid = left = max(_get(events, store, offer, n), events[leave, NEXT])
        waiting = False
        for port in range(at + 2, at + 2 + 2 * events[offer, READERS], 2):
            gate, take = ports[b, port], ports[b, port + 1]
            if events[take, COUNT] == n:
                if events[gate, COUNT] == n:
                    waiting = True
                    continue
                clock = max(valid, _get(events, store, gate, n))
                if n > 0:
                    clock = max(clock, _get(events, store, take, n - 1) + events[gate, STEP])
                _add(events, store, take, clock)
                moved = True
            left = max(left, _get(events, store, take, n))
        if waiting:
            break
        _add(events, store, leave, left)
        events[leave, NEXT] = left + 1
        n += 1
    return moved


@njit
def _wanted(b, at, ports, events):
    """Return how many beats of a written stream all readers know when to take."""
    count = events[ports[b, at], LIMIT]
    for reader in range(events[ports[b, at], READERS]):
        count = min(count, events[ports[b, at + 2 + 2 * reader], COUNT])
    return count


@njit
def _gate(b, at, ports, events, store, n):
    """Return the clock from which all readers of a written stream could take beat ``n``."""
    clock = _ANY
    for reader in range(events[ports[b, at], READERS]):
        clock = max(clock, _get(events, store, ports[b, at + 2 + 2 * reader], n))
    return clock


@njit
def _pace(b, at, ports, events):
    """Return the least clocks between two beats of a written stream; of a fork no more than 1 can be told."""
    readers = events[ports[b, at], READERS]
    pace = 1
    for reader in range(readers):
        pace = max(pace, events[ports[b, at + 2 + 2 * reader], STEP])
    return pace


@njit
def _source(b, ports, numbers, events, store, state):
    """Offer beats.  Ports: mark, those of the stream; number: beats of a frame; state: next beat to mark."""
    mark, offer, leave, frame = ports[b, 0], ports[b, 1], ports[b, 2], numbers[b, 0]
    moved = False
    while True:
        for _ in range(events[offer, COUNT], _room(events, offer, leave)):
            _add(events, store, offer, _ANY)
            moved = True
        if not _meet(b, 1, ports, events, store):
            return moved
        moved = True
        while state[b, 0] < events[leave, COUNT]:
            _add(events, store, mark, _get(events, store, leave, state[b, 0]))
            state[b, 0] += frame


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
    """Join beats: the last part of a wide beat is taken when the former wide beat has left.

    Where wide beats leave no slower than they can come, each leaves soon enough unless its own gate or a former one is
    late.  Ports: those of the narrow stream, of the wide one; number: ratio; state: part and wide beat of a gate, first
    clock of it.
    """
    gate, take, offer, leave, ratio = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5], numbers[b, 0]
    moved = False
    while (events[offer, COUNT] + 1) * ratio <= events[take, COUNT]:
        last = (events[offer, COUNT] + 1) * ratio - 1
        _add(events, store, offer, _get(events, store, take, last) + 1)
        moved = True
    moved |= _meet(b, 4, ports, events, store)
    pace = _pace(b, 4, ports, events)
    ahead = pace == 1 or (pace <= ratio and events[offer, READERS] == 1)
    known = _wanted(b, 4, ports, events) if ahead else events[leave, COUNT]
    part, word, bound = state[b, 0], state[b, 1], state[b, 2]
    for _ in range(events[gate, COUNT], _room(events, gate, take)):
        opened = _ANY
        if part == ratio - 1:
            if word > known:
                break
            if word > 0 and ahead:
                left = max(bound, _gate(b, 4, ports, events, store, word - 1))
                bound = left + pace
                opened = left + 1
            elif word > 0:
                opened = _get(events, store, leave, word - 1) + 1
        _add(events, store, gate, opened)
        moved = True
        part += 1
        if part == ratio:
            part, word = 0, word + 1
    state[b, 0], state[b, 1], state[b, 2] = part, word, bound
    return moved


@njit
def _down(b, ports, numbers, events, store, state):
    """Split beats: a wide beat is taken in the clock in which the last part of the former one leaves.

    That is ``ratio`` clocks after it was taken, the step of this stream, or later where a gate is late.  Ports: those of
    the wide stream, of the narrow one; number: ratio; state: part and wide beat of an offer, parts whose gates are known,
    first clock of the next of them.
    """
    gate, take, offer, leave, ratio = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5], numbers[b, 0]
    part, word, moved, passed = state[b, 0], state[b, 1], False, True
    while passed:
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
        passed = _meet(b, 4, ports, events, store)
        moved |= passed
    state[b, 0], state[b, 1] = part, word
    n, room, ahead = events[gate, COUNT], _room(events, gate, take), events[gate, STEP] > 1
    known = _wanted(b, 4, ports, events) if ahead else events[leave, COUNT]
    parts, bound = state[b, 2], state[b, 3]
    while n < room and n * ratio <= known:
        opened = _ANY
        if n > 0 and ahead:
            while parts < n * ratio:
                bound = max(bound, _gate(b, 4, ports, events, store, parts)) + 1
                parts += 1
            opened = bound - 1
        elif n > 0:
            opened = _get(events, store, leave, n * ratio - 1)
        _add(events, store, gate, opened)
        n += 1
        moved = True
    state[b, 2], state[b, 3] = parts, bound
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
    """Send words: one is loaded in the clock in which the last beat of the former one leaves.

    Ports: put, free, those of the stream; number: beats of a word; state: part and word of an offer.
    """
    put, free, offer, leave, ratio = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3], numbers[b, 0]
    part, word, moved, passed = state[b, 0], state[b, 1], False, True
    while passed:
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
        passed = _meet(b, 2, ports, events, store)
        n = events[free, COUNT]
        while n < word + (part > 0) and n * ratio <= events[leave, COUNT]:
            load = _get(events, store, put, n) + 1
            if n > 0:
                load = max(load, _get(events, store, leave, n * ratio - 1))
            _add(events, store, free, load)
            n += 1
        moved |= passed
    state[b, 0], state[b, 1] = part, word
    return moved


@njit
def _requant(b, ports, numbers, events, store, state):
    """Make codes: a beat is taken when output beat n - depth is valid, loaded into the output register.

    For its own sake and that of former beats it is by then, if no later block slows the stream down and the pipeline
    is shorter than the queue.  Ports: those of the accumulators, of the codes; numbers: latency, credits; state: first
    clock of the beat behind those whose gates are known.
    """
    gate, take, offer, leave = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5]
    latency, depth = numbers[b, 0], numbers[b, 1]
    moved, passed = False, True
    while passed:
        for n in range(events[offer, COUNT], min(_room(events, offer, leave), events[take, COUNT])):
            _add(events, store, offer, _get(events, store, take, n) + latency + 2)
            moved = True
        passed = _meet(b, 4, ports, events, store)
        moved |= passed
    room = _room(events, gate, take)
    if latency + 2 <= depth and _pace(b, 4, ports, events) == 1:
        bound = state[b, 0]
        for n in range(events[gate, COUNT], min(room, _wanted(b, 4, ports, events) + depth + 1)):
            if n > depth:
                bound = max(bound, _gate(b, 4, ports, events, store, n - depth - 1)) + 1
            _add(events, store, gate, bound if n > depth else _ANY)
            moved = True
        state[b, 0] = bound
        return moved
    known = min(events[offer, COUNT], events[leave, COUNT] + 1)
    for n in range(events[gate, COUNT], min(room, known + depth)):
        opened = _ANY
        if n >= depth:
            opened = _get(events, store, offer, n - depth)
            if n > depth:
                opened = max(opened, _get(events, store, leave, n - depth - 1) + 1)
        _add(events, store, gate, opened)
        moved = True
    return moved


@njit
def _requant_holes(b, ports, numbers, tables_at, tables, events, store, state):
    """Make codes, also of output pixels without taps, ``holes``; those at the start of a frame wait for its first beat.

    Ports are those of ``_requant``; numbers: latency, credits, beats of a pixel, pixels of a frame; table: whether a
    pixel has taps; state: beats taken, first clock of the next beat, pixel, its beat, whether a beat of the frame came.
    """
    offer_in, gate, take, leave_in = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3]
    offer, leave = ports[b, 4], ports[b, 5]
    latency, depth, groups, pixels = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    taken, clock, pixel, group, started = state[b, 0], state[b, 1], state[b, 2], state[b, 3], state[b, 4]
    moved = False
    while True:
        while taken < events[take, COUNT]:
            clock = _get(events, store, take, taken) + 1
            _add(events, store, offer, clock - 1 + latency + 2)
            taken += 1
            moved = True
        moved |= _meet(b, 4, ports, events, store)
        opened = events[gate, COUNT]
        beat = events[offer, COUNT] + opened - taken
        known = min(events[offer, COUNT], events[leave, COUNT] + 1)
        if beat == events[offer, LIMIT] or known <= beat - depth:
            break
        earliest = clock
        if beat >= depth:
            earliest = max(earliest, _get(events, store, offer, beat - depth))
        if beat > depth:
            earliest = max(earliest, _get(events, store, leave, beat - depth - 1) + 1)
        if tables[tables_at[b, 0] + pixel]:
            if opened == _room(events, gate, take):
                break
            _add(events, store, gate, earliest)
            started = 1
        else:
            if taken < opened:
                break
            if not started:
                if events[offer_in, COUNT] == taken or events[leave_in, COUNT] < taken:
                    break
                earliest = max(earliest, _get(events, store, offer_in, taken))
                if taken > 0:
                    earliest = max(earliest, _get(events, store, leave_in, taken - 1) + 1)
            _add(events, store, offer, earliest + latency + 2)
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
    """Let all blocks go on until none can, up and down the network in turn: beats go one way, gates the other.

    Args:
        kinds: ``[B]``, places in ``KINDS``.
        ports: ``[B, ...]``, the numbers of a block's events; see the function of each kind.
        numbers: ``[B, ...]``, parameters.
        tables_at: ``[B, ...]``, where a block's tables start.
        tables: all tables.
        events: ``[E, 8]``, rings of events; see ``AT``.  Counts are written.
        store: what the rings hold.  Written.
        state: ``[B, STATES]``, zeros.  Written.
        wakes_at: ``[B + 1]``, where the list of a block's neighbours starts and ends.
        wakes: the blocks that may go on when another one has.
    """
    blocks = len(kinds)
    ready = np.ones(blocks, np.bool_)
    waiting, step, b = blocks, 1, -1
    while waiting:
        b += step
        if b == blocks or b < 0:
            step = -step
            continue
        if not ready[b]:
            continue
        ready[b] = False
        waiting -= 1
        kind = kinds[b]
        if kind == _FIFO:
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
                waiting += not ready[other]
                ready[other] = True
