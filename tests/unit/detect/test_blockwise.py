"""Weights with a step per block of input channels are recognized, exactly where their steps lie on a grid."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.codecs import CODECS
from gan2hls.detect.split import find_structure
from gan2hls.fabric import SERIES_7
from gan2hls.hardware import Folding, make_engine
from gan2hls.hardware.resources import engine_resources, lane_lut
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.weights import IntWeight
from tests.randomized import dense, linear_layer, scaled_weights

Array = np.ndarray


def spread(values: Array, block: int, shape: tuple[int, int, int]) -> Array:
    return np.broadcast_to(np.repeat(values, block, axis=2)[:, :, : shape[2]], shape)


def scaled(
    shape: tuple[int, int, int], block: int, bits: int, *, zero_points: bool = False, taps: int = 0,
    steps: Array | None = None, seed: int = 0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Weights as DequantizeLinear makes them, ``[T, CO, CI]``, their codes less zero points, and the steps."""
    rng, half = np.random.default_rng(seed), 1 << (bits - 1)
    blocks = (taps or shape[0], shape[1], -(-shape[2] // block))
    if steps is None:
        steps = rng.uniform(0.002, 0.05, blocks).astype(np.float32)
    zero = rng.integers(-half, half, blocks) if zero_points else np.zeros(blocks, np.int64)
    codes = rng.integers(-half, half, shape) - spread(zero, block, shape)
    return (codes.astype(np.float32) * spread(steps, block, shape)).astype(np.float64), codes, steps


def found_in(weight: Array) -> IntWeight:
    """The codes of ``weight``, whose error is what the structure says."""
    found = find_structure(weight)
    assert found is not None
    made = found.weight
    error = np.abs(made.values * made.scale[:, None] - weight).max() / np.abs(weight).max()
    assert error == pytest.approx(found.error, abs=1e-12)
    assert found.exact == (error < 2.0**-20)
    assert np.abs(made.values).max() < 1 << 15
    return made


CASES = [
    ((16, 12, 64), 32, 4, {}),
    ((16, 12, 64), 16, 4, {"zero_points": True}),
    ((9, 12, 64), 16, 8, {}),
    ((9, 12, 64), 32, 8, {"zero_points": True}),
    ((1, 64, 100), 16, 4, {}),
    ((16, 8, 96), 48, 4, {}),
    ((4, 16, 64), 64, 4, {}),
    ((9, 16, 8), 4, 4, {"taps": 1}),
    ((9, 16, 64), 32, 5, {"taps": 1, "zero_points": True}),
    ((1, 4, 2048), 128, 3, {}),
]


@pytest.mark.parametrize(("shape", "block", "bits", "options"), CASES)
def test_blocks_are_recognized(shape: tuple[int, int, int], block: int, bits: int, options: dict[str, int]) -> None:
    weight, codes, steps = scaled(shape, block, bits, **options)
    made = found_in(weight)
    assert (made.codec, made.block, made.precision) == ("blockscale", block, f"int{bits}/{block}")
    assert made.factors is not None and made.factors.shape == steps.shape
    digits = made.values // spread(made.factors, block, shape)
    assert (digits * spread(made.factors, block, shape) == made.values).all()
    assert shape[2] % block or (digits == codes).all(), "in a short last block all codes may be even"
    top = np.abs(codes).max()
    error = np.abs(made.values * made.scale[:, None] - weight).max(axis=(0, 2)) / np.abs(weight).max(axis=(0, 2))
    assert error.max() <= 0.5 * top / (2**15 - 1 - 9 * top), "factors are rounded to the finest grid within 16 bits"
    cost = CODECS["blockscale"].bits(made, weight.size)
    assert cost.codes == bits * weight.size
    assert cost.tables <= steps.size * (16 - bits + 2 + (bits if "zero_points" in options else 0))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.sampled_from([8, 16, 32]), st.booleans(), st.floats(1e-5, 1e3), st.integers(0, 2**32 - 1))
def test_steps_on_a_grid_are_taken_over_exactly(bits: int, block: int, zero: bool, scale: float, seed: int) -> None:
    """Steps that are multiples of one number: as many bits as they take, and no rounding but float32's."""
    shape = (4, 8, 64)
    steps = np.random.default_rng(seed).integers(1, 1 << (14 - bits), (4, 8, 64 // block)).astype(np.float32)
    weight, _, _ = scaled(shape, block, bits, zero_points=zero, steps=steps * np.float32(scale), seed=seed)
    found = find_structure(weight)
    assert found is not None and found.exact
    assert found.weight.codec in ("blockscale", "codebook")


def test_powers_of_two_stay_exact() -> None:
    """Microscaling formats: steps are powers of two, one scale serves the tensor."""
    steps = (2.0 ** -np.random.default_rng(1).integers(3, 9, (16, 12, 2))).astype(np.float32)
    weight, _, _ = scaled((16, 12, 64), 32, 4, steps=steps)
    made = found_in(weight)
    assert (made.codec, made.precision, made.scale.size) == ("blockscale", "int4/32", 1)
    assert (made.values * made.scale == weight).all()
    assert made.factors is not None and set(np.unique(made.factors)) == {1, 2, 4, 8, 16, 32}


def test_blocks_whose_codes_happen_to_be_even_widen_no_factor() -> None:
    steps = np.random.default_rng(1).integers(100, 128, (16, 12, 4)).astype(np.float32)
    weight, codes, _ = scaled((16, 12, 64), 16, 4, steps=steps)
    weight[0, 0, :16] = steps[0, 0, 0] * (2 * (codes[0, 0, :16] // 3))
    weight[3, 5, 16:32] = 0
    weight[3, 5, 20] = 7 * steps[3, 5, 1]
    weight[7, 7, 32:48] = 0
    made = found_in(weight)
    assert made.factors is not None and made.factors.max() < 128
    assert made.precision == "int4/16" and (made.values * made.scale[:, None] == weight).all()


@pytest.mark.parametrize("outputs", [2, 4])
def test_blocks_along_the_output_channels_are_scales_per_channel(outputs: int) -> None:
    rng = np.random.default_rng(0)
    steps = np.repeat(rng.uniform(0.002, 0.05, (1, 12 // outputs, 1)).astype(np.float32), outputs, axis=1)
    codes = rng.integers(-8, 8, (16, 12, 20))
    made = found_in((codes.astype(np.float32) * steps).astype(np.float64))
    assert (made.codec, made.precision) == ("raw", "int4") and (made.values == codes).all()
    assert np.unique(made.scale).size == 12 // outputs


def test_what_costs_fewer_bits_otherwise_is_no_block() -> None:
    """A grid per channel is a grid per block too, and so is a codebook of few values."""
    rng = np.random.default_rng(0)
    grid = rng.integers(-127, 128, (9, 16, 64)) * rng.uniform(0.01, 0.1, (16, 1)).astype(np.float32)
    book = np.array([-0.31, -0.1, 0.0, 0.05, 0.1, 0.37], np.float32)[rng.integers(0, 6, (9, 16, 64))]
    assert found_in(grid.astype(np.float32).astype(np.float64)).precision == "int8"
    assert found_in(book.astype(np.float64)).codec == "codebook"


@pytest.mark.parametrize("shape", [(16, 64, 32), (9, 16, 8), (1, 100, 64), (1, 4, 16)])
@pytest.mark.parametrize("empty", [0.0, 0.7, 0.9])
def test_float_weights_have_no_blocks(shape: tuple[int, int, int], empty: float) -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=shape) * (rng.random(shape) >= empty)
    assert find_structure(weight.astype(np.float32).astype(np.float64)) is None


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "block", "zero_points"), [((16, 256, 640), 32, False), ((1, 2048, 1280), 16, True)])
def test_millions_of_weights_take_little_memory(shape: tuple[int, int, int], block: int, zero_points: bool) -> None:
    weight, _, _ = scaled(shape, block, 4, zero_points=zero_points)
    tracemalloc.start()
    found = find_structure(weight)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None and found.weight.precision == f"int4/{block}"
    assert peak < 10 * 4 * weight.size


def test_a_block_scaled_lane_takes_a_multiplier_and_the_luts_of_its_decoder() -> None:
    rng = np.random.default_rng(0)
    geometry, int8 = dense(64, 16), QuantType(IntType(8, signed=True), 1.0)
    values, factors = scaled_weights(rng, geometry.weight_shape, 32, bits=4, factor_bits=12, zero_points=False)
    layer = linear_layer(rng, "l0", "z", geometry, int8, codec="blockscale", values=values, factors=factors, scaled=32)
    made = make_engine(layer, Folding(4, 8, 1), rows=1)
    assert (lane_lut(made), made.decoder_clocks) == (4 * 12 * 3 // 2, 2)
    taken = engine_resources(made, SERIES_7)
    assert taken.dsp == 32 + 2, "a product a lane, and one of wide accumulators"
    assert taken.lane_lut == 32 * lane_lut(made)


@pytest.mark.parametrize("bits", [2, 3])
def test_two_blocks_a_channel_are_not_taken_for_a_codebook_of_each(bits: int) -> None:
    """Two steps have a common one to float32's rounding, by which a codebook of both blocks' values is exact."""
    weight, codes, _ = scaled((1, 64, 64), 32, bits, seed=3)
    made = found_in(weight)
    assert (made.codec, made.block, made.precision) == ("blockscale", 32, f"int{bits}/32")
    assert made.factors is not None and (made.values == codes * spread(made.factors, 32, codes.shape)).all()
    assert np.abs(made.values * made.scale[:, None] - weight).max() < 2.0**-20 * np.abs(weight).max()
