"""External weights of an ONNX file: from its own folder only, and whatever the file names is an error of the file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from gan2hls.base import ModelError, file_problem, is_lfs_pointer

#: More bytes than a pointer of Git LFS has.
_LFS_MOST = 1024
LFS_HINT = "fetch the file itself: run `git lfs pull` in its repository"
_AGAIN = "save the model anew where its weights are: onnx.save_model(model, path, save_as_external_data=True)"


def external_bytes(tensor: onnx.TensorProto, path: Path) -> bytes:
    """Return the bytes of ``tensor``, which the model in ``path`` keeps in another file.

    Raises:
        ModelError: that file is missing, no file, unreadable, too short, or outside of the model's folder.
    """
    where = f"{path}: tensor {tensor.name!r}"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if not location:
        raise _nowhere(tensor, where)
    try:
        source = _source(location, path)
        if source is None:
            raise ModelError(
                f"its external data {location!r} is not inside the model's folder",
                where=where,
                hint="put the data beside the model, as a file and not as a link, and name it by a relative path",
            )
        if problem := file_problem(source):
            what = "is missing" if problem == "does not exist" else problem
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


def _nowhere(tensor: onnx.TensorProto, where: str) -> ModelError:
    """Return what to say of external data without a file."""
    inside = any(field.name.endswith("_data") and field.name != "external_data" for field, _ in tensor.ListFields())
    if inside:
        return ModelError(
            "is marked as external data, and its values stand in the model itself",
            where=where,
            hint="mark it as what it is: tensor.data_location = onnx.TensorProto.DEFAULT",
        )
    return ModelError("is marked as external data, and names no file: its location is empty", where=where, hint=_AGAIN)


def _source(location: str, path: Path) -> Path | None:
    """Return the file that ``location`` names, or None outside of the model's folder."""
    folder, relative = path.parent.resolve(), Path(location)
    legal = "\0" not in location and "\\" not in location and not relative.is_absolute()
    if not legal or not (folder / relative).resolve().is_relative_to(folder):
        return None
    return folder / relative


def _read(tensor: onnx.TensorProto, source: Path, entries: Mapping[str, str], where: str) -> bytes:
    size, needed = source.stat().st_size, _bytes_of(tensor, where)
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0)) or needed  # as onnx reads 0
    except ValueError as error:
        raise ModelError("its external data has an illegal offset or length", where=where, hint=_AGAIN) from error
    what, needs = f"its external data {source.name!r}", f"shape {list(tensor.dims)} needs {needed} bytes"
    with source.open("rb") as file:
        if size <= _LFS_MOST and is_lfs_pointer(file.read(_LFS_MOST)):
            raise ModelError(f"{what} is a Git LFS pointer", where=where, hint=LFS_HINT)
        if offset < 0 or offset > size:
            raise ModelError(
                f"{what} has {size} bytes, and its offset there is {offset}", where=where, hint=f"{needs}; {_AGAIN}"
            )
        if length != needed:
            raise ModelError(
                f"{what} has a length of {length} bytes, where {needs}",
                where=where,
                hint=f"set its length to {needed}, or leave it out; if the shape is wrong, {_AGAIN}",
            )
        if offset + needed > size:
            raise ModelError(
                f"{what} is truncated: {needs} from offset {offset} on, the file has {size}",
                where=where,
                hint=f"copy the whole file; if it is whole, {_AGAIN}",
            )
        file.seek(offset)
        return file.read(needed)


def _bytes_of(tensor: onnx.TensorProto, where: str) -> int:
    """Return the bytes that a tensor takes in a file, where codes of 2 and 4 bits lie packed."""
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"has the unknown data type {tensor.data_type}",
            where=where,
            hint=f"the file is damaged, or newer than onnx {onnx.__version__}; copy it again, or save it as FLOAT",
        ) from error
    if dtype.kind == "O":
        raise ModelError("holds text as external data", where=where, hint="store numbers; weights are FLOAT")
    narrow = re.search(r"(?<=int)[24]$|(?<=^float)4", dtype.name)  # such as uint4 and float4_e2m1fn
    bits = int(narrow[0]) if narrow else 8 * dtype.itemsize
    count: int = math.prod(tensor.dims)
    return (count * bits + 7) // 8
