"""The golden model of graphs against plain integers: ``sum m_i (q_i - z_i)``, then the requantizer as defined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.kinds.add import IntAdd
from gan2hls.model import Golden, IntegerModel, IntLayer, verify_integer_model
from gan2hls.numbers import IntType, QuantType
from tests.randomized import Rng, conv, finish, linear_layer, pointwise_layer, port, random_inputs
from tests.unit.model.test_golden import plain_layer, plain_requant

SHAPE = (2, 3, 4)


def random_type(rng: Rng) -> QuantType:
    bits, signed = int(rng.integers(2, 13)), bool(rng.integers(0, 2))
    kind = IntType(bits, signed=signed)
    return QuantType(kind, 1.0, int(rng.integers(kind.lo, kind.hi + 1)))


def add_layer(rng: Rng, name: str, inputs: tuple[str, str], types: tuple[QuantType, QuantType]) -> IntLayer:
    factors = tuple(int(n) for n in rng.integers(-40, 41, 2))
    op = IntAdd((factors[0], factors[1]))
    out = random_type(rng)
    acc_type = IntType.covering(*op.bounds(types))
    requant, table = finish(rng, acc_type, SHAPE[2], out, int(rng.integers(1, 3)), int(rng.integers(0, 2)) * 6)
    return IntLayer(name, name, inputs, types, out, SHAPE, op, acc_type, requant, table, port(name, SHAPE))


def random_graph(seed: int) -> IntegerModel:
    """Layers that read any of the tensors before them, sums of a tensor with itself among them; several outputs."""
    rng = np.random.default_rng(seed)
    types = {f"z{n}": random_type(rng) for n in range(int(rng.integers(1, 4)))}
    inputs, layers = list(types), []
    for n in range(int(rng.integers(3, 9))):
        a, b = (str(rng.choice(list(types))) for _ in range(2))
        match rng.integers(0, 4):
            case 0:
                layer = linear_layer(rng, f"l{n}", a, conv((2, 3), 4, 4), types[a], weight_bits=4, out=random_type(rng))
            case 1:
                layer = pointwise_layer(rng, f"l{n}", a, SHAPE, types[a])
            case _:
                layer = add_layer(rng, f"l{n}", (a, b), (types[a], types[b]))
        layers.append(layer)
        types[layer.name] = layer.output_type
    ends = {layers[-1].name, str(rng.choice([layer.name for layer in layers]))}
    model = IntegerModel(
        "net",
        tuple(port(name, SHAPE) for name in inputs),
        tuple(types[name] for name in inputs),
        tuple(layers),
        tuple(port(name, SHAPE) for name in sorted(ends)),
    )
    verify_integer_model(model)
    return model


def plain(layer: IntLayer, codes: list[np.ndarray]) -> np.ndarray:
    """One frame of any layer, integers of Python."""
    if not isinstance(layer.op, IntAdd):
        return plain_layer(layer, codes[0])
    terms = [
        [factor * (int(code) - given.zero_point) for code in values.ravel()]
        for factor, given, values in zip(layer.op.factors, layer.input_types, codes, strict=True)
    ]
    sums = np.array([sum(pair) for pair in zip(*terms, strict=True)]).reshape(-1, layer.channels)
    return plain_requant(layer, sums.tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_golden_is_what_plain_integers_make(seed: int) -> None:
    model = random_graph(seed)
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
    model = random_graph(3)
    model = replace(model, outputs=(*model.outputs, model.inputs[0]))
    inputs = random_inputs(np.random.default_rng(3), model, 2)
    assert (Golden(model).outputs(inputs)["z0"] == inputs["z0"]).all()


def test_tensors_are_dropped_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of sums needs the tensors around one layer only."""
    rng = np.random.default_rng(0)
    quant = random_type(rng)
    layers = [add_layer(rng, "l0", ("z", "z"), (quant, quant))]
    for n in range(1, 12):
        given_type = layers[-1].output_type
        layers.append(add_layer(rng, f"l{n}", (layers[-1].name, layers[-1].name), (given_type, given_type)))
    model = IntegerModel("net", (port("z", SHAPE),), (quant,), tuple(layers), (port("l11", SHAPE),))
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
    Golden(model).outputs({"z": np.zeros((1, *SHAPE), np.int64)})
    assert most <= 3
