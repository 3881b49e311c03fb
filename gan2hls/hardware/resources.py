"""What an engine takes of a part: DSP blocks and block RAMs, counted from its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import final

from gan2hls.base import remembered
from gan2hls.codecs import CODECS, bram18
from gan2hls.hardware.design import EngineDesign
from gan2hls.hardware.skip import Occupancy
from gan2hls.model import IntLayer, IntWeight

#: Operand widths of a DSP48E1: one product of at most these signed widths takes one block.  Source: UG479.
_DSP_PORTS = (18, 25)


@final
@dataclass(frozen=True)
class EngineResources:
    """DSP blocks and 18-kbit block RAMs of an engine, LUTs of lanes that add, negate or decode, bits of weights.

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
        copies = ceil(folding.lanes / 2)  # a ROM has two ports
        memories += copies * bram18(layer.table.out_type.bits, layer.table.values.size)
    if layer.geometry is not None and layer.weight is not None:
        lanes = folding.pe * folding.simd
        dsp += mac_dsp(layer) * lanes
        weights = _weight_memories(engine, left)
        memories += sum(bram18(width, depth) for width, depth in weights)
        bits = sum(width * depth for width, depth in weights)
        luts = lane_lut(layer) * lanes
        words = engine.rows * layer.geometry.x.in_size * engine.pixel_words
        memories += bram18(engine.in_lanes * layer.input_type.int_type.bits, words)
    return EngineResources(dsp, memories, luts, bits)


def _weight_memories(engine: EngineDesign, left: Occupancy | None) -> list[tuple[int, int]]:
    """Return width and depth of the memories of codes, tables, and the program of a block-skipping engine."""
    program = left if engine.skip is None else engine.skip
    pointers = () if program is None else program.memories(engine.rows, engine.pixel_words)
    if engine.encoded is not None:
        return [*((memory.width_bits, memory.depth) for memory in engine.encoded.memories), *pointers]
    assert engine.layer.weight is not None
    lanes = engine.folding.pe * engine.folding.simd
    depth = engine.layer.weight.values.size // lanes if left is None else left.stored
    return [(ceil(lanes * bits_per_weight(engine.layer.weight)), depth), *pointers]


@remembered
def bits_per_weight(weight: IntWeight) -> float:
    """Return the width of a code in memory."""
    return CODECS[weight.codec].bits(weight, weight.values.size).codes / weight.values.size


def lane_lut(layer: IntLayer) -> int:
    """Return the LUTs of a lane: its codec's decoder, and where it has no multiplier a negation and its adder."""
    assert layer.weight is not None
    codec = CODECS[layer.weight.codec]
    adder = 0 if codec.multiplies else 2 * (layer.input_type.centred.bits + 2)
    return adder + codec.decoder_lut(layer.weight)


def mac_dsp(layer: IntLayer) -> int:
    """Return the DSP blocks of one multiplier of ``layer``'s MAC array."""
    assert layer.weight is not None
    if not CODECS[layer.weight.codec].multiplies:
        return 0
    centred = layer.input_type.centred
    return dsp_of_product(layer.weight.type.bits, centred.signed_bits)


def requant_dsp(layer: IntLayer) -> int:
    """Return the DSP blocks of one requantizer lane; multipliers of 2 bits (-2 to 1) are adders."""
    if layer.requant.mult_type.bits <= 2:
        return 0
    return dsp_of_product(layer.requant.mult_type.bits, layer.acc_type.signed_bits)


def dsp_of_product(a_bits: int, b_bits: int) -> int:
    """Return the DSP48 blocks of a signed ``a x b`` product."""
    narrow, wide = sorted((a_bits, b_bits))
    return ceil(narrow / _DSP_PORTS[0]) * ceil(wide / _DSP_PORTS[1])
