"""The values that a layer's weights may take, and how they are fitted anew to given codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls.fit.weight import FitOptions, positive
from gan2hls.formats import Precision
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import IntWeight, weight_type

Scalar = TypeVar("Scalar", bound=np.generic)

#: Multiplications that a refit of centroids may spend; some output channels speak for all beyond it.
_REFIT_MACS = 4_000_000_000
#: Ridge of the centroids' normal equations, relative to their mean diagonal.
_RIDGE = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Block:
    """The least squares of some taps and one channel group: of ``w' H w - 2 w' cross``, ``w`` ``[D, CO / groups]``.

    Attributes:
        taps: int64 ``[P]``.
        channels: the group's output channels.
        hessian: float64 ``[D, D]``, damped.
        cross: float64 ``[D, CO / groups]``.
        emphasis: float64 ``[CO / groups]``, what each channel's error counts where channels share something.
    """

    taps: Int64Array
    channels: slice
    hessian: FloatArray
    cross: FloatArray
    emphasis: FloatArray

    def take(self, weight: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Return ``[D, CO / groups]`` of a tensor ``[T, CO, CI / groups]``."""
        part = weight[self.taps, self.channels]
        return np.ascontiguousarray(part.transpose(0, 2, 1).reshape(-1, part.shape[1]))

    def put(self, weight: FloatArray, part: FloatArray) -> None:
        """Write ``[D, CO / groups]`` into a tensor ``[T, CO, CI / groups]``."""
        split = part.reshape(len(self.taps), -1, part.shape[1])
        weight[self.taps, self.channels] = split.transpose(0, 2, 1)


@final
@dataclass(frozen=True, eq=False)
class Grid:
    """Legal codes times a scale per channel.

    Attributes:
        scale: float64 ``[CO]``.
        table: float64 ascending codes of every book; empty for uniform codes.
        lo: least code, of uniform ones.
        hi: greatest.
        template: the fit this grid came from, without its values: codec, precision, books.
        shared: whether all channels have one scale.
        fixed: whether the scale may not move (``fixed``, ``flex``).
        centroid_bits: width of a codebook's entries; 0 where the codes themselves are given.
        keep_zero: whether the entry 0 of a codebook stays.
    """

    scale: FloatArray
    table: tuple[FloatArray, ...]
    lo: int
    hi: int
    template: IntWeight
    shared: bool
    fixed: bool
    centroid_bits: int
    keep_zero: bool

    @staticmethod
    def of(fit: IntWeight, precision: Precision, options: FitOptions) -> Grid:
        """Return the grid of a fit."""
        top = (1 << (precision.bits - 1)) - 1
        channels = fit.values.shape[1]
        table: tuple[FloatArray, ...] = ()
        match precision.kind:
            case "binary":
                table = (np.array([-1.0, 1.0]),)
            case "ternary":
                table = (np.array([-1.0, 0.0, 1.0]),)
            case "codebook":
                rows = fit.values.transpose(1, 0, 2).reshape(fit.books, -1)
                table = tuple(np.unique(row).astype(np.float64) for row in rows)
        return Grid(
            np.broadcast_to(fit.scale, (channels,)).copy(),
            table,
            -top - 1,
            top,
            replace(fit, values=np.zeros((0, 0, 0), np.int64)),
            fit.scale.size == 1,
            precision.kind in ("fixed", "flex"),
            precision.bits if precision.kind == "codebook" else 0,
            options.keep_zero,
        )

    def nearest(self, values: FloatArray, channels: slice) -> FloatArray:
        """Return the legal values nearest to ``values`` ``[n, CO / groups]`` of ``channels``."""
        scale = self.scale[channels]
        return self.codes(values, channels) * scale

    def codes(self, values: FloatArray, channels: slice) -> FloatArray:
        """Return the codes of ``nearest``, float64."""
        normal = values / self.scale[channels]
        if not self.table:
            return np.clip(np.floor(normal + 0.5), self.lo, self.hi)
        made = np.empty_like(normal)
        size = self.scale.size // len(self.table)
        for table, part in self._books(channels, size):
            made[:, part] = table[np.searchsorted(0.5 * (table[1:] + table[:-1]), normal[:, part])]
        return made

    def _books(self, channels: slice, size: int) -> list[tuple[FloatArray, slice]]:
        """Return table and columns (counted from the first of ``channels``) of every book in ``channels``."""
        found = []
        for book, table in enumerate(self.table):
            low, high = max(channels.start, book * size), min(channels.stop, (book + 1) * size)
            if low < high:
                found.append((table, slice(low - channels.start, high - channels.start)))
        return found

    def refit(self, blocks: list[Block], codes: FloatArray) -> tuple[Grid, FloatArray]:
        """Return the grid that suits ``codes`` ``[T, CO, CI / groups]`` best, and the codes in it."""
        if self.fixed:
            return self, codes
        made = self
        if self.centroid_bits:
            made, codes = self._refit_centroids(blocks, codes)
        return replace(made, scale=made._scales(blocks, codes)), codes

    def _scales(self, blocks: list[Block], codes: FloatArray) -> FloatArray:
        """Return per channel the scale of least squares; the former one where that is not positive."""
        above, below = np.zeros(self.scale.size), np.zeros(self.scale.size)
        for block in blocks:
            part = block.take(codes)
            above[block.channels] += block.emphasis * (part * block.cross).sum(axis=0)
            below[block.channels] += block.emphasis * (part * (block.hessian @ part)).sum(axis=0)
        if self.shared:
            above, below = np.full_like(above, above.sum()), np.full_like(below, below.sum())
        good = (above > 0) & (below > 0)
        return np.where(good, above / np.where(good, below, 1.0), self.scale)

    def _refit_centroids(self, blocks: list[Block], codes: FloatArray) -> tuple[Grid, FloatArray]:
        size = self.scale.size // len(self.table)
        fitted = [self._centroids(blocks, codes, book, size) for book in range(len(self.table))]
        top = (1 << (self.centroid_bits - 1)) - 1
        step = max(max(float(np.abs(book).max()) for book in fitted), 1e-30) / top
        whole = [np.floor(book / step + 0.5) for book in fitted]
        changed = np.empty_like(codes)
        for book, (old, new) in enumerate(zip(self.table, whole, strict=True)):
            part = codes[:, book * size : (book + 1) * size]
            changed[:, book * size : (book + 1) * size] = new[np.searchsorted(old, part)]
        table = tuple(np.unique(book) for book in whole)
        return replace(self, table=table, scale=self.scale * step), changed

    def _centroids(self, blocks: list[Block], codes: FloatArray, book: int, size: int) -> FloatArray:
        """Return the best entries of ``book``: least squares in as many unknowns as it has entries."""
        table = self.table[book]
        count = table.size
        normal, right = np.zeros((count, count)), np.zeros(count)
        whole = sum(len(block.hessian) ** 2 for block in blocks) * count * size
        every = max(1, round(whole / _REFIT_MACS))
        for block in blocks:
            low, high = max(block.channels.start, book * size), min(block.channels.stop, (book + 1) * size)
            labels = np.searchsorted(table, block.take(codes))
            for channel in range(low, high, every):
                at = channel - block.channels.start
                chosen = (labels[:, at, None] == np.arange(count)) * self.scale[channel]
                normal += block.emphasis[at] * (chosen.T @ (block.hessian @ chosen))
                right += block.emphasis[at] * (chosen.T @ block.cross[:, at])
        free = np.flatnonzero((np.diag(normal) > 0) & ~(self.keep_zero & (table == 0)))
        made = table.copy()
        if free.size:
            part = normal[np.ix_(free, free)]
            ridge = _RIDGE * np.trace(part) / free.size
            still = normal[np.ix_(free, np.setdiff1d(np.arange(count), free))] @ np.delete(table, free)
            right = right[free] - still + ridge * table[free]
            made[free] = np.linalg.solve(part + ridge * np.eye(free.size), right)
        return made

    def to_weight(self, codes: FloatArray) -> IntWeight:
        """Return ``codes`` ``[T, CO, CI / groups]`` as integer weights; scales are exact in float32."""
        whole = np.rint(codes).astype(np.int64)
        scale = positive(self.scale[:1] if self.shared else self.scale).astype(np.float32).astype(np.float64)
        return replace(self.template, values=whole, type=weight_type(whole), scale=scale)
