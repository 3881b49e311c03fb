"""External weights of an ONNX file: from its own folder only, and whatever the file names is an error of the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from gan2hls.base import ModelError

#: How the file begins that Git LFS leaves where the real one was not fetched, and the most bytes that it has.
_LFS_POINTER, _LFS_MOST = b"version https://git-lfs.github.com/spec/", 1024
LFS_HINT = "fetch the file itself: run `git lfs pull` in its repository"
_AGAIN = "save the model anew where its weights are: onnx.save_model(model, path, save_as_external_data=True)"


def is_lfs_pointer(data: bytes) -> bool:
    """Whether ``data``, a file's beginning at least, is a pointer of Git LFS and not the file itself."""
    return data.startswith(_LFS_POINTER)


def external_bytes(tensor: onnx.TensorProto, path: Path) -> bytes:
    """Return the bytes of ``tensor``, which the model in ``path`` keeps in another file.

    Raises:
        ModelError: that file is missing, no file, unreadable, too short, or outside of the model's folder.
    """
    where = f"{path}: tensor {tensor.name!r}"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    try:
        source = _source(location, path)
        if source is None:
            raise ModelError(
                f"its external data {location!r} is not inside the model's folder",
                where=where,
                hint="put the data beside the model, as a file and not as a link, and name it by a relative path",
            )
        if not source.is_file():
            what = "is no regular file" if source.exists() else "is missing"
            raise ModelError(f"its external data {location!r} {what}", where=where, hint="copy it beside the model")
        return _read(tensor, source, entries, where)
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, a loop of links, no permission
        text = getattr(error, "strerror", None) or str(error)
        raise ModelError(
            f"its external data {location[:80]!r} cannot be read: {text}",
            where=where,
            hint="copy the data beside the model under the name that it gives, readable for you; with a bad name, "
            + _AGAIN,
        ) from error


def _source(location: str, path: Path) -> Path | None:
    """Return the file that ``location`` names, or None outside of the model's folder."""
    folder, relative = path.parent.resolve(), Path(location)
    legal = location and "\0" not in location and "\\" not in location and not relative.is_absolute()
    if not legal or ".." in relative.parts or not (folder / relative).resolve().is_relative_to(folder):
        return None
    return folder / relative


def _read(tensor: onnx.TensorProto, source: Path, entries: Mapping[str, str], where: str) -> bytes:
    size = source.stat().st_size
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries["length"]) if "length" in entries else size - offset
    except ValueError as error:
        raise ModelError("its external data has an illegal offset or length", where=where, hint=_AGAIN) from error
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"has the unknown data type {tensor.data_type}",
            where=where,
            hint=f"the file is damaged, or newer than onnx {onnx.__version__}; copy it again, or save it as FLOAT",
        ) from error
    most = math.prod(tensor.dims) * dtype.itemsize
    with source.open("rb") as file:
        if size <= _LFS_MOST and is_lfs_pointer(file.read(len(_LFS_POINTER))):
            raise ModelError(f"its external data {source.name!r} is a Git LFS pointer", where=where, hint=LFS_HINT)
        if offset < 0 or length < 0 or length > most or offset + length > size:
            raise ModelError(
                f"its external data {source.name!r} is truncated, or its offset {offset} or length {length} wrong",
                where=where,
                hint=f"shape {list(tensor.dims)} needs {most} bytes, the file has {size}; copy the whole file",
            )
        file.seek(offset)
        return file.read(length)
