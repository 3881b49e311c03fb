"""Tensors that are put together of boxes of others: parts of their axes, joined along one axis after the other.

So is a tensor into a part of which another one is written, ``x[:, -4:] = f(x[:, -4:])`` or an image that is pasted
into a larger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from onnx import helper

from gan2hls.frontend.added import Added
from gan2hls.numbers import Int64Array

#: Most parts along an axis.
_MOST_PARTS = 4


def write_boxes(
    output: str, source: Int64Array, index: Int64Array, sources: Sequence[str], added: Added, label: str
) -> bool:
    """Write ``output`` as a Concat of parts of ``sources``, or of Concats of parts; return whether it is one.

    Args:
        output: name of the tensor.
        source: int64 of its shape, which of ``sources`` each element is from; negative: of none.
        index: int64 of its shape, which flat element of that.
        sources: names of computed tensors.
        added: the model, with their types.
        label: of the node that makes the tensor.
    """
    if (source < 0).any() or any(len(added.types[name].shape) != source.ndim for name in sources):
        return False
    order = _as_in_sources(source, index)
    parts = _parts(source.transpose(order), index.transpose(order), sources, added)
    if not isinstance(parts, _Joined):
        return False
    if order == sorted(order):
        _write(parts, output, added, label)
    else:  # as an axis that is written to is brought to the front first
        name = _write(parts, f"{output}/unturned", added, label)
        back = [order.index(n) for n in range(len(order))]
        added.nodes.append(helper.make_node("Transpose", [name], [output], f"{label}/{output}", perm=back))
    return True


def _as_in_sources(source: Int64Array, index: Int64Array) -> list[int]:
    """Return the axes in the order that they have in what the elements are from: from large to small steps."""

    def step(axis: int) -> float:
        alike = np.diff(source, axis=axis) == 0
        steps = np.diff(index, axis=axis)[alike]
        return float(steps.min()) if steps.size else np.inf

    return sorted(range(source.ndim), key=lambda axis: -step(axis))


@final
@dataclass(frozen=True)
class _Box:
    """A part of a tensor: by axis, its first element and how many."""

    name: str
    spans: tuple[tuple[int, int], ...]


@final
@dataclass(frozen=True)
class _Joined:
    """Tensors that are joined along an axis."""

    axis: int
    parts: tuple[_Box | _Joined, ...]


def _parts(
    source: Int64Array, index: Int64Array, sources: Sequence[str], added: Added, least: int = 1
) -> _Box | _Joined | None:
    """Return of which boxes a tensor is made, whose axes before ``least`` have been cut; None: it is not."""
    if (source == source.flat[0]).all():
        name = sources[int(source.flat[0])]
        spans = _spans(index, added.types[name].shape)
        if spans is not None:
            return _Box(name, spans)
    for axis in range(least, source.ndim):
        changes = (np.diff(source, axis=axis) != 0).any(axis=tuple(n for n in range(source.ndim) if n != axis))
        cuts = [0, *(np.flatnonzero(changes) + 1).tolist(), source.shape[axis]]
        if not 2 < len(cuts) <= _MOST_PARTS + 1:
            continue
        found = []
        for start, end in pairwise(cuts):
            at = tuple(slice(start, end) if n == axis else slice(None) for n in range(source.ndim))
            found.append(_parts(source[at], index[at], sources, added, axis + 1))
        if None not in found:
            return _Joined(axis, tuple(part for part in found if part is not None))
    return None


def _spans(index: Int64Array, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...] | None:
    """Return which box of a tensor of ``shape`` the flat elements ``index`` are, in order; None: they are none."""
    starts = np.unravel_index(int(index.flat[0]), shape)
    spans = tuple((int(start), count) for start, count in zip(starts, index.shape, strict=True))
    if any(start + count > size for (start, count), size in zip(spans, shape, strict=True)):
        return None
    elements = np.arange(int(np.prod(shape))).reshape(shape)
    seen = elements[tuple(slice(start, start + count) for start, count in spans)]
    return spans if np.array_equal(seen, index) else None


def _write(tree: _Box | _Joined, output: str, added: Added, label: str) -> str:
    """Write what ``tree`` is, as ``output`` where that is a Concat, and return its name."""
    if isinstance(tree, _Box):
        return _cut(tree, added, label)
    axis = tree.axis
    names = [_write(part, f"{output}/{n}", added, label) for n, part in enumerate(tree.parts)]
    shapes = [added.types[name].shape for name in names]
    shape = (*shapes[0][:axis], sum(one[axis] for one in shapes), *shapes[0][axis + 1 :])
    name = output if output in added.types else added.tensor(output, shape)
    added.nodes.append(helper.make_node("Concat", names, [name], f"{label}/{name}", axis=axis))
    return name


def _cut(box: _Box, added: Added, label: str) -> str:
    """Write the Gathers that take ``box`` of a tensor, and return what they make."""
    name = box.name
    for axis, (start, count) in enumerate(box.spans):
        shape = added.types[name].shape
        if count == shape[axis]:
            continue
        taken = added.constant(f"{name}/taken", np.arange(start, start + count))
        made = added.tensor(f"{name}/part", (*shape[:axis], count, *shape[axis + 1 :]))
        added.nodes.append(helper.make_node("Gather", [name, taken], [made], f"{label}/{made}", axis=axis))
        name = made
    return name
