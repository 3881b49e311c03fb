"""How long the streams between engines must be where branches meet, by the order in which processes read and write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gan2hls.emit.hls.order import held, network
from gan2hls.emit.hls.top import SHORT_WORDS, Link, TopRegion
from gan2hls.hardware import Design
from gan2hls.timing import Deadlock, NetworkProcess, run_network

#: Words of a stream inside an engine, and of any other one in the run that finds the least depths: no compiler makes
#: FIFOs that are shorter.
LEAST_WORDS = 2

#: Multiples of the latencies of pipelines that stall: those are estimates.
STALLS = (1, 2)

#: Lags of a ``hold`` that are tried, less the words that a stream in its place must hold.
_LAGS = (0, -1, -2, -3, -4, 1, 2, 4, 8)

_Lags = dict[str, tuple[int, int]]


def with_depths(design: Design, region: TopRegion) -> TopRegion:
    """Return ``region``, in which every stream to where branches meet is long enough for the order of the processes.

    So they are for loops that can be flushed, and for ones that stall as a whole.
    In the flat region, whose compilers make all FIFOs short, a ``hold`` stands behind a stream that must be longer.
    Where no lag lets the design come to its end the stream stays long.
    """
    waiting = [link for link in region.links if link.waits]
    if not waiting:
        return region
    processes = tuple(network(design, region))
    least = _least(processes, region)
    lags = _lags(processes, waiting, least)
    depths = {link.name: max(link.depth, least.get(link.name, 0)) for link in region.links}
    for stall in STALLS:
        stalled = tuple(network(design, region, stall=stall))
        outcome = run_network(stalled, _depths(stalled, depths), least)
        assert outcome.deadlock is None, outcome.deadlock.told(region.names)
        depths = {name: outcome.depths[name] for name in depths}

    def sized(link: Link) -> Link:
        if link.name in lags:
            return replace(link, depth=depths[link.name], lag=lags[link.name][0])
        return replace(link, depth=depths[link.name], least=max(link.least, least.get(link.name, 0)))

    return replace(region, links=tuple(map(sized, region.links)))


def least_depths(design: Design, region: TopRegion) -> dict[str, int]:
    """Return how many words each stream to where branches meet must hold, where any other one holds two.

    Longer streams elsewhere need no longer ones here.  None of these could be shorter, the others being as they are;
    there may be other depths of which that is true too.

    Raises:
        AssertionError: the design comes to no end, however long they are.
    """
    return _least(tuple(network(design, region)), region)


def deadlock(design: Design, region: TopRegion, *, flat: bool = False, stall: int = 0) -> Deadlock | None:
    """Return where processes wait for each other for ever, in ``region`` as it is, or in the flat one.

    ``stall`` is that of ``network``.
    """
    processes = tuple(network(design, region, stall=stall))
    if flat:
        processes = held(processes, {link.name: (link.lag, link.beats) for link in region.links if link.lag})
        depths = {link.name: link.least for link in region.links}
        depths |= {link.held: SHORT_WORDS for link in region.links}
    else:
        depths = {link.name: link.depth for link in region.links}
    return run_network(processes, _depths(processes, depths)).deadlock


def _least(processes: Sequence[NetworkProcess], region: TopRegion) -> dict[str, int]:
    growing = [link.name for link in region.links if link.waits]
    outcome = run_network(processes, _depths(processes, {}), growing)
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


def _lags(processes: Sequence[NetworkProcess], waiting: Sequence[Link], least: Mapping[str, int]) -> _Lags:
    """Return lag and beats of the ``hold`` behind each stream that is too long for a short FIFO, the longest first."""
    lags: _Lags = {}
    for link in sorted(waiting, key=lambda link: -least[link.name]):
        depth = least[link.name]
        for lag in (depth + more for more in _LAGS if depth > SHORT_WORDS and 0 < depth + more <= link.beats):
            tried = lags | {link.name: (lag, link.beats)}
            made = held(processes, tried)
            depths = {name: depth for name, depth in least.items() if name not in tried}
            if run_network(made, _depths(made, depths)).deadlock is None:
                lags = tried
                break
    return lags


def _depths(processes: Sequence[NetworkProcess], depths: Mapping[str, int]) -> dict[str, int]:
    """Return the words that each stream holds, ``LEAST_WORDS`` where ``depths`` does not say."""
    return {name: depths.get(name, LEAST_WORDS) for process in processes for name in (*process.reads, *process.writes)}
