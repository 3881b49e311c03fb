"""Our own C++, compiled when it is first needed."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from gan2hls.base.errors import ToolError

#: Those of them that are there are tried in this order.
_COMPILERS = ("g++", "c++", "clang++")
_FLAGS = ("-std=c++17", "-O2", "-shared", "-fPIC")
_SECONDS = 300


def native_library(source: Path, generated: Mapping[str, str]) -> ctypes.CDLL:
    """Return the library that ``source`` makes, kept on disk where a folder for that can be written.

    It is compiled anew where anything of it, or the compiler, is not what it was.

    Args:
        source: a C++ file, which includes other ones of its folder.
        generated: headers beside those, by name.

    Raises:
        ToolError: there is no compiler, or it fails.
    """
    compiler = next((found for found in map(shutil.which, _COMPILERS) if found), None)
    if compiler is None:
        tried = ", ".join(_COMPILERS)
        raise ToolError(f"no C++ compiler ({tried})", where=source.name, hint="install one: sudo apt-get install g++")
    name = f"{source.stem}-{_digest(source, generated, compiler)}.so"
    for folder in _folders(source):
        library = folder / name
        with suppress(OSError):
            if not library.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=folder) as work:
                    os.replace(_compile(compiler, source, generated, Path(work)), library)
            return ctypes.CDLL(str(library))
    with tempfile.TemporaryDirectory() as work:
        return ctypes.CDLL(str(_compile(compiler, source, generated, Path(work))))


def _digest(source: Path, generated: Mapping[str, str], compiler: str) -> str:
    total = hashlib.sha256()
    version = os.stat(compiler)
    parts = [compiler, str(version.st_size), str(version.st_mtime_ns), platform.machine(), *_FLAGS]
    for name, text in sorted(generated.items()):
        parts += [name, text]
    for path in sorted(source.parent.glob("*.[ch]pp")):
        parts += [path.name, path.read_text()]
    for part in parts:
        total.update(f"{len(part)} {part}".encode())
    return total.hexdigest()[:16]


def _folders(source: Path) -> Iterator[Path]:
    """Yield where the library may lie: beside its source, else where the user keeps such things."""
    yield source.parent / "__pycache__"
    with suppress(RuntimeError):  # no home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan2hls"


def _compile(compiler: str, source: Path, generated: Mapping[str, str], work: Path) -> Path:
    """Compile ``source`` in folder ``work``; returns the library.

    Raises:
        ToolError: the compiler fails.
    """
    for name, text in generated.items():
        (work / name).write_text(text)
    library = work / f"{source.stem}.so"
    command = [compiler, *_FLAGS, f"-I{work}", str(source), "-o", str(library)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"took longer than {_SECONDS} s", where=compiler) from error
    if done.returncode:
        raise ToolError(f"cannot compile {source.name}: {done.stderr.strip()[-2000:]}", where=compiler)
    return library
