"""In which order the processes of the C++ read and write.

A process of the DATAFLOW region is a loop that blocks at one stream at a time, so the region is a process network
(``timing.run_network``): one run without any clock tells for every timing whether it comes to its end.  A call is one
frame, after which all streams are empty again, so one frame tells for any number of them.

Processes that only send a program of their own (``schedule``, ``pixels``, ``pixel_runs``, ``runner``), or bring weights
from external memory, are left out: they wait for nothing but room and each other, in no circle, so whoever reads their
words gets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.base import shared
from gan2hls.emit.hls.config import code_banks, requant_beats
from gan2hls.emit.hls.feeder import Segment, feeder_program
from gan2hls.emit.hls.held import give_order, take_order
from gan2hls.emit.hls.latency import latency_cycles
from gan2hls.emit.hls.process import Process
from gan2hls.emit.hls.region import LayerProcesses, Programs, layer_processes
from gan2hls.emit.hls.ring import queue_config
from gan2hls.emit.hls.top import TopRegion, held_name
from gan2hls.emit.hls.weights import beside_band_mac
from gan2hls.hardware import Design, EngineDesign, LinearEngine, StreamEngine
from gan2hls.numbers import Int32Array
from gan2hls.timing import NetworkProcess, repeated, stalling

_PROGRAMS = ("schedule", "pixels", "band_pixels", "pixel_runs", "runner")


def network(
    design: Design, region: TopRegion, programs: Programs, *, stall: int = 0, flat: bool = False
) -> Iterator[NetworkProcess]:
    """Return the processes of one frame of ``design``; streams inside an engine are called ``LAYER.NAME``.

    Args:
        design: what ``region`` is of.
        region: its streams.
        programs: of queues in external memory; one that has none is left out, so that its ends are ports.
        stall: 0: what an iteration writes leaves whatever comes behind it, as in C simulation, or in a pipeline that is
            flushed; else loops stall as a whole, with so many times the latency that they should have.
        flat: with the ``hold`` inside engines that the flat region has.
    """
    forks = {tensor: tuple(_forks(region, tensor, stall)) for tensor in region.forks}
    for stream in design.inputs:
        yield from forks.get(stream.tensor, ())
    for engine in design.units:
        made = layer_processes(engine, design.edges_into(engine), programs)
        names = _names(engine, made, region)
        left_out: tuple[Process, ...] = ()
        if isinstance(engine, LinearEngine) and engine.off_chip is not None:
            left_out = tuple(replace(process, turns=len(engine.layers)) for process in beside_band_mac(engine))
        for process in made.processes:
            unknown = process.kind == "ring" and process.program is None
            if process.kind not in _PROGRAMS and process not in left_out and not unknown:
                ordered = _process(engine, process, names, stall)
                yield from _with_holds(ordered, engine, process) if flat else (ordered,)
        for layer in engine.layers:
            yield from forks.get(layer.name, ())


def _with_holds(ordered: NetworkProcess, engine: EngineDesign, process: Process) -> Iterator[NetworkProcess]:
    """Yield ``process``, ordered, as the flat region has it: it reads what is held, and each ``hold`` behind it."""
    name = engine.layer.name
    yield from behind((ordered,), (f"{name}.{stream.name}" for stream in process.sources if stream.hold))
    yield from (hold(f"{name}.{stream.name}", stream.hold.program) for stream in process.sinks if stream.hold)


def ring_ends(design: Design, region: TopRegion) -> dict[tuple[str, int], tuple[str, str]]:
    """Return between which streams each queue in external memory stands, by reader and port."""
    found = {}
    for engine in design.units:
        edges = [(n, edge) for n, edge in enumerate(design.edges_into(engine)) if edge.ring is not None]
        made = layer_processes(engine, design.edges_into(engine), {})
        names = _names(engine, made, region)
        for n, edge in edges:
            (process,) = (p for p in made.processes if p.arguments[:1] == (queue_config(n),))
            ends = process.sources[0], process.sink
            source, sink = (names.get(stream.name, f"{engine.layer.name}.{stream.name}") for stream in ends)
            found[edge.reader, edge.port] = source, sink
    return found


def _names(engine: EngineDesign, made: LayerProcesses, region: TopRegion) -> dict[str, str]:
    """Return what the streams at the ends of an engine are called in ``region``."""
    names = [stream.name for stream in made.parameters]
    return dict(zip(names, region.arguments[engine.layer.name], strict=True))


def inner_depths(design: Design, *, flat: bool = False) -> dict[str, int]:
    """Return the words of the streams inside engines that hold more than two; ``flat``: in the flat region."""
    depths = {
        f"{engine.layer.name}.{stream.name}": stream.least if flat else stream.depth
        for engine in design.units
        for process in layer_processes(engine, design.edges_into(engine), {}).processes
        for stream in process.sinks
    }
    return {name: depth for name, depth in depths.items() if depth > 2}


def behind(processes: Iterable[NetworkProcess], names: Iterable[str]) -> tuple[NetworkProcess, ...]:
    """Return ``processes``, which read what is held behind the streams ``names`` instead of those."""
    return reading(processes, {name: held_name(name) for name in names})


def reading(processes: Iterable[NetworkProcess], others: Mapping[str, str]) -> tuple[NetworkProcess, ...]:
    """Return ``processes``, which read the streams in ``others`` instead of those by whose names they stand there."""
    made = []
    for process in processes:
        reads = tuple(others.get(name, name) for name in process.reads)
        made.append(process if reads == process.reads else replace(process, reads=reads))
    return tuple(made)


def hold(name: str, program: Sequence[Segment]) -> NetworkProcess:
    """Return the ``hold`` behind the stream ``name``."""
    held = held_name(name)
    return NetworkProcess(held, (name,), (held,), _program(program))


def _forks(region: TopRegion, tensor: str, stall: int) -> Iterator[NetworkProcess]:
    for n, fork in enumerate(region.forks[tensor]):
        source, *readers = fork.streams
        order = repeated([(0, 1), (1, 1), (2, 1)], fork.beats)
        if stall:
            order = stalling(order, 1, stall * latency_cycles("fork"))
        yield NetworkProcess(f"{tensor}.fork_{n}", (source,), tuple(readers), order)


def _process(engine: EngineDesign, process: Process, names: Mapping[str, str], stall: int) -> NetworkProcess:
    layer, feeds = engine.layer.name, process.kind in ("feeder", "skip_feeder")
    sources = process.sources[:1] if feeds or process.kind == "band_mac" else process.sources
    reads, writes = (
        tuple(names.get(stream.name, f"{layer}.{stream.name}") for stream in streams)
        for streams in (sources, process.sinks)
    )
    name, latency = f"{layer}.{process.kind}_{process.sink.name}", 0
    if process.program is None:  # loops of a ring end with each of its bursts
        simd = engine.folding.simd if isinstance(engine, LinearEngine) else 1
        latency = stall * latency_cycles(process.kind, simd)
    if process.own:
        return NetworkProcess(name, reads, writes, np.concatenate([*_frames(process, latency)]))
    order = _stalled_order(engine, process, latency, len(reads), feeds) if latency else _order(engine, process)
    return NetworkProcess(name, reads, writes, np.tile(order, (process.turns, 1)) if process.turns > 1 else order)


def _frames(process: Process, latency: int) -> Iterator[Int32Array]:
    """Yield what a process does that takes a frame of each of its sources in turn, or gives one to each of its sinks.

    Each is a loop, which stalls as a whole where there is a ``latency``.
    """
    reads, writes = len(process.sources), len(process.sinks)
    turns = max(reads, writes)
    for turn in range(turns):
        ends = (turn, reads) if process.kind == "frame_mux" else (0, reads + turn)
        order = repeated([(end, 1) for end in ends], process.cycles // turns)
        yield stalling(order, reads, latency) if latency else order


@shared
def _stalled_order(engine: EngineDesign, process: Process, latency: int, reads: int, writes_first: bool) -> Int32Array:
    """Return what a process of ``reads`` places to read does as a loop that stalls as a whole."""
    return stalling(_order(engine, process), reads, latency, writes_first=writes_first)


@shared
def _order(engine: EngineDesign, process: Process) -> Int32Array:
    """Return what a process reads and writes, int32 ``[n, 2]``, as ``templates/hls/lib`` has it."""
    match process.kind:
        case "narrow":
            factor, _, beats = map(int, process.arguments)
            return repeated([(0, 1), (1, factor)], beats // factor)
        case "widen":
            factor, _, beats = map(int, process.arguments)
            return repeated([(0, factor), (1, 1)], beats // factor)
        case "feeder" | "skip_feeder":
            assert isinstance(engine, LinearEngine)
            return _program(feeder_program(engine))
        case "mac" | "band_mac":
            assert isinstance(engine, LinearEngine)
            cycles = engine.walk_cycles
            made = repeated([(0, 1), (1, 1)], cycles.size)
            made[::2, 1] = cycles.ravel()
            return made
        case "reorder":
            assert isinstance(engine, LinearEngine)
            words = engine.band_beats
            if code_banks(engine) == 1:
                return repeated([(0, words), (1, words)], engine.bands.count)
            moves = repeated([(1, 1), (0, 1)], (engine.bands.count - 1) * words)
            return np.concatenate([repeated([(0, words)], 1), moves, repeated([(1, words)], 1)])
        case "requant" | "table" | "channel_table" if requant_beats(engine) < engine.out_beats:
            return repeated([(0, 1), (1, 1)], requant_beats(engine))
        case "requant" | "fill":
            reads = np.repeat(engine.pixels, engine.out_beats // engine.pixels.size)
            made = repeated([(0, 1), (1, 1)], engine.out_beats)
            made[::2, 1] = reads
            return made[made[:, 1] > 0]
        case "table" | "channel_table":
            return repeated([(0, 1), (1, 1)], engine.out_beats)
        case "ring":
            assert process.program is not None
            return process.program.order
        case _:
            assert isinstance(engine, StreamEngine)
            unit = engine.hls_unit
            if unit is None or unit.held is None:
                return _unit(engine, 1 if unit is None else unit.calls)
            return take_order(unit.held) if process.beside else give_order(unit.held)


def _program(program: Sequence[Segment]) -> Int32Array:
    return np.concatenate([_segment(segment) for segment in program])


def _segment(segment: Segment) -> Int32Array:
    """Return what a feeder does in a segment: it writes in every iteration that emits, then reads if a load is due.

    Load ``n`` of ``L`` in ``C`` iterations is due in iteration ``ceil((n + 1) * C / L) - 1``.
    """
    if not segment.emits:
        return repeated([(0, segment.loads)], int(segment.loads > 0))
    due = -(-np.arange(1, segment.loads + 1) * segment.cycles // max(1, segment.loads))
    emitted = np.diff(due, prepend=0, append=segment.cycles)
    made = repeated([(1, 1), (0, 1)], segment.loads + 1)[:-1]
    made[::2, 1] = emitted
    return made[made[:, 1] > 0]


def _unit(engine: StreamEngine, calls: int = 1) -> Int32Array:
    """Return what a call of the unit of an operation does, of so many in a frame.

    In every step it reads its beats, in their order, then it writes.
    """
    out, phases = len(engine.layer.input_types), engine.op.order(engine.sizes)
    orders = []
    for phase in phases[: len(phases) // calls]:
        pattern = [(place, 1) for takes, offers in phase.steps for place in (*takes, *([out] if offers else []))]
        orders.append(repeated(pattern, phase.repeats))
    return np.concatenate(orders)
