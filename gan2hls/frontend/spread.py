"""Operands of elementwise nodes that are spread: as they are where a layer does it by itself, else behind an Expand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx

from gan2hls.base import UnsupportedError
from gan2hls.frontend.added import Added
from gan2hls.frontend.constants import Array
from gan2hls.frontend.functions import ELEMENTWISE
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.tensor_type import TensorType
from gan2hls.kinds import JOINS

#: Nodes of which a layer makes one that joins computed tensors, and that spread their operands.
_SPREAD = JOINS.keys() & ELEMENTWISE
#: Functions whose constants are spread as ONNX broadcasts, which is not so of those of a BatchNormalization.
_FUNCTIONS = ELEMENTWISE - {"BatchNormalization"}
#: Operators whose input and output are ``[1, C, H, W]``.
_OF_IMAGES = frozenset(
    ("AveragePool", "Conv", "ConvTranspose", "DepthToSpace", "InstanceNormalization", "MaxPool", "SpaceToDepth")
)
#: Operators whose output has the axes of their input.
_PARTS = frozenset(("Concat", "Gather", "Identity", "Normalization", "Pad", "Resize", "Slice", "Split"))
#: Operators that repeat a tensor along axes of one element, as an elementwise node does by itself.
_SPREADING = ("Concat", "Expand", "Tile")


def unspread_operands(plain: Normalized) -> Normalized:
    """Return ``plain`` with elementwise nodes of several operands that read what a node in front of them only repeats.

    So is a mask of one channel that is repeated for each channel of an image, or a function of it.
    """
    added = Added(plain)
    repeated: dict[str, str] = {}
    changed = False
    for original in plain.model.graph.node:
        node = original
        for n, name in enumerate(original.input if _spreads(original) else ()):
            narrow = onnx.NodeProto()
            narrow.CopyFrom(node)
            narrow.input[n] = repeated.get(name, name)
            if narrow.input[n] != name and _broadcast(narrow, plain.constants, added.types) == _shape_of(
                original, plain
            ):
                node, changed = narrow, True
        added.nodes.append(node)
        if original.domain in ("", "ai.onnx"):
            _find_repeated(original, added, plain, repeated)
    return added.model() if changed else plain


def _spreads(node: onnx.NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in _SPREAD


def _shape_of(node: onnx.NodeProto, plain: Normalized) -> tuple[int, ...]:
    return plain.types[node.output[0]].shape


def _find_repeated(node: onnx.NodeProto, added: Added, plain: Normalized, repeated: dict[str, str]) -> None:
    """Note which tensor the output of ``node`` repeats along axes of one element, if there is one.

    Of a function of such a tensor it is the same function of what that repeats, which is added.
    """
    computed = {name for name in node.input if name in plain.types}
    if len(computed) != 1 or node.output[0] not in plain.types:
        return
    (name,) = computed
    if node.op_type in _SPREADING and (node.op_type != "Concat" or set(node.input) == computed):
        before, after = plain.types[name].shape, _shape_of(node, plain)
        padded = (1,) * (len(after) - len(before)) + before
        if all(m in (1, n) for m, n in zip(padded, after, strict=True)):
            repeated[node.output[0]] = repeated.get(name, name)
    elif node.op_type in _FUNCTIONS and name in repeated and plain.types[node.output[0]].elem == onnx.TensorProto.FLOAT:
        narrow = onnx.NodeProto()
        narrow.CopyFrom(node)
        narrow.input[:] = [repeated[name] if read == name else read for read in node.input]
        shape = added.types[repeated[name]].shape
        if _broadcast(narrow, plain.constants, added.types) == shape:
            narrow.name = f"{node.name}/repeated"
            narrow.output[0] = added.tensor(f"{node.output[0]}/repeated", shape)
            added.nodes.append(narrow)
            repeated[node.output[0]] = narrow.output[0]


def _broadcast(
    node: onnx.NodeProto, constants: Mapping[str, Array], types: Mapping[str, TensorType]
) -> tuple[int, ...]:
    """Return the shape that the operands of ``node`` make."""
    known = [types[name].shape if name in types else constants[name].shape for name in node.input if name]
    return np.broadcast_shapes(*known)


def expanded_operands(plain: Normalized) -> Normalized:
    """Return ``plain`` with an Expand in front of computed operands that no layer spreads as their node does.

    So is a vector that meets a constant map, as the style of a network that begins with one, or a row that meets a map.
    """
    added = Added(plain)
    makers = {name: node for node in plain.model.graph.node for name in node.output}
    known: dict[tuple[str, tuple[int, ...]], str] = {}
    for original in plain.model.graph.node:
        node = original
        shape = plain.types[node.output[0]].shape if node.output[0] in plain.types else ()
        for name in _gates_of_rows(node, plain, shape, makers) or _to_expand(node, plain, shape):
            key = name, shape
            if key not in known:
                inputs = [name, added.shape(f"{name}/spread_shape", shape)]
                known[key] = added.node("Expand", inputs, f"{name}/spread", shape, original.name)
            if node is original:
                node = onnx.NodeProto()
                node.CopyFrom(original)
            node.input[:] = [known[key] if read == name else read for read in node.input]
        added.nodes.append(node)
    return added.model() if known else plain


def _gates_of_rows(
    node: onnx.NodeProto, plain: Normalized, shape: tuple[int, ...], makers: Mapping[str, onnx.NodeProto]
) -> list[str]:
    """Return the operands ``[1, C, H, 1]`` that meet an image ``[1, C, H, W]``, whose layers have its channels first.

    Where channels are last, the same shapes are those of a plane, which a layer spreads by itself.
    """
    if not _spreads(node) or len(shape) != 4 or min(shape[1:]) == 1 or shape[0] != 1:
        return []
    computed = [name for name in dict.fromkeys(node.input) if name in plain.types]
    whole = [name for name in computed if plain.types[name].shape == shape]
    columns = [name for name in computed if plain.types[name].shape == (*shape[:3], 1)]
    first = any(_has_channels_first(name, plain, makers) for name in whole)
    return columns if columns and len(columns) + len(whole) == len(computed) and first else []


def _has_channels_first(name: str, plain: Normalized, makers: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a layer of images makes a tensor, or what it is an elementwise function or a part of."""
    seen = set[str]()
    while name in makers and name not in seen:
        seen.add(name)
        node = makers[name]
        if node.op_type in _OF_IMAGES:
            return True
        if node.op_type not in ELEMENTWISE and node.op_type not in _PARTS:
            return False
        read = [name for name in node.input if name in plain.types]
        name = max(read, key=lambda name: math.prod(plain.types[name].shape), default="")
    return False


def _to_expand(node: onnx.NodeProto, plain: Normalized, shape: tuple[int, ...]) -> list[str]:
    """Return the computed operands of ``node``, which makes ``shape``, that need an Expand to it."""
    computed = [name for name in dict.fromkeys(node.input) if name in plain.types]
    if node.domain not in ("", "ai.onnx") or node.op_type not in ELEMENTWISE or not computed or shape[:1] != (1,):
        return []
    small = [name for name in computed if plain.types[name].shape != shape]
    if len(computed) == 1:
        return small if math.prod(plain.types[computed[0]].shape) < math.prod(shape) else []
    if len(computed) > 2 or node.op_type not in JOINS or len(node.input) > 2:
        return small if len(small) == len(computed) else []
    by_rows = sorted(small, key=lambda name: _channels(plain.types[name].shape, shape) == 1)
    choices = [[], *([name] for name in by_rows), small]
    return next(wanted for wanted in choices if _is_joined(node, wanted, plain, shape))


def _channels(given: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Return the channels of an operand that is spread to ``shape``: where there are several, its copy is easy."""
    padded = (1,) * (len(shape) - len(given)) + given
    return padded[1] if len(padded) > 1 else 1


def _is_joined(node: onnx.NodeProto, wanted: list[str], plain: Normalized, shape: tuple[int, ...]) -> bool:
    """Whether a layer joins the operands of ``node`` once ``wanted`` have been expanded."""
    try:
        JOINS[node.op_type]([shape if name in wanted else plain.types[name].shape for name in node.input], shape)
    except UnsupportedError:
        return False
    return True
