"""The sizes of one layer: compile-time numbers and integer types that the library's processes are instantiated with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from gan2hls.codecs import CODECS
from gan2hls.emit.hls.feeder import GUARD, Segment, feeder_cycles, feeder_program, kept_words
from gan2hls.emit.hls.skip import column_bits, most_runs
from gan2hls.emit.hls.tiles import TileProgram, tile_program
from gan2hls.hardware import EngineDesign, LinearEngine, StreamEngine, turn_of
from gan2hls.ops import AxisTaps


@final
@dataclass(frozen=True)
class Constant:
    """One compile-time number of an engine, or one for each of its inputs, or of its layers."""

    name: str
    value: int | tuple[int, ...]
    about: str
    ctype: str = "int"


def acc_bits(engine: EngineDesign) -> int:
    """Return the bits of an accumulator."""
    return engine.layer.acc_type.signed_bits


def address_bits(engine: LinearEngine) -> int:
    """Return the bits of the address of a block of weights, in its tile where weights are off chip and all visited."""
    kept = engine.weights.kept
    if kept is not None:
        blocks = len(kept)
    else:
        blocks = engine.weights.dense_blocks if engine.off_chip is None else max(engine.tiles.sizes)
    return max(1, (blocks - 1).bit_length())


def whole_bytes(bits: int) -> int:
    """Return the width of a word in a stream: whole bytes, as ``whole_bytes`` of ``bits.hpp``."""
    return -(-bits // 8) * 8


def bits_for(most: int) -> int:
    """Return the bits of the numbers 0..most, as ``bits_for`` of ``bits.hpp``."""
    return max(1, most.bit_length())


def feed_width(engine: LinearEngine) -> int:
    """Return the width of a feeder word: elements, weight address, first, last, and null where blocks are skipped."""
    flags = 2 if engine.skip is None else 3
    return whole_bytes(engine.in_lanes * engine.in_elem.bits + address_bits(engine) + flags)


def accs_width(engine: LinearEngine) -> int:
    """Return the width of a word of PE accumulators."""
    return whole_bytes(engine.folding.pe * acc_bits(engine))


def run_width(engine: LinearEngine) -> int:
    """Return the width of a run: start, length, last, single, none."""
    assert engine.skip is not None
    return whole_bytes(sum(engine.skip.run_bits) + 3)


def range_width(engine: LinearEngine) -> int:
    """Return the width of the runs of a pixel: first, count, single."""
    assert engine.skip is not None
    runs, most = len(engine.skip.runs), most_runs(engine)
    return whole_bytes(bits_for(runs - 1) + bits_for(most) + 1)


def program_bits(program: Sequence[Segment]) -> int:
    """Return the bits of the iterations of a segment."""
    return bits_for(max(segment.cycles for segment in program))


def program_width(program: Sequence[Segment]) -> int:
    """Return the width of a segment: cycles, loads, their difference, single, emits."""
    return whole_bytes(3 * program_bits(program) + 2)


def segment_bits(engine: LinearEngine) -> int:
    """Return the bits of the iterations of a feeder segment."""
    return program_bits(feeder_program(engine))


def segment_width(engine: LinearEngine) -> int:
    """Return the width of a feeder segment."""
    return program_width(feeder_program(engine))


def pixel_width(engine: LinearEngine) -> int:
    """Return the width of a pixel's taps: first and count along both axes, single of both."""
    geometry = engine.geometry
    entries = bits_for(y_taps(engine) - 1) + bits_for(geometry.x.count - 1)
    return whole_bytes(entries + bits_for(most_taps(geometry.y)) + bits_for(most_taps(geometry.x)) + 2)


def y_taps(engine: LinearEngine) -> int:
    """Return the entries of the rows' tap program: off chip it stands there once for each group of channels."""
    return engine.geometry.y.count * (1 if engine.off_chip is None else engine.group_folds)


def most_taps(axis: AxisTaps) -> int:
    """Return the taps of the output that has most of them."""
    return max(map(len, axis.taps))


def pixels(engine: LinearEngine) -> int:
    """Return how many output pixels have taps; off chip, how many visits to them a frame takes, one for each fold."""
    geometry = engine.geometry
    visits = 1 if engine.off_chip is None else engine.co_folds
    return len(geometry.y.outputs) * len(geometry.x.outputs) * visits


def requant_beats(engine: EngineDesign) -> int:
    """Return the beats of the requantizer; off chip those of pixels with taps only."""
    if isinstance(engine, LinearEngine) and engine.off_chip is not None:
        return engine.bands.count * engine.band_beats
    return engine.out_beats


def code_banks(engine: LinearEngine) -> int:
    """Return of how many bands ``reorder`` keeps codes: those of one alone where a frame has no other."""
    assert engine.off_chip is not None, f"{engine.layer.name}: weights stand on chip"
    return engine.off_chip.banks if engine.bands.count > 1 else 1


def reorder_period(engine: LinearEngine) -> int:
    """Return the iterations of a round of ``reorder``: the words of a band, and what keeps reads and writes apart."""
    apart = engine.requant_order.groups * (engine.band_pixels + engine.co_folds - 1)
    return engine.band_beats + max(0, GUARD - apart)


def reorder_cycles(engine: LinearEngine) -> int:
    """Return the trip count of ``reorder``."""
    rounds = engine.bands.count + 1 if code_banks(engine) == 2 else 2 * engine.bands.count
    return (rounds - 1) * reorder_period(engine) + engine.band_beats


def period_bits(program: TileProgram) -> int:
    """Return the bits of the iterations of a tile's period."""
    return bits_for(max(program.first_cycles, *(max(pace.period, pace.words) for pace in program.paces)))


def start_bits(program: TileProgram) -> int:
    """Return the bits of what is counted off before a word of a tile is stored."""
    return bits_for(max(*program.tiles.sizes, *(pace.start for pace in program.paces)))


def pace_width(engine: LinearEngine) -> int:
    """Return the width of a period: iterations, those of the mac, gap, words, start, single, final."""
    program = tile_program(engine)
    return whole_bytes(4 * period_bits(program) + start_bits(program) + 2)


def constants(engine: EngineDesign) -> tuple[Constant, ...]:
    """Return the compile-time numbers of an engine."""
    own = _linear(engine) if isinstance(engine, LinearEngine) else ()
    return (*_common(engine), *own, *(_turns(engine) if engine.turns else ()), *_requant(engine))


def _common(engine: EngineDesign) -> tuple[Constant, ...]:
    folding, groups = engine.folding, engine.in_lanes // engine.folding.simd
    of = "" if groups == 1 else f" of each of {groups} groups"
    return (
        Constant("PE", folding.pe, f"output channels in parallel{of and f', {folding.pe // groups}{of}'}"),
        Constant("SIMD", folding.simd, f"input channels{of} in parallel"),
        Constant("LANES", folding.lanes, "output channels requantized in parallel"),
        *_inputs(engine),
        Constant("ACC_BITS", acc_bits(engine), f"accumulator: {engine.layer.acc_type}, exact"),
    )


def _inputs(engine: EngineDesign) -> tuple[Constant, ...]:
    """Return what the codes of the input are, or what the unit of an operation wants to know of its inputs."""
    unit = engine.hls_unit if isinstance(engine, StreamEngine) else None
    if unit is not None:
        return tuple(
            Constant(
                name,
                value if isinstance(value, tuple) else int(value),
                f"of {unit.name}" if n == 0 else "",
                "bool" if isinstance(value, bool) else "int",
            )
            for n, (name, value) in enumerate(unit.parameters.items())
        )
    elem = engine.in_elem
    return (
        Constant("IN_BITS", elem.bits, f"input code: {elem}"),
        Constant("IN_SIGNED", int(elem.signed), "", "bool"),
        Constant("IN_ZERO_POINT", engine.layer.input_type.zero_point, "the code that means 0"),
    )


def _linear(engine: LinearEngine) -> tuple[Constant, ...]:
    geometry, encoded = engine.geometry, engine.weights
    codec = CODECS[encoded.codec]
    row_words = engine.loads // geometry.y.in_size
    return (
        Constant("MULTIPLIES", int(codec.multiplies), "whether weights are more than -1, 0 and +1", "bool"),
        *(
            Constant(name.upper(), value, f"codec {codec.name}" if n == 0 else "")
            for n, (name, value) in enumerate(encoded.parameters.items())
        ),
        *(
            Constant(f"{memory.name.upper()}_LIMBS", memory.words.shape[1], f"64-bit limbs of a {memory.name} word")
            for memory in encoded.memories
        ),
        Constant("SKIPS", int(engine.skip is not None), "whether blocks of zeros are left out", "bool"),
        Constant("MAC_CYCLES", engine.mac_cycles, _mac_cycles(engine)),
        Constant("FEED_CYCLES", feeder_cycles(engine), "trip count of the feeder: MAC_CYCLES + first rows + stalls"),
        Constant("SEGMENTS", len(feeder_program(engine)), "steps of the feeder's program"),
        Constant("FIRST_CYCLES", feeder_program(engine)[0].cycles, "iterations of the first step, which emits nothing"),
        Constant("FIRST_LOADS", feeder_program(engine)[0].loads, "words that it loads"),
        Constant("SEGMENT_BITS", segment_bits(engine), "iterations of a segment"),
        Constant("SEGMENT_WIDTH", segment_width(engine), "segment: cycles, loads, their difference, flags"),
        Constant("ADDRESS_BITS", address_bits(engine), "weight address"),
        Constant("FEED_WIDTH", feed_width(engine), _feed_word(engine)),
        Constant("ACCS_WIDTH", accs_width(engine), "PE accumulators"),
        Constant("LINE_WORDS", engine.rows * row_words, f"line buffer: {engine.rows} rows of {row_words} words"),
        Constant("KEPT_WORDS", kept_words(engine), f"input words that outputs use, of {engine.loads}"),
        *_pixels(engine),
        Constant("TAP_ROWS", max(1, len(geometry.y.outputs)), "output rows with taps"),
        Constant("TAP_COLUMNS", max(1, len(geometry.x.outputs)), "output columns with taps"),
        *(_taps(engine) if engine.skip is None else _runs(engine)),
        *(() if engine.off_chip is None else _bands(engine)),
    )


def _turns(engine: EngineDesign) -> tuple[Constant, ...]:
    about = "words of external memory from the weights of one to the next"
    return (
        Constant("TURNS", len(engine.turns), "layers that take turns"),
        *((Constant("TURN_STRIDE", engine.turn_stride, about),) if isinstance(engine, LinearEngine) else ()),
    )


def _pixels(engine: LinearEngine) -> tuple[Constant, ...]:
    if engine.off_chip is None:
        return (
            Constant("CO_FOLDS", engine.co_folds, "CO / PE"),
            Constant("PIXELS", pixels(engine), "output pixels with taps"),
        )
    return (
        Constant("FOLDS", engine.co_folds, "CO / PE"),
        Constant("CO_FOLDS", 1, "output folds of a visit to a pixel"),
        Constant("PIXELS", pixels(engine), "output pixels with taps, each visited FOLDS times"),
    )


def _mac_cycles(engine: LinearEngine) -> str:
    trips = "trip count of the mac" if engine.off_chip is None else "feeder words"
    if engine.skip is None:
        return f"{trips}: useful MACs / (PE * SIMD)"
    return f"{trips}: {engine.mac_steps} blocks, {engine.mac_cycles - engine.mac_steps} vectors without any"


def _feed_word(engine: LinearEngine) -> str:
    each = "" if engine.parallel_groups == 1 else f"{engine.parallel_groups} x "
    return f"feeder word: {each}SIMD elements, weight address, first, last{'' if engine.skip is None else ', null'}"


def _taps(engine: LinearEngine) -> tuple[Constant, ...]:
    geometry, together = engine.geometry, engine.parallel_groups
    groups = "groups of channels" if together == 1 else f"sets of {together} groups, which the mac works on at once"
    folds = "CO / groups / PE" if together == 1 else "output folds of a set"
    return (
        Constant("CI_FOLDS", engine.ci_folds, "CI / groups / SIMD"),
        *(
            (
                Constant("GROUPS", engine.group_folds, groups),
                Constant("GROUP_CO_FOLDS", engine.co_folds // engine.group_folds, folds),
                Constant("Y_TAPS", max(1, y_taps(engine)), "taps of all output rows"),
            )
            if engine.off_chip is None
            else (
                Constant("GROUPS", 1, "groups of a visit to a pixel"),
                Constant("GROUP_CO_FOLDS", 1, "output folds of it"),
                Constant("BAND_GROUPS", engine.group_folds, groups),
                Constant("GROUP_FOLDS", engine.co_folds // engine.group_folds, folds),
                Constant("Y_COUNT", geometry.y.count, "taps of all output rows"),
                Constant("Y_TAPS", y_taps(engine), "those of all groups"),
            )
        ),
        Constant("X_TAPS", max(1, geometry.x.count), "taps of all output columns"),
        Constant("Y_MOST", most_taps(geometry.y), "most taps of an output row"),
        Constant("X_MOST", most_taps(geometry.x), "most taps of an output column"),
        Constant("PIXEL_WIDTH", pixel_width(engine), "taps of a pixel: first and count along both axes, flags"),
    )


def _bands(engine: LinearEngine) -> tuple[Constant, ...]:
    program, bands = tile_program(engine), engine.bands
    return (
        Constant("WEIGHT_BITS", engine.weight_word_bits, "word of weights"),
        Constant("BANDS", bands.count, "bands of output rows, each with a pass over the weights"),
        Constant("BAND_ROWS", bands.rows, "output rows with taps of a band"),
        Constant("BAND_PIXELS", engine.band_pixels, "output pixels with taps of a band"),
        Constant("HELD_WORDS", engine.tiles.held, "words of weights that are held: those of two output folds"),
        Constant(
            "TILE_CYCLES", program.cycles, "trip count of the mac: MAC_CYCLES + first tile + what words take longer"
        ),
        Constant("FIRST_TILE_WORDS", engine.tiles.sizes[0], "words of the first output fold"),
        Constant("FIRST_TILE_CYCLES", program.first_cycles, "iterations in which they come"),
        Constant("PACES", len(program.paces), "entries of the tables of periods"),
        Constant("PACE_REPEATS", program.repeats, "output folds that each is for"),
        Constant("PERIOD_BITS", period_bits(program), "iterations of a tile"),
        Constant("START_BITS", start_bits(program), "what is counted off before its words are stored"),
        Constant("PACE_WIDTH", pace_width(engine), "a tile's period, work, gap, words, start and flags"),
        Constant("CODE_BANKS", code_banks(engine), "bands whose codes are kept"),
        Constant("REORDER_PERIOD", reorder_period(engine), "iterations of a band in the reordering of its codes"),
        Constant("REORDER_CYCLES", reorder_cycles(engine), "trip count of that"),
    )


def _runs(engine: LinearEngine) -> tuple[Constant, ...]:
    program, away = engine.skip, engine.off_chip is not None
    assert program is not None
    return (
        Constant("RUN_ROWS", engine.bands.rows if away else 1, "output rows that are visited once for each of"),
        Constant("RUN_FOLDS", engine.co_folds if away else 1, "output folds"),
        Constant("PAIRS", program.pairs, "pairs of classes of rows and columns"),
        Constant("RUNS", len(program.runs), "runs of all of them"),
        Constant("RUNS_MOST", most_runs(engine), "most runs of a visit to a pixel"),
        Constant("RANGE_WIDTH", range_width(engine), "runs of a pixel: first, count, single"),
        Constant("RUN_COUNT", program.run_count, "runs of a frame"),
        Constant("RUN_WIDTH", run_width(engine), "run: start, length, last, single, none"),
        Constant("LENGTH_BITS", program.run_bits[1], "blocks of a run"),
        Constant("SLOTS", engine.rows, "rows of the line buffer"),
        Constant("COLUMN_BITS", column_bits(engine), "displacement of a block along a row of the line buffer"),
    )


def _requant(engine: EngineDesign) -> tuple[Constant, ...]:
    layer, requant = engine.layer, engine.layer.requant
    rows, columns = engine.out_grid
    read, zero_point = engine.accumulator
    index, order = requant.out_type, engine.requant_order
    away = isinstance(engine, LinearEngine) and engine.off_chip is not None
    turns = [turn_of(layer) for layer in engine.layers]
    least = min(turn.shift for turn in turns)
    shown = (
        Constant("OUT_BEATS", engine.out_beats, "beats of a frame"),
        Constant("REQUANT_BEATS", requant_beats(engine), "trip count of the requantizer"),
        Constant("ORDER_GROUPS", order.groups, "beats of a pixel, in a fold"),
        Constant("ORDER_PIXELS", order.pixels, "pixels of a run of those"),
        Constant("ORDER_ROWS", order.rows, "such rows of a band"),
        Constant("ORDER_FOLDS", order.folds, "folds of a band"),
        Constant("ROW_PHASES", engine.row_phases, "output rows that take turns, each with channels of its own"),
        Constant("OUT_ROWS", rows, "output rows"),
        Constant("OUT_COLUMNS", columns, "output columns"),
        Constant("ALL_TAPS", int(away or not engine.has_holes), "every pixel that it makes has taps", "bool"),
        *(_kept(engine) if away else ()),
        Constant("PIECES", requant.pieces, "linear pieces"),
        Constant("MULT_BITS", requant.mult_type.bits, "multiplier, of 2 bits: an adder"),
        Constant("SHIFT", least, "right shift"),
        Constant("MORE_SHIFT", tuple(turn.shift - least for turn in turns), "what a layer shifts beyond that"),
        Constant("HALF_EVEN", int(requant.half_even), "ties go to even, else toward +infinity", "bool"),
        Constant("ZERO_POINT", tuple(turn.zero_point for turn in turns), "added after the shift"),
        Constant("LOW", tuple(turn.lo for turn in turns), "least code"),
        Constant("HIGH", tuple(turn.hi for turn in turns), "greatest code"),
        Constant("REQUANT_IN_BITS", read.bits, "what it reads"),
        Constant("REQUANT_IN_SIGNED", int(read.signed), "", "bool"),
        Constant("REQUANT_IN_ZERO_POINT", zero_point, "taken off first"),
        Constant("REQUANT_OUT_BITS", index.bits, f"what it writes: {index}"),
    )
    if layer.table is None:
        return shown
    order = engine.table_order
    own = (
        Constant("TABLE_GROUPS", order.groups, "beats of a pixel, or until the same curves come again"),
        Constant("TABLE_PIXELS", order.pixels, "pixels of a run of those"),
        Constant("TABLE_ROWS", order.rows, "such rows of a band"),
        Constant("TABLE_FOLDS", order.folds, "folds until the same curves come again"),
        Constant("TABLE_PHASES", order.phases, "rows until the same curves come again"),
        Constant("TABLE_SIZE", 1 << index.bits, "entries of a curve"),
    )
    return (
        *shown,
        *(() if layer.table.sets == 1 else own),
        Constant("INDEX_SIGNED", int(index.signed), "table index", "bool"),
        Constant("INDEX_LOW", index.lo, "index of the table's first entry"),
        Constant("OUT_BITS", engine.out_elem.bits, f"output code: {engine.out_elem}"),
    )


def _kept(engine: EngineDesign) -> tuple[Constant, ...]:
    """Return the sizes of what stands behind the requantizer of an engine whose weights are off chip."""
    folds = engine.channel_words // engine.row_phases
    return (
        Constant("KEPT_BITS", engine.out_elem.bits, "code that is kept until its band is complete"),
        Constant("OUT_FOLDS", folds, "CO / LANES"),
    )
