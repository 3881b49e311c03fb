"""From an ONNX file to the float graph."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.errors import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend.chain import Chain
from gan2hls.frontend.fusion import find_fused
from gan2hls.frontend.naming import at, describe, identifier, type_name
from gan2hls.frontend.normalize import Normalized, TensorType, normalize
from gan2hls.frontend.operators import LAYOUT, SELECTIONS, check_supported
from gan2hls.frontend.prepare import prepare
from gan2hls.frontend.read import read_model
from gan2hls.ir import Graph, verify_graph
from gan2hls.layers import READERS
from gan2hls.layers.base import Linear, Tensor, check_size, parameters
from gan2hls.numerics import FloatArray

_log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, eq=False)
class Loaded:
    """A model that was read.

    Attributes:
        graph: one layer per linear or pointwise operator.
        onnx_model: the normalized model; ``Port.onnx_name`` names its tensors.
        sha256: of the file, followed by its external data if it has any.
        params: number of constants of floating type that its nodes read.
    """

    graph: Graph
    onnx_model: onnx.ModelProto
    sha256: str
    params: int


def load(path: Path, *, input_shapes: Mapping[str, tuple[int, ...]] | None = None) -> Loaded:
    """Read an ONNX file.

    Args:
        path: the file; external data is read from its folder only.
        input_shapes: shapes of inputs by ONNX name, where the file leaves them open.

    Raises:
        ModelError: the file is broken, unsafe or empty, or ``input_shapes`` contradict it.
        UnsupportedError: something in it cannot be built; says what, where, and the way out.
    """
    path = Path(path)
    model, sha256 = read_model(path)
    try:
        prepared, shapes = prepare(model, input_shapes or {})
        plain = normalize(prepared, shapes, check_supported)
        graph = _read_graph(plain, identifier(path.stem, "model"))
    except Gan2HlsError as error:
        raise at(error, str(path)) from error
    verify_graph(graph)
    params = sum(value.size for value in plain.constants.values() if value.dtype.kind not in "biu")
    _log.info(
        "%s: %d nodes, %d layers, %d parameters", path.name, len(plain.model.graph.node), len(graph.layers), params
    )
    return Loaded(graph, plain.model, sha256, params)


def _read_graph(plain: Normalized, name: str) -> Graph:
    (port,) = plain.model.graph.input
    (output,) = plain.model.graph.output
    shape = plain.types[port.name].shape
    _check_port(port.name, "input", plain.types[port.name])
    fused = find_fused(plain)
    hidden = {n for group in fused.values() for n in group.nodes[:-1]}
    nodes = list(plain.model.graph.node)
    chain, current = Chain(identifier(port.name, "x"), port.name, shape), port.name
    for n, node in enumerate(nodes):
        if n in hidden:
            continue
        group = fused.get(n)
        read = [name for name in node.input if name in plain.types] if group is None else [group.input]
        try:
            _check_chain(read, current, plain)
            if group is not None:
                source = " + ".join(nodes[m].name for m in group.nodes)
                chain.add_points(group.points, source, node.output[0], plain.types[node.output[0]].shape)
            else:
                _read_node(chain, node, plain)
        except Gan2HlsError as error:
            raise at(error, describe(node)) from error
        current = node.output[0]
    if not chain.layers:
        raise ModelError("nothing to build: it only passes its input on", hint="export the whole generator")
    _check_port(output.name, "output", plain.types[output.name])
    return chain.finish(name, output.name)


def _check_port(name: str, what: str, found: TensorType) -> None:
    check_size(found.shape, f"the {what} {name!r}")
    if len(found.shape) < 2 or found.shape[0] != 1 or not all(found.shape):
        raise UnsupportedError(
            f"the {what} {name!r} has shape {list(found.shape)}: a batch axis of 1 must lead, and no size be 0",
            hint="export the model with a batch axis of 1 in front; squeeze() without an axis drops it",
        )
    if found.elem != TensorProto.FLOAT:
        raise UnsupportedError(f"the {what} {name!r} is {type_name(found.elem)}", hint="only FLOAT is supported")


def _check_chain(read: list[str], current: str, plain: Normalized) -> None:
    if read == [current]:
        return
    several = len(set(read)) > 1
    what = f"joins several computed tensors {sorted(set(read))}" if several else f"reads {read[0]!r} a second time"
    raise UnsupportedError(
        f"{what}: branches are not supported",
        hint="supported are chains of layers (and Swish as x * Sigmoid(x)); remove skips, or merge the branches",
    )


def _read_node(chain: Chain, node: onnx.NodeProto, plain: Normalized) -> None:
    attributes = {a.name: _attribute(a) for a in node.attribute}
    made = plain.types[node.output[0]]
    check_size(made.shape, "its output")
    constants = [plain.constants.get(name) for name in node.input[1:]]
    if node.op_type in SELECTIONS:
        chain.select(SELECTIONS[node.op_type](chain.index, made.shape, *constants, **attributes))
        return
    if node.op_type in LAYOUT:
        if math.prod(made.shape) != chain.index.size:
            raise ModelError(
                f"{chain.index.size} elements do not fit shape {list(made.shape)}", hint="export the model again"
            )
        chain.index = LAYOUT[node.op_type](chain.index, made.shape, *constants, **attributes)
        return
    position = next(n for n, name in enumerate(node.input) if name in plain.types)
    tensor = Tensor(plain.types[node.input[position]].shape, position)
    values = [plain.constants.get(name) for name in node.input]
    read = READERS[node.op_type](tensor, *values, **attributes)
    if isinstance(read, Linear):
        if read.out_index.shape != made.shape:
            raise UnsupportedError(
                f"its output has shape {list(read.out_index.shape)}, onnx says {list(made.shape)}", hint="export again"
            )
        _check_finite((read.weight, read.bias), node, plain)
        chain.add_linear(read, node.name, node.output[0])
    else:
        _check_finite((value for point in read for value in parameters(point)), node, plain)
        chain.add_points(read, node.name, node.output[0], made.shape)


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _check_finite(values: Iterable[FloatArray | None], node: onnx.NodeProto, plain: Normalized) -> None:
    """Refuse parameters that are not finite, be it by themselves or only together."""
    if all(value is None or np.isfinite(value).all() for value in values):
        return
    read = [name for name in node.input if name in plain.constants]
    raise ModelError(
        f"its parameters, made of {read}, are NaN or infinite", hint="the training diverged; use an earlier checkpoint"
    )
