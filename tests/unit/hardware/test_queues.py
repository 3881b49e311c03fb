"""Queues of the RTL where branches meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.emit.hls.depths import deadlock, with_depths
from gan2hls.emit.hls.top import top_region
from gan2hls.hardware import Design, Folding, OffChip, queues
from gan2hls.hardware.cycles import estimate, frame_count, frame_ends
from gan2hls.hardware.edges import RING_OUT_WORDS
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.kinds.concat import IntConcat
from gan2hls.numbers import IntType, QuantType
from tests.random_integer_graphs import Graph, random_graph_design
from tests.randomized import chain, conv, design, linear_layer
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


def slow_neighbours() -> Design:
    """Two layers at one engine between two others, queues endless."""
    rng, kind = np.random.default_rng(0), QuantType(IntType(8, signed=True), 1.0)
    geometries = [conv((12, 12), 6, 6, k=k, p=k // 2) for k in (5, 3, 3, 5)]
    layers = [linear_layer(rng, f"l{n}", "z", geometry, kind, out=kind) for n, geometry in enumerate(geometries)]
    model = chain("slow_neighbours", (12, 12, 6), kind, layers)
    away = {"l1": OffChip(1, 64), "l2": OffChip(1, 64)}
    plain = design(model, [Folding(2, 3, 1), Folding(2, 2, 1), Folding(2, 2, 1), Folding(2, 3, 1)], off_chip=away)
    return with_endless_queues(replace(plain, shared=(("l1", "l2"),)))


def test_frames_wait_around_the_turns_of_an_engine() -> None:
    """Slow neighbours work on other frames meanwhile; with a shorter queue in front the interval would be longer."""
    made = with_queues(slow_neighbours())
    edges = {edge.reader: edge for edge in made.edges if edge.reader in ("l1", "l3")}
    assert all(edge.depth == edge.queued.beats + RING_OUT_WORDS for edge in edges.values())
    shorter = replace(made, depths={**made.depths, ("l1", 0): 64})
    assert estimate(shorter).interval > 1.1 * estimate(made).interval


def test_queues_that_do_not_fit_are_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of layers that take turns: the first ones tell what is missing, and all others are longer."""
    made = slow_neighbours()
    monkeypatch.setattr(queues, "_pace", lambda design: pytest.fail(f"{design.name} fits nowhere"))
    found = with_queues(made, fits=lambda one: False)
    assert max(found.depths.values()) < max(made.depths.values())


@pytest.mark.parametrize(("away", "room"), [(True, True), (False, True), (True, False)])
def test_rings_of_another_frame_are_tried_where_a_turn_waits(
    away: bool, room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes past turns that wait for the frame before is held as long: off chip, and only where all else fits.

    The pace is a stand-in's: designs where this happens have hundreds of blocks, and take minutes to be found.
    """
    design = slow_neighbours()
    interval = estimate(design).interval
    (frame,) = (edge.queued.beats + RING_OUT_WORDS for edge in design.edges if edge.reader == "l1")
    monkeypatch.setattr(queues, "_pace", lambda one: interval * (1 if one.depths.get(("l1", 0), 0) > frame else 1.2))

    def placed(one: Design) -> Design:
        return replace(one, off_chip={("l1", 0): 64}) if away else one

    found = with_queues(design, placed, lambda one: room or one.depths.get(("l1", 0), 0) <= frame)
    (edge,) = [edge for edge in found.edges if edge.reader == "l1"]
    assert edge.depth == edge.queued.beats + RING_OUT_WORDS + (edge.queued.beats if away and room else 0)


def test_a_band_is_held_back_by_the_engine_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of weights off chip it comes at once, while a join takes an operand's words of one pixel at a time."""
    graph = Graph(np.random.default_rng(0), {"x0": (16, 16, 8)})
    for name in ("l0", "l1"):
        graph.keep(linear_layer(graph.rng, name, "x0", conv((16, 16), 8, 16), graph.types["x0"]))
    graph.stream(IntConcat((16, 16), (1, 1)), ("l0", "l1"), (16, 16, 32))
    foldings = [Folding(1, 8, 1), Folding(1, 8, 1), Folding(1, 1, 1)]
    plain = with_endless_queues(design(graph.model("held", ("l2",)), foldings, off_chip={"l1": OffChip(1, 64)}))
    made = with_queues(plain)
    monkeypatch.setattr(queues, "_with_held_bands", lambda one, depths: depths)
    longer = with_queues(plain)
    assert made.depths["l2", 1] <= 64 < longer.depths["l2", 1]
    assert estimate(made).interval <= 1.002 * estimate(longer).interval
