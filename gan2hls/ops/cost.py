"""What products take of a part."""

from __future__ import annotations

from math import ceil

#: Operand widths of a DSP48E1: one product of at most these signed widths takes one block.  Source: UG479.
_DSP_PORTS = (18, 25)


def dsp_of_product(a_bits: int, b_bits: int) -> int:
    """Return the DSP48 blocks of a signed ``a x b`` product."""
    narrow, wide = sorted((a_bits, b_bits))
    return ceil(narrow / _DSP_PORTS[0]) * ceil(wide / _DSP_PORTS[1])
