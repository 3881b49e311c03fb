"""Weights in external memory without their empty blocks: tiles, image, what the search makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan2hls.codecs.base import unpack
from gan2hls.flow.saved_design import DESIGN_JSON, dump_design, load_design
from gan2hls.hardware import (
    Design,
    Folding,
    FoldingRequest,
    LinearEngine,
    MemoryPort,
    OffChip,
    Target,
    Tiles,
    Utilization,
    design_resources,
    estimate,
    schedule,
)
from gan2hls.model import IntegerModel
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import LinearGeometry
from tests.randomized import block_mask, chain, conv, conv_transpose, dense, design, linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)


def sparse(geometry: LinearGeometry, block: tuple[int, int], empty: float, fold: int | None = None) -> IntegerModel:
    """A layer of int8 weights, blocks of which are empty, those of one output fold all of them."""
    rng = np.random.default_rng(0)
    values = rng.integers(1, 127, geometry.weight_shape) * block_mask(rng, geometry.weight_shape, block, empty)
    if fold is not None:
        values[:, fold * block[0] : (fold + 1) * block[0]] = 0
    layer = linear_layer(rng, "l0", "z", geometry, INT8, values=values)
    return chain("sparse", geometry.in_shape, INT8, (layer,))


def engine_of(made: Design) -> LinearEngine:
    (engine,) = made.engines
    assert isinstance(engine, LinearEngine)
    return engine


def test_any_two_neighbours_are_held_and_the_last_beat_is_filled() -> None:
    tiles = Tiles((3, 0, 5, 2))
    assert (tiles.words, tiles.ends, tiles.held) == (10, (3, 3, 8, 10), 7)
    assert Tiles((4,)).held == 8, "the next pass begins with the same tile"
    assert Tiles((6, 1, 1)).held == 7, "the first one stands behind the last"
    assert tiles.filled(4).sizes == (3, 0, 5, 4) and tiles.filled(5) == tiles == tiles.filled(1)


@pytest.mark.parametrize("bus_bits", [32, 64, 256])
@pytest.mark.parametrize(
    ("geometry", "folding"),
    [
        (conv((5, 5), 8, 12), Folding(4, 2, 1)),
        (conv_transpose((3, 3), 6, 8), Folding(2, 3, 1)),
        (dense(24, 32), Folding(8, 2, 1)),
    ],
)
def test_the_image_holds_the_blocks_that_are_left_fold_by_fold(
    geometry: LinearGeometry, folding: Folding, bus_bits: int
) -> None:
    pe, simd = folding.pe, folding.simd
    model = sparse(geometry, (pe, simd), 0.7, fold=1)
    engine = engine_of(design(model, (folding,), skip=["l0"], off_chip={"l0": OffChip(1, bus_bits)}))
    values = engine.weight.values
    wanted = []  # of each fold the blocks that are not empty, whichever way round taps stand
    for fold in range(engine.co_folds):
        rows = values[:, fold * pe : (fold + 1) * pe].transpose(0, 2, 1).reshape(len(values), -1, simd, pe)
        wanted.append(sorted(block.T.ravel().tolist() for block in rows.reshape(-1, simd, pe) if block.any()))
    (content,) = engine.stream_contents()
    assert len(content) * 8 % bus_bits == 0 and len(content) == engine.pass_bytes
    width, bits = engine.bus_word_bits, engine.weights.parameters["code_bits"]
    limbs = np.frombuffer(content, np.uint8).reshape(-1, width // 8)
    words = np.zeros((len(limbs), -(-limbs.shape[1] // 8) * 8), np.uint8)
    words[:, : limbs.shape[1]] = limbs
    codes = (
        unpack(words.view("<u8").astype(np.uint64), pe * simd, bits, signed=False) + engine.weights.parameters["base"]
    )
    assert [len(blocks) for blocks in wanted[:-1]] == list(engine.tiles.sizes[:-1]) and wanted[1] == []
    at = 0
    for blocks in wanted:
        assert sorted(codes[at : at + len(blocks)].tolist()) == blocks
        at += len(blocks)
    assert at == engine.blocks <= len(words) == engine.tiles.words < at + max(1, bus_bits // width)
    assert not limbs[at:].any(), "what fills the last beat"


def test_a_pass_of_wide_words_is_as_long_as_its_blocks() -> None:
    """Four in five empty: a fifth of the bytes, and a fifth of the clocks but for vectors without any."""
    model = sparse(conv((8, 8), 64, 32), (4, 4), 0.8)
    away = {"l0": OffChip(8, 64)}
    every, some = (engine_of(design(model, (Folding(4, 4, 1),), skip=names, off_chip=away)) for names in ([], ["l0"]))
    full = int(np.count_nonzero(every.weight.values.reshape(9, 8, 4, 16, 4).any(axis=(2, 4))))
    assert some.pass_bytes == 16 * full < 0.25 * every.pass_bytes
    assert some.bus_beats == 2 * full and some.bands.count == 1
    assert some.mac_steps < 0.25 * every.mac_steps


def target(**memory: object) -> Target:
    return Target(memory=replace(MemoryPort(), **memory))  # type: ignore[arg-type]


def test_the_search_skips_where_blocks_are_empty_and_not_where_they_are_full() -> None:
    pinned = {"l0": FoldingRequest(pe=4, simd=4)}
    for empty in (0.0, 0.8):
        model = sparse(conv_transpose((4, 4), 64, 32), (4, 4), empty)
        made = engine_of(schedule(model, target(off_chip=True, entropy=False), pinned))
        assert (made.skip is not None, made.off_chip is not None) == (empty > 0, True)


def test_weights_that_leave_for_want_of_block_ram_leave_their_empty_blocks_behind() -> None:
    model = sparse(conv_transpose((4, 4), 128, 64), (8, 4), 0.75)
    pinned = {"l0": FoldingRequest(pe=8, simd=4)}
    free = schedule(model, Target(), pinned)
    tight = replace(target(entropy=False), utilization=Utilization(bram=15 / 280))
    made = schedule(model, tight, pinned)
    engine = engine_of(made)
    assert engine_of(free).off_chip is None and design_resources(free).bram18 > 15
    assert engine.off_chip is not None and engine.skip is not None
    assert design_resources(made).within(tight.budget)
    assert estimate(made).interval <= 1.05 * engine.mac_cycles


def test_a_design_comes_back_from_its_file() -> None:
    model = sparse(conv((5, 5), 8, 12), (4, 2), 0.6, fold=2)
    made = design(model, (Folding(4, 2, 1),), skip=["l0"], off_chip={"l0": OffChip(5, 64, 2)})
    file = dump_design(made)[DESIGN_JSON]
    again = load_design(made.model, file)
    assert dump_design(again)[DESIGN_JSON] == file
    assert engine_of(again).stream_contents() == engine_of(made).stream_contents()
