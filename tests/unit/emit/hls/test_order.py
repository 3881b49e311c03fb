"""The order in which the C++ processes read and write, against the loops of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest

from gan2hls.emit.hls.depths import ring_programs
from gan2hls.emit.hls.feeder import Segment
from gan2hls.emit.hls.order import _segment, _unit, behind, hold, network
from gan2hls.emit.hls.top import top_region
from gan2hls.hardware import Design, StreamEngine
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import Program, Sizes, StreamOperation, Unit
from gan2hls.timing import NetworkProcess, Phase, Stream, repeated
from tests.cosim.hls_chains import random_design
from tests.random_integer_graphs import maps_away, random_graph_design
from tests.randomized import coded_off_chip_design, tiny_design


@final
@dataclass(frozen=True)
class Late(StreamOperation):
    """Takes two beats of its second input, then one of the first for each that leaves."""

    kind: ClassVar[str] = "late"

    def program(self, inputs: Sequence[QuantType], acc_type: IntType) -> Program:
        raise NotImplementedError

    def bounds(self, inputs: Sequence[QuantType]) -> tuple[int, int]:
        raise NotImplementedError

    def verify(self, inputs: Sequence[QuantType], channels: int) -> None:
        raise NotImplementedError

    def rtl(self, sizes: Sizes) -> Unit:
        raise NotImplementedError

    def hls(self, sizes: Sizes) -> Unit:
        raise NotImplementedError

    def order(self, sizes: Sizes) -> tuple[Phase, ...]:
        return Phase((((1,), False),), 2), Phase((((0,), True),), sizes.beats)


def test_an_operation_says_in_which_order_it_takes_beats() -> None:
    """To the RTL's cycle model, too; by default it takes one of every input for each that leaves."""
    engine = next(
        e for seed in range(9) for e in random_graph_design(seed).engines if getattr(e.layer.op, "spread", None) == ""
    )
    assert isinstance(engine, StreamEngine)
    beats = engine.sizes.beats
    assert _unit(engine).tolist() == [[1, 1], [0, 1], [2, 1]] * beats
    late = replace(engine, layer=replace(engine.layer, op=Late()))
    assert _unit(late).tolist() == [[1, 1]] * 2 + [[0, 1], [2, 1]] * beats
    (block,), stream = late.op.blocks(late.sizes, "late", (Stream("a", beats), Stream("b", 2)), 1)
    assert (stream.beats, block.numbers) == (beats, (2, 2))
    assert [table.tolist() for table in block.tables] == [[0, 1, 2, 1, 1, beats], [4, 3]]


@pytest.mark.parametrize("seed", range(40))
def test_a_segment_is_what_its_loop_does(seed: int) -> None:
    """Beside ``struct segments`` of ``segments.hpp`` and the body of ``feeder``."""
    rng = np.random.default_rng(seed)
    cycles = int(rng.integers(1, 40))
    loads = int(rng.integers(0, cycles + 1))
    emits = bool(rng.integers(2)) or loads < cycles
    credit, does = loads - cycles, []
    for _ in range(cycles):
        does += [1] if emits else []
        if credit >= 0:
            does.append(0)
        credit += -(cycles - loads) if credit >= 0 else loads
    found = _segment(Segment(cycles, loads, emits))
    assert np.repeat(found[:, 0], found[:, 1]).tolist() == does


def test_a_hold_stands_between_a_stream_and_its_reader() -> None:
    reader = NetworkProcess("reader", ("from_a", "b"), (), repeated([(0, 1), (1, 1)], 3))
    other = NetworkProcess("other", (), ("b",), repeated([(0, 1)], 3))
    renamed, same = behind([reader, other], ["from_a"])
    assert (renamed.reads, same) == (("held_a", "b"), other)
    made = hold("from_a", (Segment(2, 2, emits=False), Segment(3, 1, emits=True)))
    assert (made.reads, made.writes) == (("from_a",), ("held_a",))
    assert made.order.tolist() == [[0, 2], [1, 3], [0, 1]]


@pytest.mark.parametrize(
    "made",
    [
        tiny_design(),
        coded_off_chip_design(),
        random_design(17, layers=8),
        random_graph_design(3),
        maps_away(random_graph_design(3, norms=True), 64),
    ],
    ids=lambda made: made.name,
)
def test_every_stream_has_its_ends(made: Design) -> None:
    """What is written is read, as often; ports have one end."""
    moved: dict[str, list[int]] = {}
    for process in network(made, top_region(made), ring_programs(made)):
        for name, words in process.words.items():
            moved.setdefault(name, []).append(words if name in process.reads else -words)
    ports = {port.word: port.stream.beats * (1 if port.inward else -1) for port in (*made.sources, *made.sinks)}
    assert {name: words[0] for name, words in moved.items() if len(words) == 1} == ports
    assert all(sum(words) == 0 and len(words) == 2 for name, words in moved.items() if name not in ports)
    assert {link.name for link in top_region(made).links} < moved.keys()
