"""Numerical rank of weights, and what a low-rank factorization would save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.numbers import FloatArray

#: Singular values below this part of the greatest are float32's rounding.
_NOISE = 1e-5


@final
@dataclass(frozen=True)
class Factorization:
    """A layer of low rank as two.

    Attributes:
        rank: numerical rank.
        side: ``input``: a 1x1 layer to ``rank`` channels comes first; ``output``: a 1x1 layer from them comes last.
        saved: weights that the two layers have less than the one.
    """

    rank: int
    side: str
    saved: int


def find_factorization(weight: FloatArray) -> Factorization | None:
    """Return the factorization of ``weight`` ``[T, CO, CI]`` that saves most, or None where none saves anything.

    A matrix of rank ``r`` between all inputs of a tap program and the outputs (``r (T CI + CO)`` weights), or between
    the input channels and all outputs of them (``r (CI + T CO)``).
    """
    taps, co, ci = weight.shape
    found = []
    for side, matrices, cost in (
        ("output", weight, taps * ci + co),
        ("input", weight.transpose(0, 2, 1), ci + taps * co),
    ):
        rank = _rank(matrices)
        found.append(Factorization(rank, side, int(weight.size) - rank * cost))
    best = max(found, key=lambda one: one.saved)
    return best if best.saved > 0 else None


def _rank(matrices: FloatArray) -> int:
    """Return the rank of ``[T, M, N]`` side by side, ``[M, T N]``.

    It is that of the smaller Gram matrix, whose eigenvalues are squares of the singular values.
    """
    count, rows, columns = matrices.shape
    if rows <= count * columns:
        gram = np.zeros((rows, rows))
        for matrix in matrices:
            gram += matrix @ matrix.T
    else:
        matrix = matrices.transpose(1, 0, 2).reshape(rows, -1)
        gram = matrix.T @ matrix
    values = np.linalg.eigvalsh(gram)
    return max(1, int(np.count_nonzero(values > _NOISE**2 * max(float(values[-1]), 1e-300))))
