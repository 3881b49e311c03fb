"""One layer's least squares: weights on a grid whose outputs come nearest to the float model's.

Minimized is the mean over output pixels and frames of ``|Q x + b - W x0|^2``: ``W x0`` is the layer in the float
model, ``x`` what it reads once the layers before it are compressed, ``Q`` the new weights, ``b`` a shift of the bias.
With ``H = mean(x x')`` and ``B = mean(W x0 x')`` that is quadratic in every row of ``Q``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from gan2hls.fit.coordinate_descent import Coupled, damped, descend_coupled
from gan2hls.fit.grid import Block, Grid
from gan2hls.fit.rounding import Factor, descend, feed_back, inverse_factor
from gan2hls.fit.sensitivity import reads_one_pixel
from gan2hls.fit.solution import Mask, Solution
from gan2hls.fit.statistics import Moments
from gan2hls.fit.weight import DEFAULT, FitOptions, fit_weight
from gan2hls.formats import Precision
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import IntWeight, LinearGeometry

#: Ridge that draws the weights to the float ones, relative to the mean of the Hessian's diagonal.
_DAMPING = 0.01
#: Rounds of rounding and refitting; sweeps of coordinate descent a round, and where weights are float but pruned.
_COUPLED_ROUNDS, _COUPLED_SWEEPS, _MOST_COUPLED = 1, 4, 1 << 21
_ROUNDS, _SWEEPS, _FLOAT_SWEEPS = 3, 4, 30


@final
class LayerProblem:
    """The least squares of one layer, measured once and solved for any number of formats."""

    def __init__(
        self,
        geometry: LinearGeometry,
        weight: FloatArray,
        moments: tuple[Moments, ...],
        coupling: FloatArray | None = None,
    ) -> None:
        self.geometry, self.weight, self.moments, self.coupling = geometry, weight, moments, coupling
        self._factors: dict[int, tuple[Int64Array, Factor]] = {}

    def solve(
        self,
        precision: Precision | None,
        options: FitOptions = DEFAULT,
        keep: Mask | None = None,
        effort: Literal["quick", "full"] = "full",
    ) -> Solution:
        """Return weights in ``precision`` (None: float).

        Args:
            precision: the number format.
            options: of its fit.
            keep: ``[T, CO, CI / groups]``, False where a weight must be 0; None: all stay.
            effort: ``full``, or ``quick``: in one round.
        """
        if precision is None:
            fitted, values = None, self._round(keep)
        else:
            fitted = self._search(precision, options, keep, _ROUNDS if effort == "full" else 1)
            values = fitted.values * _column(fitted.scale)
        bias = self.shift(values)
        floats = values if fitted is None else None
        return Solution(fitted, floats, bias, self.error(values, bias), float(self._energy.mean()))

    def shift(self, values: FloatArray) -> FloatArray:
        """Return what ``values`` lack in the mean of every channel's sums, where they matter, float64 ``[CO]``."""
        lack, mass = np.zeros(self.geometry.out_channels), np.zeros(self.geometry.out_channels)
        for moments, block in zip(self.moments, self.blocks, strict=True):
            lack[block.channels] += moments.own_out - (block.take(values).T * moments.own_in).sum(axis=1)
            mass[block.channels] += moments.own_mass
        return lack / np.maximum(mass, 1e-30)

    def error(self, values: FloatArray, bias: FloatArray) -> float:
        """Return the mean squared error, where it matters, of the sums of ``values`` with ``bias`` ``[CO]`` added."""
        total = self._energy.copy()
        for moments, block in zip(self.moments, self.blocks, strict=True):
            part, shift = block.take(values), bias[block.channels]
            total[block.channels] += (part * (moments.hessian @ part - 2 * moments.cross.T)).sum(axis=0)
            mean = moments.mean_out - part.T @ moments.mean_in
            total[block.channels] += moments.mass * np.square(shift) - 2 * shift * mean
        return max(0.0, float(total.mean()))

    @cached_property
    def _energy(self) -> FloatArray:
        total = np.zeros(self.geometry.out_channels)
        for moments in self.moments:
            total[moments.channels] += moments.energy
        return total

    @cached_property
    def blocks(self) -> list[Block]:
        """The damped least squares; around the means where one set of taps makes all outputs: the bias is free.

        Covariances are shrunk to their diagonal.  Source: Ledoit, Wolf 2004 (a well-conditioned estimator for
        large-dimensional covariance matrices), with the weight of ``Moments.shrinkage``.
        """
        one_set = len({tuple(moments.taps) for moments in self.moments}) == 1
        emphasis = np.zeros(self.geometry.out_channels)
        for moments in self.moments:
            emphasis[moments.channels] += moments.own_mass / moments.mass
        return [self._block(moments, emphasis[moments.channels], centred=one_set) for moments in self.moments]

    def _block(self, moments: Moments, emphasis: FloatArray, *, centred: bool) -> Block:
        block = Block(moments.taps, moments.channels, moments.hessian, moments.cross.T, emphasis)
        weight, shrinkage = block.take(self.weight), moments.shrinkage
        mean_in, mean_out = (np.outer(m, moments.mean_in) / moments.mass for m in (moments.mean_in, moments.mean_out))
        covariance, joint = moments.hessian - mean_in, moments.cross - mean_out
        diagonal, own = np.diag_indices_from(covariance), np.diag(covariance).copy()
        covariance *= 1 - shrinkage
        joint += shrinkage * (weight.T * moments.agreement - joint)
        if not centred:
            covariance += mean_in
            joint += mean_out
        ridge = _DAMPING * float(np.trace(moments.hessian)) / len(covariance) + 1e-30
        covariance[diagonal] += shrinkage * own + ridge
        return replace(block, hessian=covariance, cross=joint.T + ridge * weight)

    @cached_property
    def best(self) -> FloatArray:
        """The float weights that suit the inputs best, float64 ``[T, CO, CI / groups]``."""
        from scipy.linalg import cho_factor, cho_solve  # heavy to import

        made = self.weight.copy()
        for block in self.blocks:
            block.put(made, cho_solve(cho_factor(block.hessian), block.cross))
        return made

    def _factor(self, n: int) -> tuple[Int64Array, Factor]:
        """Return the order in which block ``n`` is rounded, strongest inputs first, and its factor in that order."""
        if n not in self._factors:
            hessian = self.blocks[n].hessian
            order = np.argsort(-np.diag(hessian), kind="stable")
            self._factors[n] = order, inverse_factor(hessian, order)
        return self._factors[n]

    def _search(self, precision: Precision, options: FitOptions, keep: Mask | None, rounds: int) -> IntWeight:
        """Round, refit the grid, and round again; keep the best."""
        start = self.best if keep is None else self.best * keep
        grid = Grid.of(fit_weight(start, precision, options), precision, options)
        kept: tuple[float, Grid, FloatArray] | None = None
        for _ in range(rounds):
            values = self._round(keep, grid)
            for again in (True, False):
                codes = self._codes(values, grid)
                grid, codes = grid.refit(self.blocks, codes)
                values = codes * _column(grid.scale)
                loss = self._loss(values)
                if kept is None or loss < kept[0]:
                    kept = loss, grid, codes
                if again:
                    values = self._descend(values, keep, grid, _SWEEPS)
        assert kept is not None
        _, grid, codes = kept
        if self.coupling is not None and self.weight.size <= _MOST_COUPLED:
            for _ in range(_COUPLED_ROUNDS):
                codes = self._codes(self._cancel(codes * _column(grid.scale), keep, grid), grid)
        return grid.to_weight(codes)

    @cached_property
    def _meeting(self) -> list[tuple[list[int], Coupled]]:
        """Blocks whose errors meet, by number."""
        assert self.coupling is not None
        blocks, geometry = self.blocks, self.geometry
        coupling = damped(self.coupling)
        if not reads_one_pixel(geometry):
            return [
                ([n], Coupled(b.hessian, coupling[b.channels, b.channels], b.take(self.best)))
                for n, b in enumerate(blocks)
            ]
        at = []
        for block in blocks:
            ky, kx = divmod(int(block.taps[0]), geometry.x.kernel)
            y, x = (
                next(o for o, pairs in enumerate(axis.taps) if any(k == wanted for _, k in pairs))
                for axis, wanted in ((geometry.y, ky), (geometry.x, kx))
            )
            at.append((y * geometry.x.out_size + x) * geometry.out_channels + np.r_[block.channels])
        index = np.concatenate(at)
        hessian: FloatArray = np.mean([block.hessian for block in blocks], axis=0)
        best = np.concatenate([block.take(self.best) for block in blocks], axis=1)
        return [(list(range(len(blocks))), Coupled(hessian, coupling[np.ix_(index, index)], best))]

    def _cancel(self, values: FloatArray, keep: Mask | None, grid: Grid) -> FloatArray:
        """Return ``values`` after coordinate descent under the coupling."""
        made = values.copy()
        for numbers, problem in self._meeting:
            blocks = [self.blocks[n] for n in numbers]
            edges = np.cumsum([0, *(b.channels.stop - b.channels.start for b in blocks)])

            def nearest(
                v: FloatArray, blocks: list[Block] = blocks, edges: npt.NDArray[np.int64] = edges
            ) -> FloatArray:
                parts = zip(blocks, np.split(v, edges[1:-1], axis=1), strict=True)
                return np.concatenate([grid.nearest(part, block.channels) for block, part in parts], axis=1)

            start = np.concatenate([block.take(values) for block in blocks], axis=1)
            stays = None if keep is None else np.concatenate([block.take(keep) for block in blocks], axis=1)
            channels = np.concatenate([np.r_[block.channels] for block in blocks])
            across = _feed_across(problem, grid, channels, stays)
            starts = (start, across) if problem.loss(across) < problem.loss(start) else (start,)
            found = min(
                (descend_coupled(problem, first, nearest, stays, _COUPLED_SWEEPS) for first in starts),
                key=problem.loss,
            )
            for block, part in zip(blocks, np.split(found, edges[1:-1], axis=1), strict=True):
                block.put(made, part)
        return made

    def _codes(self, values: FloatArray, grid: Grid) -> FloatArray:
        codes = np.zeros_like(values)
        for block in self.blocks:
            block.put(codes, grid.codes(block.take(values), block.channels))
        return codes

    def _loss(self, values: FloatArray) -> float:
        """Return what the damped least squares make of ``values``, up to a constant."""
        total = 0.0
        for block in self.blocks:
            part = block.take(values)
            total += float(block.emphasis @ (part * (block.hessian @ part - 2 * block.cross)).sum(axis=0))
        return total

    def _round(self, keep: Mask | None, grid: Grid | None = None) -> FloatArray:
        """Return the best weights, rounded with feedback and improved by coordinate descent."""
        made = np.zeros_like(self.weight)
        for n, block in enumerate(self.blocks):
            order, factor = self._factor(n)
            nearest = self._nearest(block, keep, grid, order)
            start = block.take(self.best)[order]
            block.put(made, feed_back(start, factor, nearest)[np.argsort(order)])
        return self._descend(made, keep, grid, _FLOAT_SWEEPS if grid is None else _SWEEPS)

    def _descend(self, values: FloatArray, keep: Mask | None, grid: Grid | None, sweeps: int) -> FloatArray:
        """Improve ``values`` in place, and return them."""
        for n, block in enumerate(self.blocks):
            order, _ = self._factor(n)
            nearest = self._nearest(block, keep, grid, order)
            hessian, cross = block.hessian[np.ix_(order, order)], block.cross[order]
            part = descend(block.take(values)[order], hessian, cross, nearest, sweeps)
            block.put(values, part[np.argsort(order)])
        return values

    def _nearest(
        self, block: Block, keep: Mask | None, grid: Grid | None, order: Int64Array
    ) -> Callable[[FloatArray, int], FloatArray]:
        stays = None if keep is None else block.take(keep)[order]

        def nearest(values: FloatArray, at: int) -> FloatArray:
            made = values if grid is None else grid.nearest(values, block.channels)
            return made if stays is None else made * stays[at : at + len(values)]

        return nearest


def _feed_across(problem: Coupled, grid: Grid, channels: Int64Array, keep: Mask | None) -> FloatArray:
    """Return ``problem.best`` rounded column by column; the columns that follow make up for each one's error.

    Args:
        problem: whose inputs are taken as independent.
        grid: of the codes.
        channels: the layer's output channel of every column.
        keep: ``[D, C]``, or None.
    """
    order = np.argsort(-np.diag(problem.coupling), kind="stable")
    factor = inverse_factor(problem.coupling, order)

    def nearest(values: FloatArray, at: int) -> FloatArray:
        channel = int(channels[order[at]])
        made = grid.nearest(values.T, slice(channel, channel + 1)).T
        return made if keep is None else made * keep[:, order[at]]

    made = np.empty_like(problem.best)
    made[:, order] = feed_back(problem.best.T[order], factor, nearest).T
    return made


def _column(scale: FloatArray) -> FloatArray:
    """Return a scale ``[CO]`` or ``[1]`` so that it multiplies ``[T, CO, CI / groups]``."""
    return scale[:, None]
