"""Random integer models that branch and join, and their designs."""

from __future__ import annotations

import numpy as np

from gan2hls.hardware import Design
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.kinds.add import IntAdd
from gan2hls.model import IntegerModel, IntLayer, verify_integer_model
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.taps import LinearGeometry
from tests.cosim.hls_chains import fold, random_type
from tests.randomized import Rng, conv, conv_transpose, finish, linear_layer, pointwise_layer, port


def add_layer(
    rng: Rng,
    name: str,
    sources: tuple[str, str],
    shape: Shape,
    types: tuple[QuantType, QuantType],
    factors: tuple[int, int],
) -> IntLayer:
    """A sum of two tensors with a random requantizer behind it."""
    op, out = IntAdd(factors), random_type(rng)
    acc_type = IntType.covering(*op.bounds(types))
    requant, table = finish(rng, acc_type, shape[2], out, int(rng.integers(1, 3)), int(rng.choice([0, 0, 5])))
    return IntLayer(name, f"/{name}/node", sources, types, out, shape, op, acc_type, requant, table, port(name, shape))


def random_graph(seed: int, layers: int = 8, size: tuple[int, int] = (5, 4)) -> IntegerModel:
    """A graph of convolutions, functions and sums, all of one shape, whose tensors have any number of readers."""
    rng = np.random.default_rng(seed)
    shape = (*size, int(rng.choice([2, 4, 6])))
    types = {f"x{n}": random_type(rng) for n in range(int(rng.integers(1, 3)))}
    inputs = tuple(types)
    made: list[IntLayer] = []
    for n in range(layers):
        name, recent = f"l{n}", [*types][-3:]
        first = str(rng.choice(recent))
        match rng.choice(["conv", "conv", "function", "add", "add"]):
            case "conv":
                k = int(rng.choice([1, 3]))
                given, geometry = types[first], conv(size, shape[2], shape[2], k=k, p=k // 2)
                layer = linear_layer(rng, name, first, geometry, given, weight_bits=4, out=random_type(rng))
            case "function":
                layer = pointwise_layer(rng, name, first, shape, types[first])
            case _:
                second = str(rng.choice([*types]))
                factors = tuple(int(f) for f in rng.choice([-9, -1, 1, 1, 3, 255], 2))
                layer = add_layer(rng, name, (first, second), shape, (types[first], types[second]), factors)
        made.append(layer)
        types[name] = layer.output_type
    read = {name for layer in made for name in layer.inputs}
    unread = [name for name in inputs if name not in read]
    for n, name in enumerate(unread):  # every input is read
        last = made[-1].name
        made.append(add_layer(rng, f"u{n}", (last, name), shape, (types[last], types[name]), (1, 1)))
        types[made[-1].name] = made[-1].output_type
    read = {name for layer in made for name in layer.inputs}
    outputs = [layer.name for layer in made if layer.name not in read]
    inner = [layer.name for layer in made if layer.name in read]
    if inner and rng.random() < 0.4:  # a tensor that leaves and is read too
        outputs.append(str(rng.choice(inner)))
    model = IntegerModel(
        f"graph{seed}",
        tuple(port(name, shape) for name in inputs),
        tuple(types[name] for name in inputs),
        tuple(made),
        tuple(port(name, shape) for name in outputs),
    )
    verify_integer_model(model)
    return model


def random_graph_design(seed: int, layers: int = 8, size: tuple[int, int] = (5, 4)) -> Design:
    """A design of a random graph with random foldings and the queues that it needs."""
    made = fold(np.random.default_rng(seed), random_graph(seed, layers, size))
    return with_queues(with_endless_queues(made))


def u_net_design(seed: int, size: int = 8, channels: int = 4) -> Design:
    """A U-Net of two levels: rows come in bursts, and skips are as long as the way down and up."""
    rng = np.random.default_rng(seed)
    types = {"x0": random_type(rng)}
    layers: list[IntLayer] = []
    wide, deep = (size, size, channels), (size // 2, size // 2, 2 * channels)

    def linear(source: str, geometry: LinearGeometry) -> str:
        made = linear_layer(rng, f"l{len(layers)}", source, geometry, types[source], out=random_type(rng))
        return keep(made)

    def add(first: str, second: str, shape: Shape) -> str:
        return keep(add_layer(rng, f"l{len(layers)}", (first, second), shape, (types[first], types[second]), (1, 1)))

    def keep(layer: IntLayer) -> str:
        layers.append(layer)
        types[layer.name] = layer.output_type
        return layer.name

    first = linear("x0", conv(wide[:2], channels, channels))
    second = linear(first, conv(wide[:2], channels, 2 * channels, k=4, s=2))
    third = linear(second, conv(deep[:2], 2 * channels, 4 * channels, k=4, s=2))
    up = linear(third, conv_transpose((size // 4, size // 4), 4 * channels, 2 * channels))
    up = linear(add(up, second, deep), conv_transpose(deep[:2], 2 * channels, channels))
    add(up, first, wide)
    model = IntegerModel(
        f"unet{seed}", (port("x0", wide),), (types["x0"],), tuple(layers), (port(layers[-1].name, wide),)
    )
    verify_integer_model(model)
    return with_queues(with_endless_queues(fold(rng, model)))
