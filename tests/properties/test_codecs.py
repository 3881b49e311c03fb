"""decode(encode(w)) == w for every codec, shape, width and folding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.codecs import CODECS
from gan2hls.codecs.base import pack, unpack
from gan2hls.numerics import IntType
from gan2hls.weights import IntWeight


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@given(st.data())
def test_decode_inverts_encode(codec, data: st.DataObject) -> None:
    bits = data.draw(st.integers(2, 16))
    pe, simd = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    shape = (data.draw(st.integers(1, 9)), pe * data.draw(st.integers(1, 3)), simd * data.draw(st.integers(1, 3)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    weight_type = IntType(bits, signed=True)
    fill = data.draw(st.sampled_from(["random", "zero", "lowest"]))
    values = {
        "random": rng.integers(weight_type.lo, weight_type.hi + 1, shape),
        "zero": np.zeros(shape, np.int64),
        "lowest": np.full(shape, weight_type.lo),
    }[fill]
    weight = IntWeight(values, weight_type, np.ones(1), codec.name, f"int{bits}")
    encoded = codec.encode(weight, pe, simd)
    assert (codec.decode(encoded, bits, True) == values).all()
    assert codec.useful_bits(weight) <= values.size * bits


@given(st.integers(1, 70), st.integers(1, 16), st.booleans(), st.integers(0, 2**32 - 1))
def test_unpack_inverts_pack(lanes: int, bits: int, signed: bool, seed: int) -> None:
    kind = IntType(bits, signed)
    values = np.random.default_rng(seed).integers(kind.lo, kind.hi + 1, (5, lanes))
    assert (unpack(pack(values, bits), lanes, bits, signed) == values).all()


def test_lane_zero_is_least_significant() -> None:
    assert pack(np.array([[1, -1, 3]]), 8).tolist() == [[0x03FF01]]
    assert pack(np.array([[0] * 8 + [5]]), 8).tolist() == [[0, 5]]
