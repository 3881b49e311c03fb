"""Memory images of the RTL back end, as ``$readmemh`` text: one word a line, upper digits first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from gan2hls.codecs import Memory
from gan2hls.hardware import EngineDesign, LinearEngine, granted_loop, tap_loop
from gan2hls.numbers import IntType, Requant, Table
from gan2hls.ops import TapEntry, UnitTable

Field = tuple[int, int]  # (value, bits), two's complement


def address_bits(depth: int) -> int:
    """Return the bits that address ``depth`` words, at least 1."""
    return max(1, (depth - 1).bit_length())


def codec_memory(memory: Memory) -> bytes:
    """Return the image of a codec's memory; NumPy prints millions of weights in well under a second."""
    digits = -(-memory.width_bits // 4)
    big_endian = memory.words[:, ::-1].astype(">u8")
    text = np.frombuffer(big_endian.tobytes().hex().encode(), np.uint8).reshape(memory.depth, -1)
    lines = np.full((memory.depth, digits + 1), ord("\n"), np.uint8)
    lines[:, :digits] = text[:, -digits:]
    return lines.tobytes()


def requant_memory(requant: Requant, acc_type: IntType, lanes: int, words: Iterable[int]) -> bytes:
    """Return ``words``, by number, of the requantizer: each of ``lanes`` channels, lane 0 in its least bits.

    A lane holds ``mult[0], offset[0]`` and, with two pieces, ``mult[1], offset[1], threshold``, from its least bit.
    Thresholds are clipped to where they still decide the same, which is one bit more than the accumulator has.
    """
    mult_bits, offset_bits = requant.mult_type.bits, requant.offset_type.bits
    mult, offset = requant.mult.tolist(), requant.offset.tolist()
    threshold = [min(max(value, acc_type.lo), acc_type.hi + 1) for value in requant.threshold.tolist()]

    def lane(channel: int) -> list[Field]:
        fields = [(mult[0][channel], mult_bits), (offset[0][channel], offset_bits)]
        if requant.pieces == 2:
            fields += [(mult[1][channel], mult_bits), (offset[1][channel], offset_bits)]
            fields += [(threshold[channel], acc_type.signed_bits + 1)]
        return fields

    starts = (word * lanes for word in words)
    return image([field for channel in range(start, start + lanes) for field in lane(channel)] for start in starts)


def table_memory(table: Table) -> bytes:
    """Return the image of a table that all channels share: entry ``code - index_type.lo``."""
    (values,) = table.values.tolist()
    return image([(value, table.out_type.bits)] for value in values)


def fill_memory(engine: LinearEngine) -> bytes:
    """Return the image of output pixels without taps: a word per beat of a pixel, those of a phase together."""
    bits = engine.out_elem.bits
    beats = engine.fill_codes.reshape(-1, engine.out_lanes).tolist()
    return image([(code, bits) for code in beat] for beat in beats)


def unit_memory(table: UnitTable) -> bytes:
    """Return the image of a constant memory of a unit; the first entry of a word is in its least bits."""
    words = table.values.reshape(len(table.values), -1)
    return image([(value, table.type.bits) for value in word] for word in words.tolist())


def lane_table_memories(engine: EngineDesign) -> dict[str, bytes]:
    """Return the image of each lane's tables by role: entry ``code - index_type.lo`` of one table after the other."""
    assert engine.layer.table is not None
    bits = engine.layer.table.out_type.bits
    return {
        lane_table_role(lane): image([(value, bits)] for value in values.ravel().tolist())
        for lane, values in enumerate(engine.lane_tables)
    }


def lane_table_role(lane: int) -> str:
    """Return the role of the memory of a lane's tables."""
    return f"table_{lane}"


def grant_memories(engine: LinearEngine, free_bits: int, loaded_bits: int) -> dict[str, bytes]:
    """Return the images ``release`` and ``need`` of output rows with taps, or bands; ``need`` only with several.

    Rows that come again stand there once.
    """
    granted, loop = engine.geometry.y if engine.off_chip is None else engine.bands, granted_loop(engine)
    stored = range(len(granted.need)) if loop is None else loop.stored
    images = {"release": image([(granted.released[row], free_bits)] for row in stored)}
    if len(granted.need) > 1:
        images["need"] = image([(granted.need[row], loaded_bits)] for row in stored)
    return images


def tap_memories(engine: LinearEngine, x_addr_bits: int, w_addr_bits: int) -> dict[str, bytes]:
    """Return the images that drive the dense sequencer, ``x_taps`` and ``y_taps``.

    Words hold, from the least bit: line buffer offset, weight offset, last.  Rows that come again stand there once.
    """
    geometry, loop = engine.geometry, tap_loop(engine)
    pixel_words = engine.pixel_words
    row_words = geometry.x.in_size * pixel_words
    tap_words = (engine.co_folds if engine.off_chip is None else 1) * engine.ci_folds

    def taps(entries: Sequence[TapEntry], rows: int, line_step: int, weight_step: int) -> bytes:
        return image(
            [((e.i % rows) * line_step, x_addr_bits), (e.k * weight_step, w_addr_bits), (int(e.last), 1)]
            for e in entries
        )

    y = geometry.y.entries if loop is None else loop.entries(geometry.y)
    return {
        "x_taps": taps(geometry.x.entries, geometry.x.in_size, pixel_words, tap_words),
        "y_taps": taps(y, engine.rows, row_words, geometry.x.kernel * tap_words),
    }


def image(words: Iterable[Sequence[Field]]) -> bytes:
    """Pack each word's fields, the first in the least significant bits; all words have the same fields' widths."""
    lines = []
    for fields in words:
        value, width = 0, 0
        for field, bits in fields:
            value |= (field & ((1 << bits) - 1)) << width
            width += bits
        lines.append(f"{value:0{-(-width // 4)}x}\n")
    return "".join(lines).encode()
