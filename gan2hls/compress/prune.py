"""Pruning: which weights of a layer stay.  Every rule returns a mask ``[T, CO, CI / groups]``, True where one stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from gan2hls.compress.recipe import Method, PruneConfig
from gan2hls.numbers import FloatArray

Mask = npt.NDArray[np.bool_]


def prune_mask(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Return the mask of ``prune`` for ``weight`` ``[T, CO, CI / groups]``."""
    return _METHODS[prune.method](weight, prune)


def _count(prune: PruneConfig, size: int) -> int:
    """Return how many of ``size`` go."""
    assert prune.sparsity is not None
    return int(np.floor(prune.sparsity * size + 0.5))


def _without_least(scores: FloatArray, count: int) -> Mask:
    """Return which of ``scores`` ``[n]`` stay when the ``count`` least go; of equal ones the first go."""
    keep = np.ones(scores.size, bool)
    keep[np.argsort(scores, kind="stable")[:count]] = False
    return keep


def _norm(values: FloatArray, prune: PruneConfig, axes: tuple[int, ...]) -> FloatArray:
    made: FloatArray = np.abs(values).sum(axis=axes) if prune.norm == "l1" else np.square(values).sum(axis=axes)
    return made


def _magnitude(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Unstructured.  Source: Han et al. 2016 (Deep Compression), section 2."""
    return _without_least(np.abs(weight).ravel(), _count(prune, weight.size)).reshape(weight.shape)


def _nm(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Keep the N greatest of every M input channels, per output channel and tap.  Source: Zhou et al. 2021 (N:M)."""
    assert prune.n is not None and prune.m is not None
    groups = np.abs(weight).reshape(-1, prune.m)
    keep = np.zeros(groups.shape, bool)
    np.put_along_axis(keep, np.argsort(-groups, axis=1, kind="stable")[:, : prune.n], True, axis=1)
    return keep.reshape(weight.shape)


def _block(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Drop PE x SIMD blocks of a tap, as the hardware stores and skips them (``codecs.to_blocks``)."""
    assert prune.block is not None
    pe, simd = prune.block
    taps, co, ci = weight.shape
    split = weight.reshape(taps, co // pe, pe, ci // simd, simd)
    scores = _norm(split, prune, (2, 4))
    keep = _without_least(scores.ravel(), _count(prune, scores.size)).reshape(scores.shape)
    return np.broadcast_to(keep[:, :, None, :, None], split.shape).reshape(weight.shape)


def _channel(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Drop input channels.  Source: Li et al. 2017 (Pruning Filters), section 3, seen from the reader's side."""
    keep = _without_least(_norm(weight, prune, (0, 1)), _count(prune, weight.shape[2]))
    return np.broadcast_to(keep, weight.shape)


def _filter(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Drop output channels.  Source: Li et al. 2017 (Pruning Filters), section 3."""
    return _filters(weight, _without_least(_norm(weight, prune, (0, 2)), _count(prune, weight.shape[1])))


def _similarity(weight: FloatArray, prune: PruneConfig) -> Mask:
    """Drop the output filters nearest to all others, which these can replace.  Source: He et al. 2019 (FPGM), eq. 5."""
    rows = weight.transpose(1, 0, 2).reshape(weight.shape[1], -1)
    squares = np.square(rows).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0))
    return _filters(weight, _without_least(distance.sum(axis=1), _count(prune, len(rows))))


def _filters(weight: FloatArray, keep: Mask) -> Mask:
    return np.broadcast_to(keep[:, None], weight.shape)


_METHODS: Mapping[Method, Callable[[FloatArray, PruneConfig], Mask]] = {
    "magnitude": _magnitude,
    "nm": _nm,
    "block": _block,
    "channel": _channel,
    "filter": _filter,
    "similarity": _similarity,
}
