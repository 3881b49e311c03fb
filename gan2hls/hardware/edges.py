"""Edges of a design: how tensors travel between engines, decided once for RTL, C++, benches and the cycle model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

from gan2hls.hardware.width_converters import Converter
from gan2hls.numbers import IntType
from gan2hls.ops import OffChipRing, Shape

#: Words of a queue in distributed RAM at most; a longer one is a ring in RAM, with so many words behind it.
QUEUE_WORDS, RING_OUT_WORDS = 64, 8


@final
@dataclass(frozen=True)
class Stream:
    """A tensor as beats, in raster order, channels innermost, element 0 of a beat in its least significant bits.

    Attributes:
        tensor: what it carries: name of an input or a layer.
        elem: type of an element.
        lanes: elements a beat.
        shape: ``(H, W, C)`` of a frame.
    """

    tensor: str
    elem: IntType
    lanes: int
    shape: Shape

    @property
    def elements(self) -> int:
        """Elements of a frame."""
        return math.prod(self.shape)

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.elements // self.lanes

    @property
    def bits(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.elem.bits

    @property
    def byte_count(self) -> int:
        """Whole bytes of a beat, as ports and HLS streams have them."""
        return -(-self.bits // 8)


@final
@dataclass(frozen=True)
class Edge:
    """What leads from the maker of a tensor to one of its readers: converters, and a queue where it must wait.

    The queue stands behind all converters that join beats.  In front of them it would give one wide word ahead, and a
    reader that takes several of them in a row, then none for a while, would wait for each.

    Attributes:
        source: as the maker sends it.
        reader: name of the layer that reads it; empty: it leaves the design.
        port: which of the reader's inputs it is.
        branch: which branch of a fork it is, where the tensor has several readers; None: it has one.
        depth: words that the queue holds, beats of ``queued``; 0: there is none.
        converters: between the maker's lanes and the reader's, in stream order.
        bus_bits: of the memory port where its queue is off chip; 0: it is on chip.
        ultra: whether its queue is in UltraRAM.
    """

    source: Stream
    reader: str
    port: int
    branch: int | None
    depth: int
    converters: tuple[Converter, ...]
    bus_bits: int = 0
    ultra: bool = False

    @property
    def name(self) -> str:
        """Identifier of what arrives, in front of queue and converters: the tensor's, or its branch's."""
        return self.source.tensor if self.branch is None else f"{self.source.tensor}_{self.branch}"

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return f"{self.source.tensor} -> {self.reader or 'output'}"

    @property
    def port_name(self) -> str:
        """Identifier of the input that it leads to, also of what is behind queue and converters."""
        return f"{self.reader}_{self.port}"

    @property
    def in_ram(self) -> bool:
        """Whether its queue is a ring in block RAM, or UltraRAM."""
        return self.depth > QUEUE_WORDS and not self.bus_bits

    @property
    def ring(self) -> OffChipRing | None:
        """Its queue in external memory; None: it is on chip, or there is none."""
        if not self.bus_bits:
            return None
        return OffChipRing(self.queued.bits, self.queued.beats, self.depth, self.bus_bits)

    @property
    def before(self) -> tuple[Converter, ...]:
        """The converters in front of the queue."""
        ups = [n for n, stage in enumerate(self.converters) if stage.direction == "up"]
        return self.converters[: ups[-1] + 1] if ups else ()

    @property
    def behind(self) -> tuple[Converter, ...]:
        """The converters behind the queue."""
        return self.converters[len(self.before) :]

    @property
    def queued(self) -> Stream:
        """As the queue takes and gives it."""
        return _converted(self.source, self.before)

    @property
    def sink(self) -> Stream:
        """As the reader takes it."""
        return _converted(self.source, self.converters)


def _converted(stream: Stream, stages: tuple[Converter, ...]) -> Stream:
    """Return ``stream`` behind ``stages``."""
    return replace(stream, lanes=stages[-1].out_lanes) if stages else stream


@final
@dataclass(frozen=True)
class StreamPort:
    """Where a stream enters or leaves a design.

    Attributes:
        stream: what passes.
        inward: whether it enters.
        suffix: what its names end in: nothing for the only port of its direction, else ``_`` and the tensor's name.
    """

    stream: Stream
    inward: bool
    suffix: str

    @property
    def axis(self) -> str:
        """AXI4-Stream interface of the RTL and of the C++ with TLAST."""
        return f"{'s' if self.inward else 'm'}_axis{self.suffix}"

    @property
    def word(self) -> str:
        """Argument of the C++ without TLAST."""
        return f"{'in' if self.inward else 'out'}{self.suffix}"

    @property
    def padded_bits(self) -> int:
        """Bits of its data, padded to whole bytes."""
        return 8 * self.stream.byte_count


def stream_ports(streams: tuple[Stream, ...], *, inward: bool) -> tuple[StreamPort, ...]:
    """Return the ports of all ``streams`` of one direction."""
    alone = len(streams) == 1
    return tuple(StreamPort(stream, inward, "" if alone else f"_{stream.tensor}") for stream in streams)
