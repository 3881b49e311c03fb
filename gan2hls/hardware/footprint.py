"""What a layer's weights cost in memory, by the bit: codes, tables, scales, pointers, and what padding adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.fit import MULT_BITS, scale_bits
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.linear_engine import LinearEngine

_FLOAT32_BITS = 32


@final
@dataclass(frozen=True)
class Footprint:
    """Bits of one layer's weights.

    Attributes:
        float32: of all weights as float32.
        encoded: of the stored weights by the codec's formula, its tables (centroids) included.
        scales: a requantizer's multiplier per scale; of a scale per tensor there is one.
        pointers: of the program that skips empty blocks.
        padding: what the memories have beyond ``encoded``: words that do not fill, tables that repeat.
    """

    float32: int = 0
    encoded: int = 0
    scales: int = 0
    pointers: int = 0
    padding: int = 0

    @property
    def overall(self) -> int:
        """All but padding."""
        return self.encoded + self.scales + self.pointers


def footprint(engine: EngineDesign) -> Footprint:
    """Return what the weights of ``engine`` cost; nothing for a pointwise engine."""
    if not isinstance(engine, LinearEngine):
        return Footprint()
    weight, encoded = engine.weight, engine.weights
    program: tuple[tuple[int, int], ...] = ()
    if engine.skip is not None:
        program = engine.skip.memories(engine.rows, engine.pixel_words, by_fold=engine.off_chip is not None)
    return Footprint(
        float32=int(weight.values.size) * _FLOAT32_BITS,
        encoded=encoded.formula.overall,
        scales=scale_bits(weight, max(MULT_BITS, engine.layer.requant.mult_type.bits)),
        pointers=sum(width * depth for width, depth in program),
        padding=encoded.padding,
    )
