"""What an engine takes of a part: DSP blocks and block RAMs, counted from its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import final

from gan2hls.codecs import CODECS
from gan2hls.design import EngineDesign
from gan2hls.integer import IntLayer

#: Operand widths of a DSP48E1: one product of at most these signed widths takes one block.  Source: UG479.
_DSP_PORTS = (18, 25)
#: Width and depth that an 18-kbit block RAM can take.  Source: UG473.
_BRAM18_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
#: Memories of at most this depth go to LUTs.
_LUTRAM_DEPTH = 64


@final
@dataclass(frozen=True)
class EngineResources:
    """DSP blocks and 18-kbit block RAMs of one engine."""

    dsp: int
    bram18: int


def engine_resources(engine: EngineDesign) -> EngineResources:
    """Return what ``engine`` takes; weights need not be encoded yet."""
    layer, folding = engine.layer, engine.folding
    dsp = requant_dsp(layer) * folding.lanes
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
        if engine.encoded is None:
            memories += bram18(lanes * layer.weight.type.bits, layer.weight.values.size // lanes)
        else:
            memories += sum(bram18(memory.width_bits, memory.depth) for memory in engine.encoded.memories)
        _, columns, channels = layer.geometry.in_shape
        words = engine.rows * columns * channels // folding.simd
        memories += bram18(folding.simd * layer.input_type.int_type.bits, words)
    return EngineResources(dsp, memories)


def mac_dsp(layer: IntLayer) -> int:
    """Return the DSP blocks of one multiplier of ``layer``'s MAC array."""
    assert layer.weight is not None
    if not CODECS[layer.weight.codec].multiplies:
        return 0
    centred = layer.input_type.centred
    return dsp_of_product(layer.weight.type.bits, centred.bits + (not centred.signed))


def requant_dsp(layer: IntLayer) -> int:
    """Return the DSP blocks of one requantizer lane; multipliers of 1 throughout need none."""
    if (abs(layer.requant.mult) <= 1).all():
        return 0
    return dsp_of_product(layer.requant.mult_type.bits, layer.acc_type.bits + (not layer.acc_type.signed))


def dsp_of_product(a_bits: int, b_bits: int) -> int:
    """Return the DSP48 blocks of a signed ``a x b`` product."""
    narrow, wide = sorted((a_bits, b_bits))
    return ceil(narrow / _DSP_PORTS[0]) * ceil(wide / _DSP_PORTS[1])


def bram18(width_bits: int, depth: int) -> int:
    """Return the 18-kbit block RAMs of a memory; wide shallow words waste them, the shallowest memories go to LUTs."""
    if depth <= _LUTRAM_DEPTH:
        return 0
    return min(ceil(width_bits / width) * ceil(depth / words) for width, words in _BRAM18_SHAPES)
