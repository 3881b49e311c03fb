"""Requantizers with a word for each run of equal ones: RTL against the golden model, and when there are such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan2hls.hardware import Design, Folding, design_resources
from gan2hls.hardware.cycles import estimate
from gan2hls.kinds.concat import IntConcat
from gan2hls.numbers import IntType, QuantType, Requant
from tests.cosim.rtl_bench import Bench, lint
from tests.random_integer_graphs import Graph
from tests.randomized import design

pytestmark = pytest.mark.cosim


def joined(runs: tuple[int, ...], lanes: int, pieces: int = 1, *, name: str = "joined") -> Design:
    """A concatenation whose operands each have a scale of their own, as lowering makes it."""
    rng, shape = np.random.default_rng(len(runs)), (3, 4, sum(runs))
    graph = Graph(rng, {f"z{n}": (*shape[:2], run) for n, run in enumerate(runs)})
    graph.types = {f"z{n}": QuantType(IntType(8, signed=True), 1.0, n) for n in range(len(runs))}
    graph.stream(IntConcat(runs, (1,) * len(runs)), graph.inputs, shape)
    of = np.repeat(np.arange(len(runs)), runs)
    mult, bias = (rng.integers(-(1 << 14), 1 << 14, (pieces, len(runs)))[:, of] for _ in range(2))
    threshold = rng.integers(-60, 60, len(runs))[of]
    out = IntType(8, signed=True)
    requant = Requant(mult, 64 * bias, threshold, 14, 3, out.lo, out.hi, out)
    layer = replace(graph.layers[0], output_type=QuantType(out, 1.0, 3), requant=requant, table=None)
    model = replace(graph.model(name, ("l0",)), layers=(layer,))
    return design(model, (Folding(lanes, lanes, lanes),))


@pytest.mark.parametrize(
    ("runs", "lanes", "pieces", "starts"),
    [
        ((64, 32), 1, 1, (0, 64)),
        ((96, 8, 96), 2, 2, (0, 48, 52)),
        ((8,) * 9, 1, 1, ()),  # more than are compared with
        ((32, 32), 1, 1, ()),  # few words are logic anyway
    ],
)
def test_channels_of_an_operand_have_one_word(
    runs: tuple[int, ...], lanes: int, pieces: int, starts: tuple[int, ...], tmp_path: Path
) -> None:
    made = joined(runs, lanes, pieces)
    (engine,) = made.engines
    assert engine.requant_runs == starts
    assert design_resources(made).bram18 == int(engine.requant_words > 64 and not starts)
    check(made, tmp_path)


def check(made: Design, folder: Path) -> None:
    bench = Bench(made, folder)
    assert lint(made, folder / "rtl") == ""
    bench.run(3, seed=1, idle=30, stall=30)
    assert bench.measured() == (estimate(made).latency, estimate(made).interval)
