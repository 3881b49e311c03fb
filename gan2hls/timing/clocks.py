"""The interpreter of networks: the clock of every event, exactly, in compiled C++ (``native/clocks.cpp``)."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

from gan2hls.base import native_library
from gan2hls.timing import layout
from gan2hls.timing.layout import Arrays


class _View(ctypes.Structure):
    """``view`` of ``layout.hpp``."""

    _fields_ = (("data", ctypes.c_void_p), ("rows", ctypes.c_int64), ("columns", ctypes.c_int64))


class _Network(ctypes.Structure):
    """``arrays`` of ``layout.hpp``."""

    _fields_ = tuple((name, _View) for name in Arrays._fields)


def evaluate(net: Arrays) -> None:
    """Let all blocks go on until none can.

    Raises:
        ToolError: there is no compiler, or it fails.
    """
    views = []
    for array in net:
        assert array.flags.c_contiguous
        columns = array.shape[1] if array.ndim == 2 and array is not net.events else 1
        views.append(_View(array.ctypes.data, len(array), columns))
    load().evaluate(ctypes.byref(_Network(*views)))


@cache
def load() -> Any:
    """Return the compiled interpreter.

    Raises:
        ToolError: there is no compiler, or it fails.
    """
    return native_library(Path(__file__).parent / "native" / "clocks.cpp", {"layout.hpp": layout.header()})
