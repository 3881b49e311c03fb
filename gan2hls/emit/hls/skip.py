"""The tables of an engine of the HLS back end that skips empty blocks.

``templates/hls/lib/runner.hpp`` and ``skip_feeder.hpp`` read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.hardware import LinearEngine
from gan2hls.numbers import Int64Array


@final
@dataclass(frozen=True, eq=False)
class SkipTables:
    """The program of ``gan2hls.skip`` in words of the line buffer.

    Attributes:
        runs: int64 ``[runs]``: start, then length, then last, from the least significant bit up.
        blocks: int64 ``[stored blocks]``: word of a row in the low ``column_bits`` bits, row above.
        row_origin: int64 ``[output rows with taps]``, a row of the line buffer.
        column_origin: int64 ``[output columns with taps]``, a word of a row; may lie outside, its blocks do not.
        slot_base: int64 ``[rows of the line buffer]``, their first words.
    """

    runs: Int64Array
    blocks: Int64Array
    row_origin: Int64Array
    column_origin: Int64Array
    slot_base: Int64Array


def skip_tables(engine: LinearEngine) -> SkipTables:
    """Return the tables of an engine with ``skip``."""
    program, geometry = engine.skip, engine.geometry
    assert program is not None
    found, words = program.occupancy, engine.pixel_words
    start_bits, length_bits = program.run_bits
    start, length, last = program.runs.T
    block_row, block_word = program.offsets(engine.rows, words)
    return SkipTables(
        start | length << start_bits | last << (start_bits + length_bits),
        block_word | block_row << column_bits(engine),
        found.y.origin % engine.rows,
        found.x.origin * words,
        np.arange(engine.rows) * geometry.x.in_size * words,
    )


def column_bits(engine: LinearEngine) -> int:
    """Return the bits of a block's displacement along a row of the line buffer."""
    assert engine.skip is not None
    return engine.skip.offset_bits(engine.rows, engine.pixel_words)[1]


def most_runs(engine: LinearEngine) -> int:
    """Return the runs of the pixel, or of its visit for one output fold, that has most of them."""
    assert engine.skip is not None
    return int(engine.skip.ranges(by_fold=engine.off_chip is not None)[:, 1].max())
