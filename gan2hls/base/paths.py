"""What stands at a path that a user gave."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gan2hls.base.errors import OutputError

#: How the file begins that Git LFS leaves where the real one was not fetched, and the most bytes that it has.
_LFS_POINTER = re.compile(rb"(\xef\xbb\xbf)?\s*version https://(git-lfs|hawser)\.github\.com/spec/")
_LFS_MOST = 1024


def file_problem(path: Path) -> str:
    """Return why ``path`` is no regular file, or nothing; a pipe, which may never end, is not opened.

    Raises:
        OSError: the path cannot be asked, such as a name that is too long.
    """
    if path.is_file():
        return ""
    return "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"


def is_lfs_pointer(data: bytes) -> bool:
    """Whether ``data``, a file's beginning at least, is a pointer of Git LFS and not the file itself."""
    return _LFS_POINTER.match(data[:_LFS_MOST]) is not None


def check_output_file(output: Path, model: Path) -> None:
    """Check, before long work, that a file can be written to ``output``, and that this is not ``model``.

    Raises:
        OutputError: it cannot, or it is.
    """
    if "\0" in str(output):
        raise OutputError("cannot be written: its name holds a NUL", where=str(output), hint="give -o another file")
    try:
        if output.exists() and os.path.exists(model) and output.samefile(model):
            raise OutputError("is the model itself", where=str(output), hint="give -o another file")
        if not output.parent.is_dir():
            raise OutputError(
                "cannot be written: its folder does not exist",
                where=str(output),
                hint="make it, or choose another file with -o",
            )
        if output.is_dir():
            raise OutputError("cannot be written: it is a folder", where=str(output), hint="give -o a file")
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror or error}", where=str(output), hint="give -o another file"
        ) from error
