"""A file that fixes a batch of several frames becomes one of a single frame, as far as its constants follow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from gan2hls.base import UnsupportedError
from gan2hls.frontend.naming import describe


def fixed_batch(info: onnx.ValueInfoProto) -> int:
    """Return the batch that an input declares; 1 where it is open."""
    dims = info.type.tensor_type.shape.dim
    return max(1, int(dims[0].dim_value)) if len(dims) > 1 else 1


def hint_of(batch: int) -> str:
    """Return the way out where a node does not follow."""
    return (
        f"if this node relies on the batch of {batch} that the file fixes, export it with a batch of 1 or with a "
        "dynamic batch axis (dynamic_axes of torch.onnx.export)"
    )


def take_one_frame(model: onnx.ModelProto, batch: int) -> None:
    """Divide by ``batch`` the leading size of every constant shape that a Reshape gives a computed tensor, in place.

    Raises:
        UnsupportedError: frames that a Transpose moves apart.
    """
    shapes = _shapes(model)
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    values |= {n.output[0]: n.attribute[0].t for n in model.graph.node if n.op_type == "Constant" and n.attribute}
    computed = {info.name for info in model.graph.input}
    apart: set[str] = set()
    for node in model.graph.node:
        if node.op_type in ("Shape", "Size") or computed.isdisjoint(node.input):
            continue
        computed.update(node.output)
        if not apart.isdisjoint(node.input) or (node.op_type == "Transpose" and _moves_batch(node)):
            apart.update(node.output)
        if node.op_type != "Reshape" or len(node.input) != 2 or node.input[1] not in values:
            continue
        target = _target(values[node.input[1]])
        whole = shapes.get(node.output[0])
        if not target.size or target[0] in (-1, 0) or not whole or whole[0] != target[0] or target[0] % batch:
            continue
        if not apart.isdisjoint(node.input):
            raise UnsupportedError("reshapes frames that lie apart", where=describe(node), hint=hint_of(batch))
        name = f"{node.output[0]}/one_frame"
        model.graph.initializer.append(numpy_helper.from_array(np.array([target[0] // batch, *target[1:]]), name))
        node.input[1] = name


def _target(tensor: onnx.TensorProto) -> npt.NDArray[np.int64]:
    """Return the shape that a tensor holds; of a broken one, of which the node will tell, nothing."""
    try:
        value = np.asarray(numpy_helper.to_array(tensor))
    except Exception:  # onnx raises ValueError, TypeError, KeyError or its own for broken tensors
        return np.zeros(0, np.int64)
    return value.reshape(-1).astype(np.int64) if value.dtype.kind in "iu" else np.zeros(0, np.int64)


def _moves_batch(node: onnx.NodeProto) -> bool:
    perm = next((helper.get_attribute_value(a) for a in node.attribute if a.name == "perm"), None)
    return not perm or perm[0] != 0


def _shapes(model: onnx.ModelProto) -> Mapping[str, tuple[int, ...]]:
    """Return the shapes of all tensors in the whole batch, where onnx can tell them."""
    open_ended = onnx.ModelProto()
    open_ended.CopyFrom(model)
    for info in open_ended.graph.output:
        info.ClearField("type")  # of which the file may say nothing, or what is no longer true
    try:
        inferred = onnx.shape_inference.infer_shapes(open_ended, data_prop=True)
    except Exception:  # InferenceError and more from C++: the nodes will say themselves what is wrong
        return {}
    infos = (*inferred.graph.value_info, *inferred.graph.output)
    return {info.name: tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim) for info in infos}
