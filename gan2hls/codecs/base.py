"""What a codec is: memories that hold a weight tensor, laid out for a folding, and how to read them back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numerics import Int64Array
from gan2hls.weights import IntWeight

WordArray = npt.NDArray[np.uint64]


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
class Encoded:
    """A weight tensor in its codec's memories, laid out for one folding.

    Block ``(tap * CO/PE + co_fold) * CI/groups/SIMD + ci_fold`` holds the ``PE x SIMD`` weights that one clock needs;
    lane ``p * SIMD + s`` is output channel ``co_fold * PE + p`` and input channel ``ci_fold * SIMD + s``.
    """

    codec: str
    pe: int
    simd: int
    shape: tuple[int, int, int]
    memories: tuple[Memory, ...]


@final
@dataclass(frozen=True)
class Codec:
    """A codec.

    Attributes:
        name: its name in configs, reports and template file names (``raw``).
        encode: ``(weight, pe, simd) -> Encoded``.
        decode: ``(encoded, weight type's bits, signed) -> int64 [KH * KW, CO, CI / groups]``; undoes ``encode``.
        useful_bits: ``weight -> bits`` that the format itself costs, memory padding excluded.
        multiplies: whether a lane needs a multiplier.
    """

    name: str
    encode: Callable[[IntWeight, int, int], Encoded]
    decode: Callable[[Encoded, int, bool], Int64Array]
    useful_bits: Callable[[IntWeight], int]
    multiplies: bool


def to_blocks(values: Int64Array, pe: int, simd: int) -> Int64Array:
    """Reorder ``[T, CO, CI]`` into ``[T * CO/PE * CI/SIMD, PE * SIMD]``, the order in which an engine reads."""
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
    depth, n = lanes.shape
    limbs = -(-n * lane_bits // 64)
    bits = np.zeros((depth, limbs * 64), np.uint8)
    unsigned = lanes.astype(np.uint64)
    for b in range(lane_bits):
        bits[:, b : n * lane_bits : lane_bits] = (unsigned >> np.uint64(b)) & np.uint64(1)
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def unpack(words: WordArray, lanes: int, lane_bits: int, signed: bool) -> Int64Array:
    """Undo ``pack``."""
    raw = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    bits = raw[:, : lanes * lane_bits].reshape(len(words), lanes, lane_bits).astype(np.int64)
    weights = np.int64(1) << np.arange(lane_bits, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return bits @ weights
