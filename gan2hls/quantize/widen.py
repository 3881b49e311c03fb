"""``precision.activation: auto``: which activations need more than 8 bits, and how many.

1. If 8 bits everywhere reach the goal on the frames that judge, with a standard error off, nothing changes.
2. Otherwise all tensors that nothing fixes get ``MOST_BITS``, with an equalization that spares weights where that is
   better then.  What that does not reach is not to be had from activations.
3. Every tensor alone goes back to 8 bits: by that its squared error at the output is known.  With more bits it falls as
   the square of its step does.
4. Such errors add up nearly, so the cheapest sum that keeps the goal is found exactly (``auto.knapsack``); cost is the
   share of DSP blocks and block RAM.
5. The choice is measured.  By what it differs from the sum, the limit of the sum is corrected, and chosen from again.
6. Bits that take no DSP blocks and no block RAM are tried alone before, and spent for a greater margin.
7. A choice whose design would break the bound of cost is dropped for those within the most that keeps it; where these
   stay below the floor, for the cheapest that reaches that.  What is left is scheduled, if it is folded otherwise.

A wide tensor keeps the whole range of what was seen: cutting tails gains nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, final

import numpy as np

from gan2hls.auto import Front, Selection
from gan2hls.base import ConfigError, begun
from gan2hls.model import IntegerModel, IntLayer, Layer
from gan2hls.numbers import FloatArray, QuantType
from gan2hls.quantize import lower
from gan2hls.quantize.cost_bound import CostBound, Dearer, DesignCost
from gan2hls.quantize.range_search import RangeSearch, Trial, Variant
from gan2hls.quantize.widening import ErrorGoal, Widening, WideTensor, family, psnr_of


class Sizes(Protocol):
    """What layers take that differ from those of an integer model in types or weights alone."""

    @property
    def spare_dsp(self) -> int:
        """DSP blocks that the layers of the model leave of those that may be used."""

    def __call__(self, layer: IntLayer) -> tuple[int, int, int]:
        """Return the DSP blocks, LUTs of lanes and 18-kbit block RAMs of ``layer``."""


Sizing = Callable[[IntegerModel], Sizes]
#: An index of ``_WIDTHS`` for every tensor.
Options = tuple[int, ...]

#: Bits of an activation to choose from.
_WIDTHS = (8, 9, 10, 11, 12)
MOST_BITS = _WIDTHS[-1]
#: Exponents of equalization that spare the weights, for activations that are wide.
_SPARING = (0.5, 0.25, 0.125)
#: Above this part of the error that is wanted, they are tried.
_NEAR = 0.5
#: Choices that are measured at most.
_ROUNDS = 3
#: Designs that are weighed at most to find one within the bound.
_WEIGHED = 6
#: Cost of a bit more, in percent of DSP blocks or block RAM: streams and registers, which are not estimated.
_BIT_PERCENT = 0.01
#: Bits of accumulators that are left for other equalizations, whose weights add up to others.
_SLACK_BITS = 2
#: By how much DSP blocks cost more where the widest choice needs more than there are: a slower folding would follow.
_SCARCE = 100.0


def widen(
    search: RangeSearch,
    narrow: Trial,
    names: Sequence[str],
    goal_db: float,
    sizing: Sizing | None,
    bound: CostBound | None,
    progress: Callable[[str], None],
) -> tuple[Trial, Widening]:
    """Return ``narrow``, or a lowering with more bits in as few tensors as bring ``goal_db``, and what was found.

    Args:
        search: with the frames that judge.
        narrow: the best lowering of 8 bits.
        names: tensors that may get more bits.
        goal_db: least PSNR, of ``Trial.held_error``; where bits are spent, somewhat more is gone for.
        sizing: of layers at one folding; None: they take nothing.
        bound: of what the design may take more; None: anything.
        progress: told what long work is at.
    """
    narrow_db = psnr_of(search, narrow.held_error)
    if narrow_db >= goal_db:
        return narrow, Widening(goal_db, narrow_db, narrow_db, None, ())
    cost = begun(lambda: None if bound is None else bound.measure(narrow.model))  # a search of its own, as long as ours
    work = _Widener(search, narrow, names, sizing, progress)
    goal = ErrorGoal.of(search, goal_db)
    most = work.most(goal.error) if work.names else narrow
    most_db = psnr_of(search, most.held_error)
    best, dearer, is_worth = narrow, None, goal.is_worth(most, narrow)
    if is_worth:
        best = work.unbounded(most, goal)
    least = cost()
    if is_worth and bound is not None and least is not None:
        best, dearer = work.bounded(best, most, goal, least, bound)
        if best is not narrow and not bound.holds(best.model):
            progress("8 bits: the design of more is larger or slower than it was estimated")
            best, dearer = narrow, Dearer(psnr_of(search, best.held_error), least, None)
    tensors = tuple(
        WideTensor(name, best.wide[name], psnr_of(search, error))
        for name, error in work.errors.items()
        if name in best.wide
    )
    best_db = psnr_of(search, best.held_error)
    return best, Widening(goal_db, narrow_db, best_db, most_db, tensors, work.names, dearer)


@final
class _Widener:
    """Everything that one search measures."""

    def __init__(
        self,
        search: RangeSearch,
        narrow: Trial,
        names: Sequence[str],
        sizing: Sizing | None,
        progress: Callable[[str], None],
    ) -> None:
        self.search, self.narrow, self.progress = search, narrow, progress
        self._sizes = None if sizing is None else sizing(narrow.model)
        self.errors: dict[str, float] = {}
        self._measured: tuple[list[FloatArray], list[FloatArray]] | None = None
        variant = search.variant(narrow.alpha)
        types = variant.types(narrow.candidate, dict.fromkeys(names, MOST_BITS))
        self.names = tuple(name for name in names if self._fits(variant, name, types[name]))

    def most(self, target: float) -> Trial:
        """Return all tensors with the most bits; under another equalization if the target is near or missed."""
        self.progress(f"all activations of {MOST_BITS} bits")
        wide = dict.fromkeys(self.names, MOST_BITS)
        best = self._measure(self.narrow.alpha, wide)
        for alpha in [a for a in _SPARING if a != self.narrow.alpha] if best.held_error > _NEAR * target else ():
            best = min(best, self._measure(alpha, wide), key=lambda trial: trial.held_error)
        return best

    @property
    def widest(self) -> Options:
        """Options of the most bits."""
        return (len(_WIDTHS) - 1,) * len(self.names)

    def cheapest(self, top: Trial, target: float, widest: Options) -> Trial:
        """Return the cheapest lowering found whose error is at most ``target``, which that of ``top`` is.

        ``top`` has the ``widest`` options; no tensor gets more.
        """
        costs, losses = self._up_to(top, widest)
        front = Front(costs, losses)
        best, best_cost = top, sum(float(cost[-1]) for cost in costs)
        limit = wanted = target - top.held_error
        narrowest = (0,) * len(self.names)
        closest, tried = (self.narrow.held_error, narrowest), {narrowest, widest}
        met, missed = 0.0, sum(float(loss[0]) for loss in losses)
        for n in range(2 * _ROUNDS):
            choice = front.least_cost(limit)
            if (choice is None or choice.options in tried) and best is not top:
                choice = front.least_cost(float(np.sqrt(met * missed)))
            elif n >= _ROUNDS or choice is None or choice.options in tried:
                choice = _one_bit_more(closest[1], costs, losses)
            if choice is None or choice.options in tried or (n >= _ROUNDS and best is not top):
                break
            tried.add(choice.options)
            trial = self._measure(top.alpha, self._wide(choice.options))
            closest = min(closest, (trial.held_error, choice.options))
            if trial.held_error > target:
                missed = min(missed, choice.loss)
            elif choice.cost < best_cost:
                best, best_cost, met = trial, choice.cost, choice.loss
            limit = wanted * choice.loss / max(trial.held_error - top.held_error, 1e-30)
        return best

    def unbounded(self, most: Trial, goal: ErrorGoal) -> Trial:
        """Return the cheapest lowering found, with more than ``goal`` where that is free."""
        extras, _ = self._options(most)
        free = tuple(int(np.flatnonzero((extra[1:] <= 0).all(axis=0))[-1]) for extra in extras)
        top = most if free == self.widest else self._measure(most.alpha, self._wide(free))
        if top.held_error <= goal.aim:
            return self.cheapest(top, goal.target(top, free=True), free)
        return self.cheapest(most, goal.target(most), self.widest)

    def bounded(
        self, best: Trial, most: Trial, goal: ErrorGoal, least: DesignCost, bound: CostBound
    ) -> tuple[Trial, Dearer | None]:
        """Return the best lowering found that ``bound`` allows, and what reaches the goal beyond it, if that does not.

        ``best`` is that without a bound, ``least`` is what 8 bits take.
        """
        cost = bound.measure(best.model)
        if cost is not None and cost.within(bound.most(least)):
            return best, None
        inside = self._within(most, goal, least, bound)
        if inside.held_error <= goal.error:
            return inside, None
        if most.held_error <= goal.error:
            barely = self.cheapest(most, goal.error, self.widest)
            price = bound.measure(barely.model)
            if price is not None and price.within(bound.most(least)):
                return barely, None
            if cost is None or (price is not None and not cost.within(price)):
                best, cost = barely, price
        taken = self._above_floor(most, inside, bound)
        if best.held_error >= taken.held_error:
            return taken, None
        floor = None if taken is inside else bound.measure(taken.model)
        return taken, Dearer(psnr_of(self.search, best.held_error), least, cost, floor)

    def _above_floor(self, most: Trial, inside: Trial, bound: CostBound) -> Trial:
        """Return the cheapest lowering found that reaches the floor of ``bound``, or comes near; else ``inside``."""
        floor = ErrorGoal.of(self.search, bound.floor_db)
        if inside.held_error <= floor.error or not floor.is_worth(most, inside):
            return inside
        better = self.unbounded(most, floor)
        holds = better.held_error < inside.held_error and bound.measure(better.model) is not None
        return better if holds else inside

    @staticmethod
    def _holds(trial: Trial, least: DesignCost, bound: CostBound) -> bool:
        cost = bound.measure(trial.model)
        return cost is not None and cost.within(bound.most(least))

    def _within(self, most: Trial, goal: ErrorGoal, least: DesignCost, bound: CostBound) -> Trial:
        """Return the cheapest lowering that comes as near ``goal`` as ``bound`` allows; 8 bits if none is better."""
        limit = bound.most(least)
        spare = limit.dsp - least.dsp if self._sizes is None else min(limit.dsp - least.dsp, self._sizes.spare_dsp)
        room = np.array([max(0, spare), limit.bram18 - least.bram18], np.float64)
        for _ in range(_WEIGHED):
            widest, more = self._most_within(most, room)
            top = self._measure(most.alpha, self._wide(widest))
            cost = bound.measure(top.model)
            if cost is not None and cost.within(limit):
                break
            over = np.ones(2) if cost is None else np.array([cost.dsp - limit.dsp, cost.bram18 - limit.bram18])
            room = np.where(over > 0, more - over, room if (over > 0).any() else more - 1)
            if (room < 0).any():
                return self.narrow
        else:
            return self.narrow
        if not goal.is_worth(top, self.narrow):
            return self.narrow
        best = self.cheapest(top, goal.target(top), widest)
        return best if self._holds(best, least, bound) else top

    def _most_within(self, most: Trial, room: FloatArray) -> tuple[Options, FloatArray]:
        """Return the options of least loss that take no more DSP blocks and block RAMs than ``room``; what they take.

        One sum stands for both while choices are compared; each is then held against its own limit.
        """
        extras, losses = self._options(most)
        prices = np.array([_BIT_PERCENT, *(100 / np.maximum(room, 0.5))])
        front = Front([prices @ extra for extra in extras], losses)
        for at in reversed(range(front.cost.size)):
            options = front.choice(at).options
            more = sum((extra[1:, n] for extra, n in zip(extras, options, strict=True)), np.zeros(2))
            if (more <= room).all():
                return options, more
        return (0,) * len(self.names), np.zeros(2)

    def _up_to(self, top: Trial, widest: Options) -> tuple[list[FloatArray], list[FloatArray]]:
        """Return costs and losses of the options up to ``widest``, whose losses are 0."""
        extras, losses = self._options(top)
        costs = [cost[: n + 1] for cost, n in zip(self._priced(extras), widest, strict=True)]
        return costs, [loss[: n + 1] - loss[n] for loss, n in zip(losses, widest, strict=True)]

    def _wide(self, options: Options) -> dict[str, int]:
        wide = {name: _WIDTHS[n] for name, n in zip(self.names, options, strict=True) if n}
        self.progress(f"activations: {', '.join(f'{name} {bits} bits' for name, bits in wide.items())}")
        return wide

    def _measure(self, alpha: float | None, wide: Mapping[str, int]) -> Trial:
        return self.search.measure(alpha, self.narrow.candidate, wide)

    def _options(self, most: Trial) -> tuple[list[FloatArray], list[FloatArray]]:
        """Return what every width of every tensor takes more, as ``_extra`` does, and the squared error that it makes.

        Both are by ``names``, and measured once, around the lowering of the most bits.
        """
        if self._measured is None:
            self._measured = self._measure_options(most)
        return self._measured

    def _measure_options(self, most: Trial) -> tuple[list[FloatArray], list[FloatArray]]:
        variant = self.search.variant(most.alpha)
        wide = {bits: dict.fromkeys(self.names, bits) for bits in _WIDTHS[1:]}
        types = [variant.types(most.candidate, wide.get(bits)) for bits in _WIDTHS]
        extras, losses = [], []
        errors = self.search.alone(most, self.names)
        for n, name in enumerate(self.names):
            self.progress(f"{name} of {_WIDTHS[0]} bits, others of {MOST_BITS} ({n + 1} of {len(self.names)})")
            self.errors[name] = next(errors)
            noise = np.minimum([(each[name].scale / types[0][name].scale) ** 2 for each in types], 1.0)
            part = (noise - noise[-1]) / max(1.0 - noise[-1], 1e-300)
            losses.append(max(0.0, self.errors[name] - most.held_error) * part)
            extras.append(self._extra(variant, name, [each[name] for each in types]))
        return extras, losses

    def _priced(self, extras: Sequence[FloatArray]) -> list[FloatArray]:
        """Return costs in percent of what every tensor takes more by width: bits, DSP blocks, block RAMs ``[3, W]``."""
        dsp, bram = 1, 1
        if self._sizes is not None:
            dsp, _, bram = np.array([self._sizes(layer) for layer in self.narrow.model.layers]).sum(axis=0)
        scarce = self._sizes is not None and sum(extra[1, -1] for extra in extras) > max(0, self._sizes.spare_dsp)
        prices = np.array([_BIT_PERCENT, 100 * (_SCARCE if scarce else 1.0) / max(dsp, 1), 100 / max(bram, 1)])
        return [prices @ extra for extra in extras]

    def _extra(self, variant: Variant, name: str, types: Sequence[QuantType]) -> FloatArray:
        """Return what ``name`` takes more with each of ``types`` than with the first, as ``_priced`` reads it."""
        taken = np.zeros((3, len(types)))
        taken[0] = [quant.int_type.bits for quant in types]
        if self._sizes is not None:
            for layer in _neighbours(variant, name):
                sizes = [self._sizes(self._lowered(variant, layer, name, quant)) for quant in types]
                taken[1:] += np.array(sizes).T[[0, 2]]
        extra: FloatArray = np.maximum(taken - taken[:, :1], 0.0)
        return extra

    def _fits(self, variant: Variant, name: str, quant: QuantType) -> bool:
        """Whether hardware has the accumulators that ``name`` of type ``quant`` needs."""
        try:
            layers = [self._lowered(variant, layer, name, quant) for layer in _neighbours(variant, name)]
        except ConfigError:
            return False
        return all(layer.acc_type.bits <= lower.MOST_ACC_BITS - _SLACK_BITS for layer in layers)

    def _lowered(self, variant: Variant, layer: Layer, tensor: str, quant: QuantType) -> IntLayer:
        """Return a layer whose inputs or output that ``tensor`` and its copies are have the type ``quant``."""
        lowered, wide = self.narrow.model.layer(layer.name), family(variant.graph, tensor)
        given = zip(layer.inputs, lowered.input_types, strict=True)
        input_types = [quant if name in wide else input_type for name, input_type in given]
        output_type = quant if layer.name in wide else lowered.output_type
        pinned = layer.name in variant.graph.pinned
        return lower.lower_layer(layer, input_types, variant.weights.get(layer.name), output_type, pinned=pinned)


def _one_bit_more(options: Options, costs: Sequence[FloatArray], losses: Sequence[FloatArray]) -> Selection:
    """Return ``options`` with a bit more for every tensor that may have it: sums had led astray."""
    more = tuple(min(n + 1, row.size - 1) for n, row in zip(options, costs, strict=True))
    cost, loss = (sum(float(row[n]) for row, n in zip(rows, more, strict=True)) for rows in (costs, losses))
    return Selection(more, cost, loss, 0.0)


def _neighbours(variant: Variant, name: str) -> list[Layer]:
    """Return the layer that makes ``name``, if any, those that read it, and those that read its copies."""
    wide = family(variant.graph, name)
    return [layer for layer in variant.graph.layers if layer.name in wide or wide.intersection(layer.inputs)]
