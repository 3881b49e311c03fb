"""The hardware design: an integer model with its folding, buffers and stream widths fixed.

Everything an emitter needs to know about sizes stands here, once.  ``docs/microarchitecture.md`` draws the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from gan2hls.codecs import CODECS, Encoded, encode
from gan2hls.hardware.groups import legal_pe, legal_simd, parallel_groups
from gan2hls.hardware.skip import SkipProgram, occupancy, skip_program
from gan2hls.model import IntegerModel, IntLayer
from gan2hls.numbers import Int64Array, IntType

#: Words of the output queue of every engine: covers the requantizer and table pipelines at one beat a clock.
OUT_QUEUE_WORDS = 16
#: Widest ``ap_uint`` that HLS compilers take, and so the widest word between two processes.
WORD_LIMIT_BITS = 4096
#: Frames that a line buffer may hold at most; a layer of one row needs more than two to hand over without a gap.
_MOST_FRAMES = 4


@final
@dataclass(frozen=True)
class Folding:
    """How much of a layer runs in one clock.

    Attributes:
        pe: output channels in parallel; divides ``CO / groups``, or is that times a divisor of ``groups``.
        simd: input channels in parallel for each of them; divides ``CI / groups``, is that where ``pe`` spans groups.
        lanes: output channels requantized in parallel; divides ``pe`` (pointwise layers: divides the channels).
    """

    pe: int
    simd: int
    lanes: int


@final
@dataclass(frozen=True)
class FoldingRequest:
    """Parallelism that a user pinned for a layer; None leaves it to the search."""

    pe: int | None = None
    simd: int | None = None
    lanes: int | None = None


def word_bits(layer: IntLayer, folding: Folding) -> int:
    """Return the bits of the widest word that an engine of ``layer`` passes on: feeder words, accumulators, codes."""
    codes = folding.lanes * max(layer.requant.out_type.bits, layer.output_type.int_type.bits)
    if layer.weight is None:
        return max(codes, folding.lanes * layer.input_type.int_type.bits)
    address = max(1, (layer.weight.values.size // (folding.pe * folding.simd) - 1).bit_length())
    assert layer.geometry is not None
    elements = folding.simd * parallel_groups(layer.geometry, folding.pe)
    feed = elements * layer.input_type.int_type.bits + address + 3  # first, last, null
    acc = layer.acc_type.bits + (0 if layer.acc_type.signed else 1)
    return max(codes, feed, folding.pe * acc)


@final
@dataclass(frozen=True, eq=False)
class EngineDesign:
    """One engine: a layer with its folding.

    Attributes:
        layer: what it computes.
        folding: parallelism; a pointwise engine has ``pe = simd = lanes``.
        rows: input rows that the feeder's circular line buffer holds (0 for a pointwise engine).
        encoded: weights laid out for the folding; None for a pointwise engine.
        skip: the program of an engine that skips empty blocks; None: it visits all.
    """

    layer: IntLayer
    folding: Folding
    rows: int
    encoded: Encoded | None
    skip: SkipProgram | None = None

    @property
    def linear(self) -> bool:
        """Whether it is a linear engine (feeder, mac, requant) or a pointwise one (requant only)."""
        return self.layer.geometry is not None

    @property
    def in_lanes(self) -> int:
        """Channels per beat of the input stream: ``SIMD`` of each group that a step works on."""
        return self.folding.simd * self.parallel_groups

    @property
    def parallel_groups(self) -> int:
        """Groups of channels that one step works on; 1 for a pointwise engine."""
        return 1 if self.layer.geometry is None else parallel_groups(self.layer.geometry, self.folding.pe)

    @property
    def group_folds(self) -> int:
        """Steps that all groups of a pixel take where one of them takes a step: ``groups`` over the parallel ones."""
        assert self.layer.geometry is not None
        return self.layer.geometry.groups // self.parallel_groups

    @property
    def out_lanes(self) -> int:
        """Channels per beat of the output stream."""
        return self.folding.lanes

    @property
    def in_elem(self) -> IntType:
        """Type of one input element."""
        return self.layer.input_type.int_type

    @property
    def out_elem(self) -> IntType:
        """Type of one output element."""
        return self.layer.output_type.int_type

    @property
    def ci_folds(self) -> int:
        """Input beats of one pixel that one accumulator needs: ``CI / groups / SIMD``."""
        assert self.layer.geometry is not None
        return self.layer.geometry.group_in // self.folding.simd

    @property
    def co_folds(self) -> int:
        """Accumulator vectors of one output pixel: ``CO / PE``."""
        assert self.layer.geometry is not None
        return self.layer.geometry.out_channels // self.folding.pe

    @property
    def pixel_words(self) -> int:
        """Input beats of one pixel, all groups: its words in the line buffer."""
        return self.group_folds * self.ci_folds

    @property
    def decoder_clocks(self) -> int:
        """Clocks that weights come later than from a plain memory."""
        assert self.layer.weight is not None
        return CODECS[self.layer.weight.codec].decoder_clocks

    @cached_property
    def in_beats(self) -> int:
        """Input beats of one frame."""
        if self.layer.geometry is None:
            return self.out_beats
        height, width, channels = self.layer.geometry.in_shape
        return height * width * channels // self.in_lanes

    @cached_property
    def out_beats(self) -> int:
        """Output beats of one frame."""
        height, width, channels = self.layer.shape
        return height * width * channels // self.folding.lanes

    @cached_property
    def mac_steps(self) -> int:
        """Clocks of one frame in which the MAC array multiplies; 0 without one.

        ``useful_macs / (PE * SIMD)``, exactly; with ``skip`` only the blocks that are not empty.
        """
        if self.skip is not None:
            return self.skip.occupancy.executed
        return self.layer.useful_macs // (self.folding.pe * self.folding.simd)

    @cached_property
    def mac_cycles(self) -> int:
        """Clocks that the MAC array takes for a frame: ``mac_steps``, and one for each vector of empty blocks only."""
        return self.mac_steps + (0 if self.skip is None else self.skip.occupancy.idle)

    @cached_property
    def vector_cycles(self) -> Int64Array:
        """Clocks of each accumulator vector, int64 ``[rows with taps, columns with taps, CO / PE]``."""
        geometry = self.layer.geometry
        assert geometry is not None
        if self.skip is not None:
            o = self.skip.occupancy
            cycles: Int64Array = np.maximum(o.vectors, 1)[o.y.of_output[:, None], o.x.of_output]
            return cycles
        rows, columns = (np.array([len(axis.taps[o]) for o in axis.outputs]) for axis in (geometry.y, geometry.x))
        return np.repeat((np.outer(rows, columns) * self.ci_folds)[:, :, None], self.co_folds, axis=2)

    @cached_property
    def acc_queue_words(self) -> int:
        """Words of the accumulator queue between MAC array and requantizer, a power of two."""
        return _acc_queue_words(self)

    @cached_property
    def interval(self) -> int:
        """Least clocks between two frames of this engine alone: its MACs, its input beats or its output beats."""
        return max(self.mac_cycles, self.in_beats, self.out_beats)


def _acc_queue_words(engine: EngineDesign) -> int:
    """Return the depth of the accumulator queue: it covers the MAC pipeline and evens out pixels with few taps.

    The credit of a vector returns ``11 + clog2(SIMD)`` clocks after its first step, two more with ``skip``, and
    as many more as the weights' decoder has.  On top of what that keeps in flight come the vectors that arrive, at
    full pace, while the requantizer is busy with former ones or with output pixels without taps; more than 64 words are
    not worth their price.
    """
    geometry, folding = engine.layer.geometry, engine.folding
    assert geometry is not None
    cycles = np.zeros((geometry.y.out_size, geometry.x.out_size, engine.co_folds), np.int64)
    cycles[np.ix_(geometry.y.outputs, geometry.x.outputs)] = engine.vector_cycles
    arrival = np.cumsum(cycles)
    serial = folding.pe // folding.lanes
    service = np.arange(1, arrival.size + 1, dtype=np.int64) * serial
    real = cycles.ravel() > 0
    departure = service + np.maximum.accumulate(arrival - service + serial)
    served = np.searchsorted(departure[real], arrival[real], side="right")
    backlog = int((np.arange(1, served.size + 1) - served).max())
    latency = (12 if engine.skip is None else 14) + engine.decoder_clocks + (folding.simd - 1).bit_length()
    in_flight = -(-latency // int(cycles[cycles > 0].min()))
    wanted = min(in_flight + backlog, 64)
    return max(16, 1 << (wanted - 1).bit_length())


@final
@dataclass(frozen=True, eq=False)
class Design:
    """All engines of a chain, in stream order.  Engine ``n`` feeds engine ``n + 1`` through a width converter.

    Attributes:
        model: the integer model.
        engines: one per layer, in order.
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


def make_engine(layer: IntLayer, folding: Folding, rows: int, *, skip: bool = False) -> EngineDesign:
    """Return the engine of ``layer``, its weights laid out for ``folding``; with ``skip`` it skips empty blocks.

    Raises:
        AssertionError: ``skip`` for a layer whose outputs are no shifted copies of each other, or that is empty.
    """
    if layer.geometry is None or layer.weight is None:
        return EngineDesign(layer, folding, rows, None)
    if not skip:
        return EngineDesign(layer, folding, rows, encode(layer.weight, folding.pe, folding.simd))
    found = occupancy(layer.geometry, layer.weight.values, folding.pe, folding.simd)
    assert found is not None and found.executed, f"{layer.name}: nothing to skip by"
    program = skip_program(found)
    return EngineDesign(layer, folding, rows, encode(layer.weight, folding.pe, folding.simd, program.kept), program)


def most_rows(layer: IntLayer) -> int:
    """Return the most rows that the line buffer of a linear layer may have."""
    assert layer.geometry is not None
    return _MOST_FRAMES * layer.geometry.y.in_size


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
        if layer.geometry is None:
            assert folding.pe == folding.simd == folding.lanes and engine.rows == 0, layer.name
            assert layer.requant.channels % folding.lanes == 0, f"{layer.name}: lanes"
        else:
            assert folding.pe in legal_pe(layer.geometry), f"{layer.name}: PE {folding.pe}"
            assert folding.simd in legal_simd(layer.geometry, folding.pe), f"{layer.name}: SIMD {folding.simd}"
            assert layer.geometry.y.window <= engine.rows <= most_rows(layer), f"{layer.name}: rows"
            assert engine.encoded is not None and (engine.encoded.pe, engine.encoded.simd) == (folding.pe, folding.simd)
