"""Everything that one search fits and measures; nothing is done twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gan2hls.auto.assignment import Choice, Tools, Usage
from gan2hls.formats import Precision
from gan2hls.model import Layer
from gan2hls.ops import IntWeight


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """One assignment, measured as it would be built.

    Attributes:
        choice: a format per free layer.
        codes: of the free layers, and of pinned ones that were reconstructed with them.
        usages: of each free layer.
        psnr_db: of the whole network.
        fits: whether its design fits the target; true where the goal does not ask.
    """

    choice: Choice
    codes: Mapping[str, IntWeight]
    usages: Mapping[str, Usage]
    psnr_db: float
    fits: bool = True

    @property
    def usage(self) -> Usage:
        """The sum over the free layers."""
        return sum(self.usages.values(), Usage())


@final
class Bench:
    """The tools of a search, and a memory of what they made."""

    def __init__(self, free: Sequence[Layer], tools: Tools) -> None:
        self.free, self.tools = tuple(free), tools
        self._fitted: dict[tuple[str, Precision], IntWeight] = {}
        self._errors: dict[frozenset[tuple[str, IntWeight]], float] = {}
        self._tried: dict[tuple[Precision, ...], Measured] = {}
        self._fits: dict[tuple[Precision, ...], bool] = {}

    def usage(self, layer: Layer, precision: Precision) -> Usage:
        """Return what a layer takes in a format."""
        return self.tools.usage(layer, self._fit(layer, precision))

    def error(self, choice: Choice) -> float:
        """Return the squared error of the output with layers that were fitted each by itself."""
        return self._measure({layer.name: self._fit(layer, choice[layer.name]) for layer in self.free})

    def fits(self, choice: Choice) -> bool:
        """Whether the design fits its target with layers that were fitted each by itself."""
        key = self._key(choice)
        if key not in self._fits:
            self.tools.progress(f"fitting {', '.join(map(str, key))}")
            self._fits[key] = self.tools.fits({layer.name: self._fit(layer, choice[layer.name]) for layer in self.free})
        return self._fits[key]

    def run(self, choice: Choice) -> Measured:
        """Return ``choice`` reconstructed layer by layer, and measured."""
        key = self._key(choice)
        if key not in self._tried:
            self.tools.progress(f"measuring {', '.join(map(str, key))}")
            codes = self.tools.sequence(choice)
            psnr_db = self.psnr_db(self._measure(codes))
            usages = {layer.name: self.tools.usage(layer, codes[layer.name]) for layer in self.free}
            self._tried[key] = Measured(dict(choice), codes, usages, psnr_db, self.tools.fits(codes))
        return self._tried[key]

    def psnr_db(self, error: float) -> float:
        """Return the PSNR of a mean squared error."""
        return float("inf") if error == 0 else 10 * float(np.log10(self.tools.peak**2 / error))

    def squared(self, psnr_db: float) -> float:
        """Return the mean squared error of a PSNR: undo ``psnr_db``."""
        return float(self.tools.peak**2 / 10 ** (psnr_db / 10))

    def _fit(self, layer: Layer, precision: Precision) -> IntWeight:
        key = layer.name, precision
        if key not in self._fitted:
            self._fitted[key] = self.tools.fit(layer, precision)
        return self._fitted[key]

    def _measure(self, codes: Mapping[str, IntWeight]) -> float:
        key = frozenset(codes.items())
        if key not in self._errors:
            self._errors[key] = self.tools.measure(codes)
        return self._errors[key]

    def _key(self, choice: Choice) -> tuple[Precision, ...]:
        return tuple(choice[layer.name] for layer in self.free)
