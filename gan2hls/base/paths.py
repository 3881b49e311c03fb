"""What stands at a path that a user gave."""

from __future__ import annotations

from pathlib import Path


def file_problem(path: Path) -> str:
    """Return why ``path`` is no regular file, or nothing; a pipe, which may never end, is not opened.

    Raises:
        OSError: the path cannot be asked, such as a name that is too long.
    """
    if path.is_file():
        return ""
    return "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"
