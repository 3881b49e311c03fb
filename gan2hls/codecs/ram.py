"""Block RAM that a memory takes."""

from __future__ import annotations

from math import ceil

#: Width and depth that an 18-kbit block RAM can take.  Source: UG473.
_BRAM18_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
#: Memories of at most this depth go to LUTs.
_LUTRAM_DEPTH = 64


def bram18(width_bits: int, depth: int) -> int:
    """Return the 18-kbit block RAMs of a memory in its cheapest arrangement; 0 for one that goes to LUTs."""
    if depth <= _LUTRAM_DEPTH:
        return 0
    return min(ceil(width_bits / width) * ceil(depth / rows) for width, rows in _BRAM18_SHAPES)
