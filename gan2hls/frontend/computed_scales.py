"""Normalizations whose scale or bias is computed, as by a style: the normalization alone, a Mul and an Add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from gan2hls.frontend.constants import Constants
from gan2hls.frontend.tensor_type import TensorType

#: Operators with a scale as second and a bias as third input, and whether these are of channels, not of the last axes.
OF_CHANNELS: Mapping[str, bool] = {
    "BatchNormalization": True,
    "GroupNormalization": True,
    "InstanceNormalization": True,
    "LayerNormalization": False,
    "RMSNormalization": False,
}


def apart(
    node: onnx.NodeProto,
    types: Mapping[str, TensorType],
    constants: Constants,
    _: Callable[[onnx.NodeProto], Sequence[TensorType]],
) -> list[onnx.NodeProto]:
    """Return the nodes that such a normalization is, whose constants are added; none where both are constant."""
    if not types.keys().isdisjoint(node.input[3:5]):
        return _by_statistics(node, len(types[node.input[0]].shape), constants)
    read = list(node.input[1:3])
    if types.keys().isdisjoint(read) or node.input[0] not in types:
        return []
    output, base, rank = node.output[0], node.name or node.output[0], len(types[node.input[0]].shape)

    def constant(name: str, value: npt.NDArray[np.generic]) -> str:
        return constants.add(f"{output}/{name}", value)

    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    plain.output[0] = f"{output}/normalized"
    parts, made = [plain], plain.output[0]
    for n, (op_type, neutral) in enumerate(zip(("Mul", "Add"), (1, 0), strict=True)):
        if n >= len(read) or not read[n]:
            continue
        shape = types[read[n]].shape if read[n] in types else constants[read[n]].shape
        plain.input[n + 1] = constant(f"neutral_{n}", np.full(shape, neutral, np.float32))
        factor = read[n]
        if OF_CHANNELS[node.op_type]:
            factor = f"{output}/{op_type}/operand"
            target = constant(f"{op_type}/shape", np.array([1, -1, *[1] * (rank - 2)]))
            parts.append(helper.make_node("Reshape", [read[n], target], [factor], f"{base}/{op_type}_operand"))
        goal = output if n == len(read) - 1 or not read[n + 1] else f"{output}/{op_type}"
        parts.append(helper.make_node(op_type, [made, factor], [goal], f"{base}/{op_type}"))
        made = goal
    return parts


def _by_statistics(node: onnx.NodeProto, rank: int, constants: Constants) -> list[onnx.NodeProto]:
    """Return what a BatchNormalization by a computed mean and variance is, as PyTorch writes one in training.

    Where they are those of the map itself, that is a normalization.
    """
    output, base = node.output[0], node.name or node.output[0]
    epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
    target = constants.add(f"{output}/shape", np.array([1, -1, *[1] * (rank - 2)]))
    scale, bias, mean, variance = (f"{output}/{what}" for what in ("scale", "bias", "mean", "variance"))
    parts = [
        helper.make_node("Reshape", [name, target], [made], f"{base}/{made}")
        for name, made in zip(node.input[1:], (scale, bias, mean, variance), strict=True)
    ]
    least = constants.add(f"{output}/epsilon", np.array(epsilon, np.float32))
    made = node.input[0]
    for op_type, operand, name in (
        ("Sub", mean, "centred"),
        ("Div", f"{output}/deviation", "normalized"),
        ("Mul", scale, "scaled"),
        ("Add", bias, ""),
    ):
        if op_type == "Div":
            parts.append(helper.make_node("Add", [variance, least], [f"{output}/more"], f"{base}/more"))
            parts.append(helper.make_node("Sqrt", [f"{output}/more"], [operand], f"{base}/Sqrt"))
        goal = f"{output}/{name}" if name else output
        parts.append(helper.make_node(op_type, [made, operand], [goal], f"{base}/{op_type}"))
        made = goal
    return parts
