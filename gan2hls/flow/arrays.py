"""Arrays of saved stages: an uncompressed ``.npz`` that is equal for equal arrays, and is trusted with nothing."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

_MAX_BYTES = 1 << 30
_DTYPES = ("|i1", "<i2", "<i4", "<i8", "<f8")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def dump_arrays(arrays: dict[str, Array]) -> bytes:
    """Return an uncompressed ``.npz`` that is equal for equal arrays; integers are stored in their narrowest type."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, _narrow(np.ascontiguousarray(array)), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue())
    return buffer.getvalue()


def load_arrays(npz_bytes: bytes) -> dict[str, Array]:
    """Read what ``dump_arrays`` wrote; integers come back as int64.

    Raises:
        ValueError: compressed, too large, of another type, or a size that is not the header's.
        BadZipFile: not a zip file.
    """
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(io.BytesIO(npz_bytes)) as archive:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > _MAX_BYTES:
                raise ValueError(f"array {info.filename!r} is compressed or too large")
            arrays[info.filename.removesuffix(".npy")] = _read_array(info.filename, archive.read(info))
    return arrays


def _read_array(name: str, raw: bytes) -> Array:
    content = io.BytesIO(raw)
    if np.lib.format.read_magic(content) != (1, 0):
        raise ValueError(f"array {name!r} is not of .npy version 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    body = raw[content.tell() :]
    if fortran or dtype.str not in _DTYPES or len(shape) > 4:
        raise ValueError(f"array {name!r} has type {dtype.str} and shape {shape}")
    count = 1
    for size in shape:
        count *= size
    if count * dtype.itemsize != len(body):
        raise ValueError(f"array {name!r} of shape {shape} has {len(body)} bytes")
    flat = np.frombuffer(body, dtype).reshape(shape)
    if dtype.kind == "f":
        if not np.isfinite(flat).all():
            raise ValueError(f"array {name!r} has values that are not finite")
        return flat.astype(np.float64)
    return flat.astype(np.int64)


def _narrow(array: Array) -> Array:
    if array.dtype.kind == "f":
        return array.astype("<f8")
    lo, hi = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in ("|i1", "<i2", "<i4"):
        limits = np.iinfo(dtype)
        if limits.min <= lo and hi <= limits.max:
            return array.astype(dtype)
    return array.astype("<i8")
