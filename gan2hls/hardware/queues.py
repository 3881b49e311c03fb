"""Queues: how many words each edge must hold so that no branch of a fork holds up another one.

Where branches meet again, the earlier one waits for the later one.  One frame in the cycle model, with queues that
never fill, tells when each beat comes and goes; frames that follow at the design's interval do the same so much later.
As many places as beats wait at most in that schedule are enough for its pace: a design that starts everything as soon
as it can is never later than a schedule that it could follow.

Engines read and write in an order of their own, whatever the clock (a Kahn network), so a design that comes to its end
in one run comes to its end under any back-pressure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain, pairwise
from math import inf

import numpy as np

from gan2hls.base import free_processors, in_threads
from gan2hls.fabric import Resources, bram18, may_be_ultra
from gan2hls.hardware.cycles import design_network, estimate, is_long, queue_name, turns_queue_name
from gan2hls.hardware.design import TURNS, Design
from gan2hls.hardware.edges import QUEUE_WORDS, RING_OUT_WORDS, Edge
from gan2hls.hardware.linear_engine import LinearEngine
from gan2hls.hardware.resources import design_resources, edge_resources
from gan2hls.hardware.stream_engine import StreamEngine
from gan2hls.timing import Network, Queue, simulate

#: How far a frame interval may rise for shorter queues.
_TOLERANCE = 1.002
#: How far it may rise where queues that do not fit else are off chip, and wait for others at the port.
_AT_THE_PORT = 1.02
#: How far it may rise where layers take turns.
_SLOWED = 1.5
#: Block RAMs of 18 kbit that a queue off chip must spare.
_WORTH_AWAY = 2
#: Turns at least that must wait, for one queue behind them all, and its block RAMs of 18 kbit at most.
_WORTH_ONE, _MOST_BRAM18 = 3, 64
#: Frames that a queue must never hold: more than all that are simulated.
_NEVER_FULL = 8

Depths = Mapping[tuple[str, int], int]


def waiting_edges(design: Design) -> tuple[Edge, ...]:
    """Return the edges that may have to wait for others: those into engines of several inputs, or of several layers.

    What enters the design and has one reader waits outside.  What leaves an engine of several layers waits too, unless
    what reads it holds all of a map: a slow reader would hold up the next turn.  What enters such an engine, made of
    what its first layer makes, waits in the queue behind the turns, if there is one.
    """
    inputs = {stream.tensor for stream in design.inputs}
    takes_all = {e.layer.name for e in design.engines if isinstance(e, StreamEngine) and e.holds_map}
    group = {name: n for n, names in enumerate(design.shared) for name in names}
    behind = {name: _behind(design, one[0]) for one in _queued_behind(design) for name in one}
    found = []
    for edge in design.edges:
        enters = edge.reader in design.several_inputs and not (edge.source.tensor in inputs and edge.branch is None)
        enters = enters and edge.source.tensor not in behind.get(edge.reader, ())
        leaves = edge.reader and edge.source.tensor in group and group.get(edge.reader) != group[edge.source.tensor]
        if enters or (leaves and edge.reader not in takes_all):
            found.append(edge)
    return tuple(found)


def _queued_behind(design: Design) -> tuple[tuple[str, ...], ...]:
    """Return the groups of layers whose engine has a queue behind their turns."""
    return tuple(group for group in design.shared if (group[0], TURNS) in design.depths)


def with_endless_queues(design: Design) -> Design:
    """Return ``design`` with a queue at every edge that may have to wait, long enough to never fill."""
    beats = {(group[0], TURNS): len(group) * design.unit(group[0]).turn_beats for group in _queued_behind(design)}
    beats |= {(edge.reader, edge.port): edge.queued.beats for edge in waiting_edges(design)}
    return replace(design, depths={key: max(_NEVER_FULL * count, 2 * QUEUE_WORDS) for key, count in beats.items()})


def _with_turns_queued(design: Design, interval: int) -> Design:
    """Return ``design``, whose queues are endless, with one behind the turns of engines instead of one for each turn.

    Where that keeps ``interval``, and is not so long that each turn's own had better be off chip.  Where a layer holds
    its map between two turns no queue is needed, so there is none to spare.
    """
    in_turn = _in_turn(design)
    entering = {edge.reader for edge in waiting_edges(design) if (edge.reader, edge.port) not in in_turn}
    groups = [group for group in design.shared if isinstance(design.engine(group[0]), LinearEngine)]
    groups = [group for group in groups if len(entering.intersection(group)) >= _WORTH_ONE]
    while groups:
        other = replace(design, depths={**design.depths, **{(group[0], TURNS): 1 for group in groups}})
        other = with_endless_queues(other)
        if _pace(other) > interval * _TOLERANCE:
            return design
        depths = _steady_depths(other, other, interval)
        short = [group for group in groups if _turns_bram18(other, group, depths) <= _MOST_BRAM18]
        if short == groups:
            return other
        groups = short
    return design


def _turns_bram18(design: Design, group: tuple[str, ...], depths: Depths) -> int:
    """Return the block RAMs of the queue behind the turns of ``group``."""
    unit = design.unit(group[0])
    return bram18(design.family, unit.turn_lanes * unit.in_elem.bits, depths[group[0], TURNS], "buffer")


def with_queues(
    design: Design,
    placed: Callable[[Design], Design] = lambda made: made,
    fits: Callable[[Design], bool] = lambda made: True,
    slower: Callable[[Design], None] = lambda made: None,
) -> Design:
    """Return ``design``, whose queues are endless, with as short ones as keep its frame interval.

    Where layers take turns, endless queues hold many frames, one of each turn.  Short ones that come near are enough,
    but those in external memory may be longer; where not even the first ones fit, the design with those is returned,
    whatever its interval.  A design with queues in external memory may also be somewhat slower where none fits that
    keeps the interval; where neither fits, it is returned since it takes less.

    Args:
        design: without maps off chip, or with those of its engines alone.
        placed: returns a design with queues in other memories; it is returned where these keep the interval too.
        fits: whether a design takes no more than it may.
        slower: called with the fastest design of layers that take turns which fits and is slower than that, where the
            one that is returned does not fit.
    """
    if not design.depths:
        return design
    interval = estimate(design).interval
    if design.shared:
        design = _with_turns_queued(design, interval)
    twice = {  # two inputs that read one tensor are two branches
        (edge.reader, edge.port): 2
        for edge in waiting_edges(design)
        if edge.source.tensor in design.engine(edge.reader).layer.inputs[: edge.port]
    }
    slowed: Design | None = None
    fitting: tuple[float, Design] | None = None
    at_the_port: Design | None = None
    candidates = _candidates(design, interval)
    first = next(candidates)
    held = _with_held_bands(design, first)
    more = [] if held == first else [held]
    for n, depths in enumerate(chain(more, [first], candidates), -len(more)):
        made = replace(design, depths=_legal({key: max(depth, twice.get(key, 0)) for key, depth in depths.items()}))
        other = placed(made)
        if design.shared and n <= 0 and not fits(other):
            return slowed or other
        both = (made,) if other is made else (other, made)
        if n <= 0 and is_long(design) and free_processors() > 1:
            in_threads(_pace, both)  # the first queues are seldom long enough, so both are wanted
        for one in both:
            one, pace = _at_its_best(one, interval, fits)
            if pace <= interval * _TOLERANCE:
                if fits(one):
                    return one
                if fitting is not None:
                    slower(fitting[1])
                return at_the_port or one
            if design.shared and pace < (inf if fitting is None else fitting[0]) and fits(one):
                fitting = pace, one
            if queue_bytes(one) and pace <= interval * _AT_THE_PORT:
                at_the_port = one if at_the_port is None or fits(one) > fits(at_the_port) else at_the_port
            if design.shared and pace <= interval * _SLOWED:
                slowed = slowed or one
                break
        if slowed is not None and n > 0:
            return slowed
    raise AssertionError(f"no queues keep the interval {interval}")


def _at_its_best(design: Design, interval: int, fits: Callable[[Design], bool]) -> tuple[Design, float]:
    """Return ``design`` and its frame interval, with longer queues in external memory where these make it shorter.

    Where layers take turns, a turn may wait for the frame before, and what goes past it waits as long, though in the
    schedule of one frame it does not.  Queues off chip hold that for nothing: a frame more each, and no less bandwidth.
    """
    pace = _pace(design)
    if not design.shared or not interval * _TOLERANCE < pace <= interval * _SLOWED:
        return design, pace
    frames = {(edge.reader, edge.port): edge.queued.beats for edge in design.edges if edge.ring is not None}
    longer = replace(design, depths={key: depth + frames.get(key, 0) for key, depth in design.depths.items()})
    faster = _pace(longer) if fits(longer) else inf
    return (longer, faster) if faster < pace else (design, pace)


def queue_bytes(design: Design) -> int:
    """Return the bytes of queues that cross the memory port in a frame, both ways."""
    return 2 * sum(edge.ring.frame_bytes for edge in design.edges if edge.ring is not None)


def queues_in_ultra(design: Design, budget: Resources) -> Design:
    """Return ``design`` with queues in UltraRAM until its block RAMs are within ``budget``, the largest first.

    Args:
        design: with the queues that it needs.
        budget: what it may take.
    """
    taken = design_resources(design)
    rings = [edge for edge in design.edges if edge.in_ram and may_be_ultra(design.family, edge.queued.bits, edge.depth)]
    moved = set[tuple[str, int]]()
    for edge in sorted(rings, key=lambda edge: -edge.depth * edge.queued.bits):
        after = taken - edge_resources(edge, design.family) + edge_resources(replace(edge, ultra=True), design.family)
        if taken.bram18 > budget.bram18 and after.uram <= budget.uram:
            moved.add((edge.reader, edge.port))
            taken = after
    return replace(design, ultra=frozenset(moved)) if moved else design


def queues_off_chip(design: Design, budget: Resources, bus_bits: int) -> Design:
    """Return ``design`` with queues in external memory until its block RAMs are within ``budget``, the largest first.

    Args:
        design: with the queues that it needs.
        budget: what it may take.
        bus_bits: width of the memory port.
    """
    taken = design_resources(design).bram18
    counts = {
        (edge.reader, edge.port): edge_resources(edge, design.family).bram18 for edge in design.edges if edge.in_ram
    }
    made = design
    for key in sorted(counts, key=lambda key: -counts[key]):
        if taken <= budget.bram18 or counts[key] < _WORTH_AWAY:
            break
        made = replace(made, off_chip={**made.off_chip, key: bus_bits})
        taken -= counts[key]
    return made


def _with_held_bands(design: Design, depths: Depths) -> Depths:
    """Return ``depths`` with short queues behind engines whose weights are off chip.

    Such an engine sends a band at once.  What its reader does not take yet it holds back, in one of two banks, and
    works on in the other.
    """
    banked = {
        (edge.reader, edge.port)
        for edge in waiting_edges(design)
        if isinstance(maker := design.makers.get(edge.source.tensor), LinearEngine) and maker.off_chip is not None
    }
    return {key: min(depth, QUEUE_WORDS) if key in banked else depth for key, depth in depths.items()}


def _candidates(design: Design, interval: int) -> Iterator[Depths]:
    """Yield depths to try, the least first.

    An engine that could send a map at once is held up by what reads it.  What it holds back waits inside it, so queues
    need not hold it; in the schedule of one frame they do, unless nothing holds up the engines of several inputs.
    """
    behind = {
        (edge.reader, edge.port): _NEVER_FULL * edge.queued.beats + 2 * QUEUE_WORDS
        for edge in design.edges
        if edge.source.tensor in design.several_inputs
    }
    held_up: Depths = {}
    if design.shared:
        held_up = _steady_depths(design, replace(design, depths={**behind, **design.depths}), interval)
        frames = {(edge.reader, edge.port): edge.queued.beats + RING_OUT_WORDS for edge in _around_turns(design)}
        held_up = {key: max(depth, frames.get(key, 0)) for key, depth in held_up.items()}
        in_turn = _in_turn(design)
        if in_turn:
            yield {key: 0 if key in in_turn else depth for key, depth in held_up.items()}
        yield held_up
    for schedule in (replace(design, depths={**behind, **design.depths}), design):
        held_up = _steady_depths(design, schedule, interval)
        yield held_up
        yield {key: depth + RING_OUT_WORDS for key, depth in held_up.items()}
    depths = held_up
    while max(depths.values()) < max(design.depths.values()):
        depths = {key: 2 * max(depth, 2) for key, depth in depths.items()}
        yield depths
    yield design.depths


def _around_turns(design: Design) -> Iterator[Edge]:
    """Yield the edges whose queues hold a frame where layers take turns at one engine.

    In front of its first turn a frame waits for the turns of the one before, and behind the last one it is taken at the
    pace of what follows.  In the schedule of a single frame neither waits.
    """
    waiting = waiting_edges(design)
    for group in design.shared:
        behind_first, behind_last = (_behind(design, name) for name in (group[0], group[-1]))
        for edge in waiting:
            enters = edge.reader in group and edge.source.tensor not in behind_first
            if enters or edge.source.tensor in behind_last:
                yield edge


def _in_turn(design: Design) -> set[tuple[str, int]]:
    """Return the edges, by reader and port, to and from engines of several layers that need no queue all the same.

    What enters such an engine comes on time where a map between it and the former turn is held until that is over.
    What leaves it may hold it up where the next turn waits for a map that is made of it.  So may an operand that comes
    behind a map which the others do not wait for: those wait for it.
    """
    holders = {e.layer.name for e in design.engines if isinstance(e, StreamEngine) and e.holds_map}
    behind = {layer.name: _behind(design, layer.name) for layer in design.model.layers}
    turns = [pair for group in design.shared for pair in pairwise(group)]
    before, after = {b: a for a, b in turns}, dict(turns)
    group = {name: n for n, names in enumerate(design.shared) for name in names}

    def held(first: str, last: str) -> bool:
        """Whether a layer on the ways from one to another, or either of them, holds its map."""
        return any(last in behind[name] for name in holders & behind[first])

    def later(source: str, other: str) -> bool:
        """Whether a map that ``source`` is made of, and ``other`` is not, is held."""
        return any(source in behind[name] and other not in behind[name] for name in holders)

    found = set()
    for edge in waiting_edges(design):
        reader, source = edge.reader, edge.source.tensor
        if not reader:
            continue
        leaves = source in group and group.get(reader) != group[source]
        enters = reader in group
        comes = not enters or (reader in before and held(before[reader], source))
        goes = not leaves or (source in after and held(reader, after[source]))
        others = [name for port, name in enumerate(design.engine(reader).layer.inputs) if port != edge.port]
        if (enters or leaves) and comes and goes and all(later(source, other) for other in others):
            found.add((reader, edge.port))
    return found


def _behind(design: Design, name: str) -> set[str]:
    """Return the tensors that are made of the output of layer ``name``, and that itself."""
    found = {name}
    for layer in design.model.layers:
        if found.intersection(layer.inputs):
            found.add(layer.name)
    return found


def _pace(design: Design) -> float:
    """Return the frame interval of ``design``, infinite where it does not come to its end."""
    try:
        return estimate(design).interval
    except AssertionError:  # stuck: an engine that holds a map waits for a branch that holds less
        return inf


def _legal(depths: Depths) -> dict[tuple[str, int], int]:
    """Return depths as queues can have them: none for one beat, short ones a power of two."""
    return {
        key: depth if depth > QUEUE_WORDS else 1 << max(1, (depth - 1).bit_length())
        for key, depth in depths.items()
        if depth > 1
    }


def _steady_depths(design: Design, schedule: Design, interval: int) -> Depths:
    """Return how many words wait at most, frame upon frame, by edge of ``design`` in the run of ``schedule``."""
    names = {f"{queue_name(edge)}.words": (edge.reader, edge.port) for edge in waiting_edges(design)}
    for group in _queued_behind(design):
        names[f"{turns_queue_name(design.unit(group[0]))}.words"] = group[0], TURNS
    waits = _most_waiting(design_network(schedule, 1), tuple(names), interval)
    least = [wait + RING_OUT_WORDS if wait > QUEUE_WORDS else wait for wait in waits]  # it takes clocks to free a place
    return dict(zip(names.values(), least, strict=True))


@lru_cache(maxsize=64)
def _most_waiting(network: Network, names: tuple[str, ...], interval: int) -> tuple[int, ...]:
    """Return the words that wait at most in queues of these names where frames follow at ``interval``.

    Args:
        network: of one frame.
        names: of queues that never fill.
        interval: clocks.
    """
    queues = {edge.name: edge for edge in network.edges if isinstance(edge, Queue)}
    made = simulate(network, [queues[name] for name in names])
    waits = []
    for name in names:
        clocks = made.queue(queues[name])
        put, freed = clocks.put, clocks.free + 1
        frames = -(-int(freed[-1] - put[0]) // interval)
        waiting = np.zeros(put.size, np.int64)
        for n in range(-frames, frames + 1):
            waiting += np.searchsorted(put, put + n * interval, side="right")
            waiting -= np.searchsorted(freed, put + n * interval, side="right")
        waits.append(int(waiting.max()))
    return tuple(waits)
