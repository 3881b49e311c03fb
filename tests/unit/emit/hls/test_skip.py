"""The HLS back end's tables of engines that skip blocks, and the constant table of ternary weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gan2hls.emit.hls.feeder import GUARD, feeder_cycles, feeder_program, kept_words
from gan2hls.emit.hls.layer import layer_view
from gan2hls.emit.hls.skip import column_bits, skip_tables
from gan2hls.emit.hls.tiles import tile_program
from gan2hls.emit.rendering import static
from gan2hls.hardware import Edge, Folding, LinearEngine, OffChip, Stream, legal_band_rows, make_engine
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.line_buffer import most_rows
from gan2hls.hardware.off_chip import Bands
from gan2hls.hardware.skip import axis_phases
from gan2hls.numbers.numerics import IntType, QuantType
from tests.randomized import linear_layer
from tests.strategies import OnnxConv, convolutions


def engine_of(
    onnx: OnnxConv, folding: Folding, extra_rows: int, empty: float, off_chip: OffChip | None = None
) -> LinearEngine:
    """An engine that skips empty blocks of weights, on chip or off it."""
    rng = np.random.default_rng(0)
    z = QuantType(IntType(8, signed=True), 1.0)
    block = (folding.pe, folding.simd)
    layer = linear_layer(rng, "l0", "z", onnx.geometry, z, weight_bits=4, empty=empty, block=block)
    y = onnx.geometry.y
    rows = (y.window if off_chip is None else Bands(y, off_chip.band_rows).window) + extra_rows
    dense = make_engine(layer, folding, rows=min(rows, most_rows(layer)))
    assert isinstance(dense, LinearEngine)
    used = {k for _, k in _pixel_taps(dense, onnx.geometry.y.outputs[0], onnx.geometry.x.outputs[0])}
    assert layer.op.kind != "pointwise"
    values = layer.op.weight.values.copy()
    values[sorted(used), 0, 0] = 1  # one vector at least has blocks
    layer = replace(layer, op=replace(layer.op, weight=replace(layer.op.weight, values=values)))
    made = make_engine(layer, folding, rows=dense.rows, skip=True, off_chip=off_chip)
    assert isinstance(made, LinearEngine)
    return made


def visits(engine: LinearEngine) -> Iterator[tuple[int, int, int]]:
    """Output row, column and fold of each accumulator vector in their order."""
    rows, columns, folds = len(engine.geometry.y.outputs), range(len(engine.geometry.x.outputs)), range(engine.co_folds)
    if engine.off_chip is None:
        yield from product(range(rows), columns, folds)
        return
    height = engine.off_chip.band_rows
    for start in range(0, rows, height):
        for fold in folds:
            yield from ((row, column, fold) for row in range(start, start + height) for column in columns)


def _pixel_taps(engine: LinearEngine, oy: int, ox: int) -> Iterator[tuple[tuple[int, int], int]]:
    """The input pixels and kernel indices of an output pixel."""
    geometry = engine.geometry
    for iy, ky in geometry.y.taps[oy]:
        for ix, kx in geometry.x.taps[ox]:
            yield (iy, ix), ky * geometry.x.kernel + kx


def expected(engine: LinearEngine, oy: int, ox: int, fold: int) -> list[tuple[int, int, int]]:
    """The blocks that an accumulator vector needs: dense address, input row, word of it."""
    geometry, weight, pe, simd = engine.geometry, engine.weight, engine.folding.pe, engine.folding.simd
    group = fold * pe // geometry.group_out  # the first one
    found = []
    for (iy, ix), k in _pixel_taps(engine, oy, ox):
        for ci in range(engine.ci_folds):
            block = weight.values[k, fold * pe : (fold + 1) * pe, ci * simd : (ci + 1) * simd]
            if block.any():
                first = ix * geometry.in_channels + group * geometry.group_in + ci * simd
                wide = simd if pe <= geometry.group_out else pe // geometry.group_out * geometry.group_in
                word, rest = divmod(first, wide)
                assert rest == 0
                found.append(((k * engine.co_folds + fold) * engine.ci_folds + ci, iy, word))
    return sorted(found)


def runs_of(engine: LinearEngine) -> Iterator[tuple[int, int, int]]:
    """What ``runner.hpp`` sends: start, length, last."""
    program, tables = engine.skip, skip_tables(engine)
    assert program is not None
    start_bits, length_bits = program.run_bits
    y, x, away = program.occupancy.y, program.occupancy.x, engine.off_chip is not None
    ranges = program.ranges(by_fold=away).tolist()
    for row, column, fold in visits(engine):
        if away or fold == 0:
            pair = y.of_output[row] * len(x.classes) + x.of_output[column]
            at, count = ranges[(fold * program.pairs if away else 0) + pair]
            for word in tables.runs[at : at + count].tolist():
                length = word >> start_bits & ((1 << length_bits) - 1)
                yield word & ((1 << start_bits) - 1), length, word >> (start_bits + length_bits)


def replay(engine: LinearEngine) -> None:
    """Do what ``skip_feeder.hpp`` does, word by word: each vector reads its blocks' inputs, which are there."""
    geometry, program, tables = engine.geometry, engine.skip, skip_tables(engine)
    assert program is not None
    row_words, bits = engine.loads // geometry.y.in_size, column_bits(engine)
    line: dict[int, tuple[int, int]] = {}  # what stands in each word of the line buffer: input row, word of it
    written: dict[int, int] = {}
    read: dict[int, int] = {}
    clock = 0
    runs = runs_of(engine)
    pixels = visits(engine)
    r = c = f = address = left = loaded = emitted = 0
    last_run = True
    vector: list[tuple[int, int, int]] | None = None
    for segment in feeder_program(engine):
        credit = 0
        for _ in range(segment.cycles):
            if segment.emits:
                emitted += 1
                if vector is None:
                    (r, c, f), vector = next(pixels), []
                null = False
                if left == 0:
                    address, left, last_run = (int(n) for n in next(runs))
                    null = left == 0
                if not null:
                    block = int(tables.blocks[address])
                    slot = int(tables.row_origin[r]) + (block >> bits)
                    slot -= engine.rows if slot >= engine.rows else 0
                    word = int(tables.column_origin[c]) + (block & ((1 << bits) - 1))
                    place = int(tables.slot_base[slot]) + word
                    vector.append((int(program.kept[address]), *line[place]))
                    assert clock - written[place] >= GUARD
                    read[place] = clock
                    address, left = address + 1, left - 1
                if null or (left == 0 and last_run):
                    assert sorted(vector) == expected(engine, geometry.y.outputs[r], geometry.x.outputs[c], f)
                    vector = None
            credit += segment.loads
            if credit >= segment.cycles:
                credit -= segment.cycles
                if loaded < kept_words(engine):
                    place = loaded % (engine.rows * row_words)
                    assert clock - read.get(place, -GUARD) >= GUARD
                    line[place], written[place] = divmod(loaded, row_words), clock
                loaded += 1
            clock += 1
    assert vector is None and next(pixels, None) is None and next(runs, None) is None
    assert emitted == engine.mac_cycles and loaded == engine.loads
    assert clock == feeder_cycles(engine)


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.integers(0, 2), st.sampled_from([0.0, 0.5, 0.9]), st.data())
def test_tables_address_every_full_block_and_no_other(
    onnx: OnnxConv, extra_rows: int, empty: float, data: st.DataObject
) -> None:
    geometry = onnx.geometry
    assume(geometry.useful_macs and axis_phases(geometry.y) is not None and axis_phases(geometry.x) is not None)
    pe = data.draw(st.sampled_from(legal_pe(geometry)))
    simd = data.draw(st.sampled_from(legal_simd(geometry, pe)))
    engine = engine_of(onnx, Folding(pe, simd, 1), extra_rows, empty)
    replay(engine)
    assert engine.skip is not None
    source = Stream("z", engine.in_elem, engine.in_lanes, engine.geometry.in_shape)
    view = layer_view(engine, Edge(source, engine.layer.name, 0, None, 0, ()))
    cycles = {process.kind: process.cycles for process in view.processes}
    assert cycles["runner"] - 1 == engine.skip.run_count == len(list(runs_of(engine))) <= engine.mac_cycles
    assert cycles["pixel_runs"] == len(geometry.y.outputs) * len(geometry.x.outputs)
    assert cycles["mac"] == engine.mac_cycles <= cycles["skip_feeder"]


@settings(max_examples=100, deadline=None)
@given(convolutions(), st.integers(0, 2), st.sampled_from([0.0, 0.5, 0.9]), st.data())
def test_tables_address_the_blocks_of_a_fold_where_weights_are_off_chip(
    onnx: OnnxConv, extra_rows: int, empty: float, data: st.DataObject
) -> None:
    geometry = onnx.geometry
    assume(geometry.useful_macs and axis_phases(geometry.y) is not None and axis_phases(geometry.x) is not None)
    pe = data.draw(st.sampled_from(legal_pe(geometry)))
    simd = data.draw(st.sampled_from(legal_simd(geometry, pe)))
    away = OffChip(data.draw(st.sampled_from(legal_band_rows(geometry))), data.draw(st.sampled_from([32, 256])))
    engine = engine_of(onnx, Folding(pe, simd, 1), extra_rows, empty, away)
    replay(engine)
    check_tiles(engine)


def check_tiles(engine: LinearEngine) -> None:
    """Do what ``band_mac.hpp`` does: a word is there when the mac reads it, and none is overwritten that it needs."""
    program, runs = tile_program(engine), runs_of(engine)
    height = engine.bands.rows * len(engine.geometry.x.outputs)  # vectors of a tile
    held, sizes = engine.tiles.held, engine.tiles.sizes
    paces = [(program.first_cycles, 0, 0, sizes[0], 0)]
    paces += [(pace.period, pace.work, pace.gap, pace.words, pace.start) for pace in program.of_tiles]
    paces[-1] = (paces[-1][1], *paces[-1][1:3], 0, 0)
    memory: dict[int, tuple[int, int]] = {}  # by place: the word of all time that stands there, since when
    read: dict[int, int] = {}
    clock = arrived = multiplied = 0
    for tile, (period, work, gap, words, start) in enumerate(paces, -1):
        steps: list[int | None] = []  # the blocks of the tile in use, of all its vectors
        for _ in range(height if tile >= 0 else 0):
            last = 0
            while not last:
                block, length, last = next(runs)
                steps += list(range(block, block + length)) or [None]
        assert len(steps) == work <= period
        missing, credit = words, -start
        for turn in range(period):
            if turn < work and (block := steps[turn]) is not None:
                word = tile // len(sizes) * engine.tiles.words + block
                stored, since = memory[word % held]
                assert stored == word and clock - since >= GUARD
                read[word % held], multiplied = clock, multiplied + 1
            if missing and credit >= 0:
                assert clock - read.get(arrived % held, -GUARD) >= GUARD, "a word comes too early"
                memory[arrived % held] = arrived, clock
                arrived, missing, credit = arrived + 1, missing - 1, credit - gap
            else:
                credit += words
            clock += 1
        assert not missing
    assert (multiplied, clock) == (engine.mac_steps, program.cycles)
    assert arrived == engine.bands.count * engine.tiles.words


def test_trits_of_every_code() -> None:
    text = static("hls/lib", (".hpp",))["wsrc_ternary.hpp"].decode()
    table = re.search(r"TRITS\[256\] = \{(.*?)\};", text, re.DOTALL)
    assert table is not None
    entries = [int(cell, 16) for cell in re.findall(r"0x[0-9a-f]+", table.group(1))]
    assert len(entries) == 256
    for code in range(3**5):
        fields = [entries[code] >> 2 * n & 3 for n in range(5)]
        trits = [field - 4 if field == 3 else field for field in fields]
        assert sum((trit + 1) * 3**n for n, trit in enumerate(trits)) == code
