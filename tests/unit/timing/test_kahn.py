"""Process networks without clocks, against a simulation word by word in random order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gan2hls.timing import Deadlock, NetworkProcess, Wait, corridors, repeated, run_network, stalling

#: A fork whose one branch has to take four words before it gives the first, where the other gives each at once.
FORK = NetworkProcess("fork", ("in",), ("a", "b"), repeated([(0, 1), (1, 1), (2, 1)], 8))
LATE = NetworkProcess("late", ("a",), ("c",), np.array([(0, 3), *[(0, 1), (1, 1)] * 5, (1, 3)], np.int32))
JOIN = NetworkProcess("join", ("b", "c"), ("out",), repeated([(0, 1), (1, 1), (2, 1)], 8))
BRANCHES = (FORK, LATE, JOIN)


def test_branches_need_what_one_of_them_waits_for() -> None:
    """The reader holds a word itself, and the fork another one, which it has sent one way."""
    depths = {"a": 1, "b": 1, "c": 1}
    grown = run_network(BRANCHES, depths, ["b"])
    assert (grown.depths, grown.deadlock) == ({"a": 1, "b": 2, "c": 1}, None)
    stuck = run_network(BRANCHES, depths)
    assert stuck.depths == depths and stuck.deadlock is not None
    assert set(stuck.deadlock.waits) == {
        Wait("fork", "b", full=True), Wait("join", "c", full=False), Wait("late", "a", full=False)
    }  # fmt: skip
    assert stuck.deadlock.told(()) == "deadlock: b is full, c is empty"


def test_of_several_edges_in_a_row_the_named_ones_are_told() -> None:
    circle = Deadlock(
        (
            Wait("converter", "inner", full=True),
            Wait("join", "joined", full=False),
            Wait("engine", "late", full=False),
            Wait("mac", "feed", full=False),
            Wait("fork", "early", full=True),
        )
    )
    assert circle.meetings({"early", "late", "other"}) == (("early", "late"),)
    assert circle.meetings(()) == (("inner", "joined"),)


def test_where_all_are_full_the_named_ones_are_told() -> None:
    circle = Deadlock(
        (Wait("mac", "accs", full=True), Wait("demux", "back", full=True), Wait("mux", "given", full=True))
    )
    assert circle.told({"back", "other"}) == "deadlock: back is full"
    assert circle.told(()) == "deadlock: accs is full"


def test_a_corridor_is_what_orders_of_a_buffer_end() -> None:
    """All orders between its bounds do, and none that leaves them at one word."""
    join = NetworkProcess("join", ("held", "c"), ("out",), JOIN.order)
    depths = dict.fromkeys("abc", 1) | {"held": 1}
    least, most = corridors((FORK, LATE, join), depths, {"b": "held"})["b"]
    assert (least <= most).all() and (least < most).any() and least[-1] == 8

    def ends(taken: np.ndarray) -> bool:
        return run_network((FORK, LATE, join, _buffer("b", "held", taken)), depths).deadlock is None

    for n in range(8):
        for taken in range(n + 1, 9):
            way = np.where(np.arange(8) < n, np.minimum(least, taken), np.maximum(least, taken))
            fits = (way >= least).all() and (way <= most).all()
            assert ends(way) == fits, way


def _buffer(source: str, sink: str, taken: np.ndarray) -> NetworkProcess:
    """A process that takes words of ``source`` until they are ``taken[n]``, and then gives word ``n``."""
    steps = [step for before in np.diff(taken, prepend=0).tolist() for step in ((0, before), (1, 1))]
    return NetworkProcess(
        f"{source}.buffer", (source,), (sink,), np.array([step for step in steps if step[1]], np.int32)
    )


def _with_buffers(seed: int) -> tuple[list[NetworkProcess], dict[str, int], dict[str, str]]:
    """A random network, the depths of its FIFOs, and up to three of those with an endless buffer behind them."""
    rng = np.random.default_rng(seed)
    processes, fifos = _random_network(rng)
    buffers = {name: f"{name}.held" for name in fifos[: int(rng.integers(1, 4))]}
    read = [replace(p, reads=tuple(buffers.get(name, name) for name in p.reads)) for p in processes]
    return read, {name: int(rng.integers(1, 4)) for name in (*fifos, *buffers.values())}, buffers


def _ends_as(processes: list[NetworkProcess], depths: dict[str, int], buffers: dict[str, str], **taken: Any) -> bool:
    made = [_buffer(source, buffers[source], words) for source, words in taken.items()]
    return run_network([*processes, *made], depths).deadlock is None


def test_buffers_may_all_take_as_late_as_they_can_or_as_early() -> None:
    """Each a word earlier than the last word at which all do, and they get stuck; a word later than the first, too."""
    ended = 0
    for seed in range(200):
        processes, depths, buffers = _with_buffers(seed)
        bounds = {}
        try:
            bounds = corridors(processes, depths, buffers)
        except AssertionError:
            straight = [
                replace(p, reads=tuple(name.removesuffix(".held") for name in p.reads)) for p in processes
            ]  # not even with endless ones in their places
            assert run_network(straight, {**depths, **dict.fromkeys(buffers, 100)}).deadlock is not None
            continue
        ended += 1
        lows, highs = ({source: bound[end] for source, bound in bounds.items()} for end in (0, 1))
        assert _ends_as(processes, depths, buffers, **lows), seed
        assert _ends_as(processes, depths, buffers, **highs), seed
        if len(buffers) > 1:
            continue
        ((source, (low, high)),) = bounds.items()
        for n in range(low.size):
            before, behind = low.copy(), high.copy()
            before[: n + 1] = np.minimum(before[: n + 1], low[n] - 1)
            behind[n:] = np.maximum(behind[n:], high[n] + 1)
            assert low[n] == n + 1 or not _ends_as(processes, depths, buffers, **{source: before}), (seed, n)
            assert high[n] == low.size or not _ends_as(processes, depths, buffers, **{source: behind}), (seed, n)
    assert ended > 50


def test_fifos_that_double() -> None:
    """They get as long as they must, and twice that at most."""
    depths = dict.fromkeys("abc", 1)
    late = np.array([(0, 7), *[(0, 1), (1, 1)] * 1, (1, 7)], np.int32)
    branches = (FORK, replace(LATE, order=late), JOIN)
    least = run_network(branches, depths, "abc").depths
    doubled = run_network(branches, depths, "abc", doubling=True)
    assert doubled.deadlock is None and least != doubled.depths
    assert set(doubled.depths.values()) <= {1, 2, 4, 8}
    assert max(doubled.depths.values()) < 2 * max(least.values())


@pytest.mark.parametrize(
    ("processes", "message"),
    [
        ((FORK, FORK), "in: two processes at one end"),
        ((FORK, NetworkProcess("sink", ("a",), (), repeated([(0, 1)], 7))), "a: 8 words are written, 7 read"),
        ((NetworkProcess("none", ("a",), (), np.array([(0, 0)], np.int32)),), "none: it moves no word"),
    ],
)
def test_networks_that_are_none(processes: tuple[NetworkProcess, ...], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        run_network(processes, {"a": 1, "b": 1})


def test_a_buffer_gives_what_it_takes() -> None:
    sink = NetworkProcess("sink", ("held",), (), repeated([(0, 1)], 7))
    source = NetworkProcess("source", (), ("b",), repeated([(0, 1)], 8))
    with pytest.raises(AssertionError, match="held: 8 words are given, 7 read"):
        corridors((source, sink), {"b": 1, "held": 1}, {"b": "held"})


@pytest.mark.parametrize("writes_first", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_loop_that_stalls(seed: int, writes_first: bool) -> None:
    """An iteration a clock: what it writes leaves in the clock in which a later one reads."""
    rng = np.random.default_rng(seed)
    latency = int(rng.integers(0, 5))
    loop = [(True, True)]
    for _ in range(40):
        reads = bool(rng.integers(2)) or loop[-1] == (True, False)
        loop.append((reads, writes_first or not reads or bool(rng.integers(2))))
    order = [place for does in loop for place in ((1, 0) if writes_first else (0, 1)) if does[place]]
    given = np.array([(place, 1) for place in order], np.int32)
    clocks: list[list[int]] = [[] for _ in range(len(loop) + latency)]
    for n, (reads, _) in enumerate(loop):
        clocks[n] += [0] if reads else []
    for n, (_, writes) in enumerate(loop):
        clocks[n + latency] += [1] if writes else []
    found = stalling(given, 1, latency, writes_first=writes_first)
    assert np.repeat(*found.T).tolist() == [place for clock in clocks for place in clock]


@pytest.mark.parametrize("seed", range(20))
def test_a_loop_that_stalls_in_runs(seed: int) -> None:
    """Runs of several words are the same as words one by one."""
    rng = np.random.default_rng(seed)
    reads, places = int(rng.integers(0, 3)), 4
    given = np.stack([rng.integers(0, places, 12), rng.integers(1, 6, 12)], axis=1, dtype=np.int32)
    words = np.stack([np.repeat(*given.T), np.ones(given[:, 1].sum())], axis=1, dtype=np.int32, casting="unsafe")
    for latency in range(8):
        found = stalling(given, reads, latency)
        assert found.tolist() == stalling(words, reads, latency).tolist()
        assert np.bincount(*found.T).tolist() == np.bincount(*given.T).tolist()
        assert (np.diff(found[:, 0]) != 0).all()


@pytest.mark.parametrize("seed", range(60))
def test_any_order_of_events_ends_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    processes, fifos = _random_network(rng)
    depths = {name: int(rng.integers(1, 4)) for name in fifos}
    found = run_network(processes, depths)
    assert (found.deadlock is None) == _ends(rng, processes, depths)
    grown = run_network(processes, depths, fifos)
    if grown.deadlock is None:
        assert _ends(rng, processes, grown.depths)


def test_random_networks_end_and_get_stuck() -> None:
    """And some that get stuck no longer do when FIFOs may grow, others still do."""
    kinds = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        processes, fifos = _random_network(rng)
        depths = {name: int(rng.integers(1, 4)) for name in fifos}
        kinds.add(tuple(run_network(processes, depths, which).deadlock is None for which in ((), fifos)))
    assert kinds == {(True, True), (False, True), (False, False)}


def _random_network(rng: np.random.Generator) -> tuple[tuple[NetworkProcess, ...], list[str]]:
    """Processes that move the words of random FIFOs in random orders, mostly from lower to higher ones."""
    count = int(rng.integers(2, 6))
    ends: list[tuple[list[str], list[str]]] = [([], []) for _ in range(count)]
    words: dict[str, int] = {}
    for n in range(int(rng.integers(1, 8))):
        writer, reader = sorted(rng.choice(count, 2, replace=False).tolist())
        if rng.random() < 0.15:
            writer, reader = reader, writer
        name = f"f{n}"
        words[name] = int(rng.integers(1, 9))
        ends[writer][1].append(name)
        ends[reader][0].append(name)
    made = []
    for n, (reads, writes) in enumerate(ends):
        places = [place for place, name in enumerate((*reads, *writes)) for _ in range(words[name])]
        if rng.random() < 0.7:  # about as a pipeline does it
            order = sorted(range(len(places)), key=lambda k: (rng.integers(0, 3) + k % 8, k))
        else:
            order = rng.permutation(len(places)).tolist()
        steps = [(places[k], 1) for k in order]
        made.append(NetworkProcess(f"p{n}", tuple(reads), tuple(writes), np.array(steps, np.int32).reshape(-1, 2)))
    return tuple(made), list(words)


def _ends(rng: np.random.Generator, processes: tuple[NetworkProcess, ...], depths: dict[str, int]) -> bool:
    """Return whether all processes come to their ends, a word at a time of one that is drawn."""
    held = dict.fromkeys(depths, 0)
    programs = {p.name: [(p, place) for place, count in p.order.tolist() for _ in range(count)] for p in processes}
    while True:
        able = []
        for name, program in programs.items():
            if program:
                process, place = program[0]
                fifo = (*process.reads, *process.writes)[place]
                reads = place < len(process.reads)
                if (held[fifo] > 0) if reads else (held[fifo] < depths[fifo]):
                    able.append((name, fifo, -1 if reads else 1))
        if not able:
            return not any(programs.values())
        name, fifo, change = able[int(rng.integers(len(able)))]
        held[fifo] += change
        programs[name].pop(0)
