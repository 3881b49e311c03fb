"""Maps of labels: whatever an exporter makes of a map of whole numbers first, pixel by pixel, becomes rows of a table.

A segmentation map enters as numbers of classes and becomes one-hot: by OneHot, by Equal with 0, 1, 2 and so on, by
ScatterElements into zeros, or behind a Squeeze.  What it becomes is computed for maps that have every class, and where
it is a function of each pixel alone, a Gather takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from gan2hls.frontend.evaluating import Computation
from gan2hls.frontend.labels import LABELS, behind
from gan2hls.frontend.tensor_type import TensorType

Array = npt.NDArray[Any]

#: Most classes of a map, and elements of each tensor that a map of them becomes.
_MOST_CLASSES, _MOST_ELEMENTS = 4096, 1 << 24
#: Operators that read of a tensor its shape alone.
_SHAPES = frozenset(("Shape", "Size"))
#: How often each class is there at least, in all maps for which it is computed.
_SEEN = 2


@final
@dataclass(frozen=True)
class _Float:
    """A float tensor that is made of a map of labels and of constants.

    Attributes:
        node: that makes it, the first one behind the map that makes floats.
        shape: of it.
        rows: of the table of which it takes one for each pixel; 0: none is known, so that it must be one-hot.
    """

    node: onnx.NodeProto
    shape: tuple[int, ...]
    rows: int

    @property
    def name(self) -> str:
        """Of the tensor."""
        return str(self.node.output[0])


def with_rows(model: onnx.ModelProto, given: Mapping[str, tuple[int, ...]]) -> None:
    """Put Gather in place of what makes floats of maps of labels.

    What is no function of each pixel alone stays, and is refused where it is read.

    Args:
        model: nodes in order; changed.
        given: shapes of inputs, where the model leaves them open or others are wanted.
    """
    for info in model.graph.input:
        declared = tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)
        shape = given.get(info.name, (1, *declared[1:]))
        if info.type.tensor_type.elem_type in LABELS and math.prod(shape) > 1:
            _take_rows(model, info, shape)


def _take_rows(model: onnx.ModelProto, info: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    floats = _floats(model, info.name, shape)
    if not floats:
        return
    count = math.prod(shape)
    classes = min(made.rows or math.prod(made.shape) // count for made in floats)
    if not 1 < classes <= _MOST_CLASSES:
        return
    rng = np.random.default_rng(0)
    whole = -(-_SEEN * max(count, classes) // count) * count  # elements of as many maps
    numbers = np.concatenate([rng.permutation(classes) for _ in range(-(-whole // classes))])[:whole]
    maps = list(numbers.reshape(-1, *shape))
    tables: dict[str, tuple[Array, int]] = {}
    try:
        values = list(_computed(model, info, shape, [made.name for made in floats], maps))
    except Exception:  # onnx's reference operators raise whatever NumPy raises; the map is refused as it stands
        return
    for made, of_maps in zip(floats, zip(*values, strict=True), strict=True):
        table = _table(maps, of_maps, shape, classes)
        if table is None or not (made.rows or _is_one_hot(table[0])):
            return
        tables[made.name] = table
    kept = [node for node in model.graph.node if not node.output or node.output[0] not in tables]
    rows = [node for made in floats for node in _rows(model, made, info.name, *tables[made.name])]
    del model.graph.node[:]
    model.graph.node.extend((*rows, *kept))


def _floats(model: onnx.ModelProto, label: str, shape: tuple[int, ...]) -> list[_Float]:
    """Return the first float tensors behind a map of labels.

    None where others are computed beside it, or what they are made of is large, of no known shape, or has branches.
    """
    types = _types(model, label, shape)
    computed = {info.name for info in model.graph.input}
    whole, found = {label}, list[_Float]()
    for node in model.graph.node:
        beside = computed.intersection(node.input)
        if node.op_type in _SHAPES or not beside:
            continue
        computed.update(node.output)
        if whole.isdisjoint(node.input):
            continue
        kind = types.get(node.output[0])
        if kind is None or not beside <= whole or len(node.output) != 1:
            return []
        if kind.elem != TensorProto.FLOAT:
            whole.update(node.output)
        elif node.op_type != "Gather" or node.input[1] != label:  # which is a layer of its own as it stands
            found.append(_Float(node, kind.shape, _rows_of(model, node, types)))
    region = behind(model.graph.node, *(made.name for made in found))
    branches = any(attribute.type == onnx.AttributeProto.GRAPH for node in region for attribute in node.attribute)
    return [] if branches or any(name not in types for node in region for name in node.output) else found


def _types(model: onnx.ModelProto, label: str, shape: tuple[int, ...]) -> dict[str, TensorType]:
    """Return the types of the tensors that nodes make of which the sizes are known, and not too many elements."""
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    for info in typed.graph.input:
        if info.name == label:
            info.type.tensor_type.shape.CopyFrom(helper.make_tensor_value_info(label, 1, shape).type.tensor_type.shape)
    try:
        typed = onnx.shape_inference.infer_shapes(typed, data_prop=True)
    except Exception:  # InferenceError, or ValueError of more than 2 GiB; the map is refused as it stands
        return {}
    found = {}
    for info in (*typed.graph.value_info, *typed.graph.output):
        kind = info.type.tensor_type
        sizes = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
        if kind.HasField("shape") and min(sizes, default=1) > 0 and math.prod(sizes) <= _MOST_ELEMENTS:
            found[info.name] = TensorType(kind.elem_type, sizes)
    return found


def _rows_of(model: onnx.ModelProto, node: onnx.NodeProto, types: Mapping[str, TensorType]) -> int:
    """Return how many rows the table has of which ``node`` takes some; 0 where it is no such node."""
    name, axis = node.input[0], next((a.i for a in node.attribute if a.name == "axis"), 0)
    tables = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    shape = tables.get(name) or (types[name].shape if name in types else ())
    if node.op_type == "Gather" and -len(shape) <= axis < len(shape):
        return shape[axis]
    return shape[0] if node.op_type == "GatherND" and len(shape) == 2 else 0


def _is_one_hot(table: Array) -> bool:
    """Whether class n has one number in channel n, and another one in all others; ``[classes, channels]``."""
    if table.shape[1] < len(table):
        return False
    own = np.asarray(np.eye(*table.shape) > 0)
    return np.unique(table[own]).size == 1 and np.unique(table[~own]).size == 1


def _computed(
    model: onnx.ModelProto,
    info: onnx.ValueInfoProto,
    shape: tuple[int, ...],
    names: Sequence[str],
    maps: Sequence[Array],
) -> Iterator[list[Array]]:
    """Yield what the tensors ``names`` are for each of ``maps``."""
    nodes = behind(model.graph.node, *names)
    read = {name for node in nodes for name in node.input}
    kind = info.type.tensor_type.elem_type
    graph = helper.make_graph(
        nodes,
        "labels",
        [helper.make_tensor_value_info(info.name, kind, shape)],
        [helper.make_empty_tensor_value_info(name) for name in names],
        [tensor for tensor in model.graph.initializer if tensor.name in read],
    )
    compute = Computation(helper.make_model(graph, opset_imports=model.opset_import))
    for one in maps:
        yield compute({info.name: one.astype(helper.tensor_dtype_to_np_dtype(kind))})


def _table(
    maps: Sequence[Array], values: Sequence[Array], shape: tuple[int, ...], classes: int
) -> tuple[Array, int] | None:
    """Return the row of each class, ``[classes, channels]``, and the axis of the channels; None: it is no table."""
    labels = np.stack(maps).ravel()
    for axis in range(values[0].ndim):
        if values[0].size != values[0].shape[axis] * math.prod(shape):  # other pixels, however they are laid out
            continue
        vectors = np.stack([np.moveaxis(value, axis, -1) for value in values]).reshape(labels.size, -1)
        first = np.unique(labels, return_index=True)[1]
        table = vectors[first]
        if len(table) == classes and np.array_equal(table[labels], vectors):
            return table, axis
    return None


def _rows(model: onnx.ModelProto, made: _Float, label: str, table: Array, axis: int) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that take the rows of ``table``, and add their constants."""
    name = f"{made.name}/rows"
    rest = [size for n, size in enumerate(made.shape) if n != axis]
    order = [*range(axis), len(rest), *range(axis, len(rest))]
    for what, value in (("table", table.astype(np.float32)), ("shape", np.array([*rest, made.shape[axis]], np.int64))):
        model.graph.initializer.append(numpy_helper.from_array(value, f"{name}/{what}"))
    source = made.node.name or made.node.op_type
    yield helper.make_node("Gather", [f"{name}/table", label], [f"{name}/taken"], f"{source}/table")
    yield helper.make_node("Reshape", [f"{name}/taken", f"{name}/shape"], [f"{name}/shaped"], f"{source}/shape")
    yield helper.make_node("Transpose", [f"{name}/shaped"], [made.name], f"{source}/order", perm=order)
