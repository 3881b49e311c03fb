"""The hardware design: an integer model with its folding, buffers and stream widths fixed.

Everything an emitter needs to know about sizes stands here and in the engines, once.  ``docs/microarchitecture.md``
draws the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import lcm
from typing import final

from gan2hls.fabric import Family
from gan2hls.hardware.edges import QUEUE_WORDS, Edge, Stream, StreamPort, stream_ports
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.engines import shared_engine
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.memory_map import MemoryMap, memory_map
from gan2hls.hardware.parts import part_family
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.hardware.turns import sharing_key
from gan2hls.hardware.width_converters import converters
from gan2hls.model import IntegerModel
from gan2hls.ops import Shape

#: Widest ``ap_uint`` that HLS compilers take, and so the widest word between two processes.
WORD_LIMIT_BITS = 4096
#: What stands for a port in the key of the queue behind the turns of an engine; its reader is the first layer.
TURNS = -1
#: How many times the narrow beats of a frame must go into a turn, for one converter to be enough for all layers.
_MOST_OF_TURN = 4


@final
@dataclass(frozen=True, eq=False)
class Design:
    """All engines of a model, and the edges between them.

    Attributes:
        model: the integer model.
        engines: one per layer, in topological order.
        part: FPGA part name.
        clock_ns: clock period.
        depths: words that the queue of an edge holds, by reader and port; where there is none it is absent.  That of
            the queue behind the turns of an engine stands under its first layer and ``TURNS``.
        off_chip: of the queues that are in external memory, the width of its port in bits, by reader and port.
        ultra: reader and port of the queues that are in UltraRAM.
        shared: names of the layers that take turns at one engine, in the order in which they do, group by group; their
            ``engines`` are alike, and there is one of them.
        memory_ports: that lead to external memory at most, where something stands there.
    """

    model: IntegerModel
    engines: tuple[EngineDesign, ...]
    part: str
    clock_ns: float
    depths: Mapping[tuple[str, int], int] = field(default_factory=dict)
    off_chip: Mapping[tuple[str, int], int] = field(default_factory=dict)
    ultra: frozenset[tuple[str, int]] = frozenset()
    shared: tuple[tuple[str, ...], ...] = ()
    memory_ports: int = 1

    @property
    def name(self) -> str:
        """Identifier of the design: the RTL top module and the HLS top function."""
        return self.model.name

    @cached_property
    def family(self) -> Family:
        """Family of the part."""
        return part_family(self.part)

    @property
    def batch(self) -> int:
        """Frames of the generator that are one of the design."""
        return self.model.batch

    def per_frame(self, count: int) -> int:
        """Return what a frame of the generator has of clocks, or bytes, of one of the design: rounded up."""
        return -(-count // self.batch)

    def frame_shape(self, shape: Shape) -> Shape:
        """Return ``(H, W, C)`` of a frame of the generator, where ``shape`` is that of one of the design."""
        height, width, channels = shape
        return height // self.batch, width, channels

    @property
    def interval_limit(self) -> int:
        """``max`` over engines of ``ceil(useful_macs / (PE * SIMD))``: no frame interval can be shorter."""
        return max(max((len(unit.layers) * unit.mac_cycles for unit in self.units), default=1), 1)

    @property
    def interval(self) -> int:
        """Least clocks between two frames of the slowest engine alone."""
        return max(unit.interval for unit in self.units)

    @cached_property
    def units(self) -> tuple[EngineDesign, ...]:
        """The engines that there are: those of all layers, but one of each group that shares it, where its first is."""
        names = {name: group for group in self.shared for name in group}
        found: list[EngineDesign] = []
        for engine in self.engines:
            group = names.get(engine.layer.name)
            if group is None:
                found.append(engine)
            elif engine.layer.name == group[0]:
                layers = [self.model.layer(name) for name in group]
                depth = self.depths.get((group[0], TURNS), 0)
                found.append(shared_engine(engine, layers, self._taken_lanes[group[0]], depth))
        return tuple(found)

    def unit(self, name: str) -> EngineDesign:
        """Return the engine at which the layer called ``name`` is computed."""
        return next(unit for unit in self.units if any(layer.name == name for layer in unit.layers))

    @cached_property
    def several_inputs(self) -> frozenset[str]:
        """The layers whose engine reads more than one stream, so that one of these may have to wait."""
        units = (unit for unit in self.units if sum(len(layer.inputs) for layer in unit.layers) > 1)
        return frozenset(layer.name for unit in units for layer in unit.layers)

    @cached_property
    def memory(self) -> MemoryMap | None:
        """What stands in external memory; None: nothing."""
        rings = [(edge.port_name, edge.label, edge.ring) for edge in self.edges]
        rings += [(engine.layer.name, f"map of {engine.layer.name}", engine.ring) for engine in self.units]
        return memory_map(self.units, rings, self.memory_ports)

    @property
    def has_image(self) -> bool:
        """Whether weights stand in external memory, and so an image of it is needed."""
        return self.memory is not None and self.memory.size > 0

    @cached_property
    def inputs(self) -> tuple[Stream, ...]:
        """What enters: a stream is as wide as its first reader takes it."""
        found = []
        for port, quant in zip(self.model.inputs, self.model.input_types, strict=True):
            engine = next(engine for engine in self.engines if port.name in engine.layer.inputs)
            found.append(Stream(port.name, quant.int_type, engine.in_lanes, port.shape))
        return tuple(found)

    @cached_property
    def outputs(self) -> tuple[Stream, ...]:
        """What leaves: streams as their engines send them."""
        return tuple(self.streams[port.name] for port in self.model.outputs)

    @property
    def sources(self) -> tuple[StreamPort, ...]:
        """The input ports."""
        return stream_ports(self.inputs, inward=True)

    @property
    def sinks(self) -> tuple[StreamPort, ...]:
        """The output ports."""
        return stream_ports(self.outputs, inward=False)

    @cached_property
    def streams(self) -> dict[str, Stream]:
        """Every tensor as its maker sends it, by name, inputs first."""
        return {stream.tensor: stream for stream in (*self.inputs, *(engine.sends for engine in self.engines))}

    @cached_property
    def _taken_lanes(self) -> dict[str, int]:
        """Elements a beat in which what a layer reads comes to its engine, by name.

        Where layers take turns, as their makers send them if that takes little of a turn: then one converter behind all
        joins them, and queues and turns have narrow words.
        """
        taken = {engine.layer.name: engine.in_lanes for engine in self.engines}
        for group in self.shared:
            engine = self.engine(group[0])
            makers = {self.engine(name).layer.inputs[0] for name in group} - {stream.tensor for stream in self.inputs}
            lanes, (beats,) = lcm(*(self.streams[name].lanes for name in makers)), engine.in_beats
            narrow = makers and lanes < engine.in_lanes and engine.in_lanes % lanes == 0
            if narrow and _MOST_OF_TURN * beats * engine.in_lanes // lanes <= engine.interval:
                taken |= dict.fromkeys(group, lanes)
        return taken

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """What every engine reads, in the order of the engines and of their inputs, then what leaves."""
        readers = [
            (engine.layer.name, port, tensor, self._taken_lanes[engine.layer.name])
            for engine in self.engines
            for port, tensor in enumerate(engine.layer.inputs)
        ]
        readers += [("", n, stream.tensor, stream.lanes) for n, stream in enumerate(self.outputs)]
        count, branches = Counter(tensor for _, _, tensor, _ in readers), Counter[str]()
        edges = []
        for reader, port, tensor, lanes in readers:
            source = self.streams[tensor]
            branch = branches[tensor] if count[tensor] > 1 else None
            branches[tensor] += 1
            stages = converters(source.lanes, lanes, source.elements, self.interval)
            key = reader, port
            depth, bus_bits = self.depths.get(key, 0), self.off_chip.get(key, 0)
            edges.append(Edge(source, reader, port, branch, depth, stages, bus_bits, key in self.ultra))
        return tuple(edges)

    @cached_property
    def makers(self) -> dict[str, EngineDesign]:
        """The engine of each layer, by name."""
        return {engine.layer.name: engine for engine in self.engines}

    def engine(self, name: str) -> EngineDesign:
        """Return the engine of the layer called ``name``."""
        return self.makers[name]

    def edges_into(self, engine: EngineDesign) -> tuple[Edge, ...]:
        """Return what ``engine`` reads, by input, or by layer."""
        names = {layer.name for layer in engine.layers}
        return tuple(edge for edge in self.edges if edge.reader in names)

    def edges_from(self, tensor: str) -> tuple[Edge, ...]:
        """Return what reads ``tensor``, by branch."""
        return tuple(edge for edge in self.edges if edge.source.tensor == tensor)

    @property
    def edges_out(self) -> tuple[Edge, ...]:
        """What leaves, by output."""
        return tuple(edge for edge in self.edges if not edge.reader)


def _shape(engine: EngineDesign) -> tuple[object, ...]:
    """Return what engines have in common that are one."""
    key = sharing_key(engine.layer)
    assert key is not None, f"{engine.layer.name}: it cannot take turns"
    if isinstance(engine, StreamEngine):
        return key, engine.folding, engine.bus_bits, engine.ultra
    assert isinstance(engine, LinearEngine) and engine.off_chip is not None, f"{engine.layer.name}: weights on chip"
    return key, engine.folding, engine.rows, engine.off_chip, engine.skip is not None, engine.ultra


def verify_design(design: Design) -> None:
    """Check what emitters and estimators rely on.

    Raises:
        AssertionError: a stage of gan2hls made an illegal design.
    """
    assert len(design.engines) == len(design.model.layers), "one engine per layer"
    for engine, layer in zip(design.engines, design.model.layers, strict=True):
        folding = engine.folding
        assert engine.layer is layer, f"{layer.name}: engines out of order"
        assert folding.pe % folding.lanes == 0, f"{layer.name}: lanes {folding.lanes} must divide PE {folding.pe}"
        engine.verify()
        apart = {port for port, tensor in enumerate(layer.inputs) if tensor in layer.inputs[:port]}
        assert all(design.depths.get((layer.name, port)) for port in apart), f"{layer.name}: one tensor read twice"
    for group in design.shared:
        members = [design.engine(name) for name in group]
        assert [e.layer.name for e in design.engines if e in members] == list(group), f"{group}: out of order"
        assert len({_shape(engine) for engine in members}) == 1 < len(group), f"{group}: not alike"
        design.unit(group[0]).verify()
    for (reader, port), depth in design.depths.items():
        assert depth >= 2, f"{reader}: input {port} waits in a queue of {depth}"
        behind_turns = port == TURNS and any(reader == group[0] for group in design.shared)
        keys = ((edge.reader, edge.port) for edge in design.edges)
        assert behind_turns or (reader, port) in keys, f"no edge {reader}, {port}"
        assert depth > QUEUE_WORDS or depth.bit_count() == 1, f"{reader}: a short queue of {depth}"
    if design.memory is not None:
        assert len(design.memory.widths) == 1, f"memory ports of {sorted(design.memory.widths)} bits"
    rings = {(edge.reader, edge.port) for edge in design.edges if edge.in_ram}
    assert design.ultra <= rings, f"no queues in RAM: {set(design.ultra - rings)}"
    for reader, port in design.off_chip:
        assert design.depths.get((reader, port)), f"{reader}: input {port} has no queue that is off chip"
