"""Integer weights, and the structure that a file's float weights turn out to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.numbers import FloatArray, Int64Array, IntType

#: Relative error below which codes stand for weights to within float32's rounding.
EXACT = 2.0**-20


@final
@dataclass(frozen=True, eq=False)
class IntWeight:
    """An integer weight tensor and the codec that carries it.

    Attributes:
        values: int64 ``[KH * KW, CO, CI / groups]``, what enters the multiplier.
        type: narrowest useful type of ``values``.
        scale: float64 ``[CO]`` or ``[1]``, negative where a file's codebook has it so; hardware has it in
            ``Requant.mult``.
        codec: name of an entry of ``codecs.CODECS``.
        precision: what was asked for or found, in the config's spelling (``int8``, ``fixed<8,1>``, ``codebook<16>``);
            ``int4/32`` has a factor per 32 input channels.
        books: of a codebook: output channel ``c`` takes its centroids from book ``c * books // CO``.
        block: of block-scaled weights: neighbouring input channels that share a factor; 0 otherwise.
        factors: of block-scaled weights, int64 ``[KH * KW, CO, ceil(CI / groups / block)]``, 1 or more; the first
            axis has size 1 where all taps share them.  Every value is a whole multiple of its block's factor.
    """

    values: Int64Array
    type: IntType
    scale: FloatArray
    codec: str
    precision: str
    books: int = 1
    block: int = 0
    factors: Int64Array | None = None


@final
@dataclass(frozen=True, eq=False)
class Structure:
    """Codes that float weights of a file betray.

    Attributes:
        weight: the codes; ``weight.values * weight.scale`` are the file's weights.
        error: greatest difference between the two, relative to the greatest weight; 0 but for float32's rounding,
            unless centroids, or products of codes and factors of blocks, had to be rounded to 16 bits.
    """

    weight: IntWeight
    error: float

    @property
    def exact(self) -> bool:
        """Whether the codes stand for the file's weights to within float32's rounding."""
        return self.error < EXACT


def weight_type(codes: Int64Array) -> IntType:
    """Return the narrowest signed type of at least 2 bits: widths come from the codes, not from nominal bits."""
    found = IntType.covering(min(int(codes.min()), -1), max(int(codes.max()), 0))
    return IntType(max(2, found.bits), signed=True)
