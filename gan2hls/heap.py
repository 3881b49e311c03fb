"""The C library's heap."""

from __future__ import annotations

import ctypes

#: Bytes of a block that goes back to the system as soon as it is free.
_LARGE = 1 << 24
#: ``M_MMAP_THRESHOLD`` of glibc's ``malloc.h``.
_THRESHOLD = -3


def return_large_blocks() -> None:
    """Let freed tensors leave the process; of up to 32 MiB, glibc keeps them in pieces that others do not fit into."""
    try:
        ctypes.CDLL(None).mallopt(_THRESHOLD, _LARGE)
    except (OSError, TypeError, AttributeError):
        return  # another C library, which has no such limit to set
