"""How a network lies in memory for ``native/clocks.cpp``, which evaluates it; its header is written of this."""

from __future__ import annotations

from typing import Any, NamedTuple

from gan2hls.numbers import Int64Array

#: Kinds of blocks by number.
KINDS = (
    "source", "sink", "up", "down", "loader", "sequencer", "fifo", "steps", "join", "deal", "requant", "requant_holes",
    "decoder", "expand", "meeting", "unpack", "reader", "writer",
)  # fmt: skip
#: Columns of ``events``: place of the ring, its size - 1, events so far, events in all (of credits 0: none are told),
#: how far a stream may be ahead; of offers the readers, of gates the least clocks between takes, of leaves the first
#: clock of the next.
EVENT = ("at", "mask", "count", "limit", "ahead", "readers", "step", "next")
AT, MASK, COUNT, LIMIT, AHEAD, READERS, STEP, NEXT = range(len(EVENT))
#: A clock that bounds nothing.
ANY = -1
#: Blocks of a word of ``ready``, a bit each.
READY_BITS = 64
#: Integers of state of a block, but for ports and decoders.
STATES = 10
#: Columns of the state of a port that tell whose turn it is, and from which the clocks of the last bursts stand.
TURN, LASTS = 1, 5
#: Integers of state of each client of a port, behind those.
CLIENT = 5
#: Columns of the state of a decoder from which the clocks of its last chunks stand, and those in which its last symbols
#: were decoded, and left; and how many do, powers of two: more than credits, and than bits of the longest code.
CHUNKS, LAST_CHUNKS = 12, 16
DECODED, LAST_SYMBOLS = CHUNKS + LAST_CHUNKS, 256
SENT = DECODED + LAST_SYMBOLS
_CONSTANTS = (
    "ANY", "READY_BITS", "TURN", "LASTS", "CLIENT", "CHUNKS", "LAST_CHUNKS", "DECODED", "LAST_SYMBOLS", "SENT",
)  # fmt: skip


class Arrays(NamedTuple):
    """A network in arrays, all int64.

    Attributes:
        kinds: ``[B]``, places in ``KINDS``.
        memory: the blocks that read or write an external memory.
        unpacks: bool ``[B]``, which blocks ports let go on themselves.
        ports: ``[B, ...]``, the numbers of a block's events, as the function of its kind has them.  Of a stream that is
            read: offer, gate, take, leave; of one that is written: offer, leave, then gate and take of each reader, a
            single one's take being leave; of a queue: put, free, credit.  What a source or a sink tells stands between.
        numbers: ``[B, ...]``, parameters.
        tables_at: ``[B, ...]``, where a block's tables start.
        tables: all tables.
        events: ``[E, 8]``, the rings; see ``EVENT``.  Counts are written.
        store: what the rings hold.  Written.
        state: ``[B, ...]``, zeros but for turns.  Written.
        wakes_at: ``[B + 1]``, where the list of a block's neighbours starts and ends.
        wakes: the blocks that may go on when another one has; of a reader or writer of a memory the other
            side of each of its queues.
        watched: ``[len(wakes), 3]``, events of which one must have happened for that, some of them more than once.
        seen: ``[len(wakes)]``, how many had happened when it was woken last, zeros.  Written.
        ready: uint64 ``[B / READY_BITS, rounded up]``, a bit for each block, the lowest first: whether it may go on;
            zeros.  Written.
    """

    kinds: Int64Array
    memory: Int64Array
    unpacks: Any
    ports: Int64Array
    numbers: Int64Array
    tables_at: Int64Array
    tables: Int64Array
    events: Int64Array
    store: Int64Array
    state: Int64Array
    wakes_at: Int64Array
    wakes: Int64Array
    watched: Int64Array
    seen: Int64Array
    ready: Any


def header() -> str:
    """Return ``layout.hpp``: the kinds, the constants, a row of ``events``, and a view of each of the arrays."""
    constants = "".join(f"constexpr int64_t {name} = {globals()[name]};\n" for name in _CONSTANTS)
    types = {"unpacks": "bool", "ready": "uint64_t", "events": "event"}
    views = "".join(f"    view<{types.get(name, 'int64_t')}> {name};\n" for name in Arrays._fields)
    return f"""// layout.hpp - written by layout.py, which says what all this is.
#ifndef GAN2HLS_TIMING_LAYOUT_HPP
#define GAN2HLS_TIMING_LAYOUT_HPP

#include <cstdint>

namespace gan2hls {{

enum kind : int64_t {{ {", ".join(KINDS).upper()} }};

{constants}
struct event {{
    int64_t {", ".join(EVENT)};
}};

template <class T>
struct view {{
    T* data;
    int64_t rows, columns;

    T* row(int64_t n) const {{ return data + n * columns; }}
}};

struct arrays {{
{views}}};

}}  // namespace gan2hls

#endif
"""
