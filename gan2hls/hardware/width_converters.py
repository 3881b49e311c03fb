"""Width converters: which of them stand between two streams of different width, in the RTL and in the HLS C++."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, lcm
from typing import Literal, final


@final
@dataclass(frozen=True)
class Converter:
    """One width converter.

    Attributes:
        direction: ``up`` joins ``ratio`` narrow beats, ``down`` splits a wide one.
        narrow: elements of a narrow beat.
        ratio: narrow beats of a wide one, at least 2.
    """

    direction: Literal["up", "down"]
    narrow: int
    ratio: int

    @property
    def out_lanes(self) -> int:
        """Elements of a beat that leaves."""
        return self.narrow * self.ratio if self.direction == "up" else self.narrow


def converters(source: int, sink: int, elements: int, interval: int) -> tuple[Converter, ...]:
    """Return the converters from ``source`` to ``sink`` elements a beat, in stream order.

    Where neither width divides the other, the stream goes through their greatest common divisor if that is at most
    half busy with the ``elements`` of a frame within ``interval`` clocks, else through their least common multiple,
    which costs more registers and slows nothing down.
    """
    if source == sink:
        return ()
    if sink % source == 0:
        return (Converter("up", source, sink // source),)
    if source % sink == 0:
        return (Converter("down", sink, source // sink),)
    common, multiple = gcd(source, sink), lcm(source, sink)
    if 2 * elements <= common * interval:
        return Converter("down", common, source // common), Converter("up", common, sink // common)
    return Converter("up", source, multiple // source), Converter("down", sink, multiple // sink)
