"""Numerical rank of weights, and what a low-rank factorization would save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.numerics import FloatArray

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
    rows = weight.transpose(1, 0, 2).reshape(co, -1)
    columns = weight.transpose(2, 0, 1).reshape(ci, -1)
    found = []
    for side, matrix, cost in (("output", rows, taps * ci + co), ("input", columns, ci + taps * co)):
        rank = _rank(matrix)
        found.append(Factorization(rank, side, int(weight.size) - rank * cost))
    best = max(found, key=lambda one: one.saved)
    return best if best.saved > 0 else None


def _rank(matrix: FloatArray) -> int:
    """Return the rank from the eigenvalues of the smaller Gram matrix, which are squares of the singular values."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    values = np.linalg.eigvalsh(small @ small.T)
    return max(1, int(np.count_nonzero(values > _NOISE**2 * max(float(values[-1]), 1e-300))))
