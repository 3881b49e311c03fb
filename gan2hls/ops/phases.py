"""Phases of a linear operation: outputs that use the same taps, so that each is a dense matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import free_processors, in_threads
from gan2hls.numbers import FLOAT32_EXACT, FloatArray, Int64Array
from gan2hls.ops.depthwise import depthwise
from gan2hls.ops.taps import AxisTaps, LinearGeometry

#: Places along an axis.
Places = slice | Int64Array

#: Elements of inputs that are gathered at once, and pixels at least.
_GATHERED, _LEAST_PIXELS = 1 << 19, 64
#: MACs that are worth a thread of their own.
_THREAD_MACS = 1 << 22
#: Parts of a sum in float32 at most: more of them are slower than float64.
_MOST_PARTS = 4


@final
@dataclass(frozen=True)
class AxisGroup:
    """Outputs of an axis that use (a subset of) the same kernel indices; ``in_size`` stands for a missing tap."""

    outputs: Int64Array
    kernels: tuple[int, ...]
    gather: Int64Array


def axis_groups(axis: AxisTaps) -> list[AxisGroup]:
    """Group outputs by kernel indices, so that a transposed convolution's phases are dense products without zeros."""
    sets = {frozenset(k for _, k in pairs) for pairs in axis.taps} - {frozenset()}
    maximal = sorted((s for s in sets if not any(s < other for other in sets)), key=sorted)
    members: dict[frozenset[int], list[int]] = {s: [] for s in maximal}
    for o in axis.outputs:
        used = frozenset(k for _, k in axis.taps[o])
        members[next(s for s in maximal if used <= s)].append(o)
    groups = []
    for kernels, outputs in members.items():
        ks = tuple(sorted(kernels))
        by_kernel = [{k: i for i, k in axis.taps[o]} for o in outputs]
        gather = np.array([[found.get(k, axis.in_size) for k in ks] for found in by_kernel], np.int64)
        groups.append(AxisGroup(np.array(outputs, np.int64), ks, gather))
    return groups


def places(indices: Sequence[int]) -> Places:
    """Return ``indices``, as a slice where they ascend evenly."""
    if not indices:
        return slice(0, 0)
    first, last = indices[0], indices[-1]
    step = indices[1] - first if len(indices) > 1 else 1
    if step >= 1 and list(indices) == list(range(first, last + 1, step)):
        return slice(first, last + 1, step)
    return np.array(indices, np.int64)


def at(rows: Places, columns: Places) -> tuple[Any, ...]:
    """Return what indexes the second and third axis of an array by rows and columns."""
    if isinstance(rows, slice) or isinstance(columns, slice):
        return slice(None), rows, columns
    return slice(None), rows[:, None], columns


def _cuts(length: int, parts: int) -> list[int]:
    return [length * n // parts for n in range(parts + 1)]


@final
class Phase:
    """Output pixels that use (a subset of) the same taps."""

    def __init__(
        self,
        geometry: LinearGeometry,
        weight: Int64Array,
        y: AxisGroup,
        x: AxisGroup,
        dtype: type[np.generic],
        padding: int,
    ) -> None:
        """Combine a group of rows and a group of columns.

        ``weight`` is ``[KH * KW, CO, CI / groups]``, ``padding`` the rows and columns of zeros behind the input, 0
        where no phase lacks a tap.
        """
        g = self.geometry = geometry
        self.padding = padding
        self._rows, self._columns = places(y.outputs.tolist()), places(x.outputs.tolist())
        self._shape = y.outputs.size, x.outputs.size
        flat = y.gather[:, None, :, None] * (g.x.in_size + padding) + x.gather[None, :, None, :]
        taps = [ky * g.x.kernel + kx for ky in y.kernels for kx in x.kernels]
        #: int64 ``[rows * columns, taps]``, flat indices into the input with its padding
        self._gather = flat.reshape(-1, len(taps))
        pixels = g.y.in_size * g.x.in_size
        self._as_it_stands = not padding and np.array_equal(self._gather, np.arange(pixels)[:, None])
        self._each = g.groups > 1 and g.group_in == g.group_out == 1
        used = weight[taps]
        if self._each:
            self._matrices: tuple[npt.NDArray[Any], ...] = (used[:, :, 0].astype(dtype),)
            return
        split = used.reshape(len(taps), g.groups, g.group_out, g.group_in).transpose(1, 0, 3, 2)
        self._matrices = tuple(matrix.reshape(-1, g.group_out).astype(dtype, order="C") for matrix in split)

    @property
    def whole(self) -> npt.NDArray[Any] | None:
        """The matrix ``[CI, CO]`` that makes all outputs of the pixels as they stand; None: something is gathered."""
        g = self.geometry
        every = self._shape == (g.y.out_size, g.x.out_size)
        return self._matrices[0] if every and self._as_it_stands and g.groups == 1 else None

    @cached_property
    def _sums_of_parts(self) -> tuple[int, ...]:
        """The greatest sum of magnitudes of weights of an output, if sums are made of 1, 2, ... parts."""
        found = []
        for count in range(1, _MOST_PARTS + 1):
            parts = [matrix[low:high] for matrix in self._matrices for low, high in pairwise(_cuts(len(matrix), count))]
            found.append(max(int(np.abs(part).sum(axis=0, dtype=np.float64).max(initial=0)) for part in parts))
        return tuple(found)

    def parts(self, most_input: int) -> int:
        """Return into how many parts sums over any inputs of this magnitude are to be cut for float32; 0: too many."""
        for count, most in enumerate(self._sums_of_parts, 1):
            if most * most_input <= FLOAT32_EXACT:
                return count
        return 0

    @cached_property
    def _norms_of_parts(self) -> tuple[tuple[tuple[int, int, float], ...], ...]:
        """If sums are made of 1, 2, ... parts: the first tap and that behind the last one of each, and a norm.

        It is the greatest sum of squares of an output's weights.
        """
        found = []
        for count in range(1, _MOST_PARTS + 1):
            cuts = pairwise(_cuts(len(self._matrices[0]), count))
            found.append(tuple(self._norm(low, high) for low, high in cuts if low < high))
        return tuple(found)

    def _norm(self, low: int, high: int) -> tuple[int, int, float]:
        parts = [np.square(matrix[low:high], dtype=np.float64).sum(axis=0) for matrix in self._matrices]
        each = self.geometry.group_in
        return low // each, -(-high // each), max(float(part.max(initial=0)) for part in parts)

    def parts_of(self, squares: FloatArray) -> int:
        """Return into how many parts sums are to be cut for float32 over inputs of these magnitudes; 0: too many.

        No sum of any of a part's products is greater than the root of the sum of its squared weights times that of its
        squared inputs (Cauchy and Schwarz), which is mostly far below what ``parts`` tells for any inputs.

        Args:
            squares: ``[N, pixels]``, of every pixel the sum of its channels' squares, or more.
        """
        read = squares.take(self._gather, axis=1)
        upto = np.concatenate([np.zeros_like(read[..., :1]), read.cumsum(axis=2)], axis=2)
        for count, parts in enumerate(self._norms_of_parts, 1):
            if all(norm * (upto[..., end] - upto[..., tap]).max() <= FLOAT32_EXACT**2 for tap, end, norm in parts):
                return count
        return 0

    def sums(self, flat: npt.NDArray[Any], parts: int, out: npt.NDArray[Any]) -> None:
        """Write the sums of inputs ``flat``, ``[N, pixels, CI]``, to the outputs ``[N, OH, OW, CO]`` of this phase."""
        frames, (rows, columns), channels = len(flat), self._shape, out.shape[3]
        whole = self._shape == out.shape[1:3]
        made = out if whole else np.empty((frames, rows, columns, channels), out.dtype)
        pixels = made.reshape(frames, -1, channels)
        if self._each:
            depthwise(flat, self._gather, self._matrices[0], pixels)
        else:
            steps = range(0, rows * columns, self._step(frames))

            def run(start: int) -> None:
                part = slice(start, start + steps.step)
                read = flat[:, part] if self._as_it_stands else flat.take(self._gather[part], axis=1)
                self._products(read, parts, pixels[:, part])

            in_threads(run, steps)
        if not whole:
            out[at(self._rows, self._columns)] = made

    def is_worth_threads(self, frames: int) -> bool:
        """Whether so many frames are worth more than a thread."""
        return self._macs(frames) >= 2 * _THREAD_MACS

    def _threads(self, frames: int) -> int:
        """Return how many threads so many frames are worth, of those that are free."""
        return max(1, min(free_processors(), self._macs(frames) // _THREAD_MACS))

    def _macs(self, frames: int) -> int:
        return frames * self._gather.size * self.geometry.in_channels * self.geometry.group_out

    def _step(self, frames: int) -> int:
        """Return how many pixels of so many frames are made at once: as many parts for one thread as for another."""
        pixels, taps = self._gather.shape
        step = pixels
        if not self._as_it_stands:
            step = max(_LEAST_PIXELS, _GATHERED // (frames * taps * self.geometry.in_channels))
        threads = self._threads(frames)
        return step if threads == 1 else -(-pixels // (-(-pixels // (step * threads)) * threads))

    def _products(self, patches: npt.NDArray[Any], parts: int, out: npt.NDArray[Any]) -> None:
        """Write products of what pixels read, ``[N, P, taps, CI]`` or ``[N, P, CI]`` of one tap, to ``[N, P, CO]``."""
        g = self.geometry
        for group, matrix in enumerate(self._matrices):
            inputs = patches[..., group * g.group_in : (group + 1) * g.group_in].reshape(*out.shape[:2], len(matrix))
            target = out[..., group * g.group_out : (group + 1) * g.group_out]
            if parts == 1:
                np.matmul(inputs, matrix, out=target)
                continue
            cuts = _cuts(len(matrix), parts)
            target[...] = inputs[..., : cuts[1]] @ matrix[: cuts[1]]
            for low, high in pairwise(cuts[1:]):
                target += inputs[..., low:high] @ matrix[low:high]
