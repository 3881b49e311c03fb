"""Queues: how many beats each edge must hold so that no branch of a fork holds up another one.

Where branches meet again, the earlier one waits for the later one.  A run of the cycle model with queues that never
fill tells how many beats wait at most; with just as many places the design runs clock for clock as it did.

Engines read and write in an order of their own, whatever the clock (a Kahn network), so a design that comes to its end
in that run comes to its end under any back-pressure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gan2hls.hardware.cycles import design_network, estimate, frame_count, queue_name
from gan2hls.hardware.design import Design
from gan2hls.hardware.edges import QUEUE_WORDS, RING_OUT_WORDS, Edge
from gan2hls.numbers import Int64Array
from gan2hls.timing import Queue, simulate

#: How far a frame interval may rise for shorter queues.
_TOLERANCE = 1.002
#: Frames that a queue must never hold: more than all that are simulated.
_NEVER_FULL = 8

Depths = Mapping[tuple[str, int], int]


def waiting_edges(design: Design) -> tuple[Edge, ...]:
    """Return the edges that may have to wait for others: those into engines of several inputs.

    What enters the design and has one reader waits outside.
    """
    several = {engine.layer.name for engine in design.engines if len(engine.layer.inputs) > 1}
    inputs = {stream.tensor for stream in design.inputs}
    return tuple(
        edge
        for edge in design.edges
        if edge.reader in several and not (edge.source.tensor in inputs and edge.branch is None)
    )


def with_endless_queues(design: Design) -> Design:
    """Return ``design`` with a queue at every edge that may have to wait, long enough to never fill."""
    depths = {(e.reader, e.port): max(_NEVER_FULL * e.source.beats, 2 * QUEUE_WORDS) for e in waiting_edges(design)}
    return replace(design, depths=depths)


def with_queues(design: Design) -> Design:
    """Return ``design``, whose queues are endless, with the least ones that keep its frame interval."""
    if not design.depths:
        return design
    wanted = estimate(design).interval * _TOLERANCE
    depths = _least_depths(design)
    for edge in waiting_edges(design):  # two inputs that read one tensor are two branches
        if edge.source.tensor in design.engine(edge.reader).layer.inputs[: edge.port]:
            depths[edge.reader, edge.port] = max(2, depths[edge.reader, edge.port])
    made = replace(design, depths=_legal(depths))
    behind = RING_OUT_WORDS  # a short queue has other latencies than a ring, and no words behind its memory
    while _interval(made) > wanted:
        depths = {
            key: depth + behind if behind and depth <= QUEUE_WORDS else depth if behind else 2 * max(depth, 2)
            for key, depth in depths.items()
        }
        behind = 0
        made = replace(design, depths=_legal(depths))
    for edge in waiting_edges(design):
        key = edge.reader, edge.port
        if depths[key] > edge.source.beats:  # it ran ahead by whole frames, which nobody may need
            depths[key] = _least(made, key, depths, wanted)
            made = replace(design, depths=_legal(depths))
    return made


def _least(design: Design, key: tuple[str, int], depths: dict[tuple[str, int], int], wanted: float) -> int:
    """Return the least power of two, or else the depth that it is, of one queue that keeps the interval ``wanted``."""
    low, high = 1, depths[key].bit_length()
    while low < high:
        middle = (low + high) // 2
        kept = _interval(replace(design, depths=_legal({**depths, key: 1 << middle}))) <= wanted
        low, high = (low, middle) if kept else (middle + 1, high)
    return min(1 << low, depths[key])


def _interval(design: Design) -> float:
    """Return the estimated interval of ``design``, infinite where it gets stuck."""
    try:
        return estimate(design).interval
    except AssertionError:
        return math.inf


def _legal(depths: Depths) -> dict[tuple[str, int], int]:
    """Return depths as queues can have them: none for one beat, short ones a power of two."""
    return {
        key: depth if depth > QUEUE_WORDS else 1 << max(1, (depth - 1).bit_length())
        for key, depth in depths.items()
        if depth > 1
    }


def _least_depths(design: Design) -> dict[tuple[str, int], int]:
    """Return how many beats wait in each endless queue of ``design`` at most, by edge."""
    network = design_network(design, frame_count(design))
    names = {f"{queue_name(edge)}.words": (edge.reader, edge.port) for edge in waiting_edges(design)}
    queues = {edge: names[edge.name] for edge in network.edges if isinstance(edge, Queue) and edge.name in names}
    made = simulate(network, queues)
    found = {}
    for queue, key in queues.items():
        clocks = made.queue(queue)
        found[key] = _most_waiting(clocks.put, clocks.free)
    return found


def _most_waiting(put: Int64Array, free: Int64Array) -> int:
    """Return the least places with which words ``put`` in these clocks find one that was ``free`` a clock before."""
    left = np.searchsorted(free + 1, put, side="right")
    return int((np.arange(put.size) - left).max()) + 1
