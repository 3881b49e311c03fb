"""The hardware design: an integer model with its folding, buffers and stream widths fixed.

Everything an emitter needs to know about sizes stands here and in the engines, once.  ``docs/microarchitecture.md``
draws the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

from gan2hls.hardware.edges import Edge, Stream
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.width_converters import converters
from gan2hls.model import IntegerModel

#: Widest ``ap_uint`` that HLS compilers take, and so the widest word between two processes.
WORD_LIMIT_BITS = 4096


@final
@dataclass(frozen=True, eq=False)
class Design:
    """All engines of a model, and the edges between them.

    Attributes:
        model: the integer model.
        engines: one per layer, in topological order.
        part: FPGA part name.
        clock_ns: clock period.
    """

    model: IntegerModel
    engines: tuple[EngineDesign, ...]
    part: str
    clock_ns: float

    @property
    def name(self) -> str:
        """Identifier of the design: the RTL top module and the HLS top function."""
        return self.model.name

    @property
    def interval_limit(self) -> int:
        """``max`` over layers of ``ceil(useful_macs / (PE * SIMD))``: no frame interval can be shorter."""
        return max(max((engine.mac_cycles for engine in self.engines), default=1), 1)

    @property
    def interval(self) -> int:
        """Least clocks between two frames of the slowest engine alone."""
        return max(engine.interval for engine in self.engines)

    @cached_property
    def inputs(self) -> tuple[Stream, ...]:
        """The input ports: a stream is as wide as its first reader takes it."""
        found = []
        for port, quant in zip(self.model.inputs, self.model.input_types, strict=True):
            engine = next(engine for engine in self.engines if port.name in engine.layer.inputs)
            found.append(Stream(port.name, quant.int_type, engine.in_lanes, port.shape))
        return tuple(found)

    @cached_property
    def outputs(self) -> tuple[Stream, ...]:
        """The output ports: streams as their engines send them."""
        return tuple(self.streams[port.name] for port in self.model.outputs)

    @cached_property
    def streams(self) -> dict[str, Stream]:
        """Every tensor as its maker sends it, by name, inputs first."""
        return {stream.tensor: stream for stream in (*self.inputs, *(engine.sends for engine in self.engines))}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """What every engine reads, in the order of the engines and of their inputs."""
        edges = []
        for engine in self.engines:
            for port, tensor in enumerate(engine.layer.inputs):
                source = self.streams[tensor]
                stages = converters(source.lanes, engine.in_lanes, source.elements, self.interval)
                edges.append(Edge(source, engine.layer.name, port, stages))
        return tuple(edges)

    def edges_into(self, engine: EngineDesign) -> tuple[Edge, ...]:
        """Return what ``engine`` reads, by input."""
        return tuple(edge for edge in self.edges if edge.reader == engine.layer.name)


def verify_design(design: Design) -> None:
    """Check what emitters and estimators rely on.

    Raises:
        AssertionError: a stage of gan2hls made an illegal design.
    """
    assert len(design.engines) == len(design.model.layers), "one engine per layer"
    for engine, layer in zip(design.engines, design.model.layers, strict=True):
        folding = engine.folding
        assert engine.layer is layer, f"{layer.name}: engines out of order"
        assert len(layer.inputs) == 1, f"{layer.name}: one input"
        assert folding.pe % folding.lanes == 0, f"{layer.name}: lanes {folding.lanes} must divide PE {folding.pe}"
        engine.verify()
