"""Precision strings of the config, in hls4ml's spelling: ``int8``, ``uint8``, ``fixed<8,3>``, ``ufixed<8,0>``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, final

#: Legal widths of weights and activations.
MIN_BITS, MAX_BITS = 2, 16
#: ``fixed<W,I>``: the binary point may stand this far outside the word.
MIN_INT_BITS, MAX_INT_BITS = -32, 32

LEGAL = (
    "int<N>, uint<N> (activations), fixed<W,I> or ufixed<W,I> (activations), "
    f"N and W in {MIN_BITS}..{MAX_BITS}; for example int8 or fixed<8,3>"
)
#: The same grammar as a JSON schema pattern; ranges are checked by ``Precision.parse``.
PATTERN = r"^(ap_)?(u?int ?(<[0-9]+>|[0-9]+)|u?fixed ?<[0-9]+, ?-?[0-9]+>)$"

_INT = re.compile(r"(?:ap_)?(u?)int(?:<(\d{1,4})>|(\d{1,4}))\Z", re.ASCII)
_FIXED = re.compile(r"(?:ap_)?(u?)fixed<(\d{1,4}),(-?\d{1,4})>\Z", re.ASCII)
_FIXED_MODES = re.compile(r"(?:ap_)?u?fixed<\d+,-?\d+,.*>\Z", re.ASCII)


@final
@dataclass(frozen=True)
class Precision:
    """A number format as asked for; the scale of ``int`` comes from calibration, ``fixed`` says it itself.

    Attributes:
        kind: ``int`` (affine) or ``fixed`` (power-of-two scale ``2**(int_bits - bits)``).
        bits: width of a code, 2..16.
        int_bits: integer bits of ``fixed``, the sign included; 0 for ``int``.
        signed: True for ``fixed``, False for ``uint`` and ``ufixed``, None for ``int``: the range decides.
    """

    kind: Literal["int", "fixed"]
    bits: int
    int_bits: int = 0
    signed: bool | None = None

    def __post_init__(self) -> None:
        if not MIN_BITS <= self.bits <= MAX_BITS:
            raise ValueError(f"width must be in {MIN_BITS}..{MAX_BITS}, not {self.bits}")
        if not MIN_INT_BITS <= self.int_bits <= MAX_INT_BITS:
            raise ValueError(f"integer bits must be in {MIN_INT_BITS}..{MAX_INT_BITS}, not {self.int_bits}")

    @property
    def for_weights(self) -> bool:
        """Whether weights may have it: they are signed."""
        return self.signed is not False

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
        if found := _INT.match(compact):
            return Precision("int", int(found[2] or found[3]), 0, False if found[1] else None)
        if found := _FIXED.match(compact):
            return Precision("fixed", int(found[2]), int(found[3]), not found[1])
        if _FIXED_MODES.match(compact):
            raise ValueError(f"rounding and overflow modes are not configurable (always AP_RND, AP_SAT): {text!r}")
        raise ValueError(f"is not a precision: {text!r}; legal: {LEGAL}")

    def __str__(self) -> str:
        if self.kind == "int":
            return f"{'u' if self.signed is False else ''}int{self.bits}"
        return f"{'' if self.signed else 'u'}fixed<{self.bits},{self.int_bits}>"
