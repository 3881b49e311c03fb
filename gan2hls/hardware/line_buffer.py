"""How many rows the line buffer of a linear layer has."""

from __future__ import annotations

from gan2hls.base import remembered
from gan2hls.hardware.engine import Folding
from gan2hls.hardware.off_chip import Bands
from gan2hls.model import IntLayer
from gan2hls.ops import IntLinear, LinearGeometry

#: Frames that a line buffer may hold at most; a layer of one row needs more than two to hand over without a gap.
_MOST_FRAMES = 4
#: Clocks of the rows that are computed while as many come in, where a row is one pixel.  The feeder of the C++ keeps a
#: write 8 iterations from reads of the same word before and behind it, and in RTL it takes 5 clocks to free a row.
_STRETCH_CLOCKS = 32


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


def line_buffer_rows(layer: IntLayer, folding: Folding, band_rows: int = 1) -> int:
    """Return the least rows with which the next band's inputs can load while the current one is computed."""
    stretch = stretch_rows(linear_op(layer).geometry, folding)
    rows = _rows_of_bands(layer, band_rows)
    return rows if stretch == 1 else max(rows, _rows_of_stretches(layer, stretch))


def stretch_rows(geometry: LinearGeometry, folding: Folding) -> int:
    """Return how many output rows are computed while as many input rows come in: one, but where rows are one pixel."""
    y, x = geometry.y, geometry.x
    if x.in_size > 1 or x.out_size > 1 or not y.outputs:
        return 1
    folds = geometry.group_in // folding.simd * (geometry.out_channels // folding.pe)
    clocks = -(-y.count * folds // len(y.outputs))
    return min(len(y.outputs), -(-_STRETCH_CLOCKS // max(1, clocks)))


@remembered
def _rows_of_bands(layer: IntLayer, rows: int) -> int:
    return Bands(linear_op(layer).geometry.y, rows).buffer_rows


@remembered
def _rows_of_stretches(layer: IntLayer, rows: int) -> int:
    """Return the input rows of two stretches of so many output rows each, wherever the first one begins."""
    y = linear_op(layer).geometry.y
    need = (*y.need, *(y.in_size + count for count in y.need))  # behind the last row comes the next frame
    last = len(need) - 1
    most = max((need[min(n + 2 * rows - 1, last)] - base for n, base in enumerate(y.base)), default=1)
    return min(most, 2 * y.in_size)
