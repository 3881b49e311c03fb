"""Fit integer weights to float ones: each number format's rule, by least squares unless a published rule is asked for.

All take float64 weights ``[T, CO, CI / groups]`` and return codes with a scale per output channel.  Scales go into the
requantizer, so a scale per channel costs no hardware in any format.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from gan2hls.base import one_thread
from gan2hls.fit.ranges import fixed_type, flex_scale, weight_scale
from gan2hls.formats import Precision
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import IntWeight, weight_type

Scope = Literal["tensor", "channel"]
#: How ``ternary`` finds the weights that become 0; a number is the threshold itself.
#: ``twn``: 0.7 times the mean magnitude (Li, Liu 2016); ``max``: 0.05 times the greatest (Zhu et al. 2017, TTQ).
TernaryRule = Literal["fitted", "twn", "max"]
#: Distinct levels that k-means sees at most; finer differences vanish in the centroids' own rounding.
_LEVELS = 4096
#: Weights that are rounded at once.
_CHUNK = 1 << 18


@final
@dataclass(frozen=True)
class FitOptions:
    """What a recipe can say about fitting.

    Attributes:
        scale: one scale per output ``channel`` or per ``tensor``.
        threshold: of ``ternary``.
        books: codebooks of ``codebook``, each shared by ``CO / books`` neighbouring output channels; divides CO.
        keep_zero: whether weights that are exactly 0 stay so in a codebook.
    """

    scale: Scope = "channel"
    threshold: TernaryRule | float = "fitted"
    books: int = 1
    keep_zero: bool = True


DEFAULT = FitOptions()


def fit_weight(weight: FloatArray, precision: Precision, options: FitOptions = DEFAULT) -> IntWeight:
    """Return the integer weights of ``weight`` ``[T, CO, CI / groups]`` in ``precision``."""
    return _RULES[precision.kind](weight, precision, options)


def _fixed(weight: FloatArray, precision: Precision, options: FitOptions) -> IntWeight:
    del options
    quant = fixed_type(precision)
    codes = quant.quantize(weight)
    return IntWeight(codes, weight_type(codes), np.array([quant.scale]), "raw", str(precision))


def _int(weight: FloatArray, precision: Precision, options: FitOptions) -> IntWeight:
    top = (1 << (precision.bits - 1)) - 1
    shaped = weight if options.scale == "channel" else weight.reshape(-1, 1, weight.shape[2])
    scale = weight_scale(shaped, precision.bits)
    codes = np.empty(weight.shape, np.int64)
    for tap, values in zip(codes, weight, strict=True):
        tap[:] = np.clip(np.floor(values / scale[:, None] + 0.5), -top - 1, top)
    return IntWeight(codes, weight_type(codes), scale, "raw", str(precision))


def _flex(weight: FloatArray, precision: Precision, options: FitOptions) -> IntWeight:
    """One power of two for the tensor, the least that holds its peak.  Source: Koester et al. 2017, section 3."""
    del options
    scale = flex_scale(float(np.abs(weight).max()), precision)
    top = (1 << (precision.bits - 1)) - 1
    codes = np.clip(np.floor(weight / scale + 0.5), -top - 1, top).astype(np.int64)
    return IntWeight(codes, weight_type(codes), np.array([scale]), "raw", str(precision))


def _binary(weight: FloatArray, precision: Precision, options: FitOptions) -> IntWeight:
    """Sign times the mean magnitude, which is least squares.  Source: Rastegari et al. 2016 (XNOR-Net), section 3.1."""
    magnitude = np.abs(weight)
    scale = magnitude.mean(axis=(0, 2)) if options.scale == "channel" else magnitude.mean(keepdims=True).reshape(1)
    codes = np.where(weight >= 0, 1, -1).astype(np.int64)
    return IntWeight(codes, weight_type(codes), positive(scale), "binary", str(precision))


def _ternary(weight: FloatArray, precision: Precision, options: FitOptions) -> IntWeight:
    """Zero below a threshold, else sign times the mean magnitude of what is left (least squares for that support)."""
    channels = weight.transpose(1, 0, 2).reshape(weight.shape[1], -1)
    rows = channels if options.scale == "channel" else channels.reshape(1, -1)
    magnitude = np.abs(rows)
    match options.threshold:
        case "fitted":
            threshold = _best_thresholds(magnitude)
        case "twn":
            threshold = 0.7 * magnitude.mean(axis=1)
        case "max":
            threshold = 0.05 * magnitude.max(axis=1)
        case given:
            threshold = np.full(len(rows), float(given))
    kept = magnitude > threshold[:, None]
    scale = np.where(kept, magnitude, 0).sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
    limit = np.broadcast_to(threshold, (weight.shape[1],))[:, None]
    codes = (np.sign(weight) * (np.abs(weight) > limit)).astype(np.int64)
    return IntWeight(codes, weight_type(codes), positive(scale), "ternary", str(precision))


def _best_thresholds(magnitude: FloatArray) -> FloatArray:
    """Return per row the threshold of least squared error.

    Keeping the ``k`` greatest at their mean takes ``(sum of them)**2 / k`` off the error: the best ``k`` is found
    exactly.  Source: Li, Liu 2016 (TWN), equation 6, solved by sorting instead of assuming a distribution.
    """
    ordered = -np.sort(-magnitude, axis=1)
    gain = np.cumsum(ordered, axis=1) ** 2 / np.arange(1, ordered.shape[1] + 1)
    best = gain.argmax(axis=1)
    after = np.concatenate([ordered, np.zeros((len(ordered), 1))], axis=1)[np.arange(len(ordered)), best + 1]
    found: FloatArray = 0.5 * (ordered[np.arange(len(ordered)), best] + after)
    return found


def _codebook(weight: FloatArray, precision: Precision, options: FitOptions) -> IntWeight:
    """K-means on weights whose channels were brought to one size; centroids are integers of ``precision.bits``."""
    taps, co, ci = weight.shape
    if options.scale == "channel":
        scale = positive(np.sqrt(np.square(weight).mean(axis=(0, 2))))
    else:
        scale = positive(np.sqrt(np.square(weight).mean(keepdims=True)).reshape(1))
    normal = np.array(weight.transpose(1, 0, 2), order="C").reshape(co, -1)
    normal /= np.broadcast_to(scale, (co,))[:, None]
    normal = normal.reshape(options.books, -1)
    books = [centroids_of(row, precision.centroids, keep_zero=options.keep_zero) for row in normal]
    top = (1 << (precision.bits - 1)) - 1
    step = max(max(float(np.abs(book).max()) for book in books), 1e-30) / top
    whole = [np.unique(np.floor(book / step + 0.5)) for book in books]
    for row, book in zip(normal, whole, strict=True):
        for part in _parts(row):
            row[part] = book[nearest(row[part] / step, book)]
    codes = normal.reshape(co, taps, ci).transpose(1, 0, 2).astype(np.int64)
    return IntWeight(codes, weight_type(codes), scale * step, "codebook", str(precision), options.books)


def centroids_of(values: FloatArray, count: int, *, keep_zero: bool) -> FloatArray:
    """Return at most ``count`` ascending centroids of ``values`` ``[n]`` by k-means (Lloyd; Han et al. 2016).

    With ``keep_zero`` and exact zeros among the values, one centroid is 0 and the others describe the rest.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    zeros = keep_zero and bool((values == 0).any())
    rest = values[values != 0] if zeros else values
    wanted = count - zeros
    many = np.unique(rest[: 2 * _LEVELS]).size > _LEVELS  # sorting them all takes time and memory
    if not many:
        levels, weights = np.unique(rest, return_counts=True)
    if many or levels.size > _LEVELS:
        edges = np.histogram_bin_edges(rest, _LEVELS)
        weights, sums = np.zeros(_LEVELS, np.int64), np.zeros(_LEVELS)
        for part in _parts(rest):
            at = np.clip(np.searchsorted(edges, rest[part], side="right") - 1, 0, _LEVELS - 1)
            weights += np.bincount(at, minlength=_LEVELS)
            np.add.at(sums, at, rest[part])
        levels, weights = sums[weights > 0] / weights[weights > 0], weights[weights > 0]
    if levels.size > wanted:
        start = np.quantile(rest, (np.arange(wanted) + 0.5) / wanted)
        start = 0.5 * start + 0.5 * np.linspace(levels[0], levels[-1], wanted)
        means = KMeans(wanted, init=start[:, None], n_init=1, max_iter=300, algorithm="lloyd")
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # clusters that coincide are one centroid
            levels = np.sort(means.fit(levels[:, None], sample_weight=weights).cluster_centers_[:, 0])
    return np.unique(np.append(levels, 0.0)) if zeros else levels


def _parts(values: FloatArray) -> list[slice]:
    """Return slices of ``values`` ``[n]``, so that what is computed of them stays small."""
    return [slice(start, start + _CHUNK) for start in range(0, len(values), _CHUNK)]


def nearest(values: FloatArray, book: FloatArray) -> Int64Array:
    """Return the position in the ascending ``book`` of the entry nearest to each of ``values`` (any shape)."""
    return np.searchsorted(0.5 * (book[1:] + book[:-1]), values)


def positive(scale: FloatArray) -> FloatArray:
    """Return scales with those of empty channels (0) replaced by the least useful number, so that they can divide."""
    peak = float(scale.max(initial=0.0))
    return np.where(scale > 0, scale, peak * 2.0**-20 if peak > 0 else 1.0)


_RULES: dict[str, Callable[[FloatArray, Precision, FitOptions], IntWeight]] = {
    "fixed": _fixed,
    "int": _int,
    "flex": _flex,
    "binary": _binary,
    "ternary": _ternary,
    "codebook": _codebook,
}
