"""What an engine takes of a part, and what the edges between engines do, counted from their sizes.

``gan2hls.fabric`` says what the blocks take; here stands of which blocks an engine consists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from math import ceil
from typing import final

import numpy as np

from gan2hls import fabric
from gan2hls.base import remembered
from gan2hls.codecs import CODECS
from gan2hls.fabric import Resources, overall
from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.design import Design
from gan2hls.hardware.edges import QUEUE_WORDS, Edge
from gan2hls.hardware.engine import OUT_QUEUE_WORDS, EngineDesign, StreamEngine
from gan2hls.hardware.entropy import CHUNK_BITS
from gan2hls.hardware.linear_engine import LinearEngine, bits_per_weight
from gan2hls.hardware.off_chip import BANKS
from gan2hls.hardware.requant_runs import requant_constants, requant_runs
from gan2hls.hardware.turns import turn_of
from gan2hls.model import IntLayer
from gan2hls.numbers import Int64Array
from gan2hls.ops import OffChipRing, burst_beats, dsp_of_product, queue_beats

#: Words of the accumulator queue that are counted while foldings are compared; few engines need more.
_ACC_QUEUE_WORDS = 16


@final
@dataclass(frozen=True)
class EngineResources:
    """What an engine takes.

    Attributes:
        taken: of the part, in all.
        lane_lut: LUTs among them of lanes that add, negate, decode or join.
        weight_bits: bits of the memories of codes, tables, and the program that skips empty blocks.
    """

    taken: Resources
    lane_lut: int = 0
    weight_bits: int = 0

    @property
    def dsp(self) -> int:
        """DSP blocks."""
        return self.taken.dsp

    @property
    def bram18(self) -> int:
        """Block RAMs of 18 kbit."""
        return self.taken.bram18


@final
@dataclass(frozen=True)
class RequantShape:
    """The shape of a requantizer; what it takes depends on the constants of its layer too.

    Attributes:
        lanes: channels a clock.
        holes: the output grid where it makes some pixels that have no taps.
        order: which channels beats have.
        words: of its memory.
        out_words: places behind it.
    """

    lanes: int
    holes: tuple[int, int] | None
    order: ChannelOrder
    words: int
    out_words: int


def requant_shape(engine: EngineDesign) -> RequantShape:
    """Return the shape of the requantizer of ``engine``."""
    away = isinstance(engine, LinearEngine) and engine.off_chip is not None
    holes = engine.out_grid if _has_holes(engine) and not away else None
    out_words = BANKS if away else OUT_QUEUE_WORDS
    return RequantShape(engine.folding.lanes, holes, engine.requant_order, engine.requant_words, out_words)


def engine_resources(engine: EngineDesign) -> EngineResources:
    """Return what ``engine`` takes; weights need not be encoded yet."""
    beside = resources_beside_requant(engine)
    return replace(beside, taken=beside.taken + requant_resources(engine.layer, requant_shape(engine)))


def resources_beside_requant(engine: EngineDesign) -> EngineResources:
    """Return what ``engine`` takes but for its requantizer; weights need not be encoded yet.

    Where it skips no blocks this depends on shapes, types and codec of its layer alone.
    """
    away = isinstance(engine, LinearEngine) and engine.off_chip is not None
    common = _table(engine), _out_queue(engine) if _has_holes(engine) or not away else Resources(), *_turns(engine)
    if isinstance(engine, LinearEngine):
        lanes = engine.folding.pe * engine.folding.simd
        weights = _weight_memories(engine)
        taken = overall((*common, *_linear(engine, weights)))
        return EngineResources(taken, lane_lut(engine) * lanes, sum(width * depth for width, depth in weights))
    assert isinstance(engine, StreamEngine), type(engine).__name__
    cost = engine.op.cost(engine.sizes)
    memories = (fabric.memory_block(*memory) for memory in cost.memories)
    own = Resources(cost.dsp, cost.lut, cost.ff)
    ends = Resources() if engine.ring is None else ring_resources(engine.ring)
    return EngineResources(overall((*common, own, ends, *memories)), cost.lut)


def _has_holes(engine: EngineDesign) -> bool:
    """Whether some output pixels have no taps."""
    return not (all(engine.row_taps) and all(engine.column_taps))


def line_buffer_bram18(engine: LinearEngine, rows: int) -> int:
    """Return the block RAMs of the line buffer of ``engine`` if it had so many ``rows``."""
    return fabric.bram18(engine.in_lanes * engine.in_elem.bits, rows * engine.row_words, "buffer")


def rows_resources(engine: LinearEngine, rows: int) -> Resources:
    """Return what the line buffer of ``engine`` takes if it had so many ``rows``, with what fills it and reads it."""
    g, folding, given, groups = engine.geometry, engine.folding, engine.layer.input_type, engine.parallel_groups
    width, in_rows, out_rows = engine.in_lanes * engine.in_elem.bits, g.y.in_size, len(g.y.outputs)
    row_words, line_buffer = engine.row_words, engine.written_kind("line_buffer")
    (_, words), *_ = _weight_memories(engine)
    if engine.occupancy is None:
        steps = fabric.sequencer(
            rows=rows,
            row_words=row_words,
            in_rows=in_rows,
            out_rows=out_rows,
            taps=(g.y.count, g.x.count),
            folds=(engine.co_folds, engine.ci_folds),
            groups=engine.group_folds,
            weight_words=words,
            acc_words=_queue_words(engine),
        )
    else:
        stored = words if engine.off_chip is None else engine.blocks
        steps = fabric.skip_sequencer(rows * row_words, stored, _queue_words(engine))
    operands = fabric.operand_registers(
        width,
        rows * row_words,
        folding.simd * groups * given.centred.signed_bits,
        line_buffer,
        multiplies=CODECS[engine.weight.codec].multiplies,
        centres=given.zero_point != 0,
        alone=folding.pe == groups,
    )
    return fabric.feeder(width, rows, row_words, in_rows, out_rows, line_buffer) + steps + operands


def edge_resources(edge: Edge) -> Resources:
    """Return what the converters and the queue of ``edge`` take."""
    taken = Resources()
    if edge.ring is not None:
        taken += ring_resources(edge.ring)
    elif edge.depth:
        taken += queue_resources(edge.queued.bits, edge.depth, ultra=edge.ultra)
    for stage in edge.converters:
        convert = fabric.up if stage.direction == "up" else fabric.down
        taken += convert(stage.narrow * edge.source.elem.bits, stage.ratio)
    return taken


def queue_resources(width_bits: int, depth: int, *, ultra: bool = False) -> Resources:
    """Return what a queue on chip takes."""
    if depth > QUEUE_WORDS:
        return fabric.ring(width_bits, depth, "ultra" if ultra else "ring")
    return fabric.queue(width_bits, depth)


def ring_resources(ring: OffChipRing) -> Resources:
    """Return what the ends of ``ring`` take, with their queues at the memory port."""
    ends = fabric.writer_queue(ring.bus_bits, ring.end_beats, ring.slots)
    ends += fabric.reader_queue(ring.bus_bits, ring.end_beats)
    return ends + _converter(ring.word_bits, ring.bus_bits) + _converter(ring.bus_bits, ring.word_bits)


def edges_resources(edges: Iterable[Edge]) -> Resources:
    """Return what the queues and converters of ``edges`` take."""
    return overall(edge_resources(edge) for edge in edges)


def joints_resources(design: Design) -> Resources:
    """Return what stands beside engines and edges: forks of tensors, and the marks of last beats at outputs."""
    readers = (len(design.edges_from(tensor)) for tensor in design.streams)
    forks = overall(fabric.fork(count) for count in readers if count > 1)
    return forks + overall(fabric.last(edge.sink.beats) for edge in design.edges_out)


def design_resources(design: Design) -> Resources:
    """Return what ``design`` takes of its part."""
    engines = overall(engine_resources(unit).taken for unit in design.units)
    for port in () if design.memory is None else design.memory.ports:
        engines += fabric.reader(len(port.regions) + len(port.rings))
        engines += fabric.writer(port.bus_bits) if port.rings else Resources()
    return engines + edges_resources(design.edges) + joints_resources(design)


def _linear(engine: LinearEngine, weights: list[tuple[int, int]]) -> Iterator[Resources]:
    """Yield feeder, sequencer, weight source, MAC array and accumulator queue; ``weights``: see below."""
    folding, layer, g, weight = engine.folding, engine.layer, engine.geometry, engine.weight
    codec = CODECS[weight.codec]
    lanes, acc_bits = folding.pe * folding.simd, layer.acc_type.signed_bits
    width = engine.in_lanes * engine.in_elem.bits
    (code_bits, words), *others = weights
    unpacking, decoder, centred_bits = 0, codec.decoder_lut(weight), layer.input_type.centred.signed_bits
    if codec.packing is not None:
        stored = words if engine.off_chip is None else engine.blocks  # a tile is packed as all words are
        code_bits, unpacking = codec.packing(lanes, stored)
    yield rows_resources(engine, engine.rows)
    if engine.off_chip is None:
        yield fabric.weight_rom(code_bits, words, multiplies=codec.multiplies, decoder=decoder > 0)
    else:
        yield from _off_chip(engine)
    if engine.off_chip is not None and engine.occupancy is not None:
        yield fabric.run_ranges(*others.pop())
    yield from (fabric.memory_block(*memory, "rom") for memory in others)
    yield Resources(mac_dsp(engine) * lanes, decoder * lanes + unpacking, codec.decoder_ff(weight) * lanes)
    if codec.decoder_clocks:
        yield fabric.step_delay(width, codec.decoder_clocks)
    yield fabric.mac(
        folding.pe, folding.simd, centred_bits, weight.type.signed_bits, acc_bits, multiplies=codec.multiplies
    )
    ratio = folding.pe // folding.lanes
    yield fabric.acc_queue(folding.lanes, ratio, acc_bits, _queue_words(engine))
    if engine.off_chip is not None:
        bits = engine.out_lanes * engine.out_elem.bits
        codes = engine.written_kind("codes")
        yield fabric.reorder(bits, ratio, engine.band_pixels, engine.co_folds, engine.reorder_words, codes)
    if engine.fills:
        phases, groups = engine.row_phases, g.out_channels // folding.lanes
        order = ChannelOrder(groups, g.x.out_size if phases > 1 else 1, phases=phases)
        yield fabric.fill(bits, astuple(order), engine.out_grid, order.words, OUT_QUEUE_WORDS)


def _queue_words(engine: LinearEngine) -> int:
    return _ACC_QUEUE_WORDS if engine.encoded is None else engine.acc_queue_words


def _turns(engine: EngineDesign) -> Iterator[Resources]:
    """Yield what stands around an engine at which layers take turns."""
    if engine.turns:
        yield fabric.frame_mux(len(engine.turns), engine.turn_lanes * engine.in_elem.bits, engine.turn_beats)
        yield _converter(engine.turn_lanes * engine.in_elem.bits, engine.in_lanes * engine.in_elem.bits)
        if engine.given_depth:
            yield queue_resources(engine.turn_lanes * engine.in_elem.bits, engine.given_depth)
        yield fabric.frame_demux(len(engine.turns), engine.out_lanes * engine.out_elem.bits, engine.out_beats)
        turns = [turn_of(layer) for layer in engine.turns]
        shifts, ends = {turn.shift for turn in turns}, {(turn.zero_point, turn.lo, turn.hi) for turn in turns}
        yield fabric.requant_turns(
            engine.folding.lanes, len(turns), engine.out_beats, len(shifts), len(ends), engine.layer.requant.channels
        )
        if isinstance(engine, LinearEngine) and engine.off_chip is not None:
            bursts = engine.turn_stride // burst_beats(engine.off_chip.bus_bits)
            yield fabric.region_turns(len(turns), engine.bands.count, bursts)


def _off_chip(engine: LinearEngine) -> Iterator[Resources]:
    """Yield tiles, width converters, decoders and queues of what comes from external memory."""
    assert engine.off_chip is not None
    bus, width = engine.off_chip.bus_bits, engine.weight_word_bits
    streams = len(engine.stream_beats)
    codec = CODECS[engine.weight.codec]
    plain = codec.multiplies and not codec.decoder_lut(engine.weight)
    kind, tiles = engine.written_kind("tiles"), engine.tiles
    if engine.occupancy is None:
        yield fabric.tiles(width, tiles.sizes[0], kind, absorbed=plain)
    else:
        yield fabric.tile_ring(width, tiles.held, tiles.words, engine.co_folds, kind, absorbed=plain)
    yield streams * fabric.reader_queue(bus, queue_beats(bus))
    if engine.huffman is None:
        yield _converter(bus, engine.bus_word_bits)
        return
    found = engine.huffman
    code, phrases, bits = found.code, found.phrases, found.phrases.symbol_bits
    lengths = len(set(code.lengths.tolist()))
    yield streams * (_converter(bus, CHUNK_BITS) + _converter(bits, bits * found.word_symbols))
    for count in found.counts:
        yield fabric.huffman(CHUNK_BITS, code.longest, lengths, phrases.bits, len(code.symbols), count)
        if phrases.most > 1:
            yield fabric.expand(bits, phrases.zero_bits, found.symbols, count)


def _converter(given: int, wanted: int) -> Resources:
    if wanted > given:
        return fabric.up(given, wanted // given)
    return fabric.down(wanted, given // wanted) if wanted < given else Resources()


@remembered
def requant_resources(layer: IntLayer, shape: RequantShape) -> Resources:
    """Return what the requantizer of ``layer`` and its multipliers take."""
    requant, lanes = layer.requant, shape.lanes
    total = requant.sum_type(layer.acc_type)
    blocks, runs = requant_dsp(layer), requant_runs(layer, lanes, shape.words)
    return Resources(dsp=blocks * lanes) + fabric.requant(
        lanes=lanes,
        words=len(runs) or shape.words,
        acc_bits=layer.acc_type.signed_bits,
        offset_bits=requant.offset_type.bits,
        mult_bits=requant.mult_type.bits,
        sum_bits=total.bits,
        code_bits=max(total.bits - requant.shift, requant.out_type.signed_bits) + 1,
        out_bits=requant.out_type.bits,
        pieces=requant.pieces,
        multiplies=blocks > 0,
        clamps=(requant.lo, requant.hi) != (requant.out_type.lo, requant.out_type.hi),
        holes=shape.holes,
        order=astuple(shape.order),
        out_words=shape.out_words,
        varying=_varying_constants(layer, shape, runs),
        run_of=shape.words if runs else 0,
    )


def _varying_constants(layer: IntLayer, shape: RequantShape, runs: tuple[int, ...]) -> tuple[int, int]:
    """Return how many bits of the requantizer's multipliers, and of its other constants, differ between words."""
    if shape.words == 1 or (shape.words > fabric.LUT_ROM_DEPTH and not runs):
        return 0, 0  # there is nothing to choose, or it is no logic
    mults, others = requant_constants(layer, shape.lanes, shape.words)
    stored = list(runs) if runs else slice(None)
    requant, acc_bits = layer.requant, layer.acc_type.signed_bits
    found = _varying_bits(others[: requant.pieces, stored], requant.offset_type.bits)
    if requant.pieces > 1:
        found += _varying_bits(others[requant.pieces :, stored], acc_bits + 1)
    return _varying_bits(mults[:, stored], requant.mult_type.bits), found


def _varying_bits(values: Int64Array, bits: int) -> int:
    """Return how many of the ``bits`` of all ``values`` of a word are neither constant nor copies of others.

    Args:
        values: int64 ``[n, words, lanes]``, of 64 words at most.
        bits: of each.
    """
    words = values.shape[1]
    columns = values[..., None] >> np.arange(bits) & 1
    places = np.uint64(1) << np.arange(words, dtype=np.uint64)
    functions = np.unique((columns.astype(np.uint64) * places[:, None, None]).sum(axis=1))
    return int(np.count_nonzero((functions != 0) & (functions != places.sum())))


def _table(engine: EngineDesign) -> Resources:
    table, lanes = engine.layer.table, engine.folding.lanes
    if table is None:
        return Resources()
    if table.sets == 1:
        return fabric.table(lanes, table.index_type.bits, table.out_type.bits)
    order = engine.table_order
    return fabric.channel_tables(lanes, astuple(order), order.words, table.index_type.bits, table.out_type.bits)


def _out_queue(engine: EngineDesign) -> Resources:
    return fabric.fifo(engine.out_lanes * engine.out_elem.bits, OUT_QUEUE_WORDS)


def _weight_memories(engine: LinearEngine) -> list[tuple[int, int]]:
    """Return width and depth of the memories of codes, tables, and at last the program of a block-skipping engine."""
    away, program = engine.off_chip is not None, engine.left if engine.skip is None else engine.skip
    pointers = () if program is None else program.memories(engine.rows, engine.pixel_words, by_fold=away)
    if away:
        tables = () if engine.encoded is None else engine.encoded.memories[1:]
        return [(engine.weight_word_bits, engine.tiles.held), *((m.width_bits, m.depth) for m in tables), *pointers]
    if engine.encoded is not None:
        return [*((memory.width_bits, memory.depth) for memory in engine.encoded.memories), *pointers]
    lanes = engine.folding.pe * engine.folding.simd
    return [(ceil(lanes * bits_per_weight(engine.weight)), engine.blocks), *pointers]


def lane_lut(engine: LinearEngine) -> int:
    """Return the LUTs of a lane: its codec's decoder, and where it has no multiplier a negation and its adder."""
    codec = CODECS[engine.weight.codec]
    adder = 0 if codec.multiplies else 2 * (engine.layer.input_type.centred.bits + 2)
    return adder + codec.decoder_lut(engine.weight)


def mac_dsp(engine: LinearEngine) -> int:
    """Return the DSP blocks of one multiplier of the MAC array."""
    if not CODECS[engine.weight.codec].multiplies:
        return 0
    return dsp_of_product(engine.weight.type.bits, engine.layer.input_type.centred.signed_bits)


def requant_dsp(layer: IntLayer) -> int:
    """Return the DSP blocks of one requantizer lane; multipliers of 2 bits (-2 to 1) are adders."""
    if layer.requant.mult_type.bits <= 2:
        return 0
    return dsp_of_product(layer.requant.mult_type.bits, layer.acc_type.signed_bits)
