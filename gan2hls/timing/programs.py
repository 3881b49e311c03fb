"""The recurrences of blocks that take beats of some streams in turn, or send beats to some in turn."""

from __future__ import annotations

from gan2hls.timing.rings import (
    ANY,
    COUNT,
    LIMIT,
    READERS,
    A,
    add,
    compiled,
    get,
    last_gate,
    least_step,
    meet,
    room,
    wanted,
)


@compiled
def steps(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Follow a program: each step takes a beat of some streams in one clock, and may offer one in the next.

    A step that offers waits until the former beat has left, or leaves.  One that takes a beat of the same single stream
    as the step before it is held up by gates behind it alone, and by that stream: its gate opens ahead, and it is done
    when its beat was taken.  Ports: streams, then the one that is written; numbers: of streams, of phases; tables:
    first step, steps and repetitions of each phase, then what steps do: bit 0 offers, the others take; state: first
    clock of the next step that is to be done; phase, repetition, step of the next one to open, and of the next to be
    done; how many are between the two, and their offers; the stream that the last one took alone, and 1.
    """
    count, table, out = numbers[b, 0], tables_at[b, 1], 4 * numbers[b, 0]
    offer_out, leave_out = ports[b, out], ports[b, out + 1]
    ahead = least_step(events, ports, b, out) == 1
    moved, going = False, True
    while going:
        going = False
        while state[b, 7] > 0:
            does = tables[table + _at(state, tables_at, tables, b, 4)]
            gate, take = ports[b, 4 * state[b, 9] - 3], ports[b, 4 * state[b, 9] - 2]
            beat = events[gate, COUNT] - state[b, 7]
            times = min(_times(state, tables_at, tables, b, 4), state[b, 7], events[take, COUNT] - beat)
            if does & 1:
                times = min(times, room(events, offer_out, leave_out) - events[offer_out, COUNT])
            if times <= 0:
                break
            if does & 1:
                for n in range(beat, beat + times):
                    add(events, store, offer_out, get(events, store, take, n) + 1)
                state[b, 8] -= times
            state[b, 0] = get(events, store, take, beat + times - 1) + 1
            state[b, 7] -= times
            _next(numbers, state, tables_at, tables, b, 4, times)
            going = True
        going |= meet(events, store, ports, b, out)
        known = wanted(events, ports, b, out)
        while True:
            does = tables[table + _at(state, tables_at, tables, b, 1)]
            n = events[offer_out, COUNT] + state[b, 8]
            if does & 1 and n == events[offer_out, LIMIT]:
                break
            if ahead and state[b, 9] > 0 and does >> 1 == 1 << (state[b, 9] - 1):
                gate, take = ports[b, 4 * state[b, 9] - 3], ports[b, 4 * state[b, 9] - 2]
                times = min(_times(state, tables_at, tables, b, 1), room(events, gate, take) - events[gate, COUNT])
                if does & 1:
                    times = min(times, known + 1 - n, events[offer_out, LIMIT] - n)
                    state[b, 8] += max(times, 0)
                if times <= 0:
                    break
                for offer in range(n, n + times):
                    opened = ANY
                    if does & 1 and offer > 0:
                        opened = last_gate(events, store, ports, b, out, offer - 1)
                    add(events, store, gate, opened)
                state[b, 7] += times
            else:
                times = 1
                if state[b, 7] > 0 or (does & 1 and events[leave_out, COUNT] < n):
                    break
                clock = state[b, 0]
                if does & 1 and n > 0:
                    clock = max(clock, get(events, store, leave_out, n - 1))
                clock = _offered(events, store, ports, b, count, does, clock)
                if clock < 0:
                    break
                state[b, 9] = 0
                for stream in range(count):
                    if does >> (stream + 1) & 1:
                        add(events, store, ports[b, 4 * stream + 1], clock)
                        state[b, 9] = stream + 1
                if does >> 1 & ((does >> 1) - 1):
                    state[b, 9] = 0
                if does & 1:
                    add(events, store, offer_out, clock + 1)
                    meet(events, store, ports, b, out)
                state[b, 0] = clock + 1
                _next(numbers, state, tables_at, tables, b, 4, 1)
            _next(numbers, state, tables_at, tables, b, 1, times)
            going = True
        moved |= going
    return moved


@compiled
def _at(state: A, tables_at: A, tables: A, b: int, at: int) -> int:
    """Return the step at which phase, repetition and step in state ``at`` and on are."""
    place: int = tables[tables_at[b, 0] + 3 * state[b, at]] + state[b, at + 2]
    return place


@compiled
def _times(state: A, tables_at: A, tables: A, b: int, at: int) -> int:
    """Return how often the step at which state ``at`` and on are comes from there on, before any other."""
    phase = tables_at[b, 0] + 3 * state[b, at]
    times: int = tables[phase + 2] - state[b, at + 1] if tables[phase + 1] == 1 else 1
    return times


@compiled
def _next(numbers: A, state: A, tables_at: A, tables: A, b: int, at: int, times: int) -> None:
    """Let phase, repetition and step in state ``at`` and on go on, by so many of one step."""
    phase = tables_at[b, 0] + 3 * state[b, at]
    if tables[phase + 1] > 1:
        state[b, at + 2] += 1
        if state[b, at + 2] < tables[phase + 1]:
            return
        state[b, at + 2] = 0
    state[b, at + 1] += times
    if state[b, at + 1] == tables[phase + 2]:
        state[b, at + 1] = 0
        state[b, at] = (state[b, at] + 1) % numbers[b, 1]


@compiled
def _offered(events: A, store: A, ports: A, b: int, count: int, does: int, clock: int) -> int:
    """Return the first clock from ``clock`` on in which all beats that a step takes are valid; -1: not known yet."""
    for stream in range(count):
        if does >> (stream + 1) & 1:
            beat = events[ports[b, 4 * stream + 1], COUNT]
            if _valid(events, ports, b, 4 * stream) <= beat:
                return -1
            clock = max(clock, _valid_from(events, store, ports, b, 4 * stream, beat))
    return clock


@compiled
def join(events: A, store: A, ports: A, numbers: A, b: int) -> bool:
    """Take a beat of each stream in one clock, and offer one in the next.

    Each of them is held up by the others' beats and by the former one that is made.  If that may leave a clock after
    the one before it, it is late only where gates are.  Ports: streams, then the one that is written; number: of
    streams.
    """
    out = 4 * numbers[b, 0]
    offer, leave, ahead = ports[b, out], ports[b, out + 1], least_step(events, ports, b, out) == 1
    moved, passed = False, True
    while passed:
        taken = room(events, offer, leave)
        for port in range(0, out, 4):
            taken = min(taken, events[ports[b, port + 2], COUNT])
        for n in range(events[offer, COUNT], taken):
            add(events, store, offer, get(events, store, ports[b, 2], n) + 1)
            moved = True
        passed = meet(events, store, ports, b, out)
        moved |= passed
    known = 1 + (wanted(events, ports, b, out) if ahead else events[leave, COUNT])
    for port in range(0, out, 4):
        gate, take = ports[b, port + 1], ports[b, port + 2]
        most = min(room(events, gate, take), known)
        for other in range(0, out, 4):
            if other != port:
                most = min(most, _valid(events, ports, b, other))
        for n in range(events[gate, COUNT], most):
            opened = ANY
            if n > 0:
                opened = last_gate(events, store, ports, b, out, n - 1) if ahead else get(events, store, leave, n - 1)
            for other in range(0, out, 4):
                if other != port:
                    opened = max(opened, _valid_from(events, store, ports, b, other, n))
            add(events, store, gate, opened)
            moved = True
    return moved


@compiled
def _valid(events: A, ports: A, b: int, port: int) -> int:
    """Return of how many beats of the stream read at ``port`` it is known when they are valid, but for former takes."""
    offer, leave = ports[b, port], ports[b, port + 3]
    known: int = events[offer, COUNT]
    return min(known, events[leave, COUNT] + 1) if events[offer, READERS] > 1 else known


@compiled
def _valid_from(events: A, store: A, ports: A, b: int, port: int, n: int) -> int:
    """Return when beat ``n`` of the stream read at ``port`` is valid, unless its only reader takes the former later."""
    offer, leave = ports[b, port], ports[b, port + 3]
    clock = get(events, store, offer, n)
    return max(clock, get(events, store, leave, n - 1) + 1) if events[offer, READERS] > 1 and n > 0 else clock


@compiled
def deal(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Send a number of beats to each of some streams in turn, through one register.

    A beat is taken when the former one leaves, which is late only where gates are if its stream may have a beat a
    clock.  Ports: the stream that is read, by nobody else, then those that are written; numbers: of streams, of beats
    in a turn; state: beats offered, clock in which the last of them was taken.
    """
    given, gate, take, beats = ports[b, 0], ports[b, 1], ports[b, 2], numbers[b, 1]
    moved, sent, clock = False, state[b, 0], state[b, 1]
    if sent > 0:
        moved = meet(events, store, ports, b, _dealt_to(events, ports, numbers, b, sent - 1))
    while sent < events[take, COUNT]:
        at = _dealt_to(events, ports, numbers, b, sent)
        offer, leave = ports[b, at], ports[b, at + 1]
        times = min(events[take, COUNT] - sent, beats - sent % beats, room(events, offer, leave) - events[offer, COUNT])
        if times <= 0:
            break
        for n in range(sent, sent + times):
            clock = get(events, store, take, n)
            add(events, store, offer, clock + 1)
        meet(events, store, ports, b, at)
        sent, moved = sent + times, True
    most = room(events, gate, take)
    if events[gate, COUNT] == 0:
        add(events, store, gate, ANY)
        moved = True
    while events[gate, COUNT] < most:
        opened = events[gate, COUNT]
        former = opened - 1
        at = _dealt_to(events, ports, numbers, b, former)
        first = former // (beats * numbers[b, 0]) * beats + former % beats  # of that stream
        if least_step(events, ports, b, at) == 1:
            times = min(most - opened, beats - former % beats, wanted(events, ports, b, at) - first)
            if times <= 0:
                break
            for n in range(first, first + times):
                add(events, store, gate, last_gate(events, store, ports, b, at, n))
        else:
            leave = ports[b, at + 1]
            if events[leave, COUNT] <= first:
                break
            left = get(events, store, leave, first)
            if sent == opened and events[given, COUNT] > opened:  # it is known when it will be taken
                left = clock = max(clock + 1, get(events, store, given, opened), left)
                at = _dealt_to(events, ports, numbers, b, opened)
                add(events, store, ports[b, at], clock + 1)
                meet(events, store, ports, b, at)
                sent = opened + 1
            add(events, store, gate, left)
        moved = True
    state[b, 0], state[b, 1] = sent, clock
    return moved


@compiled
def _dealt_to(events: A, ports: A, numbers: A, b: int, beat: int) -> int:
    """Return the port of the stream to which ``beat`` is dealt."""
    at = 4
    for _ in range(beat // numbers[b, 1] % numbers[b, 0]):
        at += 2 + 2 * events[ports[b, at], READERS]
    return at
