"""Read an ONNX file that may be broken or hostile: external weights from its own folder only, sizes within bounds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.unknown_fields import UnknownFieldSet

from gan2hls.base import ModelError, UnsupportedError, file_problem, is_lfs_pointer
from gan2hls.frontend.external import LFS_HINT, external_bytes

#: Most bytes of the ONNX file itself: the limit of protobuf.
MAX_FILE_BYTES = 1 << 31
#: Most elements of one constant tensor.
MAX_CONSTANT = 1 << 26
#: Most elements of all constant tensors together.
MAX_CONSTANTS = 1 << 28
#: Most nodes, after inlining of functions.
MAX_NODES = 100_000
OLDEST_OPSET = 9
#: From here on onnx converts files to a newer operator set.
_OLDEST_CONVERTED = 6
#: Older files list every weight among the inputs too, or should; from this format on an initializer is enough.
OLDEST_FORMAT = 4
#: The way out where a file is not what an exporter wrote.
DAMAGED = "the file is damaged: copy it again from where it was exported, or export it once more"


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """Return the model with external data inside, and the SHA-256 of the file followed by its external data.

    Raises:
        ModelError: not an ONNX file, truncated, empty, or its external data is missing, broken or outside its folder.
        UnsupportedError: an operator set that this version cannot read.
    """
    data = _read_bytes(path)
    if is_lfs_pointer(data):
        raise ModelError("is a Git LFS pointer, not the model itself", where=str(path), hint=LFS_HINT)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, whose module has no types
        raise ModelError(
            "is not an ONNX file, or is truncated",
            where=str(path),
            hint=f"it has {len(data)} bytes; compare with where it comes from and copy the whole file, or export it "
            "with torch.onnx.export or tf2onnx",
        ) from error
    if not model.HasField("graph") or not model.graph.node:
        raise ModelError(
            "holds no graph" if not model.HasField("graph") else "its graph has no nodes",
            where=str(path),
            hint="export the whole generator with torch.onnx.export or tf2onnx",
        )
    if not _is_text(model):
        raise ModelError("holds names that are not UTF-8 text", where=str(path), hint=DAMAGED)
    _shorten_domains(model)
    check_versions(model, path)
    digest = hashlib.sha256(data)
    for part in _load_external(model, path):
        digest.update(part)
    return model, digest.hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        if problem := file_problem(path):
            raise ModelError(problem, where=str(path), hint="give the path of an .onnx file")
        if path.stat().st_size >= MAX_FILE_BYTES:
            raise ModelError("is larger than 2 GiB", where=str(path), hint="save it with external data")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise ModelError(
            f"cannot be read: {text}", where=str(path), hint="check its name, and that you may read the file"
        ) from error
    if not data:
        raise ModelError("is an empty file", where=str(path), hint="copy or export it again: nothing was written")
    return data


def _shorten_domains(model: onnx.ModelProto) -> None:
    """Give ONNX's own operators the domain ``""`` in place of its long name, which onnx's checker does not know."""
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in _all_nodes(nodes):
            if node.domain == "ai.onnx":
                node.domain = ""
    for imports in (model.opset_import, *(function.opset_import for function in model.functions)):
        if all(one.domain for one in imports):
            for one in imports:
                if one.domain == "ai.onnx":
                    one.domain = ""


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Return ``nodes`` and those of their sub-graphs."""
    for node in nodes:
        yield node
        for graph in sub_graphs(node):
            yield from _all_nodes(graph.node)


def sub_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Return the graphs that are attributes of ``node``."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


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


def _has_unknown_fields(message: Any) -> bool:
    """Whether a protobuf message holds, anywhere, what this version of onnx has no name for."""
    if len(UnknownFieldSet(message)):
        return True
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            parts = [value] if hasattr(value, "ListFields") else value
            if any(_has_unknown_fields(part) for part in parts):
                return True
    return False


def check_versions(model: onnx.ModelProto, path: Path) -> None:
    """Check the versions that the model asks for.

    A file format ahead of ours is read where the file holds nothing but what ours has.

    Raises:
        ModelError: no operator set at all.
        UnsupportedError: an operator set or a file format that cannot be read.
    """
    newest, where = onnx.defs.onnx_opset_version(), str(path)
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if not versions:
        raise ModelError(
            "names no opset of the default domain",
            where=where,
            hint="name it: model.opset_import.append(onnx.helper.make_opsetid('', 17)), with the opset of its exporter",
        )
    opset = max(versions)
    if opset < 1:
        raise ModelError(
            f"names opset {opset}, and the first is 1",
            where=where,
            hint="name that of its exporter: model.opset_import[0].version = 17; or export it again",
        )
    if opset < OLDEST_OPSET:
        raise UnsupportedError(
            f"opset {opset} is older than {OLDEST_OPSET}", where=where, hint=_converting(model, opset)
        )
    if opset > newest:
        raise UnsupportedError(
            f"opset {opset} is newer than {newest}, the newest that onnx {onnx.__version__} knows",
            where=where,
            hint="export it with opset 17, which every exporter writes: torch.onnx.export(..., opset_version=17), "
            f"tf2onnx --opset 17; opsets {OLDEST_OPSET} to {newest} are read",
        )
    if model.ir_version > onnx.IR_VERSION and _has_unknown_fields(model):
        raise UnsupportedError(
            f"file format {model.ir_version} with parts that onnx {onnx.__version__} (format {onnx.IR_VERSION}) lacks",
            where=where,
            hint="export it with opset 17, whose files have format 8: torch.onnx.export(..., opset_version=17)",
        )
    model.ir_version = min(max(model.ir_version, OLDEST_FORMAT), onnx.IR_VERSION)


def _converting(model: onnx.ModelProto, opset: int) -> str:
    """Return how a model of an old operator set becomes one that is read, as far as onnx's converter reaches."""
    if opset < _OLDEST_CONVERTED:
        return "export it again with opset 17: torch.onnx.export(..., opset_version=17), tf2onnx --opset 17"
    convert = "onnx.save(onnx.version_converter.convert_version({}, 17), NEW_PATH)"
    if model.ir_version >= OLDEST_FORMAT:
        return f"convert it: {convert.format('onnx.load(PATH)')}"
    return f"convert it: model = onnx.load(PATH); model.ir_version = 8; {convert.format('model')}"


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


def _node_tensors(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for graph in sub_graphs(node):
            yield from _graph_tensors(graph)


def _load_external(model: onnx.ModelProto, path: Path) -> Iterator[bytes]:
    """Put external data into the model; yields it."""
    total = 0
    for tensor in all_tensors(model):
        total += check_constant(tuple(tensor.dims), f"tensor {tensor.name!r}", total)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor.raw_data = external_bytes(tensor, path)
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
        raise ModelError(
            f"has the illegal shape {list(shape)}", where=where, hint=f"no size may be negative; {DAMAGED}"
        )
    count = math.prod(shape)
    if count > MAX_CONSTANT or total + count > MAX_CONSTANTS:
        raise UnsupportedError(
            f"has shape {list(shape)}, {count} elements",
            where=where,
            hint=f"constants have at most {MAX_CONSTANT} elements each and {MAX_CONSTANTS} together",
        )
    return count


def check_numbers(value: npt.NDArray[Any], where: str) -> None:
    """Check the numbers of a constant; one infinite number alone may be a bound of Clip.

    Raises:
        ModelError: one of them is NaN or infinite.
    """
    if value.dtype.kind in "biuSUOM":
        return
    if value.dtype.kind == "c":
        raise ModelError("holds complex numbers", where=where, hint="store real numbers; weights are FLOAT")
    numbers = value if value.dtype.kind == "f" else value.astype(np.float64)
    bad = ~np.isfinite(numbers) if value.size > 1 else np.isnan(numbers)
    if bad.any():
        raise ModelError(
            f"holds {int(bad.sum())} NaN or infinite values",
            where=where,
            hint="the training diverged; use an earlier checkpoint",
        )
