"""The map of a normalization between its halves: its stream, statistics, and the hold that stands for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.emit.hls.depths import deadlock
from gan2hls.emit.hls.files import hls_interval
from gan2hls.emit.hls.held import map_hold, map_program, most_statistics, statistics_depth
from gan2hls.emit.hls.latency import restart_cycles
from gan2hls.emit.hls.order import inner_depths, network
from gan2hls.emit.hls.ring import STALLS
from gan2hls.emit.hls.top import SHORT_WORDS, top_region
from gan2hls.hardware import Design, StreamEngine, estimate
from gan2hls.ops import HeldMap, OffChipRing
from gan2hls.timing import run_network
from tests.random_integer_graphs import maps_away, norm_design

Shape = tuple[int, int, int]

#: Shapes, groups, lanes, and whether sets are those of a pixel: many sets, many maps, one of each.
NORMS: list[tuple[Shape, int, int, bool]] = [
    ((6, 5, 12), 3, 2, True),
    ((6, 5, 12), 12, 2, True),
    ((8, 8, 12), 12, 3, False),
    ((9, 7, 24), 24, 1, False),
    ((7, 9, 4), 1, 4, True),
    ((12, 10, 6), 1, 2, False),
]
maps = st.builds(
    lambda pixels, slots, slot_beats, count: HeldMap(
        count * pixels * slots * slot_beats, pixels, slots, slot_beats, 40
    ),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 9),
)


def held_of(made: Design) -> HeldMap:
    """Return the map of the only layer."""
    engine = made.engine("l0")
    assert isinstance(engine, StreamEngine) and engine.hls_unit is not None and engine.hls_unit.held is not None
    return engine.hls_unit.held


def chain_ends(made: Design, *, flat: bool = False, **words: int) -> bool:
    """Whether a normalization alone ends at any stall, with so many ``words`` of its streams."""
    region = top_region(made)
    depths = {**inner_depths(made, flat=flat), **{f"l0.{name}": count for name, count in words.items()}}
    for stall in (0,) if flat else (0, *STALLS):
        processes = tuple(network(made, region, {}, stall=stall, flat=flat))
        names = {name for process in processes for name in (*process.reads, *process.writes)}
        if run_network(processes, {name: depths.get(name, 2) for name in names}).deadlock:
            return False
    return True


@given(maps)
def test_statistics_are_made_in_the_last_pixel_of_a_map_and_used_in_the_first(held: HeldMap) -> None:
    beats, pixel = held.beats, held.pixel_beats
    makes = [n for n in range(held.words) if n % beats >= beats - pixel and (n + 1) % held.slot_beats == 0]
    uses = [n for n in range(held.words) if n % beats < pixel and n % held.slot_beats == 0]
    for count in range(held.words + 1):
        assert held.made(count) == sum(n < count for n in makes)
        assert held.used(count) == sum(n < count for n in uses)
    assert len(makes) == len(uses) == held.maps * held.slots


@given(maps, st.integers(1, 60))
def test_most_statistics_is_the_most_at_any_beat(held: HeldMap, more: int) -> None:
    ahead = held.beats + more
    waiting = (held.made(n) - held.used(n - ahead) for n in range(ahead, ahead + 3 * held.beats))
    assert most_statistics(held, ahead) == max(2, *waiting)


@given(maps, st.integers(1, 3))
def test_a_hold_gives_a_map_from_when_its_first_statistics_are_made(held: HeldMap, turns: int) -> None:
    hold = map_hold(held, turns)
    assert sum(segment.loads for segment in hold.program) == held.words * turns
    assert sum(segment.cycles for segment in hold.program if segment.emits) == held.words * turns
    assert hold.words == hold.program[0].loads <= held.beats
    assert held.made(hold.words - 1) == 0 < held.made(hold.words)


@pytest.mark.parametrize(("shape", "groups", "lanes", "by_pixel"), NORMS)
def test_a_stream_takes_the_next_map_while_it_gives_this_one(
    shape: Shape, groups: int, lanes: int, by_pixel: bool
) -> None:
    made = norm_design(shape, groups, lanes, by_pixel=by_pixel)
    held, depths = held_of(made), inner_depths(made)
    beats, root = made.engine("l0").out_beats, restart_cycles("norm_take")
    assert depths["l0.map"] == held.beats + max(STALLS) * root
    assert max(2, depths.get("l0.statistics", 2)) == most_statistics(held, depths["l0.map"])
    assert hls_interval(made) == beats + root, "no frame waits for the one before it"
    assert estimate(made).interval == beats
    assert chain_ends(made) and chain_ends(made, statistics=1), "however few statistics may wait"
    least = next(words for words in range(1, depths["l0.map"]) if chain_ends(made, map=words))
    first = held.beats - held.pixel_beats + held.slot_beats
    assert least >= first - 1, "all up to the first statistics wait, but for a beat that the second half has"


@pytest.mark.parametrize(("shape", "groups", "lanes", "by_pixel"), NORMS)
def test_streams_of_the_flat_region_are_short(shape: Shape, groups: int, lanes: int, by_pixel: bool) -> None:
    made = norm_design(shape, groups, lanes, by_pixel=by_pixel)
    assert inner_depths(made, flat=True) == {}
    assert deadlock(made, top_region(made), flat=True) is None
    assert all(chain_ends(made, flat=True, map=words, statistics=words) for words in range(1, SHORT_WORDS + 1))


@pytest.mark.parametrize("bus_bits", [32, 64, 256])
@pytest.mark.parametrize(("shape", "groups", "lanes", "by_pixel"), NORMS)
def test_statistics_wait_for_a_ring(shape: Shape, groups: int, lanes: int, by_pixel: bool, bus_bits: int) -> None:
    made = maps_away(norm_design(shape, groups, lanes, by_pixel=by_pixel), bus_bits)
    held = held_of(made)
    assert held.ring is not None
    depth = statistics_depth(held, map_program(held, held.ring))
    least = next(words for words in range(1, depth + 1) if chain_ends(made, statistics=words))
    assert least <= depth <= max(2, least + 9), "no more than converters keep back on both sides, and a word"


@given(maps, st.integers(1, 90), st.sampled_from([32, 64, 128]))
def test_no_more_statistics_wait_for_a_ring_than_there_are(held: HeldMap, width: int, bus_bits: int) -> None:
    ring = OffChipRing(width, held.words, held.beats + 30, bus_bits)
    assert statistics_depth(held, map_program(held, ring)) <= max(2, held.maps * held.slots)
