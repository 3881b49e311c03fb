"""The ports to external memory in the top of the RTL: readers, writers, and what their streams are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from gan2hls.hardware import ADDRESS_BITS, OUTSTANDING, MemoryMap, Port
from gan2hls.ops import burst_beats, queue_beats

#: Bits of the identifiers of a port.
ID_BITS = 2
#: A stream of a port: its number among those that are read, or written.
_Place = tuple[str, int]


@final
@dataclass(frozen=True)
class Wires:
    """What some streams of ports are called: expressions.  Names of tensors end differently."""

    beats: str
    valids: str
    readies: str


@final
@dataclass(frozen=True)
class Weights:
    """The streams of weights that come to an engine, and its number among those to which some do."""

    wires: Wires
    engine: int


@final
@dataclass(frozen=True)
class RingEnds:
    """The streams of a ring in external memory."""

    written: Wires
    read: Wires


def memory_context(memory: MemoryMap) -> dict[str, Any]:
    """Return what the template of the top needs to know of external memory."""
    return {
        "bus_bits": memory.bus_bits,
        "size_code": (memory.bus_bits // 8).bit_length() - 1,
        "strobe_bits": memory.bus_bits // 8,
        "address_bits": ADDRESS_BITS,
        "id_bits": ID_BITS,
        "frame_bytes": memory.frame_bytes,
        "span": memory.span,
        "engines": len(memory.engines),
        "regions": memory.regions,
        "rings": memory.rings,
        "ports": [_port(port) for port in memory.ports],
    }


def ring_ends(memory: MemoryMap) -> dict[str, RingEnds]:
    """Return the streams of each ring, by name."""
    return {
        ring.name: RingEnds(_wires("b", [(port.suffix, n)]), _wires("w", [(port.suffix, len(port.regions) + n)]))
        for port in memory.ports
        for n, ring in enumerate(port.rings)
    }


def weights_of(memory: MemoryMap, layer: str) -> Weights | None:
    """Return the streams of weights that come to the engine of ``layer``, by decoder; None: it reads none."""
    readers = [engine.layer.name for engine in memory.engines]
    if layer not in readers:
        return None
    places = {region: (port.suffix, n) for port in memory.ports for n, region in enumerate(port.regions)}
    return Weights(_wires("w", [places[region] for region in memory.regions_of(layer)]), readers.index(layer))


def _wires(vector: str, places: Sequence[_Place]) -> Wires:
    """Return streams of ``vector``, the first in the least bits; places have the suffix of their port."""
    (suffix, first), count = places[0], len(places)
    if count > 1 and list(places) == [(suffix, first + n) for n in range(count)]:
        return Wires(*(f"{vector}{suffix}_{signal}[{first}+:{count}]" for signal in _SIGNALS))
    every = (", ".join(f"{vector}{of}_{signal}[{n}]" for of, n in reversed(places)) for signal in _SIGNALS)
    return Wires(*(f"{{{names}}}" if count > 1 else names for names in every))


_SIGNALS = "beats", "valids", "readies"


def _port(port: Port) -> dict[str, Any]:
    """Return what the template needs to know of a port, its reader and its writer."""
    regions, rings, burst = port.regions, port.rings, burst_beats(port.bus_bits)
    reader = {
        "Clients": len(regions) + len(rings),
        "DataBits": port.bus_bits,
        "AddrBits": ADDRESS_BITS,
        "IdBits": ID_BITS,
        "BurstBeats": burst,
        "QueueBeats": queue_beats(port.bus_bits),
        "Outstanding": OUTSTANDING,
        "Offsets": _packed([r.offset for r in regions] + [r.offset for r in rings]),
        "Beats": _packed([r.beats for r in regions] + [r.ring.beats for r in rings]),
    }
    if any(r.turns > 1 for r in regions):
        reader["Turns"] = _packed([r.turns for r in regions] + [1] * len(rings))
        reader["Passes"] = _packed([r.passes for r in regions] + [1] * len(rings))
    if rings:
        reader["Lengths"] = _packed([burst] * len(regions) + [r.ring.burst for r in rings])
        reader["Slots"] = _packed([0] * len(regions) + [r.ring.slots for r in rings])
    writer = {
        "Clients": len(rings),
        "DataBits": port.bus_bits,
        "AddrBits": ADDRESS_BITS,
        "QueueBeats": 2 * burst,
        "SlotBytes": burst * port.bus_bits // 8,
        "Outstanding": OUTSTANDING,
        "Offsets": _packed(r.offset for r in rings),
        "Beats": _packed(r.ring.beats for r in rings),
        "Lengths": _packed(r.ring.burst for r in rings),
        "Slots": _packed(r.ring.slots for r in rings),
    }
    return {
        "axi": port.axi,
        "suffix": port.suffix,
        "regions": regions,
        "rings": rings,
        "errors": [f"read_error{port.suffix}", *([f"write_error{port.suffix}"] if rings else [])],
        "reader": reader,
        "writer": writer,
    }


def _packed(values: Iterable[int]) -> str:
    """Return a packed array of 32-bit numbers, element 0 last."""
    words = ", ".join(f"32'd{value}" for value in reversed(list(values)))
    return f"{{{words}}}"
