"""Convolutions and pools over channels that stand on the batch axis: they have groups, and the batch is one again.

So blurs are spelled that know one channel alone: a map ``[1, C, H, W]`` becomes ``[C, 1, H, W]`` in front of them.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.read import MAX_CONSTANT

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_OF_EACH_CHANNEL = ("AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool")


def in_one_frame(plain: Normalized) -> Normalized:
    """Return ``plain`` with convolutions and pools of several frames as those of one frame of as many more channels."""
    added = Added(plain)
    rewritten = False
    for node in plain.model.graph.node:
        if _has_frames(node, plain):
            _write(node, plain, added)
            rewritten = True
        else:
            added.nodes.append(node)
    return added.model() if rewritten else plain


def _has_frames(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` is a convolution by constant weights, or a pool, of several frames."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in (*_CONVOLUTIONS, *_OF_EACH_CHANNEL):
        return False
    kind = plain.types.get(node.input[0])
    if kind is None or len(kind.shape) < 3 or kind.shape[0] < 2 or not all(kind.shape):
        return False
    given = [plain.constants.get(name) for name in node.input[1:] if name]
    return all(value is not None and value.size * kind.shape[0] <= MAX_CONSTANT for value in given)


def _write(node: onnx.NodeProto, plain: Normalized, added: Added) -> None:
    output = node.output[0]
    frames, channels, *size = plain.types[node.input[0]].shape
    shape = plain.types[output].shape
    whole = (1, frames * channels, *size)
    x = added.node("Reshape", [node.input[0], added.shape(f"{output}/shape", whole)], f"{output}/frames", whole)
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.name = f"{node.name}/{node.op_type}"
    made.input[0] = x
    if node.op_type in _CONVOLUTIONS:
        for n, name in enumerate(node.input[1:], start=1):
            if name:
                value = plain.constants[name]
                tiled = np.tile(value, (frames, *(1,) * (value.ndim - 1)))
                made.input[n] = added.constant(f"{output}/tiled", tiled)
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        kept = [attribute for attribute in node.attribute if attribute.name != "group"]
        del made.attribute[:]
        made.attribute.extend([*kept, helper.make_attribute("group", groups * frames)])
    inside = (1, shape[0] * shape[1], *shape[2:])
    made.output[:] = [added.tensor(f"{output}/one_frame", inside)]
    added.nodes.append(made)
    added.node("Reshape", [made.output[0], added.shape(f"{output}/shape", shape)], output, shape, node.name)
