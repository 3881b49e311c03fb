"""The recurrences of blocks between an external memory and an engine: the port, decoders, and where parts meet."""

from __future__ import annotations

from gan2hls.timing.rings import (
    ANY,
    COUNT,
    LIMIT,
    A,
    add,
    compiled,
    get,
    meet,
    room,
)

#: Columns of the state of a port: the next clock in which it may ask, whose turn it is, the first clock in which the
#: memory could send another beat, bursts so far; then the clock of the last beat of each burst that may be on its way;
#: then how many free places of each queue are counted.
_CLOCK, _TURN, _END, _BURSTS, LASTS = range(5)
#: Beyond every clock.
_NEVER = 1 << 62


@compiled
def port(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Ask for bursts: of whose turn it is, where a queue has room; a turn without room is passed on in a clock.

    It must only go on when no other block can.  Then whatever is not known yet is behind words that it has not put yet,
    and so is later than what it asks for next.  The words of that may be known when the first of them is there, so it
    asks no further than that.  Ports: queues; numbers: queues, beats of a burst and of a queue, bursts on their way,
    clocks from a request to its first beat; table: beats of regions; state: see above.
    """
    count, burst, outstanding, memory = numbers[b, 0], numbers[b, 1], numbers[b, 3], numbers[b, 4]
    horizon, moved = _NEVER, False
    while True:
        clock, turn = state[b, _CLOCK], state[b, _TURN]
        first = own = _NEVER
        for n in range(count):
            room_from = _has_room(events, store, ports, numbers, state, b, n, clock)
            first = min(first, room_from)
            own = room_from if n == turn else own
        if first > horizon or first == _NEVER:
            return moved
        if own > clock:  # nobody has room before the first one has
            passed = max(first - clock, 1)
            state[b, _TURN], state[b, _CLOCK] = (turn + passed) % count, clock + passed
            continue
        slot = LASTS + state[b, _BURSTS] % outstanding
        if state[b, _BURSTS] >= outstanding and state[b, slot] >= clock:
            state[b, _CLOCK] = state[b, slot] + 1
            continue
        put, region = ports[b, 3 * turn], tables[tables_at[b, 0] + turn]
        beats = min(burst, region - events[put, COUNT] % region)
        come = max(clock + 1 + memory, state[b, _END])
        for beat in range(beats):
            add(events, store, put, come + beat)
        state[b, _END] = come + beats
        state[b, slot] = come + beats - 1
        state[b, _BURSTS] += 1
        state[b, _TURN], state[b, _CLOCK] = (turn + 1) % count, clock + 1
        horizon, moved = min(horizon, clock + 2 + memory), True


@compiled
def _has_room(events: A, store: A, ports: A, numbers: A, state: A, b: int, n: int, clock: int) -> int:
    """Return the first clock from ``clock`` on in which queue ``n`` has room for a burst, as far as it is known.

    Places that are free before ``clock`` are counted.
    """
    burst, depth, put, free = numbers[b, 1], numbers[b, 2], ports[b, 3 * n], ports[b, 3 * n + 1]
    at = LASTS + numbers[b, 3] + n
    counted = state[b, at]
    while counted < events[free, COUNT] and get(events, store, free, counted) < clock:
        counted += 1
    state[b, at] = counted
    asked = events[put, COUNT]
    if asked + burst > events[put, LIMIT]:
        return _NEVER  # all that the network has
    if depth - (asked - counted) >= burst:
        return clock
    last = asked - depth + burst - 1
    if last >= events[free, COUNT]:
        return _NEVER
    return get(events, store, free, last) + 1


@compiled
def decoder(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Decode a symbol when the bits that it needs are there, or all of the pass; take a chunk where it has room.

    What is left of a pass is dropped before the next one begins.  Ports: chunks, symbols; numbers: symbols and chunks
    of a pass, bits of a chunk, bits of the longest code; table: bits of a pass before each symbol, and all; state:
    symbols of the pass that leave room for the chunk of the next gate.
    """
    gate, take, offer, leave = ports[b, 1], ports[b, 2], ports[b, 4], ports[b, 5]
    symbols, chunks, chunk_bits, longest = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    bits = tables_at[b, 0]
    moved, passed = False, True
    while passed:
        for n in range(events[offer, COUNT], room(events, offer, leave)):
            needed = (tables[bits + n % symbols] + longest + chunk_bits - 1) // chunk_bits
            chunk = n // symbols * chunks + min(needed, chunks) - 1
            if events[take, COUNT] <= chunk:
                break
            add(events, store, offer, get(events, store, take, chunk) + 1)
            moved = True
        passed = meet(events, store, ports, b, 4)
        moved |= passed
    for n in range(events[gate, COUNT], room(events, gate, take)):
        start, chunk, before = n // chunks * symbols, n % chunks, state[b, 0]
        before = 0 if chunk == 0 else before
        while before < symbols and tables[bits + before] < chunk * chunk_bits - 2 * longest:
            before += 1
        state[b, 0] = before
        if events[leave, COUNT] < start + before:
            break
        opened = ANY
        if chunk == 0 and n > 0:
            if events[take, COUNT] < n:
                break
            opened = max(get(events, store, leave, start - 1), get(events, store, take, n - 1)) + 2
        elif before > 0:
            opened = get(events, store, leave, start + before - 1) + 1
        add(events, store, gate, opened)
        moved = True
    return moved


@compiled
def expand(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Give the symbols of phrases, a clock each: a phrase is taken in the clock in which its last symbol is put.

    Ports: phrases, symbols; number: phrases of a pass; table: symbols of each; state: symbols of the phrase that are
    put, phrases that are done with.
    """
    given, gate, take = ports[b, 0], ports[b, 1], ports[b, 2]
    offer, leave, phrases, spans = ports[b, 4], ports[b, 5], numbers[b, 0], tables_at[b, 0]
    moved, goes_on = False, True
    while goes_on:
        n, phrase, goes_on = events[offer, COUNT], state[b, 1], False
        if phrase < events[take, COUNT]:
            add(events, store, offer, get(events, store, take, phrase) + 1)
            state[b, 0], state[b, 1], goes_on = 0, phrase + 1, True
        elif n < events[offer, LIMIT] and events[leave, COUNT] == n:
            before = get(events, store, leave, n - 1) if n > 0 else ANY
            if state[b, 0] + 1 < tables[spans + phrase % phrases]:
                if phrase < events[given, COUNT]:
                    add(events, store, offer, max(before, get(events, store, given, phrase)) + 1)
                    state[b, 0] += 1
                    goes_on = True
            elif events[gate, COUNT] == phrase:
                add(events, store, gate, before)
                moved = True
        goes_on |= meet(events, store, ports, b, 4)
        moved |= goes_on
    return moved


@compiled
def meeting(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Let a beat of each stream leave with the one that they make.  Ports: streams, then the one that is written."""
    out = 4 * numbers[b, 0]
    offer, leave, first = ports[b, out], ports[b, out + 1], ports[b, 1]
    moved, passed = False, True
    while passed:
        known = room(events, offer, leave)
        for port in range(0, out, 4):
            known = min(known, events[ports[b, port], COUNT])
        for n in range(events[offer, COUNT], known):
            clock = ANY
            for port in range(0, out, 4):
                clock = max(clock, get(events, store, ports[b, port], n))
            add(events, store, offer, clock)
            moved = True
        passed = meet(events, store, ports, b, out)
        moved |= passed
    for n in range(events[first, COUNT], events[leave, COUNT]):
        for port in range(0, out, 4):
            add(events, store, ports[b, port + 1], get(events, store, leave, n))
        moved = True
    return moved
