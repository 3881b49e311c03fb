"""The linear operation: a convolution, a transposed one, a matrix product or a copy, by taps and weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from gan2hls.base import remembered
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops.crop import IntCrop, crop_by
from gan2hls.ops.linear_map import linear, linear_backward
from gan2hls.ops.linear_program import LinearProgram, phases_together
from gan2hls.ops.select import IntSelect, selected_by
from gan2hls.ops.shuffle import Shape, is_shuffle
from gan2hls.ops.taps import LinearGeometry, by_row_phases
from gan2hls.ops.weights import IntWeight, Structure

#: Kind of a linear layer that copies elements to where they are read, by weights of 1.
COPY = "reorder"
#: Most centroids of one book that lanes select from at a LUT a bit of a centroid.
_MOST_CENTROIDS = 64


@final
@dataclass(frozen=True, eq=False)
class Linear:
    """The sum of weight x input over an output's taps.

    Attributes:
        kind: what it came from, for names and reports: ``conv``, ``conv_transpose``, ``dense`` or ``COPY``.
        geometry: its taps.
        weight: float64 ``[KH * KW, CO, CI / groups]``.  Biases are points.
        structure: the codes that ``weight`` betrays, or None.
    """

    kind: str
    geometry: LinearGeometry
    weight: FloatArray
    structure: Structure | None = None

    @property
    def copies(self) -> bool:
        """Whether it makes elements of its input, and zeros, and nothing else."""
        return self.kind == COPY

    def upright(self) -> Linear | None:
        """Return it on maps of one column in place of maps of one row; None where it makes other rows of a row."""
        geometry, weight = self.geometry, self.weight
        if geometry.y.in_size != 1 or geometry.y.out_size != 1:
            return None
        if geometry.y.kernel > 1:
            if self.structure is not None:  # codes stand in the order of the weights
                return None
            kernels = weight.reshape(*geometry.kernel, *weight.shape[1:])
            weight = np.ascontiguousarray(kernels.swapaxes(0, 1)).reshape(weight.shape)
        down, along = geometry.stride
        turned = replace(geometry, y=geometry.x, x=geometry.y, stride=(along, down))
        return replace(self, geometry=turned, weight=weight)

    def sums_shape(self, shape: Shape) -> Shape:
        """Return ``(H, W, C)`` of what the points act on, where the output has ``shape``."""
        del shape
        return self.geometry.out_shape

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, *sums_shape]``, of frames in any shape."""
        (x,) = inputs
        return linear(self.geometry, self.weight, x)

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at each input, frames in any shape, of ``[N, *sums_shape]`` at the sums."""
        del inputs
        return (linear_backward(self.geometry, self.weight, gradient),)

    def channels(self, shape: Shape) -> int:
        """Return what the points behind it distinguish, of an output of ``shape``: its output channels."""
        del shape
        return self.geometry.out_channels

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntLinear | IntCrop | IntSelect, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means by channel, float64 ``[CO]`` or ``[1]``.

        A copy that leaves out rows and columns only is a crop, one of channels alone a choice of those.  ``shape`` is
        that of the output, ``weight`` the integers that stand for its weights.
        """
        (given,) = inputs
        assert weight is not None, "a linear layer has integer weights"
        if self.kind == COPY and shape == self.geometry.out_shape:
            unit = crop_by(self.geometry, weight.values) or selected_by(self.geometry, weight.values)
            if unit is not None:
                return unit, weight.scale * given.scale
        geometry, codes = _by_row_phases(self.geometry, weight, shape[0] // self.geometry.y.out_size)
        return IntLinear(self.kind, geometry, codes), weight.scale * given.scale

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        (given,) = inputs
        whole = math.prod(given) == math.prod(self.geometry.in_shape)
        return whole and is_shuffle(self.geometry.out_shape, shape)


@final
@dataclass(frozen=True, eq=False)
class IntLinear:
    """The exact sum of weight x (code - zero point) over an output's taps; 0 where there are none.

    Attributes:
        kind: as in ``Linear``.
        geometry: its taps.
        weight: integer weights.
    """

    kind: str
    geometry: LinearGeometry
    weight: IntWeight

    @property
    def useful_macs(self) -> int:
        """MACs that touch a real input and a real weight; of a copy those by ones."""
        if self.kind != COPY:
            return self.geometry.useful_macs
        taps = np.outer(*(axis.uses for axis in (self.geometry.y, self.geometry.x))).ravel()
        return int(taps @ np.count_nonzero(self.weight.values, axis=(1, 2)))

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> LinearProgram:
        """Return what computes accumulators ``[..., channels]`` of codes ``[N, H, W, C]``."""
        (given,) = inputs
        return LinearProgram(self.geometry, self.weight, given.zero_point, given.centred, acc_type)

    def in_raster(self, codes: Int64Array) -> Int64Array:
        """Return codes of accumulators in the order of the output stream."""
        return phases_together(codes, self.geometry)

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every partial and final accumulator for inputs of these types, 0 included.

        Each output pixel uses a subset of the taps (of its row phase); adding all taps of each sign bounds every subset
        and every order of summation.
        """
        (given,) = inputs
        centred = given.centred
        positive, negative = _sums_by_sign(self.weight, self.geometry.row_phases, self.geometry.x.kernel)
        high = positive * centred.hi + negative * centred.lo
        low = positive * centred.lo + negative * centred.hi
        return min(0, int(low.min())), max(0, int(high.max()))

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check weights and what the requantizer distinguishes.

        Raises:
            AssertionError: they do not fit the geometry.
        """
        assert len(inputs) == 1, f"{len(inputs)} inputs"
        weight = self.weight
        assert weight.values.shape == self.geometry.weight_shape, f"weight shape {weight.values.shape}"
        least, most = _span(weight)
        assert weight.type.lo <= least and most <= weight.type.hi, f"beyond {weight.type}"
        scaled = weight.codec == "blockscale"
        assert scaled == (weight.factors is not None), f"{weight.codec} with factors"
        assert not scaled or _has_factors(weight), "factors of blocks"
        assert channels == self.geometry.out_channels * self.geometry.row_phases, f"{channels} requantized channels"


def _by_row_phases(geometry: LinearGeometry, weight: IntWeight, phases: int) -> tuple[LinearGeometry, IntWeight]:
    """Return geometry and weights for the rows of the image that a pixel shuffle makes ``phases`` times as high.

    What it does along the columns is no work: the channels of neighbouring pixels follow one another.  Where there is
    one column, that is so along the rows too.  Several codebooks belong to channels, not to phases: they become one of
    all their centroids, or plain integers where these are too many.
    """
    if phases == 1 or geometry.x.out_size == 1:
        return geometry, weight
    made = by_row_phases(geometry, phases)
    taps, channels = geometry.weight_shape[0], made.out_channels

    def apart(values: Int64Array) -> Int64Array:
        by_tap = np.broadcast_to(values, (taps, *values.shape[1:]))
        kernel = by_tap.reshape(geometry.y.kernel, geometry.x.kernel, phases, channels, -1)
        return np.ascontiguousarray(kernel.swapaxes(1, 2)).reshape(taps * phases, channels, -1)

    if weight.books > 1:
        few = np.unique(weight.values).size <= _MOST_CENTROIDS
        weight = replace(weight, codec=weight.codec if few else "raw", books=1)
    factors = None if weight.factors is None else apart(weight.factors)
    return made, replace(weight, values=apart(weight.values), factors=factors)


@remembered
def _sums_by_sign(weight: IntWeight, phases: int, columns: int) -> tuple[Int64Array, Int64Array]:
    """Return the sums of the weights above 0, and of those below, int64 ``[row phases, CO]`` each.

    ``columns`` are those of a kernel.
    """
    values = weight.values
    by_phase = values.reshape(-1, phases, columns, *values.shape[1:])
    positive, total = np.maximum(by_phase, 0).sum(axis=(0, 2, 4)), by_phase.sum(axis=(0, 2, 4))
    return positive, total - positive


@remembered
def _span(weight: IntWeight) -> tuple[int, int]:
    """Return the least and the greatest weight."""
    return int(weight.values.min()), int(weight.values.max())


def _has_factors(weight: IntWeight) -> bool:
    """Whether every block of block-scaled weights has a factor and the weights are its multiples."""
    factors = weight.factors
    assert factors is not None
    taps, co, ci = weight.values.shape
    fits = weight.block > 0 and factors.shape in {(n, co, -(-ci // weight.block)) for n in (1, taps)}
    if not fits or factors.min() < 1:
        return False
    return not (weight.values % np.repeat(factors, weight.block, axis=2)[:, :, :ci]).any()
