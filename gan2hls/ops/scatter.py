"""Adding products of input pixels and taps to the outputs that they belong to, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gan2hls.base import compiled_once


@compiled_once
def scatter(
    products: npt.NDArray[Any],
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    first: int,
    out: npt.NDArray[Any],
) -> None:
    """Add up the products of every output.

    Args:
        products: ``[N, IH, IW, KH, KW, C]``, whole numbers of any dtype.
        rows: ``[OH, KH]``, the input row that an output row reads with each tap, -1 for none.
        columns: ``[OW, KW]``, the same of columns.
        first: the first of the channels that the products belong to.
        out: ``[N, OH, OW, CO]``; its dtype holds all sums.  Written.
    """
    channels = products.shape[5]
    for n in range(len(out)):
        for y in range(len(rows)):
            for x in range(len(columns)):
                for ky in range(rows.shape[1]):
                    iy = rows[y, ky]
                    if iy < 0:
                        continue
                    for kx in range(columns.shape[1]):
                        ix = columns[x, kx]
                        if ix < 0:
                            continue
                        for c in range(channels):
                            out[n, y, x, first + c] += products[n, iy, ix, ky, kx, c]
