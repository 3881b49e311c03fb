"""What runtimes take and nothing behind does: nodes out of order, and floats of 16 or 64 bits, which become float32.

ONNX Runtime sorts the nodes of a file itself, and its own converter to float16 leaves them unsorted.  Types are changed
before constants fold, so that a scale of 16 bits times a code is not rounded to 16 bits: the codes stay recognizable.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from gan2hls.base import ModelError

_HALVES = frozenset((TensorProto.FLOAT16, TensorProto.BFLOAT16))
#: Attributes that name an element type.
_TYPE_ATTRIBUTES = frozenset(("to", "dtype", "output_dtype", "stash_type", "precision"))


def needs_mending(model: onnx.ModelProto) -> bool:
    """Whether ``mend`` would change ``model``, functions apart."""
    return not _is_sorted(model.graph) or bool(_found(model))


def mend(model: onnx.ModelProto) -> None:
    """Sort the nodes of ``model`` (functions inlined, sparse tensors dense) and make its floats float32, in place.

    Doubles change only where a node that depends on the input reads or makes one: sizes may be computed with them.

    Raises:
        ModelError: a tensor that cannot be read.
    """
    if not _is_sorted(model.graph):
        _sort(model.graph)
    kinds = _found(model)
    if not kinds:
        return
    for tensor in _tensors(model):
        if tensor.data_type in kinds:
            tensor.CopyFrom(_widened(tensor))
    for info in (*model.graph.input, *model.graph.output):
        if info.type.HasField("tensor_type") and info.type.tensor_type.elem_type in kinds:
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    for attribute in (a for node in model.graph.node for a in node.attribute):
        if attribute.name in _TYPE_ATTRIBUTES and attribute.i in kinds:
            attribute.i = TensorProto.FLOAT
    del model.graph.value_info[:]


def _found(model: onnx.ModelProto) -> frozenset[int]:
    """Return the element types of ``model``, its nodes in order, that are to become float32."""
    ports = {info.type.tensor_type.elem_type for info in (*model.graph.input, *model.graph.output)}
    used = ports | {tensor.data_type for tensor in _tensors(model)} | set(_named(model.graph.node))
    kinds = _HALVES & used
    if TensorProto.DOUBLE in ports or (TensorProto.DOUBLE in used and _computes_doubles(model.graph)):
        kinds |= {TensorProto.DOUBLE}
    return kinds


def _computes_doubles(graph: onnx.GraphProto) -> bool:
    """Whether a node that depends on the input, but not on its shape alone, reads or makes doubles."""
    constant = {tensor.name for tensor in graph.initializer}
    doubles = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.DOUBLE}
    computed = {info.name for info in graph.input if info.name not in constant}
    for node in graph.node:
        made = TensorProto.DOUBLE in _named([node])
        made |= any(attribute.t.data_type == TensorProto.DOUBLE for attribute in node.attribute)
        read = not doubles.isdisjoint(node.input)
        if node.op_type not in ("Shape", "Size") and not computed.isdisjoint(node.input):
            if made or read:
                return True
            computed.update(node.output)
        elif made or (read and node.op_type != "Cast"):
            doubles.update(node.output)
    return False


def _named(nodes: Iterable[onnx.NodeProto]) -> list[int]:
    """Return the element types that attributes of ``nodes`` name."""
    return [a.i for node in nodes for a in node.attribute if a.name in _TYPE_ATTRIBUTES]


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def _widened(tensor: onnx.TensorProto) -> onnx.TensorProto:
    try:
        value = np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:  # onnx raises ValueError, TypeError, KeyError or its own for broken tensors
        where = f"initializer {tensor.name!r}"
        hint = "replace it: onnx.numpy_helper.from_array(value, NAME) makes one of the right length"
        raise ModelError(f"is broken: {error}", where=where, hint=hint) from error
    with np.errstate(over="ignore"):  # what does not fit is infinite, and refused as such
        return numpy_helper.from_array(value.astype(np.float32), tensor.name)


def _is_sorted(graph: onnx.GraphProto) -> bool:
    """Whether no node reads what a later one makes."""
    later = {name for node in graph.node for name in node.output if name}
    for node in graph.node:
        if not later.isdisjoint(node.input):
            return False
        later.difference_update(node.output)
    return True


def _sort(graph: onnx.GraphProto) -> None:
    """Put nodes behind those that they read, else as they were; in a cycle they stay, and the checker says so."""
    makers = {name: n for n, node in enumerate(graph.node) for name in node.output if name}
    needs = [{makers[name] for name in node.input if name in makers} for node in graph.node]
    readers: list[list[int]] = [[] for _ in needs]
    for n, made in enumerate(needs):
        for m in made:
            readers[m].append(n)
    missing = [len(made) for made in needs]
    ready = [n for n, count in enumerate(missing) if count == 0]
    order = []
    while ready:
        order.append(n := heapq.heappop(ready))
        for reader in readers[n]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(needs):
        return
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes[n] for n in order)
