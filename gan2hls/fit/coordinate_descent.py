"""Coordinate descent that lets the errors of output channels cancel further on.

``K x`` of a layer's errors reach the model's output through the layers behind it, which add channels up: what matters
is ``tr(E' H E G)`` with ``H`` the second moment of the inputs and ``G`` that of the output's gradients at the layer's
sums.  Where few directions of the sums matter, most of the rounding error can be moved to the others.

Source: the Kronecker factors of Martens, Grosse 2015 (K-FAC), section 3.1, as a metric of rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numbers import FloatArray

#: ``values [1, C] -> the nearest legal values``.
Nearest = Callable[[FloatArray], FloatArray]
#: Ridge of a coupling, relative to the mean of its diagonal.
_DAMPING = 0.05


@final
@dataclass(frozen=True, eq=False)
class Coupled:
    """Columns that read the same inputs and whose errors meet.

    Attributes:
        hessian: float64 ``[D, D]``, damped.
        coupling: float64 ``[C, C]``, damped.
        best: float64 ``[D, C]``, the weights without a grid.
    """

    hessian: FloatArray
    coupling: FloatArray
    best: FloatArray

    def loss(self, values: FloatArray) -> float:
        """Return what ``values`` ``[D, C]`` lose."""
        error = values - self.best
        return float(((self.hessian @ error @ self.coupling) * error).sum())


def damped(coupling: FloatArray) -> FloatArray:
    """Return a coupling whose diagonal has the mean 1, damped."""
    mean = float(np.trace(coupling)) / len(coupling)
    if mean <= 0:
        return np.eye(len(coupling))
    made: FloatArray = coupling / mean + _DAMPING * np.eye(len(coupling))
    return made


def descend_coupled(
    problem: Coupled, values: FloatArray, nearest: Nearest, keep: npt.NDArray[np.bool_] | None, sweeps: int
) -> FloatArray:
    """Move one weight at a time to the best legal value, row by row, the most rewarding first; losses never grow."""
    values = values.copy()
    hessian, coupling = problem.hessian, problem.coupling
    strength = np.diag(coupling)
    behind = hessian @ (values - problem.best)  # [D, C]
    for _ in range(sweeps):
        moved = 0
        for i in range(len(values)):
            stays = None if keep is None else keep[i]
            steps = _settle(values[i], behind[i] @ coupling, hessian[i, i], coupling, strength, nearest, stays)
            if steps.any():
                moved += int(np.count_nonzero(steps))
                values[i] += steps
                behind += hessian[:, i, None] * steps
        if moved * 1000 < values.size:
            break
    return values


def _settle(
    row: FloatArray,
    slope: FloatArray,
    curvature: float,
    coupling: FloatArray,
    strength: FloatArray,
    nearest: Nearest,
    stays: npt.NDArray[np.bool_] | None,
) -> FloatArray:
    """Return the steps of one row of weights; ``slope`` is half the gradient of the loss."""
    now, slope = row.copy(), slope.copy()
    scale = curvature * strength
    for _ in range(4 * row.size):
        wanted = nearest((now - slope / scale)[None])[0]
        if stays is not None:
            wanted = wanted * stays
        step = wanted - now
        gain = step * (2 * slope + step * scale)
        at = int(gain.argmin())
        if gain[at] >= -1e-12 * scale[at] * (now[at] ** 2 + 1e-30):
            break
        now[at] = wanted[at]
        slope += curvature * step[at] * coupling[at]
    made: FloatArray = now - row
    return made
