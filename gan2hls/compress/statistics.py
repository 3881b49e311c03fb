"""Second moments of what a linear layer reads: all that its least squares need of the calibration data.

Taps that never meet in one output pixel, such as those of different phases of a transposed convolution, do not
correlate: the Hessian falls into one block per set of taps (and per channel group), so no block is larger than the
input of one output pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numerics import FloatArray, Int64Array
from gan2hls.taps import AxisTaps, LinearGeometry

Real = npt.NDArray[np.floating]

#: Inputs of one output pixel beyond which taps are taken apart, as if they did not correlate.
_MOST_INPUTS = 6144
#: Output pixels measured per input of one, at least and at most; and values of one chunk.
_PIXELS_PER_INPUT, _LEAST_PIXELS = 12, 1 << 15
_CHUNK_VALUES = 1 << 22


@final
@dataclass(frozen=True, eq=False)
class Moments:
    """One block: the moments of its patches ``x`` and of the float outputs ``y``, as means over all output pixels.

    Attributes:
        taps: int64 ``[P]``, the kernel taps.
        group: the channel group.
        hessian: float64 ``[D, D]``, mean of ``x x'``; ``D = P * CI / groups``, taps outermost.
        cross: float64 ``[CO / groups, D]``, mean of ``y x'``.
        mean_in: float64 ``[D]``, mean of ``x``.
        mean_out: float64 ``[CO / groups]``, mean of ``y``.
        energy: float64 ``[CO / groups]``, mean of ``y * y``.
        share: part of all output pixels that these taps make; the means above are weighted by it.
    """

    taps: Int64Array
    group: int
    hessian: FloatArray
    cross: FloatArray
    mean_in: FloatArray
    mean_out: FloatArray
    energy: FloatArray
    share: float


def measure(geometry: LinearGeometry, weight: FloatArray, wanted: Real, found: Real) -> tuple[Moments, ...]:
    """Return the moments of a layer with the float ``weight`` ``[T, CO, CI / groups]``.

    Args:
        geometry: of the layer.
        weight: float64.
        wanted: inputs in the float model, ``N`` frames of ``(H, W, C)`` in any shape; ``y`` is made of them.
        found: inputs in the compressed model, ``x``.
    """
    frames = (
        np.asarray(wanted, np.float64).reshape(-1, *geometry.in_shape),
        np.asarray(found, np.float64).reshape(-1, *geometry.in_shape),
    )
    total = sum(1 for _ in geometry.y.outputs) * sum(1 for _ in geometry.x.outputs)
    blocks = []
    for ky, kx in product(
        _sets(geometry.y, geometry.group_in, geometry), _sets(geometry.x, geometry.group_in, geometry)
    ):
        rows, columns = _window(geometry.y, ky), _window(geometry.x, kx)
        share = len(rows) * len(columns) / total
        if not share:
            continue
        taps = (ky[:, None] * geometry.x.kernel + kx).ravel()
        for group in range(geometry.groups):
            blocks.append(_block(geometry, weight, frames, rows, columns, taps, group, share))
    return tuple(blocks)


def _sets(axis: AxisTaps, group_in: int, geometry: LinearGeometry) -> list[Int64Array]:
    """Return the kernel indices of an axis, split into sets that never meet in one output."""
    if geometry.y.kernel * geometry.x.kernel * group_in > _MOST_INPUTS and _widest(geometry) > _MOST_INPUTS:
        return [np.array([k]) for k in range(axis.kernel)]
    return _meeting(axis)


def _widest(geometry: LinearGeometry) -> int:
    y, x = (max(len(found) for found in _meeting(axis)) for axis in (geometry.y, geometry.x))
    return y * x * geometry.group_in


def _meeting(axis: AxisTaps) -> list[Int64Array]:
    label = list(range(axis.kernel))
    for pairs in axis.taps:
        met = {label[k] for _, k in pairs}
        least = min(met, default=0)
        label = [least if known in met else known for known in label]
    return [np.flatnonzero(np.array(label) == known) for known in sorted(set(label))]


def _window(axis: AxisTaps, kernel: Int64Array) -> Int64Array:
    """Return the inputs that the taps ``kernel`` read, int64 ``[outputs with such a tap, taps]``; -1 for none."""
    at = {int(k): n for n, k in enumerate(kernel)}
    rows = []
    for pairs in axis.taps:
        row = np.full(len(kernel), -1)
        for i, k in pairs:
            if k in at:
                row[at[k]] = i
        if (row >= 0).any():
            rows.append(row)
    return np.array(rows, np.int64).reshape(-1, len(kernel))


def _block(
    geometry: LinearGeometry,
    weight: FloatArray,
    frames: tuple[FloatArray, FloatArray],
    rows: Int64Array,
    columns: Int64Array,
    taps: Int64Array,
    group: int,
    share: float,
) -> Moments:
    outer = slice(group * geometry.group_out, (group + 1) * geometry.group_out)
    matrix = weight[taps, outer].transpose(1, 0, 2).reshape(geometry.group_out, -1)
    size = matrix.shape[1]
    hessian, cross = np.zeros((size, size)), np.zeros((geometry.group_out, size))
    mean_in, mean_out, energy = np.zeros(size), np.zeros(geometry.group_out), np.zeros(geometry.group_out)
    inner = slice(group * geometry.group_in, (group + 1) * geometry.group_in)
    count = 0
    same = frames[0] is frames[1] or np.array_equal(frames[0], frames[1])
    for frame, row, column in _chosen(len(frames[0]), rows, columns, size):
        patches = [_patches(x[..., inner], frame, row, column) for x in frames[same:]]
        made, x = patches[0] @ matrix.T, patches[-1]
        hessian += x.T @ x
        cross += made.T @ x
        mean_in += x.sum(axis=0)
        mean_out += made.sum(axis=0)
        energy += np.square(made).sum(axis=0)
        count += len(x)
    by = share / count
    return Moments(taps, group, hessian * by, cross * by, mean_in * by, mean_out * by, energy * by, share)


def _chosen(
    frames: int, rows: Int64Array, columns: Int64Array, size: int
) -> Iterator[tuple[Int64Array, Int64Array, Int64Array]]:
    """Yield chunks of frame numbers, input rows ``[n, KY]`` and input columns ``[n, KX]`` of output pixels."""
    total = frames * len(rows) * len(columns)
    most = max(_LEAST_PIXELS, _PIXELS_PER_INPUT * size)
    chosen = np.arange(total)
    if total > most:
        chosen = np.sort(np.random.default_rng(0).choice(total, most, replace=False))
    step = max(1, _CHUNK_VALUES // size)
    for start in range(0, chosen.size, step):
        pixel = chosen[start : start + step]
        frame, at = np.divmod(pixel, len(rows) * len(columns))
        yield frame, rows[at // len(columns)], columns[at % len(columns)]


def _patches(x: FloatArray, frame: Int64Array, row: Int64Array, column: Int64Array) -> FloatArray:
    """Return what each output pixel reads, float64 ``[n, KY * KX * C]``; 0 where a tap reads nothing."""
    made = x[frame[:, None, None], row[:, :, None], column[:, None, :]]
    made[(row[:, :, None] < 0) | (column[:, None, :] < 0)] = 0.0
    patches: FloatArray = made.reshape(len(frame), -1)
    return patches
