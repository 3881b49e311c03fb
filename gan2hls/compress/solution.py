"""What a compressed layer becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numerics import FloatArray
from gan2hls.weights import IntWeight

Mask = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, eq=False)
class Solution:
    """New weights of a layer.

    Attributes:
        weight: the codes; None for float weights.
        values: float64 ``[T, CO, CI / groups]``.
        bias: float64 ``[CO]`` to add to the layer's sums.
        error: mean squared error of a sum, over channels, pixels and frames.
        energy: the sums' mean square in the float model.
    """

    weight: IntWeight | None
    values: FloatArray
    bias: FloatArray
    error: float
    energy: float

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise of the sums, in dB; infinite without error."""
        return np.inf if self.error <= 0 else float(10 * np.log10(max(self.energy, 1e-300) / self.error))
