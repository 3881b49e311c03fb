"""A vector of what an FPGA has, or what a part of a design takes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from typing import final


@final
@dataclass(frozen=True)
class Resources:
    """DSP blocks, LUTs, flip-flops, block RAMs of 18 kbit (a block of 36 kbit is two of them), and UltraRAMs."""

    dsp: int = 0
    lut: int = 0
    ff: int = 0
    bram18: int = 0
    uram: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.dsp + other.dsp,
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram18 + other.bram18,
            self.uram + other.uram,
        )

    def __sub__(self, other: Resources) -> Resources:
        return self + -1 * other

    def __rmul__(self, count: int) -> Resources:
        return Resources(*(count * number for number in astuple(self)))

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the number of each resource."""
        return ((field.name, getattr(self, field.name)) for field in fields(self))

    def within(self, most: Resources) -> bool:
        """Whether ``most`` has enough of everything."""
        return (
            self.dsp <= most.dsp
            and self.lut <= most.lut
            and self.ff <= most.ff
            and self.bram18 <= most.bram18
            and self.uram <= most.uram
        )


def overall(parts: Iterable[Resources]) -> Resources:
    """Return what all ``parts`` take together."""
    return sum(parts, Resources())
