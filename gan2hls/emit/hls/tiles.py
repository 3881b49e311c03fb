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
from gan2hls.hardware import LinearEngine, Tiles
from gan2hls.ops import AxisTaps

#: Clocks from the request of a word of external memory to its arrival: an estimate, the default of Vitis.
MEMORY_CLOCKS = 64


@final
@dataclass(frozen=True)
class TilePace:
    """A period of a tile.

    Attributes:
        period: iterations.
        work: iterations in which the mac computes, the first ones.
        gap: iterations between the guards in which no word is stored.
        words: of the next tile, which arrives meanwhile.
        start: what is counted off before the first of them is stored.
    """

    period: int
    work: int
    gap: int
    words: int
    start: int


@final
@dataclass(frozen=True)
class TileProgram:
    """All periods of a frame.

    Attributes:
        tiles: their sizes.
        lead: iterations of a period before the first word may be stored, so that none is overwritten in use.
        trail: iterations after the last word, so that all are there when the next period begins.
        paces: of each band, all of whose tiles take as long; of each tile where empty blocks are skipped.
        repeats: tiles in turn that each is for.
    """

    tiles: Tiles
    lead: int
    trail: int
    paces: tuple[TilePace, ...]
    repeats: int

    @property
    def first_cycles(self) -> int:
        """Iterations in which the first tile is stored."""
        return self.tiles.sizes[0] + self.trail

    @property
    def of_tiles(self) -> tuple[TilePace, ...]:
        """The paces of all tiles of a frame."""
        return tuple(pace for pace in self.paces for _ in range(self.repeats))

    @cached_property
    def cycles(self) -> int:
        """Iterations of a frame; in the last period nothing is stored."""
        last = self.paces[-1]
        return self.first_cycles + self.repeats * sum(pace.period for pace in self.paces) - last.period + last.work


def tile_program(engine: LinearEngine) -> TileProgram:
    """Return the program of an engine whose weights are off chip."""
    works: list[list[int]] = engine.walk_cycles.reshape(engine.bands.count, engine.co_folds, -1).sum(axis=2).tolist()
    if engine.skip is not None:
        following = (*engine.tiles.sizes[1:], engine.tiles.sizes[0])
        every = tuple(
            _pace(work, words, GUARD, GUARD) for band in works for work, words in zip(band, following, strict=True)
        )
        return TileProgram(engine.tiles, GUARD, GUARD, every, 1)
    words, folds = engine.tiles.sizes[0], [band[0] for band in works]
    lead = trail = 0
    for start, work in zip(engine.bands.starts, folds, strict=True):
        for word, first, last in _uses(engine, start):
            lead = max(lead, GUARD - (work - last + word))
            trail = max(trail, GUARD - (first + words - word))
    paces = tuple(_pace(work, words, lead, trail) for work in folds)
    return TileProgram(engine.tiles, lead, trail, paces, engine.co_folds)


def _pace(work: int, words: int, lead: int, trail: int) -> TilePace:
    """Return the period of a tile that takes ``work`` iterations while the next one arrives."""
    if not words:
        return TilePace(work, work, 0, 0, 0)
    least = lead + words + trail
    gap = max(work - least, 0)
    return TilePace(least + gap, work, gap, words, gap + lead * words)


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
    pass_cycles, tiles = pass_clocks(engine), engine.tiles
    tile_clocks = [-(-pass_cycles * words // tiles.words) for words in tiles.sizes]
    waits = [0 if s.emits else max(s.cycles, -(-s.loads * arriving // engine.loads)) for s in feeder]
    begins = next(n for n, segment in enumerate(feeder) if segment.emits)
    first_rows, stalls = sum(waits[:begins]), sum(waits[begins:])
    first = max(first_rows, program.first_cycles, tile_clocks[0] + MEMORY_CLOCKS)
    shape = engine.bands.count, engine.co_folds
    by_pixel = engine.walk_cycles.reshape(*shape, -1)
    pauses = np.maximum(engine.folding.pe // engine.folding.lanes - by_pixel, 0).sum(axis=2)
    periods = np.array([pace.period for pace in program.of_tiles]).reshape(shape) + pauses
    following = np.array([*tile_clocks[1:], tile_clocks[0]])
    worked: list[int] = np.maximum(periods, following).sum(axis=1).tolist()
    passes = [max(work, pass_cycles + MEMORY_CLOCKS) for work in worked]
    rows, _ = engine.out_grid
    starts = [engine.geometry.y.outputs[start] for start in engine.bands.starts]
    *leaving, last = (engine.out_beats * (b - a) // rows for a, b in pairwise((*starts, rows)))
    return first + sum(map(max, passes, (0, *leaving))) + stalls + last
