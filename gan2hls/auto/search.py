"""The search behind ``precision: auto``.

1. Every layer is fitted in every candidate format, those of few bits by what the layer makes of float inputs.
2. Its sensitivity to each is the squared error that the golden model's output gains when that layer alone has it.
3. Errors of layers add up nearly; the cheapest sum below a limit, or the least below a budget, is found exactly.
   Where the design has to fit its target the budget of bits is found by halves, each tried by scheduling.
4. The chosen layers are reconstructed one after the other, and the whole network is measured.  What it differs from the
   sum moves the limit, and the search is repeated.
5. The same measurement of the uniform assignments: one of them is taken where it is better.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.auto.assignment import Alternative, Assignment, Choice, Goal, LayerChoice, Tools, Usage
from gan2hls.auto.bench import Bench, Measured
from gan2hls.auto.knapsack import Front
from gan2hls.auto.policy import redundancy
from gan2hls.base import ConfigError
from gan2hls.fit import LayerPrecision
from gan2hls.formats import Precision
from gan2hls.model import Graph, Layer, linear_layers
from gan2hls.ops import IntWeight

#: Rounds of moving the limit and searching again; how far a result may lie above its goal before the last round.
_ROUNDS, _CLOSE_DB = 6, 0.3
#: Part of the bits of an assignment that turned out not to fit which the next one may have.
_FEWER_BITS = 0.98
#: How far an estimate may be off when it decides which uniform assignments are worth a measurement, and how many are.
_MARGIN_DB, _LEAST_UNIFORM = 1.5, 2
_NOUNS = {"search": "assignment", "uniform": "uniform assignment", "redundancy": "assignment by redundancy"}


@final
@dataclass(frozen=True)
class _Row:
    """One format of one layer: what it takes, and the output's squared error when that layer alone has it."""

    precision: Precision
    usage: Usage
    error: float


_Options = Mapping[str, tuple[_Row, ...]]


@final
class Search:
    """One assignment: the goal, and everything measured so far."""

    def __init__(
        self,
        graph: Graph,
        precisions: Mapping[str, LayerPrecision],
        free: Sequence[str],
        goal: Goal,
        tools: Tools,
    ) -> None:
        self.graph, self.precisions, self.goal, self.tools = graph, precisions, goal, tools
        self.free = [layer for layer in graph.layers if layer.name in free]
        self.reference = max(goal.candidates, key=lambda precision: precision.code_bits)
        self.bench = Bench(self.free, tools)

    def run(self) -> tuple[Assignment, Mapping[str, IntWeight]]:
        """Return the assignment and its codes: of the layers that were free, and of those reconstructed with them.

        Raises:
            ConfigError: no assignment reaches the goal; says the best that can be had.
        """
        if self.goal.policy == "redundancy":
            return self._finish(self._best([self.bench.run(self._by_redundancy())]), {}, [], 0.0)
        if self.goal.policy == "uniform":
            uniform = [self.bench.run(self._everywhere(precision)) for precision in self.goal.candidates]
            return self._finish(self._best(uniform), {}, uniform, 0.0)
        options = self._options()
        front = self._front(options)
        uniform = self._uniform(self._promising(options))
        found = [*self._search(options, front), *uniform]
        if not any(self._met(one) for one in found):
            found.append(self.bench.run(self._farthest(options, front)))
        return self._finish(self._best(found), options, uniform, front.gap)

    # -- what a layer in a format costs and loses ------------------------------------------------------------------

    def _options(self) -> dict[str, tuple[_Row, ...]]:
        """Return per layer its formats, with what each takes and the squared error when it alone has it."""
        reference = self._everywhere(self.reference)
        total = len(self.free) * len(self.goal.candidates)
        made: dict[str, tuple[_Row, ...]] = {}
        for layer in self.free:
            rows: list[_Row] = []
            for precision in self.goal.candidates:
                at = len(made) * len(self.goal.candidates) + len(rows) + 1
                self.tools.progress(f"{layer.name} as {precision} ({at} of {total})")
                error = self.bench.error({**reference, layer.name: precision})
                rows.append(_Row(precision, self.bench.usage(layer, precision), error))
            made[layer.name] = tuple(rows)
        return made

    def _front(self, options: _Options) -> Front:
        costs = [np.array([self.goal.spent(row.usage) for row in rows]) for rows in options.values()]
        losses = [np.array([self._loss(row) for row in rows]) for rows in options.values()]
        return Front(costs, losses)

    @property
    def _base(self) -> float:
        """The squared error with the reference everywhere."""
        return self.bench.error(self._everywhere(self.reference))

    def _loss(self, row: _Row) -> float:
        return max(0.0, row.error - self._base)

    # -- choosing --------------------------------------------------------------------------------------------------

    def _everywhere(self, precision: Precision) -> dict[str, Precision]:
        return {layer.name: precision for layer in self.free}

    def _by_redundancy(self) -> dict[str, Precision]:
        binary = Precision.parse("binary")
        return {layer.name: binary if redundancy(layer) >= 0 else self.reference for layer in self.free}

    def _uniform(self, precisions: Iterable[Precision]) -> list[Measured]:
        """Measure uniform assignments, from cheap to dear, as far as a later one can still be the best."""
        made: list[Measured] = []
        for precision in precisions:
            made.append(self.bench.run(self._everywhere(precision)))
            if not self.goal.wants_psnr and self._met(made[-1]):
                break
        return made

    def _promising(self, options: _Options) -> list[Precision]:
        """Return the uniform formats that may be best, from cheap to dear.

        Judged by the sum of what each layer adds.  Before that rules a format out, a measurement of layers that were
        fitted each by itself has its say if it is better: errors of layers may cancel.
        """
        least = (self.goal.psnr_min_db or 0.0) - _MARGIN_DB
        rated: list[tuple[float, float, Precision]] = []
        affordable: set[Precision] = set()
        for n, precision in enumerate(self.goal.candidates):
            rows = [rows[n] for rows in options.values()]
            spent = self.goal.spent(sum((row.usage for row in rows), Usage()))
            psnr = self.bench.psnr_db(self._base + sum(self._loss(row) for row in rows))
            if self._affords(self._everywhere(precision), spent):
                affordable.add(precision)
            if precision in affordable if self.goal.wants_psnr else psnr < least:
                self.tools.progress(f"all layers as {precision} ({n + 1} of {len(self.goal.candidates)})")
                psnr = max(psnr, self.bench.psnr_db(self.bench.error(self._everywhere(precision))))
            rated.append((spent, psnr, precision))
        rated.sort(key=lambda one: one[:2])
        if not self.goal.wants_psnr:
            near = [precision for _, psnr, precision in rated if psnr >= least]
            return near or [max(rated, key=lambda one: one[1])[2]]
        within = sorted((one for one in rated if one[2] in affordable), key=lambda one: -one[1])
        best = [one for n, one in enumerate(within) if n < _LEAST_UNIFORM or one[1] >= within[0][1] - _MARGIN_DB]
        return [precision for _, _, precision in sorted(best, key=lambda one: one[0])] or [rated[0][2]]

    def _search(self, options: _Options, front: Front) -> list[Measured]:
        """Return the assignments measured on the way to the goal."""
        if self.goal.fit:
            return self._fitting(options, front)
        return self._within(options, front) if self.goal.wants_psnr else self._towards(options, front)

    def _affords(self, choice: Choice, spent: float) -> bool:
        """Whether ``choice`` is within the goal's budget; where its design has to fit, whether it does."""
        return self.bench.fits(choice) if self.goal.fit else self.goal.budget is None or spent <= self.goal.budget

    def _fitting(self, options: _Options, front: Front) -> list[Measured]:
        """Search for the least error whose design fits: by halves, since what has fewer bits fits if others do.

        What layers take after each other may differ; then there is a step to fewer bits.
        """

        def misses(at: int) -> bool:
            return not self.bench.fits(_chosen(options, front.choice(at).options))

        at = bisect_left(range(front.cost.size), True, key=misses) - 1
        tried: list[Measured] = []
        while at >= 0 and len(tried) < _ROUNDS:
            tried.append(self.bench.run(_chosen(options, front.choice(at).options)))
            if self._met(tried[-1]):
                break
            at = int(np.count_nonzero(front.cost <= _FEWER_BITS * front.cost[at])) - 1
        return tried

    def _within(self, options: _Options, front: Front) -> list[Measured]:
        """Search for the least error within the budget; what layers take together may differ from the sum."""
        assert self.goal.budget is not None
        tried: list[Measured] = []
        limit = self.goal.budget
        for _ in range(_ROUNDS):
            found = front.least_loss(limit)
            if found is None:
                break
            tried.append(self.bench.run(_chosen(options, found.options)))
            if self._met(tried[-1]):
                break
            limit = found.cost - (self.goal.spent(tried[-1].usage) - self.goal.budget)
        return tried

    def _towards(self, options: _Options, front: Front) -> list[Measured]:
        """Search for the cheapest assignment above the PSNR; what errors are together may differ from the sum."""
        goal, tried = self.goal, list[Measured]()
        assert goal.psnr_min_db is not None
        wanted = self.bench.squared(goal.psnr_min_db) - self._base
        limit = max(wanted, 0.0)
        failed, met = -1, front.cost.size
        at = min(front.first(limit), met - 1)
        for _ in range(_ROUNDS):
            made = self.bench.run(_chosen(options, front.choice(at).options))
            tried.append(made)
            failed, met = (failed, at) if self._met(made) else (at, met)
            close = self._met(made) and made.psnr_db < goal.psnr_min_db + _CLOSE_DB
            if close or met - failed <= 1:
                break
            limit *= max(wanted, 1e-12) / max(self.bench.squared(made.psnr_db) - self._base, 1e-12)
            at = front.first(limit)
            if not failed < at < met:
                at = (failed + met) // 2
                limit = float(front.loss[at])
        return tried

    def _farthest(self, options: _Options, front: Front) -> Choice:
        """Return what goes farthest towards a goal by the sums: the cheapest assignment, or that of least error."""
        if not self.goal.wants_psnr:
            return {name: min(rows, key=lambda row: row.error).precision for name, rows in options.items()}
        cheapest = front.least_cost(np.inf)
        assert cheapest is not None
        return _chosen(options, cheapest.options)

    # -- deciding --------------------------------------------------------------------------------------------------

    def _met(self, made: Measured) -> bool:
        return self.goal.met(made.usage, made.psnr_db, fits=made.fits)

    def _best(self, tried: Sequence[Measured]) -> Measured:
        """Return the best of the assignments ``tried``; where none fits its target, that of fewest bits.

        Raises:
            ConfigError: none reaches the goal.
        """
        goal = self.goal
        met = [made for made in tried if self._met(made)]
        if not met and goal.fit:
            return min(tried, key=lambda made: goal.spent(made.usage))
        if not met:
            raise self._refusal(tried)
        if goal.wants_psnr:
            return max(met, key=lambda made: made.psnr_db)
        return min(met, key=lambda made: (goal.spent(made.usage), -made.psnr_db))

    def _refusal(self, tried: Sequence[Measured]) -> ConfigError:
        goal, noun = self.goal, _NOUNS[self.goal.policy]
        if goal.budget is None:
            best = max(tried, key=lambda made: made.psnr_db)
            key, what = "psnr_min_db", f"no {noun} reaches {goal.psnr_min_db:g} dB"
            had = f"the best are {best.psnr_db:.1f} dB, with {best.usage.bits} bits of weights: {_spelled(best.choice)}"
            had += "; more bits for activations may help"
        else:
            best = min(tried, key=lambda made: goal.spent(made.usage))
            taken = f"{best.usage.bits} bits"
            if goal.weight_bits_max is not None:
                key, what = "weight_bits_max", f"no {noun} has {goal.weight_bits_max} bits of weights or fewer"
                had = f"the least are {taken}, at {best.psnr_db:.1f} dB: {_spelled(best.choice)}"
            else:
                key, what = "cost_max", f"no {noun} costs {goal.cost_max:g} or less"
                taken += f", {best.usage.dsp} DSP blocks and {best.usage.lut} LUTs"
                had = f"the least is {goal.spent(best.usage):g}, of {taken}, "
                had += f"at {best.psnr_db:.1f} dB: {_spelled(best.choice)}"
        if goal.policy != "search":
            had += "; the policy search chooses from more"
        return ConfigError(what, where=f"precision.auto.{key}", hint=had)

    # -- telling ---------------------------------------------------------------------------------------------------

    def _finish(
        self, best: Measured, options: _Options, uniform: Sequence[Measured], gap: float
    ) -> tuple[Assignment, Mapping[str, IntWeight]]:
        layers = [self._told(layer, best, options) for layer, _ in linear_layers(self.graph)]
        gap_db = 0.0 if gap == 0 else best.psnr_db - self.bench.psnr_db(self.bench.squared(best.psnr_db) + gap)
        total = self._alternative(next(iter(best.choice.values())), best.usage, best.psnr_db)
        assignment = Assignment(
            policy=self.goal.policy,
            layers=tuple(layers),
            bits=total.bits,
            dsp=total.dsp,
            lut=total.lut,
            cost=total.cost,
            prices=self.goal.prices,
            psnr_db=best.psnr_db,
            uniform=tuple(
                self._alternative(next(iter(made.choice.values())), made.usage, made.psnr_db) for made in uniform
            ),
            gap_db=gap_db,
        )
        return assignment, best.codes

    def _told(self, layer: Layer, best: Measured, options: _Options) -> LayerChoice:
        pinned = layer.name not in best.choice
        usage = Usage() if pinned else best.usages[layer.name]
        rows = options.get(layer.name, ())
        return LayerChoice(
            layer=layer.name,
            precision=_pinned_name(self.precisions[layer.name]) if pinned else str(best.choice[layer.name]),
            bits=usage.bits,
            dsp=usage.dsp,
            lut=usage.lut,
            cost=self.goal.prices.cost(usage),
            pinned=pinned,
            alternatives=tuple(
                self._alternative(row.precision, row.usage, self.bench.psnr_db(row.error)) for row in rows
            ),
        )

    def _alternative(self, precision: Precision, usage: Usage, psnr_db: float) -> Alternative:
        cost = self.goal.prices.cost(usage)
        return Alternative(str(precision), usage.bits, usage.dsp, usage.lut, cost, psnr_db)


def _chosen(options: _Options, numbers: Sequence[int]) -> dict[str, Precision]:
    return {name: rows[n].precision for (name, rows), n in zip(options.items(), numbers, strict=True)}


def _pinned_name(precision: LayerPrecision) -> str:
    return precision.codes.precision if precision.codes is not None else str(precision.weight)


def _spelled(choice: Choice) -> str:
    return ", ".join(f"{name} {precision}" for name, precision in choice.items())
