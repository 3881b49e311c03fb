"""How much a layer takes with other weights or types: what number formats are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from gan2hls.fabric import Family
from gan2hls.hardware.budget import Target, lifted
from gan2hls.hardware.engine import Folding, FoldingRequest
from gan2hls.hardware.engines import plain_engine
from gan2hls.hardware.resources import engine_resources
from gan2hls.hardware.search import first, taken_by
from gan2hls.hardware.within_budget import layer_choices
from gan2hls.model import IntegerModel, IntLayer


def sizing(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> LayerSizes:
    """Return what says how much a layer takes with other weights or types than in ``model``.

    Each layer keeps the folding that suits ``model``, so that number formats are compared at one speed.  Where the part
    cannot hold that, or not reach ``target.fps``, it is the folding that comes nearest.

    Args:
        model: with the widest weights.
        target: as for ``schedule``.
        pinned: as for ``schedule``.

    Raises:
        FoldingError: a pinned value that does not divide.
    """
    target = replace(target, batch=1)  # whose frames are those of ``model``
    choices, budget = layer_choices(model, target, pinned), target.budget
    if target.cycles is None:
        lanes = lifted(budget, frozenset(("bram18", "uram")))
        chosen = choices.fastest(lanes) or choices.cheapest(choices.intervals[-1])
    else:
        wanted = target.cycles
        at = max(0, first(choices.intervals, lambda t: t > wanted) - 1)
        chosen = choices.cheapest(choices.intervals[at])
    foldings = {name: option.folding for name, option in chosen.items()}
    return LayerSizes(foldings, target.family, budget.dsp - taken_by(chosen).dsp)


@final
@dataclass(frozen=True)
class LayerSizes:
    """What layers take at fixed foldings, by name.

    Attributes:
        foldings: of the layers.
        family: of the part.
        spare_dsp: DSP blocks that they leave of those that may be used; less than 0 where there are not enough.
    """

    foldings: Mapping[str, Folding]
    family: Family
    spare_dsp: int

    def __call__(self, layer: IntLayer) -> tuple[int, int, int]:
        """Return the DSP blocks, LUTs of lanes and 18-kbit block RAMs of ``layer``."""
        found = engine_resources(plain_engine(layer, self.foldings[layer.name]), self.family)
        return found.dsp, found.lane_lut, found.bram18
