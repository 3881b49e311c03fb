"""What the template of one layer prints: sizes, types, tables, and the processes of its DATAFLOW region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.emit.hls.config import (
    Constant,
    Number,
    acc_bits,
    accs_width,
    constants,
    feed_width,
    numbers,
    pixel_width,
    pixels,
    range_width,
    run_width,
    segment_width,
    whole_bytes,
)
from gan2hls.emit.hls.feeder import feeder_cycles, feeder_program
from gan2hls.emit.hls.roms import Rom, linear_roms, requant_roms
from gan2hls.hardware import EngineDesign, converters


@final
@dataclass(frozen=True)
class Stream:
    """A local stream, or the region's ``in`` and ``out``."""

    name: str
    bits: int
    about: str = ""


@final
@dataclass(frozen=True)
class Process:
    """One process of the region: the library function ``kind`` with template arguments ``arguments``.

    It takes its ``sources`` and then its ``sink``; one without sources follows a program of its own.
    """

    kind: str
    arguments: tuple[str, ...]
    sources: tuple[Stream, ...]
    sink: Stream
    cycles: int
    about: str

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What it is called with."""
        return (*self.sources, self.sink)


@final
@dataclass(frozen=True, eq=False)
class LayerView:
    """Everything that ``layer.hpp.j2`` prints."""

    engine: EngineDesign
    constants: tuple[Constant, ...]
    numbers: tuple[Number, ...]
    roms: tuple[Rom, ...]
    processes: tuple[Process, ...]
    in_lanes: int
    in_stream: Stream
    out_stream: Stream

    @property
    def name(self) -> str:
        """The layer's identifier."""
        return self.engine.layer.name

    @property
    def scope(self) -> str:
        """The layer's namespace; the prefix keeps it clear of C++ keywords."""
        return f"layer_{self.name}"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The local streams, in order."""
        return tuple(process.sink for process in self.processes[:-1])

    @property
    def arrays(self) -> tuple[Rom, ...]:
        """The arrays behind the tables."""
        return tuple(array for rom in self.roms for array in (rom, rom.top) if array is not None)

    @property
    def library(self) -> tuple[str, ...]:
        """The library headers that the processes come from."""
        headers = {_HEADERS[process.kind] for process in self.processes} | {"bits.hpp"}
        if self.engine.encoded is not None:
            headers.add(f"wsrc_{self.engine.encoded.codec}.hpp")
        return tuple(sorted(headers))

    @property
    def in_beats(self) -> int:
        """Beats of one frame at ``in``."""
        return self.engine.in_beats * self.engine.in_lanes // self.in_lanes

    @property
    def out_beats(self) -> int:
        """Beats of one frame at ``out``."""
        return self.engine.out_beats

    @property
    def interval(self) -> int:
        """Clocks between two frames: the longest trip count of a process, and the restart of its loop."""
        simd = self.engine.folding.simd if self.engine.linear else 1
        return max(process.cycles + restart_cycles(process.kind, simd) for process in self.processes)

    @property
    def acc(self) -> str:
        """The accumulator's type in words."""
        return str(self.engine.layer.acc_type)


#: Clocks from the first read to the last write of one iteration, as a pipeline at 200 MHz has them: 2 for a memory, 4
#: for a product in DSP blocks, 1 for an adder, a register or a FIFO.  Estimates, which no tool has confirmed.
_LATENCY = {
    "narrow": 2,
    "widen": 2,
    "schedule": 5,
    "pixels": 4,
    "pixel_runs": 6,
    "runner": 5,
    "feeder": 7,
    "skip_feeder": 10,
    "mac": 9,
    "requant": 10,
    "table": 4,
}


def restart_cycles(kind: str, simd: int = 1) -> int:
    """Return the clocks that a process adds to its trip count between frames: its loop runs empty and starts anew."""
    tree = (simd - 1).bit_length() if kind == "mac" else 0
    return _LATENCY[kind] + tree + 1


_HEADERS = {
    "narrow": "convert.hpp",
    "widen": "convert.hpp",
    "feeder": "feeder.hpp",
    "schedule": "segments.hpp",
    "pixels": "pixels.hpp",
    "pixel_runs": "pixel_runs.hpp",
    "runner": "runner.hpp",
    "skip_feeder": "skip_feeder.hpp",
    "mac": "mac.hpp",
    "requant": "requant.hpp",
    "table": "table.hpp",
}


def layer_view(engine: EngineDesign, *, in_lanes: int, in_width: int, out_width: int, interval: int) -> LayerView:
    """Return the view of an engine in a design that takes a frame every ``interval`` clocks.

    It is fed ``in_lanes`` elements a beat in words of ``in_width`` bits, and makes words of ``out_width`` bits.
    """
    in_stream, out_stream = Stream("in", in_width), Stream("out", out_width)
    roms = (*linear_roms(engine), *requant_roms(engine)) if engine.linear else requant_roms(engine)
    processes = _processes(engine, in_lanes, interval, in_stream, out_stream)
    return LayerView(engine, constants(engine), numbers(engine), roms, processes, in_lanes, in_stream, out_stream)


def _processes(engine: EngineDesign, in_lanes: int, interval: int, first: Stream, last: Stream) -> tuple[Process, ...]:
    """Return the chain of processes from stream ``first`` to stream ``last``, in the order of their calls."""
    steps = [
        *_converters(engine, in_lanes, interval),
        *(_linear_steps(engine) if engine.linear else []),
        *_finish(engine),
    ]
    processes: list[Process] = []
    source = first
    for n, (kind, arguments, sink, cycles, about) in enumerate(steps):
        beside = _beside(engine) if kind in ("feeder", "skip_feeder") else ()
        processes += beside
        target = last if n == len(steps) - 1 else sink
        taken = {stream for process in beside for stream in process.sources}
        sources = (source, *(process.sink for process in beside if process.sink not in taken))
        processes.append(Process(kind, arguments, sources, target, cycles, about))
        source = target
    return tuple(processes)


def _beside(engine: EngineDesign) -> tuple[Process, ...]:
    """Return the processes that stand beside the chain: they follow programs of their own and end in its feeder."""
    segments = Stream("segments", segment_width(engine), "cycles, loads, their difference, single, emits")
    count, about = len(feeder_program(engine)), "when the feeder loads and when it emits"
    schedule = Process("schedule", ("config",), (), segments, count, about)
    if engine.skip is None:
        taps = Stream("taps", pixel_width(engine), "first tap and number of taps along both axes")
        return schedule, Process("pixels", ("config",), (), taps, pixels(engine), "which taps each output pixel has")
    ranges = Stream("ranges", range_width(engine), "first run, number of runs, single")
    runs = Stream("runs", run_width(engine), "first block, number of blocks, last, single, none")
    about = "which blocks of weights each output needs"
    return (
        schedule,
        Process("pixel_runs", ("config",), (), ranges, pixels(engine), "which runs each output pixel needs"),
        Process("runner", ("config",), (ranges,), runs, engine.skip.run_count + 1, about),
    )


_Step = tuple[str, tuple[str, ...], Stream, int, str]


def _converters(engine: EngineDesign, in_lanes: int, interval: int) -> list[_Step]:
    """Return the converters from the previous engine's lanes to this one's, the same as in the RTL."""
    bits, lanes = engine.in_elem.bits, in_lanes
    elements = engine.in_beats * engine.in_lanes
    steps: list[_Step] = []
    for stage in converters(in_lanes, engine.in_lanes, elements, interval):
        kind, name = ("widen", "widened") if stage.direction == "up" else ("narrow", "narrowed")
        about = f"{lanes} element{'s' if lanes > 1 else ''} a beat -> {stage.out_lanes}"
        sink = Stream(name, whole_bytes(stage.out_lanes * bits), about)
        beats = elements // stage.narrow
        steps.append((kind, (str(stage.ratio), str(stage.narrow * bits), str(beats)), sink, beats, about))
        lanes = stage.out_lanes
    return steps


def _linear_steps(engine: EngineDesign) -> list[_Step]:
    assert engine.layer.geometry is not None and engine.encoded is not None
    folding, acc = engine.folding, acc_bits(engine)
    geometry = engine.layer.geometry
    skips = engine.skip is not None
    feed = Stream("feed", feed_width(engine), f"x, weight address, first, last{', null' if skips else ''}")
    accs = Stream("accs", accs_width(engine), f"{folding.pe} accumulators")
    source = f"gan2hls::wsrc_{engine.encoded.codec}<config>"
    together = () if engine.parallel_groups == 1 else (str(engine.parallel_groups),)
    steps: list[_Step] = [
        ("skip_feeder", ("config", *together), feed, feeder_cycles(engine), "line buffer and runs of blocks")
        if skips
        else ("feeder", ("config", *together), feed, feeder_cycles(engine), "line buffer and tap sequencer"),
        ("mac", ("config", source, *together), accs, engine.mac_cycles, "multiply and accumulate"),
    ]
    if folding.pe != folding.lanes:
        beats = len(geometry.y.outputs) * len(geometry.x.outputs) * geometry.out_channels // folding.lanes
        sink = Stream("serial", whole_bytes(folding.lanes * acc), f"{folding.lanes} accumulators")
        about = f"{folding.pe} accumulators a beat -> {folding.lanes}"
        arguments = (str(folding.pe // folding.lanes), str(folding.lanes * acc), str(beats))
        steps.append(("narrow", arguments, sink, beats, about))
    return steps


def _finish(engine: EngineDesign) -> list[_Step]:
    index_bits = engine.layer.requant.out_type.bits
    sink = Stream("codes", whole_bytes(engine.folding.lanes * index_bits), "requantized codes")
    steps: list[_Step] = [("requant", ("config",), sink, engine.out_beats, "accumulator -> code")]
    if engine.layer.table:
        out = Stream("out", 0)
        steps.append(("table", ("config",), out, engine.out_beats, "code -> curve"))
    return steps
