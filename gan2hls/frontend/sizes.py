"""Inputs of other sizes than a file fixes: a fully convolutional model takes them, as far as its constants follow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from gan2hls.base import UnsupportedError
from gan2hls.frontend.batch import constants, whole_numbers
from gan2hls.frontend.naming import describe
from gan2hls.frontend.tensor_shapes import declare, tensor_shapes

Shape = tuple[int, ...]
_WAY_OUT = "export the model with dynamic axes, or with an input of this size"


def has_other_sizes(info: onnx.ValueInfoProto, shape: Shape) -> bool:
    """Whether a file fixes other sizes of an input than those of ``shape``, the batch aside."""
    pairs = list(zip(info.type.tensor_type.shape.dim, shape, strict=False))  # without a shape, none
    return any(dim.dim_value not in (0, size) for dim, size in pairs[1:])


def take_sizes(model: onnx.ModelProto, inputs: Mapping[str, Shape]) -> None:
    """Declare other sizes of inputs, and let the constant sizes of Reshape, Resize and Slice follow, in place.

    A Reshape's axis that becomes others, or is made of others, has their part of the change: of the ways to spread it,
    that which changes the largest axes.  Resize keeps its scale, a Slice its distance from the far end.

    Args:
        model: a model whose input shapes are whole.
        inputs: the shape of every input.

    Raises:
        UnsupportedError: a constant that cannot follow.
    """
    old = tensor_shapes(model)
    old |= {info.name: tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim) for info in model.graph.input}
    for info in model.graph.input:
        declare(info, inputs[info.name])
    for info in model.graph.output:
        info.type.tensor_type.ClearField("shape")
    values = constants(model)
    ratios = [pair for name, shape in inputs.items() for pair in zip(old[name], shape, strict=True)]
    waiting = {
        node.output[0]: node
        for node in model.graph.node
        if (at := _position(node)) is not None and at < len(node.input) and node.input[at] in values
    }
    while waiting:  # each round as far as sizes are known, those behind a Reshape in the next one
        new = {**tensor_shapes(model), **inputs}
        unknown: set[str] = set()
        for node in model.graph.node:
            if not unknown.isdisjoint(node.input):
                unknown.update(node.output)
            elif node.output[0] in waiting:
                del waiting[node.output[0]]
                unknown.update(node.output)
                _follow(model, node, values, (old.get(node.input[0], ()), new.get(node.input[0], ())), old, ratios)


def _position(node: onnx.NodeProto) -> int | None:
    """Return which operand of a node holds sizes that may have to follow."""
    return {"Reshape": 1, "Resize": 3, "Slice": 2}.get(node.op_type)


def _follow(
    model: onnx.ModelProto,
    node: onnx.NodeProto,
    values: Mapping[str, onnx.TensorProto],
    sizes: tuple[Shape, Shape],
    old: Mapping[str, Shape],
    ratios: Sequence[tuple[int, int]],
) -> None:
    """Give a node other constant sizes where its input, of shapes ``sizes`` before and after, has changed."""
    before, after = sizes
    if before == after or len(before) != len(after) or 0 in (*before, *after):
        return
    position = _position(node)
    assert position is not None
    given = whole_numbers(values[node.input[position]]).tolist()
    match node.op_type:
        case "Reshape":
            made = _reshaped(given, before, after, old.get(node.output[0], ()), ratios)
        case "Resize":
            fits = len(given) == len(before) and all(
                g * a % b == 0 for g, a, b in zip(given, after, before, strict=True)
            )
            made = [g * a // b for g, a, b in zip(given, after, before, strict=True)] if fits else None
        case _:
            axes = range(len(given))
            if len(node.input) > 3 and node.input[3]:
                axes = whole_numbers(values[node.input[3]]).tolist() if node.input[3] in values else []
            if len(axes) != len(given) or not all(-len(before) <= axis < len(before) for axis in axes):
                return  # of which the node will tell
            made = [_end(end, before[axis], after[axis]) for end, axis in zip(given, axes, strict=True)]
    if made is None:
        raise UnsupportedError(
            f"fixes the sizes {given}, which do not follow {list(before)} becoming {list(after)}",
            where=describe(node),
            hint=_WAY_OUT,
        )
    if made != given:
        name = f"{node.output[0]}/other_size"
        model.graph.initializer.append(numpy_helper.from_array(np.array(made, np.int64), name))
        node.input[position] = name


def _end(end: int, before: int, after: int) -> int:
    """Return where a Slice ends: as far from the far end as it was."""
    return end if before == after or end < 0 or end >= before else end - before


def _reshaped(
    given: list[int], before: Shape, after: Shape, became: Shape, ratios: Sequence[tuple[int, int]]
) -> list[int] | None:
    """Return what a Reshape to ``given`` sizes, ``became`` with those that it left open, must ask for now.

    ``ratios`` are those by which the inputs' axes change, old and new size; an axis changes by one of them, or by one
    of those of the tensor, ``before`` and ``after``.
    """
    if len(given) != len(became) or math.prod(before) != math.prod(became):
        return None
    steps = [(1, 1), *ratios, *zip(before, after, strict=True)]
    made: list[int] = []
    for (first, last), (start, end) in _groups(before, became):
        wanted, sizes = math.prod(after[first:last]), became[start:end]
        if len(sizes) == 1:
            made.append(wanted)
            continue
        ways = [way for way in _spread(sizes, steps) if math.prod(size for size, _ in way) == wanted]
        if not ways:
            return None
        made += [size for size, _ in max(ways, key=lambda way: _rank(way, sizes, steps))]
    return [was if was in (0, -1) else size for was, size in zip(given, made, strict=True)]


def _spread(sizes: Shape, steps: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the ways in which axes change, by axis its new size and which of ``steps`` that is."""
    by_axis = [[(size * a // b, n) for n, (b, a) in enumerate(steps) if size * a % b == 0] for size in sizes]
    return itertools.product(*by_axis)


def _rank(
    way: tuple[tuple[int, int], ...], sizes: Shape, steps: Sequence[tuple[int, int]]
) -> tuple[list[int], bool, int]:
    """Return how likely a way is: it changes large axes, in the order of the inputs' axes, and axes of their sizes."""
    changed = sorted((size for size, (new, _) in zip(sizes, way, strict=True) if new != size), reverse=True)
    order = [n for _, n in way if n]
    return (
        changed,
        order == sorted(set(order)),
        sum(steps[n][0] == size for size, (_, n) in zip(sizes, way, strict=True)),
    )


def _groups(before: Sequence[int], became: Sequence[int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the least runs of axes of both shapes that hold as many elements, the last with all that is left."""
    groups, first, start, last, end = [], 0, 0, 0, 0
    while last < len(before) or end < len(became):
        here, there = math.prod(before[first:last]), math.prod(became[start:end])
        if last > first and end > start and here == there:
            groups.append(((first, last), (start, end)))
            first, start = last, end
        elif last < len(before) and (last == first or end == len(became) or (end > start and here < there)):
            last += 1
        else:
            end += 1
    groups.append(((first, last), (start, end)))
    return [group for group in groups if group != ((last, last), (end, end))]
