"""Compiled functions (Numba)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled_once(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function`` compiled when it is first called, and kept on disk where a folder for that can be written.

    Other threads of Python run meanwhile.  It must call no other function of ours: the file on disk is renewed when the
    file of ``function`` changes alone.
    """
    made: Any
    try:
        made = numba.njit(function, cache=True, nogil=True)
    except RuntimeError:  # no folder
        made = numba.njit(function, nogil=True)
    return made  # type: ignore[no-any-return]
