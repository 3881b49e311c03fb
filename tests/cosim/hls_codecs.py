"""Chains whose weights are carried by a given codec, dense or with blocks left out, for C simulation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gan2hls.design import Design, Folding
from gan2hls.integer import IntLayer, acc_bounds
from gan2hls.numerics import Int64Array, IntType, QuantType, Requant
from gan2hls.taps import LinearGeometry
from gan2hls.weights import IntWeight, weight_type
from tests.cosim.hls_chains import random_folding
from tests.randomized import (
    Rng,
    block_mask,
    chain,
    conv,
    conv_transpose,
    dense,
    design,
    linear_layer,
    scaled_weights,
)

INT8 = QuantType(IntType(8, signed=True), 1.0, -7)
UINT8 = QuantType(IntType(8, signed=False), 1.0, 17)


@dataclass(frozen=True)
class Kind:
    """Weights that a codec carries: ``centroids`` of a codebook, ``books`` as a part of the output channels.

    Block-scaled ones have codes of ``bits`` bits, with a zero point per block or without.
    """

    codec: str
    centroids: int = 0
    per_channel: bool = False
    bits: int = 4
    zero_points: bool = False

    def weight(self, rng: Rng, shape: tuple[int, int, int], books: int = 1) -> IntWeight:
        """Random weights ``[T, CO, CI]``; block-scaled ones have blocks of random length."""
        if self.codec != "blockscale":
            return _weight(self.values(rng, shape, books), self.codec, books)
        block = int(rng.integers(1, shape[2] + 1))
        values, factors = scaled_weights(
            rng, shape, block, bits=self.bits, factor_bits=14 - self.bits, zero_points=self.zero_points
        )
        return replace(_weight(values, self.codec), block=block, factors=factors)

    def values(self, rng: Rng, shape: tuple[int, ...], books: int) -> Int64Array:
        """Random weights ``[T, CO, CI]``; raw ones lie off centre, so that a base is cheaper than a sign."""
        if self.codec == "codebook":
            book = np.stack([rng.permutation(np.arange(-128, 128))[: self.centroids] for _ in range(books)])
            of_channel = np.arange(shape[1]) * books // shape[1]
            return book[of_channel[None, :, None], rng.integers(0, self.centroids, shape)].astype(np.int64)
        low, high = {"raw": (-3, 61), "binary": (0, 2), "ternary": (-1, 2)}[self.codec]
        found = rng.integers(low, high, shape)
        return found * 2 - 1 if self.codec == "binary" else found


KINDS = {
    "raw": Kind("raw"),
    "binary": Kind("binary"),
    "ternary": Kind("ternary"),
    **{f"codebook{k}": Kind("codebook", k) for k in (2, 13, 16, 256)},
    "codebook5-books": Kind("codebook", 5, per_channel=True),
    "blockscale4": Kind("blockscale"),
    "blockscale4-zero-points": Kind("blockscale", zero_points=True),
    "blockscale7": Kind("blockscale", bits=7),
}

#: One pass: from 48 elements to 48 elements, through every geometry.
GEOMETRIES: tuple[tuple[LinearGeometry, tuple[int, int, int] | None], ...] = (
    (dense(48, 48), (2, 2, 12)),
    (conv_transpose((2, 2), 12, 12), None),
    (conv((4, 4), 12, 6), None),
    (conv_transpose((4, 4), 6, 6, k=3, op=1, groups=2), None),
    (conv((8, 8), 6, 12, s=4, p=1, groups=3), None),
)


def codec_design(rng: Rng, kind: Kind, folding: Sequence[Folding] | None = None) -> Design:
    """Every geometry twice: all blocks, then 50 to 95 % of the blocks empty and left out; random foldings."""
    layers: list[IntLayer] = []
    foldings = []
    skip = set()
    for n in range(2 * len(GEOMETRIES)):
        geometry, shape = GEOMETRIES[n % len(GEOMETRIES)]
        source = layers[-1].output_type if layers else INT8
        layer = linear_layer(rng, f"l{n}", "z", geometry, source, out=UINT8 if n % 2 else INT8, shape=shape)
        folded = random_folding(rng, layer)
        empty = float(rng.choice([0.5, 0.8, 0.95])) if n >= len(GEOMETRIES) else 0.0
        layers.append(carry(rng, layer, kind, folded, empty))
        foldings.append(folded)
        if empty:
            skip.add(layer.name)
    return design(chain("codecs", (1, 1, 48), INT8, layers), foldings, extra_rows=int(rng.integers(3)), skip=skip)


def dense_packing_design(rng: Rng) -> Design:
    """Ternary layers whose words are packed 5 trits a byte, with 0 to 4 trits left over; the last ones skip blocks."""
    sizes = [(40, 84, 4, 5), (84, 66, 3, 7), (66, 76, 2, 11), (76, 88, 2, 19), (88, 40, 4, 11)]
    sizes += [(40, 220, 4, 5), (220, 400, 2, 11)]
    layers: list[IntLayer] = []
    for n, (ci, co, pe, simd) in enumerate(sizes):
        source = layers[-1].output_type if layers else INT8
        layer = linear_layer(rng, f"l{n}", "z", dense(ci, co), source, out=UINT8)
        layers.append(carry(rng, layer, KINDS["ternary"], Folding(pe, simd, 1), 0.5 if n > 4 else 0.0))
    foldings = [Folding(pe, simd, 1) for _, _, pe, simd in sizes]
    return design(chain("packed", (1, 1, 40), INT8, layers), foldings, skip={"l5", "l6"})


def carry(rng: Rng, layer: IntLayer, kind: Kind, folding: Folding, empty: float) -> IntLayer:
    """``layer`` with weights of ``kind``; the part ``empty`` of its blocks is zero, an accumulator vector included."""
    assert layer.geometry is not None
    shape = layer.geometry.weight_shape
    books = int(rng.choice([n for n in range(2, shape[1] + 1) if shape[1] % n == 0])) if kind.per_channel else 1
    weight = kind.weight(rng, shape, books)
    if not empty:
        return with_weights(layer, weight)
    values = weight.values * block_mask(rng, shape, (folding.pe, folding.simd), empty)
    if shape[1] > folding.pe:
        values[:, -folding.pe :] = 0
    values[0, 0, 0] = values[0, 0, 0] or (1 if weight.factors is None else weight.factors[0, 0, 0])
    codec = "ternary" if kind.codec == "binary" and not values.all() else kind.codec
    return with_weights(layer, replace(weight, values=values, type=weight_type(values), codec=codec, precision=codec))


def _weight(values: Int64Array, codec: str, books: int = 1) -> IntWeight:
    return IntWeight(values, weight_type(values), np.ones(1), codec, codec, books)


def with_weights(layer: IntLayer, weight: IntWeight) -> IntLayer:
    """``layer`` with other weights."""
    assert layer.geometry is not None
    acc = IntType.covering(*acc_bounds(weight.values, layer.input_type.centred, layer.geometry))
    return replace(layer, weight=weight, acc_type=acc)


def copies(rng: Rng, geometry: LinearGeometry, weight: IntWeight, count: int) -> list[IntLayer]:
    """``count`` layers with the same weights, in and out of 16 bits, whose outputs show any change of a weight."""
    wide = QuantType(IntType(16, signed=True), 1.0)
    layers = []
    for n in range(count):
        layer = with_weights(linear_layer(rng, f"l{n}", "z", geometry, wide, out=wide), weight)
        channels = layer.requant.channels
        one, none = np.ones((1, channels), np.int64), np.zeros((1, channels), np.int64)
        spread = np.sqrt((weight.values**2).sum(axis=(0, 2)).mean())  # inputs and outputs spread alike
        shift = int(np.log2(spread))
        requant = Requant(one, none, none[0], shift, 0, wide.int_type.lo, wide.int_type.hi, wide.int_type)
        layers.append(replace(layer, requant=requant))
    return layers


def flip(text: bytes, number: int, bit: int) -> bytes:
    """``text`` of initializers with bit ``bit`` of its integer ``number`` flipped."""
    found = list(re.finditer(rb"0x[0-9a-f]+|-?\d+", text))[number]
    value = int(found.group(), 0) ^ (1 << bit)
    return text[: found.start()] + (b"0x%x" % value) + text[found.end() :]
