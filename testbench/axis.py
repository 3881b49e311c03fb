"""AXI4-Stream source and sink for cocotb that wake up on events only, with seeded idle cycles and back-pressure.

Needs cocotb and the standard library.  A waiting side costs nothing: it sleeps until tready or tvalid rises, so a
simulation runs at the simulator's own speed wherever no beat moves.  Values are sampled at the rising clock edge, as
they stood before it; drives take effect after it.

Rules checked on the stream that the design drives: while a beat waits, tvalid does not drop and neither tdata nor
tlast changes; tlast marks the last beat of each frame and no other; tvalid does not wait for tready (the sink
sometimes raises tready only when it has seen tvalid, so a design that waits for it hangs and is reported).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

Draw = Callable[[], int]

#: Cycles of a wait of the sink in which it looks at the stream; in a longer one it looks again at the end.
WATCHED = 80


class ProtocolError(Exception):
    """The design broke a rule of AXI4-Stream."""


def never() -> int:
    """Draw no wait at all: the stream runs at full rate."""
    return 0


def gaps(seed: int) -> Draw:
    """Return a generator of waits in cycles: half of them 0, most of the others short, a few long."""
    rng = random.Random(seed)

    def draw() -> int:
        kind = rng.random()
        if kind < 0.5:
            return 0
        return rng.randint(1, 6) if kind < 0.98 else rng.randint(20, 80)

    return draw


def scarce(seed: int, beats: int, mean: float) -> Draw:
    """Return a generator of waits as ``gaps`` draws them, those of the first ``beats`` of ``mean`` cycles or more."""
    rng, then, numbers = random.Random(seed), gaps(seed), count()
    return lambda: max(then(), rng.randint(0, int(2 * mean)) if next(numbers) < beats else 0)


class Port:
    """Handles of one stream and of its clock.

    Args:
        dut: the top-level handle.
        clock: name of the clock.
        prefix: what comes before ``tdata``, ``tvalid``, ``tready`` and ``tlast``.
        period: clock period in simulator steps.
    """

    def __init__(self, dut: Any, clock: str, prefix: str, period: int) -> None:
        self.edge = RisingEdge(getattr(dut, clock))
        self.period = period
        self.tdata = getattr(dut, f"{prefix}tdata")
        self.tvalid = getattr(dut, f"{prefix}tvalid")
        self.tready = getattr(dut, f"{prefix}tready")
        self.tlast = getattr(dut, f"{prefix}tlast", None)
        self.bits = len(self.tdata)

    async def cycles(self, count: int) -> None:
        """Wait for ``count`` rising edges, without waking up in between."""
        if count > 1:
            await Timer((count - 1) * self.period + self.period // 2, "step")
        if count:
            await self.edge


class Source:
    """Drives one stream.

    Attributes:
        accepted: beats that the design has taken.
        first_time: when it took the first one, in simulator steps.
    """

    def __init__(self, port: Port, idle: Draw = never) -> None:
        self.port = port
        self.idle = idle
        self.accepted = 0
        self.first_time: int | None = None
        port.tvalid.value = 0

    async def send(self, beats: Iterable[tuple[int, bool]]) -> None:
        """Send ``(tdata, tlast)`` beats; returns when the last one has been taken."""
        port, edge = self.port, self.port.edge
        ready, ready_rises = port.tready, RisingEdge(port.tready)
        valid = False
        for data, last in beats:
            if gap := self.idle():
                if valid:
                    port.tvalid.value = 0
                await port.cycles(gap)
                valid = False
            port.tdata.value = data
            if port.tlast is not None:
                port.tlast.value = int(last)
            if not valid:
                port.tvalid.value = 1
                valid = True
            await edge
            while not ready.value:
                await ready_rises
                await edge
            if self.accepted == 0:
                self.first_time = get_sim_time("step")
            self.accepted += 1
        port.tvalid.value = 0


class Sink:
    """Takes the beats of one stream and checks the protocol.

    Args:
        port: where they leave the design.
        frame_beats: beats of a frame.
        stall: waits between them.
        what: the output in messages.

    Attributes:
        beats: tdata of every beat taken, as a binary string.
        last_times: when the last beat of each frame was taken, in simulator steps.
    """

    def __init__(self, port: Port, frame_beats: int, stall: Draw = never, what: str = "output") -> None:
        self.port = port
        self.what = what
        self.frame_beats = frame_beats
        self.stall = stall
        self.beats: list[str] = []
        self.last_times: list[int] = []
        self._waiting: tuple[str, bool] | None = None
        port.tready.value = 0

    async def run(self) -> None:
        """Take beats for ever.

        Raises:
            ProtocolError: the design broke a rule.
        """
        port, edge = self.port, self.port.edge
        valid, valid_rises = port.tvalid, RisingEdge(port.tvalid)
        ready = True
        port.tready.value = 1
        while True:
            if stalled := self.stall():
                port.tready.value = 0
                ready = False
                for _ in range(min(stalled, WATCHED)):
                    await edge
                    self._watch()
                if stalled > WATCHED:
                    await port.cycles(stalled - WATCHED)
                    self._watch()
                if stalled & 1 and not valid.value:
                    await valid_rises
            if not ready:
                port.tready.value = 1
                ready = True
            await edge
            while not valid.value:
                self._watch()
                await valid_rises
                await edge
            self._take()

    def _sample(self) -> tuple[str, bool]:
        last = self.port.tlast is None or bool(self.port.tlast.value)
        return str(self.port.tdata.value), last

    def _watch(self) -> None:
        """Check a cycle in which no beat moves."""
        now = self._sample() if self.port.tvalid.value else None
        if self._waiting is not None and now != self._waiting:
            what = "tvalid dropped" if now is None else "tdata or tlast changed"
            raise ProtocolError(f"{self._place()}: {what} while the beat waited for tready")
        self._waiting = now

    def _take(self) -> None:
        data, last = self._sample()
        if self._waiting is not None and (data, last) != self._waiting:
            raise ProtocolError(f"{self._place()}: tdata or tlast changed while the beat waited for tready")
        self._waiting = None
        final = (len(self.beats) + 1) % self.frame_beats == 0
        if self.port.tlast is not None and last != final:
            raise ProtocolError(f"{self._place()}: tlast is {int(last)}, expected {int(final)}")
        self.beats.append(data)
        if final:
            self.last_times.append(get_sim_time("step"))

    def _place(self) -> str:
        frame, beat = divmod(len(self.beats), self.frame_beats)
        return f"{self.what} frame {frame}, beat {beat}"
