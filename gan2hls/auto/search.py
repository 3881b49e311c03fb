"""The search behind ``precision: auto``.

1. Every layer is fitted and reconstructed in every candidate format, on float inputs.
2. Its sensitivity to each is the squared error that the golden model's output gains when that layer alone has it.
3. Errors of layers add up nearly; the cheapest sum below a limit, or the least below a budget, is found exactly.
4. The chosen layers are reconstructed one after the other, and the whole network is measured.  What it differs from the
   sum moves the limit, and the search is repeated.
5. The same measurement of the uniform assignments: one of them is taken where it is better.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, final

import numpy as np

from gan2hls.assign import LayerPrecision
from gan2hls.auto.knapsack import Front
from gan2hls.auto.policy import redundancy
from gan2hls.codecs import CODECS
from gan2hls.errors import ConfigError
from gan2hls.ir import Graph, Layer
from gan2hls.lower import MULT_BITS
from gan2hls.precision import Precision
from gan2hls.weights import IntWeight

_log = logging.getLogger(__name__)

Policy = Literal["search", "redundancy", "uniform"]
Choice = Mapping[str, Precision]
#: One format of one layer: bits, and the squared error of the output when that layer alone has it.
_Row = tuple[Precision, int, float]
_Options = Mapping[str, tuple[_Row, ...]]
#: Rounds of moving the limit and searching again; how far a result may lie above its goal before the last round.
_ROUNDS, _CLOSE_DB = 6, 0.3
#: How far the sum of errors may be off when it decides which uniform assignments are worth a measurement.
_MARGIN_DB = 1.5


@final
@dataclass(frozen=True)
class Goal:
    """What an assignment has to reach.

    Attributes:
        policy: how layers are chosen.
        psnr_min_db: least PSNR of the output, with as few bits as possible.
        weight_bits_max: most bits of weights, with as high a PSNR as possible; exclusive with ``psnr_min_db``.
        candidates: formats to choose from.
    """

    policy: Policy
    psnr_min_db: float | None
    weight_bits_max: int | None
    candidates: tuple[Precision, ...]


@final
@dataclass(frozen=True)
class Alternative:
    """One format of one layer.

    Attributes:
        precision: the format.
        bits: of codes, centroids and scales.
        psnr_db: of the whole network when this layer alone has it and all others have the reference's.
    """

    precision: str
    bits: int
    psnr_db: float


@final
@dataclass(frozen=True)
class LayerChoice:
    """What one layer got, and what it could have had; a pinned layer has one alternative."""

    layer: str
    precision: str
    bits: int
    pinned: bool
    alternatives: tuple[Alternative, ...]


@final
@dataclass(frozen=True)
class Assignment:
    """The result.

    Attributes:
        policy: that was asked for.
        layers: in order.
        bits: of all weights.
        psnr_db: of the golden model's output on the frames that judged.
        uniform: every uniform assignment that was measured: format, bits, PSNR.
        gap_db: how much better the additive model's optimum could be at most; 0: it was found exactly.
    """

    policy: Policy
    layers: tuple[LayerChoice, ...]
    bits: int
    psnr_db: float
    uniform: tuple[Alternative, ...]
    gap_db: float


class Tools(Protocol):
    """What a search measures with."""

    @property
    def peak(self) -> float:
        """Range of the float output."""

    def fit(self, layer: Layer, precision: Precision) -> IntWeight:
        """Return a layer's codes in a format, reconstructed on float inputs."""

    def sequence(self, choice: Choice) -> Mapping[str, IntWeight]:
        """Return the codes of all layers of a choice, each reconstructed on what those before it make."""

    def measure(self, codes: Mapping[str, IntWeight]) -> float:
        """Return the mean squared error of the golden model's output with ``codes`` in it."""

    def progress(self, detail: str) -> None:
        """Say what long work is at."""


def weight_bits(weight: IntWeight) -> int:
    """Return the bits of codes, centroids and scales of ``weight``."""
    formula = CODECS[weight.codec].bits(weight, weight.values.size)
    return formula.overall + int(np.unique(weight.scale).size) * MULT_BITS


@final
class Search:
    """One assignment: the tools it measures with, and everything measured so far."""

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
        self.codes: dict[tuple[str, str], IntWeight] = {}
        self.tried: dict[tuple[str, ...], tuple[float, Mapping[str, IntWeight]]] = {}

    def run(self) -> tuple[Assignment, Mapping[str, IntWeight]]:
        """Return the assignment and the codes of the layers that were free.

        Raises:
            ConfigError: no assignment reaches the goal; says the best that can be had.
        """
        if self.goal.policy == "redundancy":
            chosen = self._by_redundancy()
            self._try(chosen)
            return self._finish(chosen, {}, (), 0.0)
        if self.goal.policy == "uniform":
            uniform = self._uniform(self.goal.candidates)
            return self._finish(self._best([dict(choice) for choice, *_ in uniform]), {}, uniform, 0.0)
        options = self._options()
        front, base = self._front(options)
        uniform = self._uniform(self._promising(options, base))
        found = self._search(options, front, base)
        best = self._best([*found, *(dict(choice) for choice, *_ in uniform)])
        return self._finish(best, options, uniform, front.gap)

    # -- measuring -------------------------------------------------------------------------------------------------

    def _fitted(self, layer: Layer, precision: Precision) -> IntWeight:
        key = layer.name, str(precision)
        if key not in self.codes:
            self.codes[key] = self.tools.fit(layer, precision)
        return self.codes[key]

    def _try(self, choice: Choice) -> float:
        """Return the PSNR of the whole network under ``choice``."""
        key = tuple(str(choice[layer.name]) for layer in self.free)
        if key not in self.tried:
            self.tools.progress(f"measuring {', '.join(key)}")
            codes = self.tools.sequence(choice)
            self.tried[key] = self._psnr(self.tools.measure(codes)), codes
        return self.tried[key][0]

    def _bits(self, choice: Choice) -> int:
        key = tuple(str(choice[layer.name]) for layer in self.free)
        return sum(weight_bits(codes) for codes in self.tried[key][1].values())

    def _psnr(self, error: float) -> float:
        return float("inf") if error == 0 else 10 * float(np.log10(self.tools.peak**2 / error))

    # -- choosing --------------------------------------------------------------------------------------------------

    def _uniform(self, precisions: Sequence[Precision]) -> tuple[tuple[Choice, int, float], ...]:
        """Measure uniform assignments, from few bits to many, as far as a later one can still be the best."""
        made: list[tuple[Choice, int, float]] = []
        for precision in precisions:
            choice = {layer.name: precision for layer in self.free}
            psnr = self._try(choice)
            made.append((choice, self._bits(choice), psnr))
            if self.goal.psnr_min_db is not None and psnr >= self.goal.psnr_min_db and self.goal.policy == "search":
                break
        return tuple(made)

    def _promising(self, options: _Options, base: float) -> list[Precision]:
        """Return the uniform formats that may be best by the sum of what each layer adds, from few bits to many."""
        rated = []
        for n, precision in enumerate(self.goal.candidates):
            bits = sum(rows[n][1] for rows in options.values())
            error = base + sum(max(0.0, rows[n][2] - base) for rows in options.values())
            rated.append((bits, self._psnr(error), precision))
        rated.sort(key=lambda one: one[:2])
        if self.goal.weight_bits_max is not None:
            fitting = [one for one in rated if one[0] <= self.goal.weight_bits_max]
            best = sorted(fitting, key=lambda one: -one[1])[:2]
            return [precision for _, _, precision in sorted(best, key=lambda one: one[0])] or [rated[0][2]]
        goal = self.goal.psnr_min_db or 0.0
        near = [precision for _, psnr, precision in rated if psnr >= goal - _MARGIN_DB]
        return near or [max(rated, key=lambda one: one[1])[2]]

    def _by_redundancy(self) -> dict[str, Precision]:
        binary = Precision.parse("binary")
        return {layer.name: binary if redundancy(layer) >= 0 else self.reference for layer in self.free}

    def _options(self) -> dict[str, tuple[_Row, ...]]:
        """Return per layer its formats with bits and the squared error that each alone adds."""
        everywhere = {layer.name: self._fitted(layer, self.reference) for layer in self.free}
        base = self.tools.measure(everywhere)
        self.base = base
        made = {}
        for layer in self.free:
            rows = []
            for precision in self.goal.candidates:
                self.tools.progress(f"{layer.name} as {precision}")
                codes = self._fitted(layer, precision)
                error = base
                if precision != self.reference:
                    error = self.tools.measure({**everywhere, layer.name: codes})
                rows.append((precision, weight_bits(codes), error))
            made[layer.name] = tuple(rows)
        return made

    def _front(self, options: _Options) -> tuple[Front, float]:
        costs = [np.array([bits for _, bits, _ in rows], np.float64) for rows in options.values()]
        losses = [np.array([max(0.0, error - self.base) for *_, error in rows]) for rows in options.values()]
        return Front(costs, losses), self.base

    def _search(self, options: _Options, front: Front, base: float) -> list[dict[str, Precision]]:
        """Return the choices measured on the way to the goal."""
        names, goal = list(options), self.goal
        tried: list[dict[str, Precision]] = []

        def choice_of(numbers: tuple[int, ...]) -> dict[str, Precision]:
            return {name: options[name][n][0] for name, n in zip(names, numbers, strict=True)}

        if goal.weight_bits_max is not None:
            found = front.least_loss(goal.weight_bits_max)
            if found is not None:
                tried.append(choice_of(found.options))
                self._try(tried[-1])
            return tried
        assert goal.psnr_min_db is not None
        wanted = self.tools.peak**2 / 10 ** (goal.psnr_min_db / 10)
        factor = 1.0
        low, high = 0.0, np.inf
        for _ in range(_ROUNDS):
            limit = (wanted - base) * factor
            found = front.least_cost(max(limit, 0.0))
            if found is None:
                break
            choice = choice_of(found.options)
            again = choice in tried
            psnr = self._try(choice)
            tried.append(choice)
            if psnr >= goal.psnr_min_db:
                low = factor
                if again or psnr < goal.psnr_min_db + _CLOSE_DB:
                    break
            else:
                high = factor
            error = self.tools.peak**2 / 10 ** (psnr / 10)
            guess = factor * max(wanted - base, 1e-12) / max(error - base, 1e-12)
            inside = low < guess < high
            factor = guess if inside else 0.5 * (low + min(high, 2 * low + 1.0))
        return tried

    def _best(self, choices: list[dict[str, Precision]]) -> dict[str, Precision]:
        """Return the best of the measured ``choices``.

        Raises:
            ConfigError: none reaches the goal.
        """
        goal = self.goal
        rated = [(self._bits(choice), self._try(choice), choice) for choice in choices]
        if goal.weight_bits_max is not None:
            fitting = [one for one in rated if one[0] <= goal.weight_bits_max]
            if not fitting:
                least = min(rated, key=lambda one: one[0])
                raise ConfigError(
                    f"no assignment has {goal.weight_bits_max} bits of weights or fewer",
                    where="precision.auto.weight_bits_max",
                    hint=f"the least are {least[0]} bits, at {least[1]:.1f} dB: {_spelled(least[2])}",
                )
            return max(fitting, key=lambda one: one[1])[2]
        fitting = [one for one in rated if one[1] >= (goal.psnr_min_db or 0.0)]
        if not fitting:
            most = max(rated, key=lambda one: one[1])
            raise ConfigError(
                f"no assignment reaches {goal.psnr_min_db:g} dB",
                where="precision.auto.psnr_min_db",
                hint=f"the best are {most[1]:.1f} dB, with {most[0]} bits of weights: {_spelled(most[2])}; "
                "more bits for activations may help",
            )
        return min(fitting, key=lambda one: (one[0], -one[1]))[2]

    def _finish(
        self,
        chosen: Choice,
        options: _Options,
        uniform: tuple[tuple[Choice, int, float], ...],
        gap: float,
    ) -> tuple[Assignment, Mapping[str, IntWeight]]:
        key = tuple(str(chosen[layer.name]) for layer in self.free)
        psnr, codes = self.tried[key]
        layers = []
        for layer in self.graph.layers:
            if layer.weight is None:
                continue
            pinned = layer.name not in chosen
            rows = options.get(layer.name, ())
            layers.append(
                LayerChoice(
                    layer=layer.name,
                    precision=_pinned_name(self.precisions[layer.name]) if pinned else str(chosen[layer.name]),
                    bits=0 if pinned else weight_bits(codes[layer.name]),
                    pinned=pinned,
                    alternatives=tuple(Alternative(str(p), bits, self._psnr(error)) for p, bits, error in rows),
                )
            )
        measured = tuple(Alternative(str(next(iter(c.values()))), bits, value) for c, bits, value in uniform)
        error = self.tools.peak**2 / 10 ** (psnr / 10)
        gap_db = 0.0 if gap == 0 else psnr - self._psnr(error + gap)
        bits = sum(weight_bits(one) for one in codes.values())
        return Assignment(self.goal.policy, tuple(layers), bits, psnr, measured, gap_db), codes


def _pinned_name(precision: LayerPrecision) -> str:
    return precision.codes.precision if precision.codes is not None else str(precision.weight)


def _spelled(choice: Choice) -> str:
    return ", ".join(f"{name} {precision}" for name, precision in choice.items())
