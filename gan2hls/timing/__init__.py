"""Timing: networks of blocks with handshakes, and the clock of every event in them.

What a block is stands here as data; which blocks an engine is made of is not known here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gan2hls.timing.kahn import Deadlock, Outcome, Wait, corridors, repeated
from gan2hls.timing.kahn import Process as NetworkProcess
from gan2hls.timing.kahn import run as run_network
from gan2hls.timing.memory_blocks import BurstRing, decoder, expand, meeting, reader, unpack, writer
from gan2hls.timing.network import (
    Block,
    Edge,
    Network,
    Phase,
    Queue,
    Stream,
    deal,
    down,
    fifo,
    join,
    loader,
    queue,
    requant,
    ring,
    sequencer,
    sink,
    source,
    steps,
    take_turns,
    up,
)
from gan2hls.timing.stalling import stalling

if TYPE_CHECKING:
    from gan2hls.timing.simulation import Simulation


def simulate(network: Network, keep: Collection[Edge] = ()) -> Simulation:
    """Return the clocks of the events of ``network``; of the edges in ``keep`` all are remembered.

    Raises:
        AssertionError: blocks wait for each other for ever.
    """
    from gan2hls.timing.simulation import evaluated  # loads a compiler

    return evaluated(network, keep=keep)


def prepare() -> None:
    """Load what ``simulate`` needs, which it would do when it is first called.

    It must not be loaded while another thread looks for libraries (``base.one_thread``).
    """
    from gan2hls.timing import clocks, simulation  # noqa: F401

    clocks.load()


__all__ = [
    "Block",
    "BurstRing",
    "Deadlock",
    "Edge",
    "Network",
    "NetworkProcess",
    "Outcome",
    "Phase",
    "Queue",
    "Stream",
    "Wait",
    "corridors",
    "deal",
    "decoder",
    "down",
    "expand",
    "fifo",
    "join",
    "loader",
    "meeting",
    "prepare",
    "queue",
    "reader",
    "repeated",
    "requant",
    "ring",
    "run_network",
    "sequencer",
    "simulate",
    "sink",
    "source",
    "stalling",
    "steps",
    "take_turns",
    "unpack",
    "up",
    "writer",
]
