"""Queues and maps in external memory: RTL == golden model behind memories of any latency, and faults of theirs.

What the C++ makes of them stands in ``test_hls_rings``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, OffChip, estimate, make_engine
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.verify import run_rtl
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_ports import write_project
from tests.random_integer_graphs import maps_away, norm_design, random_graph_design, u_net_design
from tests.randomized import random_inputs
from tests.sampling import sampled

pytestmark = pytest.mark.cosim


def check(bench: Bench) -> None:
    """Run at full pace, with waits everywhere, with full rings, and through resets while bursts are on their way."""
    for latency in (1, 23):
        bench.check_cycles(latency)
    bench.run(3, seed=1, idle=40, stall=40, memory=(60, 50))
    bench.run(3, seed=4, stall=90)
    for reset_at in (61, 152, 243, 700):
        bench.run(2, seed=2, stall=10, memory=(reset_at % 40, 20), reset_at=reset_at)


@pytest.mark.parametrize(("bus_bits", "size"), sampled([(32, 8), (128, 16), (64, 16)], 1))
def test_skips_of_a_u_net(bus_bits: int, size: int, tmp_path: Path) -> None:
    """Words of 20 to 40 bits: several of them share a beat, or one takes several."""
    here = u_net_design(0, size)
    made = maps_away(here, bus_bits)
    assert made.memory is not None and not made.has_image
    assert len(made.memory.rings) == sum(edge.depth > 0 for edge in made.edges)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)
    assert estimate(made).interval == estimate(here).interval


@pytest.mark.parametrize(("shape", "groups", "lanes"), [((29, 29, 2), 2, 2), ((16, 48, 6), 1, 3), ((16, 16, 8), 8, 8)])
def test_map_of_a_normalization(shape: tuple[int, int, int], groups: int, lanes: int, tmp_path: Path) -> None:
    """29 x 29 words fill no whole bursts: the last one of each frame is short."""
    here = norm_design(shape, groups, lanes)
    made = maps_away(here, 64)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)
    assert (estimate(made).latency, estimate(made).interval) == (estimate(here).latency, estimate(here).interval)


@pytest.mark.parametrize("seed", sampled([2, 25], 1))
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    """Queues of two words and maps of a few beats: bursts of one beat, and more statistics than maps; in C++, too."""
    pytest.importorskip("hls4ml")
    made = maps_away(random_graph_design(seed, norms=True), (32, 64)[seed % 2])
    codes = random_inputs(np.random.default_rng(0), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def test_weights_and_maps_share_a_port(tmp_path: Path) -> None:
    made = maps_away(u_net_design(1, 8), 64)
    engines = tuple(
        make_engine(e.layer, e.folding, off_chip=OffChip(1, 64)) if isinstance(e, LinearEngine) and n in (1, 3) else e
        for n, e in enumerate(made.engines)
    )
    made = replace(made, engines=engines)
    assert made.memory is not None and made.has_image and made.memory.rings[0].offset >= made.memory.size
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def test_beats_are_those_of_the_rings(tmp_path: Path) -> None:
    made = maps_away(u_net_design(0, 8), 64)
    assert made.memory is not None
    bench, counts = Bench(made, tmp_path), []
    for frames in (2, 6):
        read = bench.run(frames).memory_beats
        counts.append((read, int((tmp_path / "memory.txt").read_text().split()[2])))
    wanted = 4 * made.memory.ring_bytes * 8 // 64
    assert [many - few for few, many in zip(*counts, strict=True)] == [wanted, wanted]


@pytest.mark.parametrize("error_at", sampled([1, 2, 3, 40, 41, 42], (1, 40, 42)))
def test_an_error_is_told_and_nothing_wrong_leaves(error_at: int, u_net_bench: Bench) -> None:
    """Errors of reads and of writes."""
    beats, told = u_net_bench.beats_before_error(error_at)
    assert told > 0
    assert beats < 2 * u_net_bench.design.outputs[0].beats


@pytest.fixture(scope="module")
def u_net_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(maps_away(u_net_design(0, 8), 64), tmp_path_factory.mktemp("u_net"))


@pytest.mark.parametrize(
    "make", [lambda: u_net_design(0, 8), lambda: random_graph_design(25, norms=True)], ids=["u_net", "graph"]
)
def test_bench_of_a_project(make: Callable[[], Design], tmp_path: Path) -> None:
    """Its memory takes what is written at once, of 17 rings too, and its first input comes when the estimate has it."""
    pytest.importorskip("cocotb")
    made = maps_away(make(), 64)
    write_project(made, tmp_path, frames=2)
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert result.status == "passed", result.reason
    assert result.measurements.interval_cycles == estimate(made).interval
    assert result.measurements.latency_cycles == estimate(made).latency
