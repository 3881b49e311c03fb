"""What products take of a part."""

from __future__ import annotations

from math import ceil

#: Operand widths of a DSP48E1: one product of at most these signed widths takes one block.  Source: UG479.
_DSP_PORTS = (18, 25)


#: Words of the smallest distributed RAM, which takes a LUT for every bit of a word.
_LUT_WORDS = 32


def distributed_lut(width: int, depth: int) -> int:
    """Return the LUTs of a memory that is read in the clock in which its address comes."""
    return width * ceil(depth / _LUT_WORDS)


def dsp_of_product(a_bits: int, b_bits: int) -> int:
    """Return the DSP48 blocks of a signed ``a x b`` product."""
    narrow, wide = sorted((a_bits, b_bits))
    return ceil(narrow / _DSP_PORTS[0]) * ceil(wide / _DSP_PORTS[1])
