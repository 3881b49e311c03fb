"""Where the windows of pooling lie along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from gan2hls.base import UnsupportedError
from gan2hls.kinds.base import Tensor, axes

#: First row (or column) of each window, and the one behind its last; in order, and none in two windows.
Windows = tuple[tuple[int, int], ...]


@final
@dataclass(frozen=True)
class WindowAxis:
    """How windows lie along an axis of ``size``: window ``o`` begins at ``o * stride - pads[0]``."""

    size: int
    out_size: int
    kernel: int
    stride: int
    dilation: int
    pads: tuple[int, int]

    def taps(self, o: int) -> list[int]:
        """Return what window ``o`` reads."""
        first = o * self.stride - self.pads[0]
        reads = (first + k * self.dilation for k in range(self.kernel))
        return [i for i in reads if 0 <= i < self.size]

    def count(self, o: int, *, padded: bool) -> int:
        """Return how many places of window ``o`` are on the map, or with ``padded`` on it or in its pads."""
        if not padded:
            return len(self.taps(o))
        first, end = o * self.stride - self.pads[0], self.size + self.pads[1]
        return sum(first + k * self.dilation < end for k in range(self.kernel))

    @property
    def windows(self) -> Windows | None:
        """The windows, where they do not overlap and leave nothing out."""
        taps = [self.taps(o) for o in range(self.out_size)]
        if self.dilation > 1 or any(not reads for reads in taps):
            return None
        found = tuple((reads[0], reads[-1] + 1) for reads in taps)
        apart = all(a[1] <= b[0] for a, b in pairwise(found))
        return found if apart else None


def window_axes(
    x: Tensor, kernel_shape: Sequence[int], strides: object, pads: object, dilations: object, auto_pad: str
) -> list[WindowAxis]:
    """Return how the windows of a pool lie along each spatial axis."""
    rank = len(x.shape)
    if rank not in (3, 4) or len(kernel_shape) != rank - 2:
        raise UnsupportedError(
            f"pools a tensor of shape {list(x.shape)} by windows of {list(kernel_shape)}",
            hint="1-D ([1, C, W]) and 2-D ([1, C, H, W]) is supported",
        )
    count = rank - 2
    stride, dilation = axes(strides, count, 1, "strides"), axes(dilations, count, 1, "dilations")
    given = axes(pads, 2 * count, 0, "pads")
    found = []
    for n, kernel in enumerate(kernel_shape):
        size, out_size = x.shape[2 + n], x.out_shape[2 + n]
        around = (given[n], given[count + n])
        if auto_pad.startswith("SAME"):
            total = max(0, (out_size - 1) * stride[n] + (kernel - 1) * dilation[n] + 1 - size)
            around = (total // 2, total - total // 2) if auto_pad == "SAME_UPPER" else (total - total // 2, total // 2)
        found.append(WindowAxis(size, out_size, int(kernel), stride[n], dilation[n], around))
    return found
