"""Graph surgery on a chain of three layers, one of them read twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.model import Graph, Layer, Port
from gan2hls.model.rewiring import readings, rewired, with_layers
from gan2hls.ops import Identity


def port(name: str, shape: tuple[int, int, int]) -> Port:
    return Port(name, name, (1, shape[2], *shape[:2]), shape, np.arange(int(np.prod(shape))))


def layer(name: str, shape: tuple[int, int, int], *inputs: str) -> Layer:
    return Layer(name, "", inputs, shape, Identity(), (), port(name, shape))


def graph() -> Graph:
    layers = (layer("a", (2, 2, 3), "x"), layer("b", (2, 2, 3), "a"), layer("c", (1, 1, 12), "a"))
    return Graph("g", (port("x", (2, 2, 3)),), layers, (port("c", (1, 1, 12)),))


def test_an_output_counts_as_a_reading() -> None:
    assert readings(graph()) == {"x": 1, "a": 2, "c": 1}
    assert readings(graph())["b"] == 0


def test_only_what_was_renamed_changes() -> None:
    a, b, _ = graph().layers
    assert rewired(b, {"a": "z", "b": "y"}).inputs == ("z",)
    assert rewired(a, {"a": "z"}) is a
    twice = replace(b, inputs=("a", "x", "a"))
    assert rewired(twice, {"a": "z"}).inputs == ("z", "x", "z")


def test_an_output_follows_what_it_became_in_name_and_shape() -> None:
    before = graph()
    after = with_layers(before, before.layers[:2], {"c": "b"})
    assert [(p.name, p.shape) for p in after.outputs] == [("b", (2, 2, 3))]
    assert with_layers(before, before.layers).outputs[0].name == "c"
    to_input = with_layers(before, (), {"c": "x"})
    assert [(p.name, p.shape) for p in to_input.outputs] == [("x", (2, 2, 3))]
