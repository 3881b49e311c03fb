"""What nodes read of their inputs: values, or the type and the shape alone; and those that draw or fail to compute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.branches import names_read
from gan2hls.frontend.naming import describe

#: Operators without constant meaning although their inputs are constant.
RANDOM = frozenset(
    ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")
)
#: Largest constant that is looked at to see whether it is 0.
_MOST_ZEROS = 1 << 16
#: Operators of which zeros stay zeros; an Identity of another initializer is what PyTorch writes for an equal one.
_KEEP_ZEROS = frozenset(("Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Tile", "Transpose", "Unsqueeze"))
#: Operators whose output has the shape of their input, which onnx does not find through the functions that they are.
OF_ONE_SHAPE = frozenset(("GroupNormalization", "MeanVarianceNormalization"))
#: Inputs of which an operator reads the type or the shape alone, by position: nothing that is computed.
MEASURED: Mapping[str, tuple[int, ...]] = {
    "Shape": (0,),
    "Size": (0,),
    "EyeLike": (0,),
    "CastLike": (1,),
    "RandomNormalLike": (0,),
    "RandomUniformLike": (0,),
}


def random_numbers(node: onnx.NodeProto) -> UnsupportedError:
    """Return the error of a node that draws numbers."""
    return UnsupportedError(
        "draws random numbers inside the model",
        where=describe(node),
        hint=f"remove the node and make {node.output[0]!r} an input of the model, which takes noise beside the latent "
        "vector; or leave it out before the export, or put its mean in its place, an initializer of zeros named "
        f"{node.output[0]!r}",
    )


def values_read(node: onnx.NodeProto) -> list[str]:
    """Return the tensors that ``node`` reads values of, those of its sub-graphs included."""
    measured = MEASURED.get(node.op_type, ()) if node.domain in ("", "ai.onnx") else ()
    inside = names_read(node)[sum(map(bool, node.input)) :]
    return [*(name for n, name in enumerate(node.input) if name and n not in measured), *inside]


def valued(graph: onnx.GraphProto, drops_zeros: bool) -> set[str]:
    """Return the tensors whose values the outputs need, and not their type or shape alone; nodes stand in order.

    With ``drops_zeros`` what is multiplied by a constant 0 is not needed, as noise and attention of a weight that is
    still 0.
    """
    zeros = {tensor.name for tensor in graph.initializer if _is_zero(tensor)}
    for node in graph.node:
        constant = node.op_type == "Constant" and any(a.name == "value" and _is_zero(a.t) for a in node.attribute)
        if constant or (node.op_type in _KEEP_ZEROS and node.input and node.input[0] in zeros):
            zeros.update(node.output[:1])
    needed = {output.name for output in graph.output}
    for node in reversed(graph.node):
        multiplied_away = drops_zeros and node.op_type == "Mul" and not zeros.isdisjoint(node.input)
        if not needed.isdisjoint(node.output) and not multiplied_away:
            needed.update(values_read(node))
    return needed


def is_multiplied_away(node: onnx.NodeProto, constants: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Whether a node multiplies by a constant 0."""
    read = [constants[name] for name in node.input if name in constants]
    return node.op_type == "Mul" and node.domain in ("", "ai.onnx") and any(not value.any() for value in read)


def _is_zero(tensor: onnx.TensorProto) -> bool:
    """Whether a constant, if it is small, is 0 throughout; what is broken is read, and refused, later."""
    if tensor.data_type != TensorProto.FLOAT or math.prod(tensor.dims) > _MOST_ZEROS:
        return False
    try:
        return not numpy_helper.to_array(tensor).any()
    except (ValueError, TypeError):
        return False


def not_computed(node: onnx.NodeProto, error: Exception) -> ModelError:
    """Return the error of a constant node that its evaluator cannot compute."""
    return ModelError(
        f"cannot be computed: {error}",
        where=describe(node),
        hint=f"store what it makes as the initializer {node.output[0]!r} in its place: its inputs are constant",
    )
