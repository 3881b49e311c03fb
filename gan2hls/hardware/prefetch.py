"""Whether rows of the next band come while one is computed, and its codes leave while the next one is."""

from __future__ import annotations

from gan2hls.hardware.design import Design
from gan2hls.hardware.engine import EngineDesign
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.off_chip import Bands


def waits_for_bands(engine: EngineDesign) -> bool:
    """Return whether a band waits for the one before it, since block RAM has no room for both.

    With weights on chip a band is an output row, and the first one of a frame is not meant: it may wait anyway.
    """
    if not isinstance(engine, LinearEngine):
        return False
    off_chip = engine.off_chip
    bands = Bands(engine.geometry.y, 1 if off_chip is None else off_chip.band_rows)
    return engine.rows < bands.frame_rows or (off_chip is not None and off_chip.banks == 1)


def prefetches(design: Design) -> bool:
    """Return whether none of the engines of ``design`` waits so."""
    return not any(map(waits_for_bands, design.engines))
