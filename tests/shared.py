"""Folders that are filled once in a run of the tests, whichever worker comes first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

#: Names the folder of them all; the process that starts the workers makes and removes it.
FOLDER = "GAN2HLS_TEST_SHARED"


def shared(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder ``name`` of this run; the first who asks lets ``fill`` fill it, others wait until it has."""
    folder = Path(os.environ[FOLDER]) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".done")
        if not done.exists():
            folder.mkdir(exist_ok=True)
            fill(folder)
            done.touch()
    return folder
