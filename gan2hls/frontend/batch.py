"""A file that fixes a batch of several frames becomes one of a single frame, as far as its constants follow."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from gan2hls.base import UnsupportedError
from gan2hls.frontend.naming import describe
from gan2hls.frontend.tensor_shapes import tensor_shapes


def fixed_batch(model: onnx.ModelProto) -> int:
    """Return the batch that the inputs declare; 1 where it is open.

    Raises:
        UnsupportedError: they declare different ones.
    """
    declared = {info.name: _batch(info) for info in model.graph.input}
    fixed = {name: batch for name, batch in declared.items() if batch > 0}
    if len(set(fixed.values())) > 1:
        raise UnsupportedError(
            f"fixes different batches of its inputs: {', '.join(f'{name!r} {n}' for name, n in fixed.items())}",
            hint="export it with a batch of 1, or with a dynamic batch axis, of all inputs",
        )
    return max(1, *fixed.values(), 1)


def has_open_batch(info: onnx.ValueInfoProto) -> bool:
    """Whether an input has a leading axis whose size the file leaves open."""
    return len(info.type.tensor_type.shape.dim) > 1 and not _batch(info)


def _batch(info: onnx.ValueInfoProto) -> int:
    """Return the batch that an input declares, 0 where it is open or there is none."""
    dims = info.type.tensor_type.shape.dim
    return max(0, int(dims[0].dim_value)) if len(dims) > 1 else 0


def hint_of(batch: int) -> str:
    """Return the way out where a node does not follow."""
    return (
        f"if this node relies on the batch of {batch} that the file fixes, export it with a batch of 1 or with a "
        "dynamic batch axis (dynamic_axes of torch.onnx.export)"
    )


def batch_inside(model: onnx.ModelProto, inputs: Mapping[str, tuple[int, ...]]) -> tuple[int, onnx.NodeProto] | None:
    """Return the batch that a Reshape fixes where inputs leave it open, and that node; None if there is none.

    Args:
        model: whatever it computes.
        inputs: shapes of its inputs with a batch of 1.
    """
    if not any(map(has_open_batch, model.graph.input)):
        return None
    values = constants(model)
    fixed = []
    for node in model.graph.node:
        if node.op_type == "Reshape" and len(node.input) == 2 and node.input[1] in values:
            target = whole_numbers(values[node.input[1]]).tolist()
            if target and min(target) > 0 and target[0] > 1:
                fixed.append((node, target))
    shapes = tensor_shapes(model, inputs) if fixed else {}  # which copies the weights
    for node, target in fixed:
        elements = math.prod(shapes.get(node.input[0], (0,)))  # 0 where a size is not known
        batch, rest = divmod(math.prod(target), elements) if elements else (1, 0)
        if batch > 1 and rest == 0 and target[0] % batch == 0:
            return batch, node
    return None


def take_one_frame(model: onnx.ModelProto, batch: int) -> None:
    """Divide by ``batch`` the leading size of every constant shape that a Reshape gives a computed tensor, in place.

    Raises:
        UnsupportedError: frames that a Transpose moves apart, or statistics of all of them.
    """
    shapes = tensor_shapes(model)
    values = constants(model)
    computed = {info.name for info in model.graph.input}
    apart: set[str] = set()
    for node in model.graph.node:
        if node.op_type in ("Shape", "Size") or computed.isdisjoint(node.input):
            continue
        computed.update(node.output)
        if _over_batch(node):
            raise UnsupportedError(
                f"takes statistics of a batch of {batch}",
                where=describe(node),
                hint="export it with a batch of 1, or with a dynamic batch axis: then they are those of one frame",
            )
        if not apart.isdisjoint(node.input) or (node.op_type == "Transpose" and _moves_batch(node)):
            apart.update(node.output)
        if node.op_type != "Reshape" or len(node.input) != 2 or node.input[1] not in values:
            continue
        target = whole_numbers(values[node.input[1]])
        whole = shapes.get(node.output[0])
        if not target.size or target[0] in (-1, 0) or not whole or whole[0] != target[0] or target[0] % batch:
            continue
        if not apart.isdisjoint(node.input):
            raise UnsupportedError("reshapes frames that lie apart", where=describe(node), hint=hint_of(batch))
        name = f"{node.output[0]}/one_frame"
        model.graph.initializer.append(numpy_helper.from_array(np.array([target[0] // batch, *target[1:]]), name))
        node.input[1] = name


def _over_batch(node: onnx.NodeProto) -> bool:
    """Whether a node's statistics reach over the frames of a batch."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "BatchNormalization":
        return bool(attributes.get("training_mode", 0)) or sum(map(bool, node.output)) > 1
    return node.op_type == "MeanVarianceNormalization" and 0 in attributes.get("axes", (0, 2, 3))


def constants(model: onnx.ModelProto) -> Mapping[str, onnx.TensorProto]:
    """Return initializers and what Constant nodes hold, by name."""
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    return values | {n.output[0]: n.attribute[0].t for n in model.graph.node if n.op_type == "Constant" and n.attribute}


def whole_numbers(tensor: onnx.TensorProto) -> npt.NDArray[np.int64]:
    """Return the whole numbers that a tensor holds, int64 ``[N]``; none of a broken one."""
    try:
        value = np.asarray(numpy_helper.to_array(tensor))
    except Exception:  # onnx raises ValueError, TypeError, KeyError or its own for broken tensors
        return np.zeros(0, np.int64)
    return value.reshape(-1).astype(np.int64) if value.dtype.kind in "iu" else np.zeros(0, np.int64)


def _moves_batch(node: onnx.NodeProto) -> bool:
    perm = next((helper.get_attribute_value(a) for a in node.attribute if a.name == "perm"), None)
    return not perm or perm[0] != 0
