"""Options that are as fast as a rate of frames asks for, hand-over between engines included."""

from __future__ import annotations

from gan2hls.base import FoldingError
from gan2hls.fabric import Resources
from gan2hls.hardware.budget import Target
from gan2hls.hardware.buffered import buffered
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.search import Choices, Chosen
from gan2hls.model import IntegerModel


def reaching(model: IntegerModel, choices: Choices, target: Target, room: Resources) -> Chosen | None:
    """Return options whose estimated interval, hand-over between engines included, keeps ``target.fps``; or None.

    Raises:
        FoldingError: no folding is so fast.
    """
    assert target.fps is not None and target.cycles is not None
    wanted = interval = target.cycles
    while True:
        _check_reach(choices, interval, target)
        chosen = choices.fitting(interval, room)
        if chosen is None:
            return None
        design = buffered(model, choices, chosen, target)
        if estimate(design).interval <= wanted:
            return chosen
        interval = design.interval - 1


def _check_reach(choices: Choices, interval: int, target: Target) -> None:
    slow = {name: min(o.interval for o in found) for name, found in choices.options.items()}
    name, best = max(slow.items(), key=lambda item: item[1])
    if best > interval:
        raise FoldingError(
            f"{target.fps:g} frames/s at {target.clock_mhz:g} MHz leave {interval // target.batch} cycles a frame, "
            f"the most parallel folding takes {-(-best // target.batch)}",
            where=name,
            hint=f"at most {target.rate(best)} frames/s are in reach, with enough DSP blocks; "
            "without fps the fastest folding that fits is taken",
        )
