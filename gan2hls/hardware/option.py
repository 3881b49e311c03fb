"""What one folding of a layer costs, and the ways in which it can spare block RAM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, final

from gan2hls.fabric import Family, Resources, bram18, may_be_ultra, memory_cells
from gan2hls.hardware.engine import EngineDesign, Folding, Written
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.off_chip import Bands, OffChip
from gan2hls.hardware.requant_lanes import turn_cycles
from gan2hls.hardware.resources import line_buffer_bram18, resources_beside_requant, rows_resources
from gan2hls.hardware.stream_engine import StreamEngine

#: Bits of weights that are worth a LUT: block RAM over LUTs of the default part.
_BITS_OF_A_LUT = 100
#: Line buffers that are too short, of as many lengths, are compared where a row is one pixel.
_MOST_SHORT = 32
#: What waits for what is before it to end, where line buffers are too short for both: the next frame alone, or the next
#: band of a frame too; "": nothing does.
Short = Literal["", "frame", "band"]


@final
@dataclass(frozen=True)
class Option:
    """One legal folding with what it costs.

    Attributes:
        rows: of a line buffer that is too short to hold the first rows of the next frame, or band, beside the last ones
            of a frame, or band; 0: it is not.
        ultra: memories of its engine that are UltraRAMs.
    """

    folding: Folding
    interval: int
    taken: Resources
    lane_lut: int
    bits: int
    skip: bool
    off_chip: OffChip | None = None
    bus_bits: int = 0
    bus_bytes: int = 0
    rows: int = 0
    ultra: frozenset[Written] = frozenset()

    @property
    def away(self) -> bool:
        """Whether it needs external memory."""
        return self.off_chip is not None or self.bus_bits > 0

    @property
    def spares_ram(self) -> bool:
        """Whether it spares block RAM: by a short line buffer, a band of codes less, or UltraRAMs."""
        return self.rows > 0 or self.single or bool(self.ultra)

    @property
    def single(self) -> bool:
        """Whether the codes of one band alone are kept."""
        return self.off_chip is not None and self.off_chip.banks == 1

    def spares_ram_of(self, other: Option) -> bool:
        """Whether ``other`` is the same without sparing block RAM."""
        off_chip = None if self.off_chip is None else replace(self.off_chip, banks=2)
        same = (self.folding, self.skip, off_chip, self.bus_bits)
        return not other.spares_ram and (other.folding, other.skip, other.off_chip, other.bus_bits) == same

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, int, int, int, int, bool]:
        """What orders options from cheap to dear.

        Those that need external memory stand behind all others, then such that spare block RAM.
        """
        weights, taken = _BITS_OF_A_LUT * self.lane_lut + self.bits, self.taken
        spared = self.rows > 0, self.single, taken.uram
        return self.away, *spared, taken.dsp, weights, taken.bram18, self.lane_lut, self.interval, self.skip


def with_spared(engine: EngineDesign, family: Family, *, short: Short, ultra: bool) -> Iterator[Option]:
    """Yield what ``engine`` takes beside its requantizer; with ``ultra`` and ``short`` also in ways that spare RAM."""
    plain = _option(engine, family)
    yield plain
    if short and isinstance(engine, LinearEngine):
        yield from _with_short_rows(engine, plain, family, prefetch=short == "frame")
        if short == "band" and engine.off_chip is not None and engine.off_chip.banks > 1:
            single = replace(engine, off_chip=replace(engine.off_chip, banks=1))
            if _option(single, family).taken.bram18 < plain.taken.bram18:
                yield from with_spared(single, family, short=short, ultra=False)
    if ultra:
        yield from _with_ultra(engine, plain, family)


def _with_short_rows(engine: LinearEngine, plain: Option, family: Family, *, prefetch: bool) -> Iterator[Option]:
    """Yield ``plain``, what ``engine`` takes, with line buffers that are too short.

    Where rows of the next frame have no place until a frame is done, they come afterwards, at the pace of the frame.
    Those of the next band do so, without ``prefetch``, at the pace of what makes them, which was held up meanwhile: it
    is taken for that of the engine.
    """
    y, blocks = engine.geometry.y, line_buffer_bram18(engine, engine.rows, family)
    bands = Bands(y, 1 if engine.off_chip is None else engine.off_chip.band_rows)
    beside: Resources | None = None
    pixels = engine.geometry.x.in_size == 1  # of a signal there are thousands of rows
    least = bands.frame_rows if prefetch else bands.window
    step = max(1, (engine.rows - least) // _MOST_SHORT) if pixels else 1
    for rows in range(engine.rows - step, least - 1, -step):
        on_time, fewer = y.in_size - bands.late_rows(rows), line_buffer_bram18(engine, rows, family)
        if on_time > 0 and fewer < blocks:
            blocks = fewer
            if engine.occupancy is None:
                beside = beside or plain.taken - rows_resources(engine, engine.rows, family)
                taken = beside + rows_resources(engine, rows, family)
            else:  # a program of its steps has addresses of rows
                taken = resources_beside_requant(replace(engine, rows=rows), family).taken
            interval = -(-plain.interval * y.in_size // on_time)
            interval += -(-plain.interval * bands.waiting_rows(rows) // y.in_size)
            yield replace(plain, taken=taken, interval=interval, rows=rows)


def _with_ultra(engine: EngineDesign, plain: Option, family: Family) -> Iterator[Option]:
    """Yield ``plain``, what ``engine`` takes, with one, two, ... of its memories in UltraRAM.

    First comes that of which an UltraRAM spares most block RAMs.
    """
    sizes = {name: size for name, size in engine.written.items() if may_be_ultra(family, *size)}
    spared = {
        name: bram18(family, *size, "ring") / memory_cells(family, *size, "ultra").uram for name, size in sizes.items()
    }
    order = sorted(sizes, key=lambda name: -spared[name])
    for count in range(1, len(order) + 1):
        ultra = frozenset(order[:count])
        taken = resources_beside_requant(replace(engine, ultra=ultra), family).taken
        yield replace(plain, taken=taken, ultra=ultra)


def _option(engine: EngineDesign, family: Family) -> Option:
    """Return what ``engine`` takes beside its requantizer."""
    found = resources_beside_requant(engine, family)
    return Option(
        engine.folding,
        turn_cycles(engine),
        found.taken,
        found.lane_lut,
        found.weight_bits,
        isinstance(engine, LinearEngine) and engine.left is not None,
        engine.off_chip if isinstance(engine, LinearEngine) else None,
        engine.bus_bits if isinstance(engine, StreamEngine) else 0,
        _bus_bytes(engine),
    )


def _bus_bytes(engine: EngineDesign) -> int:
    """Return the bytes of ``engine`` that cross the memory port in a frame: weights, or a map both ways."""
    if isinstance(engine, LinearEngine):
        return len(engine.layers) * engine.bands.count * engine.pass_bytes
    return 0 if engine.ring is None else 2 * engine.ring.frame_bytes
