"""Codes that float weights betray: signs, grids, codebooks, blocks, low rank."""

from gan2hls.detect.low_rank import find_factorization
from gan2hls.detect.split import find_structure

__all__ = [
    "find_factorization",
    "find_structure",
]
