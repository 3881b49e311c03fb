"""Families of FPGAs: what of their cells a count depends on.

The formulas of this package are those of 7-series parts, which hold for UltraScale+ and Versal as well.  Of another
family memories and products are counted in its own cells, and LUTs and flip-flops follow from theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import final

from gan2hls.fabric.resources import Resources


@final
@dataclass(frozen=True)
class BlockShape:
    """A kind of block RAM.

    Attributes:
        address_bits: of its narrowest words, of one bit.
        widest: bits of its widest words.
        price: of one, as Yosys compares them.
        halves: block RAMs of 18 kbit that it is.
    """

    address_bits: int
    widest: int
    price: int
    halves: int = 1


@final
@dataclass(frozen=True)
class LutRamShape:
    """LUTs that are a memory with a write and a read port.

    Attributes:
        width: bits of a word.
        rows: words.
        price: of one, as Yosys compares them.
        bit_price: of as many bits as a word has, where only those count that are used.
        luts: as which one counts, before ``Family.lut`` is their factor.
    """

    width: int
    rows: int
    price: int
    bit_price: int
    luts: float


@final
@dataclass(frozen=True)
class Product:
    """Products of signed numbers.

    Attributes:
        a_bits: of one.
        b_bits: of the other.
        count: of products.
    """

    a_bits: int
    b_bits: int
    count: int = 1

    def __rmul__(self, times: int) -> Product:
        return Product(self.a_bits, self.b_bits, times * self.count)


@final
@dataclass(frozen=True, eq=False)
class Family:
    """A family of FPGAs.

    Attributes:
        name: what it is called.
        product_ports: signed widths of the operands of one multiplier, the narrow one first.
        block_rams: the kinds of its block RAMs.
        lut_rams: the kinds of its LUT RAMs.
        rom_bit_price: of a bit of constants in logic, beside theirs.
        block_ports_price: of the ports of a memory in block RAM, beside those of one in LUT RAM.
        least_bits: of an operand's piece that takes a multiplier; a shorter one is logic.
        queues_in_blocks: whether a queue, whose memory is read into a register, may be block RAM.
        lut: LUTs for one of a 7-series part.
        ff: flip-flops for one of them.
        product_lut: LUTs beside a multiplier for a bit of its operands, of adders that a DSP block takes in.
        product_ff: flip-flops likewise.
    """

    name: str
    product_ports: tuple[int, int]
    block_rams: tuple[BlockShape, ...]
    lut_rams: tuple[LutRamShape, ...]
    rom_bit_price: float
    block_ports_price: float = 0
    least_bits: int = 1
    queues_in_blocks: bool = False
    lut: float = 1.0
    ff: float = 1.0
    product_lut: float = 0.0
    product_ff: float = 0.0

    def multipliers(self, product: Product) -> int:
        """Return the multipliers, or DSP blocks, of products: their operands are cut to the widths of one's ports."""
        widths = sorted((product.a_bits, product.b_bits))
        narrow, wide = (self._pieces(*sizes) for sizes in zip(widths, self.product_ports, strict=True))
        return product.count * narrow * wide

    def _pieces(self, bits: int, most: int) -> int:
        whole, rest = divmod(bits, most)
        return whole + (rest >= self.least_bits)

    def cells(self, taken: Resources, products: Iterable[Product] = ()) -> Resources:
        """Return what logic that takes ``taken`` of a 7-series part, beside its ``products``, takes of this family.

        Block RAMs and UltraRAMs are this family's already.
        """
        dsp, bits = taken.dsp, 0
        for product in products:
            dsp += self.multipliers(product)
            bits += product.count * (product.a_bits + product.b_bits)
        lut = ceil(self.lut * taken.lut + self.product_lut * bits)
        ff = ceil(self.ff * taken.ff + self.product_ff * bits)
        return Resources(dsp, lut, ff, taken.bram18, taken.uram)


#: Sources: ``brams_defs`` and ``lutrams`` of Yosys for Xilinx; UG479 of the DSP48E1.
SERIES_7 = Family(
    "7 series",
    product_ports=(18, 25),
    block_rams=(BlockShape(14, 36, 129), BlockShape(15, 72, 257, 2), BlockShape(16, 9, 513, 4)),
    lut_rams=(LutRamShape(6, 32, 1, 7, 4), LutRamShape(3, 64, 1, 7, 4)),
    rom_bit_price=1 / 64,
)
#: LUTs of four inputs that Yosys makes of what takes one of six.
_FOUR_FOR_SIX = 1.6
#: Sources: ``brams_16kd`` and ``lutrams_trellis`` of Yosys; FPGA-DS-02012 of multipliers.  LUTs have four inputs
#: instead of six, and registers and adders around a product are in no multiplier.  Factors, and the price of ports, are
#: fitted to Yosys' counts (``tests/cosim/test_ecp5_synthesis.py``).
ECP5 = Family(
    "ECP5",
    product_ports=(18, 18),
    block_rams=(BlockShape(14, 36, 128),),
    lut_rams=(LutRamShape(4, 16, 4, 0, 6 / _FOUR_FOR_SIX),),
    rom_bit_price=1 / 16,
    block_ports_price=13.5,
    least_bits=2,
    queues_in_blocks=True,
    lut=_FOUR_FOR_SIX,
    ff=1.2,
    product_lut=0.9,
    product_ff=2.7,
)
