"""Engines that skip empty blocks in the emitted RTL: any geometry, exact clocks, memories that matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.codecs.base import unpack
from gan2hls.hardware import Design, EngineDesign, Folding, LinearEngine
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.skip import occupancy
from gan2hls.model.integer import IntLayer
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.taps import LinearGeometry
from tests.cosim.hls_chains import random_design, random_folding, random_rows
from tests.cosim.rtl_bench import Bench, lint
from tests.cosim.test_rtl_codecs import coded_layer
from tests.randomized import Rng, block_mask, chain, conv, conv_transpose, dense, design, linear_layer, pointwise_layer
from tests.sampling import sampled

pytestmark = pytest.mark.cosim

INT8 = QuantType(IntType(8, signed=True), 1.0)


def sparse_random_design(seed: int) -> Design:
    """A random chain, zeros in half to nearly all blocks; every engine that can skips them."""
    rng = np.random.default_rng(seed)
    plain = random_design(seed, 6).model
    foldings = [random_folding(rng, layer) for layer in plain.layers]
    layers = tuple(emptied(rng, layer, fold) for layer, fold in zip(plain.layers, foldings, strict=True))
    skip = [layer.name for layer, fold in zip(layers, foldings, strict=True) if can_skip(layer, fold)]
    made = design(replace(plain, name=f"sparse{seed}", layers=layers), foldings, skip=skip)
    engines = (replace(e, rows=random_rows(rng, e)) if isinstance(e, LinearEngine) else e for e in made.engines)
    return replace(made, engines=tuple(engines))


def emptied(rng: Rng, layer: IntLayer, folding: Folding) -> IntLayer:
    """Return ``layer`` with zeros in half to nearly all of its blocks."""
    if layer.op.kind == "pointwise":
        return layer
    mask = block_mask(rng, layer.op.weight.values.shape, (folding.pe, folding.simd), float(rng.uniform(0.5, 0.98)))
    weight = replace(layer.op.weight, values=layer.op.weight.values * mask)
    return replace(layer, op=replace(layer.op, weight=weight))


def can_skip(layer: IntLayer, folding: Folding) -> bool:
    """Whether an engine of ``layer`` may skip its empty blocks."""
    if layer.op.kind == "pointwise":
        return False
    found = occupancy(layer.op.geometry, layer.op.weight.values, folding.pe, folding.simd)
    return found is not None and found.executed > 0


def visited_blocks(engine: EngineDesign) -> tuple[int, int]:
    """Return non-empty blocks over all output pixels, and vectors without any, straight from the tap program."""
    geometry, weight, fold = engine.layer.op.geometry, engine.layer.op.weight, engine.folding
    taps, co, ci = weight.values.shape
    blocks = (
        weight.values.reshape(taps, co // fold.pe, fold.pe, ci // fold.simd, fold.simd).any(axis=(2, 4)).sum(axis=2)
    )
    visited = idle = 0
    for rows in filter(None, geometry.y.taps):
        for columns in filter(None, geometry.x.taps):
            tap = [ky * geometry.x.kernel + kx for _, ky in rows for _, kx in columns]
            vectors = blocks[tap].sum(axis=0)
            visited, idle = visited + int(vectors.sum()), idle + int((vectors == 0).sum())
    return visited, idle


def check(bench: Bench, reset_at: int = 300) -> None:
    """Simulate under pauses and reset; steps and clocks must be those of the tap program and the cycle model."""
    for seed, (idle, stall) in enumerate([(50, 50), (80, 10), (10, 80)]):
        bench.run(3, seed=seed, idle=idle, stall=stall)
    bench.run(2, seed=9, idle=20, stall=20, reset_at=reset_at)
    assert bench.measured() == (estimate(bench.design).latency, estimate(bench.design).interval)
    counted = bench.run(2)
    for engine in (e for e in bench.design.engines if isinstance(e, LinearEngine)):
        name = engine.layer.name
        found = (counted.executed[name] // 2, counted.rested[name] // 2)
        assert found == (visited_blocks(engine) if engine.skip else (engine.mac_cycles, 0)), name


@pytest.mark.parametrize("seed", sampled([5, 2], 1))
def test_random_chains(seed: int, tmp_path: Path) -> None:
    made = sparse_random_design(seed)
    assert sum(isinstance(engine, LinearEngine) and engine.skip is not None for engine in made.engines) >= 3
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(600, 606))
def test_more_random_chains(seed: int, tmp_path: Path) -> None:
    check(Bench(sparse_random_design(seed), tmp_path), reset_at=100 + 31 * (seed - 600))


def test_groups_and_vectors_without_blocks(tmp_path: Path) -> None:
    """Groups, depthwise, a kernel that reaches over both borders, and rows of a line buffer that wrap unevenly."""
    rng = np.random.default_rng(1)
    shapes = (
        (conv_transpose((3, 3), 6, 8, k=3, op=1, groups=2), Folding(2, 3, 1), 0.8),
        (conv((6, 6), 8, 8, groups=8), Folding(1, 1, 1), 0.6),
        (conv((6, 6), 8, 4, k=7, p=3, groups=2), Folding(1, 2, 1), 0.95),
        (conv((6, 6), 4, 6, s=2, d=2), Folding(3, 2, 1), 0.5),
    )
    layers = [
        linear_layer(rng, f"l{n}", "z", g, INT8, out=INT8, empty=empty, block=(f.pe, f.simd))
        for n, (g, f, empty) in enumerate(shapes)
    ]
    model = chain("grouped", (3, 3, 6), INT8, layers)
    made = design(model, [f for _, f, _ in shapes], skip=[layer.name for layer in layers])
    assert sum(e.mac_steps < e.mac_cycles for e in made.engines) >= 3
    bench = Bench(made, tmp_path)
    assert lint(made, tmp_path / "rtl") == ""
    check(bench)


@pytest.mark.parametrize(
    ("geometry", "folding"),
    [
        pytest.param(conv((8, 8), 3, 6, k=1, p=0), Folding(3, 3, 3), id="vectors of one block and of none"),
        pytest.param(conv((64, 1), 3, 3, k=1, p=0), Folding(3, 3, 3), id="a row a clock"),
        pytest.param(dense(12, 48), Folding(4, 3, 4), id="dense"),
    ],
)
def test_runs_follow_each_other_every_clock(geometry: LinearGeometry, folding: Folding, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 100, geometry.weight_shape)
    if geometry.out_channels > folding.pe:
        values[:, folding.pe : 2 * folding.pe] = 0
    layer = linear_layer(np.random.default_rng(3), "l0", "z", geometry, INT8, values=values)
    made = design(chain("runs", geometry.in_shape, INT8, (layer,)), (folding,), extra_rows=15, skip=["l0"])
    bench = Bench(made, tmp_path)
    check(bench, reset_at=30)
    assert bench.interval() == made.engines[0].mac_cycles


def test_nothing_waits_for_the_first_run_after_reset(tmp_path: Path) -> None:
    """The shortest way there is from reset to a step that skips: a pointwise head, one input word."""
    rng = np.random.default_rng(0)
    head = pointwise_layer(rng, "head", "z", (1, 1, 2), INT8)
    l0 = linear_layer(rng, "l0", "head", dense(2, 4), head.output_type, empty=0.5)
    model = chain("head", (1, 1, 2), INT8, (head, l0))
    bench = Bench(design(model, (Folding(2, 2, 2), Folding(1, 2, 1)), skip=["l0"]), tmp_path)
    check(bench, reset_at=9)


@pytest.mark.parametrize(
    "geometry",
    [
        pytest.param(conv_transpose((8, 8), 64, 32), id="conv_transpose"),
        pytest.param(conv((8, 8), 64, 32), id="conv", marks=pytest.mark.exhaustive),
        pytest.param(dense(256, 256), id="dense", marks=pytest.mark.exhaustive),
    ],
)
def test_four_of_five_blocks_empty_is_four_and_a_half_times_as_fast(geometry: LinearGeometry, tmp_path: Path) -> None:
    """Counted in the RTL: a step for each block that is not empty, a clock for each vector without any, little else."""
    folding = Folding(4, 4, 1)
    layer = linear_layer(np.random.default_rng(0), "l0", "z", geometry, INT8, empty=0.8, block=(4, 4))
    model = chain("fast", geometry.in_shape, INT8, (layer,))
    every, some = (design(model, (folding,), extra_rows=3, skip=names) for names in ([], ["l0"]))
    bench = Bench(some, tmp_path)
    run = bench.run(2)
    assert (run.executed["l0"], run.rested["l0"]) == tuple(2 * n for n in visited_blocks(some.engines[0]))
    interval = bench.interval(4)
    assert interval <= 1.02 * some.engines[0].mac_cycles
    assert estimate(every).interval >= 4.5 * interval


def mutated_design() -> Design:
    """Engines whose memories are changed one bit at a time."""
    rng = np.random.default_rng(6)
    geometries = (dense(12, 36), conv_transpose((2, 2), 9, 8), conv_transpose((4, 4), 8, 6), conv((8, 8), 6, 6))
    kinds = ("raw", 0, "one"), ("codebook", 7, "group"), ("ternary", 0, "one"), ("binary", 0, "one")
    foldings = Folding(4, 3, 2), Folding(2, 3, 1), Folding(3, 4, 3), Folding(2, 3, 2)
    layers = [
        coded_layer(rng, f"l{n}", g, kind, 2, 0.6, (f.pe, f.simd), (2, 2, 9) if n == 0 else None)
        for n, (g, kind, f) in enumerate(zip(geometries, kinds, foldings, strict=True))
    ]
    model = chain("mutated", (1, 1, 12), INT8, layers)
    return design(model, foldings, skip=["l0", "l1", "l3"])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(mutated_design(), tmp_path_factory.mktemp("mutated"))
    bench.run(3)
    return bench


@pytest.mark.parametrize(
    ("layer", "memory", "bit"),
    [
        ("l0", "weight", 6),
        ("l0", "displacement", 0),
        ("l2", "weight", 0),
        *((layer, memory, 0) for layer in ("l1", "l3") for memory in ("weight", "displacement", "pairs")),
        *((layer, memory, 0) for layer in ("l1", "l3") for memory in ("x_origins", "y_origins")),
    ],
)
def test_a_flipped_bit_is_found_and_its_layer_named(good: Bench, layer: str, memory: str, bit: int) -> None:
    flip(good, f"{layer}_{memory}", -1, bit, layer)


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_a_run_of_another_length_is_found_and_its_layer_named(good: Bench, layer: int) -> None:
    program = good.design.engines[layer].skip
    assert program is not None
    flip(good, f"l{layer}_runs", -1, program.run_bits[0], f"l{layer}")


@pytest.mark.parametrize("fold", range(4))
def test_a_changed_centroid_is_found(good: Bench, fold: int) -> None:
    engine = good.design.engines[1]
    encoded = engine.encoded
    assert encoded is not None and encoded.parameters["table_words"] == 4 and encoded.parameters["tables"] == 1
    bits, count = encoded.parameters["centroid_bits"], encoded.parameters["centroids"]
    indices = unpack(encoded.memories[0].words, encoded.lanes, encoded.parameters["index_bits"], signed=False)
    used = np.unique(indices[encoded.co_fold == fold])
    assert len(used) >= 3 and used.max() < count
    for entry in used.tolist():
        flip(good, "l1_centroid", fold, entry * bits + bits - 1, "l1")


def flip(bench: Bench, memory: str, word: int, bit: int, layer: str) -> None:
    """Flip a bit of a memory: the simulation must find ``layer`` wrong."""
    image = bench.folder / "rtl" / "mem" / f"{memory}.mem"
    before = image.read_text()
    lines = before.split()
    lines[word] = f"{int(lines[word], 16) ^ (1 << bit):0{len(lines[word])}x}"
    image.write_text("\n".join(lines) + "\n")
    try:
        with pytest.raises(AssertionError, match=f"{layer}: "):
            bench.run(3)
    finally:
        image.write_text(before)
