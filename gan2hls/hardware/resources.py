"""What an engine takes of a part, and what the edges between engines do, counted from their sizes.

``gan2hls.fabric`` says what the blocks take of a family of parts; here stands of which blocks an engine consists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from math import ceil
from typing import final

from gan2hls import fabric
from gan2hls.codecs import CODECS
from gan2hls.fabric import Family, Product, Resources, overall
from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.design import Design
from gan2hls.hardware.edges import QUEUE_WORDS, Edge
from gan2hls.hardware.engine import OUT_QUEUE_WORDS, EngineDesign
from gan2hls.hardware.entropy import CHUNK_BITS
from gan2hls.hardware.linear_engine import LinearEngine, bits_per_weight
from gan2hls.hardware.requant_resources import requant_resources, requant_shape
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.tap_loop import tap_loop
from gan2hls.hardware.turns import turn_of
from gan2hls.ops import OffChipRing, burst_beats, queue_beats

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


def engine_resources(engine: EngineDesign, family: Family) -> EngineResources:
    """Return what ``engine`` takes of a part of ``family``; weights need not be encoded yet."""
    beside = resources_beside_requant(engine, family)
    return replace(beside, taken=beside.taken + requant_resources(engine.layer, requant_shape(engine), family))


def resources_beside_requant(engine: EngineDesign, family: Family) -> EngineResources:
    """Return what ``engine`` takes but for its requantizer; weights need not be encoded yet.

    Where it skips no blocks this depends on shapes, types and codec of its layer alone.
    """
    away = isinstance(engine, LinearEngine) and engine.off_chip is not None
    out_queue = _out_queue(engine, family) if engine.has_holes or not away else Resources()
    common = _table(engine, family), out_queue, *_turns(engine, family)
    if isinstance(engine, LinearEngine):
        lanes = engine.folding.pe * engine.folding.simd
        weights = _weight_memories(engine)
        taken = family.cells(overall((*common, *_linear(engine, weights, family))), mac_products(engine))
        return EngineResources(taken, lane_lut(engine) * lanes, sum(width * depth for width, depth in weights))
    assert isinstance(engine, StreamEngine), type(engine).__name__
    cost = engine.op.cost(engine.sizes)
    memories = (fabric.memory_block(family, *memory) for memory in cost.memories)
    own = Resources(lut=cost.lut, ff=cost.ff)
    ends = Resources() if engine.ring is None else _ring(engine.ring, family)
    return EngineResources(family.cells(overall((*common, own, ends, *memories)), cost.products), cost.lut)


def line_buffer_bram18(engine: LinearEngine, rows: int, family: Family) -> int:
    """Return the block RAMs of the line buffer of ``engine`` if it had so many ``rows``."""
    return fabric.bram18(family, engine.in_lanes * engine.in_elem.bits, rows * engine.row_words, "buffer")


def rows_resources(engine: LinearEngine, rows: int, family: Family) -> Resources:
    """Return what the line buffer of ``engine`` takes if it had so many ``rows``, with what fills it and reads it."""
    return family.cells(_rows(engine, rows, family))


def _rows(engine: LinearEngine, rows: int, family: Family) -> Resources:
    g, folding, given, groups = engine.geometry, engine.folding, engine.layer.input_type, engine.parallel_groups
    width, in_rows, out_rows = engine.in_lanes * engine.in_elem.bits, g.y.in_size, len(g.y.outputs)
    row_words, line_buffer = engine.row_words, engine.written_kind("line_buffer")
    (_, words), *_ = _weight_memories(engine)
    loop, rounds, taps, grant_rounds = tap_loop(engine, rows), 1, g.y.count, 1
    if loop is not None:
        rounds, taps = loop.rounds, loop.taps_before(g.y, len(loop.stored))
        if engine.off_chip is None:
            out_rows, grant_rounds = len(loop.stored), rounds
    if engine.occupancy is None:
        steps = fabric.sequencer(
            rows=rows,
            row_words=row_words,
            in_rows=in_rows,
            out_rows=out_rows,
            taps=(taps, g.x.count),
            folds=(engine.co_folds, engine.ci_folds),
            groups=engine.group_folds,
            weight_words=words,
            acc_words=_queue_words(engine),
            rounds=rounds,
        )
    else:
        stored = words if engine.off_chip is None else engine.blocks
        steps = fabric.skip_sequencer(rows * row_words, stored, _queue_words(engine))
    operands = fabric.operand_registers(
        family,
        width,
        rows * row_words,
        folding.simd * groups * given.centred.signed_bits,
        line_buffer,
        multiplies=CODECS[engine.weight.codec].multiplies,
        centres=given.zero_point != 0,
        alone=folding.pe == groups,
    )
    return (
        fabric.feeder(family, width, rows, row_words, in_rows, out_rows, line_buffer, grant_rounds) + steps + operands
    )


def edge_resources(edge: Edge, family: Family) -> Resources:
    """Return what the converters and the queue of ``edge`` take."""
    taken = Resources()
    if edge.ring is not None:
        taken += _ring(edge.ring, family)
    elif edge.depth:
        taken += _queue(edge.queued.bits, edge.depth, family, ultra=edge.ultra)
    for stage in edge.converters:
        convert = fabric.up if stage.direction == "up" else fabric.down
        taken += convert(stage.narrow * edge.source.elem.bits, stage.ratio)
    return family.cells(taken)


def _queue(width_bits: int, depth: int, family: Family, *, ultra: bool = False) -> Resources:
    """Return what a queue on chip takes."""
    if depth > QUEUE_WORDS:
        return fabric.ring(family, width_bits, depth, "ultra" if ultra else "ring")
    return fabric.queue(family, width_bits, depth)


def _ring(ring: OffChipRing, family: Family) -> Resources:
    """Return what the ends of ``ring`` take, with their queues at the memory port."""
    ends = fabric.writer_queue(family, ring.bus_bits, ring.end_beats, ring.slots)
    ends += fabric.reader_queue(family, ring.bus_bits, ring.end_beats)
    return ends + _converter(ring.word_bits, ring.bus_bits) + _converter(ring.bus_bits, ring.word_bits)


def edges_resources(edges: Iterable[Edge], family: Family) -> Resources:
    """Return what the queues and converters of ``edges`` take."""
    return overall(edge_resources(edge, family) for edge in edges)


def joints_resources(design: Design) -> Resources:
    """Return what stands beside engines and edges: forks of tensors, and the marks of last beats at outputs."""
    readers = (len(design.edges_from(tensor)) for tensor in design.streams)
    forks = overall(fabric.fork(count) for count in readers if count > 1)
    return design.family.cells(forks + overall(fabric.last(edge.sink.beats) for edge in design.edges_out))


def design_resources(design: Design) -> Resources:
    """Return what ``design`` takes of its part."""
    family, ports = design.family, Resources()
    for port in () if design.memory is None else design.memory.ports:
        ports += fabric.reader(len(port.regions) + len(port.rings))
        ports += fabric.writer(port.bus_bits) if port.rings else Resources()
    engines = overall(engine_resources(unit, family).taken for unit in design.units)
    return engines + family.cells(ports) + edges_resources(design.edges, family) + joints_resources(design)


def _linear(engine: LinearEngine, weights: list[tuple[int, int]], family: Family) -> Iterator[Resources]:
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
    yield _rows(engine, engine.rows, family)
    if engine.off_chip is None:
        yield fabric.weight_rom(family, code_bits, words, multiplies=codec.multiplies, decoder=decoder > 0)
    else:
        yield from _off_chip(engine, family)
    if engine.off_chip is not None and engine.occupancy is not None:
        yield fabric.run_ranges(family, *others.pop())
    yield from (fabric.memory_block(family, *memory, "rom") for memory in others)
    yield Resources(0, decoder * lanes + unpacking, codec.decoder_ff(weight) * lanes)
    if codec.decoder_clocks:
        yield fabric.step_delay(width, codec.decoder_clocks)
    yield fabric.mac(
        folding.pe, folding.simd, centred_bits, weight.type.signed_bits, acc_bits, multiplies=codec.multiplies
    )
    ratio = folding.pe // folding.lanes
    yield fabric.acc_queue(family, folding.lanes, ratio, acc_bits, _queue_words(engine))
    if engine.off_chip is not None:
        bits = engine.out_lanes * engine.out_elem.bits
        codes = engine.written_kind("codes")
        yield fabric.reorder(family, bits, ratio, engine.band_pixels, engine.co_folds, engine.reorder_words, codes)
    if engine.fills:
        phases, groups = engine.row_phases, g.out_channels // folding.lanes
        order = ChannelOrder(groups, g.x.out_size if phases > 1 else 1, phases=phases)
        yield fabric.fill(family, bits, astuple(order), engine.out_grid, order.words, OUT_QUEUE_WORDS)


def _queue_words(engine: LinearEngine) -> int:
    return _ACC_QUEUE_WORDS if engine.encoded is None else engine.acc_queue_words


def _turns(engine: EngineDesign, family: Family) -> Iterator[Resources]:
    """Yield what stands around an engine at which layers take turns."""
    if engine.turns:
        yield fabric.frame_mux(len(engine.turns), engine.turn_lanes * engine.in_elem.bits, engine.turn_beats)
        yield _converter(engine.turn_lanes * engine.in_elem.bits, engine.in_lanes * engine.in_elem.bits)
        if engine.given_depth:
            yield _queue(engine.turn_lanes * engine.in_elem.bits, engine.given_depth, family)
        yield fabric.frame_demux(len(engine.turns), engine.out_lanes * engine.out_elem.bits, engine.out_beats)
        turns = [turn_of(layer) for layer in engine.turns]
        shifts, ends = {turn.shift for turn in turns}, {(turn.zero_point, turn.lo, turn.hi) for turn in turns}
        yield fabric.requant_turns(
            engine.folding.lanes, len(turns), engine.out_beats, len(shifts), len(ends), engine.layer.requant.channels
        )
        if isinstance(engine, LinearEngine) and engine.off_chip is not None:
            bursts = engine.turn_stride // burst_beats(engine.off_chip.bus_bits)
            yield fabric.region_turns(len(turns), engine.bands.count, bursts)


def _off_chip(engine: LinearEngine, family: Family) -> Iterator[Resources]:
    """Yield tiles, width converters, decoders and queues of what comes from external memory."""
    assert engine.off_chip is not None
    bus, width = engine.off_chip.bus_bits, engine.weight_word_bits
    streams = len(engine.stream_beats)
    codec = CODECS[engine.weight.codec]
    plain = codec.multiplies and not codec.decoder_lut(engine.weight)
    kind, tiles = engine.written_kind("tiles"), engine.tiles
    if engine.occupancy is None:
        yield fabric.tiles(family, width, tiles.sizes[0], kind, absorbed=plain)
    else:
        yield fabric.tile_ring(family, width, tiles.held, tiles.words, engine.co_folds, kind, absorbed=plain)
    yield streams * fabric.reader_queue(family, bus, queue_beats(bus))
    if engine.huffman is None:
        yield _converter(bus, engine.bus_word_bits)
        return
    found = engine.huffman
    code, phrases, bits = found.code, found.phrases, found.phrases.symbol_bits
    lengths = len(set(code.lengths.tolist()))
    yield streams * (_converter(bus, CHUNK_BITS) + _converter(bits, bits * found.word_symbols))
    for count in found.counts:
        yield fabric.huffman(family, CHUNK_BITS, code.longest, lengths, phrases.bits, len(code.symbols), count)
        if phrases.most > 1:
            yield fabric.expand(bits, phrases.zero_bits, found.symbols, count)


def _converter(given: int, wanted: int) -> Resources:
    if wanted > given:
        return fabric.up(given, wanted // given)
    return fabric.down(wanted, given // wanted) if wanted < given else Resources()


def _table(engine: EngineDesign, family: Family) -> Resources:
    table, lanes = engine.layer.table, engine.folding.lanes
    if table is None:
        return Resources()
    if table.sets == 1:
        return fabric.table(family, lanes, table.index_type.bits, table.out_type.bits)
    order = engine.table_order
    return fabric.channel_tables(family, lanes, astuple(order), order.words, table.index_type.bits, table.out_type.bits)


def _out_queue(engine: EngineDesign, family: Family) -> Resources:
    return fabric.fifo(family, engine.out_lanes * engine.out_elem.bits, OUT_QUEUE_WORDS)


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


def mac_products(engine: LinearEngine) -> tuple[Product, ...]:
    """Return the products of the MAC array."""
    if not CODECS[engine.weight.codec].multiplies:
        return ()
    bits = engine.weight.type.bits, engine.layer.input_type.centred.signed_bits
    return (Product(*bits, engine.folding.pe * engine.folding.simd),)
