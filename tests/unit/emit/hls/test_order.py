"""The order of the C++ processes: against the loops of the library, and the depths that follow from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.hls.order import LEAST_WORDS, _segment, deadlock, least_depths, network, with_depths
from gan2hls.emit.hls.top import BURST_WORDS, SHORT_WORDS, TopRegion, top_region
from gan2hls.hardware import Design
from tests.cosim.hls_chains import random_design
from tests.random_integer_graphs import random_graph_design
from tests.randomized import tiny_design

GRAPHS = range(12)


def at_depths(region: TopRegion, depths: dict[str, int], others: int = LEAST_WORDS) -> TopRegion:
    """Return ``region`` with streams of ``depths``."""
    return replace(region, links=tuple(replace(link, depth=depths.get(link.name, others)) for link in region.links))


@pytest.mark.parametrize("seed", range(40))
def test_a_segment_is_what_its_loop_does(seed: int) -> None:
    """Beside ``struct segments`` of ``segments.hpp`` and the body of ``feeder``."""
    rng = np.random.default_rng(seed)
    cycles = int(rng.integers(1, 40))
    loads = int(rng.integers(0, cycles + 1))
    emits = bool(rng.integers(2)) or loads < cycles
    credit, does = loads - cycles, []
    for _ in range(cycles):
        does += [1] if emits else []
        if credit >= 0:
            does.append(0)
        credit += -(cycles - loads) if credit >= 0 else loads
    found = _segment(Segment(cycles, loads, emits))
    assert np.repeat(found[:, 0], found[:, 1]).tolist() == does


@pytest.mark.parametrize("seed", GRAPHS)
def test_least_depths_of_random_graphs(seed: int) -> None:
    """Everything comes to its end with them, and nothing with one word less of any."""
    made = random_graph_design(seed)
    region = top_region(made)
    least = least_depths(made, region)
    assert deadlock(made, at_depths(region, least)) is None
    for name, depth in least.items():
        if depth > LEAST_WORDS:
            shorter = deadlock(made, at_depths(region, {**least, name: depth - 1}))
            assert shorter is not None, name
            assert all(full in least and empty in region.names for full, empty in shorter.meetings(region.names))


def test_random_graphs_need_long_streams() -> None:
    found = [max(least_depths(made, top_region(made)).values(), default=0) for made in map(random_graph_design, GRAPHS)]
    assert sum(depth > BURST_WORDS for depth in found) >= 1 and sum(depth > SHORT_WORDS for depth in found) >= 6


@pytest.mark.parametrize("seed", GRAPHS)
def test_emitted_depths(seed: int) -> None:
    """They are what the RTL has, and what this order needs; the flat region's are so too."""
    made = random_graph_design(seed)
    region = top_region(made)
    emitted = with_depths(made, region)
    assert deadlock(made, emitted) is None
    assert deadlock(made, at_depths(region, {link.name: link.least for link in emitted.links})) is None
    least = least_depths(made, region)
    text = emit_hls(made)[f"{made.name}.cpp"].decode()
    for before, link in zip(region.links, emitted.links, strict=True):
        assert link.depth >= max(before.depth, BURST_WORDS) and link.least >= max(before.least, SHORT_WORDS)
        assert link.waits or (link.depth, link.least) == (BURST_WORDS, SHORT_WORDS)
        assert not link.waits or link.depth >= before.depth == max(BURST_WORDS, *_queue(made, link.name))
        pipeline, flat = text.split("#else\n", 1)
        assert f"variable={link.name} depth={link.depth}\n" in pipeline
        assert f"variable={link.name} depth={link.least}\n" in flat
    assert {link.name for link in region.links if link.waits} == least.keys()


def test_streams_grow_where_the_rtl_has_no_queues() -> None:
    made = replace(random_graph_design(4, 5, (9, 12)), depths={})
    region = top_region(made)
    assert deadlock(made, region) is not None
    emitted = with_depths(made, region)
    assert deadlock(made, emitted) is None
    assert max(link.depth for link in emitted.links) > BURST_WORDS


@pytest.mark.parametrize("made", [tiny_design(), random_design(17, layers=8)], ids=lambda made: made.name)
def test_chains_end_at_any_depths(made: Design) -> None:
    region = top_region(made)
    assert with_depths(made, region) is region
    assert deadlock(made, at_depths(region, {}, others=1)) is None
    reads = [name for process in network(made, region) for name in process.reads]
    assert len(set(reads)) == len(reads) > len(made.engines)


def _queue(design: Design, name: str) -> list[int]:
    """Return the depths of the RTL's queues that the stream ``name`` may stand for."""
    return [0, *(edge.depth for edge in design.edges if name in (f"from_{edge.name}", f"from_{edge.source.tensor}"))]
