"""The golden model of graphs against plain integers: what joins them, then the requantizer as defined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.kinds.add import IntAdd
from gan2hls.model import Golden, IntLayer
from gan2hls.ops import IntLinear
from tests.plain_streams import plain_streams
from tests.random_integer_graphs import Graph, random_graph
from tests.randomized import random_inputs
from tests.unit.model.test_golden import plain_layer, plain_requant


def plain(layer: IntLayer, codes: list[np.ndarray]) -> np.ndarray:
    """One frame of any layer, integers of Python."""
    if isinstance(layer.op, IntLinear):
        return plain_layer(layer, codes[0])
    centred = [values - given.zero_point for given, values in zip(layer.input_types, codes, strict=True)]
    made = plain_streams(layer.op, centred, layer.shape)
    return plain_requant(layer, made.reshape(-1, layer.channels).tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.booleans(), st.booleans(), st.booleans())
def test_golden_is_what_plain_integers_make(seed: int, norms: bool, crops: bool, selects: bool) -> None:
    model = random_graph(seed, norms=norms, crops=crops, selects=selects)
    inputs = random_inputs(np.random.default_rng(seed), model, 2)
    tensors = Golden(model).run(inputs)
    for n in range(2):
        for layer in model.layers:
            found = plain(layer, [tensors[name][n] for name in layer.inputs])
            assert (tensors[layer.name][n] == found).all(), layer.name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_outputs_alone_are_those_of_a_whole_run(seed: int) -> None:
    model = random_graph(seed)
    inputs = random_inputs(np.random.default_rng(seed), model, 3)
    whole, alone = Golden(model).run(inputs), Golden(model).outputs(inputs)
    assert list(alone) == [one.name for one in model.outputs]
    assert all(values.dtype == np.int64 and (values == whole[name]).all() for name, values in alone.items())


def test_an_input_may_leave_as_it_is() -> None:
    model = random_graph(0)
    model = replace(model, outputs=(*model.outputs, model.inputs[0]))
    inputs = random_inputs(np.random.default_rng(3), model, 2)
    assert (Golden(model).outputs(inputs)["x0"] == inputs["x0"]).all()
    alone = replace(model, layers=(), outputs=(model.inputs[0],))
    assert (Golden(alone).outputs(inputs)["x0"] == inputs["x0"]).all()


def test_tensors_are_dropped_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of sums needs the tensors around one layer only."""
    graph = Graph(np.random.default_rng(0), {"z": (2, 3, 4)})
    for name in ["z", *(f"l{n}" for n in range(11))]:
        graph.stream(IntAdd((3, -7)), (name, name), (2, 3, 4))
    model = graph.model("net", ["l11"])
    alive: set[int] = set()
    most = 0

    class Watched(np.ndarray):
        def __del__(self) -> None:
            alive.discard(id(self))

    plain_run = Golden._run_layer

    def watched(self: Golden, layer: IntLayer, codes: list[np.ndarray]) -> np.ndarray:
        nonlocal most
        made = plain_run(self, layer, codes).view(Watched)
        alive.add(id(made))
        most = max(most, len(alive))
        return made

    monkeypatch.setattr(Golden, "_run_layer", watched)
    Golden(model).outputs({"z": np.zeros((1, 2, 3, 4), np.int64)})
    assert most <= 3
