"""A vector of what an FPGA has, or what a part of a design takes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

#: Bits of a block RAM, parity bits included, which hold data as others do.
BRAM18_BITS = 18 * 1024
#: Bits of an UltraRAM, likewise.
URAM_BITS = 288 * 1024


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

    def __rmul__(self, times: int) -> Resources:
        return Resources(times * self.dsp, times * self.lut, times * self.ff, times * self.bram18, times * self.uram)

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers alone."""
        return self.dsp, self.lut, self.ff, self.bram18, self.uram

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the number of each resource."""
        return zip(("dsp", "lut", "ff", "bram18", "uram"), self.counts, strict=True)

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
    dsp = lut = ff = bram18 = uram = 0
    for part in parts:
        dsp += part.dsp
        lut += part.lut
        ff += part.ff
        bram18 += part.bram18
        uram += part.uram
    return Resources(dsp, lut, ff, bram18, uram)
