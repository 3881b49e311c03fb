"""The cocotb bench of a streaming design: golden vectors in, every output beat compared, cycles measured.

``run.py`` runs each test in its own simulation; it says what to load in the environment: ``BENCH_JSON`` and
``BENCH_DUT`` (an entry of ``duts`` there).  Each test leaves ``result.json`` in the current folder, failed or not.
Needs cocotb and the standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import cocotb
from axis import Draw, Port, ProtocolError, Sink, Source, never, scarce
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.triggers import Event, First, Timer
from cocotb.utils import get_sim_time
from vectors import Bench, Stream

PERIOD = 10
BENCH = Bench(Path(os.environ["BENCH_JSON"]))
DUT = BENCH.config["duts"][os.environ["BENCH_DUT"]]
#: The external memory of the design under test: ``image``, the file that stands there, if any, and ``span``, the bytes
#: up to the end of what the design writes behind it, if it does; empty where it has none.
MEMORY = DUT.get("memory", {})
INPUTS, OUTPUTS = list(enumerate(BENCH.inputs)), list(enumerate(BENCH.outputs))
#: Random waits make a frame longer: at most this many cycles for each beat that crosses a boundary, on average.
SLOWDOWN = 16
#: The first frame comes in in so many times the interval of the slowest engine, and leaves in so many: engines run dry,
#: or full.  A row that is granted too early is found where rows come in at less than half the pace of an engine.
SCARCE, SLOW = 2.5, 1.5
#: That interval, where what is under test takes so long and not a single clock.
INTERVAL = max(entry["interval"] for entry in BENCH.config["layers"]) if DUT["traces"] else 0
#: Cycles in which nothing may come out after the last frame.
SILENCE = 200


def timeout(frames: int) -> int:
    """Return a limit that no working design reaches, in simulator steps."""
    beats = sum(stream.beats for stream in (*BENCH.inputs, *BENCH.outputs))
    return PERIOD * (frames + 2) * (BENCH.patience + SLOWDOWN * beats)


#: How a port waits, by its number.
Waits = Callable[[int], Draw]


def at_once(port: int) -> Draw:
    """Let no port wait."""
    del port
    return never


def waits(seed: int, streams: list[Stream], times: float) -> Waits:
    """Let the port of each of ``streams`` wait at random, by itself, in the first frame ``times`` the interval.

    No wait is so long that the design would be taken to be stuck.
    """
    return lambda n: scarce(seed + 101 * n, streams[n].beats, min(1, times / streams[n].beats) * INTERVAL)


def idle_waits(seed: int) -> Waits:
    """Let every input wait at random."""
    return waits(seed, BENCH.inputs, SCARCE)


def stalls(seed: int) -> Waits:
    """Let every output wait at random."""
    return waits(seed, BENCH.outputs, SLOW)


def label(stream: Stream, among: list[Stream], what: str) -> str:
    """Return what a port is called in messages: ``what`` alone where it is the only one."""
    return what if len(among) == 1 else f"{what} {stream.name}"


class BenchError(Exception):
    """The design does not do what it must."""


#: Cycles from the end of reset to the first input, as the estimate has them: all that reads is ready then, and ports of
#: memories have passed their turns on.
RESET_TO_INPUT = 8


class Session:
    """A design under test with its clock; ``restart`` resets it and gives its ports fresh sources and sinks."""

    def __init__(self, dut: Any, name: str) -> None:
        self.dut = dut
        self.clock, self.reset = getattr(dut, DUT["clock"]), getattr(dut, DUT["reset"])
        self.result: dict[str, Any] = {
            "test": name, "status": "failed", "reason": "", "frames": 0, "values": 0, "mismatches": 0,
            "first_mismatch": None,
        }  # fmt: skip
        self.sources: list[Source] = []
        self.sinks: list[Sink] = []
        self.memory: Any = None
        self._tasks: list[Any] = []
        self._broken = ""
        self._event = Event()

    async def restart(
        self, idle: Waits = at_once, stall: Waits = at_once, *, memory_seed: int | None = None, error_at: int = 0
    ) -> None:
        """Hold reset for a few cycles with the streams at rest; the external memory is as ``Memory.restart`` says."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.sources = [Source(self._port(stream, BENCH.inputs, "input"), idle(n)) for n, stream in INPUTS]
        self.sinks = [
            Sink(
                self._port(stream, BENCH.outputs, "output"),
                stream.beats,
                stall(n),
                label(stream, BENCH.outputs, "output"),
            )
            for n, stream in OUTPUTS
        ]
        self.reset.value = 0
        clock = self.sources[0].port
        await clock.cycles(5)
        for sink in self.sinks:
            if sink.port.tvalid.value:
                raise ProtocolError(f"tvalid of the {sink.what} is high in reset")
        if MEMORY:
            self._restart_memory(memory_seed, error_at)
        self.reset.value = 1
        await clock.cycles(RESET_TO_INPUT)

    def _restart_memory(self, seed: int | None, error_at: int) -> None:
        if self.memory is None:
            from memory import Memory  # needs cocotbext-axi, as few designs do

            image = BENCH.folder / MEMORY["image"] if MEMORY["image"] else None
            self.memory = Memory(self.dut, DUT["clock"], MEMORY["ports"], image, MEMORY["span"], PERIOD)
        self.memory.restart(seed, error_at)

    def _port(self, stream: Stream, among: list[Stream], what: str) -> Port:
        port, bits = Port(self.dut, DUT["clock"], stream.prefix, PERIOD), stream.bits * stream.lanes
        if port.bits not in (bits, -(-bits // 8) * 8):
            raise ProtocolError(f"tdata of the {label(stream, among, what)} has {port.bits} bits, expected {bits}")
        return port

    def stream(self, frames: int) -> None:
        """Start sending ``frames`` frames to every input and taking beats of every output."""
        for source, stream in zip(self.sources, BENCH.inputs, strict=True):
            self._tasks.append(cocotb.start_soon(self._guard(source.send(frames_of(stream, frames)))))
        self._tasks += [cocotb.start_soon(self._guard(sink.run())) for sink in self.sinks]

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ProtocolError as error:
            self._broken = str(error)
            self._event.set()

    async def until(self, done: Callable[[], bool], frames: int) -> None:
        """Wait until ``done``, with ``frames`` frames under way.

        Raises:
            BenchError: nothing moves any more.
            ProtocolError: a rule was broken.
        """
        before: tuple[list[int], list[int], int] = [], [], 0
        step = max(64, max(entry["interval"] for entry in BENCH.config["layers"]) // 64)
        waited = 0
        while not done():
            read = 0 if self.memory is None else self.memory.beats
            now = [source.accepted for source in self.sources], [len(sink.beats) for sink in self.sinks], read
            waited = waited + step if now == before else 0
            if waited > BENCH.patience:
                self.result["stuck"] = True
                self.compare(frames)
                taken = " and ".join(map(str, now[0]))
                made = " and ".join(f"{n} of {frames * s.beats}" for n, s in zip(now[1], BENCH.outputs, strict=True))
                raise BenchError(f"the design is stuck: {taken} input beats taken, {made} output beats came out")
            before = now
            await First(Timer(step * PERIOD, "step"), self._event.wait())
            if self._broken:
                raise ProtocolError(self._broken)

    def compare(self, frames: int) -> None:
        """Compare every beat that came out since the last restart, at most ``frames`` frames, and add to the result.

        Raises:
            BenchError: one differs.
        """
        self._check_count(frames)
        for sink, stream in zip(self.sinks, BENCH.outputs, strict=True):
            self._compare(stream, [int(beat, 2) for beat in sink.beats])
        self.result["frames"] += min(len(sink.beats) // sink.frame_beats for sink in self.sinks)
        if self.result["first_mismatch"] is not None:
            raise BenchError(self.result["first_mismatch"])

    def _compare(self, stream: Stream, found: list[int]) -> None:
        self.result["values"] += len(found) * stream.lanes
        for start in range(0, len(found), stream.beats):
            frame, expected = found[start : start + stream.beats], stream.frame(start // stream.beats)
            if frame == expected[: len(frame)]:
                continue
            for beat, (want, have) in enumerate(zip(expected, frame, strict=False)):
                if want != have:
                    count, words = stream.compare(start + beat, have)
                    self.result["mismatches"] += count
                    self.result["first_mismatch"] = self.result["first_mismatch"] or words

    def _check_count(self, frames: int) -> None:
        if self._broken:
            raise ProtocolError(self._broken)
        for sink in self.sinks:
            came, beats = len(sink.beats), frames * sink.frame_beats
            if came > beats:
                port = sink.what.removeprefix("output")
                raise BenchError(f"{came} beats came out{port and f' of{port}'}, expected {beats}")

    async def finish(self, frames: int) -> None:
        """Wait for ``frames`` whole frames of every output, compare them, and check that nothing follows."""
        await self.until(lambda: all(len(sink.beats) >= frames * sink.frame_beats for sink in self.sinks), frames)
        self.compare(frames)
        await Timer(SILENCE * PERIOD, "step")
        self._check_count(frames)
        self.check_memory()

    def check_memory(self) -> None:
        """Check that the external memory was used where something stands, and that no error was told.

        Raises:
            BenchError: it was not so.
        """
        if self.memory is None:
            return
        if self.memory.outside is not None:
            raise BenchError(f"the memory port goes to 0x{self.memory.outside:x}, where nothing stands")
        if self.dut.error_o.value:
            raise BenchError("error_o is high, though the memory answered without errors")

    def measure(self) -> None:
        """Take the latency to the end of the first frame, and the intervals between ends: those of the last output."""
        ends = [max(times) for times in zip(*(sink.last_times for sink in self.sinks), strict=True)]
        begun = min(source.first_time for source in self.sources if source.first_time is not None)
        self.result["latency_cycles"] = (ends[0] - begun) // PERIOD
        self.result["intervals_cycles"] = [(b - a) // PERIOD for a, b in pairwise(ends)]


def frames_of(stream: Stream, count: int) -> Iterator[tuple[int, bool]]:
    """Return the beats of ``count`` frames, each with its tlast."""
    for number in range(count):
        words = stream.frame(number)
        for word in words[:-1]:
            yield word, False
        yield words[-1], True


@asynccontextmanager
async def session(dut: Any, name: str) -> AsyncIterator[Session]:
    """Run a test's body and write its result."""
    made = Session(dut, name)
    try:
        made.reset.value = Immediate(0)  # registers and ports start at random: no clock edge before reset is low
        made.clock.value = Immediate(0)
        await Timer(PERIOD, "step")
        Clock(made.clock, PERIOD, "step").start()
        yield made
        made.result["status"] = "passed"
    except BaseException as error:
        made.result["reason"] = str(error) or type(error).__name__
        raise
    finally:
        made.result["cycles"] = get_sim_time("step") // PERIOD
        Path("result.json").write_text(json.dumps(made.result))


async def crossed(dut: Any, name: str, idle: Waits, stall: Waits) -> None:
    """Send the frames back to back with the given waits."""
    async with session(dut, name) as run:
        await run.restart(idle, stall, memory_seed=BENCH.seed + 7)
        run.stream(BENCH.frames)
        await run.finish(BENCH.frames)


@cocotb.test(timeout_time=timeout(BENCH.full_rate_frames))
async def full_rate(dut: Any) -> None:
    """No waits on either side: compare, measure latency and frame interval."""
    async with session(dut, "full_rate") as run:
        await run.restart()
        run.stream(BENCH.full_rate_frames)
        await run.finish(BENCH.full_rate_frames)
        run.measure()


@cocotb.test(timeout_time=timeout(BENCH.frames))
async def idle(dut: Any) -> None:
    """Idle cycles between input beats."""
    await crossed(dut, "idle", idle_waits(BENCH.seed + 1), at_once)


@cocotb.test(timeout_time=timeout(BENCH.frames))
async def back_pressure(dut: Any) -> None:
    """Back-pressure on every output."""
    await crossed(dut, "back_pressure", at_once, stalls(BENCH.seed + 2))


@cocotb.test(timeout_time=timeout(BENCH.frames))
async def idle_back_pressure(dut: Any) -> None:
    """Idle cycles and back-pressure together."""
    await crossed(dut, "idle_back_pressure", idle_waits(BENCH.seed + 3), stalls(BENCH.seed + 4))


@cocotb.test(timeout_time=timeout(3))
async def read_error(dut: Any) -> None:
    """An error response of the external memory is told, and no wrong beat leaves from there on."""
    async with session(dut, "read_error") as run:
        await run.restart(error_at=1 + BENCH.seed % 97)
        run.stream(1)
        try:
            await run.until(lambda: bool(dut.error_o.value), 1)
            await run.until(lambda: all(len(sink.beats) >= sink.frame_beats for sink in run.sinks), 1)
        except BenchError:
            if not dut.error_o.value or run.result["first_mismatch"] is not None:
                raise


@cocotb.test(timeout_time=timeout(5))
async def reset_recovery(dut: Any) -> None:
    """A reset in the middle of an output frame, one in the middle of an input frame, then whole frames again."""
    async with session(dut, "reset_recovery") as run:
        await run.restart(at_once, stalls(BENCH.seed + 5))
        run.stream(2)
        await run.until(lambda: any(len(sink.beats) >= max(1, sink.frame_beats // 2) for sink in run.sinks), 2)
        run.compare(2)
        await run.restart(idle_waits(BENCH.seed + 6), at_once, memory_seed=BENCH.seed + 8)
        run.stream(1)
        halves = [max(1, stream.beats // 2) for stream in BENCH.inputs]
        await run.until(lambda: any(s.accepted >= n for s, n in zip(run.sources, halves, strict=True)), 1)
        await run.restart()
        run.stream(2)
        await run.finish(2)
