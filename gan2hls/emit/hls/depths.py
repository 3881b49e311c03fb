"""How long the streams between engines must be where branches meet, by the order in which processes read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.base import remembered
from gan2hls.emit.hls.hold import Hold, hold_program
from gan2hls.emit.hls.order import behind, hold, inner_depths, network, reading, ring_ends
from gan2hls.emit.hls.ring import STALLS, RingProgram, queue_program
from gan2hls.emit.hls.top import SHORT_WORDS, TopRegion, held_name, top_region
from gan2hls.hardware import Design
from gan2hls.timing import Deadlock, NetworkProcess, corridors, run_network

#: Words of a stream inside an engine, and of any other one in the run that finds the least depths: no compiler makes
#: FIFOs that are shorter.
LEAST_WORDS = 2

#: Words that all processes move in a frame at most where least depths are looked for, by many runs.
_MOST_WORDS = 100_000_000

#: Stalls of the runs that tell what a ring must take: the longest, which needs the longest streams, and none.
_EXTREMES = (max(STALLS), 0)

#: Words that streams of a large design get for pipelines that stall as a whole: enough for most, not proven.
_STALL_WORDS = 64


def with_depths(design: Design, region: TopRegion) -> TopRegion:
    """Return ``region``, in which every stream to where branches meet is long enough for the order of the processes.

    So they are for loops that can be flushed, and for ones that stall as a whole.
    In the flat region, whose compilers make all FIFOs short, a ``hold`` stands behind a stream that must be longer.
    """
    if not any(link.waits for link in region.links):
        return region
    programs = ring_programs(design)
    processes, inner = tuple(network(design, region, programs)), inner_depths(design)
    short, flat = tuple(network(design, region, programs, flat=True)), inner_depths(design, flat=True)
    if sum(sum(process.words.values()) for process in processes) > _MOST_WORDS:
        depths = _long_enough(region, processes, inner)
        shorts = _long_enough(region, short, flat) if inner else depths
        links = [
            replace(link, depth=max(link.depth, depths[link.name]), short=shorts[link.name]) for link in region.links
        ]
        return replace(region, links=tuple(links))
    shorts = _least(short, region, flat)
    least = _least(processes, region, inner) if inner else shorts
    holds = _holds(short, shorts, flat)
    depths = {link.name: max(link.depth, least.get(link.name, 0)) for link in region.links}
    for stall in STALLS:
        stalled = tuple(network(design, region, programs, stall=stall))
        outcome = run_network(stalled, _depths(stalled, inner | depths), least)
        assert outcome.deadlock is None, outcome.deadlock.told(region.names)
        depths = {name: outcome.depths[name] for name in depths}

    links = [replace(link, depth=depths[link.name], hold=holds.get(link.name)) for link in region.links]
    return replace(region, links=tuple(links))


@remembered
def ring_programs(design: Design) -> dict[tuple[str, int], RingProgram]:
    """Return the programs of the queues of ``design`` that are in external memory, by reader and port.

    All are found at once: of those that give where they can and take where they must, and of those that do the other
    way round.  Streams on chip are then as long as bursts, which are coarser than words, need them.  A ring takes as
    much as processes need whose loops stall as a whole, too: it has places for a whole frame.
    """
    rings = {(edge.reader, edge.port): edge.ring for edge in design.edges if edge.ring is not None}
    if not rings:
        return {}
    region = top_region(design)
    ends = ring_ends(design, region)
    inner, depths, buffers = inner_depths(design), _start(region), dict(ends.values())
    straight = inner | {ends[key][0]: ring.beats for key, ring in rings.items()}
    found = []
    for stall in _EXTREMES:  # one network at a time: those of large designs take gigabytes
        processes = tuple(network(design, region, {}, stall=stall))
        joined = reading(processes, {sink: source for source, sink in buffers.items()})
        depths = _doubled(region, joined, depths, straight)
        found.append(corridors(processes, _depths(processes, depths | inner), buffers))
    programs: dict[tuple[str, int], RingProgram] = {}
    for key, ring in rings.items():
        bounds = [bound[ends[key][0]] for bound in found]
        least, most = np.max([low for low, _ in bounds], axis=0), np.min([high for _, high in bounds], axis=0)
        programs[key] = queue_program(ring, least, np.maximum(least, most))
    return programs


def _long_enough(region: TopRegion, processes: Sequence[NetworkProcess], inner: Mapping[str, int]) -> dict[str, int]:
    """Return words of the streams of ``region`` that are enough for ``processes``, if not the least, in a few runs.

    They begin as long as the queues of the RTL, and get ``_STALL_WORDS`` more for pipelines that stall, which are not
    tried.  Streams inside engines are ``inner``.
    """
    depths = _doubled(region, processes, _start(region), inner)
    return {link.name: depths[link.name] + (_STALL_WORDS if link.waits else 0) for link in region.links}


def _start(region: TopRegion) -> dict[str, int]:
    """Return the words of each stream as far as they are known without any run."""
    return {link.name: link.depth if link.waits else SHORT_WORDS for link in region.links}


def _doubled(
    region: TopRegion, processes: Sequence[NetworkProcess], depths: Mapping[str, int], fixed: Mapping[str, int]
) -> dict[str, int]:
    """Return ``depths`` of the streams of ``region``, those that wait doubled until ``processes`` end.

    Streams in ``fixed`` are as long as it says.
    """
    growing = {link.name for link in region.links if link.waits} - fixed.keys()
    outcome = run_network(processes, _depths(processes, {**depths, **fixed}), growing, doubling=True)
    assert outcome.deadlock is None, outcome.deadlock.told(region.names)
    return {**depths, **{name: outcome.depths[name] for name in growing}}


def least_depths(design: Design, region: TopRegion, *, flat: bool = False) -> dict[str, int]:
    """Return how many words each stream to where branches meet must hold, where any other one of the top holds two.

    Longer streams elsewhere need no longer ones here.  None of these could be shorter, the others being as they are;
    there may be other depths of which that is true too.

    Raises:
        AssertionError: the design comes to no end, however long they are.
    """
    processes = tuple(network(design, region, ring_programs(design), flat=flat))
    return _least(processes, region, inner_depths(design, flat=flat))


def deadlock(design: Design, region: TopRegion, *, flat: bool = False, stall: int = 0) -> Deadlock | None:
    """Return where processes wait for each other for ever, in ``region`` as it is, or in the flat one.

    ``stall`` is that of ``network``.
    """
    processes = tuple(network(design, region, ring_programs(design), stall=stall, flat=flat))
    depths = {link.name: link.short if flat else link.depth for link in region.links} | inner_depths(design, flat=flat)
    if flat:
        holds = {link.name: link.hold.program for link in region.links if link.hold}
        processes = (*behind(processes, holds), *(hold(name, program) for name, program in holds.items()))
        depths |= dict.fromkeys(map(held_name, holds), SHORT_WORDS)
    return run_network(processes, _depths(processes, depths)).deadlock


def _least(processes: Sequence[NetworkProcess], region: TopRegion, inner: Mapping[str, int]) -> dict[str, int]:
    growing = [link.name for link in region.links if link.waits]
    outcome = run_network(processes, _depths(processes, inner), growing)
    assert outcome.deadlock is None, outcome.deadlock.told(region.names)
    depths = outcome.depths
    for name in sorted(growing, key=lambda name: -depths[name]):  # one may have grown for another, which grew later
        low, high = LEAST_WORDS, depths[name]
        middle = high - 1
        while low < high:
            ends = run_network(processes, {**depths, name: middle}).deadlock is None
            low, high = (low, middle) if ends else (middle + 1, high)
            middle = (low + high) // 2
        depths[name] = high
    return {name: depths[name] for name in growing}


def _holds(processes: Sequence[NetworkProcess], least: Mapping[str, int], inner: Mapping[str, int]) -> dict[str, Hold]:
    """Return the ``hold`` behind each stream that is too long for a short FIFO, the longest first.

    The others are as long as they must be meanwhile, or have theirs; streams inside engines are ``inner``.
    """
    holds: dict[str, Hold] = {}
    for name in sorted(least, key=lambda name: -least[name]):
        if least[name] <= SHORT_WORDS:
            continue
        processes = behind(processes, [name])
        depths = {**inner, **{other: depth for other, depth in least.items() if other not in (*holds, name)}}
        bounds = corridors(processes, _depths(processes, depths), {name: held_name(name)})
        holds[name] = Hold(hold_program(*bounds[name]))
        processes = (*processes, hold(name, holds[name].program))
        stuck = run_network(processes, _depths(processes, depths)).deadlock
        assert stuck is None, stuck.told(least)
    return holds


def _depths(processes: Sequence[NetworkProcess], depths: Mapping[str, int]) -> dict[str, int]:
    """Return the words that each stream holds, ``LEAST_WORDS`` where ``depths`` does not say."""
    return {name: depths.get(name, LEAST_WORDS) for process in processes for name in (*process.reads, *process.writes)}
