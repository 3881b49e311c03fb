"""Block-scaled weights in external memory: each word has the factors of its lanes above its codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs import decode, encode
from gan2hls.hardware import Design, LinearEngine, Target, schedule
from gan2hls.numbers import IntType, QuantType
from gan2hls.verify import csim
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import QUICK, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_off_chip import check
from tests.cosim.test_rtl_codecs import scaled_design
from tests.randomized import chain, dense, linear_layer, random_inputs, random_off_chip
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

#: No block empty; or some, and more of every other layer.
EMPTY = ((), (0.3, 0.8))


def blocks_design(empty: tuple[float, ...], bus_bits: int) -> Design:
    """Eight engines of blocks of 1 to 12 input channels, with zero points and without, all weights off chip."""
    return random_off_chip(np.random.default_rng(bus_bits), scaled_design(empty), bus_bits, part=1.0)


def engines(made: Design) -> list[LinearEngine]:
    """Those with weights off chip."""
    return [engine for engine in made.engines if isinstance(engine, LinearEngine) and engine.off_chip is not None]


@pytest.mark.parametrize(("empty", "bus_bits"), sampled([(EMPTY[0], 64), (EMPTY[1], 32)], 1))
def test_rtl(empty: tuple[float, ...], bus_bits: int, tmp_path: Path) -> None:
    made = blocks_design(empty, bus_bits)
    assert len(engines(made)) == 8 and any(engine.skip is not None for engine in engines(made)) == bool(empty)
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize(
    ("empty", "flags"), sampled([(EMPTY[0], ()), (EMPTY[1], ("-DGAN2HLS_EXACT_WIDTHS", "-DGAN2HLS_FLAT"))], 1)
)
def test_csim(
    empty: tuple[float, ...], flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hls4ml")
    monkeypatch.setattr(csim, "FLAGS", (*QUICK, *flags))
    made = blocks_design(empty, 64)
    codes = random_inputs(np.random.default_rng(6), made.model, 3)
    result = check_csim(write_hls(made, tmp_path), made, codes, tmp_path / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result


def test_words_hold_codes_and_factors() -> None:
    """As many bits as they are estimated to have before weights are laid out; no memory of factors is left."""
    offsets = set()
    for engine in engines(blocks_design((), 64)):
        pe, simd = engine.folding.pe, engine.folding.simd
        (memory,), p = engine.weights.memories, engine.weights.parameters
        assert (p["factor_words"], p["factor_shift"]) == (0, 0)
        groups, entry = pe * simd // p["factor_lanes"], p["factor_bits"] + p["offset_bits"]
        assert memory.width_bits == pe * simd * p["code_bits"] + groups * entry
        draft = LinearEngine(engine.layer, engine.folding, engine.rows, off_chip=engine.off_chip)
        assert draft.weight_word_bits == engine.weight_word_bits == memory.width_bits
        assert np.array_equal(decode(engine.weights), engine.weight.values)
        plain = encode(engine.weight, pe, simd)
        assert np.array_equal(decode(plain), engine.weight.values) and len(plain.memories) == 2
        offsets.add(p["offset_bits"] > 0)
    assert offsets == {True, False}


def test_a_layer_that_block_ram_does_not_hold() -> None:
    """The weights of 2.3 Mbit with their factors go off chip on a part of 0.9 Mbit of block RAM."""
    rng, kind = np.random.default_rng(0), QuantType(IntType(8, signed=True), 1.0)
    layer = linear_layer(rng, "l0", "z", dense(512, 1024), kind, out=kind, codec="blockscale", scaled=32)
    made = schedule(chain("large", (1, 1, 512), kind, (layer,)), Target("xc7a15tcpg236-1"), {})
    (engine,) = engines(made)
    assert engine.weights.codec == "blockscale" and made.memory is not None
    assert made.memory.size >= engine.weights.formula.codes // 8
