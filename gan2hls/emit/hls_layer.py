"""What the template of one layer prints: sizes, types, tables, and the processes of its DATAFLOW region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import final

from gan2hls.design import EngineDesign
from gan2hls.emit.hls_config import Constant, Number, acc_bits, constants, feed_bits, numbers, run_bits
from gan2hls.emit.hls_feeder import feeder_cycles
from gan2hls.emit.hls_roms import Rom, linear_roms, requant_roms


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
        """Clocks between two frames: the longest trip count of a process."""
        return max(process.cycles for process in self.processes)

    @property
    def acc(self) -> str:
        """The accumulator's type in words."""
        return str(self.engine.layer.acc_type)


_HEADERS = {
    "narrow": "convert.hpp",
    "widen": "convert.hpp",
    "feeder": "feeder.hpp",
    "runner": "runner.hpp",
    "skip_feeder": "skip_feeder.hpp",
    "mac": "mac.hpp",
    "requant": "requant.hpp",
    "table": "table.hpp",
}


def layer_view(engine: EngineDesign, *, in_lanes: int, in_width: int, out_width: int) -> LayerView:
    """Return the view of an engine that is fed ``in_lanes`` elements a beat in words of ``in_width`` bits."""
    in_stream, out_stream = Stream("in", in_width), Stream("out", out_width)
    roms = (*linear_roms(engine), *requant_roms(engine)) if engine.linear else requant_roms(engine)
    processes = _processes(engine, in_lanes, in_stream, out_stream)
    return LayerView(engine, constants(engine), numbers(engine), roms, processes, in_lanes, in_stream, out_stream)


def _processes(engine: EngineDesign, in_lanes: int, first: Stream, last: Stream) -> tuple[Process, ...]:
    """Return the chain of processes from stream ``first`` to stream ``last``, in the order of their calls."""
    steps = [*_converters(engine, in_lanes), *(_linear_steps(engine) if engine.linear else []), *_finish(engine)]
    processes: list[Process] = []
    source = first
    for n, (kind, arguments, sink, cycles, about) in enumerate(steps):
        beside = tuple(_beside(engine)) if kind == "skip_feeder" else ()
        processes += beside
        target = last if n == len(steps) - 1 else sink
        sources = (source, *(process.sink for process in beside))
        processes.append(Process(kind, arguments, sources, target, cycles, about))
        source = target
    return tuple(processes)


def _beside(engine: EngineDesign) -> Iterator[Process]:
    """Return the processes that stand beside the chain and end in its feeder."""
    if engine.skip is not None:
        runs = Stream("runs", run_bits(engine), "first block, number of blocks, last")
        about = "which blocks of weights each output needs"
        yield Process("runner", ("config",), (), runs, engine.skip.run_count, about)


_Step = tuple[str, tuple[str, ...], Stream, int, str]


def _converters(engine: EngineDesign, in_lanes: int) -> list[_Step]:
    """Return the converters from the previous engine's lanes to this one's: down to the gcd, then up."""
    wanted, bits = engine.in_lanes, engine.in_elem.bits
    common = gcd(in_lanes, wanted)
    elements = engine.in_beats * wanted
    steps: list[_Step] = []
    if in_lanes != common:
        beats = elements // common
        about = f"{in_lanes} elements a beat -> {common}"
        sink = Stream("narrowed", common * bits, about)
        steps.append(("narrow", (str(in_lanes // common), str(beats)), sink, beats, about))
    if wanted != common:
        beats = elements // common
        about = f"{common} elements a beat -> {wanted}"
        sink = Stream("widened", wanted * bits, about)
        steps.append(("widen", (str(wanted // common), str(beats)), sink, beats, about))
    return steps


def _linear_steps(engine: EngineDesign) -> list[_Step]:
    assert engine.layer.geometry is not None and engine.encoded is not None
    folding, acc = engine.folding, acc_bits(engine)
    geometry = engine.layer.geometry
    skips = engine.skip is not None
    feed = Stream("feed", feed_bits(engine), f"x, weight address, first, last{', null' if skips else ''}")
    accs = Stream("accs", folding.pe * acc, f"{folding.pe} accumulators")
    source = f"gan2hls::wsrc_{engine.encoded.codec}<config>"
    steps: list[_Step] = [
        ("skip_feeder", ("config",), feed, feeder_cycles(engine), "line buffer and runs of blocks")
        if skips
        else ("feeder", ("config",), feed, feeder_cycles(engine), "line buffer and tap sequencer"),
        ("mac", ("config", source), accs, engine.mac_cycles, "multiply and accumulate"),
    ]
    if folding.pe != folding.lanes:
        beats = len(geometry.y.outputs) * len(geometry.x.outputs) * geometry.out_channels // folding.lanes
        sink = Stream("serial", folding.lanes * acc, f"{folding.lanes} accumulators")
        about = f"{folding.pe} accumulators a beat -> {folding.lanes}"
        steps.append(("narrow", (str(folding.pe // folding.lanes), str(beats)), sink, beats, about))
    return steps


def _finish(engine: EngineDesign) -> list[_Step]:
    index_bits = engine.layer.requant.out_type.bits
    sink = Stream("codes", engine.folding.lanes * index_bits, "requantized codes")
    steps: list[_Step] = [("requant", ("config",), sink, engine.out_beats, "accumulator -> code")]
    if engine.layer.table:
        out = Stream("out", 0)
        steps.append(("table", ("config",), out, engine.out_beats, "code -> curve"))
    return steps
