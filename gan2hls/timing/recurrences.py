"""The recurrences of the blocks of a network: each lets its block go on as far as the events it needs are known.

What makes them fast: gates open far ahead of the beats wherever what a reader must wait for does not depend on them.  A
requantizer takes beat n when output beat n - depth is valid.  Its own pipeline is shorter than that queue, so that beat
is late only where gates behind it are, and those may be known long before.  Each kind says when this holds.
"""

from __future__ import annotations

from gan2hls.timing.rings import (
    ANY,
    COUNT,
    LIMIT,
    READERS,
    STEP,
    A,
    add,
    compiled,
    get,
    last_gate,
    least_step,
    meet,
    room,
    send,
    wanted,
)


@compiled
def source(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Offer beats.  Ports: mark, stream, words of queues that are seen.

    Numbers: beats of a frame, queues, clocks by which the first beat comes later than what it waits for; table: how
    many words of each queue that is; state: next beat to mark.
    """
    mark, offer, leave = ports[b, 0], ports[b, 1], ports[b, 2]
    opened = ANY
    if events[offer, COUNT] == 0:
        for n in range(numbers[b, 1]):
            put = ports[b, 3 + 2 * events[offer, READERS] + n]
            words = tables[tables_at[b, 0] + n]
            if events[put, COUNT] < words:
                return False
            opened = max(opened, get(events, store, put, words - 1) + numbers[b, 2])
    moved, passed = False, True
    while passed:
        for _ in range(events[offer, COUNT], room(events, offer, leave)):
            add(events, store, offer, opened)
            opened, moved = ANY, True
        passed = meet(events, store, ports, b, 1)
        while state[b, 0] < events[leave, COUNT]:
            add(events, store, mark, get(events, store, leave, state[b, 0]))
            state[b, 0] += numbers[b, 0]
        moved |= passed
    return moved


@compiled
def sink(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Take beats.  Ports: stream, mark; number: beats of a frame."""
    gate, take, mark, frame = ports[b, 1], ports[b, 2], ports[b, 4], numbers[b, 0]
    while (events[mark, COUNT] + 1) * frame <= events[take, COUNT]:
        add(events, store, mark, get(events, store, take, (events[mark, COUNT] + 1) * frame - 1))
    moved = False
    for _ in range(events[gate, COUNT], room(events, gate, take)):
        add(events, store, gate, ANY)
        moved = True
    return moved


@compiled
def up(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Join beats: the last part of a wide beat is taken when the former wide beat has left.

    Where wide beats may leave as fast as they come, a former one is late only where gates are.  Ports: narrow stream,
    wide one; number: ratio; state: part and wide beat of a gate, first clock in which that beat could leave.
    """
    gate, take, offer, leave, ratio = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5], numbers[b, 0]
    moved = False
    while (events[offer, COUNT] + 1) * ratio <= events[take, COUNT]:
        add(events, store, offer, get(events, store, take, (events[offer, COUNT] + 1) * ratio - 1) + 1)
        moved = True
    moved |= meet(events, store, ports, b, 4)
    step = least_step(events, ports, b, 4)
    ahead = step == 1 or (step <= ratio and events[offer, READERS] == 1)
    known = wanted(events, ports, b, 4) if ahead else events[leave, COUNT]
    part, word, earliest = state[b, 0], state[b, 1], state[b, 2]
    for _ in range(events[gate, COUNT], room(events, gate, take)):
        opened = ANY
        if part == ratio - 1:
            if word > known:
                break
            if word > 0:
                left = (
                    max(earliest, last_gate(events, store, ports, b, 4, word - 1))
                    if ahead
                    else get(events, store, leave, word - 1)
                )
                earliest, opened = left + step, left + 1
        add(events, store, gate, opened)
        moved = True
        part += 1
        if part == ratio:
            part, word = 0, word + 1
    state[b, 0], state[b, 1], state[b, 2] = part, word, earliest
    return moved


@compiled
def down(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Split beats: a wide beat is taken in the clock in which the last part of the former one leaves.

    If parts leave every clock that is the step of this stream, else gates are late.  Ports: wide stream, narrow one;
    number: ratio; state: of ``send``, parts whose gates are known, first clock of the next.
    """
    gate, take, leave, ratio = ports[b, 1], ports[b, 2], ports[b, 5], numbers[b, 0]
    moved, passed = send(events, store, ports, state, b, 4, take, ratio, 1)
    while passed:
        _, passed = send(events, store, ports, state, b, 4, take, ratio, 1)
    ahead = events[gate, STEP] > 1
    known = wanted(events, ports, b, 4) if ahead else events[leave, COUNT]
    parts, earliest = state[b, 2], state[b, 3]
    for n in range(events[gate, COUNT], room(events, gate, take)):
        if n * ratio > known:
            break
        opened = ANY
        while ahead and parts < n * ratio:
            opened = max(earliest, last_gate(events, store, ports, b, 4, parts))
            parts, earliest = parts + 1, opened + 1
        if n > 0 and not ahead:
            opened = get(events, store, leave, n * ratio - 1)
        add(events, store, gate, opened)
        moved = True
    state[b, 2], state[b, 3] = parts, earliest
    return moved


@compiled
def loader(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Write rows.  Ports: stream, rows.

    Numbers: beats of a row, rows, clocks from a free row to its first beat, and from its last beat until it is there;
    state: beat and row of a gate.
    """
    gate, take, put, free = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5]
    row_beats, rows, to_ready = numbers[b, 0], numbers[b, 1], numbers[b, 2]
    moved = False
    while (events[put, COUNT] + 1) * row_beats <= events[take, COUNT]:
        add(events, store, put, get(events, store, take, (events[put, COUNT] + 1) * row_beats - 1) + numbers[b, 3])
        moved = True
    beat, row = state[b, 0], state[b, 1]
    for _ in range(events[gate, COUNT], room(events, gate, take)):
        opened = ANY
        if beat == 0 and row >= rows:
            if row - rows >= events[free, COUNT]:
                break
            opened = get(events, store, free, row - rows) + to_ready
        add(events, store, gate, opened)
        moved = True
        beat += 1
        if beat == row_beats:
            beat, row = 0, row + 1
    state[b, 0], state[b, 1] = beat, row
    return moved


@compiled
def sequencer(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Step through rows and vectors.  Ports: rows, tiles if there are, vectors.

    That rows are granted four ahead at most holds nothing up, since a row takes a step or more.  Numbers: input rows of
    a frame, output rows, vectors of one, credits, clocks from a vector's last step to its push, vectors of a tile (0:
    there are none), tiles of a pass where they come word by word (0: as a whole); tables: rows needed, rows released,
    steps of vectors, words of tiles; state: row, input rows of former frames, vectors of the row, whether it is
    granted, first clock of the next step, of the next grant, tile of the pass, clock of its grant.
    """
    tile_vectors, pass_tiles = numbers[b, 5], numbers[b, 6]
    at = 6 if tile_vectors else 3
    put_row, free_row, put_tile, free_tile = ports[b, 0], ports[b, 1], ports[b, 3], ports[b, 4]
    put, free, credit = ports[b, at], ports[b, at + 1], ports[b, at + 2]
    given = credit if events[credit, LIMIT] else free
    in_rows, out_rows, row_vectors, depth = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    to_push = numbers[b, 4]
    need, released, steps, sizes = tables_at[b, 0], tables_at[b, 1], tables_at[b, 2], tables_at[b, 3]
    row, before, done = state[b, 0], state[b, 1], state[b, 2]
    granted, clock, grant, tile, tile_grant = state[b, 3], state[b, 4], state[b, 5], state[b, 6], state[b, 7]
    vector, moved = events[put, COUNT], False
    while vector < events[put, LIMIT]:
        if not granted:
            needed = before + tables[need + row]
            if events[put_row, COUNT] < needed:
                break
            grant = max(grant, get(events, store, put_row, needed - 1) + 1) + 1
            clock = max(clock, grant)
            granted = 1
        while done < row_vectors and vector - depth < events[given, COUNT]:
            if tile_vectors and done % tile_vectors == 0:
                size = tables[sizes + tile] if pass_tiles else 1
                needed = events[free_tile, COUNT] + size
                if events[put_tile, COUNT] < needed:
                    break
                if size:
                    tile_grant = max(tile_grant, get(events, store, put_tile, needed - 1) + 1)
                if pass_tiles:
                    tile_grant += 1
                clock = max(clock, tile_grant)
            if vector >= depth:
                clock = max(clock, get(events, store, given, vector - depth) + 1)
            clock += tables[steps + row * row_vectors + done]
            add(events, store, put, clock - 1 + to_push)
            vector, done, moved = vector + 1, done + 1, True
            if tile_vectors and done % tile_vectors == 0:
                for _ in range(tables[sizes + tile] if pass_tiles else 1):
                    add(events, store, free_tile, clock - 1)
                tile = (tile + 1) % max(1, pass_tiles)
        if done < row_vectors:
            break
        for _ in range(tables[released + row]):
            add(events, store, free_row, clock - 1)
        granted, done, row = 0, 0, row + 1
        if row == out_rows:
            row, before = 0, before + in_rows
    state[b, 0], state[b, 1], state[b, 2] = row, before, done
    state[b, 3], state[b, 4], state[b, 5], state[b, 6], state[b, 7] = granted, clock, grant, tile, tile_grant
    return moved


@compiled
def fifo(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Send words: one is loaded in the clock in which the last beat of the former one leaves.

    Credits are told ahead where gates alone can make them late.  Ports: queue, stream; number: beats of a word; state:
    of ``send``, beats whose gates are known, first clock of the next.
    """
    put, free, credit, offer, leave = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3], ports[b, 4]
    ratio = numbers[b, 0]
    moved, passed = False, True
    while passed:
        sent, passed = send(events, store, ports, state, b, 3, put, ratio, 2)
        moved |= sent
        n = events[free, COUNT]
        while n * ratio < events[offer, COUNT] and n * ratio <= events[leave, COUNT]:
            load = get(events, store, put, n) + 1
            add(events, store, free, max(load, get(events, store, leave, n * ratio - 1)) if n > 0 else load)
            n += 1
    known, beats, earliest = wanted(events, ports, b, 3), state[b, 2], state[b, 3]
    for n in range(events[credit, COUNT], min(events[credit, LIMIT], known // ratio + 1)):
        while beats < n * ratio:
            earliest = max(earliest, last_gate(events, store, ports, b, 3, beats)) + 1
            beats += 1
        add(events, store, credit, earliest - 1)
        moved = True
    state[b, 2], state[b, 3] = beats, earliest
    return moved


@compiled
def requant(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Make codes: a beat is taken when output beat n - depth is valid, which frees its place in the queue.

    If the pipeline is shorter than the queue, that beat is late only where gates are.  Ports: accumulators, codes;
    numbers: latency, credits; state: of ``send``, first clock in which the beat of the next gate could leave.
    """
    gate, take, offer, leave = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5]
    latency, depth = numbers[b, 0], numbers[b, 1]
    moved, passed = send(events, store, ports, state, b, 4, take, 1, latency + 2)
    while passed:
        _, passed = send(events, store, ports, state, b, 4, take, 1, latency + 2)
    ahead = latency + 2 <= depth and least_step(events, ports, b, 4) == 1
    known = wanted(events, ports, b, 4) + 1 if ahead else min(events[offer, COUNT], events[leave, COUNT] + 1)
    earliest = state[b, 2]
    for n in range(events[gate, COUNT], min(room(events, gate, take), known + depth)):
        opened = ANY
        if n >= depth and not ahead:
            opened = get(events, store, offer, n - depth)
        if n > depth:
            left = (
                max(earliest, last_gate(events, store, ports, b, 4, n - depth - 1))
                if ahead
                else get(events, store, leave, n - depth - 1)
            )
            earliest = left + 1
            opened = max(opened, earliest)
        add(events, store, gate, opened)
        moved = True
    state[b, 2] = earliest
    return moved


@compiled
def requant_holes(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Make codes, also of output pixels without taps, holes; those at the start of a frame wait for its first beat.

    Ports: accumulators, codes; numbers: latency, credits, beats of a pixel, pixels of a frame; table: whether a pixel
    has taps; state: beats taken, first clock of the next beat, pixel, its beat, whether a beat of the frame came.
    """
    offer_in, gate, take, leave_in = ports[b, 0], ports[b, 1], ports[b, 2], ports[b, 3]
    offer, leave = ports[b, 4], ports[b, 5]
    latency, depth, groups, pixels = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    taken, clock, pixel, group, started = state[b, 0], state[b, 1], state[b, 2], state[b, 3], state[b, 4]
    moved = False
    while True:
        while taken < events[take, COUNT]:
            clock = get(events, store, take, taken) + 1
            add(events, store, offer, clock + latency + 1)
            taken, moved = taken + 1, True
        moved |= meet(events, store, ports, b, 4)
        opened = events[gate, COUNT]
        beat = events[offer, COUNT] + opened - taken
        if beat == events[offer, LIMIT] or min(events[offer, COUNT], events[leave, COUNT] + 1) <= beat - depth:
            break
        earliest = clock
        if beat >= depth:
            earliest = max(earliest, get(events, store, offer, beat - depth))
        if beat > depth:
            earliest = max(earliest, get(events, store, leave, beat - depth - 1) + 1)
        if tables[tables_at[b, 0] + pixel]:
            if opened == room(events, gate, take):
                break
            add(events, store, gate, earliest)
            started = 1
        else:
            if taken < opened:
                break
            if not started:
                if events[offer_in, COUNT] == taken or events[leave_in, COUNT] < taken:
                    break
                earliest = max(earliest, get(events, store, offer_in, taken))
                if taken > 0:
                    earliest = max(earliest, get(events, store, leave_in, taken - 1) + 1)
            add(events, store, offer, earliest + latency + 2)
            clock = earliest + 1
        moved = True
        group += 1
        if group == groups:
            group, pixel = 0, pixel + 1
            if pixel == pixels:
                pixel, started = 0, 0
    state[b, 0], state[b, 1], state[b, 2], state[b, 3], state[b, 4] = taken, clock, pixel, group, started
    return moved
