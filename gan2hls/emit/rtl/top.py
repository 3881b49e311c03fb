"""The top of the RTL: engines, and what the edges between them are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from gan2hls.emit.rtl.memory_ports import RingEnds, Weights, memory_context, ring_ends, weights_of
from gan2hls.hardware import (
    Converter,
    Design,
    Edge,
    EngineDesign,
    LinearEngine,
    StreamPort,
)
from gan2hls.ops import OffChipRing, Shape


@final
@dataclass(frozen=True)
class _Block:
    """An instance that sends a stream.

    Attributes:
        module: what it is.
        name: of the instance.
        inputs: prefix of its ports, and the stream, of each stream that it reads.
        outputs: prefix of its ports, the stream, and bits of a beat, of each stream that it sends.
        parameters: of the module.
        weights: that it reads from external memory; None: it reads none.
        ring: in external memory, whose ends it has; None: it has none.
        holds: name of the ring that holds its map; None: there is none.
    """

    module: str
    name: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str, int], ...]
    parameters: dict[str, int] = field(default_factory=dict)
    weights: Weights | None = None
    ring: RingEnds | None = None
    holds: str | None = None


def top_context(design: Design) -> dict[str, Any]:
    """Return what the template of the top needs to know."""
    forks = {tensor: design.edges_from(tensor) for tensor in design.streams}
    forks = {tensor: edges for tensor, edges in forks.items() if len(edges) > 1}
    streams = [(given.tensor, given.bits) for given in design.inputs]
    streams += [(edge.name, edge.source.bits) for edges in forks.values() for edge in edges]
    blocks: list[_Block] = []
    rings = {} if design.memory is None else ring_ends(design.memory)
    engines = []
    for engine in design.units:
        arriving = []
        for edge in design.edges_into(engine):
            on_the_way = _edge_blocks(edge, rings, alone=len(design.engine(edge.reader).layer.inputs) == 1)
            blocks += on_the_way
            arriving.append(on_the_way[-1].name if on_the_way else edge.name)
        blocks.append(_engine_block(design, engine, arriving))
        engines += _traced(engine, arriving)
        if engine.ring is not None:
            blocks.append(
                _ring_block(
                    f"{engine.layer.name}_held", f"{engine.layer.name}_map", engine.ring, rings[engine.layer.name]
                )
            )
    streams += [(name, bits) for block in blocks for _, name, bits in block.outputs]
    streams += [(f"{engine.layer.name}_map", engine.ring.width) for engine in design.units if engine.ring is not None]
    assert len({name for name, _ in streams}) == len(streams), "stream names repeat"
    sources = [_port(port, port.stream.tensor) for port in design.sources]
    sinks = [_port(port, edge.name) for port, edge in zip(design.sinks, design.edges_out, strict=True)]
    return {
        "top": design.name,
        "engines": engines,
        "units": len(design.units),
        "batch": design.batch,
        "alone": len(sources) == len(sinks) == 1 and not forks,
        "sources": sources,
        "sinks": sinks,
        "unused": ", ".join(bits for port in sources for bits in port["unused"]),
        "streams": [{"name": name, "msb": bits - 1} for name, bits in streams],
        "forks": [
            {"tensor": tensor, "branches": [edge.name for edge in edges], "readers": ", ".join(map(_reader, edges))}
            for tensor, edges in forks.items()
        ],
        "blocks": blocks,
        "memory": None if design.memory is None else memory_context(design.memory),
    }


def _traced(engine: EngineDesign, arriving: list[str]) -> list[dict[str, Any]]:
    """Return what a trace tells of each layer of ``engine``, which reads the streams ``arriving``."""
    linear, unit = isinstance(engine, LinearEngine), engine.layer.name
    if len(engine.layers) == 1:
        return [{"name": unit, "linear": linear, "reads": arriving, "unit": unit, "turn": None}]
    return [
        {"name": layer.name, "linear": linear, "reads": [arriving[n]], "unit": unit, "turn": n}
        for n, layer in enumerate(engine.layers)
    ]


def _reader(edge: Edge) -> str:
    return edge.reader or "the output"


def _edge_blocks(edge: Edge, rings: Mapping[str, RingEnds], *, alone: bool) -> list[_Block]:
    """Return the converters and the queue of ``edge``, in stream order; ``alone``: its reader has no other input."""
    prefix = edge.reader if alone else edge.port_name
    blocks = _converter_blocks(edge, edge.before, prefix, edge.name)
    source = blocks[-1].name if blocks else edge.name
    if edge.ring is not None:
        blocks.append(_ring_block(f"{prefix}_queue", source, edge.ring, rings[edge.port_name]))
        source = blocks[-1].name
    elif edge.depth:
        module, name, bits = ("g2h_ring" if edge.in_ram else "g2h_queue"), f"{prefix}_queue", edge.queued.bits
        parameters = {"Width": bits, "Depth": edge.depth, **({"Ultra": 1} if edge.ultra else {})}
        blocks.append(_Block(module, name, (("s", source),), _sends(name, bits), parameters))
        source = name
    return [*blocks, *_converter_blocks(edge, edge.behind, prefix, source)]


def _ring_block(name: str, source: str, ring: OffChipRing, ends: RingEnds) -> _Block:
    """Return the ends of ``ring``, which takes the stream ``source`` and gives the stream ``name``."""
    parameters = {"Width": ring.width, "WordBits": ring.word_bits, "BusBits": ring.bus_bits}
    return _Block("g2h_off_chip_ring", name, (("s", source),), _sends(name, ring.width), parameters, ring=ends)


def _sends(name: str, bits: int) -> tuple[tuple[str, str, int], ...]:
    """Return the outputs of what sends the stream ``name`` alone."""
    return (("m", name, bits),)


def _converter_blocks(edge: Edge, stages: Iterable[Converter], prefix: str, source: str) -> list[_Block]:
    """Return ``stages`` of ``edge``, whose names begin with ``prefix``, behind the stream ``source``."""
    blocks: list[_Block] = []
    for stage in stages:
        name, width = f"{prefix}_{stage.direction}", stage.narrow * edge.source.elem.bits
        parameters = {"Width": width, "Ratio": stage.ratio}
        bits = stage.out_lanes * edge.source.elem.bits
        blocks.append(_Block(f"g2h_{stage.direction}", name, (("s", source),), _sends(name, bits), parameters))
        source = name
    return blocks


def _engine_block(design: Design, engine: EngineDesign, arriving: list[str]) -> _Block:
    """Return the instance of ``engine``, which reads the streams ``arriving``."""
    name = engine.layer.name
    prefixes = ["s"] if len(arriving) == 1 else [f"s{n}" for n in range(len(arriving))]
    inputs = tuple(zip(prefixes, arriving, strict=True))
    weights = None if design.memory is None else weights_of(design.memory, name)
    holds = f"{name}_held" if engine.ring is not None else None
    sends = [design.streams[layer.name] for layer in engine.layers]
    outputs = tuple(("m" if len(sends) == 1 else f"m{n}", one.tensor, one.bits) for n, one in enumerate(sends))
    return _Block(f"{design.name}_{name}", name, inputs, outputs, weights=weights, holds=holds)


def _port(port: StreamPort, stream_name: str) -> dict[str, Any]:
    """Return what the template needs to know of a port; ``stream_name`` is that of the stream inside."""
    stream, msb, data = port.stream, port.stream.bits - 1, f"{stream_name}_data"
    padding = port.padded_bits - stream.bits
    unused = [f"{port.axis}_tlast"]
    if padding:
        unused.append(f"{port.axis}_tdata[{port.padded_bits - 1}:{stream.bits}]")
    return {
        "axis": port.axis,
        "suffix": port.suffix,
        "stream": stream_name,
        "shape": shape_text(stream.shape),
        "elem": str(stream.elem),
        "lanes": stream.lanes,
        "beats": stream.beats,
        "msb": msb,
        "pad_msb": port.padded_bits - 1,
        "unused": unused,
        "padded": f"{{{padding}'d0, {data}}}" if padding else data,
    }


def shape_text(shape: Shape) -> str:
    """Return a shape as comments have it."""
    return " x ".join(map(str, shape))
