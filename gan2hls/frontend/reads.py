"""What nodes read of their inputs: values, or the type and the shape alone; and those that draw or fail to compute."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.naming import describe

#: Operators without constant meaning although their inputs are constant.
RANDOM = frozenset(
    ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")
)
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
        hint="noise would be a second input, and only one builds: leave it out before the export, or put its mean in "
        f"its place, an initializer of zeros named {node.output[0]!r}; a latent vector that is drawn inside becomes "
        "the input",
    )


def values_read(node: onnx.NodeProto) -> list[str]:
    """Return the inputs that ``node`` reads values of."""
    measured = MEASURED.get(node.op_type, ()) if node.domain in ("", "ai.onnx") else ()
    return [name for n, name in enumerate(node.input) if name and n not in measured]


def valued(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors whose values the outputs need, and not their type or shape alone; nodes stand in order."""
    needed = {output.name for output in graph.output}
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            needed.update(values_read(node))
    return needed


def not_computed(node: onnx.NodeProto, error: Exception) -> ModelError:
    """Return the error of a constant node that its evaluator cannot compute."""
    return ModelError(
        f"cannot be computed: {error}",
        where=describe(node),
        hint=f"store what it makes as the initializer {node.output[0]!r} in its place: its inputs are constant",
    )
