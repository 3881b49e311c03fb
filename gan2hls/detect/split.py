"""Recognize compressed weights by their values: signs, trits, a uniform grid, a codebook, a step per block.

A compressed model need not say that it is one.  Whatever wrote the file (QONNX, QCDQ, ``Gather`` on a codebook, or a
training script that just saved what it had), the constants fold to float32 numbers, and those betray their codes:
``{-a, +a}``, ``{-a, 0, +a}``, multiples of a step, or few distinct values, in the whole tensor or channel by channel;
or multiples of a step per block of input channels (``blockwise``).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gan2hls.detect.blockwise import Blockwise, find_blocks
from gan2hls.detect.common_step import FLOAT32, grid_step
from gan2hls.formats import MAX_BITS, MAX_CENTROIDS, Precision
from gan2hls.numbers import FloatArray, Int64Array, IntType
from gan2hls.ops import EXACT, IntWeight, Structure, weight_type

#: Relative error of centroids that were rounded to 16 bits, with a margin for channels that lack the greatest.
_MOST_ERROR = 2.0**-13
#: Weights that a scale, and that a centroid, must describe at least: fewer would fit anything.
_PER_SCALE, _PER_CENTROID = 4, 2
#: Weights that repeat a magnitude at least, before signs or trits are believed.
_EVIDENCE = 8
#: What codebooks and blocks must save against a uniform grid to be worth a table, or a small product, at every lane.
_TABLE_COST = 1.25
#: Weights that are compared at once.
_CHUNK = 1 << 18
#: Roundings of centroids that the search for their step may spend in a layer.
_STEP_TRIES = 1 << 23
#: Codebooks in a row without a grid after which none is looked for.
_GRIDLESS = 16
_MOST_CENTROID = (1 << (MAX_BITS - 1)) - 1
#: Greatest entries of a channel's book that are tried for its gain, and how many entries must then be known.
_ANCHORS, _KNOWN = 4, 4

#: Codes while they are searched for: narrow, since several forms of a large layer stand beside each other.
_Codes = npt.NDArray[np.int16]
#: Codes ``[CO, n]``, scale ``[CO]`` or ``[1]``, codec, number of codebooks.
_Found = tuple[_Codes, FloatArray, str, int]


def find_structure(weight: FloatArray) -> Structure | None:
    """Return the codes of ``weight`` ``[T, CO, CI / groups]``, or None where it is plain float.

    Of everything that fits, the form with the fewest bits is taken; signs and trits come first, since they need no
    multiplier.
    """
    if not weight.any():
        return None
    taps, channels, inner = weight.shape
    rows = np.ascontiguousarray(weight.transpose(1, 0, 2)).reshape(channels, -1)
    weight = rows.reshape(channels, taps, inner).transpose(1, 0, 2)  # a view: what was given need not stay
    signs = _signs(rows)
    fitting = [signs] if signs is not None else _fitting(rows)
    errors = (_error(rows, codes, scale) for codes, scale, *_ in fitting)
    found, error = next(((made, e) for made, e in zip(fitting, errors, strict=True) if e < _MOST_ERROR), (None, 0.0))
    if signs is None:
        scaled = find_blocks(weight, MAX_BITS if found is None else _cost(found) / (_TABLE_COST * rows.size))
        if scaled is not None:
            blocks = _block_scaled(rows, scaled)
            if blocks.exact or found is None or error >= EXACT:
                return blocks
    if found is None:
        return None
    codes, scale, codec, books = found
    del rows, weight
    ordered = codes.reshape(channels, taps, inner).transpose(1, 0, 2)
    values = ordered.astype(np.int64, order="C")
    made = IntWeight(values, weight_type(values), scale, codec, _precision(found), books)
    return Structure(made, error)


def _fitting(rows: FloatArray) -> list[_Found]:
    """Return every grid and codebook that fits, cheap ones first."""
    return sorted((made for made in (*_grids(rows), *_codebooks(rows)) if made is not None), key=_cost)


def _block_scaled(rows: FloatArray, found: Blockwise) -> Structure:
    values = np.repeat(found.factors, found.block, axis=2)[:, :, : found.codes.shape[2]] * found.codes
    error = _error(rows, values.transpose(1, 0, 2).reshape(rows.shape), found.scale)
    precision = f"int{max(2, found.code_bits)}/{found.block}"
    kind, block = weight_type(values), found.block
    return Structure(IntWeight(values, kind, found.scale, "blockscale", precision, 1, block, found.factors), error)


def _error(rows: FloatArray, codes: _Codes, scale: FloatArray) -> float:
    """Return the greatest difference of ``codes * scale`` and ``rows``, relative to the greatest weight."""
    steps = np.broadcast_to(scale, (len(rows),))[:, None]
    worst = max(float(np.abs(codes[part] * steps[part] - rows[part]).max()) for part in _parts(rows))
    return worst / max(float(rows.max()), -float(rows.min()))


def _parts(rows: FloatArray) -> list[slice]:
    """Return slices of some channels each, so that what is computed of them stays small."""
    step = max(1, _CHUNK // rows.shape[1])
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _signs(rows: FloatArray) -> _Found | None:
    """Return codes of {-a, +a} or {-a, 0, +a}, one ``a`` for the tensor or one per channel."""
    high, low = np.zeros(len(rows)), np.zeros(len(rows))
    live = 0
    for part in _parts(rows):
        magnitude = np.abs(rows[part])
        high[part] = magnitude.max(axis=1)
        low[part] = np.min(magnitude, axis=1, initial=np.inf, where=magnitude > 0)
        live += int(np.count_nonzero(magnitude))
    if live - np.count_nonzero(high) < _EVIDENCE:
        return None
    if not (high - np.minimum(low, high) <= FLOAT32 * high).all() or not (high > 0).any():
        return None
    scale = np.where(high > 0, high, high.max())
    if (np.abs(scale - scale[0]) <= FLOAT32 * scale[0]).all():
        scale = scale[:1]
    codes = np.sign(rows, out=np.empty(rows.shape, np.int16), casting="unsafe")
    return codes, scale, "binary" if live == rows.size else "ternary", 1


def _grids(rows: FloatArray) -> Iterator[_Found | None]:
    """Yield codes on a uniform grid through 0: one step for the tensor, then one per channel."""
    whole = _sample(rows)
    step = grid_step(whole)
    if step is not None and (codes := _codes(rows, np.array([step]))) is not None:
        yield *_turned(codes, np.array([step])), "raw", 1
        if np.unique(codes).size * 4 > int(codes.max()) - int(codes.min()):
            return  # else a fine grid may fit the few values of several channels by chance
    if rows.shape[1] < _PER_SCALE or rows.size < _PER_SCALE * _EVIDENCE:
        return
    steps = np.empty(len(rows))
    for channel, row in enumerate(rows):
        found = grid_step(np.unique(row))
        if found is None:
            return
        steps[channel] = found
    steps[steps == 0] = steps.max()
    codes = _codes(rows, steps)
    if codes is not None:
        yield *_turned(codes, steps), "raw", 1


def _turned(codes: _Codes, steps: FloatArray) -> tuple[_Codes, FloatArray]:
    """Return ``codes`` and ``steps``, channels times -1 where all codes then take a bit less.

    The greatest weight may be -8 times its scale, and the scale negative.
    """
    rows = codes.reshape(len(steps), -1)
    low, high = (np.asarray(end, np.int64) for end in (rows.min(axis=1), rows.max(axis=1)))
    turn = high > -low
    sign = np.where(turn, -1, 1).astype(np.int16)
    before = IntType.covering(min(int(low.min()), -1), max(int(high.max()), 0))
    after = IntType.covering(int(np.where(turn, -high, low).min()), int(np.where(turn, -low, high).max()))
    if not turn.any() or after.bits >= before.bits:
        return codes, steps
    return (rows * sign[:, None]).reshape(codes.shape), steps * sign


def _sample(rows: FloatArray) -> FloatArray:
    """Return distinct values of the tensor, all of them where there are few."""
    flat = rows.reshape(-1)
    some = np.unique(flat[:: max(1, flat.size >> 14)])
    return _unique(flat) if some.size <= 1 << 12 else some


def _unique(flat: FloatArray) -> FloatArray:
    """Return the distinct values, sorted part by part."""
    parts = [np.unique(flat[start : start + _CHUNK]) for start in range(0, flat.size, _CHUNK)]
    return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))


def _codes(rows: FloatArray, steps: FloatArray) -> _Codes | None:
    codes = np.empty(rows.shape, np.int16)
    every = np.broadcast_to(steps, (len(rows),))[:, None]
    for part in _parts(rows):
        found = np.floor(rows[part] / every[part] + 0.5)
        exact = np.abs(rows[part] - found * every[part]) <= FLOAT32 * np.abs(rows[part])
        top = (1 << (MAX_BITS - 1)) - 1
        if not exact.all() or found.max() > top or found.min() < -top - 1:
            return None
        codes[part] = found
    return codes


def _codebooks(rows: FloatArray) -> Iterator[_Found | None]:
    """Yield codes of few distinct values: one codebook, one with a scale per channel, or one per group of channels."""
    whole = _distinct(rows)
    if whole is not None:
        yield _coded(rows, 1)
    per_row = [np.unique(row) for row in rows] if whole is not None or _repeats(rows) else []
    most = max((book.size for book in per_row), default=0)
    if not 0 < most <= MAX_CENTROIDS or (whole is not None and 2 * most > whole.size):
        return
    scaled = _scaled(rows, per_row)
    yield scaled
    if scaled is not None and (np.unique(scaled[0]).size - 1).bit_length() <= (most - 1).bit_length():
        return
    costs = {}
    for books in (n for n in range(2, len(rows) + 1) if len(rows) % n == 0):
        groups = np.array_split(np.arange(len(rows)), books)
        merged = [np.unique(np.concatenate([per_row[n] for n in group])) for group in groups]
        if all(_few(book, rows[group]) for book, group in zip(merged, groups, strict=True)):
            count = max(book.size for book in merged)
            costs[books] = rows.size * (count - 1).bit_length() + books * count * MAX_BITS
    if costs:
        yield _coded(rows, min(costs, key=lambda books: costs[books]))


def _distinct(rows: FloatArray) -> FloatArray | None:
    """Return the distinct values if there are few enough for a codebook."""
    if np.unique(rows.reshape(-1)[:: max(1, rows.size >> 12)]).size > MAX_CENTROIDS:
        return None
    book = _unique(rows.reshape(-1))
    return book if _few(book, rows) else None


def _repeats(rows: FloatArray) -> bool:
    """Whether a channel has few enough values that a codebook with a scale per channel is worth the search."""
    row = rows[int(rows.any(axis=1).argmax())]
    values, count = np.unique(row).size, np.count_nonzero(row)
    return bool(values <= MAX_CENTROIDS and 4 * values <= 3 * count)


def _few(book: FloatArray, rows: FloatArray) -> bool:
    """Whether ``book`` says much with little: each value but 0 occurs several times."""
    return bool(book.size <= MAX_CENTROIDS and np.count_nonzero(book) * _PER_CENTROID <= np.count_nonzero(rows))


def _coded(rows: FloatArray, books: int) -> _Found:
    """Return codes of ``books`` codebooks: exact where the centroids lie on a grid, else rounded to 16 bits."""
    groups = rows.reshape(books, -1)
    codes, scales = np.empty(groups.shape, np.int16), np.empty(books)
    tries, gridless = max(1, _STEP_TRIES // books), 0
    for n, group in enumerate(groups):
        book = _unique(group)
        step = _centroid_grid(book) if gridless < _GRIDLESS else None
        gridless = gridless + 1 if step is None else 0
        scales[n] = _centroid_step(book, tries) if step is None else step
        for start in range(0, group.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            codes[n, part] = np.floor(group[part] / scales[n] + 0.5)
    scale = scales if books == 1 else np.repeat(scales, len(rows) // books)
    return codes.reshape(rows.shape), scale, "codebook", books


def _centroid_grid(book: FloatArray) -> float | None:
    """Return the step of the grid that ``book`` lies on, 1 for zeros alone, or None where 16 bits do not reach."""
    step = grid_step(book)
    return step if step and book[-1] < (_MOST_CENTROID + 0.5) * step else None if step != 0 else 1.0


def _centroid_step(book: FloatArray, tries: int) -> float:
    """Return the step whose multiples of 16 bits meet ``book`` best.

    Of two magnitudes (an asymmetric ternary code) some multiples of one step meet both to within float32's rounding.
    """
    magnitude = np.unique(np.abs(book[book != 0]))
    top = float(magnitude[-1])
    if magnitude.size == 2:
        return top / Fraction(float(magnitude[0]) / top).limit_denominator(_MOST_CENTROID).denominator
    count = min(_MOST_CENTROID // 2, max(1, tries // magnitude.size))
    steps = top / np.arange(_MOST_CENTROID, _MOST_CENTROID - count, -1)
    codes = np.floor(magnitude / steps[:, None] + 0.5)
    return float(steps[np.abs(codes * steps[:, None] - magnitude).max(axis=1).argmin()])


def _scaled(rows: FloatArray, per_row: list[FloatArray]) -> _Found | None:
    """Return codes of one codebook whose channels are scaled, as BatchNormalization folded into weights leaves it."""
    common = _common_book(per_row)
    if common is None or not _few(common[0], rows):
        return None
    reference, gains = common
    normal = rows / gains[:, None]
    for part in _parts(rows):
        if not _known(normal[part], reference).all():
            return None
        normal[part] = reference[np.searchsorted(0.5 * (reference[1:] + reference[:-1]), normal[part])]
    codes, scale, codec, _ = _coded(normal, 1)
    return codes, scale * gains, codec, 1


def _common_book(per_row: list[FloatArray]) -> tuple[FloatArray, FloatArray] | None:
    """Return one book and gains such that each of ``per_row`` is a part of the book times its gain, or None.

    A channel with few weights need not use every centroid, so the book grows from channel to channel.
    """
    order = sorted(range(len(per_row)), key=lambda n: -per_row[n].size)
    reference = per_row[order[0]]
    if not all(book.any() for book in per_row):
        reference = np.union1d(reference, [0.0])  # of channels that pruning emptied
    gains = np.ones(len(per_row))
    for n in order[1:]:
        gain = _gain(per_row[n], reference)
        if gain is None:
            return None
        gains[n] = gain
        normal = per_row[n] / gain
        reference = np.sort(np.concatenate([reference, normal[~_known(normal, reference)]]))
        if reference.size > MAX_CENTROIDS:
            return None
    return reference, gains


def _gain(book: FloatArray, reference: FloatArray) -> float | None:
    """Return the factor that makes entries of ``book`` ones of ``reference``: all, or half of many.

    A negative one, as BatchNormalization may have, only where no positive one does.
    """
    anchors = book[np.argsort(-np.abs(book))[:_ANCHORS]]
    if anchors[0] == 0:
        return 1.0
    entries = reference[reference != 0]
    probe = book[:: max(1, book.size // 8)]
    gains = _ordered(anchors[0] / entries)
    for gain in gains[_known(probe / gains[:, None], reference).all(axis=1)]:
        if _known(book / gain, reference).all():
            return float(gain)
    for anchor in anchors[anchors != 0]:
        gains = _ordered(anchor / entries)
        known = _known(book / gains[:, None], reference).sum(axis=1)
        if known.max() >= max(_KNOWN, book.size / 2):
            return float(gains[known.argmax()])
    return None


def _ordered(gains: FloatArray) -> FloatArray:
    """Return positive factors first, and small ones before large ones, which would make a channel of small codes."""
    ascending = gains[np.argsort(np.abs(gains))]
    return np.concatenate([ascending[ascending > 0], ascending[ascending < 0]])


def _known(values: FloatArray, reference: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which values are entries of the ascending ``reference``, each to within float32's rounding."""
    at = np.clip(np.searchsorted(reference, values), 1, max(1, reference.size - 1))
    low, high = reference[at - 1], reference[np.minimum(at, reference.size - 1)]
    off = np.minimum(np.abs(values - low), np.abs(values - high))
    return np.asarray(off <= 4 * FLOAT32 * np.abs(values))


def code_bits(values: Int64Array | _Codes) -> int:
    """Return the bits of a uniform code that tells ``values`` apart: their span, wherever it lies."""
    return max(1, (int(values.max()) - int(values.min())).bit_length())


def _bits(found: _Found) -> int:
    codes, _, codec, books = found
    size: int = codes.size
    if codec == "raw":
        return size * code_bits(codes)
    entries = [np.unique(group) for group in codes.reshape(books, -1)]
    count = max(book.size for book in entries)
    width = IntType.covering(min(int(codes.min()), -1), int(codes.max())).bits
    return size * max(1, (count - 1).bit_length()) + books * count * width


def _precision(found: _Found) -> str:
    """Return what the codes are in the config's spelling."""
    codes, scale, codec, books = found
    if codec in ("binary", "ternary"):
        return codec
    width = IntType.covering(min(int(codes.min()), -1), max(int(codes.max()), 0)).bits
    if codec == "codebook":
        count = max(np.unique(group).size for group in codes.reshape(books, -1))
        return str(Precision("codebook", max(2, width), centroids=max(2, count)))
    exponent = np.log2(abs(scale[0]))
    if scale.size == 1 and exponent == np.floor(exponent) and -32 <= exponent + width <= 32:
        return str(Precision("fixed", max(2, width), int(exponent) + max(2, width), True))
    return f"int{max(2, code_bits(codes))}"


def _cost(found: _Found) -> float:
    """Return the bits of ``found``, more where a decoder at every lane costs logic."""
    return _bits(found) * (_TABLE_COST if found[2] == "codebook" else 1.0)
