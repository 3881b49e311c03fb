"""The programs of rings: what their processes do with them, and that designs end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.emit.hls.depths import deadlock, ring_programs, with_depths
from gan2hls.emit.hls.files import emit_hls, hls_interval
from gan2hls.emit.hls.held import map_program
from gan2hls.emit.hls.order import inner_depths
from gan2hls.emit.hls.ring import STALLS, RingProgram, queue_program
from gan2hls.emit.hls.tiles import MEMORY_CLOCKS
from gan2hls.emit.hls.top import BURST_WORDS, top_region
from gan2hls.hardware import estimate, holding_clocks
from gan2hls.numbers import Int64Array
from gan2hls.ops import HeldMap, OffChipRing
from tests.random_integer_graphs import maps_away, norm_design, random_graph_design, u_net_design


@dataclass
class Memory:
    """What ``ring.hpp`` does, a word at a time, as the RTL's writer in the first frame: burst ``n`` to place ``n``."""

    program: RingProgram
    words: dict[int, int] = field(default_factory=dict)
    read: list[int] = field(default_factory=list)
    taken_before: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = {constant.name: constant.value for constant in self.program.constants}
        self.slot, self.burst, self.last, self.bursts = (
            int(numbers[name])
            for name in ("SLOT", "BURST", "LAST_BURST", "BURSTS")  # type: ignore[arg-type]
        )
        takes, gives, times = (rom.values.tolist() for rom in self.program.roms)
        assert len(times) == numbers["PROGRAM_STEPS"]
        taken = given_ = 0
        for step in range(len(times)):
            for _ in range(times[step]):
                taken = self._pass(taken, takes[step], gives=False)
                for n in range(given_, given_ + gives[step]):
                    self.taken_before[n] = taken
                given_ = self._pass(given_, gives[step], gives=True)
        assert taken == given_ == self.bursts

    def _pass(self, first: int, count: int, *, gives: bool) -> int:
        """Write or read ``count`` bursts from ``first`` on, whose words must follow one another."""
        if count == 0:
            return first
        begin = first * self.slot
        done = first + count
        words = count * self.burst - (self.burst - self.last if done == self.bursts else 0)
        for n in range(words):
            number, address = first * self.burst + n, begin + n
            burst, word = divmod(number, self.burst)
            assert address == burst * self.slot + word < self.program.ring.slots * self.slot, "not where the RTL has it"
            if gives:
                assert self.words.pop(address) == number, "never written, or another one"
                self.read.append(number)
            else:
                assert address not in self.words, "written before it was read"
                self.words[address] = number
        return done


def bounds(ring: OffChipRing, seed: int) -> tuple[Int64Array, Int64Array]:
    """Any rising bounds, as a network might have them, no further apart than the ring holds."""
    rng = np.random.default_rng(seed)
    places = np.arange(1, ring.beats + 1)
    lag = int(rng.integers(0, max(1, min(ring.beats, ring.slots * ring.burst) // 2)))
    least = np.minimum(ring.beats, np.maximum.accumulate(places + rng.integers(0, lag + 1, ring.beats)))
    most = np.minimum(ring.beats, np.maximum.accumulate(least + rng.integers(0, 2 * lag + 2, ring.beats)))
    return least, most


rings = st.builds(
    OffChipRing, st.integers(1, 200), st.integers(1, 3000), st.integers(2, 3000), st.sampled_from([32, 64, 256])
)


@settings(deadline=None)
@given(rings, st.integers(0, 1000))
def test_a_queue_stands_where_the_rtl_has_it_and_keeps_its_bounds(ring: OffChipRing, seed: int) -> None:
    least, most = bounds(ring, seed)
    program = queue_program(ring, least, most)
    memory = Memory(program)
    assert memory.read == list(range(ring.beats))
    for n, taken in memory.taken_before.items():
        beats = min(taken * ring.burst, ring.beats)
        assert beats >= least[min((n + 1) * ring.burst, ring.beats) - 1]
        must = -(-int(least[min((n + 1) * ring.burst, ring.beats) - 1]) // ring.burst)
        assert taken == must or beats <= most[n * ring.burst] or taken == ring.bursts, "more than can be taken"


@given(
    st.integers(1, 40), st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(1, 90),
    st.sampled_from([32, 64, 128]),
)  # fmt: skip
def test_a_burst_of_a_map_is_given_when_its_maps_are_complete(
    pixels: int, slots: int, slot_beats: int, maps: int, width: int, bus_bits: int
) -> None:
    beats = pixels * slots * slot_beats
    ring = OffChipRing(width, maps * beats, beats + 30, bus_bits)
    memory = Memory(map_program(HeldMap(ring.words, pixels, slots, slot_beats, 40, ring), ring))
    assert memory.read == list(range(ring.beats))
    for n, taken in memory.taken_before.items():
        last = (min((n + 1) * ring.burst, ring.beats) * bus_bits - 1) // ring.word_bits  # word of which it has a part
        done = min(taken * ring.burst, ring.beats) * bus_bits // ring.word_bits  # whole words
        assert done >= (last // beats + 1) * beats


def test_stretches_end_at_gaps() -> None:
    whole = OffChipRing(64, 1600, 100, 64)
    assert (whole.burst, whole.slots, whole.bursts) == (16, 135, 100)
    taken = tuple(min(n + 30, 100) for n in range(100))
    assert RingProgram(whole, taken).steps == ((30, 1, 1), (1, 1, 69), (1, 30, 1))
    gaps = OffChipRing(64, 60, 20, 64)
    assert (gaps.burst, gaps.bursts) == (5, 12)
    assert RingProgram(gaps, (2,) * 2 + (12,) * 10).steps == (
        (1, 0, 1),
        (1, 1, 1),
        (0, 1, 1),
        (1, 0, 9),
        (1, 1, 1),
        (0, 1, 9),
    )


def test_clocks_are_words_and_the_memory_s() -> None:
    ring = OffChipRing(16, 1600, 100, 64)  # four words a beat
    assert (ring.beats, ring.end_beats, ring.burst) == (400, 32, 6)
    program = RingProgram(ring, (ring.bursts,) * ring.bursts)
    stretches = 2 * ring.bursts
    assert program.cycles == 2 * 400 + stretches * MEMORY_CLOCKS
    alone = OffChipRing(16, 1600, 1600, 64)
    assert (alone.burst, alone.slots >= alone.bursts) == (16, True)
    assert RingProgram(alone, (25,) * 25).cycles == 2 * (32 + 4 * 368 + MEMORY_CLOCKS)


@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.slow) if n > 2 else n for n in range(12)])
def test_graphs_with_rings_end(seed: int) -> None:
    """In both regions, and where loops stall as a whole."""
    made = maps_away(random_graph_design(seed, norms=True), (32, 64, 256)[seed % 3])
    region = with_depths(made, top_region(made))
    for flat in (False, True):
        assert deadlock(made, region, flat=flat) is None
    assert all(deadlock(made, region, stall=stall) is None for stall in STALLS)
    for program in ring_programs(made).values():
        Memory(program)


def test_what_waits_off_chip_does_not_wait_on_chip() -> None:
    here = u_net_design(1, 16)
    made = maps_away(here, 64)
    longest = max(link.depth for link in with_depths(here, top_region(here)).links)
    region = with_depths(made, top_region(made))
    assert longest > 8 * BURST_WORDS
    assert {link.depth for link in region.links} == {BURST_WORDS}
    assert inner_depths(made) and max(inner_depths(made).values()) <= BURST_WORDS


def test_frames_do_not_overlap_in_what_holds_them() -> None:
    """Off chip a normalization takes a map, and then gives it; a queue waits for another branch to end."""
    here = norm_design((29, 29, 2), 2, 2)
    made, beats = maps_away(here, 64), here.engines[0].out_beats
    assert 2 * beats < holding_clocks(made) <= hls_interval(made)
    assert holding_clocks(here) == 0 and beats < hls_interval(here) < beats + 24, "its stream takes the next map"
    here = u_net_design(0, 8)
    made, rtl = maps_away(here, 64), estimate(here)
    assert holding_clocks(here) == 0, "streams on chip hold beats of several frames"
    assert rtl.interval < holding_clocks(made) < rtl.latency
    assert hls_interval(made) == holding_clocks(made) > hls_interval(here)


def test_pointers_and_ports() -> None:
    """A port for each ring, as many words as it has, and its place behind the image in the header."""
    made = maps_away(u_net_design(0, 8), 64)
    files = {path: content.decode() for path, content in emit_hls(made).items()}
    assert made.memory is not None and len(made.memory.rings) == 4
    for placed in made.memory.rings:
        words = placed.ring.size // 8
        port = (
            f"mode=m_axi port=ring_{placed.name} offset=direct bundle=gmem_ring_{placed.name} depth={words} latency=64 "
        )
        assert files["unet0.cpp"].count(f"{port}max_read_burst_length=16 max_write_burst_length=16 ") == 2
        where = f"ring_{placed.name} {words} words of 64 bits from byte {placed.offset} on: {placed.about}\n"
        assert where in files["unet0.hpp"]
        reader, port_number = placed.name.split("_")
        assert f"gan2hls::ring<config_queue_{port_number}>(ring_{placed.name}, " in files[f"layers/{reader}.hpp"]
    assert files["unet0.cpp"].count("mode=ap_ctrl_chain") == 2 and "ap_ctrl_none" not in files["unet0.cpp"]
    slowest = max(program.cycles for program in ring_programs(made).values())
    assert hls_interval(made) >= slowest
    on_chip = emit_hls(replace(made, off_chip={}))
    assert "lib/ring.hpp" in files and "lib/ring.hpp" not in on_chip
