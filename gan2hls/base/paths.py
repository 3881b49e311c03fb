"""What stands at a path that a user gave."""

from __future__ import annotations

import re
from pathlib import Path

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
