"""The linear engine: feeder, MAC array and accumulator queue in front of the requantizer, bands of codes behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, lcm
from typing import final

import numpy as np

from gan2hls.base import remembered
from gan2hls.codecs import CODECS, Encoded
from gan2hls.hardware.acc_queue import acc_queue_words, queued_frame_cycles
from gan2hls.hardware.channel_order import ChannelOrder
from gan2hls.hardware.engine import EngineDesign, Written
from gan2hls.hardware.entropy import HuffmanStreams, huffman_streams
from gan2hls.hardware.groups import legal_pe, legal_simd, parallel_groups
from gan2hls.hardware.line_buffer import linear_op, most_rows
from gan2hls.hardware.off_chip import Bands, OffChip, Tiles, pass_words, plain_stream
from gan2hls.hardware.skip import Occupancy, SkipProgram
from gan2hls.numbers import Int64Array, IntType
from gan2hls.ops import IntLinear, IntWeight, LinearGeometry, burst_beats, bus_word_bits


@final
@dataclass(frozen=True, eq=False)
class LinearEngine(EngineDesign):
    """An engine with a MAC array.

    Attributes:
        layer: what it computes.
        folding: parallelism.
        rows: input rows that the feeder's circular line buffer holds.
        encoded: weights laid out for the folding; None while foldings are compared.
        skip: the program of an engine that skips empty blocks; None: it visits all.
        off_chip: how weights come from external memory; None: they stand on chip.
        left: the blocks that one which is not encoded does not skip; None: it visits all, or has a program.
    """

    rows: int
    encoded: Encoded | None = None
    skip: SkipProgram | None = None
    off_chip: OffChip | None = None
    left: Occupancy | None = None

    @cached_property
    def op(self) -> IntLinear:
        """What it computes in front of the requantizer."""
        return linear_op(self.layer)

    @cached_property
    def geometry(self) -> LinearGeometry:
        """Its taps."""
        return self.op.geometry

    @property
    def weight(self) -> IntWeight:
        """Its weights."""
        return self.op.weight

    @property
    def weights(self) -> Encoded:
        """Its weights as they stand in memory."""
        assert self.encoded is not None, f"{self.layer.name}: not laid out yet"
        return self.encoded

    @cached_property
    def in_lanes(self) -> int:
        """Channels per beat of the input stream: ``SIMD`` of each group that a step works on."""
        return self.folding.simd * self.parallel_groups

    @property
    def row_phases(self) -> int:
        """Output rows that take turns, each with channels of its own."""
        return self.geometry.row_phases

    @cached_property
    def parallel_groups(self) -> int:
        """Groups of channels that one step works on."""
        return parallel_groups(self.geometry, self.folding.pe)

    @cached_property
    def group_folds(self) -> int:
        """Steps that all groups of a pixel take where one of them takes a step: ``groups`` over the parallel ones."""
        return self.geometry.groups // self.parallel_groups

    @cached_property
    def ci_folds(self) -> int:
        """Input beats of one pixel that one accumulator needs: ``CI / groups / SIMD``."""
        return self.geometry.group_in // self.folding.simd

    @cached_property
    def co_folds(self) -> int:
        """Accumulator vectors of one output pixel: ``CO / PE``."""
        return self.geometry.out_channels // self.folding.pe

    @cached_property
    def pixel_words(self) -> int:
        """Input beats of one pixel, all groups: its words in the line buffer."""
        return self.group_folds * self.ci_folds

    @cached_property
    def bands(self) -> Bands:
        """Rows that share one pass over the weights; of an engine with weights on chip the whole map."""
        y = self.geometry.y
        return Bands(y, len(y.outputs) if self.off_chip is None else self.off_chip.band_rows)

    @property
    def occupancy(self) -> Occupancy | None:
        """Which blocks are full where empty ones are skipped; None: all are visited."""
        return self.left if self.skip is None else self.skip.occupancy

    @cached_property
    def blocks(self) -> int:
        """Blocks of PE x SIMD weights that stand in memory."""
        lanes = self.folding.pe * self.folding.simd
        dense = self.weight.values.size // (lanes * len(self.layers))
        return dense if self.occupancy is None else self.occupancy.stored

    @cached_property
    def tiles(self) -> Tiles:
        """The words of weights of each output fold, where empty blocks are skipped with what fills the last beat."""
        if self.occupancy is None:
            return Tiles((self.geometry.y.kernel * self.geometry.x.kernel * self.ci_folds,) * self.co_folds)
        tiles = Tiles(self.occupancy.fold_blocks)
        if self.off_chip is None or self.off_chip.decoders:
            return tiles
        return tiles.filled(max(1, self.off_chip.bus_bits // self.bus_word_bits))

    @cached_property
    def bus_word_bits(self) -> int:
        """Bits that a word of weights takes in external memory."""
        assert self.off_chip is not None, f"{self.layer.name}: weights stand on chip"
        words = self.tiles.words if self.occupancy is None else self.off_chip.bus_bits  # the last beat is filled
        return bus_word_bits(self.weight_word_bits, words, self.off_chip.bus_bits)

    @cached_property
    def weight_word_bits(self) -> int:
        """Bits of a word of weights, encoded or not yet."""
        if self.encoded is not None:
            return self.encoded.memories[0].width_bits
        (pe, simd), codec = (self.folding.pe, self.folding.simd), CODECS[self.weight.codec]
        if codec.packing is not None:
            return codec.packing(pe * simd, self.blocks)[0]
        more = 0 if self.off_chip is None else codec.streamed_bits(self.weight, pe, simd)
        return ceil(pe * simd * bits_per_weight(self.weight)) + more

    @cached_property
    def huffman(self) -> HuffmanStreams | None:
        """Its weights behind an entropy code; None: there is none."""
        if self.off_chip is None or not self.off_chip.decoders:
            return None
        return huffman_streams(self.weights, self.off_chip.decoders, self.off_chip.phrase_symbols)

    @cached_property
    def stream_beats(self) -> tuple[int, ...]:
        """Beats of the memory port that one pass takes, of each stream of weights; none with weights on chip."""
        if self.off_chip is None:
            return ()
        if self.huffman is None:
            return (self.tiles.words * self.bus_word_bits // self.off_chip.bus_bits,)
        return tuple(-(-bits.size // self.off_chip.bus_bits) for bits in self.huffman.streams)

    @property
    def turn_stride(self) -> int:
        """Beats of the memory port from the weights of one of its layers to those of the next: whole bursts."""
        assert self.off_chip is not None, f"{self.layer.name}: weights stand on chip"
        (beats,), burst = self.stream_beats, burst_beats(self.off_chip.bus_bits)
        return -(-beats // burst) * burst

    @property
    def pass_bytes(self) -> int:
        """Bytes that one pass reads from external memory."""
        return 0 if self.off_chip is None else sum(self.stream_beats) * self.off_chip.bus_bits // 8

    @property
    def bus_beats(self) -> int:
        """Beats of the memory port in a frame; 0 with weights on chip."""
        return 0 if self.off_chip is None else len(self.layers) * self.bands.count * sum(self.stream_beats)

    @property
    def decode_cycles(self) -> int:
        """Clocks in which a frame's weights come, a word each, or a symbol of each decoder; 0 with weights on chip."""
        words = self.tiles.words if self.huffman is None else self.huffman.symbols
        return 0 if self.off_chip is None else len(self.layers) * self.bands.count * words

    def stream_contents(self) -> tuple[bytes, ...]:
        """Return what one pass reads of each stream of weights, in whole beats; of several layers one by one."""
        assert self.off_chip is not None, f"{self.layer.name}: weights stand on chip"
        if self.huffman is None:
            every = pass_words(self.weights, len(self.layers))
            packed = [plain_stream(words, self.bus_word_bits) for words in np.split(every, len(self.layers))]
        else:
            packed = [np.packbits(bits, bitorder="little").tobytes() for bits in self.huffman.streams]
        beat = self.off_chip.bus_bits // 8
        lengths = self.stream_beats * len(self.layers)
        return tuple(content.ljust(beat * n, b"\0") for content, n in zip(packed, lengths, strict=True))

    @property
    def decoder_clocks(self) -> int:
        """Clocks that weights come later than from a plain memory."""
        return CODECS[self.weight.codec].decoder_clocks

    @property
    def written(self) -> Mapping[Written, tuple[int, int]]:
        """Bits of a word, and words, of its line buffer, its tiles of weights and the codes of its bands."""
        line_buffer: Mapping[Written, tuple[int, int]] = {
            "line_buffer": (self.in_lanes * self.in_elem.bits, self.rows * self.row_words)
        }
        if self.off_chip is None:
            return line_buffer
        codes = self.out_lanes * self.out_elem.bits, self.reorder_words
        return {**line_buffer, "tiles": (self.weight_word_bits, self.tiles.held), "codes": codes}

    @cached_property
    def row_words(self) -> int:
        """Words of a row of the line buffer."""
        return self.geometry.x.in_size * self.pixel_words

    @property
    def in_beats(self) -> tuple[int, ...]:
        """Beats of one frame of its input."""
        return (self.loads,)

    @cached_property
    def loads(self) -> int:
        """Words that enter its line buffer in a frame."""
        height, width, channels = self.geometry.in_shape
        return height * width * channels // self.in_lanes

    @property
    def word_bits(self) -> int:
        """Bits of the widest word that it passes on: feeder words, accumulators, codes, weights from memory."""
        folding, acc, lanes = self.folding, self.layer.acc_type, self.folding.pe * self.folding.simd
        words = self.blocks if self.off_chip is None or self.occupancy is not None else self.tiles.held
        address = max(1, (words - 1).bit_length())
        feed = self.in_lanes * self.in_elem.bits + address + 3  # first, last, null
        bus = 1 if self.off_chip is None else self.off_chip.bus_bits
        widest = 0 if self.off_chip is None else max(lanes * self.weight.type.bits, self.weight_word_bits)
        weights = -(-widest // bus) * bus
        return max(self.code_bits, feed, folding.pe * (acc.bits + (0 if acc.signed else 1)), weights)

    @cached_property
    def mac_steps(self) -> int:
        """Clocks of one frame in which the MAC array multiplies.

        ``useful_macs / (PE * SIMD)``, exactly; of one that skips empty blocks the others only.
        """
        if self.occupancy is not None:
            return self.occupancy.executed
        return self.geometry.useful_macs // (self.folding.pe * self.folding.simd)

    @cached_property
    def mac_cycles(self) -> int:
        """Clocks that the MAC array takes for a frame: ``mac_steps``, and one for each vector of empty blocks only."""
        return self.mac_steps + (0 if self.occupancy is None else self.occupancy.idle)

    @property
    def out_grid(self) -> tuple[int, int]:
        """Rows and columns of output pixels."""
        return self.geometry.y.out_size, self.geometry.x.out_size

    @cached_property
    def row_taps(self) -> tuple[int, ...]:
        """Per output row, 1 where it has taps."""
        return tuple(int(bool(pairs)) for pairs in self.geometry.y.taps)

    @cached_property
    def column_taps(self) -> tuple[int, ...]:
        """Per output column, 1 where it has taps."""
        return tuple(int(bool(pairs)) for pairs in self.geometry.x.taps)

    @property
    def accumulator(self) -> tuple[IntType, int]:
        """Sums, signed, of which nothing is to be taken off."""
        return IntType(self.layer.acc_type.signed_bits, signed=True), 0

    @cached_property
    def vector_cycles(self) -> Int64Array:
        """Clocks of each accumulator vector, int64 ``[rows with taps, columns with taps, CO / PE]``."""
        geometry = self.geometry
        if self.occupancy is not None:
            return self.occupancy.vector_cycles
        rows, columns = (np.array([len(axis.taps[o]) for o in axis.outputs]) for axis in (geometry.y, geometry.x))
        return np.repeat((np.outer(rows, columns) * self.ci_folds)[:, :, None], self.co_folds, axis=2)

    @property
    def interval(self) -> int:
        """Least clocks between two frames of this engine alone: MACs, input and output beats, weights that arrive."""
        return max(super().interval, self.bus_beats, self.decode_cycles)

    @cached_property
    def acc_queue_words(self) -> int:
        """Words of the accumulator queue between MAC array and requantizer, a power of two."""
        return acc_queue_words(*self._queued)

    @cached_property
    def paced_cycles(self) -> int:
        """``interval``, or more: the queue is full of what waits for pixels without taps, or each band leaves first."""
        if self.off_chip is not None and self.off_chip.banks == 1:
            return self.interval + len(self.layers) * self.bands.count * self.band_beats
        if not self.has_holes or self.off_chip is not None:
            return self.interval
        return max(self.interval, queued_frame_cycles(*self._queued))

    @property
    def _queued(self) -> tuple[Int64Array, int, int]:
        """Clocks of each vector as the requantizer takes them, those that it needs for one, and those of the way."""
        geometry, cycles, folding = self.geometry, self.walk_cycles, self.folding
        if self.off_chip is None:  # the requantizer makes pixels without taps, too
            cycles = np.zeros((geometry.y.out_size, geometry.x.out_size, self.co_folds), np.int64)
            cycles[np.ix_(geometry.y.outputs, geometry.x.outputs)] = self.vector_cycles
        latency = (12 if self.occupancy is None else 14) + self.decoder_clocks + (folding.simd - 1).bit_length()
        return cycles, folding.pe // folding.lanes, latency

    @cached_property
    def walk_cycles(self) -> Int64Array:
        """Clocks of each accumulator vector in the order in which they come, int64 ``[rows with taps or bands, N]``."""
        cycles, bands = self.vector_cycles, self.bands
        if self.off_chip is None:
            return cycles.reshape(len(cycles), -1)
        by_band = cycles.reshape(bands.count, bands.rows, -1, self.co_folds)
        return by_band.transpose(0, 3, 1, 2).reshape(bands.count, -1)

    @property
    def band_pixels(self) -> int:
        """Output pixels with taps of a band."""
        return self.bands.rows * len(self.geometry.x.outputs)

    @property
    def band_beats(self) -> int:
        """Beats of requantized codes of a band."""
        return self.band_pixels * self.geometry.out_channels // self.folding.lanes

    @property
    def reorder_words(self) -> int:
        """Beats of codes that are kept while bands are turned into pixels; 0 with weights on chip."""
        return 0 if self.off_chip is None else self.off_chip.banks * self.band_beats

    @property
    def fills(self) -> bool:
        """Whether output pixels without taps are put among the others behind the requantizer."""
        return self.off_chip is not None and self.has_holes

    @property
    def requant_order(self) -> ChannelOrder:
        """Which channels the beats of the requantizer have."""
        if self.off_chip is None:
            return super().requant_order
        groups, phases = self.folding.pe // self.folding.lanes, self.row_phases
        if phases == 1:
            return ChannelOrder(groups, self.band_pixels, folds=self.co_folds)
        return ChannelOrder(groups, len(self.geometry.x.outputs), self.bands.rows, self.co_folds, phases)

    @property
    def table_order(self) -> ChannelOrder:
        """Which channels beats of requantized codes have; tables may repeat within a fold, or over several."""
        if self.off_chip is None:
            return super().table_order
        if self.table_phases > 1:
            return self.requant_order
        groups, period = self.requant_order.groups, self._table_period
        if groups % period == 0:
            return ChannelOrder(period)
        return ChannelOrder(groups, self.band_pixels, folds=lcm(groups, period) // groups)

    @property
    def fill_codes(self) -> Int64Array:
        """What output pixels without taps are, int64 ``[row phases, CO]``."""
        layer = self.layer
        zeros = np.zeros((1, 1, layer.requant.channels), np.int64)
        codes = layer.requant(zeros, layer.acc_type)
        return (codes if layer.table is None else layer.table(codes)).reshape(self.row_phases, -1)

    def verify(self) -> None:
        """Check folding, line buffer and layout of weights.

        Raises:
            AssertionError: a stage of gan2hls made an illegal engine.
        """
        folding, name = self.folding, self.layer.name
        assert self.ultra <= self.written.keys(), f"{name}: UltraRAM for {set(self.ultra)}"
        plain = self.off_chip is not None and not self.off_chip.decoders and self.skip is None
        assert plain or not self.turns, f"{name}: several layers, but weights on chip, coded or skipped"
        assert folding.pe in legal_pe(self.geometry), f"{name}: PE {folding.pe}"
        assert folding.simd in legal_simd(self.geometry, folding.pe), f"{name}: SIMD {folding.simd}"
        window = self.geometry.y.window if self.off_chip is None else self.bands.window
        assert window <= self.rows <= most_rows(self.layer), f"{name}: rows"
        assert (self.weights.pe, self.weights.simd) == (folding.pe, folding.simd), f"{name}: layout of weights"


@remembered
def bits_per_weight(weight: IntWeight) -> float:
    """Return the width of a code in memory."""
    return CODECS[weight.codec].bits(weight, weight.values.size).codes / weight.values.size
