"""Small generators with forks and joins, as a float graph and as the ONNX model that computes the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gan2hls.kinds.add import Add
from gan2hls.kinds.concat import Concat
from gan2hls.kinds.extremum import Extremum
from gan2hls.kinds.mul import Mul
from gan2hls.kinds.pairs import Spread
from gan2hls.kinds.pool import Pool
from gan2hls.model import Affine, Curve, Graph, Layer, Leaky, Point, run_layer, verify_graph
from gan2hls.ops import Identity, Linear, Operation, Shape
from gan2hls.quantize import FloatModel, probes
from tests.randomized import conv, port

_POINTS: dict[str, Point] = {
    "Relu": Leaky(np.zeros(1)),
    "LeakyRelu": Leaky(np.full(1, 0.2)),
    "Tanh": Curve("tanh"),
}


_OPERATORS = {
    "conv": "Conv",
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "max": "Max",
    "min": "Min",
    "pool": "GlobalAveragePool",
    "max_pool": "GlobalMaxPool",
    "concat": "Concat",
    "pointwise": "Identity",
}


class Net:
    """A graph that grows: every method adds a layer, and returns the name of the tensor that it makes."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.shapes: dict[str, Shape] = {}
        self.inputs: list[str] = []
        self.layers: list[Layer] = []
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def input(self, height: int, width: int, channels: int) -> str:
        name = f"z{len(self.inputs)}"
        self.inputs.append(name)
        self.shapes[name] = (height, width, channels)
        return name

    def conv(
        self, source: str, channels: int, *points: str, size: int = 3, spread: float = 1.0, gain: float = 1.0
    ) -> str:
        """A convolution with a bias; with ``spread`` its output channels differ by that factor."""
        height, width, before = self.shapes[source]
        g = conv((height, width), before, channels, k=size, p=size // 2)
        weight = self.rng.normal(0, gain / (size * np.sqrt(before)), (channels, before, size, size))
        weight *= np.geomspace(1 / spread, 1, channels)[:, None, None, None]
        weight, bias = weight.astype(np.float32), self.rng.normal(0, 0.2, channels).astype(np.float32)
        names = [self._constant(weight), self._constant(bias)]
        taps = weight.transpose(2, 3, 0, 1).reshape(-1, channels, before).astype(np.float64)
        bias_point = Affine(np.ones(1), bias.astype(np.float64))
        pads = {"kernel_shape": [size, size], "pads": 4 * [size // 2]}
        return self._layer("conv", Linear("conv", g, taps), (source,), (bias_point,), g.out_shape, points, names, pads)

    def add(self, a: str, b: str, *points: str, minus: bool = False) -> str:
        op = Add((1.0, -1.0)) if minus else Add()
        return self._layer("sub" if minus else "add", op, (a, b), (), self.shapes[a], points)

    def mul(self, a: str, b: str) -> str:
        """The product of two tensors, of which the second may be a vector of channels."""
        spread: Spread = "" if self.shapes[a] == self.shapes[b] else "vector"
        return self._layer("mul", Mul(spread), (a, b), (), self.shapes[a], ())

    def extremum(self, a: str, b: str, *, greater: bool) -> str:
        """The greater or the lesser of two tensors of one shape."""
        return self._layer("max" if greater else "min", Extremum(greater), (a, b), (), self.shapes[a], ())

    def pool(self, source: str, *, greater: bool = False) -> str:
        """The mean or the greatest value of each channel."""
        height, width, channels = self.shapes[source]
        op = Pool(((0, height),), ((0, width),), (height, width), greater, 1 / (height * width))
        return self._layer("max_pool" if greater else "pool", op, (source,), (), (1, 1, channels), ())

    def squeeze(self, source: str) -> str:
        """A map times what two layers make of its means: squeeze and excitation."""
        channels = self.shapes[source][2]
        gate = self.conv(self.conv(self.pool(source), 2, "Relu", size=1), channels, "Tanh", size=1, gain=3.0)
        return self.mul(source, gate)

    def concat(self, *sources: str) -> str:
        """Put tensors one behind the other along channels."""
        runs = tuple(self.shapes[source][2] for source in sources)
        shape = (*self.shapes[sources[0]][:2], sum(runs))
        return self._layer("concat", Concat(runs), sources, (), shape, (), (), {"axis": 1})

    def points(self, source: str, *points: str) -> str:
        return self._layer("pointwise", Identity(), (source,), (), self.shapes[source], points)

    def graph(self, *outputs: str) -> Graph:
        inputs = tuple(port(name, self.shapes[name]) for name in self.inputs)
        onnx_names = {layer.name: layer.probe.onnx_name for layer in self.layers}
        ports = tuple(replace(port(name, self.shapes[name]), onnx_name=onnx_names[name]) for name in outputs)
        graph = Graph("net", inputs, tuple(self.layers), ports)
        verify_graph(graph)
        return graph

    def model(self, *outputs: str) -> onnx.ModelProto:
        graph = self.graph(*outputs)
        infos = [
            [helper.make_tensor_value_info(p.onnx_name, TensorProto.FLOAT, p.onnx_shape) for p in ports]
            for ports in (graph.inputs, graph.outputs)
        ]
        made = helper.make_model(
            helper.make_graph(self.nodes, "net", infos[0], infos[1], self.constants),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8,
        )
        onnx.checker.check_model(made, full_check=True)
        return made

    def frames(self, count: int, seed: int = 1) -> dict[str, np.ndarray]:
        """Inputs ``[N, C, H, W]`` by ONNX name."""
        rng = np.random.default_rng(seed)
        shapes = {name: self.shapes[name] for name in self.inputs}
        return {name: rng.normal(size=(count, c, h, w)).astype(np.float32) for name, (h, w, c) in shapes.items()}

    def _layer(
        self,
        kind: str,
        op: Operation,
        inputs: tuple[str, ...],
        first: tuple[Point, ...],
        shape: Shape,
        points: Sequence[str],
        constants: Sequence[str] = (),
        attributes: dict[str, list[int] | int] | None = None,
    ) -> str:
        name = f"l{len(self.layers)}_{kind}"
        onnx_names = {layer.name: layer.probe.onnx_name for layer in self.layers}
        read = [onnx_names.get(source, source) for source in inputs]
        current = f"t{len(self.nodes)}"
        operator = _OPERATORS[kind]
        self.nodes.append(helper.make_node(operator, [*read, *constants], [current], f"/{name}", **(attributes or {})))
        for point in points:
            after = f"t{len(self.nodes)}"
            extra = {"alpha": 0.2} if point == "LeakyRelu" else {}
            self.nodes.append(helper.make_node(point, [current], [after], f"/{name}/{point}", **extra))
            current = after
        probe = replace(port(name, shape), onnx_name=current)
        chain = (*first, *(_POINTS[point] for point in points))
        self.layers.append(Layer(name, f"/{name}", inputs, shape, op, chain, probe))
        self.shapes[name] = shape
        return name

    def _constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name


def residual(channels: int = 6, size: int = 5, seed: int = 0) -> tuple[Net, tuple[str, ...]]:
    """Two residual blocks, one with points behind its sum, a long skip over both, and an image at the end."""
    net = Net(seed)
    head = net.conv(net.input(size, size, 4), channels, "Relu")
    first = net.conv(net.conv(head, channels, "Relu"), channels)
    body = net.add(head, first, "Relu")
    second = net.conv(net.conv(body, channels, "LeakyRelu"), channels)
    body = net.add(body, second)
    body = net.add(net.conv(body, channels), head)
    return net, (net.conv(body, 3, "Tanh"),)


def twins(seed: int = 0) -> tuple[Net, tuple[str, ...]]:
    """Two inputs whose difference is read by two heads of other ranges: an image, and a map ten times as large."""
    net = Net(seed)
    left, right = net.input(4, 6, 3), net.input(4, 6, 2)
    a, b = net.conv(left, 5, "Relu"), net.conv(right, 5, size=1)
    both = net.add(net.add(a, b, minus=True), net.add(b, b), "LeakyRelu")
    return net, (net.conv(both, 1, "Tanh"), net.conv(both, 2, gain=10.0))


def fork(seed: int = 0) -> tuple[Net, tuple[str, ...]]:
    """One tensor of uneven channels that two convolutions read, whose results are added up."""
    net = Net(seed)
    stem = net.conv(net.input(4, 4, 3), 8, "Relu", spread=300.0)
    return net, (net.add(net.conv(stem, 4), net.conv(stem, 4, size=1), "Tanh"),)


def random_net(seed: int) -> tuple[Net, tuple[str, ...]]:
    """Layers that read any of the tensors before them; what nobody reads leaves the model, and often something more."""
    net = Net(seed)
    rng = np.random.default_rng(seed)
    for _ in range(rng.integers(1, 4)):
        net.input(3, 4, int(rng.integers(2, 5)))
    points: tuple[tuple[str, ...], ...] = ((), ("Relu",), ("LeakyRelu",), ("Tanh",))
    for _ in range(rng.integers(5, 12)):
        a = str(rng.choice(list(net.shapes)))
        alike = [name for name, shape in net.shapes.items() if shape == net.shapes[a]]
        chosen = points[rng.integers(0, len(points))]
        match rng.integers(0, 9):
            case 6:
                net.mul(a, str(rng.choice(alike)))
            case 7:
                net.extremum(a, str(rng.choice(alike)), greater=bool(rng.integers(0, 2)))
            case 8:
                net.squeeze(a)
            case 5:
                of_size = [name for name, shape in net.shapes.items() if shape[:2] == net.shapes[a][:2]]
                net.concat(a, str(rng.choice(of_size)), a)
            case 0 | 1:
                net.conv(a, int(rng.integers(3, 5)), *chosen, size=int(rng.choice([1, 3])))
            case 2 | 3:
                net.add(a, str(rng.choice(alike)), *chosen, minus=bool(rng.integers(0, 2)))
            case _:
                net.points(a, *(chosen or ("Tanh",)))
    read = {name for layer in net.layers for name in layer.inputs}
    ends = [layer.name for layer in net.layers if layer.name not in read]
    more = str(rng.choice([layer.name for layer in net.layers]))
    return net, (*ends, *({more} - set(ends)))


def dense_block(seed: int = 0) -> tuple[Net, tuple[str, ...]]:
    """Convolutions that read all before them, one behind the other, and a U-Net's skip around them."""
    net = Net(seed)
    head = net.conv(net.input(5, 4, 3), 4, "LeakyRelu")
    made = [head]
    for _ in range(3):
        made.append(net.conv(net.concat(*made) if len(made) > 1 else head, 2, "LeakyRelu"))
    body = net.add(net.conv(net.concat(*made), 4, size=1), head)
    return net, (net.conv(net.concat(body, head), 3, "Tanh"),)


def squeezed(seed: int = 0) -> tuple[Net, tuple[str, ...]]:
    """A residual block with squeeze and excitation, and what a gate lets pass of it."""
    net = Net(seed)
    head = net.conv(net.input(5, 4, 3), 6, "LeakyRelu")
    body = net.add(head, net.squeeze(net.conv(head, 6, "LeakyRelu")))
    gated = net.mul(body, net.conv(body, 6, "Tanh"))
    return net, (net.conv(net.extremum(gated, head, greater=True), 3, "Tanh"),)


#: Makers of nets by what they are.
NETS = {"residual": residual, "twins": twins, "fork": fork, "dense_block": dense_block, "squeezed": squeezed}


def run_onnx(graph: Graph, model: onnx.ModelProto, frames: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor's stream ``[N, H, W, C]`` by name, as ONNX Runtime computes it."""
    streams = FloatModel(model, probes(graph)).run(frames)
    return streams | {port.name: port.to_stream(frames[port.onnx_name]).astype(np.float32) for port in graph.inputs}


def run_graph(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor's stream by name, layer by layer; ``inputs`` are streams."""
    streams = {port.name: inputs[port.name] for port in graph.inputs}
    for layer in graph.layers:
        streams[layer.name] = run_layer(layer, [streams[name] for name in layer.inputs])
    return streams
