"""The golden model: runs an ``IntegerModel`` in NumPy, exactly, batched, with every tensor at hand.

Matrix products go through float32 or float64 BLAS whenever the accumulator bound makes that exact, int64 otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from gan2hls.integer import IntegerModel, IntLayer
from gan2hls.numerics import FLOAT32_EXACT, FLOAT64_EXACT, Int64Array, IntType
from gan2hls.taps import AxisTaps, LinearGeometry

#: Elements of the largest gathered matrix: frames are run in chunks so that memory stays bounded.
_CHUNK_ELEMENTS = 1 << 24


@final
class Golden:
    """A compiled golden model; weights are prepared once, then any number of batches can run."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self._programs = {layer.name: _LinearProgram(layer) for layer in model.layers if layer.geometry is not None}

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        """Run a batch.

        Args:
            inputs: by input name, integer codes ``[N, H, W, C]``.

        Returns:
            Every tensor by name (inputs included), int64 codes ``[N, H, W, C]``.
        """
        tensors: dict[str, Int64Array] = {
            port.name: np.asarray(inputs[port.name], np.int64) for port in self.model.inputs
        }
        for layer in self.model.layers:
            tensors[layer.name] = self._run_layer(layer, tensors[layer.inputs[0]])
        return tensors

    def run_layer(self, name: str, codes: Int64Array) -> Int64Array:
        """Run one layer on input codes ``[N, H, W, C]``."""
        return self._run_layer(self.model.layer(name), codes)

    def _run_layer(self, layer: IntLayer, codes: Int64Array) -> Int64Array:
        frames = len(codes)
        acc: npt.NDArray[Any]
        if layer.geometry is None:
            acc = (codes - layer.input_type.zero_point).reshape(frames, -1, layer.requant.channels)
        else:
            acc = self._programs[layer.name].run(codes)
        out = layer.requant(acc, layer.acc_type)
        if layer.table:
            out = layer.table(out)
        return out.reshape(frames, *layer.shape)


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
class _LinearProgram:
    """One linear layer, prepared: phases of gathered matrix products."""

    def __init__(self, layer: IntLayer) -> None:
        assert layer.geometry is not None and layer.weight is not None
        self.geometry: LinearGeometry = layer.geometry
        self.zero_point = layer.input_type.zero_point
        self.dtype = _exact_dtype(layer.acc_type)
        self.weight = layer.weight.values
        self._matrices: dict[tuple[tuple[int, ...], tuple[int, ...]], npt.NDArray[Any]] = {}

    @cached_property
    def _phases(self) -> list[tuple[_AxisGroup, _AxisGroup]]:
        return [(y, x) for y in _axis_groups(self.geometry.y) for x in _axis_groups(self.geometry.x)]

    def run(self, codes: Int64Array) -> npt.NDArray[Any]:
        """Return exact accumulators ``[N, OH * OW, CO]`` of codes ``[N, H, W, C]``."""
        g = self.geometry
        out = np.zeros((len(codes), *g.out_shape), self.dtype)
        for start, stop in self._chunks(len(codes)):
            x = np.zeros((stop - start, g.y.in_size + 1, g.x.in_size + 1, g.in_channels), self.dtype)
            x[:, :-1, :-1] = codes[start:stop].reshape(-1, *g.in_shape)
            x[:, :-1, :-1] -= self.zero_point
            for y_group, x_group in self._phases:
                self._run_phase(x, out[start:stop], y_group, x_group)
        return out.reshape(len(codes), -1, g.out_channels)

    def _chunks(self, frames: int) -> Iterator[tuple[int, int]]:
        g = self.geometry
        per_frame = max(1, g.pixel_taps * g.in_channels)
        step = max(1, _CHUNK_ELEMENTS // per_frame)
        yield from ((n, min(frames, n + step)) for n in range(0, frames, step))

    def _run_phase(self, x: npt.NDArray[Any], out: npt.NDArray[Any], y: _AxisGroup, x_group: _AxisGroup) -> None:
        g = self.geometry
        patches = x[:, y.gather[:, None, :, None], x_group.gather[None, :, None, :]]
        pixels = (len(x), len(y.outputs), len(x_group.outputs))
        for group in range(g.groups):
            channels = slice(group * g.group_in, (group + 1) * g.group_in)
            matrix = self._matrix(y.kernels, x_group.kernels, group)
            product = patches[..., channels].reshape(np.prod(pixels), -1) @ matrix
            co = slice(group * g.group_out, (group + 1) * g.group_out)
            out[:, y.outputs[:, None], x_group.outputs[None, :], co] = product.reshape(*pixels, g.group_out)

    def _matrix(self, ky: tuple[int, ...], kx: tuple[int, ...], group: int) -> npt.NDArray[Any]:
        """Return ``[taps * CI / groups, CO / groups]`` of one phase, cached."""
        key = ((*ky, group), kx)
        if key not in self._matrices:
            g = self.geometry
            taps = [y * g.x.kernel + x for y in ky for x in kx]
            block = self.weight[taps, group * g.group_out : (group + 1) * g.group_out]
            self._matrices[key] = np.ascontiguousarray(
                block.transpose(0, 2, 1).reshape(-1, g.group_out).astype(self.dtype)
            )
        return self._matrices[key]


def _exact_dtype(acc_type: IntType) -> type[np.float32 | np.float64 | np.int64]:
    """Return the fastest dtype in which every partial sum of this accumulator is exact."""
    if -acc_type.lo <= FLOAT32_EXACT and acc_type.hi < FLOAT32_EXACT:
        return np.float32
    return np.float64 if acc_type.hi < FLOAT64_EXACT else np.int64
