"""Matrix products of two computed tensors of which one has a single row or column: sums of products.

So global context is spelled: a map ``[1, C, N]`` times attention ``[1, N, 1]`` is the mean of their product over the
pixels, times how many they are.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.normalize import Normalized


def as_means(plain: Normalized) -> Normalized:
    """Return ``plain`` with a Mul, a GlobalAveragePool and a Mul in place of each such MatMul."""
    sides = [_side(node, plain) for node in plain.model.graph.node]
    if not any(sides):
        return plain
    added = Added(plain)
    for node, side in zip(plain.model.graph.node, sides, strict=True):
        if side:
            _write(node, side == "left", plain, added)
        else:
            added.nodes.append(node)
    return added.model()


def _side(node: onnx.NodeProto, plain: Normalized) -> str:
    """Return which operand of a MatMul of one frame is the map, ``left`` or ``right``; empty: it is no such product."""
    if node.op_type != "MatMul" or node.domain not in ("", "ai.onnx") or len(set(node.input)) < 2:
        return ""
    kinds = [plain.types.get(name) for name in node.input]
    if any(kind is None or kind.elem != TensorProto.FLOAT or len(kind.shape) < 2 for kind in kinds):
        return ""
    (*a_frames, rows, _), (*b_frames, _, columns) = (kind.shape for kind in kinds if kind is not None)
    if math.prod(a_frames) != 1 or math.prod(b_frames) != 1:
        return ""
    return "left" if columns == 1 else "right" if rows == 1 else ""


def _write(node: onnx.NodeProto, left: bool, plain: Normalized, added: Added) -> None:
    output = node.output[0]
    image, weights = node.input if left else node.input[::-1]
    shape = plain.types[image].shape
    if not left:
        turned = (*shape[:-2], shape[-1], shape[-2])
        name = added.tensor(f"{output}/turned", turned)
        perm = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
        added.nodes.append(helper.make_node("Transpose", [image], [name], f"{node.name}/Transpose", perm=perm))
        image, shape = name, turned
    *_, rows, count = shape
    operands = [
        added.node("Reshape", [name, added.shape(f"{output}/{what}_shape", size)], f"{output}/{what}", size, node.name)
        for name, what, size in ((image, "map", (1, rows, count)), (weights, "weights", (1, 1, count)))
    ]
    products = added.node("Mul", operands, f"{output}/products", (1, rows, count), node.name)
    mean = added.node("GlobalAveragePool", [products], f"{output}/mean", (1, rows, 1), node.name)
    scale = added.constant(f"{output}/count", np.array(count, np.float32))
    total = added.node("Mul", [mean, scale], f"{output}/sum", (1, rows, 1), node.name)
    whole = plain.types[output].shape
    added.node("Reshape", [total, added.shape(f"{output}/shape", whole)], output, whole, node.name)
