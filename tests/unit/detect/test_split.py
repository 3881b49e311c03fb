"""Codes are recognized from float32 values alone, exactly, and plain float weights are left alone."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.detect.common_step import grid_step
from gan2hls.detect.split import find_structure

SHAPE = (16, 12, 20)  # taps, CO, CI
Values = Callable[[np.random.Generator], np.ndarray]


def _scales(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.003, 0.9, SHAPE[1]).astype(np.float32)[:, None]


def _signs(rng: np.random.Generator) -> np.ndarray:
    return np.sign(rng.normal(size=SHAPE)).astype(np.float32)


def _trits(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-1, 2, SHAPE).astype(np.float32)


def _grid(bits: int, zero_point: int = 0) -> Values:
    low = -(1 << (bits - 1)) + 1 - zero_point
    return lambda rng: rng.integers(low, low + (1 << bits) - 1, SHAPE).astype(np.float32)


def _book(count: int, books: int = 1) -> Values:
    def values(rng: np.random.Generator) -> np.ndarray:
        book = rng.normal(size=(books, count)).astype(np.float32)
        of_channel = np.arange(SHAPE[1]) * books // SHAPE[1]
        return book[of_channel[None, :, None], rng.integers(0, count, SHAPE)]

    return values


CASES = [
    ("binary", lambda r: np.float32(0.31) * _signs(r), "binary", "binary", 1),
    ("binary per channel", lambda r: _scales(r) * _signs(r), "binary", "binary", 1),
    ("ternary", lambda r: np.float32(0.02) * _trits(r), "ternary", "ternary", 1),
    ("ternary per channel", lambda r: _scales(r) * _trits(r), "ternary", "ternary", 1),
    ("int4 per channel", lambda r: _scales(r) * _grid(4)(r), "raw", "int4", 1),
    ("int8 per tensor", lambda r: np.float32(0.0123) * _grid(8)(r), "raw", "int8", 1),
    ("int12 per channel", lambda r: _scales(r) * _grid(12)(r), "raw", "int12", 1),
    ("uint4 with a zero point", lambda r: _scales(r) * _grid(4, 4)(r), "raw", "int4", 1),
    ("power of two", lambda r: np.float32(2**-9) * _grid(8)(r), "raw", "fixed<8,-1>", 1),
    ("codebook of 16", _book(16), "codebook", "codebook<16,16>", 1),
    ("codebook of 13 with scales", lambda r: _scales(r) * _book(13)(r), "codebook", "codebook<13,16>", 1),
    ("codebook per channel", _book(5, SHAPE[1]), "codebook", "codebook<5,16>", SHAPE[1]),
    ("asymmetric pair", lambda r: np.where(_signs(r) > 0, np.float32(0.31), np.float32(-0.17)), "codebook", None, 1),
]


@pytest.mark.parametrize(("name", "make", "codec", "precision", "books"), CASES, ids=[case[0] for case in CASES])
def test_compressed_weights_are_recognized(
    name: str, make: Values, codec: str, precision: str | None, books: int
) -> None:
    weight = make(np.random.default_rng(len(name))).astype(np.float64)
    found = find_structure(weight)
    assert found is not None
    codes = found.weight
    assert (codes.codec, codes.books) == (codec, books)
    assert precision is None or codes.precision == precision
    error = np.abs(codes.values * codes.scale[:, None] - weight).max() / np.abs(weight).max()
    assert error == pytest.approx(found.error, abs=1e-12) and error < 2.0**-15
    assert found.exact or codec == "codebook", "only centroids may be rounded"
    assert np.unique(weight).size >= np.unique(codes.values).size


@pytest.mark.parametrize("codec", ["binary", "raw"])
def test_codes_are_those_that_were_multiplied(codec: str) -> None:
    rng = np.random.default_rng(3)
    codes = _signs(rng) if codec == "binary" else _grid(6)(rng)
    scales = _scales(rng)
    found = find_structure((codes * scales).astype(np.float64))
    assert found is not None and (found.weight.values == codes).all()
    assert np.allclose(found.weight.scale, scales[:, 0], rtol=1e-6)


@settings(max_examples=60)
@given(st.integers(2, 15), st.floats(1e-6, 1e3), st.integers(0, 2**32 - 1), st.integers(20, 400))
def test_grid_step_is_found_at_every_width(bits: int, scale: float, seed: int, count: int) -> None:
    codes = np.random.default_rng(seed).integers(-(1 << (bits - 1)) + 1, 1 << (bits - 1), count)
    codes[:2] = 1, (1 << (bits - 1)) - 1
    values = np.unique((codes.astype(np.float32) * np.float32(scale)).astype(np.float64))
    step = grid_step(values)
    assert step is not None and step == pytest.approx(np.float32(scale), rel=1e-6)


@pytest.mark.parametrize("shape", [(16, 64, 32), (9, 16, 1), (1, 4, 3), (1, 1, 16), (1, 100, 1)])
@pytest.mark.parametrize("empty", [0.0, 0.9])
def test_float_weights_have_no_structure(shape: tuple[int, int, int], empty: float) -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=shape) * (rng.random(shape) >= empty)
    assert find_structure(weight.astype(np.float32).astype(np.float64)) is None


@pytest.mark.parametrize(
    ("shape", "bits", "codec"), [((1, 32, 6), 8, "raw"), ((1, 32, 6), 2, "binary"), ((1, 4, 5), 2, "binary")]
)
def test_few_inputs_suffice(shape: tuple[int, int, int], bits: int, codec: str) -> None:
    """A dense layer of 5 or 6 inputs, int8 or signs, with a scale per channel or one for all."""
    rng = np.random.default_rng(4)
    top = (1 << (bits - 1)) - 1
    codes = rng.integers(1, top + 1, shape) * rng.choice([-1, 1], shape)
    for scale in (np.float32(0.037), rng.uniform(0.01, 0.1, shape[1]).astype(np.float32)[:, None]):
        found = find_structure((codes * scale).astype(np.float32).astype(np.float64))
        assert found is not None and found.exact and found.weight.codec == codec


def test_zeros_have_no_structure() -> None:
    assert find_structure(np.zeros(SHAPE)) is None


def test_widths_come_from_the_codes_that_occur() -> None:
    """A nominal 8-bit scheme whose codes reach 256 needs 10 signed bits; one that uses -3..3 needs 3."""
    wide = np.random.default_rng(0).integers(-256, 257, SHAPE) * np.float32(0.1)
    narrow = np.random.default_rng(0).integers(-3, 4, SHAPE) * np.float32(0.1)
    found = [find_structure(values.astype(np.float64)) for values in (wide, narrow)]
    assert [structure.weight.type.bits for structure in found if structure] == [10, 3]


def test_emptied_channels_stay_empty_where_the_book_has_no_zero() -> None:
    rng = np.random.default_rng(8)
    weight = (_scales(rng) * _book(16)(rng)).astype(np.float64)
    weight[:, ::2] = 0
    found = find_structure(weight)
    assert found is not None
    real = found.weight.values * found.weight.scale[:, None]
    assert not real[:, ::2].any()
    assert np.abs(real - weight).max() < 2.0**-15 * np.abs(weight).max()


@pytest.mark.parametrize(("shape", "count"), [((9, 32, 64), 200), ((1, 256, 96), 64)])
def test_a_scaled_book_is_found_where_no_channel_has_all_of_it(shape: tuple[int, int, int], count: int) -> None:
    rng = np.random.default_rng(4)
    book = rng.normal(size=count).astype(np.float32)
    scale = rng.uniform(0.3, 2, (shape[1], 1)).astype(np.float32)
    weight = (scale * book[rng.integers(0, count, shape)]).astype(np.float64)
    assert max(np.unique(weight[:, n]).size for n in range(shape[1])) < count
    found = find_structure(weight)
    assert found is not None and found.weight.books == 1
    assert count - 2 <= np.unique(found.weight.values).size <= count, "centroids of 16 bits may coincide"
    real = found.weight.values * found.weight.scale[:, None]
    assert np.abs(real - weight).max() < 2.0**-15 * np.abs(weight).max()


def test_the_widest_grid_is_found_though_float32_blurs_its_step() -> None:
    rng = np.random.default_rng(0)
    codes = np.clip(np.rint(rng.normal(0, 0.35, (16, 64, 100)) * 32767), -32767, 32767)
    found = find_structure((codes.astype(np.float32) * np.float32(0.7 / 32767)).astype(np.float64))
    assert found is not None and found.exact and np.array_equal(found.weight.values, codes)


def test_a_chance_fit_of_a_fine_grid_does_not_hide_a_coarse_one_per_channel() -> None:
    rng = np.random.default_rng(4)
    rng.normal(size=(16, 3, 32))
    codes = np.clip(np.rint(rng.normal(0, 0.35, (16, 3, 32)) * 3), -3, 3).astype(np.float32)
    scale = (np.abs(rng.normal(1, 0.4, (1, 3, 1))) + 0.05).astype(np.float32) * np.float32(0.7 / 3)
    weight = (codes * scale).astype(np.float64)
    assert grid_step(np.unique(weight)) is not None, "the case needs values that a fine grid fits by chance"
    found = find_structure(weight)
    assert found is not None and found.weight.codec == "raw" and found.weight.precision == "int3"
    assert np.array_equal(found.weight.values, codes)


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_least_code_of_16_bits_is_a_code(per_channel: bool) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(-32768, 32768, (16, 8, 200))
    codes[0, :, :3] = -32768, 32767, 1
    scale = np.float32(2**-16) * (rng.uniform(1, 2, (8, 1)).astype(np.float32) if per_channel else np.float32(1))
    found = find_structure((codes.astype(np.float32) * scale).astype(np.float64))
    assert found is not None and found.exact and np.array_equal(found.weight.values, codes)


@pytest.mark.parametrize("count", [100, 250])
def test_a_codebook_of_a_small_last_layer_is_kept(count: int) -> None:
    """32 channels to one: 512 weights, of which every value occurs a few times only."""
    rng = np.random.default_rng(0)
    book = rng.normal(size=count).astype(np.float32)
    weight = book[np.append(np.arange(count), rng.integers(0, count, 512 - count))].reshape(16, 1, 32)
    found = find_structure(weight.astype(np.float64))
    assert found is not None and found.weight.codec == "codebook" and found.error < 2.0**-15


@pytest.mark.slow
@pytest.mark.parametrize("tiny", [1e-9, 1e-7, 1e-6, 0.0])
def test_a_centroid_next_to_zero_is_no_gain(tiny: float) -> None:
    """Divided by a tiny centroid, all that a channel holds is large, and nearly the same."""
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        book = np.append(rng.normal(size=254), tiny).astype(np.float32)
        often = np.exp(-2 * book.astype(np.float64) ** 2)
        weight = book[rng.choice(255, (1, 2048, 128), p=often / often.sum())].astype(np.float64)
        found = find_structure(weight)
        assert found is not None and found.error < 2.0**-15
        real = found.weight.values * np.broadcast_to(found.weight.scale, 2048)[:, None]
        assert np.abs(real - weight).max() < 2.0**-15 * np.abs(weight).max()


def test_channels_of_both_signs_share_a_codebook() -> None:
    """As a negative gain of BatchNormalization, folded into weights, leaves it."""
    rng = np.random.default_rng(2)
    book = rng.normal(size=16).astype(np.float32)
    gain = (rng.uniform(0.3, 2, (SHAPE[1], 1)) * np.where(np.arange(SHAPE[1]) % 3, 1, -1)[:, None]).astype(np.float32)
    weight = (gain * book[rng.integers(0, 16, SHAPE)]).astype(np.float64)
    found = find_structure(weight)
    assert found is not None and found.weight.books == 1 and np.unique(found.weight.values).size == 16
    assert np.unique(np.sign(found.weight.scale * gain[:, 0])).size == 1
    assert np.abs(found.weight.values * found.weight.scale[:, None] - weight).max() < 2.0**-15 * np.abs(weight).max()


@pytest.mark.parametrize("per_channel", [False, True])
def test_asymmetric_trits_are_exact(per_channel: bool) -> None:
    """A scale for +1 and another for -1, as trained ternary quantization has them: two centroids and 0."""
    rng = np.random.default_rng(3)
    low, high = rng.uniform(0.05, 1, (2, SHAPE[1] if per_channel else 1, 1)).astype(np.float32)
    trits = _trits(rng)
    found = find_structure(np.where(trits > 0, high, np.where(trits < 0, -low, np.float32(0))).astype(np.float64))
    assert found is not None and found.exact
    assert found.weight.codec == "codebook" and found.weight.books == (SHAPE[1] if per_channel else 1)


@pytest.mark.slow
def test_as_many_channels_as_an_image_has_values() -> None:
    """The first dense layer of a generator has as many output channels as its image has values."""
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.1, 1, (16384, 1)).astype(np.float32)
    books = rng.normal(size=(16384, 4)).astype(np.float32)
    cases = (
        scale * rng.integers(-7, 8, (1, 16384, 100)),
        np.take_along_axis(books, rng.integers(0, 4, (16384, 100)), 1)[None],
        scale * books[0][rng.integers(0, 4, (1, 16384, 100))],
    )
    for weight in cases:
        found = find_structure(weight.astype(np.float32).astype(np.float64))
        assert found is not None and found.weight.codec == ("raw" if weight is cases[0] else "codebook")
        assert found.error < 2.0**-15


@pytest.mark.slow
def test_memory_stays_a_small_multiple_of_the_weights() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-7, 8, (16, 256, 1024)) * rng.uniform(0.1, 1, (256, 1)).astype(np.float32).astype(np.float64)
    weight = weight.astype(np.float32).astype(np.float64)
    tracemalloc.start()
    found = find_structure(weight)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None and peak < 3 * weight.nbytes, peak / weight.nbytes


@pytest.mark.parametrize("count", [32, 100])
@pytest.mark.parametrize("wide", [False, True])
def test_a_wide_grid_per_channel_needs_no_small_code(count: int, wide: bool) -> None:
    """Of 16 bits and 100 weights a channel, the least code is a hundred steps or more."""
    rng = np.random.default_rng(count)
    spread = rng.uniform(-1, 1, (1, 64, count)) if wide else np.clip(rng.normal(0, 0.3, (1, 64, count)), -1, 1)
    codes, scale = np.rint(spread * 32767), rng.uniform(0.1, 1, (64, 1)).astype(np.float32)
    found = find_structure((codes.astype(np.float32) * scale).astype(np.float64))
    assert found is not None and found.exact and np.array_equal(found.weight.values, codes)


def test_a_channel_of_one_value_takes_the_greatest_centroid() -> None:
    """Any centroid fits it; the least one would leave it a code of a bit or two."""
    rng = np.random.default_rng(0)
    book = np.array([-0.4, -0.27, -0.19, 0, 8e-6, 0.13, 0.2, 0.28, 0.42], np.float32)
    weight = (_scales(rng) * book[rng.integers(0, book.size, SHAPE)]).astype(np.float64)
    weight[:, 5] = np.where(rng.random(weight[:, 5].shape) < 0.2, np.float32(0.62), 0)
    found = find_structure(weight)
    assert found is not None and found.weight.codec == "codebook" and found.weight.books == 1
    real = found.weight.values * found.weight.scale[:, None]
    assert np.abs(real - weight).max() < 2.0**-15 * np.abs(weight).max()
