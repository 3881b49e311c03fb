"""What a compressed layer becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.numbers import FloatArray
from gan2hls.ops import IntWeight

Mask = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, eq=False)
class Solution:
    """New weights of a layer.

    Attributes:
        weight: the codes; None for float weights.
        floats: float64 ``[T, CO, CI / groups]``; None beside codes.
        bias: float64 ``[CO]`` to add to the layer's sums.
        error: mean squared error of a sum, over channels, pixels and frames.
        energy: the sums' mean square in the float model.
    """

    weight: IntWeight | None
    floats: FloatArray | None
    bias: FloatArray
    error: float
    energy: float

    @property
    def values(self) -> FloatArray:
        """The weights, float64 ``[T, CO, CI / groups]``; made anew of codes, that they do not stand beside them."""
        if self.weight is not None:
            return self.weight.values * self.weight.scale[:, None]
        assert self.floats is not None
        return self.floats

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise of the sums, in dB; infinite without error."""
        return np.inf if self.error <= 0 else float(10 * np.log10(max(self.energy, 1e-300) / self.error))
