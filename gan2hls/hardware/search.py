"""Choosing a folding for every layer: all keep one interval, and together they fit a budget.

At an interval the cheapest folding of each layer is taken.  Where all together do not fit, what is scarce gets a price
(Lagrange multipliers), which rises as long as too much of it is taken: so a layer whose memories have a bad shape takes
another folding of the same pace, and another layer makes up for its multipliers.  Where that is not enough, weights go
off chip, those of as few layers as possible, and then what their memory ports carry in an interval is scarce as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.base import compiled_once
from gan2hls.fabric import Resources, overall
from gan2hls.hardware.integer_program import least_makespan
from gan2hls.hardware.option import Option
from gan2hls.hardware.packing import most_loaded
from gan2hls.hardware.sharing import Loop, longest_loop
from gan2hls.numbers import FloatArray, Int64Array

Chosen = dict[str, Option]

#: Times that prices are raised, and how steeply.
_ROUNDS, _STEEPNESS = 24, 4.0
#: Changes of each layer's option at most, and how much sparing what is not scarce counts.
_CHANGES, _EASE = 3, 1e-3
#: The greatest part of its budget that may be taken of a resource, when parts were added in floating point.
_FULL = 1 + 1e-12
#: Shorter intervals that are tried below one that fits, since prices do not find every choice.
_FURTHER = 4
#: By how much intervals grow that are tried where the shortest one is too short, and where layers work one after the
#: other.
_STEP, _FINE_STEP = 1.1, 1.01


@final
class Choices:
    """The options of all layers.

    Args:
        options: of each layer, cheapest first, those that need external memory last.
        bytes_per_clock: that a memory port carries.
        shared: names of the layers that take turns at one engine, whose options are those of the first one.
        loops: names of the layers that work one after the other, loop by loop, and for what part of its clocks others
            wait for each.
        batch: frames of a batch, on which they work at the same time.
        ports: to external memory.

    Attributes:
        shared: as given.
        options: of each layer, without those than which a cheaper one is as good in everything.
        intervals: those that occur and that every layer can keep, ascending.
        bytes_aside: bytes of a frame that cross memory ports beside those of the options, evenly.
    """

    def __init__(
        self,
        options: Mapping[str, tuple[Option, ...]],
        bytes_per_clock: float = 0.0,
        shared: tuple[tuple[str, ...], ...] = (),
        loops: tuple[Loop, ...] = (),
        batch: int = 1,
        ports: int = 1,
    ) -> None:
        self._every, self._bytes_per_clock, self.shared = options, bytes_per_clock, shared
        self._loops, self._batch, self._ports = loops, batch, ports
        self.options = {name: _undominated(found) for name, found in options.items()}
        self.bytes_aside = 0
        most = max(len(found) for found in self.options.values())
        self._taken = np.zeros((len(options), most, len(Resources().counts) + 1 + len(loops)))
        self._interval = np.full((len(options), most), np.inf)
        self._away = np.zeros((len(options), most), np.bool_)
        for n, (name, found) in enumerate(self.options.items()):
            self._taken[n, : len(found)] = [
                (*option.taken.counts, option.bus_bytes, *(option.interval * loop.get(name, 0) for loop in loops))
                for option in found
            ]
            self._interval[n, : len(found)] = [option.interval for option in found]
            self._away[n, : len(found)] = [option.away for option in found]
        if ports > 1:  # one of them carries all that an option reads and writes
            self._interval = np.maximum(self._interval, self._taken[:, :, len(Resources().counts)] / bytes_per_clock)
        fastest = int(self._interval.min(axis=1).max())
        every = {option.interval for found in options.values() for option in found}
        if loops:  # sums of intervals occur too
            steps = range(int(np.log(len(self.options) * max(every) / fastest) / np.log(_FINE_STEP)) + 2)
            every |= {int(fastest * _FINE_STEP**n) for n in steps}
        self.intervals = sorted(t for t in every if t >= fastest)

    def with_long_rows(self) -> Choices:
        """Return those of line buffers that are as long as they should be."""
        options = {name: tuple(o for o in found if not o.rows) for name, found in self._every.items()}
        return Choices(options, self._bytes_per_clock, self.shared, self._loops, self._batch, self._ports)

    def with_endless_ports(self) -> Choices:
        """Return those with memory ports that carry anything."""
        return Choices(self._every, np.inf, self.shared, self._loops, self._batch, self._ports)

    def pace(self, chosen: Chosen) -> int:
        """Return the least interval that ``chosen`` options keep: that of the slowest, or of a loop."""
        return max(*(option.interval for option in chosen.values()), self.loops_of(chosen))

    def loops_of(self, chosen: Chosen) -> int:
        """Return the clocks of a frame in the longest loop of ``chosen`` options; 0: there is none."""
        clocks = {name: option.interval for name, option in chosen.items()}
        return longest_loop(self._loops, clocks, self._batch)

    def of_layers(self, chosen: Chosen, names: Iterable[str]) -> Chosen:
        """Return the option of each of the layers ``names``; layers that share an engine have one."""
        first = {name: group[0] for group in self.shared for name in group}
        return {name: chosen[first.get(name, name)] for name in names}

    def cheapest(self, interval: int) -> Chosen:
        """Return the cheapest option of each layer that keeps ``interval``."""
        return {name: next(o for o in found if o.interval <= interval) for name, found in self.options.items()}

    def fitting(self, interval: int, budget: Resources) -> Chosen | None:
        """Return options that keep ``interval`` and fit ``budget``, the cheapest or others; None: none are found."""
        chosen = self.cheapest(interval)
        if self._holds(chosen, interval, budget):
            return chosen
        for away in (False, True) if self._away.any() else (True,):
            if not self._keeps(interval, away).any(axis=1).all():
                continue
            found, over = self._priced(interval, budget, away=away)
            if over > _FULL:
                found, over = min(
                    (self._climbed(start, interval, budget, away=away) for start in (chosen, found)),
                    key=lambda pair: pair[1],
                )
            if over <= _FULL and (self._ports == 1 or self.carries(found, interval)):
                return self._brought_back(found, interval, budget)
        return None

    def nearest(self, interval: int, budget: Resources) -> Chosen:
        """Return options that keep ``interval`` and come near ``budget``."""
        return self.fitting(interval, budget) or self._priced(interval, budget)[0]

    def _holds(self, chosen: Chosen, interval: int, budget: Resources) -> bool:
        in_time = not self._loops or self.pace(chosen) <= interval
        return in_time and taken_by(chosen).within(budget) and self.carries(chosen, interval)

    def carries(self, chosen: Chosen, interval: int) -> bool:
        """Whether memory ports carry in ``interval`` what the chosen options read and write, and what is aside.

        What an option reads and writes goes through one of them.
        """
        spent = [option.bus_bytes for option in chosen.values()]
        most = max(most_loaded(spent, self._ports), -(-(sum(spent) + self.bytes_aside) // self._ports))
        return most <= interval * self._bytes_per_clock

    def _climbed(self, start: Chosen, interval: int, budget: Resources, *, away: bool) -> tuple[Chosen, float]:
        """Return what single changes of ``start`` lead to, each that which leaves least too much; as ``_priced``."""
        share = self._taken / np.maximum(self._room(interval, budget), 0.5)
        at = np.array([found.index(start[name]) for name, found in self.options.items()])
        used = share[np.arange(len(at)), at].sum(axis=0)
        _climb(share, self._keeps(interval, away), at, used, _CHANGES * len(at), _FULL, _EASE)
        chosen = {name: found[n] for (name, found), n in zip(self.options.items(), at, strict=True)}
        return chosen, float(used.max())

    def _brought_back(self, chosen: Chosen, interval: int, budget: Resources) -> Chosen:
        """Return ``chosen`` with what was spared for others and need not be: options without need are cheaper.

        Weights and maps are on chip again, most bytes first, then line buffers as long as they should be, and memories
        are block RAM again.
        """
        kept = dict(chosen)
        away = [name for name, option in chosen.items() if option.away]
        for name in sorted(away, key=lambda name: -chosen[name].bus_bytes):
            here = (o for o in self.options[name] if o.interval <= interval and not o.away)
            for option in here:
                if self._holds(kept | {name: option}, interval, budget):
                    kept[name] = option
                    break
        spared = [(name, option) for name, option in kept.items() if option.spares_ram]
        for name, spares in sorted(spared, key=lambda pair: bool(pair[1].ultra)):
            plain = next(o for o in self._every[name] if spares.spares_ram_of(o))
            if self._holds(kept | {name: plain}, interval, budget):
                kept[name] = plain
        return kept

    def with_fewer_bytes(self, chosen: Chosen, budget: Resources) -> Chosen:
        """Return ``chosen`` with weights, and maps, off chip in options of fewer bytes, as far as ``budget`` has room.

        They are as fast; what has most bytes comes first.
        """
        pace, kept = self.pace(chosen), dict(chosen)
        away = [name for name, option in chosen.items() if option.away]
        for name in sorted(away, key=lambda name: -chosen[name].bus_bytes):
            fewer = [o for o in self.options[name] if o.interval <= pace and o.bus_bytes < kept[name].bus_bytes]
            fits = (o for o in fewer if self._holds(kept | {name: o}, pace, budget))
            kept[name] = min(fits, key=lambda option: option.bus_bytes, default=kept[name])
        return kept

    def with_shorter_loops(self, chosen: Chosen, budget: Resources, interval: int) -> Chosen:
        """Return options that fit ``budget`` and keep the pace of ``chosen``, and whose loops are the shortest.

        Each clock less of them is one of a frame, though ``chosen`` keeps its pace as it is: loops take more than the
        sums that it was chosen by.  What memory ports carry in ``interval``, or for ``chosen``, is not exceeded.
        """
        pace, room = self.pace(chosen), self._room(interval, budget)
        bytes_at, loops_at = len(budget.counts), len(budget.counts) + 1
        room[bytes_at] = max(room[bytes_at], sum(option.bus_bytes for option in chosen.values()))
        shares = self._taken[:, :, :loops_at] / np.maximum(room[:loops_at], 0.5)
        spans = self._taken[:, :, loops_at:] / (self._batch * pace)
        cost = _EASE * (shares[:, :, :bytes_at].sum(axis=2) + spans.sum(axis=2))
        at = least_makespan(cost, shares, spans, self._interval <= pace)
        if at is None:
            return chosen
        return {name: options[n] for (name, options), n in zip(self.options.items(), at, strict=True)}

    def fastest(self, budget: Resources) -> Chosen | None:
        """Return options of the least interval that fit ``budget``; None where none do."""
        longest = len(self.intervals)
        bound = first(self.intervals, lambda t: bool((self._least(t) <= self._room(t, budget)).all()))
        if bound == longest:
            return None
        found: dict[int, Chosen | None] = {}

        def fits(at: int) -> bool:
            if at not in found:
                found[at] = self.fitting(self.intervals[at], budget)
            return found[at] is not None

        at = bound
        if not fits(bound):
            if not fits(longest - 1):
                return None
            before, at = bound, longest - 1
            for probe in self._probes(bound):  # prices find no choice for some intervals in between
                if fits(probe):
                    at = probe
                    break
                before = probe
            at = first(range(before, at), fits) + before
        at = next((n for n in range(max(bound, at - _FURTHER), at) if fits(n)), at)
        return found[at]

    def _probes(self, start: int) -> Iterator[int]:
        """Yield the indices of ``intervals`` behind ``start``, each a step longer than the one before."""
        last = self.intervals[start]
        for n in range(start + 1, len(self.intervals)):
            if self.intervals[n] >= _STEP * last:
                last = self.intervals[n]
                yield n

    def least(self, interval: int) -> Resources:
        """Return the least of each resource by itself that keeps ``interval``."""
        return Resources(*(int(count) for count in self._least(interval)[: len(Resources().counts)]))

    def _room(self, interval: int, budget: Resources) -> FloatArray:
        """Return what there is of each resource, the bytes that ports carry in ``interval``, and its clocks."""
        clocks = (self._batch * interval,) * len(self._loops)
        carried = self._ports * interval * self._bytes_per_clock - self.bytes_aside
        return np.array([*budget.counts, carried, *clocks], np.float64)

    def _keeps(self, interval: int, away: bool) -> npt.NDArray[np.bool_]:
        """Return which options keep ``interval``; ``away``: those that need external memory too."""
        kept = self._interval <= interval
        return kept if away else kept & ~self._away

    def _least(self, interval: int) -> FloatArray:
        kept = (self._interval <= interval)[:, :, None]
        least: FloatArray = np.where(kept, self._taken, np.inf).min(axis=1).sum(axis=0)
        return least

    def _priced(self, interval: int, budget: Resources, *, away: bool = True) -> tuple[Chosen, float]:
        """Return the best choice that prices find, and the greatest part of its budget that a resource takes.

        ``away``: weights and maps may be off chip.
        """
        room = np.maximum(self._room(interval, budget), 0.5)
        share = self._taken / room
        late = ~self._keeps(interval, away)
        layers = np.arange(len(self.options))
        weights = np.full(share.shape[2], 1 / share.shape[2])
        best, least = np.zeros(len(self.options), np.int64), np.inf
        for n in range(_ROUNDS):
            cost = share @ weights
            cost[late] = np.inf
            at = cost.argmin(axis=1)
            used = share[layers, at].sum(axis=0)
            if used.max() < least:
                best, least = at, float(used.max())
            if least <= _FULL:
                break
            weights *= np.exp(_STEEPNESS / (1 + n) ** 0.5 * np.clip(used - 1, -1, 1))
            weights /= weights.sum()
        chosen = {name: found[at] for (name, found), at in zip(self.options.items(), best, strict=True)}
        return chosen, least


@compiled_once
def _climb(
    share: FloatArray,
    keeps: npt.NDArray[np.bool_],
    at: Int64Array,
    used: FloatArray,
    changes: int,
    full: float,
    ease: float,
) -> None:
    """Change an option at a time, each that which leaves least too much, while something is taken beyond ``full``.

    Args:
        share: part of what there is that an option takes, float64 ``[layers, options, resources]``.
        keeps: bool ``[layers, options]``, which of them may be chosen.
        at: int64 ``[layers]``, the chosen ones.  Written.
        used: float64 ``[resources]``, what those take.  Written.
        changes: at most.
        full: the greatest part of a resource that may be taken.
        ease: how much sparing what is not scarce counts.
    """
    layers, options, resources = share.shape
    for _ in range(changes):
        most, over, taken = 0.0, 0.0, 0.0
        for r in range(resources):
            most = max(most, used[r])
            over += max(used[r] - 1, 0.0)
            taken += used[r]
        if most <= full:
            return
        now, least, layer, option = over + ease * taken - 1e-9, np.inf, 0, 0
        for n in range(layers):
            for m in range(options):
                if keeps[n, m]:
                    over, taken = 0.0, 0.0
                    for r in range(resources):
                        after = used[r] - share[n, at[n], r] + share[n, m, r]
                        over += max(after - 1, 0.0)
                        taken += after
                    if over + ease * taken < least:
                        least, layer, option = over + ease * taken, n, m
        if least >= now:
            return
        for r in range(resources):
            used[r] = used[r] - share[layer, at[layer], r] + share[layer, option, r]
        at[layer] = option


def _undominated(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Return ``options``, cheapest first, without those than which a cheaper one takes no more of anything."""
    traits = np.array([(o.interval, o.away, o.bus_bytes, *o.taken.counts) for o in options], np.int64)
    minimal = np.ones(len(options), np.bool_)
    _find_minimal(traits, minimal)
    return tuple(options[n] for n in np.flatnonzero(minimal))


@compiled_once
def _find_minimal(rows: Int64Array, minimal: npt.NDArray[np.bool_]) -> None:
    """Let only those of ``rows``, int64 ``[N, K]``, be ``minimal`` than which none before them is less or equal."""
    count, columns = rows.shape
    for n in range(1, count):
        for other in range(n):
            below = minimal[other]
            for k in range(columns):
                below = below and rows[other, k] <= rows[n, k]
            if below:
                minimal[n] = False
                break


def taken_by(chosen: Mapping[str, Option]) -> Resources:
    """Return what all options take."""
    return overall(option.taken for option in chosen.values())


def first(values: list[int] | range, holds: Callable[[int], bool]) -> int:
    """Return the index of the first value for which the monotonic ``holds`` is true (``len`` if none)."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if holds(values[middle]):
            high = middle
        else:
            low = middle + 1
    return low
