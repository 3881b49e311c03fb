"""Process networks without clocks: processes that read and write FIFOs in orders of their own, and wait if they must.

Such a network (Kahn's, with bounded FIFOs) comes to one and the same end however fast its processes are: either all
have done their work, or some wait for each other in a circle.  So one run without any clock decides for every timing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np

from gan2hls.numbers import Int32Array, Int64Array

if TYPE_CHECKING:
    from gan2hls.timing.kahn_run import Arrays


@final
@dataclass(frozen=True, eq=False)
class Process:
    """A process that ends.

    Attributes:
        name: unique in its network.
        reads: FIFOs that it reads.
        writes: FIFOs that it writes.
        order: int32 ``[n, 2]``: what it does, one after the other: the place of a FIFO in ``(*reads, *writes)``, and
            how many words it reads or writes there, at least one.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    order: Int32Array

    def __post_init__(self) -> None:
        assert self.order.dtype == np.int32, f"{self.name}: those of a large design take gigabytes"

    @cached_property
    def words(self) -> dict[str, int]:
        """How many words it moves in all, by FIFO."""
        places, counts = self.order.T
        assert (counts > 0).all(), f"{self.name}: it moves no word"
        names = (*self.reads, *self.writes)
        moved: list[int] = np.bincount(places, counts, minlength=len(names)).astype(np.int64).tolist()
        return dict(zip(names, moved, strict=True))


def repeated(pattern: Sequence[tuple[int, int]], times: int) -> Int32Array:
    """Return ``times`` times ``pattern``, pairs of a place and words, as the order of a process."""
    return np.tile(np.array(pattern, np.int32).reshape(-1, 2), (times, 1))


@final
@dataclass(frozen=True)
class Wait:
    """A process that cannot go on: the FIFO that it is to write is full, or the one that it is to read is empty."""

    process: str
    fifo: str
    full: bool


@final
@dataclass(frozen=True)
class Deadlock:
    """A circle of processes, each of which waits for the next one."""

    waits: tuple[Wait, ...]

    def meetings(self, named: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Return where the circle is to be cut: a full FIFO whose reader waits at an empty one, as pairs, sorted.

        Of the full ones in a row the last of ``named`` is told, of the empty ones the first; where there is none, the
        one at the reader.  Where all are full, since a process is behind itself, it is those of ``named``, each with an
        empty name.
        """
        waits, n = self.waits, len(self.waits)
        if all(wait.full for wait in waits):
            found = [wait.fifo for wait in waits if wait.fifo in named] or [waits[0].fifo]
            return tuple((name, "") for name in sorted(found))
        pairs = set()
        for at in range(n):
            if waits[at].full and not waits[(at + 1) % n].full:
                fulls = _run([waits[(at - k) % n] for k in range(n)], full=True)
                empties = _run([waits[(at + 1 + k) % n] for k in range(n)], full=False)
                full, empty = ((*(name for name in row if name in named), row[0])[0] for row in (fulls, empties))
                pairs.add((full, empty))
        return tuple(sorted(pairs))

    def told(self, named: Collection[str]) -> str:
        """Return it in words."""
        pairs = self.meetings(named)
        return "deadlock: " + "; ".join(f"{full} is full{empty and f', {empty} is empty'}" for full, empty in pairs)


def _run(waits: Sequence[Wait], *, full: bool) -> list[str]:
    """Return the FIFOs of the first ``waits``, as long as they are all full, or all empty."""
    found = []
    for wait in waits:
        if wait.full != full:
            break
        found.append(wait.fifo)
    return found


@final
@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        depths: words that every FIFO holds, those that were to grow as far as they had to.
        deadlock: None: every process has done its work.
    """

    depths: dict[str, int]
    deadlock: Deadlock | None


def corridors(
    processes: Sequence[Process], depths: Mapping[str, int], buffers: Mapping[str, str]
) -> dict[str, tuple[Int64Array, Int64Array]]:
    """Return how many words a buffer must have taken when it gives each of its words, and how many it can have.

    Of several it is what they have taken in two runs: in one all of them take as late as they can, in the other one as
    early.

    Args:
        processes: a network without the buffers, which comes to its end if those take and give as one likes.
        depths: as for ``run``, of the FIFOs in ``buffers`` too.
        buffers: FIFO to which each gives, by the one from which it takes; no process writes it, or reads that one.

    Returns:
        int64 ``[words]`` each, by the word that is given, by the FIFO from which the buffer takes.

    Raises:
        AssertionError: the network does not come to its end, or other words are read behind a buffer than written
            in front of it.
    """
    from gan2hls.timing.kahn_run import run_network  # loads a compiler

    net, fifos = _arrays(processes, depths)
    number = {name: n for n, name in enumerate(fifos)}
    words = [next(process.words[source] for process in processes if source in process.writes) for source in buffers]
    for given, sink in zip(words, buffers.values(), strict=True):
        read = next(process.words[sink] for process in processes if sink in process.reads)
        assert read == given, f"{sink}: {given} words are given, {read} read"
    pairs = np.array([(number[source], number[sink]) for source, sink in buffers.items()], np.int64)
    buffer, first = np.full(len(fifos), -1, np.int64), np.cumsum([0, *words])
    buffer[pairs] = np.arange(len(pairs))[:, None]
    found = []
    for eager in (False, True):
        taken = np.zeros(first[-1], np.int64)
        made = net._replace(
            waits=net.waits.copy(), buffers=pairs, buffer=buffer, eager=eager, first=first[:-1], taken=taken
        )
        stuck = run_network(made)
        assert stuck < 0, f"{processes[stuck].name}: no end"
        found.append(np.split(taken, first[1:-1]))
    return {source: (least, most) for source, least, most in zip(buffers, *found, strict=True)}


def run(
    processes: Sequence[Process], depths: Mapping[str, int], growing: Collection[str] = (), *, doubling: bool = False
) -> Outcome:
    """Let ``processes`` go on until none can.

    A FIFO with one end only is a port: from it comes, and into it goes, as much as one likes.

    Args:
        processes: a network; every FIFO is read by one of them at most, and written by one at most.
        depths: words that a FIFO holds, at least one; of all FIFOs with two ends.
        growing: FIFOs that become longer by a word whenever their being full is part of a circle of waits, and there is
            no shorter one of them in it.
        doubling: whether they become twice as long instead.

    Raises:
        AssertionError: two processes at one end of a FIFO, or more words are written to one than are read, or fewer.
    """
    net, fifos = _arrays(processes, depths, growing, doubling=doubling)
    from gan2hls.timing.kahn_run import run_network  # loads a compiler

    at = run_network(net)
    made = dict(zip(fifos, net.depth.tolist(), strict=True))
    made = {name: depth for name, depth in made.items() if name in depths}
    return Outcome(made, None if at < 0 else Deadlock(_circle(processes, fifos, net, at)))


def _circle(processes: Sequence[Process], fifos: Sequence[str], net: Arrays, at: int) -> tuple[Wait, ...]:
    """Return the waits in the circle of which process ``at`` is a part."""
    waits: list[Wait] = []
    start = at
    while not waits or at != start:
        fifo = int(net.waits[at])
        full = bool(net.writer[fifo] == at)
        waits.append(Wait(processes[at].name, fifos[fifo], full))
        at = int(net.reader[fifo] if full else net.writer[fifo])
    return tuple(waits)


def _arrays(
    processes: Sequence[Process], depths: Mapping[str, int], growing: Collection[str] = (), *, doubling: bool = False
) -> tuple[Arrays, tuple[str, ...]]:
    """Return the network in arrays, and the names of the FIFOs by number."""
    from gan2hls.timing.kahn_run import Arrays

    reads, writes = Counter[str](), Counter[str]()
    for process in processes:
        reads.update({name: process.words[name] for name in process.reads})
        writes.update({name: process.words[name] for name in process.writes})
    fifos = tuple(dict.fromkeys((*reads, *writes)))
    number = {name: n for n, name in enumerate(fifos)}
    reader, writer = np.full(len(fifos), -1, np.int64), np.full(len(fifos), -1, np.int64)
    fifo = np.zeros((len(processes), max((len(p.reads) + len(p.writes) for p in processes), default=0)), np.int64)
    for n, process in enumerate(processes):
        for name, ends in (*((r, reader) for r in process.reads), *((w, writer) for w in process.writes)):
            assert ends[number[name]] == -1, f"{name}: two processes at one end"
            ends[number[name]] = n
        numbers = [number[name] for name in (*process.reads, *process.writes)]
        fifo[n, : len(numbers)] = numbers
    for name in reads.keys() & writes.keys():
        assert reads[name] == writes[name], f"{name}: {writes[name]} words are written, {reads[name]} read"
        assert depths[name] >= 1, f"{name}: a FIFO must hold a word"
    return (
        Arrays(
            orders=np.concatenate([*(process.order for process in processes), np.zeros((0, 2), np.int32)]),
            starts=np.cumsum([0, *(len(process.order) for process in processes)]),
            fifo=fifo,
            reads=np.array([len(process.reads) for process in processes], np.int64),
            depth=np.array([depths.get(name, 0) for name in fifos], np.int64),
            grows=np.array([name in growing for name in fifos], np.bool_),
            doubling=doubling,
            reader=reader,
            writer=writer,
            waits=np.full(len(processes), -1, np.int64),
            buffers=np.zeros((0, 2), np.int64),
            buffer=np.full(len(fifos), -1, np.int64),
            eager=False,
            first=np.zeros(0, np.int64),
            taken=np.zeros(0, np.int64),
        ),
        fifos,
    )
