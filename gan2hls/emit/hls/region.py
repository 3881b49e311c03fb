"""The DATAFLOW region of an engine: the processes in front of it, its own, and those around layers that take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

from gan2hls.emit.hls.config import whole_bytes
from gan2hls.emit.hls.engine_processes import Step, engine_processes
from gan2hls.emit.hls.process import Fifo, Pointer, Process
from gan2hls.emit.hls.ring import RingProgram, queue_config, ring_processes
from gan2hls.hardware import Edge, EngineDesign
from gan2hls.numbers import IntType, QuantType

#: Programs of rings, by reader and port.
Programs = Mapping[tuple[str, int], RingProgram]


@final
@dataclass(frozen=True)
class LayerProcesses:
    """The processes of an engine, in the order of their calls, and the streams at its ends."""

    processes: tuple[Process, ...]
    in_streams: tuple[Fifo, ...]
    out_streams: tuple[Fifo, ...]

    @property
    def parameters(self) -> tuple[Fifo, ...]:
        """What the engine is called with."""
        return (*self.in_streams, *self.out_streams)

    @property
    def streams(self) -> tuple[Fifo, ...]:
        """The local streams, in order."""
        return tuple(s for process in self.processes for s in process.sinks if s not in self.out_streams)

    def bound(self, arguments: Sequence[str]) -> dict[str, str]:
        """Return ``arguments``, names of streams, by the names of the parameters that they stand for."""
        return dict(zip((stream.name for stream in self.parameters), arguments, strict=True))

    @property
    def pointers(self) -> tuple[Pointer, ...]:
        """Where it reads external memory, and writes it."""
        return tuple(process.pointer for process in self.processes if process.pointer is not None)


def layer_processes(engine: EngineDesign, edges: Sequence[Edge], programs: Programs) -> LayerProcesses:
    """Return the processes of an engine that reads ``edges``; rings that ``programs`` has not have none."""
    alone = len(edges) == 1
    firsts = tuple(Fifo("in" if alone else f"in_{n}", 8 * e.source.byte_count) for n, e in enumerate(edges))
    processes: list[Process] = []
    arriving: list[Fifo] = []
    for n, (edge, source) in enumerate(zip(edges, firsts, strict=True)):
        program = programs.get((edge.reader, edge.port))
        made = _arrival(edge, source, "" if alone else f"_{n}", queue_config(n), program)
        arriving.append(made[-1].sink if made else source)
        processes += made
    if shares(engine):
        lasts = tuple(
            Fifo(f"out_{n}", whole_bytes(engine.out_lanes * layer.output_type.int_type.bits))
            for n, layer in enumerate(engine.layers)
        )
        return LayerProcesses((*processes, *_shared(engine, tuple(arriving), lasts)), firsts, lasts)
    last = Fifo("out", 8 * engine.sends.byte_count)
    return LayerProcesses((*processes, *engine_processes(engine, tuple(arriving), last)), firsts, (last,))


def shares(engine: EngineDesign) -> bool:
    """Whether layers take turns at ``engine``."""
    return len(engine.layers) > 1


def _ends(engine: EngineDesign) -> tuple[Fifo, Fifo]:
    """Return the streams into and out of a shared engine, as wide as the widest of its layers needs."""
    given, sent = engine.turn_lanes * engine.in_elem.bits, engine.out_lanes * engine.out_elem.bits
    depth = max(2, engine.given_depth)  # the next turn waits here
    return (
        Fifo("given", whole_bytes(given), "codes as the engine takes them", depth),
        Fifo("sent", whole_bytes(sent), "codes"),
    )


def _shared(engine: EngineDesign, arriving: tuple[Fifo, ...], lasts: tuple[Fifo, ...]) -> tuple[Process, ...]:
    """Return the processes of an engine at which layers take turns, each of which has a frame of each of them."""
    turns, (given, sent) = len(engine.layers), _ends(engine)
    about = "a frame of each layer in turn"
    inner = (replace(process, turns=turns) for process in _inner(engine, given, sent))
    mux = Process("frame_mux", (), arriving, given, turns * engine.turn_beats, about, own=True)
    demux = Process("frame_demux", (), (sent,), lasts[0], turns * engine.out_beats, about, beside=lasts[1:], own=True)
    return (mux, *inner, demux)


def _inner(engine: EngineDesign, given: Fifo, sent: Fifo) -> list[Process]:
    """Return the processes of a frame of one layer between both ends of a shared engine."""
    joined: list[Process] = []
    if engine.given_lanes:
        ratio, bits = engine.in_lanes // engine.given_lanes, engine.in_elem.bits
        about = f"{engine.given_lanes} elements a beat -> {engine.in_lanes}"
        wide = Fifo("joined", whole_bytes(engine.in_lanes * bits), about)
        sizes = tuple(map(str, (ratio, engine.given_lanes * bits, engine.turn_beats)))
        joined.append(Process("widen", sizes, (given,), wide, engine.turn_beats, about))
        given = wide
    return [*joined, *engine_processes(engine, (given,), sent)]


def turn_processes(engine: EngineDesign, number: int, edge: Edge, programs: Programs) -> LayerProcesses:
    """Return the processes of layer ``number`` of a shared ``engine`` alone, which reads ``edge``."""
    layer, (given, sent) = engine.layers[number], _ends(engine)
    source, sends = Fifo("in", 8 * edge.source.byte_count), layer.output_type.int_type
    last = Fifo("out", whole_bytes(engine.out_lanes * sends.bits))
    arrival = _arrival(edge, source, f"_{number}", queue_config(number), programs.get((edge.reader, edge.port)))
    first = arrival[-1].sink if arrival else source
    processes = (
        *arrival,
        _recode(engine.turn_lanes, layer.input_type, engine.in_elem, engine.turn_beats, first, given),
        *(replace(process, turns=len(engine.layers)) for process in _inner(engine, given, sent)),
        _recode(engine.out_lanes, QuantType(engine.out_elem, 1.0), sends, engine.out_beats, sent, last),
    )
    return LayerProcesses(processes, (source,), (last,))


def _recode(lanes: int, given: QuantType, made: IntType, beats: int, source: Fifo, sink: Fifo) -> Process:
    """Return what makes numbers of type ``made`` of codes of type ``given`` less their zero point."""
    code = given.int_type
    sizes = map(str, (lanes, code.bits, int(code.signed), given.zero_point, made.bits, beats))
    return Process("recode_frame", tuple(sizes), (source,), sink, beats, "codes of another width")


def _arrival(edge: Edge, source: Fifo, suffix: str, config: str, program: RingProgram | None) -> list[Process]:
    """Return the processes from the maker's stream ``source`` to the engine's unit.

    Names of streams end in ``suffix``; ``config`` has the numbers of a ring on the way.
    """
    made: list[Process] = []
    converters = _converters(edge, suffix)
    behind = len(edge.before)
    for n in range(len(converters) + 1):
        if n == behind and edge.ring is not None:
            made += ring_processes(edge.ring, edge.port_name, config, source, suffix, program)
            source = made[-1].sink
        if n < len(converters):
            kind, arguments, sink, cycles, about = converters[n]
            made.append(Process(kind, arguments, (source,), sink, cycles, about))
            source = sink
    return made


def _converters(edge: Edge, suffix: str) -> list[Step]:
    """Return the converters from the maker's lanes to this engine's; names of streams end in ``suffix``.

    What is behind those in front of the RTL's queue is as long as that, or as bursts to external memory need.
    """
    bits, lanes = edge.source.elem.bits, edge.source.lanes
    steps: list[Step] = []
    for n, stage in enumerate(edge.converters, 1):
        kind, name = ("widen", "widened") if stage.direction == "up" else ("narrow", "narrowed")
        about = f"{lanes} element{'s' if lanes > 1 else ''} a beat -> {stage.out_lanes}"
        depth = max(2, _queue_words(edge)) if n == len(edge.before) else 2
        impl: Literal["", "uram"] = "uram" if edge.ultra and depth > 2 else ""
        sink = Fifo(name + suffix, whole_bytes(stage.out_lanes * bits), about, depth, impl=impl)
        beats = edge.source.elements // stage.narrow
        steps.append((kind, (str(stage.ratio), str(stage.narrow * bits), str(beats)), sink, beats, about))
        lanes = stage.out_lanes
    return steps


def _queue_words(edge: Edge) -> int:
    """Return the words of the stream where the queue of ``edge`` is, or where it goes to external memory."""
    if edge.ring is None:
        return edge.depth
    return edge.ring.end_beats if edge.ring.word_bits == edge.ring.bus_bits else 0
