"""The front holds the true optimum of every budget: compared with trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.auto.knapsack import Front


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_choices_are_optimal(layers: int, options: int, seed: int, where: float) -> None:
    rng = np.random.default_rng(seed)
    costs = [rng.integers(1, 9, options).astype(float) for _ in range(layers)]
    losses = [rng.random(options) for _ in range(layers)]
    every = [
        (sum(c[o] for c, o in zip(costs, chosen, strict=True)), sum(x[o] for x, o in zip(losses, chosen, strict=True)))
        for chosen in product(range(options), repeat=layers)
    ]
    front = Front(costs, losses)
    budget = min(c for c, _ in every) + where * (max(c for c, _ in every) - min(c for c, _ in every))
    found = front.least_loss(budget)
    assert found is not None and found.cost <= budget and found.gap == 0
    assert found.loss == pytest.approx(min(x for c, x in every if c <= budget))
    assert found.loss == pytest.approx(sum(x[o] for x, o in zip(losses, found.options, strict=True)))
    limit = min(x for _, x in every) + where * (max(x for _, x in every) - min(x for _, x in every))
    cheapest = front.least_cost(limit * (1 + 1e-12))
    assert cheapest is not None
    assert cheapest.cost == pytest.approx(min(c for c, x in every if x <= limit * (1 + 1e-12)))


def test_nothing_fits() -> None:
    front = Front([np.array([3.0, 2.0])], [np.array([0.1, 0.2])])
    assert front.least_loss(1.9) is None and front.least_cost(0.05) is None


def test_a_thinned_front_states_its_gap() -> None:
    rng = np.random.default_rng(0)
    costs, losses = [rng.random(12) for _ in range(5)], [rng.random(12) for _ in range(5)]
    exact, thin = Front(costs, losses), Front(costs, losses, most=8)
    for budget in (1.5, 2.0, 2.5):
        best, found = exact.least_loss(budget), thin.least_loss(budget)
        assert best is not None and found is not None
        assert best.loss <= found.loss <= best.loss + found.gap
    assert exact.gap == 0 < thin.gap
