"""The recurrences of blocks between an external memory and an engine: the port, decoders, and where parts meet."""

from __future__ import annotations

from gan2hls.timing.rings import (
    ANY,
    COUNT,
    LIMIT,
    A,
    Arrays,
    add,
    compiled,
    get,
    meet,
    room,
    wake,
    wake_neighbours,
)

#: Columns of the state of a port: the next clock in which it may ask, whose turn it is, the first clock in which the
#: memory could send another beat, bursts so far; then the clock of the last beat of each burst that may be on its way.
_CLOCK, _TURN, _END, _BURSTS, LASTS = range(5)
#: Columns of the state of a decoder from which the clocks of its last chunks stand, and those in which its last symbols
#: were decoded, and left; and how many do, powers of two: more than credits, and than bits of the longest code.
CHUNKS, LAST_CHUNKS = 12, 16
DECODED, LAST_SYMBOLS = CHUNKS + LAST_CHUNKS, 256
SENT = DECODED + LAST_SYMBOLS
#: Beyond every clock.
_NEVER = 1 << 62


@compiled
def go_on(net: Arrays) -> int:
    """Let the ports ask for bursts; return how many blocks that wakes: 0, as none can ask any more.

    They must only go on when no other block can.  Then whatever is not known yet is behind words that they have not put
    yet, and no port asks further than to the clock in which the first of those could be there.  Nobody else wakes
    them, and they wake who reads what they fill; an ``unpack`` goes on at once, and wakes whom it has a row for.
    """
    woken = 0
    while woken == 0:
        horizon = _NEVER
        for b in net.memory:
            first = _NEVER
            for n in range(net.numbers[b, 0]):
                first = min(first, _has_room(net, b, n, net.state[b, _CLOCK]))
            horizon = min(horizon, first + 2 + net.numbers[b, 4])
        if horizon >= _NEVER:
            break
        for b in net.memory:
            woken += _port(net, b, horizon)
    return woken


@compiled
def _port(net: Arrays, b: int, horizon: int) -> int:
    """Ask for bursts: of whose turn it is, where a queue has room; a turn without room is passed on in a clock.

    Returns how many blocks are woken.  It asks no further than ``horizon``.  Ports: queues; numbers: queues, beats of a
    burst and of a queue, bursts on their way, clocks from a request to its first beat; table: beats of regions; state:
    see above.
    """
    events, store, ports, numbers, state = net.events, net.store, net.ports, net.numbers, net.state
    count, burst, outstanding, memory = numbers[b, 0], numbers[b, 1], numbers[b, 3], numbers[b, 4]
    woken = 0
    while True:
        clock, turn = state[b, _CLOCK], state[b, _TURN]
        first = own = _NEVER
        for n in range(count):
            room_from = _has_room(net, b, n, clock)
            first = min(first, room_from)
            own = room_from if n == turn else own
        if first > horizon or first == _NEVER:
            return woken
        if own > clock:  # nobody has room before the first one has
            passed = max(first - clock, 1)
            state[b, _TURN], state[b, _CLOCK] = (turn + passed) % count, clock + passed
            continue
        slot = LASTS + state[b, _BURSTS] % outstanding
        if state[b, _BURSTS] >= outstanding and state[b, slot] >= clock:
            state[b, _CLOCK] = state[b, slot] + 1
            continue
        put, region = ports[b, 3 * turn], net.tables[net.tables_at[b, 0] + turn]
        beats = min(burst, region - events[put, COUNT] % region)
        come = max(clock + 1 + memory, state[b, _END])
        for beat in range(beats):
            add(events, store, put, come + beat)
        state[b, _END] = come + beats
        state[b, slot] = come + beats - 1
        state[b, _BURSTS] += 1
        state[b, _TURN], state[b, _CLOCK] = (turn + 1) % count, clock + 1
        reader = net.wakes[net.wakes_at[b] + turn]
        if not net.unpacks[reader]:
            woken += wake(net.ready, net.groups, reader)
        elif unpack(events, store, ports, numbers, state, reader):
            woken += wake_neighbours(net, reader)


@compiled
def _has_room(net: Arrays, b: int, n: int, clock: int) -> int:
    """Return the first clock from ``clock`` on in which queue ``n`` has room for a burst, as far as it is known."""
    put, free, burst = net.ports[b, 3 * n], net.ports[b, 3 * n + 1], net.numbers[b, 1]
    asked = net.events[put, COUNT]
    if asked + burst > net.events[put, LIMIT]:
        return _NEVER  # all that the network has
    last = asked - net.numbers[b, 2] + burst - 1
    if last < 0:
        return clock
    if last >= net.events[free, COUNT]:
        return _NEVER
    return max(clock, get(net.events, net.store, free, last) + 1)


@compiled
def unpack(events: A, store: A, ports: A, numbers: A, state: A, b: int) -> bool:
    """Make words of beats, and rows of words: a FIFO, a width converter and a loader, without events between them.

    A beat is freed when the FIFO loads it, in the clock in which the former one is taken.  It is taken when the last
    word of that one leaves, or, if it makes a word whole, one clock later; a word leaves when its row has a place.
    Ports: beats, rows; numbers: words of a beat, beats of a word, words of a row, rows, clocks from a free row to its
    first word; state: beats taken, clock of the last one, beats of a word that is not whole, words that are left, first
    clock of the first of them, clock of the last word that left, place of the next one in its row, row.
    """
    put, free, full, freed = ports[b, 0], ports[b, 1], ports[b, 3], ports[b, 4]
    parts, joined, row_words, rows = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    taken, take, beats, left = state[b, 0], state[b, 1], state[b, 2], state[b, 3]
    valid, clock, place, row = state[b, 4], state[b, 5], state[b, 6], state[b, 7]
    registered = 1 if parts > 1 or joined > 1 else 0  # a converter stands between FIFO and loader
    moved, going = False, True
    while going:
        going = False
        while left > 0:
            opened = ANY
            if place == 0 and row >= rows:
                if row - rows >= events[freed, COUNT]:
                    break
                opened = get(events, store, freed, row - rows) + numbers[b, 4]
            clock = max(clock + 1, opened, valid)
            left, place, going = left - 1, place + 1, True
            if not registered:
                take = clock
            if place == row_words:
                add(events, store, full, clock)
                place, row = 0, row + 1
        if events[free, COUNT] == taken and taken < events[put, COUNT] and (registered or left == 0):
            loaded = get(events, store, put, taken) + 1
            add(events, store, free, loaded if taken == 0 else max(loaded, take))
            going = True
        whole = beats + 1 == joined
        if events[free, COUNT] > taken and (left == 0 or not whole):
            take = max(take + 1, get(events, store, put, taken) + 2)
            if whole and registered:
                take = max(take, clock if parts > 1 else clock + 1)
            taken, beats, going = taken + 1, beats + 1, True
            if whole:
                beats, left, valid = 0, parts, take + registered
        moved |= going
    state[b, 0], state[b, 1], state[b, 2], state[b, 3] = taken, take, beats, left
    state[b, 4], state[b, 5], state[b, 6], state[b, 7] = valid, clock, place, row
    return moved


@compiled
def decoder(events: A, store: A, ports: A, numbers: A, state: A, tables_at: A, tables: A, b: int) -> bool:
    """Make words of coded beats, without events in between: a decoder, what stands in front of it and behind it.

    In front: a FIFO, and what makes chunks; behind: the queue of its table, and what joins symbols to words.

    A symbol is decoded when the bits that it needs are there, or all of the pass; a chunk is taken where it has room.
    What is left of a pass is dropped before the next one begins.  The queue gives credits, as that of a requantizer
    does, and the last symbol of a word is taken when the former word has left.  Ports: beats, words; numbers: symbols
    and chunks of a pass, bits of a chunk, bits of the longest code, chunks of a beat, clocks from a symbol to its push,
    credits, symbols of a word; tables: bits of a pass before each symbol, and all; the chunk of the pass with which a
    symbol has what it needs; state: beats taken, clock of the last one, chunks of it that are left, first clock of the
    first of them; chunks taken, clock of the last one, symbols of the pass that leave room for the next one; symbols
    that are decoded, that have left the queue, and the first clocks of the next ones; symbols of the next word; clocks
    of the last chunks, and those of the last symbols, twice.
    """
    put, free, offer, leave = ports[b, 0], ports[b, 1], ports[b, 3], ports[b, 4]
    symbols, chunks, chunk_bits, longest = numbers[b, 0], numbers[b, 1], numbers[b, 2], numbers[b, 3]
    to_push, credits, joined = numbers[b, 5], numbers[b, 6], numbers[b, 7]
    taken, take, left, valid = state[b, 0], state[b, 1], state[b, 2], state[b, 3]
    chunk, clock, before, bits = state[b, 4], state[b, 5], state[b, 6], tables_at[b, 0]
    decoded, sent, decodes, sends, part = state[b, 7], state[b, 8], state[b, 9], state[b, 10], state[b, 11]
    total, mask = events[offer, LIMIT] * joined, LAST_SYMBOLS - 1
    needs, symbol, first = tables_at[b, 1], decoded % symbols, decoded // symbols * chunks
    moved, going = False, True
    while going:
        going = False
        if events[free, COUNT] == taken and taken < events[put, COUNT]:
            loaded = get(events, store, put, taken) + 1
            add(events, store, free, loaded if taken == 0 else max(loaded, take))
            going = True
        if left == 0 and events[free, COUNT] > taken:
            take = max(take + 1, get(events, store, put, taken) + 2, clock)
            taken, left, valid, going = taken + 1, numbers[b, 4], take + 1, True
        while left > 0:
            start, within = chunk // chunks * symbols, chunk % chunks
            before = 0 if within == 0 else before
            while before < symbols and tables[bits + before] < within * chunk_bits - 2 * longest:
                before += 1
            if decoded < start + before:
                break
            opened = ANY
            if within == 0 and chunk > 0:
                opened = max(state[b, DECODED + ((start - 1) & mask)], clock) + 2
            elif before > 0:
                opened = state[b, DECODED + ((start + before - 1) & mask)] + 1
            clock = max(clock + 1, opened, valid)
            state[b, CHUNKS + (chunk & (LAST_CHUNKS - 1))] = clock
            chunk, left, going = chunk + 1, left - 1, True
        for n in range(decoded, min(total, sent + credits + 1)):
            last = first + tables[needs + symbol]
            if chunk <= last:
                break
            decodes = max(decodes, state[b, CHUNKS + (last & (LAST_CHUNKS - 1))] + 1)
            if n >= credits:
                decodes = max(decodes, state[b, DECODED + ((n - credits) & mask)] + to_push + 2)
            if n > credits:
                decodes = max(decodes, state[b, SENT + ((n - credits - 1) & mask)] + 1)
            state[b, DECODED + (n & mask)] = decodes
            decoded, decodes, symbol, going = n + 1, decodes + 1, symbol + 1, True
            if symbol == symbols:
                symbol, first = 0, first + chunks
        if joined == 1:
            for n in range(events[offer, COUNT], min(decoded, room(events, offer, leave))):
                add(events, store, offer, state[b, DECODED + (n & mask)] + to_push + 2)
            meet(events, store, ports, b, 3)
            for n in range(sent, events[leave, COUNT]):
                state[b, SENT + (n & mask)] = get(events, store, leave, n)
                sent, going = n + 1, True
        for n in range(sent, decoded if joined > 1 else sent):
            word = events[offer, COUNT]
            if part == joined - 1 and word > events[leave, COUNT]:
                break
            sends = max(sends, state[b, DECODED + (n & mask)] + to_push + 2)
            if part == joined - 1 and word > 0:
                sends = max(sends, get(events, store, leave, word - 1) + 1)
            state[b, SENT + (n & mask)] = sends
            sent, sends, part, going = n + 1, sends + 1, part + 1, True
            if part == joined:
                add(events, store, offer, sends)
                part = 0
                meet(events, store, ports, b, 3)
        going |= meet(events, store, ports, b, 3)
        moved |= going
    state[b, 0], state[b, 1], state[b, 2], state[b, 3] = taken, take, left, valid
    state[b, 4], state[b, 5], state[b, 6] = chunk, clock, before
    state[b, 7], state[b, 8], state[b, 9], state[b, 10], state[b, 11] = decoded, sent, decodes, sends, part
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
