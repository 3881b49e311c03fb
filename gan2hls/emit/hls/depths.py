"""How long the streams between engines must be where branches meet, by the order in which processes read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gan2hls.emit.hls.hold import Hold, hold_program
from gan2hls.emit.hls.order import behind, hold, inner_depths, network
from gan2hls.emit.hls.top import SHORT_WORDS, TopRegion, held_name
from gan2hls.hardware import Design
from gan2hls.timing import Deadlock, NetworkProcess, corridor, run_network

#: Words of a stream inside an engine, and of any other one in the run that finds the least depths: no compiler makes
#: FIFOs that are shorter.
LEAST_WORDS = 2

#: Words that all processes move in a frame at most where least depths are looked for, by many runs.
_MOST_WORDS = 100_000_000

#: Words that streams of a large design get for pipelines that stall as a whole: enough for most, not proven.
_STALL_WORDS = 64

#: Multiples of the latencies of pipelines that stall: those are estimates.
STALLS = (1, 2)


def with_depths(design: Design, region: TopRegion) -> TopRegion:
    """Return ``region``, in which every stream to where branches meet is long enough for the order of the processes.

    So they are for loops that can be flushed, and for ones that stall as a whole.
    In the flat region, whose compilers make all FIFOs short, a ``hold`` stands behind a stream that must be longer.
    """
    if not any(link.waits for link in region.links):
        return region
    processes, inner = tuple(network(design, region)), inner_depths(design)
    if sum(sum(process.words.values()) for process in processes) > _MOST_WORDS:
        return _long_enough(region, processes, inner)
    shorts = _least(processes, region, {})
    least = _least(processes, region, inner) if inner else shorts
    holds = _holds(processes, shorts)
    depths = {link.name: max(link.depth, least.get(link.name, 0)) for link in region.links}
    for stall in STALLS:
        stalled = tuple(network(design, region, stall=stall))
        outcome = run_network(stalled, _depths(stalled, inner | depths), least)
        assert outcome.deadlock is None, outcome.deadlock.told(region.names)
        depths = {name: outcome.depths[name] for name in depths}

    links = [replace(link, depth=depths[link.name], hold=holds.get(link.name)) for link in region.links]
    return replace(region, links=tuple(links))


def _long_enough(region: TopRegion, processes: Sequence[NetworkProcess], inner: Mapping[str, int]) -> TopRegion:
    """Return ``region``, of ``processes``, with streams that are long enough, if not the least, in a few runs.

    Those inside engines are ``inner``.

    They begin as long as the queues of the RTL, and get ``_STALL_WORDS`` more for pipelines that stall, which are not
    tried.  The flat region has none shorter, and so no ``hold``.
    """
    depths = _doubled(region, processes, inner)
    shorts = _doubled(region, processes, {}) if inner else depths
    links = [replace(link, depth=max(link.depth, depths[link.name]), short=shorts[link.name]) for link in region.links]
    return replace(region, links=tuple(links))


def _doubled(region: TopRegion, processes: Sequence[NetworkProcess], inner: Mapping[str, int]) -> dict[str, int]:
    waits = [link.name for link in region.links if link.waits]
    depths = {link.name: link.depth if link.waits else SHORT_WORDS for link in region.links}
    while (stuck := run_network(processes, _depths(processes, {**inner, **depths})).deadlock) is not None:
        full = {name for name, _ in stuck.meetings(region.names)} & {*waits}
        assert full, stuck.told(region.names)
        depths |= {name: 2 * depths[name] for name in full}
    return depths | {name: depths[name] + _STALL_WORDS for name in waits}


def least_depths(design: Design, region: TopRegion, *, flat: bool = False) -> dict[str, int]:
    """Return how many words each stream to where branches meet must hold, where any other one of the top holds two.

    Longer streams elsewhere need no longer ones here.  None of these could be shorter, the others being as they are;
    there may be other depths of which that is true too.

    Raises:
        AssertionError: the design comes to no end, however long they are.
    """
    return _least(tuple(network(design, region)), region, {} if flat else inner_depths(design))


def deadlock(design: Design, region: TopRegion, *, flat: bool = False, stall: int = 0) -> Deadlock | None:
    """Return where processes wait for each other for ever, in ``region`` as it is, or in the flat one.

    ``stall`` is that of ``network``.
    """
    processes = tuple(network(design, region, stall=stall))
    depths = {link.name: link.short if flat else link.depth for link in region.links}
    if flat:
        holds = {link.name: link.hold.program for link in region.links if link.hold}
        processes = (*behind(processes, holds), *(hold(name, program) for name, program in holds.items()))
        depths |= dict.fromkeys(map(held_name, holds), SHORT_WORDS)
    else:
        depths |= inner_depths(design)
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


def _holds(processes: Sequence[NetworkProcess], least: Mapping[str, int]) -> dict[str, Hold]:
    """Return the ``hold`` behind each stream that is too long for a short FIFO, the longest first.

    The others are as long as they must be meanwhile, or have theirs.
    """
    holds: dict[str, Hold] = {}
    for name in sorted(least, key=lambda name: -least[name]):
        if least[name] <= SHORT_WORDS:
            continue
        processes = behind(processes, [name])
        depths = {other: depth for other, depth in least.items() if other not in (*holds, name)}
        bounds = corridor(processes, _depths(processes, depths), name, held_name(name))
        holds[name] = Hold(hold_program(*bounds))
        processes = (*processes, hold(name, holds[name].program))
        stuck = run_network(processes, _depths(processes, depths)).deadlock
        assert stuck is None, stuck.told(least)
    return holds


def _depths(processes: Sequence[NetworkProcess], depths: Mapping[str, int]) -> dict[str, int]:
    """Return the words that each stream holds, ``LEAST_WORDS`` where ``depths`` does not say."""
    return {name: depths.get(name, LEAST_WORDS) for process in processes for name in (*process.reads, *process.writes)}
