"""What a model must be before its nodes are read: opset, domains, inputs with a known shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import onnx
import onnx.inliner

from gan2hls.errors import ModelError, UnsupportedError
from gan2hls.layers.draft import MAX_TENSOR_ELEMENTS

#: Opsets that the readers know.
MIN_OPSET = 9
DEFAULT_DOMAINS = ("", "ai.onnx")
#: IR version of every normalized model: initializers need not be inputs, and every opset may be imported.
IR_VERSION = 10


@final
@dataclass(frozen=True)
class Input:
    """An input of the model with its static shape."""

    name: str
    shape: tuple[int, ...]


def prepare(model: onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    """Return ``model`` with its local functions inlined, and its opset.

    Raises:
        ModelError: empty, or against ONNX's own rules.
        UnsupportedError: opset out of range.
    """
    opset = _opset(model)
    if not model.graph.node:
        raise ModelError("has no nodes", where="graph", hint="export the generator, not an empty module")
    if model.graph.sparse_initializer:
        raise UnsupportedError(
            f"sparse initializer {model.graph.sparse_initializer[0].values.name!r}",
            where="graph",
            hint="export dense weights",
        )
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _check_operators(model)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(
            f"is not valid ONNX: {str(error).strip().splitlines()[0]}",
            where="graph",
            hint="check it with onnx.checker.check_model",
        ) from error
    return model, opset


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    if not versions:
        raise ModelError("does not say which ONNX opset it uses", where="opset_import", hint="export the model again")
    newest = onnx.defs.onnx_opset_version()
    if not MIN_OPSET <= versions[0] <= newest:
        fix = "onnx.version_converter.convert_version(model, 17) converts it"
        raise UnsupportedError(
            f"opset {versions[0]}; {MIN_OPSET} to {newest} are supported", where="opset_import", hint=fix
        )
    return versions[0]


def _check_operators(model: onnx.ModelProto) -> None:
    """Refuse operators that this version of ONNX does not know, where its checker would blame the whole model."""
    opset = _opset(model)
    for node in model.graph.node:
        where = f"node {node.name!r} ({node.op_type})"
        if node.domain not in DEFAULT_DOMAINS:
            raise UnsupportedError(
                f"operator {node.op_type!r} of the domain {node.domain!r}",
                where=where,
                hint="only operators of ONNX itself are read; export the plain float model",
            )
        try:
            schema = onnx.defs.get_schema(node.op_type, opset, "")
        except onnx.defs.SchemaError as error:
            raise UnsupportedError(
                f"operator {node.op_type!r} does not exist in opset {opset}", where=where, hint="export the model again"
            ) from error
        if schema.deprecated:
            raise UnsupportedError(f"operator {node.op_type!r} is deprecated in opset {opset}", where=where)


def static_inputs(
    graph: onnx.GraphProto, live: frozenset[str], input_shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Input, ...]:
    """Return the live inputs with static shapes, batch 1.

    Args:
        graph: the model's graph.
        live: names that the outputs depend on.
        input_shapes: shapes the user gave, by input name.

    Raises:
        ModelError: a shape given for no input, or that does not fit.
        UnsupportedError: dynamic dimensions, element types other than float32, batch above 1.
    """
    initializers = {tensor.name for tensor in graph.initializer}
    values = [value for value in graph.input if value.name not in initializers]
    unknown = sorted(set(input_shapes) - {value.name for value in values})
    if unknown:
        raise ModelError(
            f"the model has no input {unknown[0]!r}",
            where="--input-shape",
            hint=f"its inputs are {', '.join(repr(value.name) for value in values)}",
        )
    return tuple(_input(value, input_shapes.get(value.name)) for value in values if value.name in live)


def _input(value: onnx.ValueInfoProto, given: tuple[int, ...] | None) -> Input:
    where = f"input {value.name!r}"
    if not value.type.HasField("tensor_type"):
        raise UnsupportedError("is not a tensor", where=where, hint="inputs must be float32 tensors")
    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        known = kind.elem_type in onnx.TensorProto.DataType.values()
        name = onnx.TensorProto.DataType.Name(kind.elem_type).lower() if known else str(kind.elem_type)
        raise UnsupportedError(f"has elements of type {name}", where=where, hint="inputs must be float32")
    dims = list(kind.shape.dim) if kind.HasField("shape") else None
    if given is not None:
        if dims is not None and len(dims) != len(given):
            raise ModelError(
                f"{list(given)} was given for {where} of shape {_written(dims)}",
                where="--input-shape",
                hint=f"give {len(dims)} sizes",
            )
        shape: tuple[int | None, ...] = given
    elif dims is None:
        raise UnsupportedError(
            "has no shape", where=where, hint=f"give it, for example {_option(value.name, (1, 100))}"
        )
    else:
        shape = tuple(_size(dim, where) for dim in dims)
        shape = (1, *shape[1:]) if shape and shape[0] is None else shape
    if None in shape:
        fix = _option(value.name, tuple(64 if size is None else size for size in shape))
        raise UnsupportedError(f"has dynamic dimensions {_written(dims or [])}", where=where, hint=f"fix them: {fix}")
    return _checked(value.name, tuple(size for size in shape if size is not None), where)


def _checked(name: str, shape: tuple[int, ...], where: str) -> Input:
    if len(shape) < 2 or shape[0] != 1:
        fix = _option(name, (1, *shape[1:])) if len(shape) > 1 else "add a batch axis of size 1 in front"
        raise UnsupportedError(f"has shape {list(shape)}; its first axis must be a batch of 1", where=where, hint=fix)
    count = 1
    for size in shape:
        if size < 1:
            raise ModelError(f"has shape {list(shape)}; every size must be at least 1", where=where)
        count *= size
    if count > MAX_TENSOR_ELEMENTS:
        raise UnsupportedError(
            f"has shape {list(shape)}, {count} elements; {MAX_TENSOR_ELEMENTS} are supported",
            where=where,
            hint="give a smaller --input-shape",
        )
    return Input(name, shape)


def _size(dim: Any, where: str) -> int | None:
    if not dim.HasField("dim_value"):
        return None
    if dim.dim_value < 0:
        return None
    return int(dim.dim_value)


def _written(dims: list[Any]) -> str:
    return "[" + ", ".join(str(d.dim_value) if d.HasField("dim_value") else d.dim_param or "?" for d in dims) + "]"


def _option(name: str, shape: tuple[int, ...]) -> str:
    text = f"{name}:{','.join(map(str, shape))}"
    return f"--input-shape {text}" if re.fullmatch(r"[\w.:,/-]+", text) else f"--input-shape {text!r}"
