"""What the config asks for, in the terms of the stages that do it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import final

from gan2hls.auto import Assignment, Goal, Prices
from gan2hls.base import ConfigError, FoldingError
from gan2hls.config import (
    AutoConfig,
    Config,
    MemoryConfig,
    PrecisionConfig,
    check_patterns,
    matches,
    merge,
    parse_config,
)
from gan2hls.fabric import Resources
from gan2hls.hardware import (
    Design,
    FoldingRequest,
    MemoryPort,
    Target,
    Utilization,
    Weighed,
    design_resources,
    estimate,
    legal_pe,
    legal_simd,
    plain_pace,
)
from gan2hls.model import IntegerModel
from gan2hls.ops import IntLinear
from gan2hls.quantize import CostBound, DesignCost, activation_goal_beside

_log = logging.getLogger(__name__)

#: PE and SIMD at most, where bambu synthesizes the design.
_BAMBU_FOLDING = (2, 4)
#: How far the interval of a design may lie above what it was weighed with, which knows no hand-over of engines.
_NEARLY = 1.005
#: The same of one that is weighed as fast as with 8 bits, whose maps may be in other places of external memory.
_AS_FAST = 1.001
#: What ``precision: auto`` keeps where the config names no goal.
_LEAST_PSNR_DB = 35.0


def settled_config(config: Config, assignment: Assignment) -> Config:
    """Return a config that says what ``auto`` has chosen, so that a build with it makes the same weights."""
    values = config.model_dump(mode="json")
    for choice in assignment.layers:
        if not choice.pinned:
            pinned = {choice.layer: {"precision": {"weight": choice.precision}}}
            values["layers"] = merge(values["layers"], pinned)
    values["precision"] = {**values["precision"], "weight": "int8"}
    least = goal_of(config.precision.auto).psnr_min_db
    if config.precision.activation is None and least is not None:
        values["precision"]["activation_psnr_min_db"] = activation_goal_beside(
            least, config.precision.activation_psnr_min_db
        )
    return parse_config(values)


def check_unchanged(saved: Config, config: Config, start: str) -> None:
    """Refuse settings that the stages before ``start`` have already used.

    Raises:
        ConfigError: such a setting differs from the saved one.
    """
    changes: list[tuple[str, object, object, str]] = [
        ("precision", saved.precision, config.precision, "load"),
        ("calibration", saved.calibration, config.calibration, "load"),
        ("layers", _precisions(saved), _precisions(config), "load"),
    ]
    if start == "emit":
        changes += [
            ("target", saved.target, config.target, "schedule"),
            ("memory", saved.memory, config.memory, "schedule"),
            ("layers", saved.layers, config.layers, "schedule"),
        ]
    for key, before, after, stage in changes:
        if before != after:
            raise ConfigError(
                f"cannot change in a build from {start}: an earlier stage used it",
                where=key,
                hint="build from the ONNX file, without --from" if stage == "load" else f"build with --from {stage}",
            )


def _precisions(config: Config) -> dict[str, object]:
    """Return the number formats by pattern; patterns that set none do not matter before the schedule."""
    formats = {pattern: entry.precision for pattern, entry in config.layers.items()}
    return {pattern: found for pattern, found in formats.items() if found.weight or found.activation}


def goal_of(auto: AutoConfig) -> Goal:
    """Return what ``precision.auto`` asks for; a goal is taken for granted where there is something to choose."""
    least, fit = auto.psnr_min_db, auto.fit or auto.memory_bits_max is not None
    other = fit or auto.weight_bits_max is not None or auto.cost_max is not None
    if least is None and not other and auto.policy != "redundancy":
        least = _LEAST_PSNR_DB
    prices = Prices(auto.cost.bits, auto.cost.dsp, auto.cost.lut)
    return Goal(auto.policy, auto.candidates, least, auto.weight_bits_max, auto.cost_max, fit, prices)


def activation_bound(
    precision: PrecisionConfig,
    design_of: Callable[[IntegerModel], Design],
    weigh: Callable[[Design, IntegerModel], Weighed | None],
    most: Resources,
) -> CostBound | None:
    """Return what more bits for activations may take; None: anything.

    The first model is scheduled by ``design_of``; others, which differ in types, are weighed beside its design.  One
    that is folded otherwise is scheduled too before it is taken: its design must take no more than ``most``.
    """
    if precision.activation_cost_percent is None:
        return None
    weighing = _Weighing(design_of, weigh, most)
    floor_db = precision.activation_psnr_floor_db
    return CostBound(precision.activation_cost_percent, floor_db, weighing.cost, weighing.holds)


@final
class _Weighing:
    """Models beside the design of the first of them."""

    def __init__(
        self,
        design_of: Callable[[IntegerModel], Design],
        weigh: Callable[[Design, IntegerModel], Weighed | None],
        most: Resources,
    ) -> None:
        self._design_of, self._weigh, self._most = design_of, weigh, most
        self._first: Design | None = None
        self._last: tuple[IntegerModel, Weighed | None] | None = None

    def cost(self, model: IntegerModel) -> DesignCost | None:
        """Return what the design of ``model`` would take; None where there is none."""
        try:
            if self._first is None:
                self._first = self._design_of(model)
            found = self._weighed(self._first, model)
        except FoldingError:  # told where it is of the model that is kept
            return None
        if found is None:
            return None
        return DesignCost(found.taken.dsp, found.taken.bram18, self._first.per_frame(found.interval))

    def holds(self, model: IntegerModel) -> bool:
        """Whether the design of ``model`` is as it was weighed: within what there is, and no slower than 8 bits.

        What was weighed as slower, since the floor needs it, may be nearly that.
        """
        assert self._first is not None, "nothing was weighed"
        found = self._weighed(self._first, model)
        if found is None or found.refolded:
            return found is not None
        try:
            design = self._design_of(model)
        except FoldingError:
            return False
        as_fast = found.interval <= plain_pace(self._first)
        paced = estimate(design).interval <= (_AS_FAST if as_fast else _NEARLY) * found.interval
        return paced and design_resources(design).within(self._most)

    def _weighed(self, first: Design, model: IntegerModel) -> Weighed | None:
        """Return ``model`` beside the first design; it is often asked for again."""
        if self._last is None or self._last[0] is not model:
            self._last = model, self._weigh(first, model)
        return self._last[1]


def folded_for_tool(config: Config) -> Config:
    """Return ``config`` with a small folding where bambu is its HLS compiler and it says nothing of parallelism.

    Bambu pipelines no loop, so lanes gain little, and what it compiles grows with them.
    """
    target, verify = config.target, config.verify
    own = (target.pe, target.simd, target.fps, target.dsp, *((e.pe or e.simd) for e in config.layers.values()))
    if verify.hls_tool != "bambu" or "vendor" not in verify.wanted or any(value is not None for value in own):
        return config
    pe, simd = _BAMBU_FOLDING
    _log.warning(
        "folded to pe %s and simd %s at most for bambu; give target.pe, simd, dsp or fps for another folding", pe, simd
    )
    return config.model_copy(update={"target": target.model_copy(update={"pe": pe, "simd": simd})})


def pinned_foldings(model: IntegerModel, config: Config) -> dict[str, FoldingRequest]:
    """Return the foldings of the config.

    ``target.pe`` and ``target.simd`` become the greatest legal values up to them; where SIMD is less than a group's
    input channels, PE stays within the group.
    """
    target = config.target
    own = config.model_copy(update={"target": target.model_copy(update={"pe": None, "simd": None})})
    pinned = assign_folding({layer.name: layer.source for layer in model.layers}, own)
    for layer in model.layers:
        if isinstance(layer.op, IntLinear):
            request, g = pinned[layer.name], layer.op.geometry
            simd = request.simd or _at_most(target.simd, legal_simd(g, request.pe or 1))
            pes = [pe for pe in legal_pe(g) if simd is None or simd in legal_simd(g, pe)]
            pe = request.pe or _at_most(target.pe, pes or [1])
            pinned[layer.name] = replace(request, pe=pe, simd=simd)
    return pinned


#: Whether weights stand off chip, as the config says it.
OFF_CHIP: Mapping[str, bool | None] = {"auto": None, "on_chip": False, "off_chip": True}
#: Whether layers take turns at one engine.
SHARED: Mapping[str, bool | None] = {"auto": None, "never": False, "always": True}


def target_of(config: Config, part: str) -> Target:
    """Return what the design is folded for; ``part`` is the name of ``target.part`` as Vivado takes it."""
    target, memory = config.target, config.memory
    off_chip = OFF_CHIP[memory.weights]
    return Target(
        part,
        target.clock_mhz,
        target.fps,
        target.dsp,
        Utilization(**target.utilization.model_dump()),
        target.oversize,
        _memory_port(memory, off_chip),
        config.precision.auto.memory_bits_max,
        SHARED[target.shared_engines],
        target.batch,
    )


def _memory_port(memory: MemoryConfig, off_chip: bool | None) -> MemoryPort:
    """Return the ports to external memory, which may be narrower where their width is not fixed."""
    bits, may_narrow = (64, True) if memory.port_bits == "auto" else (memory.port_bits, False)
    maps, entropy = memory.maps == "auto", memory.entropy == "auto"
    return MemoryPort(bits, memory.bandwidth_gbps, off_chip, maps, entropy, may_narrow, memory.ports)


def assign_folding(graph_layers: Mapping[str, str], config: Config) -> dict[str, FoldingRequest]:
    """Return the pinned foldings by layer name; ``graph_layers`` maps layer names to their ONNX sources.

    Raises:
        ConfigError: a pattern that matches no layer.
    """
    check_patterns(graph_layers, config)
    pinned = {}
    for name, source in graph_layers.items():
        pe, simd, lanes, off_chip = config.target.pe, config.target.simd, None, None
        for pattern, entry in config.layers.items():
            if matches(pattern, name, source):
                pe, simd, lanes = entry.pe or pe, entry.simd or simd, entry.lanes or lanes
                off_chip = OFF_CHIP[entry.weights] if entry.weights else off_chip
        pinned[name] = FoldingRequest(pe, simd, lanes, off_chip)
    return pinned


def _at_most(wanted: int | None, legal: list[int]) -> int | None:
    """Return the greatest of ascending ``legal`` values up to ``wanted``, or the least one."""
    return None if wanted is None else max((n for n in legal if n <= wanted), default=legal[0])
