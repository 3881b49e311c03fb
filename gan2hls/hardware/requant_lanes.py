"""How many lanes the requantizer of a linear engine has, so that it keeps up with the MAC array, and ends soon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.pinned import lanes_choices
from gan2hls.ops import LinearGeometry

#: Numbers of lanes that are compared where layers take turns.
_MOST_LANES = 3


def vector_pace(g: LinearGeometry, simd: int) -> int:
    """Return the cycles between two accumulator vectors in the leanest row: what the requantizer must keep up with.

    Single pixels at a row's ends may be faster; the accumulator queue carries those.
    """
    row_taps = min((len(g.y.taps[o]) for o in g.y.outputs), default=1)
    mean_taps = g.x.count / max(1, len(g.x.outputs))
    return max(1, int(row_taps * mean_taps * (g.group_in // simd)))


def enough_lanes(legal: Sequence[int], pe: int, pace: int) -> int:
    """Return the fewest of the ``legal`` lanes that serve a vector of ``pe`` accumulators every ``pace`` clocks."""
    return next((n for n in legal if pe // n <= pace), max(legal))


def with_more_lanes(engine: LinearEngine, legal: Sequence[int]) -> Iterator[LinearEngine]:
    """Yield ``engine``, and with more of the ``legal`` lanes as long as pixels without taps hold up its MAC array.

    The requantizer makes those by itself, rows of them where zeros are inserted between rows or around an image.
    """
    yield engine
    slow = engine
    for lanes in legal if engine.has_holes else ():
        if lanes > slow.folding.lanes and slow.paced_cycles > max(slow.mac_cycles, *slow.in_beats):
            faster = replace(slow, folding=replace(slow.folding, lanes=lanes))
            if faster.paced_cycles < slow.paced_cycles:
                slow = faster
                yield faster


def with_quicker_ends(engine: LinearEngine) -> Iterator[LinearEngine]:
    """Yield ``engine``, and with more lanes, by which the last band of each turn leaves sooner."""
    legal = lanes_choices(engine.layer, engine.folding.pe, None)
    for lanes in [n for n in legal if n >= engine.folding.lanes][:_MOST_LANES]:
        yield replace(engine, folding=replace(engine.folding, lanes=lanes))


def turn_cycles(engine: EngineDesign) -> int:
    """Return the clocks of a frame in which others wait for ``engine``.

    Where layers take turns they also wait for the last band of each turn, whose codes leave when all of it is done.
    """
    if not isinstance(engine, LinearEngine):
        return engine.interval
    return engine.paced_cycles + (len(engine.layers) * engine.band_beats if engine.turns else 0)
