"""The depths of streams between engines, and the lags of what holds long ones, by the order of the processes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gan2hls.emit.hls import depths
from gan2hls.emit.hls.depths import LEAST_WORDS, STALLS, deadlock, least_depths, with_depths
from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.files import emit_hls
from gan2hls.emit.hls.hold import Hold
from gan2hls.emit.hls.order import inner_depths
from gan2hls.emit.hls.top import BURST_WORDS, SHORT_WORDS, TopRegion, top_region
from gan2hls.hardware import Design
from tests.cosim.hls_chains import random_design
from tests.random_integer_graphs import random_graph_design, u_net_design
from tests.randomized import tiny_design

GRAPHS = range(12)
SEEDS = [pytest.param(n, marks=pytest.mark.slow) if n > 3 else n for n in GRAPHS]


def at_depths(region: TopRegion, words: dict[str, int], others: int = LEAST_WORDS) -> TopRegion:
    """Return ``region`` with streams of ``depths``."""
    return replace(region, links=tuple(replace(link, depth=words.get(link.name, others)) for link in region.links))


@pytest.mark.parametrize("seed", SEEDS)
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


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 6, 7])
def test_u_nets(seed: int) -> None:
    """Their rows come in bursts, and no constant lag of a hold would do."""
    made = u_net_design(seed)
    region = top_region(made)
    least, emitted = least_depths(made, region), with_depths(made, region)
    assert deadlock(made, emitted) is None and deadlock(made, emitted, flat=True) is None
    name = max(least, key=lambda name: least[name])
    assert least[name] > LEAST_WORDS
    assert deadlock(made, at_depths(region, {**least, name: least[name] - 1})) is not None
    assert deadlock(made, at_depths(region, least)) is None


def test_what_waits_behind_a_converter_waits_in_the_engine() -> None:
    """In the stream behind it, which is as long as the RTL's queue; in the flat region it waits in front, in holds."""
    made = u_net_design(4)
    region, files = top_region(made), emit_hls(made)
    queues = {(edge.reader, edge.port): edge.depth for edge in made.edges if edge.before and edge.depth > LEAST_WORDS}
    assert inner_depths(made) == {f"{reader}.widened_{port}": depth for (reader, port), depth in queues.items()}
    assert max(queues.values()) > SHORT_WORDS
    assert set(least_depths(made, region).values()) == {LEAST_WORDS}
    assert max(least_depths(made, region, flat=True).values()) > SHORT_WORDS
    emitted = with_depths(made, region)
    assert emitted.holds and {link.depth for link in emitted.links} == {BURST_WORDS}
    flat = files[f"{made.name}.cpp"].decode().split("#else\n", 1)[1]
    for (reader, port), depth in queues.items():
        assert f"variable=widened_{port} depth={depth}\n" in files[f"layers/{reader}.hpp"].decode()
        assert f"variable={reader}_widened_{port} depth={LEAST_WORDS}\n" in flat


@pytest.mark.parametrize("seed", SEEDS)
def test_emitted_depths(seed: int) -> None:
    """They are what the RTL has, and what this order needs; in the flat region short streams do, and holds."""
    made = random_graph_design(seed)
    region = top_region(made)
    emitted = with_depths(made, region)
    assert deadlock(made, emitted) is None and deadlock(made, emitted, flat=True) is None
    assert all(deadlock(made, emitted, stall=stall) is None for stall in STALLS)
    least, shorts = least_depths(made, region), least_depths(made, region, flat=True)
    assert {link.name for link in region.links if link.waits} == least.keys()
    text = emit_hls(made)[f"{made.name}.cpp"].decode()
    pipeline, flat = text.split("#else\n", 1)
    assert "hold<" not in pipeline
    for before, link in zip(region.links, emitted.links, strict=True):
        rtl = max(_queue(made, link.name), default=0)
        needed = max(rtl, least[link.name], BURST_WORDS) if link.waits else BURST_WORDS
        assert link.depth >= needed >= before.depth and (link.waits or link.depth == needed)
        assert f"variable={link.name} depth={link.depth}\n" in pipeline
        assert f"variable={link.name} depth={SHORT_WORDS}\n" in flat
        assert (link.hold is not None) == (shorts.get(link.name, 0) > SHORT_WORDS)
        call = f"hold<{link.scope}::config>({link.name}, {link.held}_segments, {link.held});"
        assert (call in flat) == (link.hold is not None)
        assert link.hold is None or link.hold.words <= max(link.depth, shorts[link.name])
    assert ('#include "lib/hold.hpp"' in text) == ("hold<" in flat) == any(link.hold for link in emitted.links)


@pytest.mark.parametrize("seed", [4, 7, 13])
def test_a_hold_must_take_enough_first(seed: int) -> None:
    made = random_graph_design(seed)
    emitted = with_depths(made, top_region(made))
    longest = max(emitted.links, key=lambda link: link.hold.words if link.hold else 0)
    lazy = Hold((Segment(1, 1, emits=False), Segment(longest.beats, longest.beats - 1, emits=True)))
    links = tuple(replace(link, hold=lazy) if link is longest else link for link in emitted.links)
    stuck = deadlock(made, replace(emitted, links=links), flat=True)
    assert stuck is not None and longest.held in {full for full, _ in stuck.meetings(emitted.names)}


@pytest.mark.parametrize("seed", [5, 15, 16])
def test_pipelines_that_stall_need_longer_streams(seed: int) -> None:
    """Than those of the RTL and of the order of the C++: one word less would stop them."""
    made = random_graph_design(seed)
    region = top_region(made)
    emitted = with_depths(made, region)
    least = least_depths(made, region)
    longer = {}
    for link in emitted.links:
        if link.waits and link.depth > max(BURST_WORDS, least[link.name], *_queue(made, link.name)):
            longer[link.name] = link.depth
    assert longer
    for name, depth in longer.items():
        links = tuple(replace(link, depth=depth - 1) if link.name == name else link for link in emitted.links)
        assert any(deadlock(made, replace(emitted, links=links), stall=stall) for stall in STALLS)
        assert deadlock(made, replace(emitted, links=links)) is None


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_large_designs_get_streams_that_are_long_enough(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the RTL has no queues; the flat region has the same, and nothing is held."""
    monkeypatch.setattr(depths, "_MOST_WORDS", 0)
    for made in (random_graph_design(seed), replace(random_graph_design(seed), depths={})):
        region = top_region(made)
        emitted = with_depths(made, region)
        assert deadlock(made, emitted) is None and deadlock(made, emitted, flat=True) is None
        assert not emitted.holds
        flat = emit_hls(made)[f"{made.name}.cpp"].decode().split("#else\n", 1)[1]
        assert all(f"variable={link.name} depth={link.short}\n" in flat for link in emitted.links)


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


def _queue(design: Design, name: str) -> list[int]:
    """Return the depths of the RTL's queues that the stream ``name`` may stand for: none is behind a converter."""
    names = {edge: (f"from_{edge.name}", f"from_{edge.source.tensor}") for edge in design.edges if not edge.before}
    return [0, *(edge.depth for edge, of_edge in names.items() if name in of_edge)]
