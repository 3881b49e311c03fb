"""Operators on channels that stand on the batch axis: they have groups, and the batch is one again.

So blurs are spelled that know one channel alone: a map ``[1, C, H, W]`` becomes ``[C, 1, H, W]`` in front of them; so
are the frames of a video, which a generator of images makes one by one.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.read import MAX_CONSTANT

#: Operators with constants for each channel, and their attribute of groups; those without one have a group of each.
_GROUPS = {
    "Conv": "group",
    "ConvTranspose": "group",
    "GroupNormalization": "num_groups",
    "InstanceNormalization": None,
}
_OF_EACH_CHANNEL = ("AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool")


def in_one_frame(plain: Normalized) -> Normalized:
    """Return ``plain`` with operators on several frames as those on one frame of more channels.

    They are convolutions, pools, joins, and normalizations of sets within a frame.
    """
    added = Added(plain)
    rewritten = False
    for node in plain.model.graph.node:
        write = _joined if _joins_frames(node, plain) else _write if _has_frames(node, plain) else None
        if write is not None:
            write(node, plain, added)
            rewritten = True
        else:
            added.nodes.append(node)
    return added.model() if rewritten else plain


def _has_frames(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` is a convolution or normalization by constants, or a pool, of several frames."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in (*_GROUPS, *_OF_EACH_CHANNEL):
        return False
    kind = plain.types.get(node.input[0])
    if kind is None or len(kind.shape) < 3 or kind.shape[0] < 2 or not all(kind.shape):
        return False
    given = [plain.constants.get(name) for name in node.input[1:] if name]
    return all(value is not None and value.size * kind.shape[0] <= MAX_CONSTANT for value in given)


def _joins_frames(node: onnx.NodeProto, plain: Normalized) -> bool:
    """Whether ``node`` is a Concat of several tensors of several frames, frame by frame."""
    if node.op_type != "Concat" or node.domain not in ("", "ai.onnx"):
        return False
    shape = plain.types[node.output[0]].shape
    varies = all(name in plain.types and plain.types[name].elem == TensorProto.FLOAT for name in node.input)
    return varies and len(set(node.input)) > 1 and len(shape) > 1 and shape[0] > 1 and bool(_axis(node, len(shape)))


def _axis(node: onnx.NodeProto, rank: int) -> int:
    axis: int = next(a.i for a in node.attribute if a.name == "axis")
    return axis % rank


def _joined(node: onnx.NodeProto, plain: Normalized, added: Added) -> None:
    """Write a Concat of frames: of all channels of one tensor and all of the next, which take turns behind it."""
    output = node.output[0]
    frames, channels, *size = plain.types[output].shape
    axis = _axis(node, 2 + len(size))
    parts, order, first = [], [], 0
    for n, name in enumerate(node.input):
        count, *rest = plain.types[name].shape[1:]
        whole = (1, frames * count, *rest)
        views = [name, added.shape(f"{output}/shape_{n}", whole)]
        parts.append(added.node("Reshape", views, f"{output}/frames_{n}", whole))
        order.append(first + np.arange(frames * count).reshape(frames, count))
        first += frames * count if axis == 1 else 0
    inside = (1, frames * channels, *size)
    joined = added.tensor(f"{output}/one_frame", inside)
    added.nodes.append(helper.make_node("Concat", parts, [joined], f"{node.name}/Concat", axis=axis))
    if axis == 1:
        turns = added.constant(f"{output}/turns", np.concatenate(order, axis=1).ravel())
        joined = added.tensor(f"{output}/in_turn", inside)
        taken = [added.nodes[-1].output[0], turns]
        added.nodes.append(helper.make_node("Gather", taken, [joined], f"{node.name}/Gather", axis=1))
    added.node(
        "Reshape",
        [joined, added.shape(f"{output}/shape", (frames, channels, *size))],
        output,
        (frames, channels, *size),
        node.name,
    )


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
    if node.op_type in _GROUPS:
        for n, name in enumerate(node.input[1:], start=1):
            if name:
                value = plain.constants[name]
                tiled = np.tile(value, (frames, *(1,) * (value.ndim - 1)))
                made.input[n] = added.constant(f"{output}/tiled", tiled)
    named = _GROUPS.get(node.op_type)
    if named is not None:
        groups = next((a.i for a in node.attribute if a.name == named), 1)
        kept = [attribute for attribute in node.attribute if attribute.name != named]
        del made.attribute[:]
        made.attribute.extend([*kept, helper.make_attribute(named, groups * frames)])
    inside = (1, shape[0] * shape[1], *shape[2:])
    made.output[:] = [added.tensor(f"{output}/one_frame", inside)]
    added.nodes.append(made)
    added.node("Reshape", [made.output[0], added.shape(f"{output}/shape", shape)], output, shape, node.name)
