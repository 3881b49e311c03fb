"""The float graph: what the front end reads, the passes rewrite, and lowering turns into integers.

A tensor is a stream of ``(H, W, C)`` in raster order, channels innermost, and is named after the layer or input that
produces it.  ONNX tensors map onto streams by an explicit permutation (``Port.order``), so NCHW, NHWC, Flatten and
Reshape are one thing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.model.points import Point
from gan2hls.numbers import QuantType
from gan2hls.ops import Linear, Operation, Shape

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@final
@dataclass(frozen=True, eq=False)
class Port:
    """How a stream corresponds to a tensor of the ONNX model.

    Attributes:
        name: identifier of the stream (``IDENTIFIER``).
        onnx_name: the ONNX tensor's name, untrusted text.
        onnx_shape: its shape, batch 1.
        shape: the stream's ``(H, W, C)``.
        order: int64 ``[H * W * C]``; stream element ``j`` is the ONNX tensor's flat element ``order[j]``.  A layer's
            stream may leave elements out, what the model crops; inputs and outputs have all.
        labels: how many whole numbers, from 0 on, an input holds, and no others; 0: it holds real numbers.
    """

    name: str
    onnx_name: str
    onnx_shape: tuple[int, ...]
    shape: Shape
    order: npt.NDArray[np.int64]
    labels: int = 0

    def to_stream(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Turn ``[N, *onnx_shape[1:]]`` into ``[N, H, W, C]``; the leading axis counts frames."""
        return values.reshape(-1, math.prod(self.onnx_shape))[:, self.order].reshape(-1, *self.shape)

    def from_stream(self, stream: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Turn ``[N, H, W, C]`` into ``[N, *onnx_shape[1:]]``."""
        flat = stream.reshape(-1, self.order.size)
        values = np.empty_like(flat)
        values[:, self.order] = flat
        return values.reshape(-1, *self.onnx_shape[1:])


@final
@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: an operation, then a chain of pointwise functions, then an optional pixel shuffle.

    Attributes:
        name: unique identifier (``IDENTIFIER``), also the name of the tensor it produces.
        source: the ONNX nodes it came from, for people; untrusted text.
        inputs: names of the tensors it reads.
        shape: output ``(H, W, C)``; of a linear layer that of its geometry, or what a pixel shuffle makes of it
            (``ops.shuffled``): the features of a dense layer that become an image are one too.
        op: what it makes of its inputs.
        points: applied in order to what the operation makes.
        probe: the ONNX tensor that this layer's output equals, to measure against.
    """

    name: str
    source: str
    inputs: tuple[str, ...]
    shape: Shape
    op: Operation
    points: tuple[Point, ...]
    probe: Port

    @property
    def is_copy(self) -> bool:
        """Whether its output has the elements of its input and nothing else, and so the same type."""
        return self.op.copies and not self.points

    @property
    def channels(self) -> int:
        """The channels that the points distinguish."""
        return self.op.channels(self.shape)


@final
@dataclass(frozen=True, eq=False)
class Graph:
    """A whole generator in float.

    Attributes:
        name: identifier of the model.
        inputs: of the model.
        layers: in topological order.
        outputs: of the model; they name layers by ``Port.name``.
        pinned: types that the file's own quantizers fix, by the name of the input or layer.
    """

    name: str
    inputs: tuple[Port, ...]
    layers: tuple[Layer, ...]
    outputs: tuple[Port, ...]
    pinned: Mapping[str, QuantType] = field(default_factory=dict)


def verify_graph(graph: Graph) -> None:
    """Check what every later stage relies on.

    Raises:
        AssertionError: a stage of gan2hls made an illegal graph.
    """
    shapes = {port.name: port.shape for port in graph.inputs}
    assert IDENTIFIER.match(graph.name), f"graph name {graph.name!r}"
    assert len(shapes) == len(graph.inputs), "input names repeat"
    for layer in graph.layers:
        assert IDENTIFIER.match(layer.name) and layer.name not in shapes, f"layer name {layer.name!r}"
        assert all(name in shapes for name in layer.inputs), f"{layer.name} reads an unknown tensor"
        assert layer.probe.shape == layer.shape, f"{layer.name} probes {layer.probe.shape}, not {layer.shape}"
        inputs = [shapes[name] for name in layer.inputs]
        assert layer.op.fits(inputs, layer.shape), f"{layer.name}: {layer.op.kind} makes {layer.shape} of {inputs}"
        if isinstance(layer.op, Linear):
            weight, wanted = layer.op.weight, layer.op.geometry.weight_shape
            assert weight.shape == wanted, f"{layer.name}: weights {weight.shape}, not {wanted}"
            assert np.isfinite(weight).all(), f"{layer.name}: weights that are not finite"
        shapes[layer.name] = layer.shape
    for port in graph.outputs:
        assert shapes.get(port.name) == port.shape, f"output {port.name!r}"
    assert set(graph.pinned) <= set(shapes), f"types are pinned of unknown tensors: {sorted(graph.pinned)}"
    for port in (*graph.inputs, *graph.outputs, *(layer.probe for layer in graph.layers)):
        assert port.order.shape == (int(np.prod(port.shape)),), f"order of {port.name}"


def linear_layers(graph: Graph) -> list[tuple[Layer, Linear]]:
    """Return the layers with weights, in order, each with its operation."""
    return [(layer, layer.op) for layer in graph.layers if isinstance(layer.op, Linear)]
