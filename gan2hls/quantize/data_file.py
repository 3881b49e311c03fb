"""Inputs from files: ``.npy`` with one array, ``.npz`` with one per input; everything else is an error that says so."""

from __future__ import annotations

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from gan2hls.base import ConfigError, file_problem, is_lfs_pointer
from gan2hls.model import Port

Float32Array = npt.NDArray[np.float32]

_NPY, _ZIP = b"\x93NUMPY", b"PK"
#: What files begin with that users give in place of arrays.
_KINDS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"MATLAB": "a MATLAB file",
}
_HEAD_BYTES = 4096
_NO_FILE = "give an .npy or .npz file, or leave it out to have inputs drawn"
#: What broken bytes make NumPy, zipfile and zlib raise.
_BROKEN = (
    ValueError,
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
_TEXT = "text is no number; where every one spells one, save frames.astype('float32')"
_TYPE_HINTS = {
    "c": "numbers must be real: save frames.real",
    "b": "save frames.astype('float32')",
    "U": _TEXT,
    "S": _TEXT,
    "O": "Python objects are no numbers: save numpy.asarray(frames.tolist(), dtype='float32')",
    "M": "dates are no numbers",
    "m": "save frames.astype('int64').astype('float32')",
}


def read_inputs_file(path: Path, ports: Sequence[Port], samples: int) -> dict[str, Float32Array]:
    """Return the first ``samples`` frames for each of ``ports`` by ONNX name, float32 ``[N, *onnx_shape[1:]]``.

    Raises:
        ConfigError: a file that is missing, broken, no file of arrays, or whose arrays do not fit the ports.
    """
    try:
        if problem := file_problem(path):
            raise ConfigError(problem, where=str(path), hint=_NO_FILE)
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(0)
            if head.startswith(_NPY):
                _check_alone(path, ports)
                arrays = {ports[0].onnx_name: _read_array(path, file, path.stat().st_size, ports[0])}
            elif head.startswith(_ZIP):
                arrays = _read_archive(path, file, ports)
            else:
                raise _not_arrays(path, head, ports)
    except OSError as error:
        raise ConfigError(
            f"cannot read it: {error.strerror or error}",
            where=str(path),
            hint=_NO_FILE,
        ) from error
    inputs = {port.onnx_name: _frames(path, arrays[port.onnx_name], port, samples) for port in ports}
    for port in ports:
        _check_labels(path, inputs[port.onnx_name], port)
    counts = {name: len(values) for name, values in inputs.items()}
    if len(set(counts.values())) != 1:
        found = ", ".join(f"{name!r} {count}" for name, count in counts.items())
        least = min(counts.values())
        raise ConfigError(
            f"its arrays hold different numbers of frames: {found}",
            where=str(path),
            hint=f"save as many of each, such as the first {least}: frames[:{least}]",
        )
    return inputs


def _check_labels(path: Path, values: Float32Array, port: Port) -> None:
    """Check that an input of whole numbers gets those that it takes."""
    wrong = values[(values < 0) | (values >= port.labels) | (values != np.rint(values))] if port.labels else values[:0]
    if wrong.size:
        raise ConfigError(
            f"holds {wrong.flat[0]:g} for the input {port.onnx_name!r}",
            where=str(path),
            hint=f"it takes the whole numbers 0 to {port.labels - 1}; one below 0 counts from the end in ONNX: save "
            f"frames % {port.labels} where that is meant",
        )


def _read_archive(path: Path, file: IO[bytes], ports: Sequence[Port]) -> dict[str, npt.NDArray[Any]]:
    try:
        archive = zipfile.ZipFile(file)
    except _BROKEN as error:
        raise _damaged(path, str(error), ports) from error
    with archive:
        members = {info.filename: info for info in archive.infolist()}
        names = sorted(name.removesuffix(".npy") for name in members if name.endswith(".npy"))
        if not names:
            what = "a PyTorch file" if any(name.endswith("data.pkl") for name in members) else "a zip archive"
            raise _no_arrays(path, f"{what} without arrays", ports)
        arrays = {}
        for port in ports:
            info = members.get(f"{port.onnx_name}.npy")
            if info is None:
                raise ConfigError(
                    f"holds no array for the input {port.onnx_name!r}",
                    where=str(path),
                    hint=f"it holds {', '.join(map(repr, names))}; name them after inputs: {_saving(path, ports)}",
                )
            try:
                member: Any = archive.open(info)
                with member:
                    arrays[port.onnx_name] = _read_array(path, member, info.file_size, port)
            except _BROKEN as error:
                raise _damaged(path, str(error), ports) from error
    return arrays


def _read_array(path: Path, file: IO[bytes], size: int, port: Port) -> npt.NDArray[Any]:
    """Read an array of ``size`` bytes, header included, once its header has been found to fit."""
    try:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"its format is .npy {'.'.join(map(str, version))}, arrays of numbers have 1.0 or 2.0")
        with warnings.catch_warnings(action="ignore"):  # NumPy's, of headers that Python 2 wrote
            shape, _, dtype = readers[version](file)
    except _BROKEN as error:
        raise _damaged(path, str(error), [port]) from error
    _check_fit(path, shape, dtype, port)
    there, needed = size - file.tell(), math.prod(shape) * dtype.itemsize
    if there != needed:
        raise _damaged(path, f"{there} bytes of values where {needed} belong", [port])
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _check_fit(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], port: Port) -> None:
    frame = port.onnx_shape[1:]
    if dtype.kind in "fiu" and _fits(shape, port):
        return
    hint = _TYPE_HINTS.get(dtype.kind, "")
    if dtype.kind in "fiu":
        hint = f"expected numbers of shape [N, {', '.join(map(str, frame))}]"
        if len(shape) == 4 and (shape[3], shape[1], shape[2]) == frame:
            hint += "; with channels last now: save numpy.moveaxis(frames, -1, 1)"
        elif len(shape) == 2 and _fits(shape[::-1], port):
            hint += "; if its frames are columns: save frames.T"
    raise ConfigError(
        f"array of shape {shape} and type {dtype} does not fit the input {port.onnx_name!r}",
        where=str(path),
        hint=hint or f"save it as float32: {_saving(path, [port])}",
    )


def _fits(shape: tuple[int, ...], port: Port) -> bool:
    """Whether ``shape`` is a batch of the input, flat or not, or one frame; axes of size 1 do not matter."""
    frame = port.onnx_shape[1:]
    if 0 in shape:
        return False
    if shape == frame:
        return True
    long = [size for size in frame if size > 1]
    return len(shape) > 0 and ([n for n in shape[1:] if n > 1] == long or shape[1:] == (port.order.size,))


def _frames(path: Path, array: npt.NDArray[Any], port: Port, samples: int) -> Float32Array:
    with np.errstate(over="ignore"):
        frames = array.reshape(-1, *port.onnx_shape[1:])[:samples].astype(np.float32)
    finite = np.isfinite(frames.reshape(len(frames), -1)).all(axis=1)
    if not finite.all():
        raise ConfigError(
            f"holds NaN or infinite values in {np.count_nonzero(~finite)} of {len(frames)} frames of the input "
            f"{port.onnx_name!r}, the first in frame {int(np.argmin(finite))}",
            where=str(path),
            hint="leave those frames out: "
            "save frames[numpy.isfinite(frames.astype('float32').reshape(len(frames), -1)).all(axis=1)]",
        )
    return frames


def _check_alone(path: Path, ports: Sequence[Port]) -> None:
    if len(ports) > 1:
        raise ConfigError(
            f"an .npy holds one array, but the inputs are {', '.join(repr(port.onnx_name) for port in ports)}",
            where=str(path),
            hint=f"save an array for each: {_saving(path, ports)}",
        )


def _not_arrays(path: Path, head: bytes, ports: Sequence[Port]) -> ConfigError:
    if not head:
        return ConfigError("is empty", where=str(path), hint=_saving(path, ports))
    if is_lfs_pointer(head):
        hint = "fetch it with git lfs pull"
        return ConfigError("is a Git LFS pointer, not the file itself", where=str(path), hint=hint)
    kind = next((kind for magic, kind in _KINDS.items() if head.startswith(magic)), None)
    if kind is not None:
        return _no_arrays(path, kind, ports)
    line = head.decode("utf-8", "replace").partition("\n")[0].strip("\r\ufeff")
    if not all(character.isprintable() or character == "\t" for character in line.replace("\ufffd", "\0")):
        return _no_arrays(path, "bytes of another kind", ports)
    how = _text_hint(path, line)
    return ConfigError("is no .npy or .npz file: it holds text", where=str(path), hint=how or _saving(path, ports))


def _text_hint(path: Path, line: str) -> str:
    """Return how a table becomes an array, or nothing if the text is no table of numbers."""
    mark = next((mark for mark in ",;\t" if mark in line), " ")
    cells = line.split(mark if mark != " " else None)
    if len(cells) < 2 and not _is_number(line):
        return ""
    header = "" if all(_is_number(cell) for cell in cells) else ", skiprows=1"
    delimiter = "" if mark == " " else f", delimiter={mark!r}"
    read = f"numpy.loadtxt({path.name!r}{delimiter}{header}, dtype='float32', ndmin=2)"
    return f"numpy.save({_target(path, '.npy')!r}, {read})"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _no_arrays(path: Path, what: str, ports: Sequence[Port]) -> ConfigError:
    return ConfigError(
        f"is no .npy or .npz file: it holds {what}",
        where=str(path),
        hint=f"save what is in it as numbers: {_saving(path, ports)}",
    )


def _damaged(path: Path, what: str, ports: Sequence[Port]) -> ConfigError:
    return ConfigError(f"is damaged or cut off: {what}", where=str(path), hint=f"save it again: {_saving(path, ports)}")


def _target(path: Path, suffix: str) -> str:
    return path.with_suffix(suffix).name


def _saving(path: Path, ports: Sequence[Port]) -> str:
    """Return the call that writes a file which fits; ``frames`` are the user's."""
    shapes = [f"[N, {', '.join(map(str, port.onnx_shape[1:]))}]" for port in ports]
    if len(ports) == 1 and path.suffix != ".npz":
        return f"numpy.save({_target(path, '.npy')!r}, frames), frames being float32 of shape {shapes[0]}"
    arrays = ", ".join(f"{port.onnx_name!r}: frames" for port in ports)
    return (
        f"numpy.savez({_target(path, '.npz')!r}, **{{{arrays}}}), frames being float32 of shape {' and '.join(shapes)}"
    )
