"""The cocotb bench of a streaming design: golden vectors in, every output beat compared, cycles measured.

``run.py`` runs each test in its own simulation; it says what to load in the environment: ``BENCH_JSON`` and
``BENCH_DUT`` (an entry of ``duts`` there).  Each test leaves ``result.json`` in the current folder, failed or not.
Needs cocotb and the standard library.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import cocotb
from axis import Draw, Port, ProtocolError, Sink, Source, gaps, never
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.triggers import Event, First, Timer
from cocotb.utils import get_sim_time
from vectors import Bench

PERIOD = 10
BENCH = Bench(Path(os.environ["BENCH_JSON"]))
DUT = BENCH.config["duts"][os.environ["BENCH_DUT"]]
#: Random waits make a frame longer: at most this many cycles for each beat that crosses a boundary, on average.
SLOWDOWN = 16
#: Cycles in which nothing may come out after the last frame.
SILENCE = 200


def timeout(frames: int) -> int:
    """Return a limit that no working design reaches, in simulator steps."""
    beats = BENCH.source.beats + BENCH.sink.beats
    return PERIOD * (frames + 2) * (BENCH.patience + SLOWDOWN * beats)


class BenchError(Exception):
    """The design does not do what it must."""


class Session:
    """A design under test with its clock; ``restart`` resets it and gives it a fresh source and sink."""

    def __init__(self, dut: Any, name: str) -> None:
        self.dut = dut
        self.clock, self.reset = getattr(dut, DUT["clock"]), getattr(dut, DUT["reset"])
        self.result: dict[str, Any] = {
            "test": name, "status": "failed", "reason": "", "frames": 0, "values": 0, "mismatches": 0,
            "first_mismatch": None,
        }  # fmt: skip
        self.source: Source
        self.sink: Sink
        self._tasks: list[Any] = []
        self._broken = ""
        self._event = Event()

    async def restart(self, idle: Draw = never, stall: Draw = never) -> None:
        """Hold reset for a few cycles with the streams at rest."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        inward = Port(self.dut, DUT["clock"], DUT["source_prefix"], PERIOD)
        outward = Port(self.dut, DUT["clock"], DUT["sink_prefix"], PERIOD)
        self._check_width(inward, BENCH.source, "input")
        self._check_width(outward, BENCH.sink, "output")
        self.source, self.sink = Source(inward, idle), Sink(outward, BENCH.sink.beats, stall)
        self.reset.value = 0
        await inward.cycles(5)
        if outward.tvalid.value:
            raise ProtocolError("tvalid of the output is high in reset")
        self.reset.value = 1
        await inward.cycles(1)

    @staticmethod
    def _check_width(port: Port, stream: Any, what: str) -> None:
        bits = stream.bits * stream.lanes
        if port.bits not in (bits, -(-bits // 8) * 8):
            raise ProtocolError(f"tdata of the {what} has {port.bits} bits, expected {bits}")

    def stream(self, frames: int) -> None:
        """Start sending ``frames`` frames and taking beats."""

        def beats() -> Iterator[tuple[int, bool]]:
            for number in range(frames):
                words = BENCH.source.frame(number)
                for word in words[:-1]:
                    yield word, False
                yield words[-1], True

        self._tasks.append(cocotb.start_soon(self._guard(self.source.send(beats()))))
        self._tasks.append(cocotb.start_soon(self._guard(self.sink.run())))

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ProtocolError as error:
            self._broken = str(error)
            self._event.set()

    async def until(self, beats: int, accepted: int = 0) -> None:
        """Wait until ``beats`` beats came out and ``accepted`` went in.

        Raises:
            BenchError: nothing moves any more.
            ProtocolError: a rule was broken.
        """
        before = (-1, -1)
        step = max(64, BENCH.config["layers"][-1]["interval"] // 64)
        waited = 0
        while (now := (len(self.sink.beats), self.source.accepted)) and (now[0] < beats or now[1] < accepted):
            waited = waited + step if now == before else 0
            if waited > BENCH.patience:
                self.result["stuck"] = True
                self.compare(beats)
                raise BenchError(
                    f"the design is stuck: {now[1]} input beats taken, {now[0]} of {beats} output beats came out"
                )
            before = now
            await First(Timer(step * PERIOD, "step"), self._event.wait())
            if self._broken:
                raise ProtocolError(self._broken)

    def compare(self, beats: int) -> None:
        """Compare every beat that came out since the last restart, at most ``beats``, and add to the result.

        Raises:
            BenchError: one differs.
        """
        self._check_count(beats)
        found = [int(beat, 2) for beat in self.sink.beats]
        self.result["values"] += len(found) * BENCH.sink.lanes
        self.result["frames"] += len(found) // BENCH.sink.beats
        for start in range(0, len(found), BENCH.sink.beats):
            frame, expected = found[start : start + BENCH.sink.beats], BENCH.sink.frame(start // BENCH.sink.beats)
            if frame == expected[: len(frame)]:
                continue
            for beat, (want, have) in enumerate(zip(expected, frame, strict=False)):
                if want != have:
                    count, words = BENCH.sink.compare(start + beat, have)
                    self.result["mismatches"] += count
                    self.result["first_mismatch"] = self.result["first_mismatch"] or words
        if self.result["first_mismatch"] is not None:
            raise BenchError(self.result["first_mismatch"])

    def _check_count(self, beats: int) -> None:
        if self._broken:
            raise ProtocolError(self._broken)
        if len(self.sink.beats) > beats:
            raise BenchError(f"{len(self.sink.beats)} beats came out, expected {beats}")

    async def finish(self, frames: int) -> None:
        """Wait for ``frames`` whole frames, compare them, and check that nothing follows."""
        beats = frames * BENCH.sink.beats
        await self.until(beats)
        self.compare(beats)
        await Timer(SILENCE * PERIOD, "step")
        self._check_count(beats)


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


async def crossed(dut: Any, name: str, idle: Draw, stall: Draw) -> None:
    """Send the frames back to back with the given waits."""
    async with session(dut, name) as run:
        await run.restart(idle, stall)
        run.stream(BENCH.frames)
        await run.finish(BENCH.frames)


@cocotb.test(timeout_time=timeout(BENCH.frames + 2))
async def full_rate(dut: Any) -> None:
    """No waits on either side: compare, measure latency and frame interval."""
    frames = BENCH.frames + 2
    async with session(dut, "full_rate") as run:
        await run.restart()
        run.stream(frames)
        await run.finish(frames)
        times = run.sink.last_times
        assert run.source.first_time is not None
        run.result["latency_cycles"] = (times[0] - run.source.first_time) // PERIOD
        run.result["intervals_cycles"] = [(b - a) // PERIOD for a, b in pairwise(times)]


@cocotb.test(timeout_time=timeout(BENCH.frames))
async def idle(dut: Any) -> None:
    """Idle cycles between input beats."""
    await crossed(dut, "idle", gaps(BENCH.seed + 1), never)


@cocotb.test(timeout_time=timeout(BENCH.frames))
async def back_pressure(dut: Any) -> None:
    """Back-pressure on the output."""
    await crossed(dut, "back_pressure", never, gaps(BENCH.seed + 2))


@cocotb.test(timeout_time=timeout(BENCH.frames))
async def idle_back_pressure(dut: Any) -> None:
    """Idle cycles and back-pressure together."""
    await crossed(dut, "idle_back_pressure", gaps(BENCH.seed + 3), gaps(BENCH.seed + 4))


@cocotb.test(timeout_time=timeout(5))
async def reset_recovery(dut: Any) -> None:
    """A reset in the middle of an output frame, one in the middle of an input frame, then whole frames again."""
    async with session(dut, "reset_recovery") as run:
        await run.restart(never, gaps(BENCH.seed + 5))
        run.stream(2)
        await run.until(max(1, BENCH.sink.beats // 2))
        run.compare(2 * BENCH.sink.beats)
        await run.restart(gaps(BENCH.seed + 6), never)
        run.stream(1)
        await run.until(0, accepted=max(1, BENCH.source.beats // 2))
        await run.restart()
        run.stream(2)
        await run.finish(2)
