"""Random designs with external memory: golden model, C simulation and RTL of one and the same are equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding, LinearEngine
from gan2hls.model import IntLayer
from gan2hls.numbers.numerics import QuantType
from gan2hls.verify.csim import check_csim
from tests.cosim.hls_chains import random_folding, random_geometry, random_type, write_hls
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_rtl_skip import can_skip, emptied
from tests.random_integer_graphs import maps_away, random_graph_design
from tests.randomized import Rng, chain, design, linear_layer, random_inputs, random_off_chip
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

MOST_LANES = 60
#: Those of blocks have a test of their own (``test_off_chip_blocks.py``).
CODECS = ("raw", "binary", "ternary", "codebook")


def campaign(seed: int, depth: int = 2) -> Design:
    """A chain of random geometry, types, codecs, foldings, bands and rows; a random port, entropy code and decoders.

    Every other code is of runs of zeros.
    """
    rng = np.random.default_rng(seed)
    phrase = int(np.random.default_rng((seed, 1)).choice([1, 1, 1, 2, 5, 32]))
    bus, decoders = int(rng.choice([32, 64, 128, 256])), int(rng.choice([0, 0, 1, 2, 4]))
    count, kind = int(rng.integers(6, 60)), random_type(rng)
    shape, input_type, layers = (1, 1, count), kind, []
    for n in range(depth):
        layers.append(random_layer(rng, f"l{n}", count, kind))
        count, kind = int(np.prod(layers[-1].shape)), layers[-1].output_type
    model = chain(f"campaign{seed}", shape, input_type, layers)
    made = design(model, [small_folding(rng, layer) for layer in layers])
    return random_off_chip(rng, made, bus, 0.9, decoders, phrase)


def sparse_campaign(seed: int) -> Design:
    """Such a chain with zeros in half to nearly all blocks of each layer, whose engines skip them where they can."""
    rng = np.random.default_rng(seed)
    bus, decoders = int(rng.choice([32, 64, 128])), int(rng.choice([0, 0, 2]))
    model = campaign(seed).model
    foldings = [small_folding(rng, layer) for layer in model.layers]
    layers = tuple(emptied(rng, layer, fold) for layer, fold in zip(model.layers, foldings, strict=True))
    skip = [layer.name for layer, fold in zip(layers, foldings, strict=True) if can_skip(layer, fold)]
    made = design(replace(model, name=f"sparse{seed}", layers=layers), foldings, skip=skip)
    return random_off_chip(rng, made, bus, 1.0, decoders)


def random_layer(rng: Rng, name: str, count: int, kind: QuantType) -> IntLayer:
    """A linear layer whose weights any codec but that of blocks carries, every other time with many zeros."""
    geometry = random_geometry(rng, count)
    codec = str(rng.choice(CODECS))
    return linear_layer(
        rng, name, "z", geometry, kind, out=random_type(rng), pieces=int(rng.integers(1, 3)),
        table_bits=int(rng.choice([0, 0, 7])), weight_bits=int(rng.choice([1, 2, 3, 5, 8, 13])), codec=codec,
        books=int(rng.choice([1, geometry.out_channels])), empty=float(rng.choice([0.0, 0.8])),
    )  # fmt: skip


def small_folding(rng: Rng, layer: IntLayer) -> Folding:
    """Any legal folding of few lanes."""
    while True:
        folding = random_folding(rng, layer)
        if folding.pe * folding.simd <= MOST_LANES:
            return folding


def check(made: Design, folder: Path, seed: int) -> None:
    """Run the C++, and the RTL at full pace, with waits everywhere, and through a reset amid bursts."""
    rng = np.random.default_rng(seed)
    codes = random_inputs(np.random.default_rng(0), made.model, 3)
    result = check_csim(write_hls(made, folder), made, codes, folder / "work")
    assert (result.status, result.mismatches) == ("passed", 0), result
    bench = Bench(made, folder)
    assert lint(made, folder / "rtl") == ""
    bench.check_cycles(int(rng.integers(0, 60)))
    bench.run(3, seed=1, idle=40, stall=40, memory=(int(rng.integers(0, 100)), int(rng.integers(0, 70))))
    bench.run(2, seed=2, idle=10, stall=10, memory=(int(rng.integers(0, 100)), 20), reset_at=int(rng.integers(20, 400)))


SEEDS = (5, 17, 25, 26, 50, 6, 11, 43)


@pytest.mark.parametrize("seed", sampled(SEEDS, 1))
def test_random_designs(seed: int, tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    check(campaign(seed), tmp_path, seed)


@pytest.mark.parametrize("seed", sampled([9], 0))
def test_random_graphs_with_weights_and_maps(seed: int, tmp_path: Path) -> None:
    """Branches and normalizations: rings behind the image, processes side by side at the emitted depths."""
    pytest.importorskip("hls4ml")
    bus = (32, 64, 128)[seed % 3]
    made = random_off_chip(np.random.default_rng(seed), random_graph_design(seed, norms=True), bus, 0.9)
    made = maps_away(made, bus)
    assert made.memory is not None and made.memory.regions
    assert {ring.about.startswith("map of ") for ring in made.memory.rings} == {True, False}
    check(made, tmp_path, seed)
    assert (tmp_path / "work" / "bounded").exists()


SPARSE = (8, 13, 20, 10, 27, 36)


@pytest.mark.parametrize("seed", sampled(SPARSE, 1))
def test_random_designs_that_skip_empty_blocks(seed: int, tmp_path: Path) -> None:
    pytest.importorskip("hls4ml")
    check(sparse_campaign(seed), tmp_path, seed)


def test_the_sparse_seeds_draw_every_kind() -> None:
    found = (engine for seed in SPARSE for engine in sparse_campaign(seed).engines)
    skipping = [e for e in found if isinstance(e, LinearEngine) and e.skip is not None and e.off_chip is not None]
    assert {engine.weights.codec for engine in skipping} == set(CODECS)
    assert {engine.huffman is not None for engine in skipping} == {True, False}
    assert {engine.bands.count > 1 for engine in skipping} == {True, False}
    assert any(0 in engine.tiles.sizes for engine in skipping), "an output fold without any weights"
    assert any(engine.mac_steps < engine.mac_cycles for engine in skipping), "vectors without any"
    assert any(engine.geometry.groups > 1 for engine in skipping)
    assert any(engine.tiles.words > engine.blocks for engine in skipping), "a last beat that is filled"


def test_the_seeds_draw_every_kind() -> None:
    memories = (campaign(seed).memory for seed in SEEDS)
    engines = [engine for memory in memories if memory is not None for engine in memory.engines]
    ports = [engine.off_chip for engine in engines if engine.off_chip is not None]
    assert {engine.weights.codec for engine in engines} == set(CODECS)
    assert {engine.weights.parameters.get("dense", 0) for engine in engines} == {0, 1}
    assert {port.bus_bits for port in ports} == {32, 64, 128, 256}
    assert {0, 1, 2} <= {port.decoders for port in ports}
    assert {1, 5, 32} <= {port.phrase_symbols for port in ports if port.decoders}
    assert any(engine.bands.count > 1 for engine in engines if engine.huffman and engine.huffman.phrases.most > 1)
    assert {engine.geometry.groups > 1 for engine in engines} == {True, False}
    assert {engine.bands.count > 1 for engine in engines} == {True, False}
