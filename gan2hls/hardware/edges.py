"""Edges of a design: how tensors travel between engines, decided once for RTL, C++, benches and the cycle model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gan2hls.hardware.width_converters import Converter
from gan2hls.numbers import IntType
from gan2hls.ops import Shape


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
    """What leads from the maker of a tensor to one of its readers.

    Attributes:
        source: as the maker sends it.
        reader: name of the layer that reads it.
        port: which of the reader's inputs it is.
        converters: between the maker's lanes and the reader's, in stream order.
    """

    source: Stream
    reader: str
    port: int
    converters: tuple[Converter, ...]

    @property
    def sink(self) -> Stream:
        """As the reader takes it."""
        lanes = self.converters[-1].out_lanes if self.converters else self.source.lanes
        return Stream(self.source.tensor, self.source.elem, lanes, self.source.shape)


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
