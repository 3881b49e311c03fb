"""Engines whose weights are off chip: their programs, played through word by word on random geometries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gan2hls.emit.hls.config import reorder_cycles, reorder_period
from gan2hls.emit.hls.feeder import GUARD
from gan2hls.emit.hls.tiles import TilePace, tile_program
from gan2hls.hardware import Folding, LinearEngine, OffChip, legal_band_rows
from gan2hls.hardware.groups import legal_pe, legal_simd
from tests.strategies import convolutions
from tests.unit.emit.hls.test_files import engine_of, replay


@st.composite
def engines(draw: st.DrawFn) -> LinearEngine:
    """Engines of any geometry, folding, bands and rows."""
    onnx = draw(convolutions())
    assume(onnx.geometry.useful_macs)
    pe = draw(st.sampled_from(legal_pe(onnx.geometry)))
    simd = draw(st.sampled_from(legal_simd(onnx.geometry, pe)))
    away = OffChip(draw(st.sampled_from(legal_band_rows(onnx.geometry))), draw(st.sampled_from([32, 64, 128])))
    lanes = draw(st.sampled_from([n for n in range(1, pe + 1) if pe % n == 0]))
    return engine_of(onnx, draw(st.integers(0, 3)), Folding(pe, simd, lanes), away)


@settings(max_examples=150, deadline=None)
@given(engines())
def test_feeder_keeps_rows_until_the_last_fold_of_a_band(engine: LinearEngine) -> None:
    replay(engine)


def tiles(engine: LinearEngine) -> Iterator[tuple[TilePace, list[int]]]:
    """Each tile's pace, and the words of weights that the mac reads meanwhile, worked out from the taps."""
    geometry, program = engine.geometry, tile_program(engine)
    y, x, bands = geometry.y, geometry.x, engine.bands
    for pace, start in zip(program.paces, bands.starts, strict=True):
        words = [
            (ky * x.kernel + kx) * engine.ci_folds + ci
            for row in y.outputs[start : start + bands.rows]
            for column in x.outputs
            for _, ky in y.taps[row]
            for _, kx in x.taps[column]
            for ci in range(engine.ci_folds)
        ]
        for _ in range(engine.co_folds):
            yield pace, words


@settings(max_examples=150, deadline=None)
@given(engines())
def test_a_word_of_a_tile_is_there_before_it_is_used_and_not_overwritten(engine: LinearEngine) -> None:
    """Beside ``struct tile_pace`` of ``tiles.hpp`` and the loop of ``band_mac.hpp``."""
    program, everything, size = tile_program(engine), list(tiles(engine)), engine.tiles.sizes[0]
    stored: dict[tuple[int, int], tuple[int, int]] = {}  # slot, word: tile that stands there, since when
    read: dict[tuple[int, int], int] = {}
    clock = arrived = multiplied = 0
    periods = [(program.first_cycles, [], 0, 0)]
    periods += [(pace.period, words, pace.gap, pace.start) for pace, words in everything]
    periods[-1] = (len(everything[-1][1]), *periods[-1][1:])
    for tile, (cycles, words, gap, start) in enumerate(periods, -1):
        stores, credit = tile + 1 < len(everything), -start
        for turn in range(cycles):
            if turn < len(words):
                place = (tile % 2, words[turn])
                owner, since = stored[place]
                assert owner == tile and clock - since >= GUARD, f"{place}: tile {owner} since {since}"
                read[place], multiplied = clock, multiplied + 1
            if stores and credit >= 0:
                place = divmod(arrived % engine.tiles.held, size)
                assert clock - read.get(place, -GUARD) >= GUARD, f"{place} comes too early"
                stored[place] = arrived // size, clock
                arrived += 1
                stores = arrived % size != 0
                credit -= gap
            else:
                credit += size
            clock += 1
        assert arrived == size * min(tile + 2, len(everything))
    assert multiplied == engine.mac_cycles
    assert clock == program.cycles


@settings(max_examples=100, deadline=None)
@given(engines())
def test_codes_leave_pixel_by_pixel(engine: LinearEngine) -> None:
    """Beside the loop of ``reorder.hpp``."""
    folds, pixels = engine.co_folds, engine.bands.rows * len(engine.geometry.x.outputs)
    groups, period, bands = engine.folding.pe // engine.folding.lanes, reorder_period(engine), engine.bands.count
    words = folds * pixels * groups
    every = range(bands), range(folds), range(pixels), range(groups)
    coming = iter([(b, p, f, g) for b, f, p, g in product(*every)])
    bank: dict[int, tuple[tuple[int, int, int, int], int]] = {}
    read: dict[int, int] = {}
    left = []
    for clock in range(reorder_cycles(engine)):
        band, turn = divmod(clock, period)
        if turn >= words:
            continue
        if band:
            place = (band - 1) % 2 * words + turn
            word, since = bank[place]
            assert clock - since >= GUARD
            read[place] = clock
            left.append(word)
        if band < bands:
            (fold, pixel), group = divmod(turn // groups, pixels), turn % groups
            place = band % 2 * words + (pixel * folds + fold) * groups + group
            assert clock - read.get(place, -GUARD) >= GUARD
            bank[place] = next(coming), clock
    assert next(coming, None) is None
    assert left == list(product(range(bands), range(pixels), range(folds), range(groups)))
