"""The external memory behind a design's AXI4 port: its image, latency, back-pressure and read errors.

The protocol is that of cocotbext-axi; it checks that no burst crosses 4096 bytes.  The memory knows nothing of the
design's reset, so bursts that are on their way at a reset come all the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cocotb.triggers import Timer
from cocotbext.axi import AxiReadBus, AxiSlaveRead

#: Where the image stands: what is read elsewhere is an error.
BASE = 0x4000_0000


class Memory:
    """A read-only memory.

    Args:
        dut: the design, with a port ``m_axi`` and an input ``memory_base_i``.
        clock: name of its clock.
        image: what stands from ``BASE`` on.
        period: clock period in simulator steps.

    Attributes:
        beats: that were read.
        error_at: number of the beat, counted from 1, that is answered by an error; 0: none.
        outside: the first address beyond the image that was asked for.
    """

    def __init__(self, dut: Any, clock: str, image: Path, period: int) -> None:
        self.image = image.read_bytes()
        self.period = period
        self.beats = self.error_at = 0
        self.outside: int | None = None
        self._latency: Iterator[int] | None = None
        self._until = 0
        dut.memory_base_i.value = BASE
        bus = AxiReadBus.from_prefix(dut, "m_axi")
        self._slave = AxiSlaveRead(bus, getattr(dut, clock), target=self)
        self._slave.log.setLevel("ERROR")

    def restart(self, seed: int | None = None, error_at: int = 0) -> None:
        """Count from 0 again; with ``seed`` latencies and waits are random, without it there are none."""
        self.beats, self.error_at = 0, error_at
        self._latency = None if seed is None else _latencies(seed)
        for channel in (self._slave.ar_channel, self._slave.r_channel):
            channel.clear_pause_generator()
            channel.pause = False
            if seed is not None:
                channel.set_pause_generator(_pauses(seed + 1))

    async def read(self, address: int, length: int) -> bytes:
        """Return ``length`` bytes from ``address`` on: a beat.

        Raises:
            ValueError: the beat is to be answered by an error.
        """
        if self._latency is not None and (wait := next(self._latency)):
            await Timer(wait * self.period, "step")
        self.beats += 1
        start = address - BASE
        if start < 0 or start + length > len(self.image):
            self.outside = address if self.outside is None else self.outside
            raise ValueError(f"no memory at 0x{address:x}")
        if self.beats == self.error_at:
            raise ValueError("an error that was asked for")
        return self.image[start : start + length]


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
