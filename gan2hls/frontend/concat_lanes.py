"""Concat of tensors whose channels have few divisors in common: neighbours are joined first that have more together.

No beat belongs to two operands, so lanes divide the channels of each.  Beside a map of 9 channels one of 1 channel
lets a beat carry a single element; three of those, joined first, let it carry three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.frontend.added import Added
from gan2hls.frontend.normalize import Normalized

#: Multipliers of a design in which a Concat may be what all others wait for; of one with fewer, products take longer.
_MULTIPLIERS = 512
#: Lanes of which a Concat is not held up for long.
_FEW_LANES = 4
#: By operator that multiplies with constant weights, which of its inputs they are.
_WEIGHTS: Mapping[str, int] = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}


def in_more_lanes(plain: Normalized) -> Normalized:
    """Return ``plain`` with a Concat of neighbours in front of those that would take long, one behind the other."""
    macs = sum(_macs(node, plain) for node in plain.model.graph.node)
    added = Added(plain)
    changed = False
    for node in plain.model.graph.node:
        groups = _groups(node, plain, macs)
        if groups is None:
            added.nodes.append(node)
            continue
        changed, shape, names, at = True, plain.types[node.output[0]].shape, [], 0
        for n, count in enumerate(groups):
            members = list(node.input[at : at + count])
            at += count
            if count > 1:
                channels = sum(plain.types[name].shape[1] for name in members)
                members = [_joined(added, members, (1, channels, *shape[2:]), f"{node.output[0]}/{n}", node.name)]
            names += members
        added.nodes.append(helper.make_node("Concat", names, node.output, node.name, axis=1))
    return added.model() if changed else plain


def _joined(added: Added, members: Sequence[str], shape: tuple[int, ...], output: str, source: str) -> str:
    name = added.tensor(output, shape)
    added.nodes.append(helper.make_node("Concat", members, [name], f"{source}/{output}", axis=1))
    return name


def _macs(node: onnx.NodeProto, plain: Normalized) -> int:
    """Return about how often ``node`` multiplies by a constant weight: zeros of padding count, too."""
    at = _WEIGHTS.get(node.op_type)
    weight = None if at is None or len(node.input) <= at else plain.constants.get(node.input[at])
    if weight is None or node.domain not in ("", "ai.onnx"):
        return 0
    shape = plain.types[node.input[0] if node.op_type == "ConvTranspose" else node.output[0]].shape
    pixels = math.prod(shape[2:] if node.op_type.startswith("Conv") else shape[:-1])
    return pixels * weight.size


def _groups(node: onnx.NodeProto, plain: Normalized, macs: int) -> list[int] | None:
    """Return how many operands of a Concat of channels are to be joined first, one after the other; None: as it is."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    if node.op_type != "Concat" or node.domain not in ("", "ai.onnx") or axis != 1:
        return None
    if len(node.input) < 3 or len(set(node.input)) < len(node.input):
        return None
    made = plain.types[node.output[0]]
    if made.elem != TensorProto.FLOAT or len(made.shape) > 4 or any(name not in plain.types for name in node.input):
        return None
    channels = [plain.types[name].shape[1] for name in node.input]
    lanes = math.gcd(*channels)
    if lanes >= _FEW_LANES or math.prod(made.shape) // lanes * _MULTIPLIERS <= macs:
        return None
    return neighbours(channels)


def neighbours(channels: Sequence[int]) -> list[int] | None:
    """Return how many operands of so many ``channels`` are joined first, such that lanes are most; None: one each.

    The operands that are joined first take no longer than all do afterwards.
    """
    total, ends = sum(channels), list(accumulate(channels))
    for lanes in range(total // 2, math.gcd(*channels), -1):
        if total % lanes:
            continue
        cuts = [n + 1 for n, end in enumerate(ends) if end % lanes == 0]
        groups = np.diff([0, *cuts]).tolist()
        parts = [channels[end - count : end] for count, end in zip(groups, cuts, strict=True)]
        slowest = max(sum(part) // math.gcd(*part) for part in parts)
        if len(groups) > 1 and slowest <= total // lanes:
            return [int(count) for count in groups]
    return None
