"""Read an ONNX file that may be broken or hostile: external weights from its own folder only, sizes within bounds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from gan2hls.errors import ModelError, UnsupportedError

#: Most bytes of the ONNX file itself: the limit of protobuf.
MAX_FILE_BYTES = 1 << 31
#: Most elements of one constant tensor.
MAX_CONSTANT = 1 << 26
#: Most elements of all constant tensors together.
MAX_CONSTANTS = 1 << 28
#: Most nodes, after inlining of functions.
MAX_NODES = 100_000
OLDEST_OPSET = 9


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """Return the model with external data inside, and the SHA-256 of the file followed by its external data.

    Raises:
        ModelError: not an ONNX file, truncated, empty, or its external data is missing, broken or outside its folder.
        UnsupportedError: an operator set that this version cannot read.
    """
    data = _read_bytes(path)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, whose module has no types
        raise ModelError(
            "is not an ONNX file, or is truncated",
            where=str(path),
            hint="export the model again, or copy the whole file",
        ) from error
    if not model.HasField("graph") or not model.graph.node:
        raise ModelError(
            "holds no graph" if not model.HasField("graph") else "its graph has no nodes",
            where=str(path),
            hint="export the whole generator with torch.onnx.export or tf2onnx",
        )
    if not _is_text(model):
        raise ModelError("holds names that are not UTF-8 text", where=str(path), hint="export the model again")
    check_opset(model, path)
    digest = hashlib.sha256(data)
    for part in _load_external(model, path):
        digest.update(part)
    return model, digest.hexdigest()


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        what = "is a folder, not an ONNX file" if path.is_dir() else "does not exist"
        raise ModelError(what, where=str(path), hint="give the path of an .onnx file")
    try:
        if path.stat().st_size >= MAX_FILE_BYTES:
            raise ModelError("is larger than 2 GiB", where=str(path), hint="save it with external data")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check that you may read the file"
        ) from error
    if not data:
        raise ModelError("is an empty file", where=str(path), hint="export the model again")
    return data


def _is_text(message: Any) -> bool:
    """Whether every string in a protobuf message is text; a damaged file has bytes in their place."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            if isinstance(value, bytes) or (not isinstance(value, str) and not all(isinstance(v, str) for v in value)):
                return False
        elif field.type == field.TYPE_MESSAGE:
            parts = [value] if hasattr(value, "ListFields") else value
            if not all(_is_text(part) for part in parts):
                return False
    return True


def check_opset(model: onnx.ModelProto, path: Path) -> None:
    """Check the versions that the model asks for.

    Raises:
        ModelError: no version at all.
        UnsupportedError: an opset or a file format outside of what is supported.
    """
    newest = onnx.defs.onnx_opset_version()
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if not versions:
        raise ModelError("names no opset of the default domain", where=str(path), hint="export the model again")
    if not OLDEST_OPSET <= max(versions) <= newest or model.ir_version > onnx.IR_VERSION:
        raise UnsupportedError(
            f"opset {max(versions)}, file format {model.ir_version}",
            where=str(path),
            hint=f"opsets {OLDEST_OPSET} to {newest} and formats up to {onnx.IR_VERSION} are supported; convert with "
            "onnx.version_converter.convert_version(model, 17)",
        )


def all_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Return every tensor of the model: initializers and attributes of nodes, functions and sub-graphs included."""
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)


def _graph_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: object) -> Iterator[onnx.TensorProto]:
    for node in nodes:  # type: ignore[attr-defined]
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _graph_tensors(graph)


def _load_external(model: onnx.ModelProto, path: Path) -> Iterator[bytes]:
    """Put external data into the model; yields it."""
    total = 0
    for tensor in all_tensors(model):
        total += check_constant(tuple(tensor.dims), f"tensor {tensor.name!r}", total)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor.raw_data = _external_bytes(tensor, path)
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
            yield tensor.raw_data


def check_constant(shape: tuple[int, ...], where: str, total: int = 0) -> int:
    """Return the number of elements of a constant.

    Raises:
        ModelError: a negative size.
        UnsupportedError: more elements than ``MAX_CONSTANT``, or with ``total`` more than ``MAX_CONSTANTS``.
    """
    if any(size < 0 for size in shape):
        raise ModelError(f"has the illegal shape {list(shape)}", where=where, hint="export the model again")
    count = math.prod(shape)
    if count > MAX_CONSTANT or total + count > MAX_CONSTANTS:
        raise UnsupportedError(
            f"has shape {list(shape)}, {count} elements",
            where=where,
            hint=f"constants have at most {MAX_CONSTANT} elements each and {MAX_CONSTANTS} together",
        )
    return count


def _external_bytes(tensor: onnx.TensorProto, path: Path) -> bytes:
    where = f"{path}: tensor {tensor.name!r}"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    folder = path.parent.resolve()
    relative = Path(location)
    legal = location and "\0" not in location and "\\" not in location and not relative.is_absolute()
    if not legal or ".." in relative.parts or not (folder / relative).resolve().is_relative_to(folder):
        raise ModelError(
            f"its external data {location!r} is not inside the model's folder",
            where=where,
            hint="put the data beside the model, as a file and not as a link, and name it by a relative path",
        )
    source = folder / relative
    if not source.is_file():
        raise ModelError(f"its external data {location!r} is missing", where=where, hint="copy it beside the model")
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries["length"]) if "length" in entries else source.stat().st_size - offset
    except ValueError as error:
        raise ModelError(
            "its external data has an illegal offset or length", where=where, hint="export the model again"
        ) from error
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"has the unknown data type {tensor.data_type}", where=where, hint="export the model again"
        ) from error
    most = math.prod(tensor.dims) * dtype.itemsize
    if offset < 0 or length < 0 or length > most or offset + length > source.stat().st_size:
        raise ModelError(
            f"its external data {location!r} is truncated, or its offset {offset} and length {length} do not fit",
            where=where,
            hint=f"shape {list(tensor.dims)} needs {most} bytes, the file has {source.stat().st_size}",
        )
    with source.open("rb") as file:
        file.seek(offset)
        return file.read(length)
