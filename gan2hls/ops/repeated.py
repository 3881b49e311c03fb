"""Several frames, one below the other as one map: what an operation is on those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from gan2hls.numbers import Int64Array, IntType, QuantType
from gan2hls.ops.linear import IntLinear
from gan2hls.ops.off_chip_ring import OffChipRing
from gan2hls.ops.operation import IntOp
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.stream_operation import Program, Sizes, StreamOperation, Unit, UnitCost
from gan2hls.ops.taps import by_frames
from gan2hls.timing import Block, Phase, Stream


@final
@dataclass(frozen=True)
class IntRepeated(StreamOperation):
    """An operation on each of several frames that stand one below the other in a map.

    Its unit is that of one frame, and begins anew after each.

    Attributes:
        op: on a frame.
        frames: of a map.
    """

    op: StreamOperation
    frames: int

    def __post_init__(self) -> None:
        assert self.op.turn_key is None, f"{self.op.kind}: what takes turns knows of several frames itself"

    @property
    def kind(self) -> str:
        """What it is called in names and reports: as on one frame."""
        return self.op.kind

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        """Return what computes accumulators ``[N, elements, channels]`` of codes ``[N, frames * h, w, c]``."""
        run = self.op.program(inputs, acc_type)

        def each(*codes: Int64Array) -> Int64Array:
            parts = (of.reshape(-1, of.shape[1] // self.frames, *of.shape[2:]) for of in codes)
            made = run(*parts)
            return made.reshape(len(codes[0]), -1, made.shape[-1])

        return each

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        """Return the exact interval of every accumulator for inputs of these types, 0 included."""
        return self.op.bounds(inputs)

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        """Check the operation on one frame.

        Raises:
            AssertionError: it does not fit types or channels.
        """
        self.op.verify(inputs, channels)

    def lane_channels(self, shape: Shape) -> int:
        """Return the number that lanes must divide, for an output of ``shape``."""
        return self.op.lane_channels(self._of_frame(shape))

    def in_beats(self, sizes: Sizes) -> tuple[int, ...]:
        """Return the beats of a map of each input."""
        return tuple(self.frames * beats for beats in self.op.in_beats(self._each(sizes)))

    def interval(self, sizes: Sizes) -> int:
        """Return the least clocks between two maps."""
        return self.frames * self.op.interval(self._each(sizes))

    def ring(self, sizes: Sizes) -> OffChipRing | None:
        """Return no ring: what holds a map off chip knows of several frames."""
        assert self.op.ring(self._each(sizes)) is None, f"{self.kind}: a ring of one frame"
        return None

    def held_words(self, sizes: Sizes) -> tuple[int, int] | None:
        """Return bits of a word, and words, of the frame that it holds in RAM; None: it holds none there."""
        return self.op.held_words(self._each(sizes))

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        """Return in which order its unit takes beats of its inputs, and offers one, frame by frame."""
        return self.frames * self.op.order(self._each(sizes))

    def blocks(
        self, sizes: Sizes, name: str, streams: Sequence[Stream], frames: int
    ) -> tuple[tuple[Block, ...], Stream]:
        """Return the blocks of the cycle model; see ``StreamOperation``."""
        return self.op.blocks(self._each(sizes), name, streams, self.frames * frames)

    def accumulator(self, sizes: Sizes) -> tuple[IntType, int]:
        """Return the type of the words that the HLS requantizer reads, and the zero point that it takes off them."""
        return self.op.accumulator(self._each(sizes))

    def rtl(self, sizes: Sizes) -> Unit:
        """Return the module that does it on one frame: it begins anew after each."""
        return self.op.rtl(self._each(sizes))

    def hls(self, sizes: Sizes) -> Unit | None:
        """Return the process that does it on one frame, called for each."""
        unit = self.op.hls(self._each(sizes))
        if unit is None:
            return None
        return replace(unit, cycles=unit.cycles or self._each(sizes).beats, calls=self.frames)

    def cost(self, sizes: Sizes) -> UnitCost:
        """Return what the unit takes: that of one frame."""
        return self.op.cost(self._each(sizes))

    def _each(self, sizes: Sizes) -> Sizes:
        """Return the sizes of one frame."""
        return replace(sizes, shape=self._of_frame(sizes.shape))

    def _of_frame(self, shape: Shape) -> Shape:
        height, width, channels = shape
        assert height % self.frames == 0, f"{height} rows of {self.frames} frames"
        return height // self.frames, width, channels


def on_frames(op: IntOp, frames: int) -> IntOp:
    """Return ``op`` on a map of ``frames`` frames, one below the other, as they follow each other in a stream."""
    if isinstance(op, IntLinear):
        return replace(op, geometry=by_frames(op.geometry, frames))
    return op.by_frames(frames) or IntRepeated(op, frames)
