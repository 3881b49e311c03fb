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
        """Remove what still has a hidden name, then the lock; what cannot be removed is left to the next build."""
        try:
            with contextlib.suppress(OSError):
                _clear_all(self.lock.parent, self.token)
                self.lock.unlink()
        finally:
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
        owned = Claim(folder, token, lock, handle)
        try:
            with contextlib.suppress(OSError):  # a file system without locks: what is left there stays
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder.mkdir()
        except BaseException:
            owned.release()
            raise
    return owned


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
    with contextlib.suppress(OSError, ValueError), exclusive(parent):  # the latter of a name with a NUL
        _sweep(parent)


def _sweep(parent: Path) -> None:
    for lock, parts in _hidden(parent):
        if parts["kind"] == "lock":
            with contextlib.suppress(OSError), _dead(lock):
                _log.info("%s: a build was killed", lock)
                _clear_all(parent, parts["token"])
                lock.unlink()


def _hidden(parent: Path) -> list[tuple[Path, re.Match[str]]]:
    return [(path, parts) for path in sorted(parent.iterdir()) if (parts := _HIDDEN.match(path.name))]


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


def _clear_all(parent: Path, token: str) -> None:
    """Remove hidden folders, but put a former project back if nothing has taken its place."""
    for path, parts in _hidden(parent):
        if parts["token"] != token or parts["kind"] == "lock":
            continue
        target = parent / parts["name"]
        if parts["kind"] == "old" and not os.path.lexists(target):
            path.rename(target)
            _log.warning("%s: put back; the build that was replacing it was stopped", target)
        else:
            shutil.rmtree(path)
