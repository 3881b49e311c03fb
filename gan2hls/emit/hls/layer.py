"""What the template of one layer prints: sizes, types, tables, and the processes of its DATAFLOW region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.emit.hls.config import (
    Constant,
    constants,
)
from gan2hls.emit.hls.entropy import code_constants
from gan2hls.emit.hls.hold import Hold
from gan2hls.emit.hls.int_types import Number, numbers
from gan2hls.emit.hls.latency import restart_cycles
from gan2hls.emit.hls.process import Fifo, Pointer, Process
from gan2hls.emit.hls.region import LayerProcesses, Programs, layer_processes, shares, turn_processes
from gan2hls.emit.hls.ring import RingProgram
from gan2hls.emit.hls.roms import Rom, front_roms, requant_roms
from gan2hls.emit.hls.tiles import off_chip_interval
from gan2hls.emit.hls.weights import decoder_kinds
from gan2hls.hardware import Edge, EngineDesign, LinearEngine, Stream
from gan2hls.numbers import IntType


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
    def frames(self) -> int:
        """How often a process of an engine of one layer is done for a frame that holds several."""
        return max((process.turns for process in self.processes), default=1)

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
    def rings(self) -> tuple[RingProgram, ...]:
        """The programs of its rings."""
        return tuple(process.program for process in self.processes if process.program)

    @property
    def holds(self) -> tuple[Fifo, ...]:
        """The streams inside it for each of which a ``hold`` stands in the flat region."""
        return tuple(stream for stream in self.streams if stream.hold)

    @property
    def programs(self) -> tuple[tuple[str, str, RingProgram | Hold], ...]:
        """Of what follows a program of its own: the struct with its numbers, what for, and its program."""
        about = "When words wait in external memory: a ring's program."
        rings = ((process.arguments[0], about, process.program) for process in self.processes if process.program)
        about = "is taken, and given, where FIFOs are a few words deep: a hold's program."
        holds = ((f"config_{s.name}", f"When its {s.name} {about}", s.hold) for s in self.holds if s.hold)
        return (*rings, *holds)

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


def layer_view(engine: EngineDesign, *edges: Edge, programs: Programs | None = None) -> LayerView:
    """Return the view of an engine that reads ``edges``; ``programs`` has those of all edges that wait off chip."""
    roms = (*front_roms(engine), *requant_roms(engine))
    values = (*constants(engine), *code_constants(engine))
    made = layer_processes(engine, edges, programs or {})
    turns = tuple(_turn_view(engine, n, edge, programs or {}) for n, edge in enumerate(edges)) if shares(engine) else ()
    return LayerView(engine, edges, values, numbers(engine), roms, made, turns)


def _turn_view(engine: EngineDesign, number: int, edge: Edge, programs: Programs) -> TurnView:
    """Return layer ``number`` of a shared ``engine``, which reads ``edge``, as C simulation calls it."""
    layer = engine.layers[number]
    sends = Stream(layer.name, layer.output_type.int_type, engine.out_lanes, layer.shape)
    region = turn_processes(engine, number, edge, programs)
    return TurnView(layer.name, number, region, simulated(edge.source, "in"), simulated(sends, "out"))
