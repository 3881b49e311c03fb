"""External memory: what stands where in it, and the ports that lead there.

All weights that are off chip stand in one image.  Each engine has a region, the weights of one pass over them in the
order in which they are read; the engine reads it from end to end, over and over.  Behind the image lie rings: long
queues and the maps of normalizations, which the design writes and reads itself.  Each region and each ring is reached
through one port; where there are several, that is chosen so that they carry about as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.packing import packed
from gan2hls.ops import BOUNDARY, OffChipRing, burst_beats, queue_beats

#: Bits of addresses: 4 GiB.
ADDRESS_BITS = 32
#: Bursts that may be on their way, each way.
OUTSTANDING = 8


@final
@dataclass(frozen=True)
class Region:
    """The weights of an engine in external memory, or those of one of its decoders.

    Attributes:
        layer: name of its layer.
        stream: number of the decoder; 0 without decoders.
        offset: of its first byte in the image.
        beats: of the memory port, of one pass.
        passes: over it in a frame; of several layers over each of them.
        bus_bits: width of the port.
        turns: layers whose weights stand in it one behind the other.
        stride: beats from the weights of one of them to those of the next.
    """

    layer: str
    stream: int
    offset: int
    beats: int
    passes: int
    bus_bits: int
    turns: int = 1
    stride: int = 0

    @property
    def all_beats(self) -> int:
        """Beats of the weights of all its layers, and of what lies between."""
        return self.turns * self.stride if self.turns > 1 else self.beats

    @property
    def size(self) -> int:
        """Bytes, filled up to whole beats."""
        return self.all_beats * self.bus_bits // 8

    @property
    def frame_beats(self) -> int:
        """Beats of the port in a frame."""
        return self.turns * self.passes * self.beats


@final
@dataclass(frozen=True)
class PlacedRing:
    """A ring and where it stands.

    Attributes:
        name: of the instance that has its ends: reader and input of a queue, the layer of a map.
        about: what it is called in reports.
        offset: of its first byte behind the base of the image.
        ring: what it is.
    """

    name: str
    about: str
    offset: int
    ring: OffChipRing


@final
@dataclass(frozen=True)
class Port:
    """What is reached through a port.

    Attributes:
        regions: of weights, in the order in which they stand.
        rings: of queues and maps, likewise.
        bus_bits: its width.
        suffix: its number, which tells its names from those of others; nothing where it is alone.
    """

    regions: tuple[Region, ...]
    rings: tuple[PlacedRing, ...]
    bus_bits: int
    suffix: str

    @property
    def axi(self) -> str:
        """What its signals begin with: AXI4's names stand behind a ``_``."""
        return f"m_axi_{self.suffix}" if self.suffix else "m_axi"

    @property
    def read_beats(self) -> int:
        """Beats that are read through it in a frame."""
        rings = sum(placed.ring.frame_bytes for placed in self.rings) * 8 // self.bus_bits
        return sum(region.frame_beats for region in self.regions) + rings


@final
@dataclass(frozen=True, eq=False)
class MemoryMap:
    """Everything that stands in external memory.

    Attributes:
        engines: those whose weights do, all on ports of one width.
        queues: name, label and ring of each queue and map that is there, on the same ports.
        most_ports: ports that there may be; there are less where less than so many stand in it.
    """

    engines: tuple[LinearEngine, ...]
    queues: tuple[tuple[str, str, OffChipRing], ...] = ()
    most_ports: int = 1

    @property
    def widths(self) -> set[int]:
        """Widths of a port that its users count on: one."""
        widths = {engine.off_chip.bus_bits for engine in self.engines if engine.off_chip is not None}
        return widths | {ring.bus_bits for _, _, ring in self.queues}

    @property
    def bus_bits(self) -> int:
        """Width of a port."""
        (bits,) = self.widths
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
                sharing = (len(engine.turns), engine.turn_stride) if engine.turns else ()
                found.append(Region(engine.layer.name, n, offset, beats, engine.bands.count, self.bus_bits, *sharing))
                offset += _whole(found[-1].size)
        return tuple(found)

    @cached_property
    def rings(self) -> tuple[PlacedRing, ...]:
        """Where rings stand, behind the image."""
        found, offset = [], self.size
        for name, about, ring in self.queues:
            found.append(PlacedRing(name, about, offset, ring))
            offset += _whole(ring.size)
        return tuple(found)

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """What is reached through which port: that with the most bytes of a frame, both ways, chooses first."""
        clients = [*self.regions, *self.rings]
        spent = [region.frame_beats * self.bus_bits // 8 for region in self.regions]
        spent += [2 * placed.ring.frame_bytes for placed in self.rings]
        ports = packed(spent, min(self.most_ports, len(clients)))
        found = ([clients[client] for client in port] for port in ports)
        return tuple(
            Port(
                tuple(client for client in port if isinstance(client, Region)),
                tuple(client for client in port if isinstance(client, PlacedRing)),
                self.bus_bits,
                str(n) if len(ports) > 1 else "",
            )
            for n, port in enumerate(found)
        )

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return sum(_whole(region.size) for region in self.regions)

    @property
    def span(self) -> int:
        """Bytes from the base of the image to the end of the last ring."""
        return self.size + sum(_whole(ring.size) for _, _, ring in self.queues)

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that are read in a frame."""
        return sum(region.frame_beats for region in self.regions) * self.bus_bits // 8

    @property
    def ring_bytes(self) -> int:
        """Bytes that are written to rings in a frame, and as many that are read from them."""
        return sum(ring.frame_bytes for _, _, ring in self.queues)

    @property
    def frame_bytes(self) -> int:
        """Bytes that cross the ports in a frame, both ways."""
        return self.weight_bytes + 2 * self.ring_bytes

    @property
    def read_cycles(self) -> int:
        """Clocks in which a frame is read, a beat of a port each; what is written has a channel of its own."""
        return max(port.read_beats for port in self.ports)

    def regions_of(self, layer: str) -> tuple[Region, ...]:
        """Return the regions of a layer, by stream."""
        return tuple(region for region in self.regions if region.layer == layer)

    def image(self) -> bytes:
        """Return the image: every region at its offset, zeros between them."""
        image = bytearray(self.size)
        for engine in self.engines:
            contents = iter(engine.stream_contents())
            for region in self.regions_of(engine.layer.name):
                for turn in range(region.turns):
                    content, at = next(contents), region.offset + turn * region.stride * region.bus_bits // 8
                    assert len(content) == region.beats * region.bus_bits // 8, f"{region.layer}: {len(content)} bytes"
                    image[at : at + len(content)] = content
        return bytes(image)


def _whole(size: int) -> int:
    """Return ``size`` filled up, so that what follows begins where no burst crosses a boundary."""
    return -(-size // BOUNDARY) * BOUNDARY


def memory_map(
    engines: Sequence[object], queues: Sequence[tuple[str, str, OffChipRing | None]] = (), ports: int = 1
) -> MemoryMap | None:
    """Return the map of engines whose weights are off chip and of ``queues`` that are; None: there are none.

    ``ports``: that there may be.
    """
    found = tuple(e for e in engines if isinstance(e, LinearEngine) and e.off_chip is not None)
    rings = tuple((name, about, ring) for name, about, ring in queues if ring is not None)
    return MemoryMap(found, rings, ports) if found or rings else None
