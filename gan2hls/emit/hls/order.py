"""In which order the processes of the C++ read and write, and how long the streams between them must be for that.

A process of the DATAFLOW region is a loop that blocks at one stream at a time, so the region is a process network
(``timing.run_network``): one run without any clock tells for every timing whether it comes to its end.  A call is one
frame, after which all streams are empty again, so one frame tells for any number of them.

Processes that only send a program of their own (``schedule``, ``pixels``, ``pixel_runs``, ``runner``) are left out:
they wait for nothing but room, so whoever reads their words gets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from gan2hls.emit.hls.feeder import Segment, feeder_program
from gan2hls.emit.hls.layer import Process, layer_processes
from gan2hls.emit.hls.top import TopRegion
from gan2hls.hardware import Design, EngineDesign, LinearEngine, StreamEngine
from gan2hls.numbers import Int64Array
from gan2hls.timing import Deadlock, NetworkProcess, repeated, run_network

#: Words of a stream inside an engine, and of any other one in the run that finds the least depths: no compiler makes
#: FIFOs that are shorter.
LEAST_WORDS = 2

_PROGRAMS = ("schedule", "pixels", "pixel_runs", "runner")


def with_depths(design: Design, region: TopRegion) -> TopRegion:
    """Return ``region``, in which every stream to where branches meet is long enough for the order of the processes."""
    starts = {link.name: link.least for link in region.links if link.waits}
    if not starts:
        return region
    least = least_depths(design, region, starts)
    links = tuple(
        replace(link, depth=max(link.depth, least[link.name]), least=least[link.name]) if link.waits else link
        for link in region.links
    )
    return replace(region, links=links)


def least_depths(design: Design, region: TopRegion, starts: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return how many words each stream to where branches meet must hold, where any other one holds two.

    Longer streams elsewhere need no longer ones here.  None of these could be shorter, the others being as they are;
    there may be other depths of which that is true too.

    Args:
        design: what ``region`` is of.
        region: its streams; what depths they have does not matter.
        starts: by name, words that they hold in any case; two where it is not said.

    Raises:
        AssertionError: the design comes to no end, however long they are.
    """
    processes = tuple(network(design, region))
    starts = {link.name: LEAST_WORDS for link in region.links if link.waits} | dict(starts or {})
    outcome = run_network(processes, _depths(processes, starts), starts)
    assert outcome.deadlock is None, outcome.deadlock.told(region.names)
    depths = outcome.depths
    for name in sorted(starts, key=lambda name: starts[name] - depths[name]):  # one may have grown for another, too
        low, high = starts[name], depths[name]
        middle = high - 1
        while low < high:
            ends = run_network(processes, {**depths, name: middle}).deadlock is None
            low, high = (low, middle) if ends else (middle + 1, high)
            middle = (low + high) // 2
        depths[name] = high
    return {name: depths[name] for name in starts}


def deadlock(design: Design, region: TopRegion) -> Deadlock | None:
    """Return where the processes of ``region`` wait for each other for ever, with streams as deep as it says."""
    processes = tuple(network(design, region))
    depths = {link.name: link.depth for link in region.links}
    return run_network(processes, _depths(processes, depths)).deadlock


def network(design: Design, region: TopRegion) -> Iterator[NetworkProcess]:
    """Return the processes of one frame of ``design``; streams inside an engine are called ``LAYER.NAME``."""
    forks = {tensor: tuple(_forks(region, tensor)) for tensor in region.forks}
    for stream in design.inputs:
        yield from forks.get(stream.tensor, ())
    for engine in design.engines:
        layer = engine.layer.name
        made = layer_processes(engine, design.edges_into(engine))
        names = dict(zip([stream.name for stream in made.parameters], region.arguments[layer], strict=True))
        for process in made.processes:
            if process.kind not in _PROGRAMS:
                yield _process(engine, process, names)
        yield from forks.get(layer, ())


def _depths(processes: tuple[NetworkProcess, ...], depths: Mapping[str, int]) -> dict[str, int]:
    """Return the words that each stream holds, ``LEAST_WORDS`` where ``depths`` does not say."""
    return {name: depths.get(name, LEAST_WORDS) for process in processes for name in (*process.reads, *process.writes)}


def _forks(region: TopRegion, tensor: str) -> Iterator[NetworkProcess]:
    for n, fork in enumerate(region.forks[tensor]):
        source, *readers = fork.streams
        order = repeated([(0, 1), (1, 1), (2, 1)], fork.beats)
        yield NetworkProcess(f"{tensor}.fork_{n}", (source,), tuple(readers), order)


def _process(engine: EngineDesign, process: Process, names: Mapping[str, str]) -> NetworkProcess:
    layer = engine.layer.name
    sources = process.sources[:1] if process.kind in ("feeder", "skip_feeder") else process.sources
    reads, writes = (
        tuple(names.get(stream.name, f"{layer}.{stream.name}") for stream in streams)
        for streams in (sources, (process.sink,))
    )
    return NetworkProcess(f"{layer}.{process.kind}_{process.sink.name}", reads, writes, _order(engine, process))


def _order(engine: EngineDesign, process: Process) -> Int64Array:
    """Return what a process reads and writes, int64 ``[n, 2]``, as ``templates/hls/lib`` has it."""
    match process.kind:
        case "narrow":
            factor, _, beats = map(int, process.arguments)
            return repeated([(0, 1), (1, factor)], beats // factor)
        case "widen":
            factor, _, beats = map(int, process.arguments)
            return repeated([(0, factor), (1, 1)], beats // factor)
        case "feeder" | "skip_feeder":
            assert isinstance(engine, LinearEngine)
            return np.concatenate([_segment(segment) for segment in feeder_program(engine)])
        case "mac":
            assert isinstance(engine, LinearEngine)
            made = repeated([(0, 1), (1, 1)], engine.vector_cycles.size)
            made[::2, 1] = engine.vector_cycles.ravel()
            return made
        case "requant":
            reads = np.repeat(engine.pixels, engine.out_beats // engine.pixels.size)
            made = repeated([(0, 1), (1, 1)], engine.out_beats)
            made[::2, 1] = reads
            return made[made[:, 1] > 0]
        case "table" | "channel_table":
            return repeated([(0, 1), (1, 1)], engine.out_beats)
        case _:
            assert isinstance(engine, StreamEngine)
            return _unit(engine)


def _segment(segment: Segment) -> Int64Array:
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


def _unit(engine: StreamEngine) -> Int64Array:
    """Return what the unit of an operation does: in every step it reads its beats, in their order, then it writes."""
    out = len(engine.layer.inputs)
    orders = []
    for phase in engine.op.order(engine.sizes):
        pattern = [(place, 1) for takes, offers in phase.steps for place in (*takes, *([out] if offers else []))]
        orders.append(repeated(pattern, phase.repeats))
    return np.concatenate(orders)
