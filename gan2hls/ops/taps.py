"""Tap programs: which (input index, kernel index) pairs really contribute to each output index.

Conv, ConvTranspose and Dense are one engine with different tap programs (``docs/design.md``).  A program is made per
axis and a 2-D program is the product of two axes, so executed MACs equal useful MACs for every geometry: there is no
inserted zero, no padded tap and no cropped output in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import final

import numpy as np
import numpy.typing as npt


@final
@dataclass(frozen=True)
class TapEntry:
    """One step of an axis' sequencer."""

    i: int
    k: int
    last: bool


@final
@dataclass(frozen=True)
class AxisTaps:
    """The tap program of one axis.

    Attributes:
        in_size: number of input indices.
        kernel: number of kernel indices.
        taps: ``taps[o]`` lists the pairs ``(i, k)`` that contribute to output ``o``, in ascending ``k``; each ``k``
            occurs at most once per output.
    """

    in_size: int
    kernel: int
    taps: tuple[tuple[tuple[int, int], ...], ...]

    def __post_init__(self) -> None:
        for pairs in self.taps:
            assert all(0 <= i < self.in_size and 0 <= k < self.kernel for i, k in pairs), "tap out of range"
            assert all(a[1] < b[1] for a, b in pairwise(pairs)), "kernel indices must ascend"

    @property
    def out_size(self) -> int:
        """Number of output indices."""
        return len(self.taps)

    @cached_property
    def count(self) -> int:
        """Number of taps over all outputs."""
        return sum(len(pairs) for pairs in self.taps)

    @cached_property
    def uses(self) -> npt.NDArray[np.int64]:
        """Outputs that each kernel index contributes to, int64 ``[kernel]``."""
        return np.bincount([k for pairs in self.taps for _, k in pairs], minlength=self.kernel)

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Output indices that have at least one tap; the others are the requantized constant zero."""
        return tuple(o for o, pairs in enumerate(self.taps) if pairs)

    @cached_property
    def entries(self) -> tuple[TapEntry, ...]:
        """The flat list that the sequencer walks; ``last`` closes an output, outputs without taps leave no trace."""
        return tuple(TapEntry(i, k, last=n == len(pairs) - 1) for pairs in self.taps for n, (i, k) in enumerate(pairs))

    @cached_property
    def need(self) -> tuple[int, ...]:
        """Per output of ``outputs``: how many inputs must have arrived before it can start (never falls)."""
        return tuple(accumulate((max(i for i, _ in self.taps[o]) + 1 for o in self.outputs), max))

    @cached_property
    def base(self) -> tuple[int, ...]:
        """Per output of ``outputs``: inputs below this index are no longer used, by it or any later one.

        The first is 0, used or not: inputs arrive in order, and nothing is freed before an output is done.
        """
        lows = [0, *(min(i for i, _ in self.taps[o]) for o in self.outputs[1:])][: len(self.outputs)]
        return tuple(accumulate(reversed(lows), min))[::-1]

    @cached_property
    def released(self) -> tuple[int, ...]:
        """Per output of ``outputs``: inputs that are free once it is done; ``in_size`` in all."""
        return tuple(after - before for before, after in pairwise((*self.base, self.in_size)))

    @cached_property
    def window(self) -> int:
        """Greatest number of inputs alive at once: the least depth of a line buffer along this axis."""
        return max((n - b for n, b in zip(self.need, self.base, strict=True)), default=1)


def conv_axis(in_size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> AxisTaps:
    """Return the taps of a convolution: output ``o`` reads input ``o * stride - pads[0] + k * dilation``."""
    reach = (kernel - 1) * dilation + 1
    out_size = (in_size + pads[0] + pads[1] - reach) // stride + 1

    def pairs(o: int) -> Iterator[tuple[int, int]]:
        for k in range(kernel):
            i = o * stride - pads[0] + k * dilation
            if 0 <= i < in_size:
                yield i, k

    return AxisTaps(in_size, kernel, tuple(tuple(pairs(o)) for o in range(out_size)))


def conv_transpose_axis(
    in_size: int, kernel: int, stride: int, dilation: int, pad_begin: int, out_size: int
) -> AxisTaps:
    """Return the taps of a transposed convolution: input ``i`` adds to ``o = i * stride + k * dilation - pad_begin``.

    ``out_size`` carries what ONNX spreads over pads, output_padding and output_shape.
    """

    def pairs(o: int) -> Iterator[tuple[int, int]]:
        for k in range(kernel):
            i, rest = divmod(o + pad_begin - k * dilation, stride)
            if rest == 0 and 0 <= i < in_size:
                yield i, k

    return AxisTaps(in_size, kernel, tuple(tuple(pairs(o)) for o in range(out_size)))


@final
@dataclass(frozen=True)
class LinearGeometry:
    """The geometry of one linear layer; streams are raster order, channels innermost.

    Attributes:
        y: taps along the rows.
        x: taps along the columns.
        in_channels: input channels, all groups.
        out_channels: output channels, all groups.
        groups: channel groups; divides both.
        stride: ``(y, x)``, for reports only.
        transposed: whether inputs are scattered (ConvTranspose), for reports only.
        row_phases: output rows whose indices differ modulo this use kernel rows, biases and scales of their own
            (``by_row_phases``); divides both numbers.
    """

    y: AxisTaps
    x: AxisTaps
    in_channels: int
    out_channels: int
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    transposed: bool = False
    row_phases: int = 1

    def __post_init__(self) -> None:
        assert self.in_channels % self.groups == 0 and self.out_channels % self.groups == 0, "groups must divide"
        assert self.y.kernel % self.row_phases == self.y.out_size % self.row_phases == 0, "phases must divide rows"

    @property
    def in_shape(self) -> tuple[int, int, int]:
        """Input ``(H, W, C)``."""
        return self.y.in_size, self.x.in_size, self.in_channels

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """Output ``(H, W, C)``."""
        return self.y.out_size, self.x.out_size, self.out_channels

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel ``(KH, KW)`` of one output row."""
        return self.y.kernel // self.row_phases, self.x.kernel

    @property
    def group_in(self) -> int:
        """Input channels of one group."""
        return self.in_channels // self.groups

    @property
    def group_out(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.groups

    @property
    def weight_shape(self) -> tuple[int, int, int]:
        """Weight array ``[KH * KW, CO, CI / groups]``, taps in raster order."""
        return self.y.kernel * self.x.kernel, self.out_channels, self.group_in

    @property
    def pixel_taps(self) -> int:
        """Taps over all output pixels."""
        return self.y.count * self.x.count

    @property
    def useful_macs(self) -> int:
        """MACs that touch a real input and a real weight: what the engine executes."""
        return self.pixel_taps * self.group_in * self.out_channels

    @property
    def zero_insertion_macs(self) -> int:
        """MACs of an engine that visits every kernel tap of every output pixel, zeros and padding included."""
        return self._dense(self.kernel)

    @property
    def padded_phase_macs(self) -> int:
        """MACs of an engine that pads each of the stride's phases to ``ceil(K / S)`` taps."""
        if not self.transposed:
            return self.zero_insertion_macs
        phases = tuple(-(-k // s) for k, s in zip(self.kernel, self.stride, strict=True))
        return self._dense((phases[0], phases[1]))

    def _dense(self, taps: tuple[int, int]) -> int:
        return self.y.out_size * self.x.out_size * taps[0] * taps[1] * self.group_in * self.out_channels


def by_row_phases(geometry: LinearGeometry, phases: int) -> LinearGeometry:
    """Return the geometry that makes ``phases`` output rows in place of one, each of ``CO / phases`` channels.

    Output row ``o * phases + p`` reads what row ``o`` of ``geometry`` reads, by the weights of its output channels
    ``p * CO / phases`` and on: kernel row ``k`` of phase ``p`` is ``k * phases + p``.  So a pixel shuffle is no work:
    rows leave in the order in which they stand in the larger image.
    """
    assert geometry.groups == 1 and geometry.row_phases == 1, "phases of one group only"
    y = geometry.y
    taps = tuple(tuple((i, k * phases + p) for i, k in pairs) for pairs in y.taps for p in range(phases))
    return replace(
        geometry,
        y=AxisTaps(y.in_size, y.kernel * phases, taps),
        out_channels=geometry.out_channels // phases,
        row_phases=phases,
    )


def by_frames(geometry: LinearGeometry, frames: int) -> LinearGeometry:
    """Return the geometry of ``frames`` frames, one below the other as one map; no output reads two of them."""
    y = geometry.y
    taps = tuple(tuple((n * y.in_size + i, k) for i, k in pairs) for n in range(frames) for pairs in y.taps)
    return replace(geometry, y=AxisTaps(frames * y.in_size, y.kernel, taps))


def dense_geometry(in_features: int, out_features: int) -> LinearGeometry:
    """Return the geometry of a matrix product: one pixel, one tap."""
    one = AxisTaps(1, 1, (((0, 0),),))
    return LinearGeometry(one, one, in_features, out_features)
