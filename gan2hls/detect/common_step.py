"""The greatest step of which all of some float32 numbers are multiples."""

from __future__ import annotations

import numpy as np

from gan2hls.formats import MAX_BITS
from gan2hls.numbers import FloatArray

#: Relative error of a product that was rounded to float32, with a margin for a second rounding.
FLOAT32 = 2.0**-22
#: Steps per least difference that the search for a grid tries.
_MOST_STEPS = 256
#: Magnitudes from which on a step is also looked for in their differences.
_MANY = 12
#: Of these, how many are tried by themselves before the others are sifted together.
_LIKELY = 3
#: Values on which a candidate step is judged first.
_JUDGED = 24
#: Steps that a weight may be: a difference of two is off by up to 2^-6 of a step, as they were rounded to float32.
_MOST_CODE = 1.02 * (1 << (MAX_BITS - 1))


def grid_step(values: FloatArray) -> float | None:
    """Return the greatest step of which all ``values`` (ascending, distinct) are multiples of at most 16 bits.

    The least difference of neighbours, or a small fraction of it, is a first guess; it is then refined by least
    squares on ever larger values, since float32 rounded each of them.  0 for zeros alone.
    """
    magnitude = np.unique(np.abs(values))
    magnitude = magnitude[magnitude > 0]
    if not magnitude.size:
        return 0.0
    if magnitude.size == 2:
        return _step_of_two(float(magnitude[0]), float(magnitude[1]))
    gaps = np.diff(np.concatenate([[0.0], magnitude]))
    least = float(gaps[gaps > 2 * FLOAT32 * magnitude].min(initial=np.inf))
    if least == np.inf or magnitude[-1] / least > _MOST_CODE:
        return None
    parts = int(min(_MOST_STEPS, _MOST_CODE * least / magnitude[-1]))
    steps = least / np.arange(1, max(parts, 1) + 1)
    for first in steps[:_LIKELY]:  # one by one, since most codes have neighbours
        step = _refined(magnitude, first)
        if step is not None:
            return step
    for first in _promising(magnitude[:_JUDGED], steps[_LIKELY:], magnitude.size <= _JUDGED):
        step = _refined(magnitude, first)
        if step is not None:
            return step
    return _step_of_gaps(magnitude, gaps, steps) if magnitude.size >= _MANY else None


def _step_of_gaps(magnitude: FloatArray, gaps: FloatArray, first: FloatArray) -> float | None:
    """Return the step of wide codes so few that none is small: some differences are, and refine ``first``."""
    blur = 2 * FLOAT32 * magnitude[-1]
    gaps = np.sort(gaps[gaps > blur])
    least = gaps[:_JUDGED]
    whole = np.floor(least / first[:, None] + 0.5)
    slack = blur + np.maximum(0.1, whole / whole[:, :1] * (blur / first[:, None])) * first[:, None]
    for start in first[(np.abs(least - whole * first[:, None]) <= slack).all(axis=1)]:
        step, reach = start, 16.0
        while True:
            part = gaps[: max(1, np.searchsorted(gaps, reach * step))]
            codes = np.floor(part / step + 0.5)
            if (codes == 0).any() or (np.abs(part - codes * step) > blur + 0.2 * step).any():
                break
            step = float(part @ codes / (codes @ codes))
            if part.size == gaps.size:
                found = _refined(magnitude, step)
                if found is not None:
                    return found
                break
            reach *= 4.0
    return None


def _step_of_two(low: float, high: float) -> float | None:
    """Return the step of two magnitudes: the first convergent of their ratio that meets both."""
    p, q, former_p, former_q, rest = 0, 1, 1, 0, high / low
    while True:
        whole = int(rest)
        p, q, former_p, former_q = former_p + whole * p, former_q + whole * q, p, q
        if min(p, q - p) > _MOST_STEPS or q > 1 << (MAX_BITS - 1):
            return None
        step = (low * p + high * q) / (p * p + q * q)
        if p and abs(low - p * step) <= FLOAT32 * low and abs(high - q * step) <= FLOAT32 * high:
            return step
        if rest == whole:
            return None
        rest = 1 / (rest - whole)


def _promising(magnitude: FloatArray, first: FloatArray, whole: bool) -> FloatArray:
    """Return those of ``first`` that ``_refined`` could accept, judged together by the least values alone.

    ``whole`` says that there are no others.
    """
    step, reach = first.copy(), 16.0
    alive = np.ones(first.size, bool)
    while True:
        inside = magnitude <= reach * step[:, None]
        inside[:, 0] = True
        codes = np.floor(magnitude / step[:, None] + 0.5)
        off = np.abs(magnitude - codes * step[:, None]) > FLOAT32 * magnitude + 0.2 * step[:, None]
        alive &= ~(inside & (off | (codes == 0))).any(axis=1)
        alive &= (codes * inside).max(axis=1) <= 1 << (MAX_BITS - 1)
        codes = codes * inside
        fitted = (codes @ magnitude) / np.maximum((codes * codes).sum(axis=1), 1.0)
        if not alive.any() or inside[alive].all():
            break
        step = np.where(alive & ~inside.all(axis=1), fitted, step)
        reach *= 4.0
    if whole:
        codes = np.floor(magnitude / fitted[:, None] + 0.5)
        alive &= (np.abs(magnitude - codes * fitted[:, None]) <= FLOAT32 * magnitude).all(axis=1)
    return first[alive]


def _refined(magnitude: FloatArray, step: float) -> float | None:
    """Return ``step`` fitted to ``magnitude`` (ascending), or None where they are no multiples of it."""
    top = float(1 << (MAX_BITS - 1))
    reach = 16.0
    while True:
        part = magnitude[: max(1, np.searchsorted(magnitude, reach * step, side="right"))]
        codes = np.floor(part / step + 0.5)
        if codes[-1] > top or (codes == 0).any():
            return None
        slack = FLOAT32 * part + 0.2 * step
        if (np.abs(part - codes * step)[:_JUDGED] > slack[:_JUDGED]).any():
            return None
        if (np.abs(part - codes * step) > slack).any():
            return None
        step = float(part @ codes / (codes @ codes))
        if part.size == magnitude.size:
            break
        reach *= 4.0
    codes = np.floor(magnitude / step + 0.5)
    return step if (np.abs(magnitude - codes * step) <= FLOAT32 * magnitude).all() else None
