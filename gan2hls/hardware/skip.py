"""Block skipping: the tap program of an engine that never visits an empty block of weights.

A block is the ``PE x SIMD`` weights of one clock.  Where all of them are 0, the block takes neither a word of memory
nor a clock.  Blocks that are left stand in memory so that what an output pixel needs is contiguous:

    for each output fold / y phase / x phase / kernel row / kernel column / input fold

A phase is a set of kernel indices that meet in one output: all of them in a convolution, one residue of the stride in a
transposed one.  Output rows that use the same kernel rows form a class, columns likewise.  For every pair of classes
and every output fold the program lists runs, ``(start, length)`` in memory: a single one for a pixel away from the
border, up to one per kernel row at it.  Empty runs are left out; an accumulator vector of which nothing is left has one
run of length 0, a step that multiplies nothing.

Blocks of one output fold are neighbours, which is what an engine whose weights come from external memory reads at a
time.  It visits the pixels of a band once for each fold, with that fold's runs.

Which input pixel a block reads is ``origin of the output + displacement of the block``, along both axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numbers import Int64Array
from gan2hls.ops import AxisTaps, IntLinear, LinearGeometry

Mask = npt.NDArray[np.bool_]

#: Least part of the clocks that skipping empty blocks must save to be worth its program.
_WORTH_SKIPPING = 0.05


@final
@dataclass(frozen=True, eq=False)
class AxisPhases:
    """One axis' outputs by the kernel indices they use.

    Attributes:
        phases: kernel indices of each phase, by ascending displacement.
        displacement: int64 ``[kernel]``; output ``o`` reads input ``origin[o] + displacement[k]``.
        origin: int64 ``[len(outputs)]``; may lie outside the input, its taps do not.
        classes: per class the kernel indices, a contiguous part of one phase.
        of_output: int64 ``[len(outputs)]``, each output's class.
    """

    phases: tuple[tuple[int, ...], ...]
    displacement: Int64Array
    origin: Int64Array
    classes: tuple[tuple[int, ...], ...]
    of_output: Int64Array

    @cached_property
    def counts(self) -> Int64Array:
        """Outputs of each class."""
        return np.bincount(self.of_output, minlength=len(self.classes))


def axis_phases(axis: AxisTaps) -> AxisPhases | None:
    """Return the phases of ``axis``, or None where its outputs are no shifted copies of each other, or read nothing.

    Inputs are ``origin + displacement``: both follow from walking the graph of outputs and kernel indices, one phase
    after the other.
    """
    if not axis.outputs:
        return None
    users: dict[int, list[tuple[int, int]]] = {}
    for at, o in enumerate(axis.outputs):
        for i, k in axis.taps[o]:
            users.setdefault(k, []).append((at, i))
    displacement = np.zeros(axis.kernel, np.int64)
    origin = np.zeros(len(axis.outputs), np.int64)
    reached: set[int] = set()
    settled: set[int] = set()
    phases = []
    for first in sorted(users):
        if first in settled:
            continue
        members, pending, mine = [], [first], []
        settled.add(first)
        while pending:
            k = pending.pop()
            members.append(k)
            for at, i in users[k]:
                if at in reached:
                    if origin[at] + displacement[k] != i:
                        return None
                    continue
                reached.add(at)
                mine.append(at)
                origin[at] = i - displacement[k]
                for other_i, other in axis.taps[axis.outputs[at]]:
                    if other not in settled:
                        settled.add(other)
                        displacement[other] = other_i - origin[at]
                        pending.append(other)
        least = displacement[members].min()
        displacement[members] -= least
        origin[mine] += least
        phases.append(tuple(sorted(members, key=lambda k: int(displacement[k]))))
    return _classes(axis, tuple(phases), displacement, origin)


def _classes(
    axis: AxisTaps, phases: tuple[tuple[int, ...], ...], displacement: Int64Array, origin: Int64Array
) -> AxisPhases | None:
    place = {k: (n, at) for n, phase in enumerate(phases) for at, k in enumerate(phase)}
    numbers: dict[tuple[int, ...], int] = {}
    of_output = []
    for o in axis.outputs:
        used = tuple(sorted((k for _, k in axis.taps[o]), key=lambda k: place[k]))
        at = [place[k][1] for k in used]
        if at != list(range(at[0], at[0] + len(at))):
            return None
        of_output.append(numbers.setdefault(used, len(numbers)))
    return AxisPhases(phases, displacement, origin, tuple(numbers), np.array(of_output, np.int64))


@final
@dataclass(frozen=True, eq=False)
class Occupancy:
    """Which blocks of a layer are not empty at one folding.

    Attributes:
        full: bool ``[KH, KW, CO / PE, CI / groups / SIMD]``.
        y: phases of the rows.
        x: phases of the columns.
    """

    full: Mask
    y: AxisPhases
    x: AxisPhases

    @cached_property
    def vectors(self) -> Int64Array:
        """Non-empty blocks of an accumulator vector, int64 ``[y classes, x classes, CO / PE]``."""
        counts = self.full.sum(axis=3)
        columns = np.stack([counts[:, list(ks)].sum(axis=1) for ks in self.x.classes], axis=1)
        return np.stack([columns[list(ks)].sum(axis=0) for ks in self.y.classes])

    @cached_property
    def vector_cycles(self) -> Int64Array:
        """Clocks of each accumulator vector, int64 ``[rows with taps, columns with taps, CO / PE]``, one at least."""
        cycles: Int64Array = np.maximum(self.vectors, 1)[self.y.of_output[:, None], self.x.of_output]
        return cycles

    @cached_property
    def _pixels(self) -> Int64Array:
        return self.y.counts[:, None] * self.x.counts

    @property
    def executed(self) -> int:
        """Blocks that are multiplied in one frame."""
        return int((self.vectors.sum(axis=2) * self._pixels).sum())

    @property
    def idle(self) -> int:
        """Accumulator vectors of one frame without any block: a clock each in which nothing is multiplied."""
        return int(((self.vectors == 0).sum(axis=2) * self._pixels).sum())

    @cached_property
    def fold_blocks(self) -> tuple[int, ...]:
        """Blocks of each output fold that stand in memory: those of taps that some output uses."""
        used = [[k for phase in axis.phases for k in phase] for axis in (self.y, self.x)]
        return tuple(self.full[np.ix_(*used)].sum(axis=(0, 1, 3)).tolist())

    @property
    def stored(self) -> int:
        """Blocks that stand in memory."""
        return sum(self.fold_blocks)

    def memories(self, rows: int, pixel_words: int, *, by_fold: bool = False) -> tuple[tuple[int, int], ...]:
        """Return about what ``SkipProgram.memories`` will be, before blocks are laid out: one run for each vector."""
        down, right = int(self.y.displacement.max()), int(self.x.displacement.max())
        displacement = min(down, rows - 1).bit_length() + ((right + 1) * pixel_words - 1).bit_length()
        run = (self.stored - 1).bit_length() + int(self.vectors.max()).bit_length() + 1
        ranges = (((self.vectors.size - 1).bit_length() + 1, self.vectors.size),) if by_fold else ()
        return (displacement, self.stored), (run, self.vectors.size), *ranges


def occupancy(geometry: LinearGeometry, values: Int64Array, pe: int, simd: int) -> Occupancy | None:
    """Return which blocks of ``values`` ``[T, CO, CI / groups]`` are full; None where the axes are irregular."""
    y, x = axis_phases(geometry.y), axis_phases(geometry.x)
    if y is None or x is None:
        return None
    return block_occupancy(y, x, values != 0, pe, simd)


def block_occupancy(y: AxisPhases, x: AxisPhases, live: Mask, pe: int, simd: int) -> Occupancy:
    """Return which blocks of ``live`` ``[T, CO, CI / groups]``, weights that are not 0, are full."""
    taps, co, ci = live.shape
    full = live.reshape(taps, co // pe, pe, ci // simd, simd).any(axis=(2, 4))
    return Occupancy(full.reshape(y.displacement.size, x.displacement.size, co // pe, ci // simd), y, x)


@final
@dataclass(frozen=True, eq=False)
class SkipProgram:
    """The program of a block-skipping engine.

    Attributes:
        occupancy: which blocks are full.
        kept: int64 ``[N]``, dense address of each stored block, in storage order.
        y: int64 ``[N]``, displacement of each stored block along the rows.
        x: int64 ``[N]``, along the columns.
        ci: int64 ``[N]``, its input fold within its group.
        runs: int64 ``[R, 3]``: start, length, whether it ends its accumulator vector.  Those of one pair of classes
            stand together, by output fold.
        first: int64 ``[y classes, x classes, CO / PE]``, the first run of a pair's output fold.
        count: int64 ``[y classes, x classes, CO / PE]``, its number of runs.
    """

    occupancy: Occupancy
    kept: Int64Array
    y: Int64Array
    x: Int64Array
    ci: Int64Array
    runs: Int64Array
    first: Int64Array
    count: Int64Array

    @property
    def run_bits(self) -> tuple[int, int]:
        """Bits of a run's start and of its length."""
        return max(1, (len(self.kept) - 1).bit_length()), max(1, int(self.runs[:, 1].max()).bit_length())

    def offsets(self, rows: int, pixel_words: int) -> tuple[Int64Array, Int64Array]:
        """Return each stored block's rows and words of a line buffer from the first input of an output, int64 ``[N]``.

        Args:
            rows: depth of the circular line buffer; rows are counted modulo it.
            pixel_words: words of a pixel, ``CI / SIMD``; those of the block's group and input fold are added up.
        """
        _, _, co_folds, ci_folds = self.occupancy.full.shape
        group = self.kept // ci_folds % co_folds * (pixel_words // ci_folds) // co_folds
        return self.y % rows, self.x * pixel_words + group * ci_folds + self.ci

    def offset_bits(self, rows: int, pixel_words: int) -> tuple[int, int]:
        """Return the widths of ``offsets`` in memory."""
        y, x = self.offsets(rows, pixel_words)
        return int(y.max()).bit_length(), max(1, int(x.max()).bit_length())

    @property
    def pairs(self) -> int:
        """Pairs of classes."""
        return self.count[:, :, 0].size

    def ranges(self, *, by_fold: bool) -> Int64Array:
        """Return where the runs of each pair of classes stand, int64 ``[N, 2]``: the first one, and how many.

        With ``by_fold`` each output fold of a pair has an entry of its own, fold by fold: a pixel is then visited once
        for each fold.  Without it an entry has the runs of all folds.
        """
        if by_fold:
            return np.stack([self.first, self.count], axis=3).transpose(2, 0, 1, 3).reshape(-1, 2)
        return np.stack([self.first[:, :, 0], self.count.sum(axis=2)], axis=2).reshape(-1, 2)

    def range_bits(self, *, by_fold: bool) -> tuple[int, int]:
        """Return the bits of the first run of an entry of ``ranges``, and of the number of runs behind it."""
        most = int(self.ranges(by_fold=by_fold)[:, 1].max())
        return max(1, (len(self.runs) - 1).bit_length()), max(1, (most - 1).bit_length())

    def memories(self, rows: int, pixel_words: int, *, by_fold: bool = False) -> tuple[tuple[int, int], ...]:
        """Return width and depth of the program's memories: a displacement per stored block, and the runs.

        ``rows`` is the depth of the line buffer and ``pixel_words`` are the words of a pixel in it.  Where pixels are
        visited ``by_fold``, where the runs of each fold stand grows with their number and is counted as well.
        """
        displacement = sum(self.offset_bits(rows, pixel_words))
        found = (displacement, len(self.kept)), (sum(self.run_bits) + 1, len(self.runs))
        return (*found, (sum(self.range_bits(by_fold=True)), self.count.size)) if by_fold else found

    @property
    def run_count(self) -> int:
        """Runs of one frame, those of length 0 included."""
        o = self.occupancy
        return int((self.count.sum(axis=2) * o.y.counts[:, None] * o.x.counts).sum())


def skip_program(found: Occupancy) -> SkipProgram:
    """Lay out the full blocks of ``found``."""
    y, x, full = found.y, found.x, found.full
    _, kw, co_folds, ci_folds = full.shape
    ks = [k for phase in y.phases for k in phase], [k for phase in x.phases for k in phase]
    ky, kx = _storage_order(y, x)
    ordered = full[ky, kx].transpose(1, 0, 2)  # [co_folds, taps in storage order, ci_folds]
    co, tap, ci = np.nonzero(ordered)
    kept = ((ky[tap] * kw + kx[tap]) * co_folds + co) * ci_folds + ci
    starts = np.concatenate([[0], np.cumsum(ordered.sum(axis=2).ravel())])
    place = np.zeros((full.shape[0], kw), np.int64)
    place[ky, kx] = np.arange(len(ky))
    assert len(ky) == len(ks[0]) * len(ks[1]), "every tap that some output uses is stored once"
    runs: list[tuple[int, int, int]] = []
    first = np.zeros((len(y.classes), len(x.classes), co_folds), np.int64)
    count = np.zeros_like(first)
    for cy, rows in enumerate(y.classes):
        for cx, columns in enumerate(x.classes):
            for fold in range(co_folds):
                first[cy, cx, fold] = len(runs)
                base = fold * len(ky)
                spans = [
                    (int(starts[base + place[k, columns[0]]]), int(starts[base + place[k, columns[-1]] + 1]))
                    for k in rows
                ]
                runs += _merged(spans)
                count[cy, cx, fold] = len(runs) - first[cy, cx, fold]
    return SkipProgram(
        found, kept, y.displacement[ky[tap]], x.displacement[kx[tap]], ci, np.array(runs, np.int64), first, count
    )


def _storage_order(y: AxisPhases, x: AxisPhases) -> tuple[Int64Array, Int64Array]:
    """Return kernel row and column of each tap in storage order: phases first, so that a pixel's taps are together."""
    pairs = [(ky, kx) for rows in y.phases for columns in x.phases for ky in rows for kx in columns]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return the runs of one accumulator vector: touching spans joined, empty ones left out, the last one marked."""
    made: list[list[int]] = []
    for start, end in spans:
        if made and made[-1][1] == start:
            made[-1][1] = end
        elif end > start:
            made.append([start, end])
    made = made or [[0, 0]]
    return [(start, end - start, int(n == len(made) - 1)) for n, (start, end) in enumerate(made)]


@final
class SkipSavings:
    """What skipping the empty blocks of a layer would save, by folding."""

    def __init__(self, op: IntLinear) -> None:
        self.geometry, self.live = op.geometry, None
        self._found: dict[tuple[int, int], Occupancy | None] = {}
        live = op.weight.values != 0
        if live.any() and np.count_nonzero(live) < (1 - _WORTH_SKIPPING) * live.size:
            self.y, self.x = axis_phases(op.geometry.y), axis_phases(op.geometry.x)
            if self.y is not None and self.x is not None:
                self.live = live

    def occupancy(self, pe: int, simd: int) -> Occupancy | None:
        """Return the blocks that are left, or None where skipping saves too little."""
        if self.live is None or self.y is None or self.x is None:
            return None
        if (pe, simd) not in self._found:
            found = block_occupancy(self.y, self.x, self.live, pe, simd)
            dense = self.geometry.useful_macs // (pe * simd)
            worth = found.executed and found.executed + found.idle <= (1 - _WORTH_SKIPPING) * dense
            self._found[pe, simd] = found if worth else None
        return self._found[pe, simd]
