"""What a memory takes: block RAMs, LUTs, or UltraRAMs, as Yosys maps it for a family of parts.

A memory is cut into slices of rows; their bits lie side by side, so that a block RAM at a seam holds bits of two
slices, and a multiplexer selects the slice.  Of all shapes of all kinds of RAM that is taken which costs least.
UltraRAMs have one shape, and the RTL itself cuts what goes there into their rows and slices (``g2h_ultra``), so that
no tool needs more or less of them.
Source: ``memory_libmap`` of Yosys, with its libraries of block RAMs and LUT RAMs; UG573 of UltraRAMs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Literal, final

from gan2hls.fabric.family import Family

#: Widths of a block RAM's port, from its deepest shape to its widest, which is that of a simple dual port.
_PORT_WIDTHS = (1, 2, 4, 9, 18, 36, 72)
#: Price of a bit that a multiplexer selects or a write that it steers, and of a port.
_MUX_PRICE, _PORT_PRICE = 0.5, 2
#: Bits of a block RAM that are written together; others stay empty.
_BYTE = 9
#: Rows of a ROM that goes to LUTs.
LUT_ROM_DEPTH = 64
#: Rows of an UltraRAM, their bits, and bytes that are written one by one.
_ULTRA_ROWS, _ULTRA_BITS, _ULTRA_BYTES = 4096, 72, 8
#: Block RAMs of 18 kbit that a memory in UltraRAM must spare.
_WORTH_ULTRA = 2

#: What a memory is made of: LUTs or flip-flops, block RAMs, UltraRAMs.
MemoryName = Literal["lut", "bram", "uram"]
MemoryKind = Literal["rom", "table", "buffer", "ring", "queue", "serializer", "ultra"]


@final
@dataclass(frozen=True)
class MemoryCells:
    """What a memory is mapped to.

    Attributes:
        bram18: block RAMs of 18 kbit; a RAMB36 is two of them.
        slices: slices of rows, between which a multiplexer selects; words of a row, too.
        lut: LUTs of distributed RAM, without that multiplexer, as ``LutRamShape`` counts them.
        logic: whether it is a function in LUTs, or flip-flops, instead of a RAM.
        uram: UltraRAMs of 288 kbit.
    """

    bram18: int = 0
    slices: int = 1
    lut: int = 0
    logic: bool = False
    uram: int = 0

    @property
    def registers(self) -> bool:
        """Whether the register behind a read is inside of it."""
        return self.bram18 > 0 or self.uram > 0

    @property
    def name(self) -> MemoryName:
        """What it is made of."""
        return "uram" if self.uram else "bram" if self.bram18 else "lut"


@lru_cache(maxsize=1 << 14)
def memory_cells(family: Family, width_bits: int, depth: int, kind: MemoryKind = "rom") -> MemoryCells:
    """Return what a memory of one read port takes.

    Args:
        family: of the part.
        width_bits: of a word.
        depth: words.
        kind: ``rom``: constants, which ask for block RAM beyond 64 words; ``table``: constants that ask for nothing;
            ``buffer``: with a write port; ``ring``: the same, in block RAM; ``queue``: the same, read in the clock in
            which the address comes; ``serializer``: that, into a register that shifts; ``ultra``: a ``buffer`` or
            ``ring`` in UltraRAM, which cannot start with contents.
    """
    if kind == "ultra":
        return _ultra_cells(width_bits, depth)
    written = kind in ("buffer", "ring", "queue", "serializer")
    shapes: list[tuple[float, MemoryCells]] = []
    if kind != "ring" and not (kind == "rom" and depth > LUT_ROM_DEPTH):
        shapes.append((width_bits * depth * (1 if written else family.rom_bit_price), MemoryCells(logic=True)))
    if kind in ("buffer", "queue", "serializer"):
        shapes += _lut_ram_shapes(family, width_bits, depth)
    if kind != "serializer" and (kind != "queue" or family.queues_in_blocks):
        shapes += _block_shapes(family, width_bits, depth, written=written)
    return min(shapes, key=lambda shape: int(shape[0]))[1]


def may_be_ultra(family: Family, width_bits: int, depth: int) -> bool:
    """Whether a ``buffer`` or ``ring`` may be in UltraRAM: one that is idle is worth it where it spares block RAMs."""
    return bram18(family, width_bits, depth, "buffer") >= _WORTH_ULTRA


def bram18(family: Family, width_bits: int, depth: int, kind: MemoryKind = "rom") -> int:
    """Return the 18-kbit block RAMs of a memory, as ``memory_cells``."""
    return memory_cells(family, width_bits, depth, kind).bram18


def _ultra_cells(width_bits: int, depth: int) -> MemoryCells:
    """Return what ``g2h_ultra`` takes: where one slice is not enough, narrow words share rows, 2, 4 or 8 of them."""
    fit = _ULTRA_BYTES // ceil(width_bits / _BYTE)
    pack = 1 << max(0, fit.bit_length() - 1) if depth > _ULTRA_ROWS else 1
    slices = ceil(ceil(depth / pack) / _ULTRA_ROWS)
    return MemoryCells(slices=slices * pack, uram=slices * ceil(width_bits / _ULTRA_BITS))


def _block_shapes(family: Family, width_bits: int, depth: int, *, written: bool) -> list[tuple[float, MemoryCells]]:
    """Return price and cells of each shape of block RAM."""
    shapes = []
    for block in family.block_rams:
        for n, width in enumerate(_PORT_WIDTHS):
            if width > block.widest:
                break
            slices = ceil(depth / (1 << (block.address_bits - n)))
            byte = min(_BYTE, width) if written else 1
            count = ceil(slices * ceil(width_bits / byte) * byte / width)
            cost = block.price * count + _PORT_PRICE + family.block_ports_price
            cost += _selecting(width_bits, slices, written=written)
            shapes.append((cost, MemoryCells(block.halves * count, slices)))
    return shapes


def _lut_ram_shapes(family: Family, width_bits: int, depth: int) -> list[tuple[float, MemoryCells]]:
    """Return price and cells of each shape of LUT RAM."""
    shapes = []
    for ram in family.lut_rams:
        slices = ceil(depth / ram.rows)
        count = slices * ceil(width_bits / ram.width)
        cost = ram.price * count + ram.bit_price * slices * width_bits / ram.width + _PORT_PRICE
        cost += _selecting(width_bits, slices, written=True)
        shapes.append((cost, MemoryCells(slices=slices, lut=ceil(ram.luts * count))))
    return shapes


def _selecting(width_bits: int, slices: int, *, written: bool) -> float:
    """Return the price of what selects a slice to read, and steers a write to one."""
    return _MUX_PRICE * ((slices - 1) * width_bits + (slices if written and slices > 1 else 0))
