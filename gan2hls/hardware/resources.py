"""What an engine takes of a part: DSP blocks and block RAMs, counted from its sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import final

from gan2hls.base import remembered
from gan2hls.codecs import CODECS, bram18
from gan2hls.hardware.edges import Edge
from gan2hls.hardware.engine import EngineDesign, StreamEngine
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.skip import Occupancy
from gan2hls.model import IntLayer
from gan2hls.ops import IntWeight, dsp_of_product


@final
@dataclass(frozen=True)
class EngineResources:
    """DSP blocks and 18-kbit block RAMs of an engine, LUTs of lanes that add, negate, decode or join, bits of weights.

    ``weight_bits`` are those of the memories of codes, tables, and the program that skips empty blocks.
    """

    dsp: int
    bram18: int
    lane_lut: int = 0
    weight_bits: int = 0


def engine_resources(engine: EngineDesign, left: Occupancy | None = None) -> EngineResources:
    """Return what ``engine`` takes; weights need not be encoded yet.

    ``left`` are the blocks that one which is not encoded would not skip.
    """
    layer, folding = engine.layer, engine.folding
    dsp, luts, bits = requant_dsp(layer) * folding.lanes, 0, 0
    requant = layer.requant
    piece = requant.mult_type.bits + requant.offset_type.bits
    word = piece if requant.pieces == 1 else 2 * piece + layer.acc_type.bits + 1
    memories = bram18(folding.lanes * word, requant.channels // folding.lanes)
    if layer.table is not None:
        if layer.table.sets == 1:
            copies = ceil(folding.lanes / 2)  # a ROM has two ports
            memories += copies * bram18(layer.table.out_type.bits, layer.table.values.size)
        else:
            words = engine.table_groups << layer.table.index_type.bits
            memories += folding.lanes * bram18(layer.table.out_type.bits, words)
    if isinstance(engine, LinearEngine):
        lanes = folding.pe * folding.simd
        dsp += mac_dsp(engine) * lanes
        weights = _weight_memories(engine, left)
        memories += sum(bram18(width, depth) for width, depth in weights)
        bits = sum(width * depth for width, depth in weights)
        luts = lane_lut(engine) * lanes
        words = engine.rows * engine.geometry.x.in_size * engine.pixel_words
        memories += bram18(engine.in_lanes * engine.in_elem.bits, words)
    elif isinstance(engine, StreamEngine):
        cost = engine.op.cost(engine.sizes)
        dsp, luts = dsp + cost.dsp, cost.lut
        memories += sum(bram18(width, depth) for width, depth in cost.memories)
    return EngineResources(dsp, memories, luts, bits)


def _weight_memories(engine: LinearEngine, left: Occupancy | None) -> list[tuple[int, int]]:
    """Return width and depth of the memories of codes, tables, and the program of a block-skipping engine."""
    program = left if engine.skip is None else engine.skip
    pointers = () if program is None else program.memories(engine.rows, engine.pixel_words)
    if engine.encoded is not None:
        return [*((memory.width_bits, memory.depth) for memory in engine.encoded.memories), *pointers]
    lanes = engine.folding.pe * engine.folding.simd
    depth = engine.weight.values.size // lanes if left is None else left.stored
    return [(ceil(lanes * bits_per_weight(engine.weight)), depth), *pointers]


@remembered
def bits_per_weight(weight: IntWeight) -> float:
    """Return the width of a code in memory."""
    return CODECS[weight.codec].bits(weight, weight.values.size).codes / weight.values.size


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


def queue_bram18(edges: Iterable[Edge]) -> int:
    """Return the 18-kbit block RAMs of the queues of ``edges``; short ones are distributed RAM."""
    return sum(bram18(edge.source.bits, edge.depth) for edge in edges if edge.in_ram)
