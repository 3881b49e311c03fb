"""Weights in external memory without their empty blocks: RTL == C++ == golden model, clocks, bytes on the bus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding, LinearEngine, OffChip
from gan2hls.hardware.cycles import estimate
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry
from gan2hls.verify import csim, run_rtl
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_ports import write_project
from tests.cosim.test_rtl_skip import flip, visited_blocks
from tests.randomized import (
    block_mask,
    chain,
    conv,
    conv_transpose,
    dense,
    design,
    linear_layer,
    random_inputs,
    random_weights,
)
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

INT8 = QuantType(IntType(8, signed=True), 1.0, 3)

#: Geometry, folding, and the heights of bands that are tried.
KINDS: dict[str, tuple[LinearGeometry, Folding, tuple[int, int]]] = {
    "dense": (dense(24, 32), Folding(4, 2, 2), (1, 1)),
    "conv": (conv((6, 6), 8, 12), Folding(2, 4, 1), (1, 6)),
    "conv_transpose": (conv_transpose((3, 4), 8, 12), Folding(3, 2, 3), (2, 6)),
    "groups": (conv_transpose((3, 3), 8, 8, k=3, op=1, groups=2), Folding(2, 4, 1), (3, 6)),
    "holes": (conv_transpose((3, 3), 6, 8, k=1, s=2, p=0), Folding(4, 3, 2), (1, 3)),
}


def sparse(
    kind: str, empty: float, band: int, *, codec: str = "raw", bus: int = 64, decoders: int = 0, seed: int = 0
) -> Design:
    """One layer whose blocks are empty with probability ``empty``, and an output fold that is empty altogether."""
    geometry, folding, bands = KINDS[kind]
    rng = np.random.default_rng(seed)
    values = random_weights(rng, geometry.weight_shape, codec, 5) * block_mask(
        rng, geometry.weight_shape, (folding.pe, folding.simd), empty
    )
    if empty:
        fold = int(rng.integers(1, geometry.out_channels // folding.pe))
        values[:, fold * folding.pe : (fold + 1) * folding.pe] = 0
    layer = linear_layer(rng, "l0", "z", geometry, INT8, codec=codec, values=values)
    model = chain(f"{kind}{int(100 * empty)}", geometry.in_shape, INT8, (layer,))
    return design(model, (folding,), skip=["l0"], off_chip={"l0": OffChip(bands[band], bus, decoders)}, extra_rows=3)


def check(made: Design, folder: Path) -> Bench:
    """Run at full pace, with waits everywhere, and through resets amid bursts; count steps, clocks and beats."""
    bench = Bench(made, folder)
    assert lint(made, folder / "rtl") == ""
    bench.run(3, seed=1, idle=40, stall=40, memory=(60, 50))
    bench.run(2, seed=2, stall=10, memory=(3, 20), reset_at=111)
    bench.run(2, seed=3, idle=10, memory=(90, 0), reset_at=57)
    counted = bench.run(4)
    for engine in made.engines:
        assert isinstance(engine, LinearEngine)
        name = engine.layer.name
        assert (counted.executed[name] // 4, counted.rested[name] // 4) == visited_blocks(engine)
    return bench


def check_c(made: Design, folder: Path) -> None:
    """Simulate the C++."""
    result = check_csim(
        write_hls(made, folder), made, random_inputs(np.random.default_rng(0), made.model, 3), folder / "work"
    )
    assert (result.status, result.mismatches) == ("passed", 0), result


SPARSITIES = sampled((0.0, 0.5, 0.8, 0.95), (0.95,))


@pytest.mark.parametrize("empty", SPARSITIES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_sparsity(kind: str, empty: float, tmp_path: Path) -> None:
    check(sparse(kind, empty, int(10 * empty) % 2, seed=int(100 * empty)), tmp_path)


@pytest.mark.parametrize("empty", SPARSITIES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_sparsity_in_c(kind: str, empty: float, tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    check_c(sparse(kind, empty, int(10 * empty) % 2, seed=int(100 * empty)), tmp_path)


@pytest.mark.parametrize(
    ("kind", "codec", "bus", "decoders"),
    sampled(
        [
            ("conv_transpose", "ternary", 32, 0),
            ("conv", "codebook", 128, 0),
            ("dense", "raw", 256, 0),
            ("groups", "codebook", 32, 2),
            ("conv", "raw", 64, 2),
            ("conv_transpose", "ternary", 64, 1),
        ],
        (("conv_transpose", "ternary", 32, 0), ("groups", "codebook", 32, 2)),
    ),
)
def test_codecs_and_entropy_codes(kind: str, codec: str, bus: int, decoders: int, tmp_path: Path) -> None:
    """Words wider than a beat and many in a beat; a number of words that fills none, decoders of their symbols."""
    made = sparse(kind, 0.6, 1, codec=codec, bus=bus, decoders=decoders, seed=3)
    (engine,) = made.engines
    assert isinstance(engine, LinearEngine) and (engine.huffman is not None) == (decoders > 0)
    check(made, tmp_path)


@pytest.mark.parametrize("decoders", [0, 2])
def test_bytes_on_the_bus_are_those_of_the_blocks_that_are_left(decoders: int, tmp_path: Path) -> None:
    made = sparse("conv", 0.8, 0, decoders=decoders)
    (engine,) = made.engines
    assert isinstance(engine, LinearEngine) and engine.skip is not None and made.memory is not None
    stored = -(-len(engine.skip.kept) * engine.bus_word_bits // 64) * 8
    assert engine.pass_bytes == stored if not decoders else engine.pass_bytes < stored
    bench, memory = Bench(made, tmp_path), made.memory
    few, many = (bench.run(frames).memory_beats for frames in (4, 44))
    assert memory.frame_bytes == engine.bands.count * engine.pass_bytes
    ahead = len(memory.regions) * memory.queue_beats + sum(2 * region.beats for region in memory.regions)
    assert abs(many - few - 40 * memory.frame_bytes // 8) <= ahead < 4 * memory.frame_bytes // 8


@pytest.mark.parametrize(
    "geometry",
    [
        pytest.param(conv_transpose((8, 8), 64, 32), id="conv_transpose"),
        pytest.param(conv((8, 8), 64, 32), id="conv", marks=pytest.mark.exhaustive),
    ],
)
def test_four_of_five_blocks_empty_is_four_times_as_fast(geometry: LinearGeometry, tmp_path: Path) -> None:
    """Clocks of the cycle model exactly: a step for each block that is left, one for each vector without any."""
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8, empty=0.8, block=(4, 4))
    model, folding = chain("fast", geometry.in_shape, INT8, (layer,)), Folding(4, 4, 1)
    away = {"l0": OffChip(len(geometry.y.outputs), 64)}
    every, some = (design(model, (folding,), extra_rows=8, skip=names, off_chip=away) for names in ([], ["l0"]))
    bench = check(some, tmp_path)
    assert bench.interval(4) == estimate(some).interval <= 1.02 * some.engines[0].mac_cycles
    assert estimate(every).interval >= 4 * estimate(some).interval


@pytest.mark.parametrize("memory", ["tiles", "pairs", "runs", "displacement"])
def test_a_flipped_bit_of_the_program_is_found(memory: str, tmp_path: Path) -> None:
    """Of the last word: of the words of the last tile, of the runs of the last fold, of the last block."""
    bench = Bench(sparse("conv", 0.5, 1, seed=1), tmp_path)
    bench.run(3)
    flip(bench, f"l0_{memory}", -1, 0, "l0")


def test_a_changed_word_of_the_image_is_found(tmp_path: Path) -> None:
    bench = Bench(sparse("conv_transpose", 0.8, 0), tmp_path)
    image = bytearray((tmp_path / "memory.image").read_bytes())
    image[0] ^= 0x10
    (tmp_path / "memory.image").write_bytes(image)
    with pytest.raises(AssertionError, match="l0: "):
        bench.run(2)


def test_bench_of_a_project(tmp_path: Path) -> None:
    """The steps that it counts are those of the blocks that are left, and its clocks those of the estimate."""
    pytest.importorskip("cocotb")
    made = sparse("conv_transpose", 0.8, 1)
    write_project(made, tmp_path, frames=2)
    (tmp_path / "memory").mkdir()
    assert made.memory is not None
    (tmp_path / "memory" / "memory.image").write_bytes(made.memory.image())
    result = run_rtl(tmp_path, made, tmp_path / "work")
    assert result.status == "passed", result.reason
    assert result.measurements.interval_cycles == estimate(made).interval
    assert result.measurements.executed_steps == {"l0": visited_blocks(made.engines[0])[0]}


@pytest.mark.parametrize("kind", sampled(["conv_transpose", "groups"], 1))
def test_exact_widths_and_flat_region(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, "-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT"))
    check_c(sparse(kind, 0.8, 0, seed=5), tmp_path)
    check_c(sparse(kind, 0.5, 1, codec="ternary", decoders=2, seed=6), tmp_path / "coded")
