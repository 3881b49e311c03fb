"""Rounding onto a grid with the error fed back through the Hessian, then coordinate descent.

All matrices are transposed, ``[D, CO]``: an input is a row, an output channel a column.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gan2hls.numbers import FloatArray, Int64Array

#: ``(values [n, CO], first row) -> the nearest legal values``.
Nearest = Callable[[FloatArray, int], FloatArray]
#: Rows whose updates of the rest are made together.
_LAZY = 64
#: An upper triangular ``[D, D]`` by ``_LAZY`` rows, each from its diagonal on.
Factor = list[FloatArray]


def inverse_factor(hessian: FloatArray, order: Int64Array) -> Factor:
    """Return the upper ``U`` with ``inverse(H) = U' U``, ``H`` the ``hessian`` ``[D, D]`` in ``order`` ``[D]``.

    Only its upper part is kept, and LAPACK works in place, in Fortran's order: no matrices are larger.
    """
    from scipy.linalg import cholesky, solve_triangular  # heavy to import

    back = order[::-1]
    flipped = hessian.T[np.ix_(back, back)].T
    lower = cholesky(flipped, lower=True, overwrite_a=True)  # H = V V' with V = flipped lower, which is upper
    eye = np.eye(len(hessian), order="F")
    made = solve_triangular(lower, eye, lower=True, overwrite_b=True)[::-1, ::-1]
    return [np.ascontiguousarray(made[start : start + _LAZY, start:]) for start in range(0, len(made), _LAZY)]


def feed_back(weight: FloatArray, factor: Factor, nearest: Nearest) -> FloatArray:
    """Round ``weight`` ``[D, CO]`` row by row; the rows that follow make up for each row's error.

    Source: Frantar, Alistarh 2022 (OBQ), equation 7, in the order and with the Cholesky factor of Frantar et al. 2023
    (GPTQ), algorithm 1.
    """
    weight, made = weight.copy(), np.empty_like(weight)
    size = len(weight)
    for start, rows in zip(range(0, size, _LAZY), factor, strict=True):
        stop, count = min(start + _LAZY, size), len(rows)
        errors = np.empty((count, weight.shape[1]))
        for n, i in enumerate(range(start, stop)):
            made[i] = nearest(weight[i : i + 1], i)[0]
            errors[n] = (weight[i] - made[i]) / rows[n, n]
            weight[i + 1 : stop] -= rows[n, n + 1 : count, None] * errors[n]
        weight[stop:] -= rows[:, count:].T @ errors
    return made


def descend(made: FloatArray, hessian: FloatArray, cross: FloatArray, nearest: Nearest, sweeps: int) -> FloatArray:
    """Give each row the best legal value while the others stand still, over and over; the error never grows.

    Args:
        made: ``[D, CO]``, legal.
        hessian: ``[D, D]``.
        cross: ``[D, CO]``: without a grid the solution is that of ``hessian @ made = cross``.
        nearest: of the grid.
        sweeps: most rounds; fewer when nothing moves.

    Source: Behdin et al. 2023 (QuantEase), section 3.
    """
    made = made.copy()
    diagonal = np.diag(hessian)
    rest = cross - hessian @ made
    for _ in range(sweeps):
        moved = False
        for start in range(0, len(made), _LAZY):
            stop = min(start + _LAZY, len(made))
            steps = np.zeros((stop - start, made.shape[1]))
            local = rest[start:stop].copy()
            for i in range(start, stop):
                best = nearest((made[i] + local[i - start] / diagonal[i])[None], i)[0]
                steps[i - start] = best - made[i]
                if steps[i - start].any():
                    moved = True
                    local -= hessian[start:stop, i, None] * steps[i - start]
                    made[i] = best
            rest -= hessian[:, start:stop] @ steps
        if not moved:
            break
    return made
