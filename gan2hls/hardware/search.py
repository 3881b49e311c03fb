"""Choosing a folding for every layer: all keep one interval, and together they fit a budget.

At an interval the cheapest folding of each layer is taken.  Where all together do not fit, what is scarce gets a price
(Lagrange multipliers), which rises as long as too much of it is taken: so a layer whose memories have a bad shape takes
another folding of the same pace, and another layer makes up for its multipliers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import numpy as np

from gan2hls.fabric import Resources, overall
from gan2hls.hardware.options import Option
from gan2hls.numbers import FloatArray

Chosen = dict[str, Option]

#: Times that prices are raised, and how steeply.
_ROUNDS, _STEEPNESS = 24, 4.0
#: Shorter intervals that are tried below one that fits, since prices do not find every choice.
_FURTHER = 4


@final
class Choices:
    """The options of all layers.

    Attributes:
        intervals: those that occur and that every layer can keep, ascending.
    """

    def __init__(self, options: Mapping[str, tuple[Option, ...]]) -> None:
        self.options = options
        most = max(len(found) for found in options.values())
        self._taken = np.zeros((len(options), most, len(Resources().counts)))
        self._interval = np.full((len(options), most), np.inf)
        for n, found in enumerate(options.values()):
            self._taken[n, : len(found)] = [option.taken.counts for option in found]
            self._interval[n, : len(found)] = [option.interval for option in found]
        fastest = int(self._interval.min(axis=1).max())
        every = np.unique(self._interval[np.isfinite(self._interval)])
        self.intervals = [int(t) for t in every if t >= fastest]

    def cheapest(self, interval: int) -> Chosen:
        """Return the cheapest option of each layer that keeps ``interval``."""
        return {name: next(o for o in found if o.interval <= interval) for name, found in self.options.items()}

    def fitting(self, interval: int, budget: Resources) -> Chosen | None:
        """Return options that keep ``interval`` and fit ``budget``, the cheapest or others; None: none are found."""
        chosen = self.cheapest(interval)
        if taken_by(chosen).within(budget):
            return chosen
        found, over = self._priced(interval, budget)
        return found if over <= 1 else None

    def nearest(self, interval: int, budget: Resources) -> Chosen:
        """Return options that keep ``interval`` and come near ``budget``."""
        return self.fitting(interval, budget) or self._priced(interval, budget)[0]

    def fastest(self, budget: Resources) -> Chosen | None:
        """Return options of the least interval that fit ``budget``; None where none do."""
        longest = len(self.intervals)
        bound = first(self.intervals, lambda t: bool((self._least(t) <= budget.counts).all()))
        if bound == longest:
            return None
        found: dict[int, Chosen | None] = {}

        def fits(at: int) -> bool:
            if at not in found:
                found[at] = self.fitting(self.intervals[at], budget)
            return found[at] is not None

        at = bound if fits(bound) else first(range(bound, longest), fits) + bound
        if at == longest:
            return None
        at = next((n for n in range(max(bound, at - _FURTHER), at) if fits(n)), at)
        return found[at]

    def least(self, interval: int) -> Resources:
        """Return the least of each resource by itself that keeps ``interval``."""
        return Resources(*(int(count) for count in self._least(interval)))

    def _least(self, interval: int) -> FloatArray:
        kept = (self._interval <= interval)[:, :, None]
        least: FloatArray = np.where(kept, self._taken, np.inf).min(axis=1).sum(axis=0)
        return least

    def _priced(self, interval: int, budget: Resources) -> tuple[Chosen, float]:
        """Return the best choice that prices find, and the greatest part of its budget that a resource takes."""
        room = np.maximum(np.array(budget.counts, np.float64), 0.5)
        share = self._taken / room
        late = self._interval > interval
        layers = np.arange(len(self.options))
        weights = np.full(share.shape[2], 1 / share.shape[2])
        best, least = np.zeros(len(self.options), np.int64), np.inf
        for n in range(_ROUNDS):
            cost = share @ weights
            cost[late] = np.inf
            at = cost.argmin(axis=1)
            used = share[layers, at].sum(axis=0)
            if used.max() < least:
                best, least = at, float(used.max())
            if least <= 1:
                break
            weights *= np.exp(_STEEPNESS / (1 + n) ** 0.5 * np.clip(used - 1, -1, 1))
            weights /= weights.sum()
        chosen = {name: found[at] for (name, found), at in zip(self.options.items(), best, strict=True)}
        return chosen, least


def taken_by(chosen: Mapping[str, Option]) -> Resources:
    """Return what all options take."""
    return overall(option.taken for option in chosen.values())


def first(values: list[int] | range, holds: Callable[[int], bool]) -> int:
    """Return the index of the first value for which the monotonic ``holds`` is true (``len`` if none)."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if holds(values[middle]):
            high = middle
        else:
            low = middle + 1
    return low
