"""Precision strings of the config: hls4ml's ``int8``, ``fixed<8,3>``, ..., and our codecs beside them.

=====================  ==================================================================================
``int<N>``             affine: uniform, the scale comes from the values
``uint<N>``            the same, unsigned, for activations
``fixed<W,I>``         power-of-two scale ``2**(I - W)``; ``ufixed<W,I>`` for activations
``flex<N,E>``          Flexpoint: N-bit mantissas, one E-bit exponent per tensor, found from the values
``binary``             {-1, +1} times a scale per output channel
``ternary``            {-1, 0, +1} times a scale per output channel
``codebook<K>``        K centroids of 8 bits, ``codebook<K,B>`` of B bits
=====================  ==================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, final

#: Legal widths of weights and activations.
MIN_BITS, MAX_BITS = 2, 16
#: ``fixed<W,I>``: the binary point may stand this far outside the word.
MIN_INT_BITS, MAX_INT_BITS = -32, 32
#: ``codebook<K>``.
MIN_CENTROIDS, MAX_CENTROIDS = 2, 256
#: Width of a centroid where the precision does not say it.
CENTROID_BITS = 8
#: ``flex<N,E>``: width of the shared exponent.  Source: Koester et al. 2017 (Flexpoint), whose flex16+5 has 5.
MIN_EXPONENT_BITS, MAX_EXPONENT_BITS = 3, 8

Kind = Literal["int", "fixed", "flex", "binary", "ternary", "codebook"]
#: Kinds of weights only: an activation has no such codes.
WEIGHTS_ONLY: tuple[Kind, ...] = ("binary", "ternary", "codebook")

LEGAL = (
    "int<N>, uint<N> (activations), fixed<W,I> or ufixed<W,I> (activations), flex<N,E>, and for weights binary, "
    f"ternary, codebook<K> or codebook<K,B>; N, W and B in {MIN_BITS}..{MAX_BITS}, K in "
    f"{MIN_CENTROIDS}..{MAX_CENTROIDS}; for example int8, fixed<8,3> or codebook<16>"
)
#: The same grammar as a JSON schema pattern; ranges are checked by ``Precision.parse``.
PATTERN = (
    r"^((ap_)?(u?int ?(<[0-9]+>|[0-9]+)|u?fixed ?<[0-9]+, ?-?[0-9]+>)|flex ?<[0-9]+, ?[0-9]+>"
    r"|binary|ternary|codebook ?<[0-9]+(, ?[0-9]+)?>)$"
)

_INT = re.compile(r"(?:ap_)?(u?)int(?:<(\d{1,4})>|(\d{1,4}))\Z", re.ASCII)
_FIXED = re.compile(r"(?:ap_)?(u?)fixed<(\d{1,4}),(-?\d{1,4})>\Z", re.ASCII)
#: What is left of a format with a comma where YAML splits it, as in ``{weight: fixed<8,1>}``.
_CUT = re.compile(r"(?:(?:ap_)?u?fixed|flex|codebook)<\d+$")
_FIXED_MODES = re.compile(r"(?:ap_)?u?fixed<\d+,-?\d+,.*>\Z", re.ASCII)
_FLEX = re.compile(r"flex<(\d{1,4}),(\d{1,4})>\Z", re.ASCII)
_CODEBOOK = re.compile(r"codebook<(\d{1,4})(?:,(\d{1,4}))?>\Z", re.ASCII)


@final
@dataclass(frozen=True)
class Precision:
    """A number format as asked for; all but ``fixed`` take their scale from the values.

    Attributes:
        kind: ``int`` (affine), ``fixed`` (power-of-two scale ``2**(int_bits - bits)``), ``flex`` (power-of-two scale
            from the values), or a codec's.
        bits: width of a code, 2..16; of a centroid for ``codebook``; 2 for ``binary`` and ``ternary``, whose weights
            enter the adders as 2-bit integers.
        int_bits: integer bits of ``fixed``, the sign included; exponent bits of ``flex``; 0 otherwise.
        signed: True for ``fixed``, False for ``uint`` and ``ufixed``, None otherwise: the range decides.
        centroids: K of ``codebook``, 0 otherwise.
    """

    kind: Kind
    bits: int
    int_bits: int = 0
    signed: bool | None = None
    centroids: int = 0

    def __post_init__(self) -> None:
        if not MIN_BITS <= self.bits <= MAX_BITS:
            raise ValueError(f"width must be in {MIN_BITS}..{MAX_BITS}, not {self.bits}")
        if self.kind == "fixed" and not MIN_INT_BITS <= self.int_bits <= MAX_INT_BITS:
            raise ValueError(f"integer bits must be in {MIN_INT_BITS}..{MAX_INT_BITS}, not {self.int_bits}")
        if self.kind == "flex" and not MIN_EXPONENT_BITS <= self.int_bits <= MAX_EXPONENT_BITS:
            raise ValueError(f"exponent bits must be in {MIN_EXPONENT_BITS}..{MAX_EXPONENT_BITS}, not {self.int_bits}")
        if self.kind == "codebook" and not MIN_CENTROIDS <= self.centroids <= MAX_CENTROIDS:
            raise ValueError(f"centroids must be in {MIN_CENTROIDS}..{MAX_CENTROIDS}, not {self.centroids}")

    @property
    def for_weights(self) -> bool:
        """Whether weights may have it: they are signed."""
        return self.signed is not False

    @property
    def for_activations(self) -> bool:
        """Whether activations may have it."""
        return self.kind not in WEIGHTS_ONLY

    @property
    def code_bits(self) -> int:
        """Bits of a weight's code."""
        match self.kind:
            case "binary":
                return 1
            case "codebook":
                return (self.centroids - 1).bit_length()
            case _:
                return self.bits

    @staticmethod
    def parse(text: object) -> Precision:
        """Read a precision string; blanks do not matter, hls4ml's ``ap_`` prefix and ``int<8>`` are taken.

        Raises:
            ValueError: not a precision, or a width out of range; the message says what is legal.
        """
        if isinstance(text, Precision):
            return text
        if not isinstance(text, str):
            raise ValueError(f"must be a precision string, not {text!r}; legal: {LEGAL}")
        compact = text.replace(" ", "").lower()
        if compact in ("binary", "ternary"):
            return Precision("binary" if compact == "binary" else "ternary", MIN_BITS)
        if found := _INT.match(compact):
            return Precision("int", int(found[2] or found[3]), 0, False if found[1] else None)
        if found := _FIXED.match(compact):
            return Precision("fixed", int(found[2]), int(found[3]), not found[1])
        if found := _FLEX.match(compact):
            return Precision("flex", int(found[1]), int(found[2]))
        if found := _CODEBOOK.match(compact):
            return Precision("codebook", int(found[2] or CENTROID_BITS), centroids=int(found[1]))
        if _FIXED_MODES.match(compact):
            raise ValueError(f"rounding and overflow modes are not configurable (always AP_RND, AP_SAT): {text!r}")
        if _CUT.match(compact):
            raise ValueError(f"is cut off at its comma: {text!r}; between braces or brackets write it in quotes")
        raise ValueError(f"is not a precision: {text!r}; legal: {LEGAL}")

    def __str__(self) -> str:
        match self.kind:
            case "int":
                return f"{'u' if self.signed is False else ''}int{self.bits}"
            case "fixed":
                return f"{'' if self.signed else 'u'}fixed<{self.bits},{self.int_bits}>"
            case "flex":
                return f"flex<{self.bits},{self.int_bits}>"
            case "codebook":
                width = "" if self.bits == CENTROID_BITS else f",{self.bits}"
                return f"codebook<{self.centroids}{width}>"
            case _:
                return self.kind
