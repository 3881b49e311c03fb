"""Random integer models that branch and join, and their designs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.hardware import Design, Folding, make_engine
from gan2hls.hardware.queues import with_endless_queues, with_queues
from gan2hls.kinds import rearrangement
from gan2hls.kinds.add import IntAdd
from gan2hls.kinds.concat import IntConcat
from gan2hls.kinds.extremum import IntExtremum
from gan2hls.kinds.gather import IntGather
from gan2hls.kinds.int_norm import IntNorm
from gan2hls.kinds.mul import IntMul
from gan2hls.kinds.pairs import Spread
from gan2hls.kinds.pool import IntPool
from gan2hls.kinds.windows import Windows
from gan2hls.model import IntegerModel, IntLayer, verify_integer_model
from gan2hls.numbers.numerics import IntType, QuantType
from gan2hls.ops import IntCrop, IntSelect, StreamOperation
from gan2hls.ops.shuffle import Shape
from gan2hls.ops.taps import LinearGeometry
from tests.cosim.hls_chains import fold, random_type
from tests.randomized import (
    Rng,
    chain,
    conv,
    conv_transpose,
    dense,
    design,
    finish,
    linear_layer,
    pointwise_layer,
    port,
)

#: Elements of a tensor at most.
_MOST = 500


def stream_layer(
    rng: Rng, name: str, op: StreamOperation, sources: tuple[str, ...], types: tuple[QuantType, ...], shape: Shape
) -> IntLayer:
    """A layer without weights, with a random requantizer behind it."""
    out, acc_type = random_type(rng), IntType.covering(*op.bounds(types))
    requant, table = finish(rng, acc_type, shape[2], out, int(rng.integers(1, 3)), int(rng.choice([0, 0, 5])))
    return IntLayer(name, f"/{name}/node", sources, types, out, shape, op, acc_type, requant, table, port(name, shape))


def norm_layer(
    rng: Rng,
    name: str,
    source: str,
    shape: Shape,
    given: QuantType,
    *,
    groups: int,
    by_pixel: bool = False,
    centred: bool = True,
    epsilon: int = 1,
    table_bits: tuple[int, ...] = (0, 0, 5),
) -> IntLayer:
    """A normalization with a requantizer that spreads a few deviations over the output, and a table of any of sizes."""
    op, out = IntNorm(shape, groups, by_pixel, centred, epsilon), random_type(rng)
    acc_type = IntType.covering(*op.bounds((given,)))
    few = IntType.covering(-(3 << op.fraction), 3 << op.fraction)
    requant, table = finish(rng, few, shape[2], out, int(rng.integers(1, 3)), int(rng.choice(table_bits)))
    return IntLayer(
        name, f"/{name}/node", (source,), (given,), out, shape, op, acc_type, requant, table, port(name, shape)
    )


def random_norm(rng: Rng, name: str, source: str, shape: Shape, given: QuantType) -> IntLayer:
    """A normalization of any form."""
    by_pixel = bool(rng.random() < 0.4)
    legal = [n for n in range(1, shape[2] + 1) if shape[2] % n == 0]
    groups = int(rng.choice([1, *legal] if by_pixel else [shape[2], *legal]))
    epsilon = int(rng.choice([1, 100, 1 << 40]))
    centred = bool(rng.random() < 0.7)
    return norm_layer(
        rng, name, source, shape, given, groups=groups, by_pixel=by_pixel, centred=centred, epsilon=epsilon
    )


class Graph:
    """A model that grows; every tensor may be read by any layer behind it."""

    def __init__(self, rng: Rng, inputs: dict[str, Shape]) -> None:
        self.rng, self.inputs = rng, tuple(inputs)
        self.shapes: dict[str, Shape] = dict(inputs)
        self.types = {name: random_type(rng) for name in inputs}
        self.layers: list[IntLayer] = []

    def keep(self, layer: IntLayer) -> None:
        self.layers.append(layer)
        self.shapes[layer.name], self.types[layer.name] = layer.shape, layer.output_type

    def stream(self, op: StreamOperation, sources: tuple[str, ...], shape: Shape) -> None:
        """Add a layer without weights."""
        types = tuple(self.types[name] for name in sources)
        self.keep(stream_layer(self.rng, f"l{len(self.layers)}", op, sources, types, shape))

    def model(self, name: str, outputs: Sequence[str]) -> IntegerModel:
        """Return the model whose outputs are these tensors."""
        made = IntegerModel(
            name,
            tuple(port(given, self.shapes[given]) for given in self.inputs),
            tuple(self.types[given] for given in self.inputs),
            tuple(self.layers),
            tuple(port(output, self.shapes[output]) for output in outputs),
        )
        verify_integer_model(made)
        return made

    def others(self, fits: Callable[[Shape], bool]) -> list[str]:
        """The tensors whose shapes fit."""
        return [name for name, shape in self.shapes.items() if fits(shape)]

    def factors(self, count: int) -> tuple[int, ...]:
        return tuple(int(f) for f in self.rng.choice([-9, -1, 1, 1, 3, 255], count))

    def add(self, first: str) -> None:
        shape = self.shapes[first]
        second = str(self.rng.choice(self.others(lambda other: other == shape)))
        self.stream(IntAdd(self.factors(2)), (first, second), shape)

    def pair(self, first: str) -> None:
        """A sum, product or choice of two tensors of one shape."""
        shape = self.shapes[first]
        second = str(self.rng.choice(self.others(lambda other: other == shape)))
        self.stream(self.pair_op(""), (first, second), shape)

    def pair_op(self, spread: Spread) -> StreamOperation:
        """Any operation on two tensors."""
        factors = self.factors(2)
        match int(self.rng.integers(4)):
            case 0:
                return IntAdd(factors, spread)
            case 1:
                return IntExtremum(factors, bool(self.rng.integers(2)), spread)
            case _:
                return IntMul(spread)

    def pool(self, first: str) -> None:
        """Windows of any sizes that do not overlap, and may leave rows and columns out; or all of a map."""
        height, width, channels = self.shapes[first]
        if height * width == 1:
            self.function(first)
            return
        rows, columns = (self.windows(size) for size in (height, width))
        op = IntPool(rows, columns, (height, width), bool(self.rng.integers(2)))
        self.stream(op, (first,), (len(rows), len(columns), channels))

    def crop(self, first: str) -> None:
        """Any window of a map, as large as the map at most."""
        height, width, channels = self.shapes[first]
        ends = [np.sort(self.rng.choice(size + 1, 2, replace=False)).tolist() for size in (height, width)]
        (top, bottom), (left, right) = ends
        op = IntCrop((top, bottom), (left, right), (height, width))
        self.stream(op, (first,), (bottom - top, right - left, channels))

    def select(self, first: str) -> None:
        """Some channels of a map, in any order, or all of them and some twice."""
        height, width, channels = self.shapes[first]
        sent = int(self.rng.integers(1, channels + 2))
        op = IntSelect(tuple(self.rng.integers(0, channels, sent).tolist()), channels)
        self.stream(op, (first,), (height, width, sent))

    def rearrange(self, first: str) -> None:
        """The axes of a map exchanged, places of each taken at random or in a row, some as zeros."""
        shape = self.shapes[first]
        places = []
        for size in shape:
            taken = (
                np.arange(size) if self.rng.integers(2) else self.rng.integers(-1, size, int(self.rng.integers(1, 7)))
            )
            taken[0] = max(0, taken[0])
            places.append(taken)
        live = np.logical_and.outer(np.logical_and.outer(places[0] >= 0, places[1] >= 0), places[2] >= 0)
        image = np.where(live, np.arange(np.prod(shape)).reshape(shape)[np.ix_(*places)], -1)
        op = rearrangement(image.transpose(self.rng.permutation(3)), shape)
        assert op is not None
        self.stream(op, (first,), op.shape)

    def lookup(self, first: str) -> None:
        """Rows of a random table, as many as there are numbers of the type."""
        numbers, given = int(np.prod(self.shapes[first])), self.types[first].int_type
        table = self.rng.integers(-(1 << 11), 1 << 11, (given.hi + 1, int(self.rng.choice([2, 3, 6]))))
        self.stream(IntGather(table), (first,), (1, numbers, table.shape[1]))

    def windows(self, size: int) -> Windows:
        """Return windows along an axis."""
        if self.rng.integers(3) == 0:
            return ((0, size),)
        ends = np.sort(self.rng.choice(size + 1, min(size + 1, 2 * int(self.rng.integers(1, 4))), replace=False))
        pairs = ends[: ends.size // 2 * 2].reshape(-1, 2).tolist()
        return tuple((start, stop) for start, stop in pairs)

    def gate(self, first: str) -> None:
        """A map and a vector of its channels, which a dense layer makes of it, or a plane of one channel."""
        (height, width, channels), name = self.shapes[first], f"l{len(self.layers)}"
        spread: Spread = "vector" if self.rng.integers(2) else "plane"
        if spread == "vector":
            geometry = dense(height * width * channels, channels)
        else:
            geometry = conv((height, width), channels, 1, k=1, p=0)
        given, out = self.types[first], random_type(self.rng)
        self.keep(linear_layer(self.rng, name, first, geometry, given, weight_bits=4, out=out))
        fits = self.others(lambda other: other == (height, width, channels))
        self.stream(self.pair_op(spread), (str(self.rng.choice(fits)), name), (height, width, channels))

    def concat(self, first: str) -> None:
        """Two or three tensors along channels, or along rows or columns, of whatever factors."""
        shape, axis = self.shapes[first], int(self.rng.choice([2, 2, 2, 0, 1]))
        fits = self.others(lambda other: all(other[n] == shape[n] for n in range(3) if n != axis))
        names = (first, *(str(name) for name in self.rng.choice(fits, int(self.rng.integers(1, 3)))))
        made = list(shape)
        made[axis] = sum(self.shapes[name][axis] for name in names)
        if np.prod(made) > _MOST:
            self.add(first)
            return
        runs = tuple(int(np.prod(self.shapes[name][axis:])) for name in names)
        factors = (1,) * len(names) if axis == 2 else self.factors(len(names))
        self.stream(IntConcat(runs, factors), names, (made[0], made[1], made[2]))

    def conv(self, first: str) -> None:
        k, (height, width, channels) = int(self.rng.choice([1, 3])), self.shapes[first]
        geometry = conv((height, width), channels, int(self.rng.choice([2, 4, 6])), k=k, p=k // 2)
        name, given, out = f"l{len(self.layers)}", self.types[first], random_type(self.rng)
        self.keep(linear_layer(self.rng, name, first, geometry, given, weight_bits=4, out=out))

    def function(self, first: str) -> None:
        name = f"l{len(self.layers)}"
        self.keep(pointwise_layer(self.rng, name, first, self.shapes[first], self.types[first]))

    def norm(self, first: str) -> None:
        name = f"l{len(self.layers)}"
        self.keep(random_norm(self.rng, name, first, self.shapes[first], self.types[first]))


STEPS = (
    Graph.conv,
    Graph.conv,
    Graph.function,
    Graph.add,
    Graph.pair,
    Graph.pair,
    Graph.gate,
    Graph.gate,
    Graph.pool,
    Graph.concat,
    Graph.concat,
)


def random_graph(
    seed: int,
    layers: int = 8,
    size: tuple[int, int] = (5, 4),
    *,
    norms: bool = False,
    crops: bool = False,
    selects: bool = False,
    rearranges: bool = False,
) -> IntegerModel:
    """A graph of convolutions, functions and what joins tensors, of which any may have any number of readers.

    With ``norms`` there are normalizations among them, with ``crops`` crops, with ``selects`` choices of channels, with
    ``rearranges`` maps in another order.
    """
    kinds = (Graph.norm, norms), (Graph.crop, crops), (Graph.select, selects), (Graph.rearrange, rearranges)
    more = [step for step, there in kinds if there]
    steps = (*STEPS, *(step for step in more for _ in range(4)))
    rng = np.random.default_rng(seed)
    graph = Graph(rng, {f"x{n}": (*size, int(rng.choice([2, 4, 6]))) for n in range(int(rng.integers(1, 3)))})
    if rng.integers(3) == 0:  # labels, which nothing but a lookup reads
        graph.inputs, graph.shapes["n"] = (*graph.inputs, "n"), (1, int(rng.integers(1, 4)), 1)
        graph.types["n"] = QuantType(IntType(int(rng.integers(1, 5)), signed=False), 1.0)
        graph.lookup("n")
        del graph.shapes["n"]
    for _ in range(layers):
        steps[int(rng.integers(len(steps)))](graph, str(rng.choice([*graph.shapes][-3:])))
    read = {name for layer in graph.layers for name in layer.inputs}
    for name in graph.inputs:
        if name not in read:  # every input is read
            graph.add(name)
    made = graph.layers
    read = {name for layer in made for name in layer.inputs}
    outputs = [layer.name for layer in made if layer.name not in read]
    inner = [layer.name for layer in made if layer.name in read]
    if inner and rng.random() < 0.4:  # a tensor that leaves and is read too
        outputs.append(str(rng.choice(inner)))
    graph.shapes |= {layer.inputs[0]: (1, layer.shape[1], 1) for layer in made if layer.op.kind == "gather"}
    return graph.model(f"graph{seed}", outputs)


def random_graph_design(seed: int, layers: int = 8, size: tuple[int, int] = (5, 4), **kinds: bool) -> Design:
    """A design of a random graph, as ``random_graph`` has it, with random foldings and the queues that it needs."""
    made = fold(np.random.default_rng(seed), random_graph(seed, layers, size, **kinds))
    return with_queues(with_endless_queues(made))


def u_net_design(seed: int, size: int = 8, channels: int = 4) -> Design:
    """A U-Net of two levels: rows come in bursts, and skips are as long as the way down and up."""
    rng = np.random.default_rng(seed)
    wide, deep = (size, size, channels), (size // 2, size // 2, 2 * channels)
    graph = Graph(rng, {"x0": wide})

    def linear(source: str, geometry: LinearGeometry) -> str:
        name, out = f"l{len(graph.layers)}", random_type(rng)
        graph.keep(linear_layer(rng, name, source, geometry, graph.types[source], out=out))
        return name

    def add(first: str, second: str, shape: Shape) -> str:
        graph.stream(IntAdd((1, 1)), (first, second), shape)
        return graph.layers[-1].name

    first = linear("x0", conv(wide[:2], channels, channels))
    second = linear(first, conv(wide[:2], channels, 2 * channels, k=4, s=2))
    third = linear(second, conv(deep[:2], 2 * channels, 4 * channels, k=4, s=2))
    up = linear(third, conv_transpose((size // 4, size // 4), 4 * channels, 2 * channels))
    up = linear(add(up, second, deep), conv_transpose(deep[:2], 2 * channels, channels))
    return with_queues(with_endless_queues(fold(rng, graph.model(f"unet{seed}", (add(up, first, wide),)))))


def norm_design(shape: tuple[int, int, int], groups: int, lanes: int, *, by_pixel: bool = False) -> Design:
    """A normalization alone."""
    given = QuantType(IntType(8, signed=True), 1.0, 3)
    layer = norm_layer(
        np.random.default_rng(lanes), "l0", "z", shape, given, groups=groups, by_pixel=by_pixel, centred=True
    )
    return design(chain("norm", shape, given, (layer,)), (Folding(lanes, lanes, lanes),))


def maps_away(made: Design, bus_bits: int, least: int = 2) -> Design:
    """Return ``made`` with each queue of ``least`` words or more, and the map of each normalization, off chip."""
    queues = {(edge.reader, edge.port): bus_bits for edge in made.edges if edge.depth >= least}
    engines = tuple(
        make_engine(engine.layer, engine.folding, bus_bits=bus_bits) if isinstance(engine.layer.op, IntNorm) else engine
        for engine in made.engines
    )
    return replace(made, engines=engines, off_chip=queues)


def turns_design(size: int = 8) -> Design:
    """Two branches of one element a beat behind one another along channels, two elements a beat: runs of four beats."""
    rng = np.random.default_rng(0)
    graph = Graph(rng, {"x0": (size, size, 4)})
    for name in ("l0", "l1"):
        graph.keep(linear_layer(rng, name, "x0", conv((size, size), 4, 8, k=1, p=0), graph.types["x0"]))
    graph.stream(IntConcat((8, 8), (1, 1)), ("l0", "l1"), (size, size, 16))
    slow, fast = Folding(1, 4, 1), Folding(2, 2, 2)
    return with_queues(with_endless_queues(design(graph.model("turns", ("l2",)), (slow, slow, fast))))
