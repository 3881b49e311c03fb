"""Where each weight of a layer stands in the ONNX file, found by reading the model with indices for weights.

A layer's weights are a permutation of a node's constant, and reorderings between layers are absorbed into it.  Instead
of inverting all that by hand, the front end reads the model a second time, with every weight replaced by its own index.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from gan2hls import frontend
from gan2hls.base import UnsupportedError
from gan2hls.config import named
from gan2hls.frontend import Loaded, assemble
from gan2hls.model import Graph, Layer, linear_layers
from gan2hls.numbers import Int64Array
from gan2hls.ops import COPY, Linear

#: Indices below it are exact in float32; greater ones are read digit by digit.
_DIGIT = 1 << 24
#: Weights may differ from the constant's times one factor by float32's rounding.
_TOLERANCE = 1e-6

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Int32Array = npt.NDArray[np.int32]  # constants have 2^26 elements at most


@final
@dataclass(frozen=True, eq=False)
class Traced:
    """A layer's weight in the normalized model.

    Attributes:
        node: the node's first output, which names it.
        op: its operator.
        position: which input of the node the weight is.
        shape: the constant's.
        index: int32 of the layer's ``weight.shape``: the constant's flat element of each weight.
        factor: ``layer.weight = factor * constant.flat[index]``: Gemm's alpha, or a scale that the passes folded in.
        channel: int64 ``[CO]``, which channel of the node's output each output channel of the layer is.
    """

    node: str
    op: str
    position: int
    shape: Shape
    index: Int32Array
    factor: float
    channel: Int64Array

    def to_constant(self, values: npt.NDArray[np.generic], rest: float = 0) -> Array:
        """Lay ``values`` of the layer's weight shape out as the constant is; ``rest`` fills what the layer skips."""
        made = np.full(math.prod(self.shape), rest, values.dtype)
        for index, tap in zip(self.index, values, strict=True):  # not all at once: NumPy makes int64 of an index
            made[index] = tap
        return made.reshape(self.shape)


def trace(loaded: Loaded, graph: Graph, origins: Mapping[str, str]) -> dict[str, Traced]:
    """Return where the weights of each linear layer of ``graph`` (``loaded.graph`` after the passes) come from.

    Layers whose weights are not a constant of the file are left out.  ``origins`` are the names in ``loaded.graph`` of
    the layers of ``graph``.

    Raises:
        UnsupportedError: the passes scaled a layer's input channels one by one; says which layer.
    """
    constants = {tensor.name: tensor for tensor in loaded.onnx_model.graph.initializer}
    nodes = {node.output[0]: node for node in loaded.onnx_model.graph.node}
    positions = {output: at for output, node in nodes.items() if (at := _position(node, constants)) is not None}
    weights = {output: constants[nodes[output].input[n]] for output, n in positions.items()}
    shapes = {output: tuple(tensor.dims) for output, tensor in weights.items()}
    found = _indices(loaded.onnx_model, positions, shapes)
    nodes_of = {layer.name: layer.probe.onnx_name for layer, _ in _weighted(loaded.graph)}
    traced = {}
    for layer, op in _weighted(graph):
        output = nodes_of[origins[layer.name]]
        if output in positions:
            node, shape, index = nodes[output], shapes[output], found.pop(output)
            traced[layer.name] = Traced(
                output,
                node.op_type,
                positions[output],
                shape,
                index,
                _factor(layer, op, weights[output], index),
                _channels(node, positions[output], index, shape, op),
            )
    return traced


def _weighted(graph: Graph) -> list[tuple[Layer, Linear]]:
    """Return the linear layers but for copies, which have no node of their own."""
    return [(layer, op) for layer, op in linear_layers(graph) if op.kind != COPY]


def _position(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> int | None:
    if node.op_type in ("Conv", "ConvTranspose"):
        return 1 if node.input[1] in constants else None
    if node.op_type in ("Gemm", "MatMul"):
        return next((n for n in (0, 1) if node.input[n] in constants), None)
    return None


def _indices(
    model: onnx.ModelProto, positions: Mapping[str, int], shapes: Mapping[str, Shape]
) -> dict[str, Int32Array]:
    """Return each linear layer's weight indices, by the tensor that its node makes; below 0 where it has no weight."""
    most = max(map(math.prod, shapes.values()), default=1)
    total: dict[str, Int32Array] = {}
    for digit in range(1 if most <= _DIGIT else 2):
        read = _read(model, positions, shapes, digit)
        for layer, op in _weighted(read):
            part = np.rint(op.weight).astype(np.int32)
            part *= np.int32(_DIGIT**digit)
            part -= np.int32(digit == 0)
            output = layer.probe.onnx_name
            total[output] = total[output] + part if digit else part
    return total


def _read(model: onnx.ModelProto, positions: Mapping[str, int], shapes: Mapping[str, Shape], digit: int) -> Graph:
    """Return the graph of ``model`` whose weights are a digit of their own index."""
    nodes, names = [], {}
    for n, original in enumerate(model.graph.node):
        node = onnx.NodeProto()
        node.CopyFrom(original)
        if node.output[0] in positions:
            names[node.output[0]] = node.input[positions[node.output[0]]] = f"g2h_index_{n}"
            kept = [attribute for attribute in node.attribute if attribute.name != "alpha"]
            del node.attribute[:]
            node.attribute.extend(kept)
        nodes.append(node)
    read = {name for node in nodes for name in node.input}
    others = [tensor for tensor in model.graph.initializer if tensor.name in read]
    numbers = (_numbers(shapes[output], digit, name) for output, name in names.items())
    graph = helper.make_graph(nodes, "numbered", model.graph.input, model.graph.output)
    numbered = assemble(graph, chain(others, numbers), model.opset_import, model.ir_version)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbered.onnx"
        path.write_bytes(numbered.SerializeToString())
        del numbered
        return frontend.load(path).graph


def _numbers(shape: Shape, digit: int, name: str) -> onnx.TensorProto:
    """Return a constant whose elements are the digit of their own index, the last one plus 1: 0 is no weight."""
    indices = np.arange(math.prod(shape), dtype=np.int32) // _DIGIT**digit % _DIGIT + (digit == 0)
    return numpy_helper.from_array(indices.astype(np.float32).reshape(shape), name)


def _factor(layer: Layer, op: Linear, constant: onnx.TensorProto, index: Int32Array) -> float:
    values = numpy_helper.to_array(constant).ravel()
    if index.min() < 0 or index.max() >= values.size:
        raise _no_weights_of_file(layer)
    read = values[index]
    peak = np.unravel_index(np.abs(read).argmax(), read.shape)
    factor = float(op.weight[peak] / float(read[peak])) if read[peak] else 1.0
    taps = zip(op.weight, read, strict=True)  # tap by tap, since comparing takes several copies in float64
    if not all(np.allclose(tap, factor * part.astype(np.float64), rtol=_TOLERANCE, atol=0) for tap, part in taps):
        raise _no_weights_of_file(layer)
    return 1.0 if abs(factor - 1) < _TOLERANCE else factor


def _no_weights_of_file(layer: Layer) -> UnsupportedError:
    """Return what is said of a layer whose weights are no permutation of a constant's."""
    return UnsupportedError(
        "its weights are not those of the file, one by one: an operator before it scales, repeats or leaves out some "
        "of the channels that it reads",
        where=named(layer.name, layer.source),
        hint="fold a scale per channel (such as a BatchNormalization) into the weights of the file first; let it read "
        "every channel once",
    )


def _channels(node: onnx.NodeProto, position: int, index: Int32Array, shape: Shape, op: Linear) -> Int64Array:
    """Return the node's output channel of every output channel of the layer."""
    at = np.unravel_index(index[0, :, 0], shape)
    match node.op_type:
        case "Conv":
            return at[0].astype(np.int64)
        case "ConvTranspose":
            groups = op.geometry.groups
            channels: Int64Array = at[0] // (shape[0] // groups) * shape[1] + at[1]
            return channels
        case _:
            flags = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            swapped = bool(flags.get("transA" if position == 0 else "transB", 0))
            axis = len(shape) - (1 if (position == 1) != swapped else 2)
            return at[axis].astype(np.int64)
