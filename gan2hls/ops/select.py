"""Chosen channels of each pixel, in an order of their own: channel shuffles, parts of a tensor in another's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import ClassVar, final

import numpy as np

from gan2hls import timing
from gan2hls.fabric import LUT_ROM_DEPTH, bits_of
from gan2hls.numbers import FloatArray, Int64Array, IntType, QuantType
from gan2hls.ops.crop import whole_axis
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.stream_operation import Parameter, Program, Sizes, StreamOperation, Unit, UnitCost, UnitTable
from gan2hls.ops.taps import LinearGeometry

#: Clocks from the read of a place to the queue behind the lanes, and from the last one of a pixel until another can
#: take its place; words of that queue.
_READ_TO_PUSH, _FREED_TO_READY, _OUT_WORDS = 5, 3, 16
#: Clocks in which the place of a pixel is neither written nor read: before its first read, and behind its last one.
_IDLE_CLOCKS = 2 + _FREED_TO_READY
#: Iterations of the C++ between a write of a place and its read, and until its next write, at least.
_GUARD = 8


@final
@dataclass(frozen=True)
class IntSelect(StreamOperation):
    """Codes less their zero point of some channels of each pixel.

    Attributes:
        channels: which channel of the input each of the output is.
        in_channels: of the input.
    """

    channels: tuple[int, ...]
    in_channels: int
    kind: ClassVar[str] = "select"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, pixels, C]`` of codes of any shape."""
        del acc_type
        (given,) = inputs
        taken = np.array(self.channels, np.int64)
        return lambda codes: codes.reshape(len(codes), -1, self.in_channels)[..., taken] - given.zero_point

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of this type, 0 included."""
        (given,) = inputs
        return min(0, given.centred.lo), max(0, given.centred.hi)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check its channels.

        Raises:
            AssertionError: not one input, or channels that there are not.
        """
        assert len(inputs) == 1, f"{len(inputs)} inputs"
        assert len(self.channels) == channels, f"{len(self.channels)} of {channels} channels"
        assert 0 <= min(self.channels) <= max(self.channels) < self.in_channels, f"channels of {self.in_channels}"

    def by_frames(self, frames: int) -> IntSelect:
        """Return itself: it knows of no frame."""
        del frames
        return self

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide: beats have channels of one pixel, on both sides."""
        return gcd(shape[2], self.in_channels)

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a frame of its input."""
        return (self._pixels(sizes) * self._words(sizes)[0],)

    def interval(self, sizes: Sizes) -> int:
        """Return the least clocks between two frames: a pixel comes while others leave."""
        return self._pixels(sizes) * max(self._words(sizes))

    def order(self, sizes: Sizes) -> tuple[timing.Phase, ...]:
        """Return what its process does: pixels come in rounds, ahead of those that leave."""
        (given, sent), pixels = self._words(sizes), self._pixels(sizes)
        lag = self._lag(sizes)

        def rounds(count: int, *, takes: bool, gives: bool) -> timing.Phase:
            steps = (((0,) if takes and n < given else (), gives and n < sent) for n in range(max(given, sent)))
            return timing.Phase(tuple(step for step in steps if step != ((), False)), count)

        ahead = min(lag, pixels)
        phases = (
            rounds(ahead, takes=True, gives=False),
            rounds(pixels - ahead, takes=True, gives=True),
            rounds(ahead, takes=False, gives=True),
        )
        return tuple(phase for phase in phases if phase.repeats)

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[timing.Stream], frames: int
    ) -> tuple[tuple[timing.Block, ...], timing.Stream]:
        """Return what writes pixels, what reads them, and the queue behind it."""
        (stream,) = streams
        out = timing.Stream(f"{name}.acc", sizes.beats * frames)
        pixels = timing.Queue(f"{name}.pixels", self._pixels(sizes) * frames, self._banks(sizes))
        ahead = timing.Queue(f"{name}.ahead", out.beats, _OUT_WORDS)
        reader = timing.sequencer(
            pixels,
            ahead,
            in_rows=1,
            need=(1,),
            released=(1,),
            vector_cycles=np.ones((1, self._words(sizes)[1]), np.int64),
            to_push=_READ_TO_PUSH,
        )
        return (timing.loader(stream, pixels, _FREED_TO_READY), reader, timing.fifo(ahead, out)), out

    def rtl(self, sizes: Sizes) -> Unit:
        """Return ``g2h_select``."""
        (given,), (taken, sent) = sizes.inputs, self._words(sizes)
        parameters: dict[str, Parameter] = {
            "Lanes": sizes.lanes,
            "InBits": given.int_type.bits,
            "Signed": given.int_type.signed,
            "ZeroPoint": given.zero_point,
            "AccBits": sizes.acc_type.signed_bits,
            "InWords": taken,
            "OutWords": sent,
            "Pixels": self._banks(sizes),
            "BeatBits": bits_of(taken),
        }
        if sizes.lanes > 1:
            beats, _, copy_of = self._places(sizes)
            parameters |= {"ElementBits": self._lane_bits(sizes), "Copies": beats.shape[1], "CopyOf": copy_of}
        return Unit("g2h_select", parameters, self._tables(sizes))

    def hls(self, sizes: Sizes) -> Unit:
        """Return ``select``."""
        (given,), (taken, sent), lag = sizes.inputs, self._words(sizes), self._lag(sizes)
        beats, _, copy_of = self._places(sizes)
        cycles = (self._pixels(sizes) + lag) * max(taken, sent)
        constants: dict[str, Parameter] = {
            "IN_BITS": given.int_type.bits,
            "IN_SIGNED": given.int_type.signed,
            "IN_ZERO_POINT": given.zero_point,
            "IN_WORDS": taken,
            "OUT_WORDS": sent,
            "ROUND": max(taken, sent),
            "PIXELS": self._pixels(sizes),
            "LAG": lag,
            "SELECT_CYCLES": cycles,
            "COPIES": beats.shape[1],
            "COPY_OF": copy_of,
        }
        return Unit("select", constants, self._tables(sizes), cycles)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return counters, the choice of a lane's element, and its memories: copies of pixels, places and a queue."""
        (given,), (taken, sent) = sizes.inputs, self._words(sizes)
        bits, words = given.int_type.bits, self._banks(sizes) * taken
        beats, elements, copy_of = self._places(sizes)
        chosen = [set(column) for column in elements.T.tolist()]
        read = [
            set[int]().union(*(one for one, at in zip(chosen, copy_of, strict=True) if at == c))
            for c in range(beats.shape[1])
        ]
        choices = sum(bits * -(-2 * (len(one) - 1) // 3) for one in chosen)
        address, counts = bits_of(words), bits_of(sent) + 3 * bits_of(self._banks(sizes))
        low = self._lane_bits(sizes)
        return UnitCost(
            lut=2 * address + counts - 6 + len(read) * bits_of(taken) + choices,
            ff=4 * address + counts + 16 + sizes.lanes * bits + 2 * low * sum(len(one) > 1 for one in chosen),
            memories=(
                *((len(elements) * bits, words, "line_buffer") for elements in read),
                (_rom_bits(beats, bits_of(taken)), sent, "rom"),
                *(((_rom_bits(elements, low), sent, "rom"),) if low else ()),
                (sizes.lanes * sizes.acc_type.signed_bits, _OUT_WORDS, "queue"),
            ),
        )

    def _pixels(self, sizes: Sizes) -> int:
        return sizes.shape[0] * sizes.shape[1]

    def _words(self, sizes: Sizes) -> tuple[int, int]:
        """Return the beats of a pixel of the input and of the output."""
        return self.in_channels // sizes.lanes, len(self.channels) // sizes.lanes

    def _banks(self, sizes: Sizes) -> int:
        """Return for how many pixels there is room: with so many a beat comes, and one leaves, in every clock."""
        taken, sent = self._words(sizes)
        return 1 + -(-(taken + sent + _IDLE_CLOCKS) // max(taken, sent))

    def _lag(self, sizes: Sizes) -> int:
        """Return by how many pixels the process of the C++ runs ahead with its reads."""
        return 1 + -(-_GUARD // max(self._words(sizes)))

    def _lane_bits(self, sizes: Sizes) -> int:
        """Return the bits of the number of an element in its beat."""
        return (sizes.lanes - 1).bit_length()

    def _places(self, sizes: Sizes) -> tuple[Int64Array, Int64Array, tuple[int, ...]]:
        """Return where the channels of a beat stand in their pixel.

        Lanes that always read the same beat share a copy of the pixels.

        Returns:
            the beat that each copy reads, int64 ``[beats that leave, copies]``; the element of it that each lane takes,
            int64 ``[beats that leave, lanes]``; the copy of each lane.
        """
        beats, elements = np.divmod(np.array(self.channels, np.int64).reshape(-1, sizes.lanes), sizes.lanes)
        columns = [tuple(column) for column in beats.T.tolist()]
        copies = list(dict.fromkeys(columns))
        return np.array(copies, np.int64).T, elements, tuple(copies.index(column) for column in columns)

    def _tables(self, sizes: Sizes) -> dict[str, UnitTable]:
        beats, elements, _ = self._places(sizes)
        low, words = self._lane_bits(sizes), self._words(sizes)[0]
        tables = {
            "beat": UnitTable(beats, IntType(bits_of(words), signed=False), "Which beat of the pixel a copy gives.")
        }
        if low:
            about = "Which element of that beat a lane takes."
            tables["element"] = UnitTable(elements, IntType(low, signed=False), about)
        return tables


def _rom_bits(words: Int64Array, bits: int) -> int:
    """Return the bits of a ROM of ``words`` ``[depth, entries]`` of so many ``bits`` each.

    In logic those that are constant, or copies of others, are none.
    """
    depth, entries = words.shape
    if depth > LUT_ROM_DEPTH:
        return int(entries) * bits
    columns = np.unique((words[:, :, None] >> np.arange(bits) & 1).reshape(depth, -1), axis=1)
    return max(1, int(np.count_nonzero(np.ptp(columns, axis=0))))


def selected_by(geometry: LinearGeometry, weight: Int64Array | FloatArray) -> IntSelect | None:
    """Return the choice of channels that a linear operation is, or None where it does more.

    ``weight`` is ``[KH * KW, CO, CI / groups]``.
    """
    if not (whole_axis(geometry.y) and whole_axis(geometry.x)):
        return None
    (by_output,) = weight
    if not np.isin(by_output, (0, 1)).all() or (by_output.sum(axis=1) != 1).any():
        return None
    first = np.arange(geometry.out_channels) // geometry.group_out * geometry.group_in
    chosen = first + by_output.argmax(axis=1)
    return IntSelect(tuple(chosen.tolist()), geometry.in_channels)
