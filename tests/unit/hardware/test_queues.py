"""Queues of the RTL where branches meet."""

from __future__ import annotations

import pytest

from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.queues import with_endless_queues
from tests.random_integer_graphs import random_graph_design


@pytest.mark.parametrize("seed", [3, 26, 48])
def test_queues_keep_the_interval(seed: int) -> None:
    """Also where those that the first run asks for are too short, since a queue of one word is none."""
    made = random_graph_design(seed)
    assert estimate(made).interval <= 1.002 * estimate(with_endless_queues(made)).interval
