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

from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import AxisTaps, LinearGeometry

Real = npt.NDArray[np.floating]

#: Inputs of one output pixel beyond which taps are taken apart, as if they did not correlate.
_MOST_INPUTS = 6144
#: Output channels of a group up to which each has a Hessian of its own, weighted by its own sensitivity.
_MOST_OWN = 4
#: Output pixels measured per input of one, at least and at most; and values of one chunk.
_PIXELS_PER_INPUT, _LEAST_PIXELS = 12, 1 << 15
_CHUNK_VALUES = 1 << 22
#: Pixels per input of one at which the shrinkage is a half.
_HALF_SHRINKAGE = 2


@final
@dataclass(frozen=True, eq=False)
class Moments:
    """One block: the moments of its patches ``x`` and of the float outputs ``y``, as means over all output pixels.

    Means are weighted by the sensitivity of each pixel's sums, whose mean is 1: by that of the channel itself where it
    says so, else by that of all ``C`` channels of the block together.

    Attributes:
        taps: int64 ``[P]``, the kernel taps.
        channels: the output channels, all of one group.
        hessian: float64 ``[D, D]``, mean of ``x x'``; ``D = P * CI / groups``, taps outermost.
        cross: float64 ``[C, D]``, mean of ``y x'``.
        mean_in: float64 ``[D]``, mean of ``x``.
        mean_out: float64 ``[C]``, mean of ``y``.
        energy: float64 ``[C]``, mean of ``y * y``.
        mass: the weight of this block's pixels, all channels together.
        own_in: float64 ``[C, D]``, mean of ``x`` by the channel's own weights.
        own_out: float64 ``[C]``, mean of ``y`` by the channel's own weights.
        own_mass: float64 ``[C]``, the channel's own weight.
        agreement: float64 ``[D]``, covariance of each input with itself in the float model.
        shrinkage: how far covariances are to be drawn to those of inputs that do not correlate, 0..1: those of few
            pixels are mostly chance.
    """

    taps: Int64Array
    channels: slice
    hessian: FloatArray
    cross: FloatArray
    mean_in: FloatArray
    mean_out: FloatArray
    energy: FloatArray
    mass: float
    own_in: FloatArray
    own_out: FloatArray
    own_mass: FloatArray
    agreement: FloatArray
    shrinkage: float


@final
@dataclass(frozen=True, eq=False)
class _Part:
    """Output pixels that some taps make.

    Attributes:
        taps: int64 ``[P]``.
        rows: output rows, int64 ``[n]``, and the input rows they read, ``[n, KY]``, -1 for none.
        columns: the same along the columns.
    """

    taps: Int64Array
    rows: tuple[Int64Array, Int64Array]
    columns: tuple[Int64Array, Int64Array]

    @property
    def pixels(self) -> int:
        return self.rows[0].size * self.columns[0].size


def measure(
    geometry: LinearGeometry, weight: FloatArray, wanted: Real, found: Real, sensitivity: Real | None = None
) -> tuple[Moments, ...]:
    """Return the moments of a layer with the float ``weight`` ``[T, CO, CI / groups]``.

    Args:
        geometry: of the layer.
        weight: float64.
        wanted: inputs in the float model, ``N`` frames of ``(H, W, C)`` in any shape; ``y`` is made of them.
        found: inputs in the compressed model, ``x``.
        sensitivity: what each output matters, of mean 1, ``[M, H, W, CO]`` of the first ``M`` frames.  The other
            frames are left out, or count with the mean where ``M`` frames are few for the inputs of a pixel; None: 1.
    """
    frames = tuple(x.reshape(-1, *geometry.in_shape) for x in (wanted, found))
    total = len(geometry.y.outputs) * len(geometry.x.outputs)
    own = geometry.group_out <= _MOST_OWN and sensitivity is not None
    step = 1 if own else geometry.group_out
    blocks = []
    for ky, kx in product(_sets(geometry.y, geometry), _sets(geometry.x, geometry)):
        taps = (ky[:, None] * geometry.x.kernel + kx).ravel()
        part = _Part(taps, _window(geometry.y, ky), _window(geometry.x, kx))
        for first in range(0, geometry.out_channels if part.pixels else 0, step):
            channels = slice(first, first + step)
            blocks.append(_block(geometry, weight, frames, part, channels, sensitivity, part.pixels / total))
    return tuple(blocks)


def _sets(axis: AxisTaps, geometry: LinearGeometry) -> list[Int64Array]:
    """Return the kernel indices of an axis, split into sets that never meet in one output."""
    if _widest(geometry) > _MOST_INPUTS:
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


def _window(axis: AxisTaps, kernel: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the outputs that the taps ``kernel`` make, ``[n]``, and what they read, ``[n, taps]``, or -1."""
    at = {int(k): n for n, k in enumerate(kernel)}
    outputs, rows = [], []
    for o, pairs in enumerate(axis.taps):
        row = np.full(len(kernel), -1)
        for i, k in pairs:
            if k in at:
                row[at[k]] = i
        if (row >= 0).any():
            outputs.append(o)
            rows.append(row)
    return np.array(outputs, np.int64), np.array(rows, np.int64).reshape(-1, len(kernel))


def _block(
    geometry: LinearGeometry,
    weight: FloatArray,
    frames: tuple[Real, ...],
    part: _Part,
    channels: slice,
    sensitivity: Real | None,
    share: float,
) -> Moments:
    matrix = weight[part.taps, channels].transpose(1, 0, 2).reshape(channels.stop - channels.start, -1)
    outer, size = matrix.shape
    hessian, cross, mean_in = np.zeros((size, size)), np.zeros((outer, size)), np.zeros(size)
    mean_out, energy, mass = np.zeros(outer), np.zeros(outer), 0.0
    both, mean_float = np.zeros(size), np.zeros(size)
    own_in, own_out, own_mass = np.zeros((outer, size)), np.zeros(outer), np.zeros(outer)
    if sensitivity is not None and len(sensitivity) < len(frames[0]):
        if len(sensitivity) * part.pixels >= _PIXELS_PER_INPUT * size:
            frames = tuple(x[: len(sensitivity)] for x in frames)
        else:  # too few to tell their inputs apart: the other frames count with the mean
            sensitivity = np.concatenate([sensitivity, sensitivity.mean(axis=0, keepdims=True)])
    first = channels.start // geometry.group_out * geometry.group_in
    inner = slice(first, first + geometry.group_in)
    same = np.array_equal(frames[0], frames[1])
    count = 0
    for frame, row, column in _chosen(len(frames[0]), part, size):
        patches = [_patches(x[..., inner], frame, part.rows[1][row], part.columns[1][column]) for x in frames[same:]]
        y, x = patches[0] @ matrix.T, patches[-1]
        own = np.ones_like(y)
        if sensitivity is not None:
            known = np.minimum(frame, len(sensitivity) - 1)
            own = sensitivity[known, part.rows[0][row], part.columns[0][column], channels].astype(np.float64)
        common = own.mean(axis=1)
        weighted = x * common[:, None]
        hessian += weighted.T @ x
        cross += y.T @ weighted
        mean_in += weighted.sum(axis=0)
        mean_float += common @ patches[0]
        both += (weighted * patches[0]).sum(axis=0)
        mean_out += common @ y
        energy += common @ np.square(y)
        mass += float(common.sum())
        own_in += own.T @ x
        own_out += (own * y).sum(axis=0)
        own_mass += own.sum(axis=0)
        count += len(x)
    agreement = both - mean_in * mean_float / mass
    by = share / count
    sums = (hessian, cross, mean_in, mean_out, energy)
    means = [value * by for value in sums]
    return Moments(
        part.taps,
        channels,
        means[0],
        means[1],
        means[2],
        means[3],
        means[4],
        mass * by,
        own_in * by,
        own_out * by,
        own_mass * by,
        agreement * by,
        _HALF_SHRINKAGE * size / (_HALF_SHRINKAGE * size + count),
    )


def _chosen(frames: int, part: _Part, size: int) -> Iterator[tuple[Int64Array, Int64Array, Int64Array]]:
    """Yield chunks of output pixels: numbers of frames, and of the part's rows and columns."""
    total = frames * part.pixels
    most = max(_LEAST_PIXELS, _PIXELS_PER_INPUT * size)
    chosen = np.arange(total)
    if total > most:
        chosen = np.sort(np.random.default_rng(0).choice(total, most, replace=False))
    step = max(1, _CHUNK_VALUES // size)
    for start in range(0, chosen.size, step):
        frame, at = np.divmod(chosen[start : start + step], part.pixels)
        yield frame, at // part.columns[0].size, at % part.columns[0].size


def _patches(x: Real, frame: Int64Array, row: Int64Array, column: Int64Array) -> FloatArray:
    """Return what each output pixel reads, float64 ``[n, KY * KX * C]``; 0 where a tap reads nothing."""
    made = x[frame[:, None, None], row[:, :, None], column[:, None, :]]
    made[(row[:, :, None] < 0) | (column[:, None, :] < 0)] = 0.0
    patches: FloatArray = made.reshape(len(frame), -1).astype(np.float64)
    return patches
