"""What the template of one layer prints: sizes, types, tables, and the processes of its DATAFLOW region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from gan2hls.base import remembered
from gan2hls.emit.hls.config import (
    Constant,
    acc_bits,
    accs_width,
    constants,
    feed_width,
    pixel_width,
    pixels,
    range_width,
    reorder_cycles,
    requant_beats,
    run_width,
    segment_width,
    whole_bytes,
)
from gan2hls.emit.hls.entropy import code_constants
from gan2hls.emit.hls.feeder import feeder_cycles, feeder_program
from gan2hls.emit.hls.int_types import Number, numbers
from gan2hls.emit.hls.latency import restart_cycles
from gan2hls.emit.hls.process import Fifo, Pointer, Process
from gan2hls.emit.hls.ring import RingProgram, map_processes, map_program, queue_config, ring_processes
from gan2hls.emit.hls.roms import Rom, front_roms, requant_roms
from gan2hls.emit.hls.tiles import off_chip_interval, tile_program
from gan2hls.emit.hls.weights import beside_band_mac, decoder_kinds
from gan2hls.hardware import Edge, EngineDesign, LinearEngine, Stream, StreamEngine, Written
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import Unit


@final
@dataclass(frozen=True)
class SimulatedStream:
    """A stream of C simulation: its name, the type of an element, elements a beat, bits of a word, beats a frame."""

    name: str
    elem: IntType
    lanes: int
    bits: int
    beats: int


def simulated(stream: Stream, name: str) -> SimulatedStream:
    """Return ``stream`` as C simulation has it under ``name``."""
    return SimulatedStream(name, stream.elem, stream.lanes, 8 * stream.byte_count, stream.beats)


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


@final
@dataclass(frozen=True, eq=False)
class TurnView:
    """A layer that takes turns with others, as C simulation calls it: processes one after the other.

    Attributes:
        name: the layer's identifier.
        number: of its turn.
        region: its processes.
        source: the input as C simulation has it.
        sink: the output as C simulation has it.
    """

    name: str
    number: int
    region: LayerProcesses
    source: SimulatedStream
    sink: SimulatedStream


@final
@dataclass(frozen=True, eq=False)
class LayerView:
    """Everything that ``layer.hpp.j2`` prints.

    Attributes:
        turns: the layers of an engine at which several take turns; none where there is one.
    """

    engine: EngineDesign
    edges: tuple[Edge, ...]
    constants: tuple[Constant, ...]
    numbers: tuple[Number, ...]
    roms: tuple[Rom, ...]
    region: LayerProcesses
    turns: tuple[TurnView, ...]

    @property
    def name(self) -> str:
        """The layer's identifier."""
        return self.engine.layer.name

    @property
    def makers(self) -> tuple[str, ...]:
        """The layers whose outputs it sends."""
        return tuple(layer.name for layer in self.engine.layers)

    @property
    def scope(self) -> str:
        """The layer's namespace; the prefix keeps it clear of C++ keywords."""
        return f"layer_{self.name}"

    @property
    def processes(self) -> tuple[Process, ...]:
        """The processes of the engine, in the order of their calls."""
        return self.region.processes

    @property
    def streams(self) -> tuple[Fifo, ...]:
        """The local streams, in order."""
        return self.region.streams

    @property
    def parameters(self) -> tuple[Fifo, ...]:
        """What the engine is called with."""
        return self.region.parameters

    @property
    def pointers(self) -> tuple[Pointer, ...]:
        """Where it reads external memory, and writes it."""
        return self.region.pointers

    @property
    def rings(self) -> tuple[tuple[str, RingProgram], ...]:
        """Its rings: the struct with the numbers of each, and what they are."""
        return tuple((process.arguments[0], process.program) for process in self.processes if process.program)

    @property
    def sources(self) -> tuple[SimulatedStream, ...]:
        """The inputs as C simulation has them."""
        names = (stream.name for stream in self.region.in_streams)
        return tuple(map(simulated, (edge.source for edge in self.edges), names))

    @property
    def sink(self) -> SimulatedStream:
        """The output as C simulation has it."""
        (out,) = self.region.out_streams
        return simulated(self.engine.sends, out.name)

    @property
    def arrays(self) -> tuple[Rom, ...]:
        """The arrays behind the tables."""
        return tuple(array for rom in self.roms for array in (rom, rom.top) if array is not None)

    @property
    def library(self) -> tuple[str, ...]:
        """The library headers that the processes come from."""
        headers = {_HEADERS.get(process.kind, f"{process.kind}.hpp") for process in self.processes} | {"bits.hpp"}
        if isinstance(self.engine, LinearEngine):
            headers.add(f"wsrc_{self.engine.weights.codec}.hpp")
        return tuple(sorted(headers))

    @property
    def beats(self) -> str:
        """Beats of one frame of the inputs and of the outputs, in words."""
        given, sent = (edge.source.beats for edge in self.edges), (self.engine.out_beats,) * len(self.engine.layers)
        return f"{' and '.join(map(str, given))} beats in, {' and '.join(map(str, sent))} beats out"

    @property
    def interval(self) -> int:
        """Clocks between two frames: the longest trip count of a process, and the restart of its loop."""
        engine = self.engine
        simd = engine.folding.simd if isinstance(engine, LinearEngine) else 1
        longest = max(p.turns * (p.cycles + restart_cycles(p.kind, simd)) for p in self.processes)
        if not isinstance(engine, LinearEngine) or engine.off_chip is None:
            return longest
        kinds = ("feeder", "band_mac", "reorder", "requant", *decoder_kinds(engine))
        restarts = sum(restart_cycles(kind, simd) for kind in kinds)
        first = next(n for n, process in enumerate(self.processes) if process.kind == "schedule")
        arriving = max((process.cycles for process in self.processes[:first] if not process.own), default=engine.loads)
        turn = off_chip_interval(engine, max(arriving, engine.loads)) + restarts
        return max(longest, len(engine.layers) * turn)

    @property
    def acc(self) -> str:
        """The accumulator's type in words."""
        return str(self.engine.layer.acc_type)


#: Headers that are not called after their one process.
_HEADERS = {
    "narrow": "convert.hpp",
    "widen": "convert.hpp",
    "schedule": "segments.hpp",
    "tile_paces": "tiles.hpp",
    "frame_mux": "frames.hpp",
    "frame_demux": "frames.hpp",
}


#: Programs of rings, by reader and port.
Programs = Mapping[tuple[str, int], RingProgram]


def layer_view(engine: EngineDesign, *edges: Edge, programs: Programs | None = None) -> LayerView:
    """Return the view of an engine that reads ``edges``; ``programs`` has those of all edges that wait off chip."""
    roms = (*front_roms(engine), *requant_roms(engine))
    values = (*constants(engine), *code_constants(engine))
    made = layer_processes(engine, edges, programs or {})
    turns = tuple(turn_view(engine, n, edge, programs or {}) for n, edge in enumerate(edges)) if _shares(engine) else ()
    return LayerView(engine, edges, values, numbers(engine), roms, made, turns)


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
    if _shares(engine):
        lasts = tuple(
            Fifo(f"out_{n}", whole_bytes(engine.out_lanes * layer.output_type.int_type.bits))
            for n, layer in enumerate(engine.layers)
        )
        return LayerProcesses((*processes, *_shared(engine, tuple(arriving), lasts)), firsts, lasts)
    last = Fifo("out", 8 * engine.sends.byte_count)
    return LayerProcesses((*processes, *_processes(engine, tuple(arriving), last)), firsts, (last,))


def _shares(engine: EngineDesign) -> bool:
    return len(engine.layers) > 1


def _ends(engine: EngineDesign) -> tuple[Fifo, Fifo]:
    """Return the streams into and out of a shared engine, as wide as the widest of its layers needs."""
    given, sent = engine.in_lanes * engine.in_elem.bits, engine.out_lanes * engine.out_elem.bits
    return Fifo("given", whole_bytes(given), "codes as the engine takes them"), Fifo("sent", whole_bytes(sent), "codes")


def _shared(engine: EngineDesign, arriving: tuple[Fifo, ...], lasts: tuple[Fifo, ...]) -> tuple[Process, ...]:
    """Return the processes of an engine at which layers take turns, each of which has a frame of each of them."""
    turns, (given, sent) = len(engine.layers), _ends(engine)
    (beats,) = engine.in_beats
    about = "a frame of each layer in turn"
    inner = (replace(process, turns=turns) for process in _processes(engine, (given,), sent))
    mux = Process("frame_mux", (), arriving, given, turns * beats, about, own=True)
    demux = Process("frame_demux", (), (sent,), lasts[0], turns * engine.out_beats, about, beside=lasts[1:], own=True)
    return (mux, *inner, demux)


def turn_view(engine: EngineDesign, number: int, edge: Edge, programs: Programs) -> TurnView:
    """Return layer ``number`` of a shared ``engine``, which reads ``edge``, as C simulation calls it."""
    layer, (given, sent) = engine.layers[number], _ends(engine)
    (beats,) = engine.in_beats
    source = Fifo("in", 8 * edge.source.byte_count)
    last = Fifo("out", whole_bytes(engine.out_lanes * layer.output_type.int_type.bits))
    arrival = _arrival(edge, source, "", queue_config(number), programs.get((edge.reader, edge.port)))
    first = arrival[-1].sink if arrival else source
    sends = Stream(layer.name, layer.output_type.int_type, engine.out_lanes, layer.shape)
    region = (
        *arrival,
        _recode(engine.in_lanes, layer.input_type, engine.in_elem, beats, first, given),
        *(replace(process, turns=len(engine.layers)) for process in _processes(engine, (given,), sent)),
        _recode(engine.out_lanes, QuantType(engine.out_elem, 1.0), sends.elem, engine.out_beats, sent, last),
    )
    made = LayerProcesses(region, (source,), (last,))
    return TurnView(layer.name, number, made, simulated(edge.source, "in"), simulated(sends, "out"))


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
            made += ring_processes(edge.ring, f"{edge.reader}_{edge.port}", config, source, suffix, program)
            source = made[-1].sink
        if n < len(converters):
            kind, arguments, sink, cycles, about = converters[n]
            made.append(Process(kind, arguments, (source,), sink, cycles, about))
            source = sink
    return made


@remembered
def _processes(engine: EngineDesign, arriving: tuple[Fifo, ...], last: Fifo) -> tuple[Process, ...]:
    """Return the processes from what arrives to ``last``, in the order of their calls."""
    processes: list[Process] = []
    sources = arriving
    unit = engine.hls_unit if isinstance(engine, StreamEngine) else None
    if unit is not None and unit.held is not None:
        _, _, sink, beats, about = _unit(engine, unit)
        program = map_program(unit.held)
        processes += map_processes(unit.held, unit.name, engine.layer.name, sources[0], (sink, beats, about), program)
        sources = (sink,)
    steps = [*_front(engine), *_finish(engine)]
    for n, (kind, arguments, sink, cycles, about) in enumerate(steps):
        beside: tuple[Process, ...] = ()
        if isinstance(engine, LinearEngine) and kind in ("feeder", "skip_feeder"):
            beside = _beside(engine)
        elif isinstance(engine, LinearEngine) and kind == "band_mac":
            beside = beside_band_mac(engine)
        processes += beside
        target = last if n == len(steps) - 1 else sink
        taken = {stream for process in beside for stream in process.sources}
        sources = (*sources, *(process.sink for process in beside if process.sink not in taken))
        processes.append(Process(kind, arguments, sources, target, cycles, about))
        sources = (target,)
    return tuple(processes)


def _front(engine: EngineDesign) -> list[_Step]:
    """Return the steps from the inputs to the accumulators."""
    if isinstance(engine, LinearEngine):
        return _linear_steps(engine)
    unit = engine.hls_unit if isinstance(engine, StreamEngine) else None
    return [] if unit is None or unit.held is not None else [_unit(engine, unit)]


def _unit(engine: EngineDesign, unit: Unit) -> _Step:
    """Return what ``unit`` makes of beats as they come."""
    lanes = engine.folding.lanes
    sink = Fifo("accs", whole_bytes(lanes * acc_bits(engine)), f"{lanes} accumulators")
    cycles = unit.cycles or engine.out_beats
    return unit.name, ("config", *_ultra(engine, "map")), sink, cycles, f"{engine.layer.op.kind} -> accumulator"


def _ultra(engine: EngineDesign, memory: Written) -> tuple[str, ...]:
    """Return the template argument that puts the array of a process into UltraRAM, where its memory is there."""
    return ("true",) if memory in engine.ultra else ()


def _beside(engine: LinearEngine) -> tuple[Process, ...]:
    """Return the processes that stand beside the chain: they follow programs of their own and end in its feeder."""
    segments = Fifo("segments", segment_width(engine), "cycles, loads, their difference, single, emits")
    count, about = len(feeder_program(engine)), "when the feeder loads and when it emits"
    schedule = Process("schedule", ("config",), (), segments, count, about)
    if engine.skip is None:
        taps = Fifo("taps", pixel_width(engine), "first tap and number of taps along both axes")
        kind = "pixels" if engine.off_chip is None else "band_pixels"
        return schedule, Process(kind, ("config",), (), taps, pixels(engine), "which taps each output pixel has")
    ranges = Fifo("ranges", range_width(engine), "first run, number of runs, single")
    runs = Fifo("runs", run_width(engine), "first block, number of blocks, last, single, none")
    about = "which blocks of weights each output needs"
    return (
        schedule,
        Process("pixel_runs", ("config",), (), ranges, pixels(engine), "which runs each output pixel needs"),
        Process("runner", ("config",), (ranges,), runs, engine.skip.run_count + 1, about),
    )


_Step = tuple[str, tuple[str, ...], Fifo, int, str]


def _converters(edge: Edge, suffix: str) -> list[_Step]:
    """Return the converters from the maker's lanes to this engine's; names of streams end in ``suffix``.

    What is behind those in front of the RTL's queue is as long as that, or as bursts to external memory need.
    """
    bits, lanes = edge.source.elem.bits, edge.source.lanes
    steps: list[_Step] = []
    for n, stage in enumerate(edge.converters, 1):
        kind, name = ("widen", "widened") if stage.direction == "up" else ("narrow", "narrowed")
        about = f"{lanes} element{'s' if lanes > 1 else ''} a beat -> {stage.out_lanes}"
        depth = max(2, _queue_words(edge)) if n == len(edge.before) else 2
        sink = Fifo(name + suffix, whole_bytes(stage.out_lanes * bits), about, depth, ultra=edge.ultra and depth > 2)
        beats = edge.source.elements // stage.narrow
        steps.append((kind, (str(stage.ratio), str(stage.narrow * bits), str(beats)), sink, beats, about))
        lanes = stage.out_lanes
    return steps


def _queue_words(edge: Edge) -> int:
    """Return the words of the stream where the queue of ``edge`` is, or where it goes to external memory."""
    if edge.ring is None:
        return edge.depth
    return edge.ring.end_beats if edge.ring.word_bits == edge.ring.bus_bits else 0


def _linear_steps(engine: LinearEngine) -> list[_Step]:
    folding, acc = engine.folding, acc_bits(engine)
    geometry = engine.geometry
    skips = engine.skip is not None
    feed = Fifo("feed", feed_width(engine), f"x, weight address, first, last{', null' if skips else ''}")
    accs = Fifo("accs", accs_width(engine), f"{folding.pe} accumulators")
    away = engine.off_chip is not None
    line_buffer, tiles = (memory in engine.ultra for memory in ("line_buffer", "tiles"))
    source = f"gan2hls::wsrc_{engine.weights.codec}<{'gan2hls::tile_word<config> ' if away else 'config'}>"

    def sizes(*, ultra: bool) -> tuple[str, ...]:
        """Return the groups that a step works on, and whether an array is UltraRAM, as far as they are no defaults."""
        together = (str(engine.parallel_groups),)
        return (*together, "true") if ultra else together if engine.parallel_groups > 1 else ()

    steps: list[_Step] = [
        (
            "skip_feeder",
            ("config", *sizes(ultra=line_buffer)),
            feed,
            feeder_cycles(engine),
            "line buffer and runs of blocks",
        )
        if skips
        else (
            "feeder",
            ("config", *sizes(ultra=line_buffer)),
            feed,
            feeder_cycles(engine),
            "line buffer and tap sequencer",
        ),
        (
            "band_mac",
            ("config", source, *sizes(ultra=tiles)),
            accs,
            tile_program(engine).cycles,
            "multiply and accumulate",
        )
        if away
        else ("mac", ("config", source, *sizes(ultra=False)), accs, engine.mac_cycles, "multiply and accumulate"),
    ]
    if folding.pe != folding.lanes:
        beats = len(geometry.y.outputs) * len(geometry.x.outputs) * geometry.out_channels // folding.lanes
        sink = Fifo("serial", whole_bytes(folding.lanes * acc), f"{folding.lanes} accumulators")
        about = f"{folding.pe} accumulators a beat -> {folding.lanes}"
        arguments = (str(folding.pe // folding.lanes), str(folding.lanes * acc), str(beats))
        steps.append(("narrow", arguments, sink, beats, about))
    return steps


def _finish(engine: EngineDesign) -> list[_Step]:
    lanes, beats = engine.folding.lanes, requant_beats(engine)
    index_bits, width = engine.layer.requant.out_type.bits, whole_bytes(lanes * engine.out_elem.bits)
    sink = Fifo("codes", whole_bytes(lanes * index_bits), "requantized codes")
    steps: list[_Step] = [("requant", ("config",), sink, beats, "accumulator -> code")]
    if engine.layer.table:
        common = engine.layer.table.sets == 1
        kind, about = ("table", "code -> curve") if common else ("channel_table", "code -> curve of its channel")
        steps.append((kind, ("config",), Fifo("values", width, "codes behind the curve"), beats, about))
    if not isinstance(engine, LinearEngine) or engine.off_chip is None:
        return steps
    about = f"bands of {engine.band_pixels} pixels, fold by fold -> pixel by pixel"
    steps.append(
        (
            "reorder",
            ("config", *_ultra(engine, "codes")),
            Fifo("ordered", width, "codes, pixel by pixel"),
            reorder_cycles(engine),
            about,
        )
    )
    if engine.fills:
        about = "output pixels without taps, which are constants"
        steps.append(("fill", ("config",), Fifo("filled", width), engine.out_beats, about))
    return steps
