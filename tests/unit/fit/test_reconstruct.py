"""Least squares of one layer: moments, rounding, masks, against loops and direct solutions."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.codecs.base import to_blocks
from gan2hls.compress.prune import prune_mask
from gan2hls.compress.recipe import PruneConfig
from gan2hls.fit.coordinate_descent import Coupled, damped, descend_coupled
from gan2hls.fit.fit_only import fit_alone
from gan2hls.fit.reconstruct import LayerProblem
from gan2hls.fit.rounding import descend, feed_back, inverse_factor
from gan2hls.fit.solution import Mask, Solution
from gan2hls.fit.statistics import measure
from gan2hls.fit.weight import FitOptions
from gan2hls.formats.precision import Precision
from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis, dense_geometry

GEOMETRIES = {
    "dense": dense_geometry(12, 8),
    "conv": LinearGeometry(conv_axis(5, 3, 2, 1, (1, 1)), conv_axis(4, 3, 1, 1, (1, 0)), 4, 6),
    "conv_groups": LinearGeometry(conv_axis(4, 3, 1, 1, (1, 1)), conv_axis(4, 1, 1, 1, (0, 0)), 4, 6, 2),
    "up4": LinearGeometry(*(conv_transpose_axis(n, 4, 2, 1, 1, 2 * n) for n in (3, 2)), 3, 4, 1, (2, 2), True),
    "up3": LinearGeometry(*(conv_transpose_axis(n, 3, 2, 1, 1, 2 * n) for n in (2, 3)), 4, 2, 2, (2, 2), True),
}


def sums(g: LinearGeometry, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``[N, pixels, CO]`` tap by tap, of the pixels that have taps."""
    made = []
    for rows in g.y.taps:
        for columns in g.x.taps:
            if not rows or not columns:
                continue
            total = np.zeros((len(x), g.out_channels))
            for iy, ky in rows:
                for ix, kx in columns:
                    for c in range(g.out_channels):
                        group = c // g.group_out
                        inner = x[:, iy, ix, group * g.group_in : (group + 1) * g.group_in]
                        total[:, c] += inner @ weight[ky * g.x.kernel + kx, c]
            made.append(total)
    return np.stack(made, axis=1)


def problem(name: str, seed: int = 0, frames: int = 40) -> tuple[LayerProblem, np.ndarray, np.ndarray]:
    g = GEOMETRIES[name]
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=g.weight_shape)
    x0 = rng.normal(0.4, 1, (frames, *g.in_shape)) @ (np.eye(g.in_channels) + 0.4)
    x = x0 + rng.normal(0.1, 0.2, x0.shape)
    return LayerProblem(g, weight, measure(g, weight, x0, x)), x0, x


def solve(name: str, fmt: str | None, effort: str, keep: Mask | None = None) -> Solution:
    """Return what a recipe's ``reconstruct`` makes of ``problem(name)``."""
    made, x0, x = problem(name)
    precision = None if fmt is None else Precision.parse(fmt)
    if effort == "full":
        return made.solve(precision, keep=keep)
    correct = effort == "bias"
    return fit_alone(made.geometry, made.weight, x0, x, precision, keep=keep, correct_bias=correct)


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("effort", ["none", "bias", "full"])
def test_error_and_sqnr_are_those_of_the_sums(name: str, effort: str) -> None:
    made, x0, x = problem(name)
    found = solve(name, "int4", effort)
    wanted = sums(made.geometry, made.weight, x0)
    error = np.square(sums(made.geometry, found.values, x) + found.bias - wanted).mean()
    assert np.isclose(found.error, error, rtol=1e-5)  # sums in float32
    assert np.isclose(found.sqnr_db, 10 * np.log10(np.square(wanted).mean() / error), atol=1e-4)
    if effort != "none":
        assert np.allclose((sums(made.geometry, found.values, x) + found.bias - wanted).mean(axis=(0, 1)), 0, atol=1e-6)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_best_float_weights_are_those_of_least_squares(name: str) -> None:
    """Where damping hardly matters, no other weights make the sums' error smaller: its gradient vanishes."""
    made, _, _ = problem(name, frames=200)
    bias = made.shift(made.best)
    base = made.error(made.best, bias)
    assert base < made.error(made.weight, made.shift(made.weight))
    rng = np.random.default_rng(1)
    for _ in range(5):
        step = rng.normal(size=made.weight.shape)
        values = [made.best + sign * 0.3 * step for sign in (1, -1)]
        assert all(made.error(v, made.shift(v)) > base for v in values)


@pytest.mark.slow
@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize(
    "fmt", ["int8", "int3", "fixed<6,3>", "flex<5,5>", "binary", "ternary", "codebook<4>", "codebook<8,5>"]
)
def test_reconstruction_beats_fitting(name: str, fmt: str) -> None:
    errors = [solve(name, fmt, effort).error for effort in ("none", "bias", "full")]
    assert errors[1] <= errors[0] * (1 + 1e-9)
    assert errors[2] < errors[1]


@pytest.mark.slow
def test_codes_stay_legal() -> None:
    made, _, _ = problem("up4")
    legal = {"binary": 2, "ternary": 3, "codebook<4>": 4, "int3": 8}
    for fmt, count in legal.items():
        weight = made.solve(Precision.parse(fmt)).weight
        assert weight is not None
        assert len(np.unique(weight.values)) <= count
        assert np.array_equal(weight.scale, weight.scale.astype(np.float32))
    books = made.solve(Precision.parse("codebook<4>"), FitOptions(scale="tensor", books=4)).weight
    assert books is not None
    assert all(len(np.unique(books.values[:, c])) <= 4 for c in range(4))
    assert len(np.unique(books.values)) > 4


@pytest.mark.parametrize("fmt", [None, "int4", "ternary", "codebook<8>"])
def test_masked_weights_stay_zero(fmt: str | None) -> None:
    made, _, _ = problem("conv")
    keep = np.random.default_rng(3).random(made.weight.shape) < 0.6
    found, simpler = (solve("conv", fmt, effort, keep) for effort in ("full", "bias"))
    assert not found.values[~keep].any()
    assert found.error < simpler.error


def test_sensitivity_says_which_means_are_corrected() -> None:
    """The bias is the weighted mean of what is missing, over the frames whose sensitivity is known."""
    made, x0, x = problem("dense")
    matters = np.random.default_rng(5).random((30, 1, 1, 8))
    precision = Precision.parse("int2")
    found = fit_alone(made.geometry, made.weight, x0, x, precision, correct_bias=True, sensitivity=matters)
    lack = (sums(made.geometry, made.weight, x0) - sums(made.geometry, found.values, x))[:30, 0]
    by = matters[:, 0, 0]
    assert np.allclose(found.bias, (by * lack).sum(axis=0) / by.sum(axis=0), rtol=1e-4)
    assert np.isclose(found.error, (by * np.square(lack - found.bias)).mean(), rtol=1e-4)


def test_pruned_float_weights_reach_the_masked_least_squares() -> None:
    made, _, _ = problem("dense", frames=400)
    keep = np.random.default_rng(3).random(made.weight.shape) < 0.5
    found = made.solve(None, keep=keep).values
    (block,) = made.blocks
    for c in range(8):
        live = np.flatnonzero(keep[0, c])
        direct = np.linalg.solve(block.hessian[np.ix_(live, live)], block.cross[live, c])
        assert np.allclose(found[0, c, live], direct, atol=0.02)


def quadratic(size: int, columns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3 * size, size)) @ rng.normal(size=(size, size))
    return x.T @ x / len(x) + 0.01 * np.eye(size), rng.normal(size=(size, columns))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 130])
def test_feed_back_solves_for_the_rest_after_every_row(size: int) -> None:
    hessian, weight = quadratic(size, 3, size)
    made = feed_back(weight, inverse_factor(hessian, np.arange(size)), lambda v, _: np.rint(v))
    rest = weight.copy()
    for i in range(size):
        expected = np.rint(rest[i])
        assert np.array_equal(made[i], expected)
        done = made[: i + 1] - weight[: i + 1]
        if i + 1 < size:  # the best rest, given what is rounded: the derivative along the rest is 0
            rest[i + 1 :] = weight[i + 1 :] - np.linalg.solve(
                hessian[i + 1 :, i + 1 :], hessian[i + 1 :, : i + 1] @ done
            )


def test_descend_ends_where_no_single_step_helps() -> None:
    hessian, target = quadratic(70, 4, 0)
    cross = hessian @ target

    def loss(w: np.ndarray) -> np.ndarray:
        return (w * (hessian @ w - 2 * cross)).sum(axis=0)

    start = np.rint(target)
    made = descend(start, hessian, cross, lambda v, _: np.rint(v), 200)
    assert (loss(made) <= loss(start)).all() and loss(made).sum() < loss(start).sum()
    for i in range(70):
        for step in (-1.0, 1.0):
            moved = made.copy()
            moved[i] += step
            assert (loss(moved) >= loss(made) - 1e-9).all()


WEIGHT = np.random.default_rng(9).normal(size=(4, 8, 12))


def mask(**values: object) -> np.ndarray:
    return prune_mask(WEIGHT, PruneConfig.model_validate(values))


def test_magnitude_drops_the_least() -> None:
    keep = mask(method="magnitude", sparsity=0.25)
    assert np.count_nonzero(~keep) == WEIGHT.size // 4
    assert np.abs(WEIGHT[~keep]).max() < np.abs(WEIGHT[keep]).min()


def test_nm_keeps_the_greatest_n_of_m_input_channels() -> None:
    keep = mask(method="nm", n=1, m=4)
    for tap in range(4):
        for co in range(8):
            for start in range(0, 12, 4):
                part = np.abs(WEIGHT[tap, co, start : start + 4])
                assert list(np.flatnonzero(keep[tap, co, start : start + 4])) == [part.argmax()]


@pytest.mark.parametrize(("norm", "order"), [("l1", 1), ("l2", 2)])
def test_blocks_are_those_of_the_hardware(norm: str, order: int) -> None:
    keep = mask(method="block", sparsity=0.5, block=[4, 3], norm=norm)
    live = to_blocks(keep.astype(np.int64), 4, 3)
    assert np.array_equal(live.all(axis=1), live.any(axis=1))
    norms = np.linalg.norm(
        to_blocks(np.arange(WEIGHT.size).reshape(WEIGHT.shape), 4, 3) * 0.0 + _blocks(), order, axis=1
    )
    assert norms[live[:, 0] == 0].max() < norms[live[:, 0] == 1].min()
    assert np.count_nonzero(live[:, 0]) == len(live) // 2


def _blocks() -> np.ndarray:
    at = to_blocks(np.arange(WEIGHT.size).reshape(WEIGHT.shape), 4, 3)
    return WEIGHT.ravel()[at]


def test_filters_and_channels_go_whole() -> None:
    keep = mask(method="filter", sparsity=0.25)
    gone = np.flatnonzero(~keep.any(axis=(0, 2)))
    assert set(gone) == set(np.argsort(np.square(WEIGHT).sum(axis=(0, 2)))[:2]) and keep[:, 7 not in gone and 7].all()
    keep = mask(method="channel", sparsity=0.25, norm="l1")
    gone = np.flatnonzero(~keep.any(axis=(0, 1)))
    assert set(gone) == set(np.argsort(np.abs(WEIGHT).sum(axis=(0, 1)))[:3])


def test_similarity_drops_what_others_replace() -> None:
    weight = np.random.default_rng(2).normal(size=(2, 6, 5))
    weight[:, 1] = weight[:, [0, 2, 3, 4, 5]].mean(axis=1)  # amid all others
    keep = prune_mask(weight, PruneConfig(method="similarity", sparsity=0.17))
    assert list(np.flatnonzero(~keep.any(axis=(0, 2)))) == [1]


def test_coupled_descent_ends_where_no_single_step_helps() -> None:
    hessian, best = quadratic(9, 14, 4)
    mixing = np.random.default_rng(5).normal(size=(14, 6))  # few directions matter
    problem = Coupled(hessian, damped(mixing @ mixing.T), best * 3)
    start = np.rint(problem.best)
    keep = np.random.default_rng(6).random(start.shape) < 0.8
    made = descend_coupled(problem, start * keep, np.rint, keep, 200)
    assert not made[~keep].any() and np.array_equal(made, np.rint(made))
    assert problem.loss(made) < 0.7 * problem.loss(start * keep)
    for i, c in zip(*np.nonzero(keep), strict=True):
        for step in (-1.0, 1.0):
            moved = made.copy()
            moved[i, c] += step
            assert problem.loss(moved) >= problem.loss(made) * (1 - 1e-9)


@pytest.mark.parametrize("name", ["dense", "one_pixel", "up4"])
def test_the_coupling_of_channels_is_used(name: str) -> None:
    """Where a coupling says that two channels only count as a sum, their errors cancel in it."""
    one = LinearGeometry(*(conv_transpose_axis(1, 2, 1, 1, 0, 2) for _ in range(2)), 12, 4)
    g = {**GEOMETRIES, "one_pixel": one}[name]
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=g.weight_shape), rng.normal(size=(300, *g.in_shape))
    moments = measure(g, weight, x, x)
    channels = g.out_channels * (4 if name == "one_pixel" else 1)
    adder = np.ones((channels, 1)) @ np.ones((1, channels))
    plain, coupled = (LayerProblem(g, weight, moments, c).solve(Precision.parse("int3")) for c in (None, adder))

    def lost(values: np.ndarray) -> float:
        error = sums(g, values, x) - sums(g, weight, x)
        return float(np.square(error.sum(axis=(1, 2) if name == "one_pixel" else 2)).mean())

    assert lost(coupled.values) < 0.7 * lost(plain.values)
