"""Scheduling: fold every layer so that the whole design runs at one pace within the part's DSPs.

The slowest engine sets the frame interval, so multipliers beyond the pace of the others are wasted.  The search fixes
an interval, takes for each layer the cheapest folding that keeps it, and looks for the least interval that fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import final

from gan2hls.base import ConfigError, FoldingError
from gan2hls.hardware.cycles import estimate
from gan2hls.hardware.design import Design, verify_design
from gan2hls.hardware.engine import Folding, FoldingRequest
from gan2hls.hardware.linear_engine import LinearEngine, most_rows
from gan2hls.hardware.options import Option, make_engine, plain_engine
from gan2hls.hardware.options import options as layer_options
from gan2hls.hardware.parts import part_resources
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.hardware.resources import engine_resources
from gan2hls.model import IntegerModel, IntLayer

#: How far the frame interval may lie above its limit before line buffers get another row, and how many they get.
_TOLERANCE = 1.005
_MOST_EXTRA_ROWS = 3
#: Part of a device's LUTs that lanes without multipliers may take; the rest is for everything else and for routing.
_LUT_SHARE = 0.5


@final
@dataclass(frozen=True)
class Target:
    """What the design is folded for.

    Attributes:
        part: FPGA part name.
        clock_mhz: clock frequency.
        fps: frames a second wanted; the cheapest folding that reaches it is taken.  None: as fast as fits.
        dsp: DSP blocks to use at most; None: those of the part.
    """

    part: str = "xc7z020clg400-1"
    clock_mhz: float = 200.0
    fps: float | None = None
    dsp: int | None = None


def schedule(model: IntegerModel, target: Target, pinned: Mapping[str, FoldingRequest]) -> Design:
    """Choose foldings and buffers for ``model``.

    Args:
        model: the integer model.
        target: part, clock and goal.
        pinned: foldings fixed by the user, by layer name.

    Raises:
        FoldingError: a pinned value that does not divide, or a goal that the part cannot reach.
    """
    options = {layer.name: layer_options(layer, pinned.get(layer.name, FoldingRequest())) for layer in model.layers}
    budget = _budget(target)
    if target.fps is None:
        design = _design(model, _fastest(options, budget), target)
    else:
        design = _reaching(model, options, budget, target)
    verify_design(design)
    return design


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
    options = {layer.name: layer_options(layer, pinned.get(layer.name, FoldingRequest())) for layer in model.layers}
    intervals, budget = _reachable(options), _budget(target)
    if target.fps is None:
        at = _first(intervals, lambda t: budget.holds(_pick(options, t)))
    else:
        wanted = int(target.clock_mhz * 1e6 / target.fps)
        at = max(0, _first(intervals, lambda t: t > wanted) - 1)
    chosen = _pick(options, intervals[min(at, len(intervals) - 1)])
    foldings = {name: option.folding for name, option in chosen.items()}
    return LayerSizes(foldings, budget.dsp - _dsp(chosen))


@final
@dataclass(frozen=True)
class LayerSizes:
    """What layers take at fixed foldings, by name.

    Attributes:
        foldings: of the layers.
        spare_dsp: DSP blocks that they leave of those that may be used; less than 0 where there are not enough.
    """

    foldings: Mapping[str, Folding]
    spare_dsp: int

    def __call__(self, layer: IntLayer) -> tuple[int, int, int]:
        """Return the DSP blocks, LUTs of lanes and 18-kbit block RAMs of ``layer``."""
        found = engine_resources(plain_engine(layer, self.foldings[layer.name]))
        return found.dsp, found.lane_lut, found.bram18


@final
@dataclass(frozen=True)
class _Budget:
    """DSP blocks, and LUTs for lanes that add instead of multiplying, that foldings may use."""

    dsp: int
    lut: int

    def holds(self, chosen: Mapping[str, Option]) -> bool:
        """Whether ``chosen`` stays within it."""
        return _dsp(chosen) <= self.dsp and _lut(chosen) <= self.lut


def _budget(target: Target) -> _Budget:
    """Return the target's DSPs, and the share of its part's LUTs (of the default part's where it is not listed)."""
    if target.dsp is None:
        part = part_resources(target.part)
        return _Budget(part.dsp, int(_LUT_SHARE * part.lut))
    try:
        lut = part_resources(target.part).lut
    except ConfigError:
        lut = part_resources(Target.part).lut
    return _Budget(target.dsp, int(_LUT_SHARE * lut))


def _reaching(
    model: IntegerModel, options: Mapping[str, tuple[Option, ...]], budget: _Budget, target: Target
) -> Design:
    """Return the cheapest design whose estimated interval, hand-over between engines included, keeps ``target.fps``."""
    assert target.fps is not None
    wanted = interval = int(target.clock_mhz * 1e6 / target.fps)
    while True:
        chosen = _cheapest(options, interval, target)
        _check_budget(chosen, budget, target)
        design = _design(model, chosen, target)
        found = estimate(design).interval
        if found <= wanted:
            return design
        interval = max(e.interval for e in design.engines) - 1


def _design(model: IntegerModel, chosen: Mapping[str, Option], target: Target) -> Design:
    engines = tuple(
        make_engine(layer, chosen[layer.name].folding, skip=chosen[layer.name].skip) for layer in model.layers
    )
    made = with_endless_queues(Design(model, engines, target.part, 1000.0 / target.clock_mhz))
    return with_queues(_buffer(made))


def _buffer(design: Design) -> Design:
    """Return ``design`` with as many line buffer rows as keep the slowest engine busy, and no more.

    Neighbours of equal pace produce and consume rows unevenly within a frame; a row of slack evens that out.
    """
    best, best_interval = design, estimate(design).interval
    for extra in range(1, _MOST_EXTRA_ROWS + 1):
        if best_interval <= _TOLERANCE * design.interval_limit:
            break
        engines = tuple(
            replace(e, rows=min(e.rows + extra, most_rows(e.layer))) if isinstance(e, LinearEngine) else e
            for e in design.engines
        )
        wider = replace(design, engines=engines)
        interval = estimate(wider).interval
        if interval >= best_interval:
            break
        best, best_interval = wider, interval
    return best


def _fastest(options: Mapping[str, tuple[Option, ...]], budget: _Budget) -> dict[str, Option]:
    """Return the choice of least interval that ``budget`` holds: bisection over all intervals that occur."""
    feasible = _reachable(options)
    fits = _first(feasible, lambda t: budget.holds(_pick(options, t)))
    if fits == len(feasible):
        least = _pick(options, feasible[-1])
        raise FoldingError(
            f"the smallest folding needs {_excess(least, budget)}",
            hint="choose a larger part or raise target.dsp",
        )
    return _pick(options, feasible[fits])


def _reachable(options: Mapping[str, tuple[Option, ...]]) -> list[int]:
    """Return the ascending intervals that occur and that every layer can keep."""
    intervals = sorted({option.interval for layer in options.values() for option in layer})
    low = _first(intervals, lambda t: all(any(o.interval <= t for o in layer) for layer in options.values()))
    return intervals[low:]


def _cheapest(options: Mapping[str, tuple[Option, ...]], interval: int, target: Target) -> dict[str, Option]:
    slow = {name: min(o.interval for o in layer) for name, layer in options.items()}
    name, best = max(slow.items(), key=lambda item: item[1])
    if best > interval:
        raise FoldingError(
            f"{target.fps:g} frames/s at {target.clock_mhz:g} MHz leave {interval} cycles a frame, "
            f"the most parallel folding takes {best}",
            where=name,
            hint=f"at most {math.floor(target.clock_mhz * 1e6 / best)} frames/s are in reach, with enough DSP blocks; "
            "without fps the fastest folding that fits is taken",
        )
    return _pick(options, interval)


def _pick(options: Mapping[str, tuple[Option, ...]], interval: int) -> dict[str, Option]:
    return {name: next(o for o in layer if o.interval <= interval) for name, layer in options.items()}


def _dsp(chosen: Mapping[str, Option]) -> int:
    return sum(option.dsp for option in chosen.values())


def _lut(chosen: Mapping[str, Option]) -> int:
    return sum(option.lut for option in chosen.values())


def _excess(chosen: Mapping[str, Option], budget: _Budget) -> str:
    """Return what ``chosen`` takes too much of, and how much there is."""
    needs = ((_dsp(chosen), budget.dsp, "DSP blocks"), (_lut(chosen), budget.lut, "LUTs of lanes"))
    return " and ".join(f"{need} {what}, {most} are allowed" for need, most, what in needs if need > most)


def _check_budget(chosen: Mapping[str, Option], budget: _Budget, target: Target) -> None:
    if not budget.holds(chosen):
        raise FoldingError(
            f"{target.fps:g} frames/s need {_excess(chosen, budget)}",
            where=target.part,
            hint="ask for fewer frames/s or choose a larger part; without fps the fastest folding that fits is taken",
        )


def _first(values: list[int], holds: Callable[[int], bool]) -> int:
    """Return the index of the first value for which the monotonic ``holds`` is true (``len`` if none)."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if holds(values[middle]):
            high = middle
        else:
            low = middle + 1
    return low
