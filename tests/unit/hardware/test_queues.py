"""Queues of the RTL where branches meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.emit.hls.depths import deadlock, with_depths
from gan2hls.emit.hls.top import top_region
from gan2hls.hardware.cycles import estimate, frame_count, frame_ends
from gan2hls.hardware.queues import with_endless_queues
from tests.random_integer_graphs import random_graph_design
from tests.shared_engines import behind_itself


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


def test_an_engine_that_is_behind_itself_waits_in_a_queue() -> None:
    """Two convolutions in a row that share an engine: without a frame's queue it waits for itself, and says where."""
    made = behind_itself()
    (depth,) = [depth for (reader, _), depth in made.depths.items() if reader == "l1"]
    estimate(made)
    with pytest.raises(AssertionError, match=r"stuck: full: .*l1\.0\.queue"):
        estimate(replace(made, depths={**made.depths, ("l1", 0): 2}))
    region = with_depths(made, top_region(made))
    assert depth > 100 and deadlock(made, region) is None
    stuck = deadlock(made, replace(region, links=tuple(replace(one, depth=2) for one in region.links)))
    assert stuck is not None and stuck.told(region.names) == "deadlock: from_l0 is full"
