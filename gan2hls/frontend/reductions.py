"""Reductions that are no layers, by those that are: norms as sums of functions, parts of a map as pools.

Those of a normalization, or of modulated weights, have been read before as what they belong to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.normalize import Normalized

#: What is summed, and what is made of the sum: operators of one tensor, ``Mul`` of it by itself.
SUMS: Mapping[str, tuple[str, str]] = {
    "ReduceL1": ("Abs", ""),
    "ReduceL2": ("Mul", "Sqrt"),
    "ReduceLogSum": ("", "Log"),
    "ReduceLogSumExp": ("Exp", "Log"),
    "ReduceSumSquare": ("Mul", ""),
}
#: Pools that are reductions of all of a window.
_POOLS: Mapping[str, str] = {"ReduceMax": "MaxPool", "ReduceMean": "AveragePool", "ReduceSum": "AveragePool"}
#: Axes of the rows and columns of windows in a view ``[1, C, H, rows, W, columns]`` of a map.
_OF_WINDOWS = (3, 5)


def plain_reductions(plain: Normalized) -> Normalized:
    """Return ``plain`` with a ReduceMean between two functions, or a pool, in place of such reductions."""
    makers = {node.output[0]: node for node in plain.model.graph.node}
    added = Added(plain)
    changed = False
    for node in plain.model.graph.node:
        computed = node.input and node.input[0] in plain.types and node.domain in ("", "ai.onnx")
        view = makers.get(node.input[0]) if computed else None
        if computed and node.op_type in SUMS and plain.types[node.output[0]].elem == TensorProto.FLOAT:
            _write_sum(node, plain, added)
            changed = True
        elif node.op_type in _POOLS and view is not None and _is_windows(view, node, plain):
            _write_pool(node, view.input[0], plain, added)
            changed = True
        else:
            added.nodes.append(node)
    return added.model() if changed else plain


def reduced_axes(node: onnx.NodeProto, plain: Normalized) -> list[int]:
    """Return the axes that ``node`` reduces, from 0 on; none: all of them, or nothing, as other attributes say."""
    given = next((list(a.ints) for a in node.attribute if a.name == "axes"), [])
    if len(node.input) > 1 and node.input[1] in plain.constants:
        given = [int(n) for n in plain.constants[node.input[1]].ravel()]
    rank = len(plain.types[node.input[0]].shape)
    return [n % rank for n in given]


def _write_sum(node: onnx.NodeProto, plain: Normalized, added: Added) -> None:
    source, output = node.input[0], node.output[0]
    before, after = SUMS[node.op_type]
    shape, made = plain.types[source].shape, plain.types[output].shape
    if before:
        operands = [source, source] if before == "Mul" else [source]
        source = added.node(before, operands, f"{output}/summed", shape, node.name)
    mean = onnx.NodeProto()
    mean.CopyFrom(node)
    mean.op_type = "ReduceMean"  # whose axes are an input where those of node are
    mean.input[0], mean.output[0] = source, added.tensor(f"{output}/mean", made)
    mean.name = f"{mean.output[0]}/ReduceMean"
    added.nodes.append(mean)
    count = added.constant(f"{output}/count", np.array(math.prod(shape) // math.prod(made), np.float32))
    total = added.node("Mul", [mean.output[0], count], f"{output}/sum" if after else output, made, node.name)
    if after:
        added.node(after, [total], output, made, node.name)


def _is_windows(view: onnx.NodeProto, node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``view`` sees a map as windows without overlap, which ``node`` reduces."""
    if view.op_type != "Reshape" or plain.types[view.output[0]].elem != TensorProto.FLOAT:
        return False
    whole, parts = plain.types[view.input[0]].shape, plain.types[view.output[0]].shape
    if len(whole) != 4 or len(parts) != 6 or tuple(sorted(reduced_axes(node, plain))) != _OF_WINDOWS:
        return False
    return whole == (*parts[:2], parts[2] * parts[3], parts[4] * parts[5])


def _write_pool(node: onnx.NodeProto, source: str, plain: Normalized, added: Added) -> None:
    output, parts = node.output[0], plain.types[node.input[0]].shape
    window, made = [parts[n] for n in _OF_WINDOWS], (*parts[:2], parts[2], parts[4])
    pooled = added.tensor(f"{output}/pooled", made)
    kind = _POOLS[node.op_type]
    added.nodes.append(
        helper.make_node(kind, [source], [pooled], f"{pooled}/{kind}", kernel_shape=window, strides=window)
    )
    if node.op_type == "ReduceSum":
        count = added.constant(f"{output}/count", np.array(math.prod(window), np.float32))
        pooled = added.node("Mul", [pooled, count], f"{output}/total", made, node.name)
    shape = plain.types[output].shape
    added.node("Reshape", [pooled, added.shape(f"{output}/shape", shape)], output, shape, node.name)
