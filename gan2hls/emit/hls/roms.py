"""Constant tables of the HLS back end: which there are, in what native type, and their initializers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.codecs import HuffmanCode, Memory
from gan2hls.emit.hls.entropy import place_bits
from gan2hls.emit.hls.feeder import Segment, feeder_program
from gan2hls.emit.hls.skip import skip_tables
from gan2hls.emit.hls.tiles import tile_program
from gan2hls.hardware import EngineDesign, LinearEngine, StreamEngine
from gan2hls.numbers import IntType
from gan2hls.ops import AxisTaps

_PER_LINE = 96


@final
@dataclass(frozen=True, eq=False)
class Rom:
    """One constant table.

    Attributes:
        name: its accessor in the layer's ``config``; in capitals, the array.
        values: integers ``[depth]`` or ``[depth, columns]``.
        about: what a word is, for the comment above it.
        file: name below ``weights/`` of its initializers, or empty: they stand in the layer's header.
        ports: lanes that read together from independent addresses, the whole of a curve, or each a column of its own
            where there are columns; 1 otherwise.
        width_bits: of raw words that are printed as hexadecimal 64-bit limbs, 0: words are numbers.
        top: the last limb of words, where it has fewer bits than the others.
    """

    name: str
    values: npt.NDArray[np.generic]
    about: str
    file: str = ""
    ports: int = 1
    width_bits: int = 0
    top: Rom | None = None

    @property
    def array(self) -> str:
        """Name of the array."""
        return self.name.upper()

    @property
    def depth(self) -> int:
        """Words."""
        return int(self.values.shape[0])

    @property
    def columns(self) -> int:
        """Fields of a word, 0 when a word is one number."""
        return int(self.values.shape[1]) if self.values.ndim == 2 else 0

    @cached_property
    def _type(self) -> IntType:
        if self.width_bits:
            return IntType(min(64, self.width_bits), signed=False)
        return IntType.covering(int(self.values.min()), int(self.values.max()))

    @cached_property
    def native(self) -> str:
        """The smallest native type that holds every value."""
        bits = next(size for size in (8, 16, 32, 64) if self._type.bits <= size)
        return f"{'' if self._type.signed else 'u'}int{bits}_t"

    @property
    def exact(self) -> str:
        """The vendor's type that holds every value in no bit too many."""
        return f"ap_{'' if self._type.signed else 'u'}int<{self._type.bits}>"

    @property
    def result(self) -> str:
        """The type of the accessor's answer."""
        if self.width_bits:
            return "uint64_t"
        return "int64_t" if self.native in ("int64_t", "uint64_t", "uint32_t") else "int"

    @cached_property
    def text(self) -> str:
        """The initializers, without the outer braces, one or more lines."""
        values, places = np.unique(self.values.ravel(), return_inverse=True)  # a word is printed once
        if self.width_bits:
            suffix = "ULL" if self.native == "uint64_t" else ""
            words = [f"0x{value:x}{suffix}" for value in values.tolist()]
        else:
            words = [_literal(value) for value in values.tolist()]
        columns = self.columns
        if columns == 1:
            words = [f"{{{word}}}" for word in words]
        cells = np.array(words, object)[places.ravel()].tolist()
        if columns > 1:
            cells = ["{" + ", ".join(cells[n : n + columns]) + "}" for n in range(0, len(cells), columns)]
        return "\n".join(_lines(cells))


def _literal(value: int) -> str:
    """Return an integer literal that has its own type in C++14."""
    if value == -(1 << 63):
        return "(-9223372036854775807LL - 1)"
    return f"{value}LL" if abs(value) >= 1 << 31 else str(value)


def _lines(cells: Sequence[str]) -> list[str]:
    per_line = max(1, _PER_LINE // (max(map(len, cells)) + 2))
    return [", ".join(cells[n : n + per_line]) + "," for n in range(0, len(cells), per_line)]


def front_roms(engine: EngineDesign) -> tuple[Rom, ...]:
    """Return the tables of what makes the accumulators."""
    if isinstance(engine, LinearEngine):
        return linear_roms(engine)
    unit = engine.hls_unit if isinstance(engine, StreamEngine) else None
    tables = {} if unit is None else unit.tables
    return tuple(Rom(name, table.values, table.about, ports=table.ports) for name, table in tables.items())


def linear_roms(engine: LinearEngine) -> tuple[Rom, ...]:
    """Return the tables of feeder and mac of a linear engine."""
    encoded = engine.weights
    on_chip = encoded.memories if engine.off_chip is None else encoded.memories[1:]
    segments = feeder_program(engine)
    return (
        *segment_roms(segments, "Feeder segment", ("iterations", "words loaded", "feeds the mac")),
        *(_tap_roms(engine) if engine.skip is None else _run_roms(engine)),
        *(() if engine.off_chip is None else _pace_roms(engine)),
        *(() if engine.huffman is None else (_symbols(engine.layer.name, engine.huffman.code),)),
        *(_weights(engine.layer.name, encoded.codec, memory) for memory in on_chip),
    )


def segment_roms(program: Sequence[Segment], what: str, about: tuple[str, str, str]) -> tuple[Rom, ...]:
    """Return the tables of ``program``: iterations, loads, and whether it emits; ``about`` says what those mean."""
    cycles, loads, emits = about
    return (
        Rom("segment_cycles", _column([s.cycles for s in program]), f"{what}: {cycles}."),
        Rom("segment_loads", _column([s.loads for s in program]), f"{what}: {loads}."),
        Rom("segment_emits", _column([s.emits for s in program]), f"{what}: {emits}."),
    )


def _tap_roms(engine: LinearEngine) -> tuple[Rom, ...]:
    """Return the tap programs of both axes."""
    geometry = engine.geometry
    x_step = engine.pixel_words
    away = engine.off_chip is not None
    folds = engine.ci_folds if away else engine.co_folds * engine.ci_folds
    groups = range(0, engine.pixel_words, engine.ci_folds) if away else (0,)  # first words of their input channels
    y, x = geometry.y, geometry.x
    y_step = x_step * x.in_size
    row, pixel = (
        f"line buffer offset of its row, {y_step} words each",
        f"line buffer offset of its column, {x_step} words each",
    )
    return (
        _tap("y_row", [e.i % engine.rows * y_step + group for group in groups for e in y.entries], row),
        _tap(
            "y_weight", [e.k * x.kernel * folds for _ in groups for e in y.entries], "weight address of its kernel row"
        ),
        _tap("x_column", [e.i * x_step for e in x.entries], pixel),
        _tap("x_weight", [e.k * folds for e in x.entries], "weight address of its kernel column"),
        *_tap_ranges("row", y),
        *_tap_ranges("column", x),
    )


def _pace_roms(engine: LinearEngine) -> tuple[Rom, ...]:
    """Return the periods of tiles: of each band, or of each of its tiles where these are of any size."""
    program = tile_program(engine)
    paces, tile = program.paces, "Tiles of a band" if program.repeats > 1 else "Tile"
    return (
        Rom("tile_period", _column([pace.period for pace in paces]), f"{tile}: iterations of a period."),
        Rom("tile_work", _column([pace.work for pace in paces]), f"{tile}: those in which the mac works."),
        Rom("tile_gap", _column([pace.gap for pace in paces]), f"{tile}: those in which no word need be stored."),
        Rom("tile_words", _column([pace.words for pace in paces]), f"{tile}: words of the next tile."),
        Rom(
            "tile_start", _column([pace.start for pace in paces]), f"{tile}: what is counted off before its first word."
        ),
    )


def _symbols(layer: str, code: HuffmanCode) -> Rom:
    """Return the symbols of an entropy code, filled up so that every place is an address."""
    values = np.zeros(1 << place_bits(code), np.int64)
    values[: len(code.symbols)] = code.symbols
    return Rom("symbol", values, "Symbols by length of code, then by value.", f"{layer}_symbol.inc")


def _tap_ranges(output: str, axis: AxisTaps) -> tuple[Rom, Rom]:
    """Return where the taps of each output that has some stand in the tap program, and how many there are."""
    counts = np.array([len(axis.taps[o]) for o in axis.outputs], np.int64)
    return (
        Rom(f"{output}_first", _column((np.cumsum(counts) - counts).tolist()), f"Output {output}: its first tap."),
        Rom(f"{output}_count", _column(counts.tolist()), f"Output {output}: how many taps it has."),
    )


def _run_roms(engine: LinearEngine) -> tuple[Rom, ...]:
    """Return the program of an engine that skips blocks."""
    assert engine.skip is not None
    tables, found, name = skip_tables(engine), engine.skip.occupancy, engine.layer.name
    first, count = engine.skip.ranges(by_fold=engine.off_chip is not None).T
    pair = "Pair of classes" if engine.off_chip is None else "Output fold and pair of classes"
    run = "Run: first block of weights, number of blocks, whether it ends an accumulator vector."
    block = "Displacement of a block of weights: row of the line buffer, word of a row."
    return (
        Rom("run", tables.runs, run, f"{name}_run.inc"),
        Rom("block", tables.blocks, block, f"{name}_block.inc"),
        Rom("row_class", found.y.of_output * len(found.x.classes), "Output row: its first pair of classes."),
        Rom("column_class", found.x.of_output, "Output column: its class."),
        Rom("pair_first", first, f"{pair}: its first run."),
        Rom("pair_count", count, f"{pair}: its number of runs."),
        Rom("row_origin", tables.row_origin, "Output row: row of the line buffer that displacements start from."),
        Rom("column_origin", tables.column_origin, "Output column: word of a row that displacements start from."),
        Rom("slot_base", tables.slot_base, "Row of the line buffer: its first word."),
    )


def _tap(name: str, values: Sequence[int], what: str) -> Rom:
    return Rom(name, _column(values), f"Tap of the {name[0]} axis: {what}.")


def _weights(layer: str, codec: str, memory: Memory) -> Rom:
    """Return a memory of weights; the last limb of its words stands apart where it has bits of its own width."""
    name, words, bits = f"{memory.name}_rom", memory.words, memory.width_bits
    about = f"Codec {codec}, memory {memory.name}: {memory.depth} words of {bits} bits"
    if bits <= 64 or bits % 64 == 0:
        return Rom(name, words, f"{about}, in 64-bit limbs.", f"{layer}_{memory.name}.inc", width_bits=bits)
    lower, file = bits // 64 * 64, f"{layer}_{memory.name}_top.inc"
    top = Rom(f"{name}_top", words[:, -1], f"{about}: bits from {lower} on.", file, width_bits=bits - lower)
    about = f"{about}: the lower {lower}, in 64-bit limbs."
    return Rom(name, words[:, :-1], about, f"{layer}_{memory.name}.inc", width_bits=lower, top=top)


def requant_roms(engine: EngineDesign) -> tuple[Rom, ...]:
    """Return the tables of requantizer and curve."""
    layer, requant, lanes = engine.layer, engine.layer.requant, engine.folding.lanes
    folds = engine.requant_words
    by_piece = "one word per group of channels: LANES entries for each piece"

    def grouped(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        words = values.reshape(-1, requant.channels // lanes, lanes)[:, :folds]
        return words.transpose(1, 0, 2).reshape(folds, -1)

    roms = [
        Rom("mult", grouped(requant.mult), f"Multipliers, {by_piece}.", f"{layer.name}_mult.inc"),
        Rom("offset", grouped(requant.offset), f"Bias and rounding constant, {by_piece}.", f"{layer.name}_offset.inc"),
        Rom("threshold", grouped(_thresholds(engine)), "Least accumulators of piece 1.", f"{layer.name}_threshold.inc"),
        Rom("row_taps", _column(engine.row_taps), "Whether an output row has taps."),
        Rom("column_taps", _column(engine.column_taps), "Whether an output column has taps."),
    ]
    if isinstance(engine, LinearEngine) and engine.fills:
        codes = engine.fill_codes.reshape(-1, lanes)
        roms.append(Rom("fill_codes", codes, "Output pixels without taps: LANES codes for each group of channels."))
    if layer.table is not None:
        roms.append(_curve(engine, f"{layer.name}_table.inc"))
    return tuple(roms)


def _curve(engine: EngineDesign, file: str) -> Rom:
    """Return the curve; where each channel has its own, a column per lane, one curve after the other."""
    table, lanes = engine.layer.table, engine.folding.lanes
    assert table is not None
    if table.sets == 1:
        return Rom("table", table.values[0], "The curve: entry n belongs to index INDEX_LOW + n.", file, ports=lanes)
    about = "The curves of each lane's channels, in order: entry n of one belongs to index INDEX_LOW + n."
    return Rom("table", np.ascontiguousarray(engine.lane_tables.reshape(lanes, -1).T), about, file, ports=lanes)


def _thresholds(engine: EngineDesign) -> npt.NDArray[np.int64]:
    """Return the thresholds clamped to one above the accumulator's range, where they mean the same in fewer bits."""
    requant, acc = engine.layer.requant, engine.layer.acc_type
    if requant.pieces == 1:
        return np.zeros(requant.channels, np.int64)
    return np.clip(requant.threshold, acc.lo, acc.hi + 1)


def _column(values: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return ``values`` as a table; an engine without any tap has one entry that is never read."""
    return np.array(list(values) or [0], np.int64)
