"""Blocks of the RTL library that others are made of: memories, queues, counters, adders, width converters, forks.

Each function is named after its module and says what Yosys makes of it for 7-series parts: a LUT for a bit of an adder
or of a choice of two, a flip-flop for a bit of a register; control logic is counted roughly.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import Literal

from gan2hls.fabric.family import Family
from gan2hls.fabric.memories import MemoryKind, memory_cells
from gan2hls.fabric.resources import Resources

#: Inputs that one LUT selects from, two wide multiplexers joining the LUTs of as many more.
_MUX_INPUTS = 4
#: Words of constants at most of which many are functions so simple that a register's reset or enable computes them.
SIMPLE_WORDS = 8
#: LUTs that Yosys makes of one where the address of constants is no register, but computed.
COMPUTED_LUT = 5
#: Address bits of a function that is one LUT.
_LUT_INPUTS = 6


def bits_of(count: int) -> int:
    """Return the bits of a counter through ``count`` values."""
    return max(1, (count - 1).bit_length())


def mux_lut(choices: int, width_bits: int) -> int:
    """Return the LUTs that select one of ``choices`` words."""
    return 0 if choices <= 1 else ceil(choices / _MUX_INPUTS) * width_bits


@lru_cache(maxsize=1 << 12)
def counter(count: int) -> Resources:
    """Return a counter that wraps: an adder, the comparison with its end and the choice are three LUTs for two bits."""
    bits = bits_of(count)
    return Resources(lut=bits + ceil(bits / 2), ff=bits)


@lru_cache(maxsize=1 << 12)
def memory(family: Family, width_bits: int, depth: int, kind: MemoryKind) -> Resources:
    """Return the cells of a memory with the multiplexer between its slices, and no register of its data."""
    cells = memory_cells(family, width_bits, depth, kind)
    if cells.logic and kind in ("rom", "table"):
        return Resources(lut=logic_lut(width_bits, depth))
    if cells.logic:
        return Resources(lut=(depth > 1) * depth + mux_lut(depth, width_bits), ff=width_bits * depth)
    lut = cells.lut + mux_lut(cells.slices, width_bits)
    select = bits_of(cells.slices) if cells.registers and cells.slices > 1 else 0
    return Resources(lut=lut, ff=select, bram18=cells.bram18, uram=cells.uram)


def distinct_bits(width_bits: int, depth: int) -> int:
    """Return how many bits of constants differ, as functions of their address: few where there are few words."""
    return width_bits if depth > _LUT_INPUTS else min(width_bits, (1 << depth) - 2)


def logic_lut(width_bits: int, depth: int) -> int:
    """Return the LUTs of constants in logic; a bit of the address itself takes none."""
    different = distinct_bits(width_bits, depth)
    if different < width_bits:
        return max(0, different - 2 * bits_of(depth))
    if depth <= SIMPLE_WORDS:
        return 7 * width_bits // 10
    return different * ceil(depth / (1 << _LUT_INPUTS))


def rom(family: Family, width_bits: int, depth: int) -> Resources:
    """Return ``g2h_rom``: its data is registered twice; a block RAM has the first register inside."""
    found = memory(family, width_bits, depth, "rom")
    return found + Resources(ff=width_bits if found.bram18 else 2 * distinct_bits(width_bits, depth))


#: What a memory with a write port and registered reads may be: where its size says, or in UltraRAM.
WrittenKind = Literal["buffer", "ultra"]


def line_buffer(family: Family, width_bits: int, depth: int, kind: WrittenKind = "buffer") -> Resources:
    """Return ``g2h_line_buffer``."""
    cells = memory_cells(family, width_bits, depth, kind)
    return memory(family, width_bits, depth, kind) + Resources(ff=width_bits * (1 if cells.registers else 2))


@lru_cache(maxsize=1 << 12)
def credit(depth: int) -> Resources:
    """Return ``g2h_credit``."""
    bits = depth.bit_length()
    return Resources(lut=bits + 2, ff=bits + 1)


@lru_cache(maxsize=1 << 12)
def fifo(family: Family, width_bits: int, depth: int, ratio: int = 1) -> Resources:
    """Return ``g2h_fifo``, whose output register shifts where it serializes."""
    pointer = bits_of(depth) + 1
    index = bits_of(ratio) if ratio > 1 else 0
    lut = pointer + 3 + (ratio - 1) * width_bits + 2 * index
    own = Resources(lut=lut, ff=ratio * width_bits + 2 * pointer + 1 + index)
    return memory(family, ratio * width_bits, depth, "queue" if ratio == 1 else "serializer") + own


def queue(family: Family, width_bits: int, depth: int) -> Resources:
    """Return ``g2h_queue``."""
    return credit(depth) + fifo(family, width_bits, depth)


#: Words of the queue behind a ring.
_RING_OUT_WORDS = 8


def ring(family: Family, width_bits: int, depth: int, kind: Literal["ring", "ultra"] = "ring") -> Resources:
    """Return ``g2h_ring``."""
    count = depth.bit_length()
    own = Resources(lut=2 * count, ff=count + 4 + width_bits)
    pointers = 2 * counter(depth)
    return (
        memory(family, width_bits, depth, kind)
        + own
        + pointers
        + credit(depth)
        + credit(_RING_OUT_WORDS)
        + fifo(family, width_bits, _RING_OUT_WORDS)
    )


@lru_cache(maxsize=1 << 12)
def adder_tree(terms: int, in_bits: int, out_bits: int) -> Resources:
    """Return ``g2h_adder_tree``: an adder and a register a node, whose last bit comes from the carry."""
    lut = ff = level = 0
    while terms > 1:
        level += 1
        bits = min(in_bits + level, out_bits)
        lut += terms // 2 * (bits - 1)
        terms = ceil(terms / 2)
        ff += terms * bits
    return Resources(lut=lut, ff=ff)


def up(width_bits: int, ratio: int) -> Resources:
    """Return ``g2h_up``."""
    index = bits_of(ratio)
    return Resources(lut=index + 5, ff=(2 * ratio - 1) * width_bits + index + 1)


def down(width_bits: int, ratio: int) -> Resources:
    """Return ``g2h_down``: its register shifts, or takes a beat."""
    index = bits_of(ratio)
    return Resources(lut=(ratio - 1) * width_bits + index + 4, ff=ratio * width_bits + index + 1)


def fork(readers: int) -> Resources:
    """Return ``g2h_fork``."""
    return Resources(lut=2 * readers + 1, ff=readers)


def last(beats: int) -> Resources:
    """Return ``g2h_last``."""
    return Resources(lut=bits_of(beats) + 4, ff=bits_of(beats) + 1)


#: A memory with what belongs to it: ``g2h_rom``, ``g2h_line_buffer``, ``g2h_queue``, ``g2h_ring``, also in UltraRAM; a
#: ``table`` of constants with a register; and words that are ``kept`` in distributed RAM.
MemoryBlock = Literal["rom", "line_buffer", "ultra_buffer", "queue", "ring", "ultra_ring", "table", "kept"]


def memory_block(family: Family, width_bits: int, depth: int, block: MemoryBlock) -> Resources:
    """Return what a memory takes with what belongs to it."""
    match block:
        case "rom":
            return rom(family, width_bits, depth)
        case "line_buffer":
            return line_buffer(family, width_bits, depth)
        case "ultra_buffer":
            return line_buffer(family, width_bits, depth, "ultra")
        case "queue":
            return queue(family, width_bits, depth)
        case "ring":
            return ring(family, width_bits, depth)
        case "ultra_ring":
            return ring(family, width_bits, depth, "ultra")
        case "kept":
            return memory(family, width_bits, depth, "queue")
        case "table":
            found = memory(family, width_bits, depth, "table")
            return found if found.bram18 else Resources(lut=COMPUTED_LUT * found.lut, ff=width_bits)
