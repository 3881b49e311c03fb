"""A step's weights and its input word are those of its output channels, within a group and over whole groups."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gan2hls.codecs import CODECS
from gan2hls.hardware import EngineDesign, Folding, make_engine
from gan2hls.hardware.groups import legal_pe, legal_simd
from gan2hls.hardware.skip import occupancy
from gan2hls.numbers.numerics import Int64Array, IntType, QuantType
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis
from tests.randomized import linear_layer

INT8 = QuantType(IntType(8, signed=True), 1.0)


@st.composite
def grouped(draw: st.DrawFn) -> LinearGeometry:
    """2 to 6 groups of 1 to 4 x 1 to 4 channels, depthwise often, forwards and transposed, in one dimension or two."""
    groups = draw(st.integers(2, 6))
    inner, outer = (1, draw(st.integers(1, 2))) if draw(st.booleans()) else (draw(st.integers(1, 4)) for _ in range(2))
    transposed, kernel, stride = draw(st.booleans()), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rows, columns = draw(st.sampled_from([1, 3])), draw(st.integers(2, 4))

    def axis(size: int) -> object:
        k = kernel if size > 1 else 1
        if transposed:
            return conv_transpose_axis(size, k, stride, 1, 0, (size - 1) * stride + k)
        return conv_axis(size, k, stride, 1, (k // 2, k // 2))

    return LinearGeometry(axis(rows), axis(columns), groups * inner, groups * outer, groups, (1, 1), transposed)


def direct(geometry: LinearGeometry, weight: Int64Array, x: Int64Array) -> Int64Array:
    """The sums of every output element, product by product: int64 ``[OH, OW, CO]``."""
    out = np.zeros(geometry.out_shape, np.int64)
    outer, inner = geometry.out_channels // geometry.groups, geometry.in_channels // geometry.groups
    for oy, ox, co in np.ndindex(out.shape):
        for (iy, ky), (ix, kx), n in product(geometry.y.taps[oy], geometry.x.taps[ox], range(inner)):
            channel = co // outer * inner + n
            out[oy, ox, co] += weight[ky * geometry.x.kernel + kx, co, n] * x[iy, ix, channel]
    return out


def by_steps(engine: EngineDesign, x: Int64Array) -> tuple[Int64Array, int]:
    """The same sums as the hardware makes them, step by step from the words of its memories, and the steps."""
    geometry, encoded = engine.layer.op.geometry, engine.encoded
    assert geometry is not None and encoded is not None
    pe, simd, lanes = engine.folding.pe, engine.folding.simd, engine.in_lanes
    blocks = CODECS[encoded.codec].decode(encoded)
    place = {int(dense): n for n, dense in enumerate(range(len(blocks)) if engine.skip is None else engine.skip.kept)}
    words = x.reshape(*x.shape[:2], -1, lanes)  # the stream, a beat a row
    assert words.shape[2] == engine.pixel_words
    out, steps = np.zeros(geometry.out_shape, np.int64), 0
    for oy, ox, co in product(geometry.y.outputs, geometry.x.outputs, range(engine.co_folds)):
        group_fold = co // (engine.co_folds // engine.group_folds)
        for (iy, ky), (ix, kx) in product(geometry.y.taps[oy], geometry.x.taps[ox]):
            for ci in range(engine.ci_folds):
                address = ((ky * geometry.x.kernel + kx) * engine.co_folds + co) * engine.ci_folds + ci
                if address not in place:
                    continue
                word, block = words[iy, ix, group_fold * engine.ci_folds + ci], blocks[place[address]]
                for p in range(pe):
                    own = p // (pe // engine.parallel_groups) * simd
                    out[oy, ox, co * pe + p] += block[p * simd : (p + 1) * simd] @ word[own : own + simd]
                steps += 1
    return out, steps


@pytest.mark.parametrize("codec", CODECS)
@given(grouped(), st.booleans(), st.integers(0, 2**32 - 1), st.data())
def test_steps_add_up_to_the_sums_of_every_group(
    codec: str, geometry: LinearGeometry, skip: bool, seed: int, data: st.DataObject
) -> None:
    pe = data.draw(st.sampled_from(legal_pe(geometry)))
    folding = Folding(pe, data.draw(st.sampled_from(legal_simd(geometry, pe))), 1)
    rng = np.random.default_rng(seed)
    books = geometry.groups if codec == "codebook" else 1
    layer = linear_layer(
        rng, "l0", "z", geometry, INT8, codec=codec, books=books, empty=0.5 if skip else 0.0,
        block=(folding.pe, folding.simd),
    )  # fmt: skip
    assert layer.op.kind != "pointwise"
    if skip:
        found = occupancy(geometry, layer.op.weight.values, folding.pe, folding.simd)
        assume(found is not None and found.executed)
    engine = make_engine(layer, folding, rows=geometry.y.window, skip=skip)
    x = rng.integers(-128, 128, geometry.in_shape)
    sums, steps = by_steps(engine, x)
    np.testing.assert_array_equal(sums, direct(geometry, layer.op.weight.values, x))
    assert steps == engine.mac_steps <= geometry.useful_macs // (folding.pe * folding.simd)
    if not skip:
        assert steps * folding.pe * folding.simd == geometry.useful_macs
