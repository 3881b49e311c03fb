"""One option per layer, least in one sum while the other stays within a limit: solved exactly.

All choices that no other beats in both cost and loss are kept while layers are added one by one (a Pareto front), so
the answer is the true optimum of the additive model: its gap is 0.  Where a front grows beyond ``most``, it is thinned
out, and the gap that this can cost is stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.numbers import FloatArray

#: Points of a front that are kept exactly.
MOST = 20_000


@final
@dataclass(frozen=True)
class Selection:
    """What was chosen.

    Attributes:
        options: the option of each layer, by position.
        cost: their summed cost.
        loss: their summed loss.
        gap: how much less the loss of the best choice could be at most.
    """

    options: tuple[int, ...]
    cost: float
    loss: float
    gap: float


@final
class Front:
    """All choices that are not beaten in both sums."""

    def __init__(self, costs: Sequence[FloatArray], losses: Sequence[FloatArray], most: int = MOST) -> None:
        """Build the front; ``costs[n]`` and ``losses[n]`` are float64 ``[options]`` of layer ``n``."""
        self.cost, self.loss = np.zeros(1), np.zeros(1)
        self.gap = 0.0
        self._from: list[tuple[np.ndarray, np.ndarray]] = []
        for cost, loss in zip(costs, losses, strict=True):
            self._add(np.asarray(cost, np.float64), np.asarray(loss, np.float64), most)

    def _add(self, cost: FloatArray, loss: FloatArray, most: int) -> None:
        total_cost = (self.cost[:, None] + cost).ravel()
        total_loss = (self.loss[:, None] + loss).ravel()
        order = np.lexsort((total_loss, total_cost))
        least = np.minimum.accumulate(total_loss[order])
        better = np.concatenate([[True], total_loss[order][1:] < least[:-1]])
        kept = order[better]
        if kept.size > most:
            at = np.unique(np.linspace(0, kept.size - 1, most).round().astype(np.int64))
            sparse = kept[at]
            steps = total_loss[sparse][:-1] - total_loss[sparse][1:]
            self.gap += float(steps.max(initial=0.0))
            kept = sparse
        self._from.append((kept // cost.size, kept % cost.size))
        self.cost, self.loss = total_cost[kept], total_loss[kept]

    def least_cost(self, most_loss: float) -> Selection | None:
        """Return the cheapest choice whose loss is at most ``most_loss``, or None."""
        at = self.first(most_loss)
        return self.choice(at) if at < self.cost.size else None

    def least_loss(self, most_cost: float) -> Selection | None:
        """Return the choice of least loss whose cost is at most ``most_cost``, or None."""
        fits = np.flatnonzero(self.cost <= most_cost)
        return self.choice(int(fits[-1])) if fits.size else None

    def first(self, most_loss: float) -> int:
        """Return the place of the cheapest choice that loses at most ``most_loss``; the number of choices if none."""
        return int(np.count_nonzero(self.loss > most_loss))

    def choice(self, at: int) -> Selection:
        """Return the choice at a place; places go from cheap to dear, and from much loss to little."""
        options, point = [], at
        for before, option in reversed(self._from):
            options.append(int(option[point]))
            point = int(before[point])
        return Selection(tuple(reversed(options)), float(self.cost[at]), float(self.loss[at]), self.gap)
