"""The external memory behind a design's AXI4 ports: its image, what is written, latency, back-pressure and errors.

The protocol is that of cocotbext-axi; it checks that no burst crosses 4096 bytes.  The memory knows nothing of the
design's reset, so bursts that are on their way at a reset come all the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cocotb.triggers import Timer
from cocotbext.axi import AxiReadBus, AxiSlaveRead, AxiSlaveWrite, AxiWriteBus

#: Where the image stands: what is read elsewhere is an error.
BASE = 0x4000_0000


class Memory:
    """A memory of which the design reads the image, and writes and reads what is behind it.

    Args:
        dut: the design, with an input ``memory_base_i``.
        clock: name of its clock.
        ports: what the signals of its ports begin with, and whether they have write channels.
        image: what stands from ``BASE`` on; None: nothing does.
        span: bytes from ``BASE`` to the end of what the design may write; 0: it writes nothing.
        period: clock period in simulator steps.

    Attributes:
        beats: that were read or written.
        error_at: number of the beat, counted from 1, that is answered by an error; 0: none.
        outside: the first address that was read or written where nothing may be.
    """

    def __init__(
        self, dut: Any, clock: str, ports: Mapping[str, bool], image: Path | None, span: int, period: int
    ) -> None:
        given = b"" if image is None else image.read_bytes()
        self.fixed = len(given)
        self.content = bytearray(given) + random.Random(span).randbytes(max(0, span - self.fixed))
        self.period = period
        self.beats = self.error_at = 0
        self.outside: int | None = None
        self._latency: Iterator[int] | None = None
        dut.memory_base_i.value = BASE
        self._channels: list[Any] = []
        for axi, has_writes in ports.items():
            reads = AxiSlaveRead(AxiReadBus.from_prefix(dut, axi), getattr(dut, clock), target=self)
            reads.log.setLevel("ERROR")
            reads.ar_channel.queue_occupancy_limit = 0  # a request is taken at once, its first beat 2 clocks later
            self._channels += [reads.ar_channel, reads.r_channel]
            if has_writes:
                writes = AxiSlaveWrite(AxiWriteBus.from_prefix(dut, axi), getattr(dut, clock), target=self)
                writes.log.setLevel("ERROR")
                writes.aw_channel.queue_occupancy_limit = 0  # so is one to write
                self._channels += [writes.aw_channel, writes.w_channel, writes.b_channel]

    def restart(self, seed: int | None = None, error_at: int = 0) -> None:
        """Count from 0 again; with ``seed`` latencies and waits are random, without it the memory answers at once."""
        self.beats, self.error_at = 0, error_at
        self._latency = None if seed is None else _latencies(seed)
        for n, channel in enumerate(self._channels):
            channel.clear_pause_generator()
            channel.pause = False
            if seed is not None:
                channel.set_pause_generator(_pauses(seed + 1 + n))

    async def read(self, address: int, length: int) -> bytes:
        """Return ``length`` bytes from ``address`` on: a beat.

        Raises:
            ValueError: the beat is to be answered by an error.
        """
        start = await self._reach(address, length, 0)
        return bytes(self.content[start : start + length])

    async def write(self, address: int, data: bytes) -> None:
        """Let ``data`` stand from ``address`` on: a beat.

        Raises:
            ValueError: the beat is to be answered by an error.
        """
        start = await self._reach(address, len(data), self.fixed)
        self.content[start : start + len(data)] = data

    async def _reach(self, address: int, length: int, least: int) -> int:
        """Return where in ``content`` a beat stands, after some time; it may not begin below ``least``."""
        if self._latency is not None and (wait := next(self._latency)):
            await Timer(wait * self.period, "step")
        self.beats += 1
        start = address - BASE
        if start < least or start + length > len(self.content):
            self.outside = address if self.outside is None else self.outside
            raise ValueError(f"no memory at 0x{address:x}")
        if self.beats == self.error_at:
            raise ValueError("an error that was asked for")
        return start


def _latencies(seed: int) -> Iterator[int]:
    """Yield waits before a beat in cycles: mostly none, sometimes those of a refresh."""
    rng = random.Random(seed)
    while True:
        yield rng.randint(20, 120) if rng.random() < 0.02 else 0


def _pauses(seed: int) -> Iterator[bool]:
    """Yield for each cycle whether a channel waits."""
    rng = random.Random(seed)
    while True:
        yield rng.random() < 0.3
