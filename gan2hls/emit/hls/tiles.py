"""How an engine whose weights are off chip paces its tiles: when it stores weights while it computes with others.

``templates/hls/lib/tiles.hpp`` and ``band_mac.hpp`` run what is made here.  A tile is the weights of one output fold;
two stand in a memory.  In each period the mac works on one of them and the words of the next one are stored, evenly
spread; first the first one is stored alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import final

import numpy as np

from gan2hls.emit.hls.decoders import pass_clocks
from gan2hls.emit.hls.feeder import GUARD, feeder_program
from gan2hls.hardware import LinearEngine
from gan2hls.ops import AxisTaps

#: Clocks from the request of a word of external memory to its arrival: an estimate, the default of Vitis.
MEMORY_CLOCKS = 64


@final
@dataclass(frozen=True)
class TilePace:
    """A period of a band: all its output folds take as long.

    Attributes:
        period: iterations.
        work: iterations in which the mac computes, the first ones.
        gap: iterations between the guards in which no word is stored.
        start: what is counted off before the first word is stored.
    """

    period: int
    work: int
    gap: int
    start: int


@final
@dataclass(frozen=True)
class TileProgram:
    """All periods of a frame.

    Attributes:
        words: of a tile.
        folds: tiles of a band.
        lead: iterations of a period before the first word may be stored, so that none is overwritten in use.
        trail: iterations after the last word, so that all are there when the next period begins.
        bands: by band.
    """

    words: int
    folds: int
    lead: int
    trail: int
    bands: tuple[TilePace, ...]

    @property
    def first_cycles(self) -> int:
        """Iterations in which the first tile is stored."""
        return self.words + self.trail

    @cached_property
    def cycles(self) -> int:
        """Iterations of a frame; in the last period nothing is stored."""
        last = self.bands[-1]
        return self.first_cycles + self.folds * sum(pace.period for pace in self.bands) - last.period + last.work


def tile_program(engine: LinearEngine) -> TileProgram:
    """Return the program of an engine whose weights are off chip."""
    words, rows = engine.tile_words, engine.bands.rows
    fold = engine.vector_cycles[:, :, 0].sum(axis=1).tolist()
    works = [sum(fold[start : start + rows]) for start in engine.bands.starts]
    lead = trail = 0
    for start, work in zip(engine.bands.starts, works, strict=True):
        for word, first, last in _uses(engine, start):
            lead = max(lead, GUARD - (work - last + word))
            trail = max(trail, GUARD - (first + words - word))
    least = lead + words + trail
    gaps = [max(work - least, 0) for work in works]
    paces = [TilePace(least + gap, work, gap, gap + lead * words) for gap, work in zip(gaps, works, strict=True)]
    return TileProgram(words, engine.co_folds, lead, trail, tuple(paces))


def _uses(engine: LinearEngine, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield for each tap of a band its first word in the tile, and in which iterations that is used first and last.

    The other words of the tap follow at the same pace.
    """
    y, x, folds = engine.geometry.y, engine.geometry.x, engine.ci_folds
    rows = y.outputs[start : start + engine.bands.rows]
    height = [len(y.taps[o]) for o in rows]
    width = [len(x.taps[o]) for o in x.outputs]
    for ky, first_row, last_row in _range(y, rows):
        for kx, first_column, last_column in _range(x, x.outputs):
            at = []
            for (row, dy), (column, dx) in ((first_row, first_column), (last_row, last_column)):
                before = sum(height[:row]) * sum(width) + height[row] * sum(width[:column])
                at.append((before + dy * width[column] + dx) * folds)
            yield (ky * x.kernel + kx) * folds, at[0], at[1]


def _range(axis: AxisTaps, outputs: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, int], tuple[int, int]]]:
    """Yield each kernel index, and the first and the last of ``outputs`` that uses it: its number, and its tap's."""
    for k in range(axis.kernel):
        found = [(n, tap) for n, o in enumerate(outputs) for tap, (_, at) in enumerate(axis.taps[o]) if at == k]
        if found:
            yield k, found[0], found[-1]


def off_chip_interval(engine: LinearEngine, arriving: int) -> int:
    """Return the estimated clocks between two frames of an engine whose weights are off chip, without its restart.

    The first rows and the first tile come side by side.  Then each period takes as long as its mac, which waits where
    vectors come faster than the requantizer takes them, or as its words do on the memory port or in decoders, where
    every pass begins anew, or as the rows of the band before leave.  Those of the last band leave by themselves.

    Args:
        engine: what is estimated.
        arriving: clocks in which the words of a frame can come to its feeder.
    """
    program, feeder = tile_program(engine), feeder_program(engine)
    pass_cycles = pass_clocks(engine)
    tile_clocks = -(-pass_cycles // engine.co_folds)
    waits = [0 if s.emits else max(s.cycles, -(-s.loads * arriving // engine.loads)) for s in feeder]
    begins = next(n for n, segment in enumerate(feeder) if segment.emits)
    first_rows, stalls = sum(waits[:begins]), sum(waits[begins:])
    first = max(first_rows, program.first_cycles, tile_clocks + MEMORY_CLOCKS)
    by_pixel = engine.walk_cycles.reshape(engine.bands.count, engine.co_folds, -1)[:, 0]
    pauses: list[int] = np.maximum(engine.folding.pe // engine.folding.lanes - by_pixel, 0).sum(axis=1).tolist()
    periods = [max(pace.period + pause, tile_clocks) for pace, pause in zip(program.bands, pauses, strict=True)]
    passes = [max(program.folds * period, pass_cycles + MEMORY_CLOCKS) for period in periods]
    rows, _ = engine.out_grid
    starts = [engine.geometry.y.outputs[start] for start in engine.bands.starts]
    *leaving, last = (engine.out_beats * (b - a) // rows for a, b in pairwise((*starts, rows)))
    return first + sum(map(max, passes, (0, *leaving))) + stalls + last
