"""Events in rings, and how the beats of a stream meet: what compiled blocks are made of.

Events of one sort are a sequence of clocks, in order.  A stream has the sequences

    offer[n]     clock in which its writer alone could make beat n valid
    gate[r][n]   clock from which reader r alone could take it
    valid[n]   = max(offer[n], leave[n - 1] + 1)
    take[r][n] = max(valid[n], gate[r][n], take[r][n - 1] + step[r])
    leave[n]   = max over r of take[r][n]

where an offer or a gate of ``ANY`` adds nothing.  A queue has ``put[n]`` and ``free[n]``, and ``credit[n]``, what its
reader can tell of ``free[n]`` ahead, where that is enough.  The writer of a stream works out take and leave.

Sequences are rings.  Offers and gates run at most ``AHEAD`` beats ahead of what has left or was taken, and rings are
longer by what blocks look back, so nothing is overwritten that is still needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numba

from gan2hls.numbers import Int64Array

#: Annotates the arrays that compiled functions share.
A = Int64Array
P = ParamSpec("P")
R = TypeVar("R")

#: Options of a compiled function that makes no array: references to those that it is given are not counted.
UNCOUNTED: dict[str, Any] = {"_nrt": False}
#: A clock that bounds nothing.
ANY = -1
#: Columns of ``events``: place of the ring, its size - 1, events so far, events in all (of credits 0: none are told),
#: how far a stream may be ahead; of offers the readers, of gates the least clocks between takes, of leaves the first
#: clock of the next.
AT, MASK, COUNT, LIMIT, AHEAD, READERS, STEP, NEXT = range(8)
#: Bits of the number of a block within a group; of a group it is counted how many are ready.
GROUP_BITS = 4


class Arrays(NamedTuple):
    """A network in arrays, all int64.

    Attributes:
        kinds: ``[B]``, places in ``clocks.KINDS``.
        memory: the blocks that are ports of an external memory.
        unpacks: bool ``[B]``, which blocks ports let go on themselves.
        ports: ``[B, ...]``, the numbers of a block's events, as the function of its kind has them.  Of a stream that is
            read: offer, gate, take, leave; of one that is written: offer, leave, then gate and take of each reader, a
            single one's take being leave; of a queue: put, free, credit.  What a source or a sink tells stands between.
        numbers: ``[B, ...]``, parameters.
        tables_at: ``[B, ...]``, where a block's tables start.
        tables: all tables.
        events: ``[E, 8]``, the rings; see ``AT``.  Counts are written.
        store: what the rings hold.  Written.
        state: ``[B, clocks.STATES]``, zeros.  Written.
        wakes_at: ``[B + 1]``, where the list of a block's neighbours starts and ends.
        wakes: the blocks that may go on when another one has; of a port the reader of each of its queues.
        watched: ``[len(wakes), 3]``, events of which one must have happened for that, some of them more than once.
        seen: ``[len(wakes)]``, how many had happened when it was woken last, zeros.  Written.
        ready: bool ``[B]``, whether a block may go on, False.  Written.
        groups: ``[B / 2**GROUP_BITS, rounded up]``, how many blocks of those side by side may, zeros.  Written.
    """

    kinds: A
    memory: A
    unpacks: Any
    ports: A
    numbers: A
    tables_at: A
    tables: A
    events: A
    store: A
    state: A
    wakes_at: A
    wakes: A
    watched: A
    seen: A
    ready: Any
    groups: A


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` as a part of what calls it; that holds the arrays, so no reference to them is counted."""
    made: Any = numba.njit(function, **UNCOUNTED)
    return made  # type: ignore[no-any-return]


@compiled
def wake(ready: Any, groups: A, block: int) -> int:
    """Let ``block`` be ready; return 1 if it was not."""
    if ready[block]:
        return 0
    ready[block] = True
    groups[block >> GROUP_BITS] += 1
    return 1


@compiled
def wake_neighbours(net: Arrays, b: int) -> int:
    """Let the blocks be ready for which something has happened when ``b`` went on; return how many more are."""
    events, watched, more = net.events, net.watched, 0
    for n in range(net.wakes_at[b], net.wakes_at[b + 1]):
        happened = events[watched[n, 0], COUNT] + events[watched[n, 1], COUNT] + events[watched[n, 2], COUNT]
        if happened != net.seen[n]:
            net.seen[n] = happened
            more += wake(net.ready, net.groups, net.wakes[n])
    return more


@compiled
def get(events: A, store: A, event: int, n: int) -> int:
    """Return the clock of event ``n``."""
    clock: int = store[events[event, AT] + (n & events[event, MASK])]
    return clock


@compiled
def add(events: A, store: A, event: int, clock: int) -> None:
    """Let the next event happen in ``clock``."""
    n = events[event, COUNT]
    store[events[event, AT] + (n & events[event, MASK])] = clock
    events[event, COUNT] = n + 1


@compiled
def room(events: A, event: int, done: int) -> int:
    """Return how many events there may be while those of ``done`` are the last that were answered."""
    most: int = min(events[event, LIMIT], events[done, COUNT] + events[event, AHEAD])
    return most


@compiled
def meet(events: A, store: A, ports: A, b: int, at: int) -> bool:
    """Let the beats of the stream written at port ``at`` pass that are offered and wanted; return whether any did.

    Each reader of a fork takes a beat on its own; the next one is valid when all have.
    """
    offer, leave = ports[b, at], ports[b, at + 1]
    n = events[leave, COUNT]
    if events[offer, READERS] == 1:
        gate = ports[b, at + 2]
        at_offer, at_gate, at_leave, mask = events[offer, AT], events[gate, AT], events[leave, AT], events[offer, MASK]
        step, earliest = events[gate, STEP], events[leave, NEXT]
        end = min(events[offer, COUNT], events[gate, COUNT])
        for beat in range(n, end):
            place = beat & mask
            clock = max(store[at_offer + place], earliest, store[at_gate + place])
            store[at_leave + place] = clock
            earliest = clock + step
        events[leave, COUNT], events[leave, NEXT] = max(n, end), earliest
        passed: bool = n < end
        return passed
    moved = False
    while n < events[offer, COUNT]:
        valid = left = max(get(events, store, offer, n), events[leave, NEXT])
        waiting = False
        for port in range(at + 2, at + 2 + 2 * events[offer, READERS], 2):
            gate, take = ports[b, port], ports[b, port + 1]
            if events[take, COUNT] == n:
                if events[gate, COUNT] == n:
                    waiting = True
                    continue
                clock = max(valid, get(events, store, gate, n))
                if n > 0:
                    clock = max(clock, get(events, store, take, n - 1) + events[gate, STEP])
                add(events, store, take, clock)
                moved = True
            left = max(left, get(events, store, take, n))
        if waiting:
            break
        add(events, store, leave, left)
        events[leave, NEXT] = left + 1
        n += 1
    return moved


@compiled
def wanted(events: A, ports: A, b: int, at: int) -> int:
    """Return of how many beats of the stream written at port ``at`` all readers' gates are known."""
    offer = ports[b, at]
    count: int = events[offer, LIMIT]
    for reader in range(events[offer, READERS]):
        count = min(count, events[ports[b, at + 2 + 2 * reader], COUNT])
    return count


@compiled
def last_gate(events: A, store: A, ports: A, b: int, at: int, n: int) -> int:
    """Return the clock from which all readers of the stream written at port ``at`` could take beat ``n``."""
    clock = ANY
    for reader in range(events[ports[b, at], READERS]):
        clock = max(clock, get(events, store, ports[b, at + 2 + 2 * reader], n))
    return clock


@compiled
def least_step(events: A, ports: A, b: int, at: int) -> int:
    """Return the least clocks between beats of the stream written at port ``at``; of a fork it is only known if 1."""
    step = 1
    for reader in range(events[ports[b, at], READERS]):
        step = max(step, events[ports[b, at + 2 + 2 * reader], STEP])
    return step


@compiled
def send(
    events: A, store: A, ports: A, state: A, b: int, at: int, words: int, ratio: int, delay: int
) -> tuple[bool, bool]:
    """Offer the ``ratio`` beats of each of the events ``words`` at port ``at``, the first ``delay`` clocks later.

    Returns whether anything was done, and whether beats passed; then there may be room for more.  State 0 and 1: part
    and word of the next offer.
    """
    offer, leave = ports[b, at], ports[b, at + 1]
    at_offer, offer_mask = events[offer, AT], events[offer, MASK]
    at_word, word_mask = events[words, AT], events[words, MASK]
    n, end, known = events[offer, COUNT], room(events, offer, leave), events[words, COUNT]
    part, word, offered = state[b, 0], state[b, 1], False
    while n < end and (part > 0 or word < known):
        store[at_offer + (n & offer_mask)] = store[at_word + (word & word_mask)] + delay if part == 0 else ANY
        n, part, offered = n + 1, part + 1, True
        if part == ratio:
            part, word = 0, word + 1
    events[offer, COUNT], state[b, 0], state[b, 1] = n, part, word
    passed = meet(events, store, ports, b, at)
    return offered or passed, passed
