"""Chains whose weights are carried by a given codec, dense or with blocks left out, for C simulation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from gan2hls.hardware import Design, Folding
from gan2hls.model import IntLayer
from gan2hls.numbers.numerics import Int64Array, IntType, QuantType, Requant
from gan2hls.ops.taps import LinearGeometry
from gan2hls.ops.weights import IntWeight, weight_type
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
INT16 = QuantType(IntType(16, signed=True), 1.0, -7)


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


def codec_design(
    rng: Rng, *kinds: Kind, types: Sequence[QuantType] = (INT8, UINT8), empties: Sequence[float] = (0.5, 0.8, 0.95)
) -> Design:
    """Every geometry for each kind: all blocks, then again with some of ``empties``, if any, left out; random foldings.

    Inputs are of the first of ``types``, which layers use in turn.
    """
    layers: list[IntLayer] = []
    foldings = []
    skip = set()
    passes = [(kind, sparse) for kind in kinds for sparse in ((False, True) if empties else (False,))]
    for n, ((kind, sparse), (geometry, shape)) in enumerate(product(passes, GEOMETRIES)):
        source = layers[-1].output_type if layers else types[0]
        layer = linear_layer(rng, f"l{n}", "z", geometry, source, out=types[n % len(types)], shape=shape)
        folded = random_folding(rng, layer)
        empty = float(rng.choice(empties)) if sparse else 0.0
        layers.append(carry(rng, layer, kind, folded, empty))
        foldings.append(folded)
        if empty:
            skip.add(layer.name)
    return design(chain("codecs", (1, 1, 48), types[0], layers), foldings, extra_rows=int(rng.integers(3)), skip=skip)


def narrowed_design(rng: Rng) -> Design:
    """Engines whose codes are narrower than their tensors seem to ask for.

    A codebook of 17 with zero and one of 2, shifted integers and trits, whose zeros are all left out; then integers
    that are never negative.
    """
    engines: tuple[tuple[LinearGeometry, Folding, str, Sequence[int]], ...] = (
        (dense(12, 48), Folding(4, 3, 2), "codebook", range(1, 17)),
        (conv_transpose((2, 2), 12, 6), Folding(3, 2, 1), "codebook", (9,)),
        (conv((4, 4), 6, 8), Folding(2, 3, 1), "raw", range(40, 72)),
        (conv_transpose((4, 4), 8, 6, k=3, op=1), Folding(3, 4, 3), "ternary", (-1, 1)),
        (conv((8, 8), 6, 8), Folding(4, 2, 1), "raw", range(32)),
    )
    layers: list[IntLayer] = []
    for n, (geometry, folding, codec, codes) in enumerate(engines):
        values = rng.choice(codes, geometry.weight_shape)
        if n < 4:
            values = values * block_mask(rng, geometry.weight_shape, (folding.pe, folding.simd), 0.4)
        source = layers[-1].output_type if layers else INT8
        layer = linear_layer(rng, f"l{n}", "z", geometry, source, out=INT8, shape=(2, 2, 12) if n == 0 else None)
        layers.append(spread(rng, with_weights(layer, _weight(values, codec))))
    model = chain("narrowed", (1, 1, 12), INT8, layers)
    made = design(model, [folding for _, folding, _, _ in engines], skip={"l0", "l1", "l2", "l3"})
    shown = [(e.encoded.codec, dict(e.encoded.parameters)) for e in made.engines if e.encoded]
    assert [codec for codec, _ in shown] == ["codebook", "codebook", "raw", "binary", "raw"]
    assert [(p["centroids"], p["index_bits"]) for codec, p in shown if codec == "codebook"] == [(16, 4), (1, 1)]
    assert [tuple(p.values()) for codec, p in shown if codec == "raw"] == [(5, 0, 40), (5, 0, 0)]
    return made


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
    assert layer.op.kind != "pointwise"
    shape = layer.op.geometry.weight_shape
    books = int(rng.choice([n for n in range(2, shape[1] + 1) if shape[1] % n == 0])) if kind.per_channel else 1
    weight = kind.weight(rng, shape, books)
    if not empty:
        return spread(rng, with_weights(layer, weight))
    values = weight.values
    one = values[:, 0].ravel()[np.abs(values[:, 0]).argmax()]  # of the first book, like values[0, 0, 0]
    one = one if weight.factors is None else weight.factors[0, 0, 0]
    values = values * block_mask(rng, shape, (folding.pe, folding.simd), empty)
    if shape[1] > folding.pe:
        values[:, -folding.pe :] = 0
    values[0, 0, 0] = values[0, 0, 0] or one or 1
    codec = "ternary" if kind.codec == "binary" and not values.all() else kind.codec
    masked = replace(weight, values=values, type=weight_type(values), codec=codec, precision=codec)
    return spread(rng, with_weights(layer, masked))


def spread(rng: Rng, layer: IntLayer) -> IntLayer:
    """``layer`` with multipliers that spread its outputs over their type, so that a wrong weight shows behind it."""
    geometry, weight = layer.op.geometry, layer.op.weight
    assert geometry is not None and weight is not None
    channels = geometry.out_channels
    used = geometry.useful_macs / (weight.values.size * np.prod(geometry.out_shape[:2]))  # of a pixel's taps
    deviation = np.sqrt(used * (weight.values**2).sum(axis=(0, 2)))
    gain = rng.choice([-1, 1], channels) * rng.uniform(0.7, 1.5, channels) / np.maximum(1, deviation)
    mult, bias = np.rint(gain * (1 << 16)).astype(np.int64), rng.integers(-(1 << 20), 1 << 20, channels)
    return replace(layer, requant=replace(layer.requant, mult=mult[None], bias=bias[None], shift=16))


def _weight(values: Int64Array, codec: str, books: int = 1) -> IntWeight:
    return IntWeight(values, weight_type(values), np.ones(1), codec, codec, books)


def with_weights(layer: IntLayer, weight: IntWeight) -> IntLayer:
    """``layer`` with other weights."""
    assert layer.op.kind != "pointwise"
    op = replace(layer.op, weight=weight)
    return replace(layer, op=op, acc_type=IntType.covering(*op.bounds(layer.input_types)))


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
