"""Queues of the RTL where branches meet."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.hardware.cycles import estimate, frame_count, frame_ends
from gan2hls.hardware.queues import with_endless_queues
from tests.random_integer_graphs import random_graph_design


@pytest.mark.parametrize("seed", [3, 26, 48])
def test_queues_keep_the_interval(seed: int) -> None:
    """Also where those that the first run asks for are too short, since a queue of one word is none."""
    made = random_graph_design(seed)
    assert estimate(made).interval <= 1.002 * estimate(with_endless_queues(made)).interval


def test_the_interval_is_that_of_full_queues() -> None:
    """While they fill up, the slowest engine does not set the pace."""
    made = random_graph_design(392)
    few, many = (np.diff(frame_ends(made, frames)) for frames in (frame_count(made), 60))
    assert few[-2:].mean() < made.interval_limit == many[-20:].mean() == estimate(made).interval
