"""The shapes of all tensors of a file, as onnx infers them, also with inputs of other shapes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import onnx
from onnx import helper

#: Elements of the largest constant whose values may be sizes.
_MOST_VALUES = 1 << 12


def declare(info: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    """Declare the shape of an input, in place."""
    dims = info.type.tensor_type.shape.dim
    for dim, size in zip(dims, shape, strict=True):
        dim.dim_value = size


def tensor_shapes(
    model: onnx.ModelProto, inputs: Mapping[str, tuple[int, ...]] | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors, where onnx can tell them, with inputs as declared or of given shapes.

    An axis that it does not know is 0.  Of what is made of a Slice of nothing it tells no shape: its inference of one
    ends the process, and kernels may be larger than what an input of another size leaves of a map.
    """
    made = _without_weights(model)
    for info in made.graph.input:
        if inputs is not None and len(info.type.tensor_type.shape.dim) == len(inputs.get(info.name, ())):
            declare(info, inputs[info.name])
    nodes = list(model.graph.node)
    left_out = {n for n, node in enumerate(nodes) if node.op_type == "Slice"}
    while True:
        reached = [n for n in _reached(nodes, left_out) if n not in left_out]
        del made.graph.node[:]
        made.graph.node.extend(nodes[n] for n in reached)
        try:
            inferred = onnx.shape_inference.infer_shapes(made, data_prop=True)
        except Exception:  # InferenceError and more from C++: the nodes will say themselves what is wrong
            return {}
        infos = {
            info.name: info for info in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output)
        }
        legal = {n for n in left_out.intersection(_reached(nodes, left_out)) if not _is_empty(infos, nodes[n].input)}
        if not legal:
            outputs = {name for n in reached for name in nodes[n].output}
            return {name: _shape(info) for name, info in infos.items() if name in outputs}
        left_out -= legal


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of ``model`` without nodes and types of outputs, whose large initializers are inputs."""
    made = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    graph = made.graph
    graph.name = model.graph.name
    graph.input.extend(model.graph.input)
    graph.output.extend(onnx.ValueInfoProto(name=info.name) for info in model.graph.output)
    given = {info.name for info in model.graph.input}
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _MOST_VALUES:
            graph.initializer.append(tensor)
        elif tensor.name not in given:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return made


def _reached(nodes: Sequence[onnx.NodeProto], left_out: Collection[int]) -> Iterator[int]:
    """Yield the places of ``nodes`` that read nothing of what those in ``left_out`` make."""
    unknown = set[str]()
    for n, node in enumerate(nodes):
        behind = not unknown.isdisjoint(node.input)
        if behind or n in left_out:
            unknown.update(node.output)
        if not behind:
            yield n


def _is_empty(infos: Mapping[str, onnx.ValueInfoProto], names: Sequence[str]) -> bool:
    """Whether the first of the tensors ``names`` is known to have no element, or fewer."""
    if not names or names[0] not in infos:
        return False
    return any(dim.HasField("dim_value") and dim.dim_value <= 0 for dim in infos[names[0]].type.tensor_type.shape.dim)


def _shape(info: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)
