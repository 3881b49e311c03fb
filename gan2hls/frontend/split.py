"""Nodes that stand for simpler ones: pools of windows that overlap, Concat with constants, scales that are computed."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend import computed_scales
from gan2hls.frontend.constants import Constants
from gan2hls.frontend.overlapping import apart
from gan2hls.frontend.tensor_type import TensorType

#: Largest number that is padded with: what is less by a larger one has lost bits of its own.
_MOST_PADDED = 1024
Types = Mapping[str, TensorType]
Infer = Callable[[onnx.NodeProto], Sequence[TensorType]]


def max_pool(node: onnx.NodeProto, types: Types, constants: Constants, infer: Infer) -> list[onnx.NodeProto]:
    """Return the pools of windows that do not overlap that a MaxPool is made of; none if it is one, or makes indices.

    Raises:
        UnsupportedError: it is neither 1-D nor 2-D.
    """
    if sum(map(bool, node.output)) > 1:
        return []
    return apart(node, types[node.input[0]].shape, infer(node)[0].shape, constants)


def concat(node: onnx.NodeProto, types: Types, constants: Constants, _: Infer) -> list[onnx.NodeProto]:
    """Return what a Concat with constants is made of; none if it can be read as it is.

    Zeros join a computed neighbour, then the computed tensors each other, then what the constants are is added.
    """
    computed = [name for name in node.input if name in types]
    values = {name: np.asarray(constants[name]) for name in node.input if name not in types}
    numbers = any(value.any() for value in values.values())
    if not values or types[computed[0]].elem != TensorProto.FLOAT or not (numbers or len(set(computed)) > 1):
        return []
    axis = next(a.i for a in node.attribute if a.name == "axis")
    base, output = node.name or node.output[0], node.output[0]
    zeros = {
        name: constants.add(f"{output}/zeros_{n}", np.zeros_like(value))
        for n, (name, value) in enumerate(values.items())
    }
    runs: list[list[str]] = [[]]
    for name in node.input:
        if name in types and types.keys() & set(runs[-1]):
            runs.append([])
        runs[-1].append(zeros.get(name, name))
    parts, joined = [], []
    for n, run in enumerate(runs):
        joined.append(run[0] if len(run) == 1 else f"{output}/padded_{n}")
        if len(run) > 1:
            parts.append(helper.make_node("Concat", run, joined[-1:], f"{base}/Pad_{n}", axis=axis))
    whole = f"{output}/joined" if numbers else output
    if len(joined) > 1:
        parts.append(helper.make_node("Concat", joined, [whole], base, axis=axis))
    else:
        whole = joined[0]
    if numbers:
        terms = [values[name] if name in values else np.zeros(types[name].shape, np.float32) for name in node.input]
        offset = constants.add(f"{output}/offset", _narrowed(np.concatenate(terms, axis)))
        parts.append(helper.make_node("Add", [whole, offset], [output], f"{base}/Add"))
    return parts


def matmul(node: onnx.NodeProto, types: Types, constants: Constants, _: Infer) -> list[onnx.NodeProto]:
    """Return the Einsum that a MatMul by one constant matrix for each row, or group, is; none by one for all."""
    shapes = [types[name].shape if name in types else constants[name].shape for name in node.input]
    values = [len(shape) > 2 and math.prod(shape[:-2]) > 1 for shape in shapes]
    at = next((n for n, name in enumerate(node.input) if name not in types), 0)
    lead = len(shapes[at]) - 2
    if node.input[at] in types or not values[at] or shapes[1 - at][:-2][-lead:] != shapes[at][:-2]:
        return []
    rank = max(map(len, shapes)) - 2
    axes = string.ascii_lowercase[:rank]
    terms = [axes[rank + 2 - len(shape) :] + pair for shape, pair in zip(shapes, ("yz", "zx"), strict=True)]
    return [helper.make_node("Einsum", node.input, node.output, node.name, equation=f"{terms[0]},{terms[1]}->{axes}yx")]


def col2im(node: onnx.NodeProto, types: Types, constants: Constants, _: Infer) -> list[onnx.NodeProto]:
    """Return what a Col2Im of two axes is: a transposed convolution that puts each column where it belongs."""
    size, block = (constants[name].tolist() if name in constants else [] for name in node.input[1:3])
    given = {a.name: list(a.ints) for a in node.attribute}
    strides, dilations = (given.get(name, [1, 1]) for name in ("strides", "dilations"))
    pads = given.get("pads", [0, 0, 0, 0])
    if len(size) != 2 or len(block) != 2 or node.input[0] not in types:
        return []
    spans = [(k - 1) * d + 1 for k, d in zip(block, dilations, strict=True)]
    counts = [(size[n] + pads[n] + pads[n + 2] - spans[n]) // strides[n] + 1 for n in range(2)]
    columns, places = types[node.input[0]].shape[1:]
    channels, rest = divmod(columns, math.prod(block))
    if rest or math.prod(counts) != places:
        return []
    output, base = node.output[0], node.name or node.output[0]
    kernel = np.tile(np.eye(math.prod(block), dtype=np.float32), (channels, 1)).reshape(columns, 1, *block)
    kernel_name = constants.add(f"{output}/kernel", kernel)
    image = constants.add(f"{output}/shape", np.array([1, columns, *counts]))
    attributes = {"group": channels, "strides": strides, "dilations": dilations, "pads": pads}
    extra = [size[n] - ((counts[n] - 1) * strides[n] + spans[n] - pads[n] - pads[n + 2]) for n in range(2)]
    return [
        helper.make_node("Reshape", [node.input[0], image], [f"{output}/blocks"], f"{base}/Reshape"),
        helper.make_node(
            "ConvTranspose", [f"{output}/blocks", kernel_name], [output], base, output_padding=extra, **attributes
        ),
    ]


def pad(node: onnx.NodeProto, types: Types, constants: Constants, _: Infer) -> list[onnx.NodeProto]:
    """Return what a Pad with a number is: with zeros, of a tensor that is less by it, and the number added again."""
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    value = given.get("value", 0.0)
    if len(node.input) > 2 and node.input[2]:
        if node.input[2] not in constants or constants[node.input[2]].size != 1:
            return []
        value = float(constants[node.input[2]].item())
    plain = given.get("mode", b"constant") == b"constant" and node.input[0] in types
    if not plain or not 0 < abs(value) <= _MOST_PADDED or types[node.input[0]].elem != TensorProto.FLOAT:
        return []
    output, base = node.output[0], node.name or node.output[0]
    number = constants.add(f"{output}/number", np.array(value, np.float32))
    zeros = onnx.NodeProto()
    zeros.CopyFrom(node)
    zeros.input[0], zeros.output[0], zeros.name = f"{output}/less", f"{output}/padded", base
    if len(node.input) > 2:
        zeros.input[2] = ""
    kept = [attribute for attribute in node.attribute if attribute.name != "value"]
    del zeros.attribute[:]
    zeros.attribute.extend(kept)
    return [
        helper.make_node("Sub", [node.input[0], number], zeros.input[:1], f"{base}/Sub"),
        zeros,
        helper.make_node("Add", [zeros.output[0], number], [output], f"{base}/Add"),
    ]


def reduce_min(node: onnx.NodeProto, types: Types, _: Constants, infer: Infer) -> list[onnx.NodeProto]:
    """Return ReduceMax between two Negs; nothing where the least values are the elements themselves."""
    name, output, base = node.input[0], node.output[0], node.name or node.output[0]
    if name not in types or list(infer(node)) == [types[name]]:
        return []
    greatest = onnx.NodeProto()
    greatest.CopyFrom(node)
    greatest.op_type, greatest.name = "ReduceMax", base
    greatest.input[0], greatest.output[0] = f"{output}/opposite", f"{output}/greatest"
    return [
        helper.make_node("Neg", [name], greatest.input[:1], f"{base}/Neg_in"),
        greatest,
        helper.make_node("Neg", greatest.output, [output], f"{base}/Neg_out"),
    ]


def _narrowed(value: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return ``value`` with one element along each axis along which it is the same."""
    for axis in range(value.ndim):
        first = value.take([0], axis)
        value = first if (value == first).all() else value
    return value


#: By operator: ``(node, types of computed tensors, constants, types of its outputs) -> nodes``; their constants
#: are added.
SPLIT: Mapping[str, Callable[[onnx.NodeProto, Types, Constants, Infer], list[onnx.NodeProto]]] = {
    "Col2Im": col2im,
    "Concat": concat,
    "MatMul": matmul,
    "MaxPool": max_pool,
    "Pad": pad,
    "ReduceMin": reduce_min,
    **dict.fromkeys(computed_scales.OF_CHANNELS, computed_scales.apart),
}
