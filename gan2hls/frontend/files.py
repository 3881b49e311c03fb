"""Read an ONNX file and its external data without trusting it."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import final

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from gan2hls.errors import ModelError, UnsupportedError
from gan2hls.layers.draft import MAX_CONSTANT_ELEMENTS

#: Bytes of the largest ONNX file (protobuf's own limit) and of all data that it refers to.
MAX_FILE_BYTES = 1 << 31
_TYPED_FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")


@final
@dataclass(frozen=True, eq=False)
class File:
    """A parsed file; external data is inside ``model``.  ``sha256`` covers the file, then its external data in order."""

    model: onnx.ModelProto
    sha256: str


def read(path: Path) -> File:
    """Read ``path`` and the external data that it names.

    Raises:
        ModelError: unreadable, not ONNX, truncated, or external data that is missing or outside the model's folder.
        UnsupportedError: too large.
    """
    where = str(path)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ModelError("is not a file", where=where, hint="give the path of an .onnx file")
        if size >= MAX_FILE_BYTES:
            raise UnsupportedError(f"is {size} bytes long, {MAX_FILE_BYTES} are supported", where=where)
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", where=where) from error
    if not data:
        raise ModelError("is an empty file", where=where, hint="export the model again")
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ModelError(
            "is not an ONNX model, or is truncated",
            where=where,
            hint="check the file with onnx.checker.check_model, or download it again",
        ) from error
    if not model.HasField("graph") or not model.ir_version:
        raise ModelError("holds no ONNX graph", where=where, hint="give the path of an .onnx file")
    digest = hashlib.sha256(data)
    for tensor, owner in tensors(model.graph):
        _check_declared(tensor, owner)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _load_external(tensor, owner, path.parent, digest)
        _check_present(tensor, owner)
    return File(model, digest.hexdigest())


def tensors(graph: onnx.GraphProto) -> Iterator[tuple[onnx.TensorProto, str]]:
    """Yield every tensor stored in ``graph`` and what to call it in messages."""
    for tensor in graph.initializer:
        yield tensor, f"initializer {tensor.name!r}"
    for node in graph.node:
        for attribute in node.attribute:
            for tensor in (attribute.t, *attribute.tensors) if attribute.HasField("t") else attribute.tensors:
                yield tensor, f"node {node.name!r} ({node.op_type})"


def _check_declared(tensor: onnx.TensorProto, owner: str) -> None:
    if any(dim < 0 for dim in tensor.dims):
        raise ModelError(f"has shape {list(tensor.dims)}", where=owner)
    if math.prod(tensor.dims) > MAX_CONSTANT_ELEMENTS:
        raise UnsupportedError(
            f"declares shape {list(tensor.dims)}, {math.prod(tensor.dims)} elements; {MAX_CONSTANT_ELEMENTS} are supported",
            where=owner,
        )


def _check_present(tensor: onnx.TensorProto, owner: str) -> None:
    """Compare the declared shape with the data that is there, before anything is allocated."""
    count = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        found, expected = len(tensor.raw_data), _bytes_of(tensor, owner)
        unit = "bytes"
    else:
        found, unit = sum(len(getattr(tensor, name)) for name in _TYPED_FIELDS), "values"
        pairs = tensor.data_type in (onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128)
        expected = count * (2 if pairs else 1)
        if _bits(tensor, owner) < 8:
            expected = found if count and found else count
    if found != expected:
        raise ModelError(
            f"declares shape {list(tensor.dims)} and holds {found} {unit} of {expected}",
            where=owner,
            hint="the file is damaged or truncated; export it again",
        )


def _bits(tensor: onnx.TensorProto, owner: str) -> int:
    name = onnx.TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in _DATA_TYPES else ""
    if not name or name == "UNDEFINED":
        raise ModelError(f"has the unknown element type {tensor.data_type}", where=owner)
    for bits in (2, 4):
        if name in (f"INT{bits}", f"UINT{bits}", "FLOAT4E2M1" if bits == 4 else ""):
            return bits
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize * 8


_DATA_TYPES = frozenset(onnx.TensorProto.DataType.values())


def _bytes_of(tensor: onnx.TensorProto, owner: str) -> int:
    return -(-math.prod(tensor.dims) * _bits(tensor, owner) // 8)


def _load_external(tensor: onnx.TensorProto, owner: str, folder: Path, digest: hashlib._Hash) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    path = _inside(location, folder, owner)
    needed = _bytes_of(tensor, owner)
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or needed)
    except ValueError as error:
        raise ModelError(f"has the external data entry {entries}", where=owner) from error
    if offset < 0 or length != needed:
        raise ModelError(
            f"needs {needed} bytes of external data and declares {length} at offset {offset}",
            where=owner,
            hint="the file is damaged; export it again",
        )
    try:
        with path.open("rb") as file:
            available = os.fstat(file.fileno()).st_size
            if available < offset + length:
                raise ModelError(
                    f"needs bytes {offset} to {offset + length} of {location!r}, which has {available}",
                    where=owner,
                    hint="the data file is truncated or belongs to another model",
                )
            file.seek(offset)
            data = file.read(length)
    except OSError as error:
        raise ModelError(f"its data file {location!r} cannot be read: {error.strerror}", where=owner) from error
    digest.update(data)
    del tensor.external_data[:]
    tensor.data_location = onnx.TensorProto.DEFAULT
    tensor.raw_data = data


def _inside(location: str, folder: Path, owner: str) -> Path:
    """Return the real path of ``location``, which must be a plain file inside ``folder``.

    Raises:
        ModelError: missing, absolute, with ``..``, or led outside by a symbolic link.
    """
    hint = "external data must lie in the model's folder; save the model again with onnx.save"
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor != ""
    if not location or "\0" in location or absolute or ".." in parts:
        raise ModelError(f"its external data {location!r} is not inside the model's folder", where=owner, hint=hint)
    root = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(root / location))
    if not path.is_relative_to(root):
        raise ModelError(f"its external data {location!r} leads outside the model's folder", where=owner, hint=hint)
    if not path.is_file():
        raise ModelError(
            f"its data file {location!r} is missing", where=owner, hint=f"put it beside the model, into {str(folder)!r}"
        )
    return path
