"""What the requantizer of an engine takes of a part."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls import fabric
from gan2hls.base import compiled_once, remembered
from gan2hls.fabric import Family, Product, Resources
from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.engine import OUT_QUEUE_WORDS, EngineDesign
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.requant_runs import requant_constants, requant_runs
from gan2hls.model import IntLayer
from gan2hls.numbers import Int64Array


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
    off_chip = engine.off_chip if isinstance(engine, LinearEngine) else None
    holes = engine.out_grid if engine.has_holes and off_chip is None else None
    out_words = OUT_QUEUE_WORDS if off_chip is None else off_chip.banks
    return RequantShape(engine.folding.lanes, holes, engine.requant_order, engine.requant_words, out_words)


@remembered
def requant_resources(layer: IntLayer, shape: RequantShape, family: Family) -> Resources:
    """Return what the requantizer of ``layer`` and its multipliers take."""
    requant, lanes = layer.requant, shape.lanes
    total = requant.sum_type(layer.acc_type)
    products, runs = requant_products(layer, lanes), requant_runs(layer, lanes, shape.words)
    beside = fabric.requant(
        family,
        lanes=lanes,
        words=len(runs) or shape.words,
        acc_bits=layer.acc_type.signed_bits,
        offset_bits=requant.offset_type.bits,
        mult_bits=requant.mult_type.bits,
        sum_bits=total.bits,
        code_bits=max(total.bits - requant.shift, requant.out_type.signed_bits) + 1,
        out_bits=requant.out_type.bits,
        pieces=requant.pieces,
        multiplies=bool(products),
        clamps=(requant.lo, requant.hi) != (requant.out_type.lo, requant.out_type.hi),
        holes=shape.holes,
        order=astuple(shape.order),
        out_words=shape.out_words,
        varying=_varying_constants(layer, lanes, shape.words),
        run_of=shape.words if runs else 0,
    )
    return family.cells(beside, products)


@remembered
def _varying_constants(layer: IntLayer, lanes: int, words: int) -> tuple[int, int]:
    """Return how many bits of the requantizer's multipliers, and of its other constants, differ between words."""
    runs = requant_runs(layer, lanes, words)
    if words == 1 or (words > fabric.LUT_ROM_DEPTH and not runs):
        return 0, 0  # there is nothing to choose, or it is no logic
    mults, others = requant_constants(layer, lanes, words)
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
    functions = np.zeros((len(values), values.shape[2], bits), np.uint64)
    _tabulate(np.ascontiguousarray(values), functions)
    constants = np.array([0, (1 << words) - 1], np.uint64)
    return np.setdiff1d(functions, constants).size


@compiled_once
def _tabulate(values: Int64Array, functions: npt.NDArray[np.uint64]) -> None:
    """Write the bits of ``values`` as functions of the number of a word, a bit for each: ``[n, lanes, bits]``."""
    count, words, lanes = values.shape
    for n in range(count):
        for word in range(words):
            place = np.uint64(1) << np.uint64(word)
            for lane in range(lanes):
                for bit in range(functions.shape[2]):
                    if values[n, word, lane] >> bit & 1:
                        functions[n, lane, bit] |= place


def requant_products(layer: IntLayer, lanes: int) -> tuple[Product, ...]:
    """Return the products of the requantizer; multipliers of 2 bits (-2 to 1) are adders."""
    if layer.requant.mult_type.bits <= 2:
        return ()
    return (Product(layer.requant.mult_type.bits, layer.acc_type.signed_bits, lanes),)
