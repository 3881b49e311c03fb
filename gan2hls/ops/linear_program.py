"""The linear operation on integers, exactly, batched, in NumPy.

Matrix products go through float32 or float64 BLAS whenever the accumulator bound makes that exact, int64 otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product as product_of
from typing import Any, final

import numpy as np
import numpy.typing as npt

from gan2hls.base import remembered
from gan2hls.numbers import FLOAT32_EXACT, FLOAT64_EXACT, Int64Array, IntType
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
@dataclass(frozen=True)
class _AxisGroup:
    """Outputs of an axis that use (a subset of) the same kernel indices; ``in_size`` stands for a missing tap."""

    outputs: Int64Array
    kernels: tuple[int, ...]
    gather: Int64Array


def _axis_groups(axis: AxisTaps) -> list[_AxisGroup]:
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
        groups.append(_AxisGroup(np.array(outputs, np.int64), ks, gather))
    return groups


@final
class LinearProgram:
    """A linear operation, prepared for whichever of two exact orders of work moves less data.

    ``gather`` copies each phase's inputs side by side and multiplies once per phase; ``scatter`` multiplies every input
    pixel by all taps at once and adds the products to the outputs they belong to.
    """

    def __init__(self, geometry: LinearGeometry, weight: IntWeight, zero_point: int, acc_type: IntType) -> None:
        self.geometry, self.zero_point = geometry, zero_point
        self.dtype = _exact_dtype(acc_type)
        self.layer_weight = weight
        self.weight = weight.values
        g = self.geometry
        self._scattered = g.y.in_size * g.x.in_size * g.y.kernel * g.x.kernel * g.out_channels
        self._gathered = g.pixel_taps * g.in_channels
        wasted = g.y.in_size * g.x.in_size * g.y.kernel * g.x.kernel > 2 * g.pixel_taps
        regular = all(joined is not None for axis in (g.y, g.x) for joined in _by_kernel(axis))
        self._scatters = self._scattered < self._gathered and regular and not wasted

    def __call__(self, codes: Int64Array) -> npt.NDArray[Any]:
        """Return exact accumulators of codes ``[N, H, W, C]``, all row phases' channels innermost."""
        g = self.geometry
        out = np.zeros((len(codes), *g.out_shape), self.dtype)
        step = max(1, _CHUNK_ELEMENTS // max(1, self._scattered if self._scatters else self._gathered))
        for start in range(0, len(codes), step):
            chunk = codes[start : start + step].reshape(-1, *g.in_shape)
            if self._scatters:
                self._scatter(chunk, out[start : start + step])
            else:
                self._gather(chunk, out[start : start + step])
        return _phases_apart(out, g)

    def _centre(self, codes: Int64Array) -> npt.NDArray[Any]:
        centred = codes - self.zero_point if self.zero_point else codes
        return centred.astype(self.dtype)

    @cached_property
    def _all_taps(self) -> tuple[npt.NDArray[Any], ...]:
        return _tap_matrices(self.layer_weight, self.geometry.groups, np.dtype(self.dtype).str)

    def _scatter(self, codes: Int64Array, out: npt.NDArray[Any]) -> None:
        g = self.geometry
        pixels = self._centre(codes).reshape(-1, g.in_channels)
        for group, matrix in enumerate(self._all_taps):
            inputs = pixels[:, group * g.group_in : (group + 1) * g.group_in]
            shape = (len(codes), g.y.in_size, g.x.in_size, g.y.kernel, g.x.kernel, g.group_out)
            product = (inputs @ matrix).reshape(shape)
            target = out[..., group * g.group_out : (group + 1) * g.group_out]
            for (ky, rows), (kx, columns) in product_of(enumerate(_by_kernel(g.y)), enumerate(_by_kernel(g.x))):
                assert rows and columns, "only regular geometries scatter"
                target[:, rows[1], columns[1]] += product[:, rows[0], columns[0], ky, kx]

    @cached_property
    def _phases(self) -> list[_Phase]:
        g = self.geometry
        return [_Phase.of(g, self.weight, y, x, self.dtype) for y in _axis_groups(g.y) for x in _axis_groups(g.x)]

    def _gather(self, codes: Int64Array, out: npt.NDArray[Any]) -> None:
        g = self.geometry
        padded = np.zeros((len(codes), g.y.in_size + 1, g.x.in_size + 1, g.in_channels), self.dtype)
        padded[:, :-1, :-1] = self._centre(codes)
        flat = padded.reshape(len(codes), -1, g.in_channels)
        for phase in self._phases:
            patches = flat.take(phase.gather, axis=1)  # [N, pixels, taps, CI]
            shape = (len(codes), len(phase.y_outputs), len(phase.x_outputs), g.group_out)
            for group, matrix in enumerate(phase.matrices):
                inputs = patches[..., group * g.group_in : (group + 1) * g.group_in].reshape(-1, len(matrix))
                co = slice(group * g.group_out, (group + 1) * g.group_out)
                out[:, phase.y_outputs[:, None], phase.x_outputs, co] = (inputs @ matrix).reshape(shape)


@remembered
def _tap_matrices(weight: IntWeight, groups: int, dtype: str) -> tuple[npt.NDArray[Any], ...]:
    """Return per group ``[CI / groups, T * CO / groups]``; a search lowers many models with the same weights."""
    taps, co, ci = weight.values.shape
    blocks = weight.values.reshape(taps, groups, co // groups, ci)
    return tuple(np.array(blocks[:, n].reshape(-1, ci).T, dtype, order="C") for n in range(groups))


@final
@dataclass(frozen=True, eq=False)
class _Phase:
    """Output pixels that use (a subset of) the same taps.

    Attributes:
        y_outputs: output rows.
        x_outputs: output columns.
        gather: int64 ``[rows * columns, taps]``, flat indices into the input padded by one zero row and column.
        matrices: per group ``[taps * CI / groups, CO / groups]``.
    """

    y_outputs: Int64Array
    x_outputs: Int64Array
    gather: Int64Array
    matrices: tuple[npt.NDArray[Any], ...]

    @staticmethod
    def of(g: LinearGeometry, weight: Int64Array, y: _AxisGroup, x: _AxisGroup, dtype: type[np.generic]) -> _Phase:
        """Combine a group of rows and a group of columns."""
        taps = [ky * g.x.kernel + kx for ky in y.kernels for kx in x.kernels]
        flat = y.gather[:, None, :, None] * (g.x.in_size + 1) + x.gather[None, :, None, :]
        matrices = tuple(
            np.ascontiguousarray(
                weight[taps, n * g.group_out : (n + 1) * g.group_out].transpose(0, 2, 1).reshape(-1, g.group_out)
            ).astype(dtype)
            for n in range(g.groups)
        )
        return _Phase(y.outputs, x.outputs, flat.reshape(-1, len(taps)), matrices)


def _by_kernel(axis: AxisTaps) -> list[tuple[slice, slice] | None]:
    """Return, per kernel index, the slices of inputs and outputs that it joins; None where they are irregular."""
    return [
        _slices([(i, o) for o, taps in enumerate(axis.taps) for i, k in taps if k == kernel])
        for kernel in range(axis.kernel)
    ]


def _slices(pairs: list[tuple[int, int]]) -> tuple[slice, slice] | None:
    if not pairs:
        return slice(0, 0), slice(0, 0)
    (i, o), (i_last, o_last) = pairs[0], pairs[-1]
    i_step, o_step = (pairs[1][0] - i, pairs[1][1] - o) if len(pairs) > 1 else (1, 1)
    if i_step < 1 or pairs != [(i + n * i_step, o + n * o_step) for n in range(len(pairs))]:
        return None
    return slice(i, i_last + 1, i_step), slice(o, o_last + 1, o_step)


def _exact_dtype(acc_type: IntType) -> type[np.float32 | np.float64 | np.int64]:
    """Return the fastest dtype in which every partial sum of this accumulator is exact."""
    if -acc_type.lo <= FLOAT32_EXACT and acc_type.hi < FLOAT32_EXACT:
        return np.float32
    return np.float64 if acc_type.hi < FLOAT64_EXACT else np.int64
