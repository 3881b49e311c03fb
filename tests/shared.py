"""Folders that are filled once in a run of the tests, whichever worker comes first."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

#: Names the folder of them all.
FOLDER = "GAN2HLS_TEST_SHARED"


def folder() -> Path:
    """Return the folder of them all; the process that asks first, which starts the workers, makes and removes it."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="g2h_tests_")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
    return Path(os.environ[FOLDER])


def shared(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder ``name`` of this run; the first who asks lets ``fill`` fill it, others wait until it has."""
    made = folder() / name
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = made.with_suffix(".done")
        if not done.exists():
            made.mkdir(exist_ok=True)
            fill(made)
            done.touch()
    return made
