"""How many rows the line buffer of a linear layer has."""

from __future__ import annotations

from gan2hls.hardware.off_chip import Bands
from gan2hls.model import IntLayer
from gan2hls.ops import IntLinear

#: Frames that a line buffer may hold at most; a layer of one row needs more than two to hand over without a gap.
_MOST_FRAMES = 4


def linear_op(layer: IntLayer) -> IntLinear:
    """Return the operation of a linear layer.

    Raises:
        AssertionError: it is not one.
    """
    assert isinstance(layer.op, IntLinear), f"{layer.name} is not linear"
    return layer.op


def most_rows(layer: IntLayer) -> int:
    """Return the most rows that the line buffer of a linear layer may have."""
    return _MOST_FRAMES * linear_op(layer).geometry.y.in_size


def line_buffer_rows(layer: IntLayer, band_rows: int = 1) -> int:
    """Return the least rows with which the next band's inputs can load while the current one is computed."""
    return Bands(linear_op(layer).geometry.y, band_rows).buffer_rows
