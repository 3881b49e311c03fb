"""Functions of one number that are straight but for a knot and a clamp: found by looking, and written as points.

Slopes are taken between the places of a grid that is fine near 0 and reaches far.  Runs of one slope are pieces; what
is found is then held to the function between the places too, so a wrong guess is no result, but none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gan2hls.kinds import parameters
from gan2hls.model import Affine, Clip, Leaky, Point, Sign
from gan2hls.numbers import FloatArray

_FAR = np.geomspace(1e-3, 1e6, 1200)
#: Where slopes are taken, and where the result is held to the function.
GRID: FloatArray = np.concatenate([-_FAR[::-1], [0.0], _FAR])
CHECK: FloatArray = np.unique(np.concatenate([0.5 * (GRID[1:] + GRID[:-1]), np.linspace(-16, 16, 1999)]))
#: Differences of slopes, and of values, that are float64's rounding.
_SAME, _NEAR = 1e-7, 1e-9
#: Neighbouring cells of one slope that make a piece.
_LEAST_RUN = 3
#: Halvings of an interval that leave no float64 between its ends, denormal ones included.
_HALVINGS = 1100
#: Slope and offset.
_Line = tuple[float, float]


@dataclass(frozen=True)
class _Bend:
    """``clip(slope * x + offset, lo, hi)`` with other slope and offset below and above a knot."""

    knot: float
    below: tuple[float, float]
    above: tuple[float, float]
    lo: float
    hi: float


def straight_pieces(function: Callable[[FloatArray], FloatArray], count: int) -> tuple[Point, ...] | None:
    """Return the points of ``function``, of ``count`` columns, or None where it is no straight piece or two, clamped.

    Args:
        function: from float64 ``[N, 1]`` to ``[N, count]``.
        count: columns, each with parameters of its own; the points have one number for each.
    """
    with np.errstate(all="ignore"):  # curves may reach any number; what is no number is no piece
        values = np.broadcast_to(function(GRID[:, None]), (GRID.size, count))
        columns = [_lines(values[:, n]) for n in range(count)]
    lines = [column for column in columns if column is not None]
    if len(lines) < count:
        return None
    if all(len(column) == 2 and column[0][0] == column[1][0] == 0 for column in lines):
        return _steps(function, lines)
    bends = _bends(lines, 0) or _bends(lines, 2)
    return None if bends is None else _held(function, _points(bends))


def _steps(function: Callable[[FloatArray], FloatArray], lines: list[list[_Line]]) -> tuple[Point, ...] | None:
    """Return the points of one step per column, all of one height; the place of each is found to the last bit."""
    low, high = (np.array([column[n][1] for column in lines]) for n in (0, 1))
    scale = float(0.5 * (high[0] - low[0]))
    if not np.array_equal(high - low, np.full(len(lines), 2 * scale)):
        return None
    left, right = np.full((1, len(lines)), GRID[0]), np.full((1, len(lines)), GRID[-1])
    for _ in range(_HALVINGS):
        middle = 0.5 * (left + right)
        below = function(middle) == low
        left, right = np.where(below, middle, left), np.where(below, right, middle)
    ones = np.ones(len(lines))
    points = (Affine(ones, -right[0]), Sign(scale), Affine(ones, 0.5 * (low + high)))
    return _held(function, points)


def _held(function: Callable[[FloatArray], FloatArray], points: tuple[Point, ...]) -> tuple[Point, ...] | None:
    """Return ``points`` if they compute what ``function`` does."""
    count = max(value.size for point in points for value in parameters(point))
    made = np.broadcast_to(CHECK[:, None], (CHECK.size, count))
    for point in points:
        made = point(made)
    wanted = np.broadcast_to(function(CHECK[:, None]), made.shape)
    near = np.abs(made - wanted) <= _NEAR * np.maximum(1.0, np.abs(wanted)) + _NEAR * np.abs(CHECK[:, None])
    return points if near.all() else None


def _lines(y: FloatArray) -> list[_Line] | None:
    """Return slope and offset of the pieces of one column, or None where they are no few straight ones."""
    runs = _runs(y)
    return None if runs is None else [_line(y, first, last) for first, last in runs]


def _bends(columns: list[list[_Line]], most: int) -> list[_Bend] | None:
    """Return the columns as bends with one clamp; None where they have more pieces, or several clamps.

    Args:
        columns: the pieces of each.
        most: flat ends of columns of at most so many pieces are pieces and not clamps.
    """
    found = [_bend(list(lines), clamped=len(lines) > most) for lines in columns]
    bends = [bend for bend in found if bend is not None]
    same = len({(bend.lo, bend.hi) for bend in bends}) == 1
    return bends if same and len(bends) == len(columns) else None


def _bend(lines: list[_Line], clamped: bool) -> _Bend | None:
    """Return the pieces of one column, or None where there are more."""
    lo, hi = -np.inf, np.inf
    for end in (0, -1) if clamped else ():  # what is flat at an end is a clamp, if the rest lies on one side of it
        if len(lines) > 1 and lines[end][0] == 0:
            level = lines[end][1]
            inner = lines[1 if end == 0 else -2]
            falls = inner[0] < 0 if end == 0 else inner[0] > 0
            if falls:
                hi = min(hi, level)
            else:
                lo = max(lo, level)
            del lines[end]
    if not 1 <= len(lines) <= 2 or lo >= hi:
        return None
    if len(lines) == 1:
        return _Bend(0.0, lines[0], lines[0], lo, hi)
    (a, p), (b, q) = lines
    if a == b:
        return None  # a jump
    return _Bend((q - p) / (a - b), lines[0], lines[1], lo, hi)


def _runs(y: FloatArray) -> list[tuple[int, int]] | None:
    """Return first and last place of the runs of one slope; a cell with a knot in it stands alone between two."""
    slopes = np.diff(y) / np.diff(GRID)
    noise = 1e-13 * np.maximum(np.abs(y[1:]), np.abs(y[:-1])) / np.diff(GRID)
    near = (
        np.abs(np.diff(slopes)) <= _SAME * np.maximum(np.abs(slopes[1:]), np.abs(slopes[:-1])) + noise[1:] + noise[:-1]
    )
    breaks = np.flatnonzero(~near)
    if breaks.size > 16:
        return None
    starts, stops = [0, *(breaks + 1)], [*breaks, slopes.size - 1]
    cells = [(a, b) for a, b in zip(starts, stops, strict=True) if b - a + 1 >= _LEAST_RUN]
    alone = len(starts) - len(cells)
    return [(a, b + 1) for a, b in cells] if cells and alone < len(cells) else None


def _line(y: FloatArray, first: int, last: int) -> _Line:
    """Return slope and offset through the ends of a run, whole numbers where that is what they are."""
    slope = (y[last] - y[first]) / (GRID[last] - GRID[first])
    slope = _settled(slope)
    near = first if abs(GRID[first]) < abs(GRID[last]) else last
    return slope, _settled(float(y[near] - slope * GRID[near]))


def _settled(value: float) -> float:
    whole = round(value)
    return float(whole) if abs(value - whole) <= 1e-12 * max(1.0, abs(value)) else float(value)


def _points(bends: list[_Bend]) -> tuple[Point, ...]:
    """Return the points: to the knot, a Leaky, and on; straight columns have slope 1 in the Leaky."""
    below, above = (np.array([getattr(bend, side) for bend in bends]) for side in ("below", "above"))
    knot = np.array([bend.knot for bend in bends])
    bent = ~np.all(below == above, axis=1)
    upward = above[:, 0] != 0
    factor = np.where(upward, above[:, 0], -below[:, 0])
    slope = np.where(upward, below[:, 0], above[:, 0]) / np.where(factor == 0, 1.0, np.where(upward, factor, -factor))
    level = above[:, 0] * knot + above[:, 1]
    way = np.where(upward, 1.0, -1.0)
    points: tuple[Point, ...]
    if bent.any():
        points = (
            Affine(np.where(bent, way, 1.0), np.where(bent, -way * knot, 0.0)),
            Leaky(np.where(bent, slope, 1.0)),
            Affine(np.where(bent, factor, above[:, 0]), np.where(bent, level, above[:, 1])),
        )
    else:
        points = (Affine(above[:, 0], above[:, 1]),)
    clip = Clip(bends[0].lo, bends[0].hi)
    return points if (clip.lo, clip.hi) == (-np.inf, np.inf) else (*points, clip)


def distinct(columns: npt.NDArray[np.float64]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return the distinct columns of ``[K, N]`` as ``[K, U]``, and which of them each one is."""
    if not columns.size:
        return np.zeros((columns.shape[0], 1)), np.zeros(columns.shape[1], np.int64)
    found, which = np.unique(columns, axis=1, return_inverse=True)
    return found, which.reshape(-1)
