"""What a design may take of its part: of each resource the share that the target allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from gan2hls.base import ConfigError
from gan2hls.fabric import BRAM18_BITS, URAM_BITS, Family, Resources
from gan2hls.hardware.memory_map import MemoryMap
from gan2hls.hardware.parts import part_family, part_resources

DEFAULT_PART = "xc7z020clg400-1"
#: Of what is not known of a part there is enough.
_ENOUGH = 1 << 40
#: Part of a port's beats that a memory brings: refresh, opened pages and other masters take the rest.
_PORT_SHARE = 0.8
#: Part of a budget that is taken to be left where what stands aside takes more than all of it.
_LEAST_ROOM = 8
#: What resources are called in messages.
RESOURCE_NAMES = {
    "dsp": "DSP blocks",
    "lut": "LUTs",
    "ff": "flip-flops",
    "bram18": "block RAMs of 18 kbit",
    "uram": "UltraRAMs",
}


@final
@dataclass(frozen=True)
class Utilization:
    """Share of each resource of a part that a design may take; what is left of LUTs and flip-flops eases routing."""

    dsp: float = 1.0
    lut: float = 0.8
    ff: float = 0.8
    bram: float = 1.0
    uram: float = 1.0

    def of(self, there: Resources) -> Resources:
        """Return the share of what is ``there``."""
        shares = (self.dsp, self.lut, self.ff, self.bram, self.uram)
        return Resources(*(int(share * count) for share, count in zip(shares, there.counts, strict=True)))


def part_budget(part: str, dsp: int | None, utilization: Utilization) -> Resources:
    """Return what may be taken of ``part``; ``dsp`` blocks where they are given.

    Of a part that is not listed LUTs and flip-flops are those of the default one, so that lanes without multipliers do
    not grow without end, there are block RAMs enough, and no UltraRAMs.
    """
    try:
        there = part_resources(part)
    except ConfigError:
        if dsp is None:
            raise
        default = part_resources(DEFAULT_PART)
        there = Resources(0, default.lut, default.ff, _ENOUGH)
    most = utilization.of(there)
    return most if dsp is None else Resources(dsp, most.lut, most.ff, most.bram18, most.uram)


def lifted(budget: Resources, names: frozenset[str]) -> Resources:
    """Return ``budget`` with enough of the resources called ``names``."""
    return Resources(**{name: _ENOUGH if name in names else count for name, count in budget})


def room_beside(budget: Resources, aside: Resources) -> Resources:
    """Return what ``aside`` leaves of ``budget``, or a small part of it, so that what is scarce has a price."""
    pairs = zip(budget.counts, aside.counts, strict=True)
    return Resources(*(max(most - taken, most // _LEAST_ROOM) for most, taken in pairs))


def excess(taken: Resources, most: Resources) -> dict[str, tuple[int, int]]:
    """Return of which resources ``taken`` has more than ``most``: both numbers, by name."""
    limits = dict(most)
    return {name: (count, limits[name]) for name, count in taken if count > limits[name]}


def excess_text(taken: Resources, most: Resources) -> str:
    """Return what is needed too much of, and how much may be taken."""
    return " and ".join(
        f"{need:,} {RESOURCE_NAMES[name]}, {limit:,} are allowed" for name, (need, limit) in excess(taken, most).items()
    )


@final
@dataclass(frozen=True)
class MemoryPort:
    """The ports to external memory, which are alike, and which weights come through them.

    Attributes:
        bits: of a beat.
        gbps: gigabytes a second that one brings; None: ``_PORT_SHARE`` of a beat a clock.
        off_chip: whether all weights come through it; None: those that block RAM does not hold.
        maps: whether long queues and maps of normalizations may stand behind it, where block RAM does not hold them.
        entropy: whether they are Huffman-coded where that saves bytes.
        may_narrow: whether a port may have half of ``bits`` where no design fits otherwise: each queue off chip takes
            registers and LUTs by its width.
        ports: that there may be.
        planned: of those, how many are to carry all that crosses them; None: all.
    """

    bits: int = 64
    gbps: float | None = None
    off_chip: bool | None = None
    maps: bool = True
    entropy: bool = True
    may_narrow: bool = False
    ports: int = 1
    planned: int | None = None

    @property
    def carrying(self) -> int:
        """Ports to plan with."""
        return self.ports if self.planned is None else self.planned

    def bytes_per_clock(self, clock_mhz: float) -> float:
        """Return what one of them carries in a clock."""
        beat = self.bits / 8
        return _PORT_SHARE * beat if self.gbps is None else min(beat, self.gbps * 1e3 / clock_mhz)


@final
@dataclass(frozen=True)
class Target:
    """What the design is folded for.

    Attributes:
        part: FPGA part name.
        clock_mhz: clock frequency.
        fps: frames a second wanted; the cheapest folding that reaches it is taken.  None: as fast as fits.
        dsp: DSP blocks to use at most; None: those of the part.
        utilization: of the part, at most.
        memory_bits: bits of block RAM and UltraRAM to use at most, whole blocks; None: those of the part.
        oversize: make the design that comes nearest where none fits.
        memory: the ports to external memory.
        share: whether layers take turns at one engine, where they can; None: where nothing fits otherwise.
        batch: frames of the generator that come together, as one frame of the design.
        prefetch: whether rows of the next band come, and codes of the one before leave, while a band is computed; if
            not, line buffers and codes may have less room than that takes.
    """

    part: str = DEFAULT_PART
    clock_mhz: float = 200.0
    fps: float | None = None
    dsp: int | None = None
    utilization: Utilization = Utilization()
    oversize: bool = False
    memory: MemoryPort = MemoryPort()
    memory_bits: int | None = None
    share: bool | None = None
    batch: int = 1
    prefetch: bool = True

    @property
    def family(self) -> Family:
        """Family of the part."""
        return part_family(self.part)

    @property
    def budget(self) -> Resources:
        """What may be taken."""
        return self.budget_of(self.part, self.utilization)

    def budget_of(self, part: str, utilization: Utilization) -> Resources:
        """Return what may be taken of ``part``, or of a share of it, within the limits that are no part's."""
        room = part_budget(part, self.dsp, utilization)
        if self.memory_bits is None:
            return room
        bram18 = min(room.bram18, self.memory_bits // BRAM18_BITS)
        left = self.memory_bits - bram18 * BRAM18_BITS
        return replace(room, bram18=bram18, uram=min(room.uram, left // URAM_BITS))

    @property
    def has_ultra(self) -> bool:
        """Whether UltraRAMs may be taken."""
        return self.budget.uram > 0

    def with_port(self, memory: MemoryMap | None) -> Target:
        """Return it with memory ports as wide as those of a design, if that has any."""
        return self if memory is None else replace(self, memory=replace(self.memory, bits=memory.bus_bits))

    @property
    def cycles(self) -> int | None:
        """Clocks of a frame of the design that ``fps`` leaves."""
        return None if self.fps is None else int(self.batch * self.clock_mhz * 1e6 / self.fps)

    def rate(self, cycles: int) -> int:
        """Return the whole frames a second of a design whose frames follow in ``cycles`` clocks."""
        return int(self.batch * self.clock_mhz * 1e6 / cycles)
