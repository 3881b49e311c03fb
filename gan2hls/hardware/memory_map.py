"""External memory: what stands where in it, and the port that reads it.

All weights that are off chip stand in one image.  Each engine has a region, the weights of one pass over them in the
order in which they are read; the engine reads it from end to end, over and over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from gan2hls.hardware.linear_engine import LinearEngine

#: Bytes that no AXI4 burst may cross, and so what regions begin at multiples of.  Source: ARM IHI 0022, A3.4.1.
BOUNDARY = 4096
#: Bytes of a burst at most: long enough for a DDR memory to open a page once, short enough for engines to take turns.
_BURST_BYTES = 256
_MOST_BEATS = 16
#: Bits of addresses: 4 GiB.
ADDRESS_BITS = 32


def burst_beats(bus_bits: int) -> int:
    """Return the beats of a burst at most, a power of two."""
    return min(_MOST_BEATS, _BURST_BYTES * 8 // bus_bits)


def queue_beats(bus_bits: int) -> int:
    """Return the beats of the queue of a region: bursts are on their way while one is used up."""
    return 4 * burst_beats(bus_bits)


@final
@dataclass(frozen=True)
class Region:
    """The weights of an engine in external memory, or those of one of its decoders.

    Attributes:
        layer: name of its layer.
        stream: number of the decoder; 0 without decoders.
        offset: of its first byte in the image.
        beats: of the memory port, of one pass.
        passes: over it in a frame.
        bus_bits: width of the port.
    """

    layer: str
    stream: int
    offset: int
    beats: int
    passes: int
    bus_bits: int

    @property
    def size(self) -> int:
        """Bytes, filled up to whole beats."""
        return self.beats * self.bus_bits // 8

    @property
    def frame_beats(self) -> int:
        """Beats of the port in a frame."""
        return self.passes * self.beats


@final
@dataclass(frozen=True, eq=False)
class MemoryMap:
    """Everything that stands in external memory.

    Attributes:
        engines: those whose weights do, all on a port of one width.
    """

    engines: tuple[LinearEngine, ...]

    @property
    def bus_bits(self) -> int:
        """Width of the port."""
        (bits,) = {engine.off_chip.bus_bits for engine in self.engines if engine.off_chip is not None}
        return bits

    @property
    def burst_beats(self) -> int:
        """Beats of a burst at most, a power of two."""
        return burst_beats(self.bus_bits)

    @property
    def queue_beats(self) -> int:
        """Beats that the reader keeps for each region: bursts are on their way while one is used up."""
        return queue_beats(self.bus_bits)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """What stands where, in the order of the engines."""
        found, offset = [], 0
        for engine in self.engines:
            for n, beats in enumerate(engine.stream_beats):
                found.append(Region(engine.layer.name, n, offset, beats, engine.bands.count, self.bus_bits))
                offset += _whole(found[-1].size)
        return tuple(found)

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return sum(_whole(region.size) for region in self.regions)

    @property
    def frame_bytes(self) -> int:
        """Bytes that cross the port in a frame."""
        return sum(region.frame_beats for region in self.regions) * self.bus_bits // 8

    def regions_of(self, layer: str) -> tuple[Region, ...]:
        """Return the regions of a layer, by stream."""
        return tuple(region for region in self.regions if region.layer == layer)

    def image(self) -> bytes:
        """Return the image: every region at its offset, zeros between them."""
        image = bytearray(self.size)
        for engine in self.engines:
            contents = engine.stream_contents()
            for region, content in zip(self.regions_of(engine.layer.name), contents, strict=True):
                assert len(content) == region.size, f"{region.layer}: {len(content)} bytes"
                image[region.offset : region.offset + region.size] = content
        return bytes(image)


def _whole(size: int) -> int:
    """Return ``size`` filled up, so that what follows begins where no burst crosses a boundary."""
    return -(-size // BOUNDARY) * BOUNDARY


def memory_map(engines: Sequence[object]) -> MemoryMap | None:
    """Return the map of the engines whose weights are off chip; None: there are none."""
    found = tuple(e for e in engines if isinstance(e, LinearEngine) and e.off_chip is not None)
    return MemoryMap(found) if found else None
