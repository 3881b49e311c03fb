"""Splitting a chain of points never changes what it computes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.model.points import CURVES, Affine, Clip, Curve, Leaky, Point, split

CHANNELS = 3
NUMBER = st.floats(-3, 3).map(lambda x: round(x, 3))


@st.composite
def points(draw: st.DrawFn) -> Point:
    def array() -> np.ndarray:
        size = draw(st.sampled_from([1, CHANNELS]))
        return np.array(draw(st.lists(NUMBER, min_size=size, max_size=size)))

    match draw(st.sampled_from(["affine", "affine", "leaky", "relu", "clip", "curve"])):
        case "affine":
            return Affine(array(), array())
        case "leaky":
            return Leaky(array())
        case "relu":
            return Leaky(np.zeros(1))
        case "clip":
            low = draw(NUMBER)
            return Clip(low, low + abs(draw(NUMBER)))
        case _:
            name = draw(st.sampled_from(sorted(CURVES)))
            return Curve(name, (("alpha", 1.6), ("gamma", 1.05)) if name == "selu" else ())


@given(st.lists(points(), max_size=6), st.integers(0, 2**32 - 1))
def test_split_chain_equals_chain(chain: list[Point], seed: int) -> None:
    x = np.random.default_rng(seed).normal(0, 2, (50, CHANNELS))
    expected = x
    for point in chain:
        expected = point(expected)
    rest, found = tuple(chain), x
    layers = 0
    while True:
        head = split(rest, CHANNELS)
        found = head.evaluate_curve(head.piecewise(found))
        layers += 1
        if not head.rest:
            break
        assert len(head.rest) < len(rest), "a split must make progress"
        rest = head.rest
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_common_chains_take_one_layer() -> None:
    batch_norm = Affine(np.array([1.0, -2.0, 0.5]), np.array([0.1, 0.2, -0.3]))
    relu, slopes = Leaky(np.zeros(1)), Leaky(np.array([0.1, 0.2, 0.3]))
    half = Affine(np.array([0.5]), np.array([0.5]))
    for chain in (
        (batch_norm, relu),
        (batch_norm, relu, batch_norm),
        (batch_norm, slopes, batch_norm),
        (batch_norm, Clip(0.0, 6.0), half),
        (batch_norm, slopes, Curve("tanh"), half),
    ):
        assert not split(chain, CHANNELS).rest
