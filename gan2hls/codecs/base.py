"""What a codec is: memories that hold a layer's blocks of weights, and how to read them back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, final

import numpy as np
import numpy.typing as npt

from gan2hls.numbers import Int64Array
from gan2hls.ops import IntWeight

WordArray = npt.NDArray[np.uint64]
Scalar = TypeVar("Scalar", bound=np.generic)

#: Integers that are packed at once, so that memory stays a small multiple of the weights.
_CHUNK = 1 << 19


@final
@dataclass(frozen=True, eq=False)
class Memory:
    """One ROM.  Both back ends print it: RTL as a ``$readmemh`` file, C++ as 64-bit initializers.

    Attributes:
        name: identifier of its role (``weight``, ``centroid``, ...).
        width_bits: bits of a word.
        words: uint64 ``[depth, ceil(width_bits / 64)]``; limb 0 holds the least significant bits.
    """

    name: str
    width_bits: int
    words: WordArray

    @property
    def depth(self) -> int:
        """Number of words."""
        return int(self.words.shape[0])

    @property
    def bits(self) -> int:
        """Bits stored."""
        return self.depth * self.width_bits


@final
@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of weights that stand in memory, in address order.

    Lane ``p * SIMD + s`` of a block is output channel ``co_fold * PE + p`` and input channel ``ci_fold * SIMD + s`` of
    that one's group.

    Attributes:
        values: int64 ``[N, PE * SIMD]``.
        dense: int64 ``[N]``, each block's dense address (see ``Encoded.kept``).
        co_fold: int64 ``[N]``, each block's output fold.
        pe: output channels of a block.
        simd: input channels of a block.
        co_folds: ``CO / PE``.
    """

    values: Int64Array
    dense: Int64Array
    co_fold: Int64Array
    pe: int
    simd: int
    co_folds: int

    @property
    def channel(self) -> Int64Array:
        """Output channel of each lane of each block, int64 ``[N, PE * SIMD]``."""
        return self.co_fold[:, None] * self.pe + np.arange(self.pe).repeat(self.simd)


@final
@dataclass(frozen=True)
class Bits:
    """What a format costs, memory padding excluded.

    Attributes:
        codes: of the weights themselves.
        tables: of what the codes refer to (centroids, factors of blocks).
    """

    codes: int
    tables: int = 0

    @property
    def overall(self) -> int:
        """Codes and tables."""
        return self.codes + self.tables


#: What a codec's encoder makes: its memories, the first addressed by block, and the numbers its decoders need.
Code = tuple[tuple[Memory, ...], Mapping[str, int]]


@final
@dataclass(frozen=True, eq=False)
class Encoded:
    """A weight tensor in its codec's memories, laid out for one folding.

    Attributes:
        codec: name of the codec.
        pe: output channels of a block.
        simd: input channels of a block.
        shape: ``(KH * KW, CO, CI / groups)``.
        memories: the first has a word per block; others are the codec's tables.
        parameters: what its decoders need to know, by name (``code_bits``); the same in Python, C++ and SV.
        formula: what the stored weights cost by the codec's formula; less where equal entries of a table are shared.
        kept: int64 ``[N]``, dense address of the block at each address, where empty blocks were left out; None: all
            blocks, in dense order.  The dense address of a block is
            ``(tap * CO/PE + co_fold) * CI/groups/SIMD + ci_fold``.
    """

    codec: str
    pe: int
    simd: int
    shape: tuple[int, int, int]
    memories: tuple[Memory, ...]
    parameters: Mapping[str, int]
    formula: Bits
    kept: Int64Array | None = None

    @property
    def lanes(self) -> int:
        """Weights of a block."""
        return self.pe * self.simd

    @property
    def dense_blocks(self) -> int:
        """Blocks of the tensor, empty ones included."""
        taps, co, ci = self.shape
        return taps * (co // self.pe) * (ci // self.simd)

    @property
    def co_fold(self) -> Int64Array:
        """Output fold of the block at each address, int64 ``[N]``."""
        _, co, ci = self.shape
        dense = np.arange(self.dense_blocks) if self.kept is None else self.kept
        return dense // (ci // self.simd) % (co // self.pe)

    @property
    def padding(self) -> int:
        """Bits that the memories have beyond ``formula``: words that do not fill, tables that repeat."""
        return sum(memory.bits for memory in self.memories) - self.formula.overall


def as_it_is(weight: IntWeight, blocks: Blocks) -> IntWeight:
    """Return ``weight``: a codec to which it makes no difference that empty blocks are left out."""
    del blocks
    return weight


def without_zeros(weight: IntWeight, blocks: Blocks) -> IntWeight:
    """Return ``weight`` without the zeros that only left-out blocks have, so that no code is spent on them.

    Nothing reads those, so another weight of their book stands for them.  A book without any other weight keeps its
    zeros, and so does one that stores a zero.
    """
    taps, co, ci = weight.values.shape
    stored = np.zeros(weight.books, np.bool_)
    stored[blocks.channel[blocks.values == 0] * weight.books // co] = True
    if stored.all():
        return weight
    rows = weight.values.transpose(1, 0, 2).reshape(weight.books, -1)
    others = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    filled = np.where((rows == 0) & ~stored[:, None], others, rows)
    return replace(weight, values=filled.reshape(co, taps, ci).transpose(1, 0, 2))


@final
@dataclass(frozen=True)
class Codec:
    """A codec.  Its decoders are ``templates/hls/lib/wsrc_<name>.hpp`` and ``templates/rtl/lib/g2h_wsrc_<name>.sv``.

    Attributes:
        name: its name in configs, reports and template file names (``raw``).
        encode: ``(weight, blocks) -> (memories, parameters)``.
        decode: ``encoded -> int64 [N, PE * SIMD]``, the blocks in address order; undoes ``encode``.
        bits: ``(weight, count) -> Bits`` of ``count`` stored weights by the codec's formula.
        multiplies: whether a lane needs a multiplier; if not, all weights are -1, 0 or +1.
        narrow: ``(weight, blocks) -> weight`` that ``encode`` and ``bits`` see where empty blocks are left out; it may
            name another codec.
        decoder_clocks: registers of the RTL's decoder: so much later weights come than from a plain memory.
        decoder_lut: ``weight -> LUTs`` of the decoder at a lane, an estimate where it computes.
        decoder_ff: ``weight -> flip-flops`` of the decoder at a lane.
        streamed: ``(memories, parameters), blocks -> (memories, parameters)`` of weights that come as a stream, where a
            table has entries of each block's own: these then stand in the words of the first memory, above the codes.
        streamed_bits: ``(weight, pe, simd) -> bits`` that a word has more by that.
        packing: ``(lanes, count) -> (bits, LUTs)`` of a word of ``lanes`` weights, of which there are ``count``, and of
            what unpacks it, where the folding decides how they are packed.
    """

    name: str
    encode: Callable[[IntWeight, Blocks], Code]
    decode: Callable[[Encoded], Int64Array]
    bits: Callable[[IntWeight, int], Bits]
    multiplies: bool
    narrow: Callable[[IntWeight, Blocks], IntWeight] = as_it_is
    decoder_clocks: int = 0
    decoder_lut: Callable[[IntWeight], int] = lambda _: 0
    decoder_ff: Callable[[IntWeight], int] = lambda _: 0
    streamed: Callable[[Code, Blocks], Code] = lambda code, _: code
    streamed_bits: Callable[[IntWeight, int, int], int] = lambda *_: 0
    packing: Callable[[int, int], tuple[int, int]] | None = None


def to_blocks(values: npt.NDArray[Scalar], pe: int, simd: int) -> npt.NDArray[Scalar]:
    """Reorder ``[T, CO, CI]`` into ``[T * CO/PE * CI/SIMD, PE * SIMD]``, by dense address."""
    taps, co, ci = values.shape
    split = values.reshape(taps, co // pe, pe, ci // simd, simd)
    return split.transpose(0, 1, 3, 2, 4).reshape(-1, pe * simd)


def from_blocks(blocks: Int64Array, shape: tuple[int, int, int], pe: int, simd: int) -> Int64Array:
    """Undo ``to_blocks``."""
    taps, co, ci = shape
    split = blocks.reshape(taps, co // pe, ci // simd, pe, simd)
    return split.transpose(0, 1, 3, 2, 4).reshape(shape)


def pack(lanes: npt.NDArray[np.int64], lane_bits: int) -> WordArray:
    """Pack ``[depth, n]`` integers, ``lane_bits`` each and lane 0 least significant, into uint64 limbs."""
    return pack_parts(len(lanes), lanes.shape[1], lane_bits, lambda part: lanes[part])


def pack_parts(depth: int, lanes: int, lane_bits: int, make: Callable[[slice], Int64Array]) -> WordArray:
    """Pack ``depth`` words slice by slice, ``make(slice) -> int64 [n, lanes]``, so that not all stand in memory."""
    made = np.empty((depth, -(-lanes * lane_bits // 64)), np.uint64)
    step = max(1, _CHUNK // max(1, lanes))
    for start in range(0, depth, step):
        part = slice(start, min(start + step, depth))
        made[part] = _packed(make(part), lane_bits)
    return made


def _packed(lanes: npt.NDArray[np.int64], lane_bits: int) -> WordArray:
    depth, n = lanes.shape
    if lane_bits in (8, 16, 32):
        whole = np.zeros((depth, -(-n * lane_bits // 64) * 64 // lane_bits), f"<u{lane_bits // 8}")
        whole[:, :n] = lanes.astype(whole.dtype)
        return whole.view("<u8").astype(np.uint64)
    bits = np.zeros((depth, -(-n * lane_bits // 64) * 64), np.uint8)
    unsigned = lanes.astype(np.uint64)
    for b in range(lane_bits):
        bits[:, b : n * lane_bits : lane_bits] = (unsigned >> np.uint64(b)) & np.uint64(1)
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def joined(low: Memory, high: WordArray, high_bits: int) -> Memory:
    """Return ``low`` whose words have the ``high_bits`` of the words ``high``, as many, above their own."""
    parts = [
        np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")[:, :width]
        for words, width in ((low.words, low.width_bits), (high, high_bits))
    ]
    width = low.width_bits + high_bits
    bits = np.zeros((low.depth, -(-width // 64) * 64), np.uint8)
    bits[:, :width] = np.concatenate(parts, axis=1)
    return Memory(low.name, width, np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64))


def unpack(words: WordArray, lanes: int, lane_bits: int, signed: bool) -> Int64Array:
    """Undo ``pack``."""
    raw = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    bits = raw[:, : lanes * lane_bits].reshape(len(words), lanes, lane_bits).astype(np.int64)
    weights = np.int64(1) << np.arange(lane_bits, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return bits @ weights
