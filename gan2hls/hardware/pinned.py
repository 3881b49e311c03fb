"""What a user pins of a layer's folding, among what is legal."""

from __future__ import annotations

from gan2hls.base import FoldingError
from gan2hls.hardware.engine import FoldingRequest
from gan2hls.hardware.groups import divisors, legal_pe, legal_simd
from gan2hls.hardware.line_buffer import linear_op
from gan2hls.model import IntLayer


def pe_choices(layer: IntLayer, request: FoldingRequest) -> list[int]:
    """Return the PE of a linear layer with which SIMD and lanes can be what ``request`` pins.

    Raises:
        FoldingError: a pinned PE, or pinned lanes, that are not legal.
    """
    g = linear_op(layer).geometry
    parts = f"takes neither a part of a group of {g.group_out} output channels nor whole groups"
    pes = _choices(layer, "PE", legal_pe(g), request.pe, parts)
    if request.pe is None and request.simd not in (None, g.group_in):
        pes = [pe for pe in pes if pe <= g.group_out]
    if request.lanes:
        lanes_choices(layer, pes[-1], request.lanes)
        pes = [pe for pe in pes if pe % request.lanes == 0]
    return pes


def simd_choices(layer: IntLayer, pe: int, request: FoldingRequest) -> list[int]:
    """Return the SIMD of a linear layer that ``pe`` and ``request`` leave.

    Raises:
        FoldingError: a pinned SIMD that is not legal.
    """
    g = linear_op(layer).geometry
    whole = f"is not all {g.group_in} input channels of a group, of which PE {pe} spans several"
    return _choices(layer, "SIMD", legal_simd(g, pe), request.simd, whole)


def lanes_choices(layer: IntLayer, channels: int, wanted: int | None) -> list[int]:
    """Return the requantizer lanes that serve ``channels``: the one that is ``wanted``, or all divisors.

    Raises:
        FoldingError: ``wanted`` does not divide.
    """
    return _choices(layer, "lanes", divisors(channels), wanted)


def _choices(layer: IntLayer, what: str, legal: list[int], wanted: int | None, otherwise: str = "") -> list[int]:
    """Return ``wanted`` alone, or all that is ``legal``; ``otherwise`` is said of a divisor that is not."""
    if wanted is None:
        return legal
    if wanted not in legal:
        reason = f"does not divide {legal[-1]}" if legal[-1] % wanted else otherwise
        raise FoldingError(f"{what} {wanted} {reason}", where=layer.name, hint=f"legal values: {legal}")
    return [wanted]
