"""The linear operation on integers, exactly, batched, in NumPy.

Matrix products go through float32 or float64 BLAS whenever the accumulator bound makes that exact, int64 otherwise.
Where float32 is too small for whole sums but not for parts of them, it makes the parts, and float64 adds them.  Parts
are as large as any inputs allow, or else those that are there.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import remembered
from gan2hls.numbers import FLOAT32_EXACT, FLOAT64_EXACT, FloatArray, Int64Array, IntType
from gan2hls.ops.phases import Phase, axis_groups
from gan2hls.ops.scatter import scatter
from gan2hls.ops.taps import AxisTaps, LinearGeometry
from gan2hls.ops.weights import IntWeight

#: Elements of the largest gathered matrix: frames are run in chunks so that memory stays bounded.
_CHUNK_ELEMENTS = 1 << 20


def _phases_apart(acc: npt.NDArray[Any], g: LinearGeometry) -> npt.NDArray[Any]:
    """Return accumulators ``[N, OH, OW, CO]`` as ``[..., phases * CO]``, as the requantizer tells them apart."""
    if g.row_phases == 1:
        return acc.reshape(len(acc), -1, g.out_channels)
    rows = acc.reshape(len(acc), -1, g.row_phases, g.x.out_size, g.out_channels)
    return rows.swapaxes(2, 3).reshape(len(acc), -1, g.x.out_size, g.row_phases * g.out_channels)


def phases_together(codes: Int64Array, g: LinearGeometry) -> Int64Array:
    """Return what was requantized of a ``LinearProgram``'s accumulators in the order of the output rows."""
    if g.row_phases == 1:
        return codes
    return codes.reshape(len(codes), -1, g.x.out_size, g.row_phases, g.out_channels).swapaxes(2, 3)


@final
class LinearProgram:
    """A linear operation, prepared for whichever of two exact orders of work moves less data.

    ``gather`` copies each phase's inputs side by side and multiplies once per phase; ``scatter`` multiplies every input
    pixel by all taps at once and adds the products to the outputs they belong to, as it does where there is one pixel,
    of which each output would be a phase of its own.
    """

    def __init__(
        self, geometry: LinearGeometry, weight: IntWeight, zero_point: int, centred: IntType, acc_type: IntType
    ) -> None:
        self.geometry, self.zero_point, self.weight = geometry, zero_point, weight
        self.dtype = _exact_dtype(acc_type)
        g = self.geometry
        taps = g.y.kernel * g.x.kernel
        products = g.y.in_size * g.x.in_size * taps
        self._scattered, self._gathered = products * g.out_channels, g.pixel_taps * g.in_channels
        wasted = products > 2 * g.pixel_taps
        alone = g.y.in_size == g.x.in_size == 1
        self._scatters = (alone or self._scattered < self._gathered) and taps > 1 and not wasted
        self._most_input = max(-centred.lo, centred.hi)
        self.operands = self._operands()
        scattered = _tap_matrices(weight, g.groups, self.operands) if self._scatters else ()
        self._matrices: tuple[npt.NDArray[Any], ...] = scattered  # per group
        self._phases = () if self._scatters else _phases(weight, g, self.operands)
        whole_sums = self.dtype is self.operands
        self._parts = tuple(1 if whole_sums else phase.parts(self._most_input) for phase in self._phases)
        alike = len(self._phases) == 1 and whole_sums
        self._whole = self._phases[0].whole if alike and not self._phases[0].is_worth_threads(1) else None

    def _operands(self) -> type[np.float32 | np.float64 | np.int64]:
        """Return the dtype of factors: float32 also where sums need more, if some parts of them do not, or may not."""
        if self.dtype is not np.float64:
            return self.dtype
        if self._scatters:
            sums = int(np.abs(self.weight.values).sum(axis=2).max())
            return np.float32 if sums * self._most_input <= FLOAT32_EXACT else np.float64
        most_weight = max(-self.weight.type.lo, self.weight.type.hi)
        return np.float32 if max(most_weight, self._most_input) <= FLOAT32_EXACT else np.float64

    def __call__(self, codes: Int64Array) -> npt.NDArray[Any]:
        """Return exact accumulators of codes ``[N, H, W, C]``, all row phases' channels innermost."""
        g = self.geometry
        frames = codes.reshape(-1, *g.in_shape)
        if self._scatters:
            return self._scatter(frames)
        if self._whole is not None and len(frames) == 1:  # one product is all
            pixels = self._centre(frames, np.empty(frames.shape, self.operands)).reshape(-1, g.in_channels)
            return _phases_apart((pixels @ self._whole).reshape(1, *g.out_shape), g)
        out = np.empty((len(frames), *g.out_shape), self.dtype)
        if len(g.y.outputs) * len(g.x.outputs) < g.y.out_size * g.x.out_size:
            out[...] = 0
        step = max(1, _CHUNK_ELEMENTS // max(1, self._gathered))
        for start in range(0, len(frames), step):
            self._gather(frames[start : start + step], out[start : start + step])
        return _phases_apart(out, g)

    @cached_property
    def _read(self) -> tuple[Int64Array, Int64Array]:
        return _read_by(self.geometry.y), _read_by(self.geometry.x)

    def _scatter(self, codes: Int64Array) -> npt.NDArray[Any]:
        g = self.geometry
        rows, columns = self._read
        out = np.zeros((len(codes), *g.out_shape), self.dtype)
        step = max(1, _CHUNK_ELEMENTS // max(1, self._scattered))
        for start in range(0, len(codes), step):
            part = codes[start : start + step]
            pixels = self._centre(part, np.empty(part.shape, self.operands)).reshape(-1, g.in_channels)
            for group, matrix in enumerate(self._matrices):
                inputs = pixels[:, group * g.group_in : (group + 1) * g.group_in]
                products = (inputs @ matrix).reshape(*part.shape[:3], g.y.kernel, g.x.kernel, g.group_out)
                scatter(products, rows, columns, group * g.group_out, out[start : start + step])
        return _phases_apart(out, g)

    def _centre(self, codes: Int64Array, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Write ``codes`` less the zero point to ``out``, whose dtype holds them."""
        out[...] = codes
        if self.zero_point:
            out -= self.zero_point
        return out

    def _gather(self, codes: Int64Array, out: npt.NDArray[Any]) -> None:
        flat = self._flat(codes, self.operands)
        counts = self._parts
        if not all(counts):
            squares = _squares(flat)
            counts = tuple(count or phase.parts_of(squares) for count, phase in zip(counts, self._phases, strict=True))
        for count, phase in zip(counts, self._phases, strict=True):
            if count:
                phase.sums(flat, count, out)
        if not all(counts):
            flat = self._flat(codes, self.dtype)
            for count, phase in zip(counts, _phases(self.weight, self.geometry, self.dtype), strict=True):
                if not count:
                    phase.sums(flat, 1, out)

    def _flat(self, codes: Int64Array, dtype: type[np.generic]) -> npt.NDArray[Any]:
        """Return centred codes as ``[N, pixels, C]``, with the padding that phases read."""
        g = self.geometry
        padding = self._phases[0].padding if self._phases else 0
        shape = len(codes), g.y.in_size + padding, g.x.in_size + padding, g.in_channels
        padded = (np.zeros if padding else np.empty)(shape, dtype)
        self._centre(codes, padded[:, : g.y.in_size, : g.x.in_size])
        return padded.reshape(len(codes), -1, g.in_channels)


def _squares(flat: npt.NDArray[Any]) -> FloatArray:
    """Return at least the sum of each pixel's squares in ``[N, pixels, C]``, float32 whose sum rounds at every step."""
    rounded: FloatArray = np.einsum("npc,npc->np", flat, flat).astype(np.float64)
    rounded *= 1 + flat.shape[2] * 2.0**-22
    return rounded


@remembered
def _tap_matrices(weight: IntWeight, groups: int, dtype: type[np.generic]) -> tuple[npt.NDArray[Any], ...]:
    """Return per group ``[CI / groups, T * CO / groups]``; a search lowers many models with the same weights."""
    taps, co, ci = weight.values.shape
    blocks = weight.values.reshape(taps, groups, co // groups, ci)
    return tuple(np.array(blocks[:, n].reshape(-1, ci).T, dtype, order="C") for n in range(groups))


@remembered
def _phases(weight: IntWeight, geometry: LinearGeometry, dtype: type[np.generic]) -> tuple[Phase, ...]:
    """Return the phases of a linear operation; a search lowers many models with the same weights."""
    rows, columns = axis_groups(geometry.y), axis_groups(geometry.x)
    lacking = [
        (group.gather == axis.in_size).any()
        for axis, groups in ((geometry.y, rows), (geometry.x, columns))
        for group in groups
    ]
    padding = int(any(lacking))
    return tuple(Phase(geometry, weight.values, y, x, dtype, padding) for y in rows for x in columns)


def _read_by(axis: AxisTaps) -> Int64Array:
    """Return the input that each output of an axis reads with each tap, -1 for none: int64 ``[outputs, kernel]``."""
    read = np.full((axis.out_size, axis.kernel), -1, np.int64)
    for o, taps in enumerate(axis.taps):
        for i, k in taps:
            read[o, k] = i
    return read


def _exact_dtype(acc_type: IntType) -> type[np.float32 | np.float64 | np.int64]:
    """Return the fastest dtype in which every partial sum of this accumulator is exact."""
    if -acc_type.lo <= FLOAT32_EXACT and acc_type.hi < FLOAT32_EXACT:
        return np.float32
    return np.float64 if acc_type.hi < FLOAT64_EXACT else np.int64
