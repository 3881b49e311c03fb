"""The hidden files beside a project while it is built, and what becomes of those that a killed build leaves.

======================  =================================================================
``.NAME.TOKEN.tmp``     the project while it is built
``.NAME.TOKEN.old``     the former project while the new one takes its place
``.NAME.TOKEN.lock``    locked by the process that builds: who can lock it knows it dead
======================  =================================================================
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

_log = logging.getLogger(__name__)

_HIDDEN = re.compile(r"\.(?P<name>[^/]+)\.(?P<token>[0-9a-f]{12})\.(?P<kind>tmp|old|lock)\Z")


@final
@dataclass(frozen=True)
class Claim:
    """Hidden names that belong to a process as long as it lives.

    Attributes:
        folder: the folder ``.NAME.TOKEN.tmp``, empty at first.
        token: what the names have in common.
        lock: the locked file.
        handle: its descriptor, which holds the lock.
    """

    folder: Path
    token: str
    lock: Path
    handle: int

    def aside(self, target: Path) -> Path:
        """Return where the former project ``target`` waits while it is replaced."""
        return target.with_name(f".{target.name}.{self.token}.old")

    def release(self) -> None:
        """Remove the folder, if it still has its hidden name, then the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.unlink(missing_ok=True)
        os.close(self.handle)


def claim(destination: Path) -> Claim:
    """Remove what killed builds left beside ``destination``, and make a hidden folder of our own there.

    Raises:
        OSError: the parent cannot be written.
    """
    parent, token = destination.parent, secrets.token_hex(6)
    lock, folder = (parent / f".{destination.name}.{token}.{kind}" for kind in ("lock", "tmp"))
    with exclusive(parent):
        _sweep(parent)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        made = Claim(folder, token, lock, handle)
        try:
            with contextlib.suppress(OSError):  # a file system without locks: what is left there stays
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder.mkdir()
        except BaseException:
            made.release()
            raise
    return made


@contextlib.contextmanager
def exclusive(parent: Path) -> Iterator[None]:
    """Keep other builds from claiming, sweeping and replacing in ``parent`` meanwhile; must not be nested.

    Raises:
        OSError: the folder cannot be opened.
    """
    handle = os.open(parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sweep(parent: Path) -> None:
    """Remove what killed builds left in ``parent``; a former project that one of them had moved aside is put back."""
    with contextlib.suppress(OSError), exclusive(parent):
        _sweep(parent)


def _sweep(parent: Path) -> None:
    hidden = [(path, found) for path in sorted(parent.iterdir()) if (found := _HIDDEN.match(path.name))]
    for lock in (path for path, found in hidden if found["kind"] == "lock"):
        token = _HIDDEN.match(lock.name)["token"]  # type: ignore[index]
        with contextlib.suppress(OSError), _dead(lock):
            for path, found in hidden:
                if found["token"] == token and found["kind"] != "lock":
                    _clear(path, parent / found["name"], former=found["kind"] == "old")
            lock.unlink()


@contextlib.contextmanager
def _dead(lock: Path) -> Iterator[None]:
    """Hold ``lock``.

    Raises:
        OSError: its owner is alive, or locks do not work here.
    """
    handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _clear(path: Path, target: Path, *, former: bool) -> None:
    if former and not os.path.lexists(target):
        path.rename(target)
        _log.warning("%s: put back; the build that was replacing it was killed", target)
    else:
        shutil.rmtree(path)
        _log.info("%s: removed; the build that made it was killed", path)
