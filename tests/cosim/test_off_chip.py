"""Weights in external memory: RTL == golden model, pace, bytes on the bus, and faults of the memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import CODECS
from gan2hls.hardware import Design, OffChip, estimate, legal_band_rows, tap_loop, waits_for_bands
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.numbers import IntType, QuantType
from gan2hls.verify import run_rtl
from gan2hls.verify.bench import run_bench
from tests.cosim.hls_chains import random_design
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_ports import write_project
from tests.cosim.test_rtl_codecs import coded_design
from tests.cosim.test_rtl_engines import signal_design
from tests.randomized import coded_chain, design, random_off_chip, tiny_design
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

INT8 = QuantType(IntType(8, signed=True), 1.0, 3)


def off_chip(made: Design, away: dict[str, OffChip], extra_rows: int = 2) -> Design:
    """Return ``made`` with the weights of some layers in external memory."""
    return design(made.model, [engine.folding for engine in made.engines], off_chip=away, extra_rows=extra_rows)


def check(bench: Bench) -> None:
    """Run at full pace, with waits everywhere, and through resets while bursts are on their way."""
    bench.check_cycles()
    bench.run(3, seed=1, idle=40, stall=40, memory=(60, 50))
    bench.run(2, seed=2, stall=10, memory=(3, 20), reset_at=211)
    bench.run(2, seed=3, idle=10, memory=(90, 0), reset_at=97)


@pytest.mark.parametrize(
    "away",
    [
        {"l0_dense": OffChip(1, 64), "l1_conv_transpose": OffChip(4, 64), "l2_conv": OffChip(1, 64)},
        {"l1_conv_transpose": OffChip(2, 32)},
    ],
    ids=["all", "one"],
)
def test_pace_is_that_of_macs_or_of_the_port(away: dict[str, OffChip], tmp_path: Path) -> None:
    made = off_chip(tiny_design(), away)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)
    assert made.memory is not None
    assert estimate(made).interval <= 1.02 * max(made.interval_limit, made.memory.read_cycles)


@pytest.mark.parametrize("memory_latency", [1, 40])
def test_cycles_behind_a_memory_of_any_latency(memory_latency: int, tmp_path: Path) -> None:
    """Three engines on a port that carries a frame in more clocks than its MACs take."""
    names = [engine.layer.name for engine in tiny_design().engines]
    made = off_chip(tiny_design(), {name: OffChip(1, 32) for name in names})
    assert made.memory is not None and made.memory.read_cycles > made.interval_limit
    Bench(made, tmp_path).check_cycles(memory_latency)


@pytest.mark.parametrize("seed", sampled([7, 12, 20, 28], 1))
def test_pixels_without_taps_and_rows_in_turns(seed: int, tmp_path: Path) -> None:
    """Engines of any geometry, groups, tables and requantizers, at the pace of their MACs or of the memory."""
    made = random_off_chip(np.random.default_rng(seed), random_design(seed, layers=6), 256, part=1.0)
    engines = [e for e in made.engines if isinstance(e, LinearEngine) and e.off_chip is not None]
    assert any(e.fills for e in engines) and any(e.row_phases > 1 for e in engines)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize("band_rows", sampled([1, 5, 10], 2))
def test_taps_of_a_signal_are_gone_round_from_band_to_band(band_rows: int, tmp_path: Path) -> None:
    """A round and a band begin and end anywhere; each fold of a band begins with the round of its first row."""
    made = signal_design()
    made = off_chip(made, {engine.layer.name: OffChip(band_rows, 64) for engine in made.engines})
    engines = [engine for engine in made.engines if isinstance(engine, LinearEngine)]
    loops = [tap_loop(engine) for engine in engines]
    assert all(loop is not None for loop in loops[:2]) and {engine.co_folds for engine in engines} == {1, 2, 4}
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


def test_codecs(tmp_path: Path) -> None:
    made = coded_design(0)
    engines = [e for e in made.engines if isinstance(e, LinearEngine)]
    assert {e.weights.codec for e in engines} <= set(CODECS)
    away = {e.layer.name: OffChip(legal_band_rows(e.geometry)[-1], 64) for e in engines}
    check(Bench(off_chip(made, away), tmp_path))


def test_bytes_on_the_bus_are_those_of_the_image(tmp_path: Path) -> None:
    made = off_chip(tiny_design(), {"l0_dense": OffChip(1, 64), "l2_conv": OffChip(2, 64)})
    memory, bench = made.memory, Bench(made, tmp_path)
    assert memory is not None
    few, many = (bench.run(frames).memory_beats for frames in (4, 24))
    wanted = 20 * memory.frame_bytes * 8 // memory.bus_bits
    ahead = len(memory.regions) * memory.queue_beats + sum(2 * region.beats for region in memory.regions)
    assert abs(many - few - wanted) <= ahead


@pytest.mark.parametrize(("decoders", "phrase", "bus"), sampled([(1, 8, 32), (4, 32, 128)], 1))
def test_pruned_weights_cross_the_bus_as_runs_of_zeros(decoders: int, phrase: int, bus: int, tmp_path: Path) -> None:
    """Every codec, nine of ten weights zeros: as many bytes as the encoder made, at the pace of the slowest engine."""
    made = prefetching(coded_chain(np.random.default_rng(decoders), bus, decoders, phrase, empty=0.9))
    memory, bench = made.memory, Bench(made, tmp_path)
    assert memory is not None and lint(made, tmp_path / "rtl") == ""
    coded = [engine.huffman for engine in memory.engines if engine.huffman is not None]
    assert len(coded) == 4 and all(found.phrases.most == phrase for found in coded)
    streams = [(bits.size, engine.bands.count) for engine, found in zip(memory.engines, coded, strict=True)
               for bits in found.streams]  # fmt: skip
    frame = sum(passes * -(-bits // bus) for bits, passes in streams)
    few, many = (bench.run(frames).memory_beats for frames in (4, 44))
    ahead = len(memory.regions) * memory.queue_beats + sum(2 * region.beats for region in memory.regions)
    assert abs(many - few - 40 * frame) <= ahead < 20 * frame
    check(bench)
    assert bench.interval() == estimate(made).interval == max(engine.interval for engine in made.engines)


def prefetching(made: Design) -> Design:
    """``made`` without an engine in which a band waits for the one before it, as some that are drawn do."""
    engines = []
    for engine in made.engines:
        if isinstance(engine, LinearEngine) and engine.off_chip is not None:
            away = replace(engine.off_chip, banks=2)
            engine = replace(engine, off_chip=away, rows=max(engine.rows, engine.bands.buffer_rows))
        engines.append(engine)
    assert not any(map(waits_for_bands, engines))
    return replace(made, engines=tuple(engines))


@pytest.mark.parametrize("error_at", [1, 200])
def test_a_read_error_is_told_and_nothing_wrong_leaves(error_at: int, tmp_path: Path) -> None:
    made = off_chip(tiny_design(), {"l0_dense": OffChip(1, 64), "l1_conv_transpose": OffChip(4, 64)})
    beats, told = Bench(made, tmp_path).beats_before_error(error_at)
    assert told > 0
    assert beats < 2 * made.outputs[0].beats


def test_a_changed_image_is_found(tmp_path: Path) -> None:
    made = off_chip(tiny_design(), {"l1_conv_transpose": OffChip(4, 64)})
    bench = Bench(made, tmp_path)
    image = bytearray((tmp_path / "memory.image").read_bytes())
    image[100] ^= 0x40
    (tmp_path / "memory.image").write_bytes(image)
    with pytest.raises(AssertionError, match="l1_conv_transpose: beat"):
        bench.run(2)


def test_bench_of_a_project(tmp_path: Path) -> None:
    pytest.importorskip("cocotb")
    made = off_chip(tiny_design(), {"l0_dense": OffChip(1, 64), "l2_conv": OffChip(2, 64)})
    write_project(made, tmp_path, frames=2)
    image = tmp_path / "memory" / "memory.image"
    image.parent.mkdir()
    assert made.memory is not None
    image.write_bytes(made.memory.image())
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert result.status == "passed", result.reason
    found = result.measurements
    assert (found.latency_cycles, found.interval_cycles) == (estimate(made).latency, estimate(made).interval)
    wrong = bytearray(image.read_bytes())
    wrong[2] ^= 0x40
    image.write_bytes(wrong)
    result = run_bench(tmp_path, "rtl", tmp_path / "work", tests=("idle",), reuse=True)
    assert result.status == "failed" and "l0_dense" in str(result.first_mismatch)
