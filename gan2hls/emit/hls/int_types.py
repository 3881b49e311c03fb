"""The integer types of one layer: signed numbers of exactly the bits that its values need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.emit.hls.config import acc_bits
from gan2hls.hardware import EngineDesign, LinearEngine
from gan2hls.numbers import IntType, Requant


@final
@dataclass(frozen=True)
class Number:
    """One integer type of a layer: a signed number of ``bits`` in arithmetic of ``room`` bits."""

    name: str
    bits: int
    room: int
    about: str


def numbers(engine: EngineDesign) -> tuple[Number, ...]:
    """Return the integer types of an engine."""
    return (*(_mac_numbers(engine) if isinstance(engine, LinearEngine) else ()), *_requant_numbers(engine))


def _mac_numbers(engine: LinearEngine) -> tuple[Number, ...]:
    x, w = engine.layer.input_type.centred.signed_bits, engine.weight.type.signed_bits
    return (
        Number("input_t", x, x + w, "code - zero point"),
        Number("weight_t", w, x + w, "weight"),
        Number("product_t", x + w, x + w, "weight * (code - zero point)"),
        Number("acc_t", acc_bits(engine), acc_bits(engine), "accumulator"),
    )


def _requant_numbers(engine: EngineDesign) -> tuple[Number, ...]:
    requant, acc = engine.layer.requant, engine.layer.acc_type
    threshold = IntType.covering(min(0, acc.lo), acc.hi + 1)
    return (
        Number("requant_acc_t", acc_bits(engine), 64, "accumulator, about to be multiplied"),
        Number("mult_t", requant.mult_type.signed_bits, 64, "multiplier"),
        Number("scaled_t", _scaled_bits(requant, acc), 64, "acc * mult"),
        Number("offset_t", requant.offset_type.signed_bits, 64, "bias and rounding constant"),
        Number("threshold_t", threshold.signed_bits, 64, "knot of the two pieces"),
        Number("sum_t", requant.sum_type(acc).bits, 64, "acc * mult + offset, exact"),
    )


def _scaled_bits(requant: Requant, acc: IntType) -> int:
    """Return the bits of an accumulator times a multiplier, before the offset is added."""
    mults = int(requant.mult.min()), int(requant.mult.max())
    ends = [end * mult for end in (acc.lo, acc.hi) for mult in mults]
    return IntType.covering(min(-1, *ends), max(0, *ends)).bits
