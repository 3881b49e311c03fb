"""What a layer's tensors are to become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gan2hls.formats import Precision
from gan2hls.ops import IntWeight


@final
@dataclass(frozen=True)
class LayerPrecision:
    """What a layer's weights and its output become.

    Attributes:
        weight: format to fit; None: ``codes`` stay as they are, or ``auto`` chooses.
        activation: format of the output.
        codes: integer weights that the file has, or that were reconstructed.
        may_widen: whether nothing fixes ``activation``: it may get more bits.
    """

    weight: Precision | None
    activation: Precision
    codes: IntWeight | None = None
    may_widen: bool = False

    @property
    def is_open(self) -> bool:
        """Whether ``auto`` is to choose."""
        return self.weight is None and self.codes is None
