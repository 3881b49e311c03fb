"""A generated project: every file in memory first, with a digest; writing it is one atomic step."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gan2hls.base import OutputError
from gan2hls.emit.leftovers import Claim, claim, exclusive

#: What a path component may look like; nothing from a model gets past this.
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}\Z")
#: A folder with this file in it is a project of ours and may be replaced.
MARKER = "integer_model.json"


@final
@dataclass(frozen=True)
class Project:
    """Files by path, sorted; paths are relative, with ``/``, of plain characters.

    Attributes:
        files: ``(path, content)`` pairs in path order.
    """

    files: tuple[tuple[str, bytes], ...]

    def __post_init__(self) -> None:
        paths = [path for path, _ in self.files]
        assert paths == sorted(set(paths)), "paths must be sorted and unique"
        for path in paths:
            assert all(_COMPONENT.match(part) for part in path.split("/")), f"unsafe path {path!r}"

    @staticmethod
    def of(files: Mapping[str, bytes]) -> Project:
        """Return the project that holds ``files``."""
        return Project(tuple(sorted(files.items())))

    @property
    def digest(self) -> str:
        """SHA-256 over every path and content, in path order."""
        total = hashlib.sha256()
        for path, content in self.files:
            name = path.encode()
            total.update(len(name).to_bytes(8, "little") + name + len(content).to_bytes(8, "little") + content)
        return total.hexdigest()

    def __getitem__(self, path: str) -> bytes:
        return dict(self.files)[path]

    def __contains__(self, path: object) -> bool:
        return path in dict(self.files)

    def merged(self, files: Mapping[str, bytes]) -> Project:
        """Return this project with ``files`` added or replaced."""
        return Project.of(dict(self.files) | dict(files))


Check = Callable[[Path], None]


@final
@dataclass(frozen=True)
class Staging:
    """A project's folder while it is still hidden beside its destination.

    Attributes:
        destination: where ``commit`` puts it.
        claim: the hidden folder and its lock.
        check: refuses folders that must not be replaced.
    """

    destination: Path
    claim: Claim
    check: Check

    @property
    def folder(self) -> Path:
        """The hidden sibling; its name is not the destination's."""
        return self.claim.folder

    def add(self, project: Project) -> None:
        """Write the files of ``project``.

        Raises:
            OutputError: a file cannot be written.
        """
        try:
            for path, content in project.files:
                target = self.folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        except OSError as error:
            raise _cannot_write(self.destination, error) from error

    def commit(self, destination: Path | None = None) -> Path:
        """Rename the folder into place; a former project there is swapped out first and put back if that fails.

        Raises:
            OutputError: what stands there now is not ours to replace, or the folder cannot be renamed; nothing has
                changed.
        """
        target = destination or self.destination
        try:
            with exclusive(target.parent):
                check_replaceable(target)
                self.check(target)
                _swap(self.folder, target, self.claim.aside(target))
        except OSError as error:
            raise _cannot_write(target, error) from error
        return target


@contextlib.contextmanager
def staged(destination: Path, check: Check = lambda _: None) -> Iterator[Staging]:
    """Make a hidden sibling of ``destination`` and remove it again, however the block ends, unless it was committed.

    Args:
        destination: where the project is to stand.
        check: raises ``OutputError`` for a folder that must not be replaced, beside those that are no projects.

    Raises:
        OutputError: the parent cannot be written, or ``destination`` is something that is not ours to replace.
    """
    check_replaceable(destination)
    check(destination)
    parents = _make_parents(destination.parent, destination)
    try:
        owned = claim(destination)
    except OSError as error:
        _remove_empty(parents)
        raise _cannot_write(destination, error) from error
    try:
        yield Staging(destination, owned, check)
    finally:
        owned.release()
        if not destination.exists():
            _remove_empty(parents)


def write(project: Project, destination: Path) -> None:
    """Write ``project`` to ``destination``: all of it, or nothing.

    Raises:
        OutputError: as ``staged``.
    """
    with staged(destination) as staging:
        staging.add(project)
        staging.commit()


def check_replaceable(destination: Path) -> None:
    """Refuse a destination that holds anything but an empty folder or a former project.

    Raises:
        OutputError: it does.
    """
    try:
        destination.resolve()
        if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
            raise OutputError(
                "exists and is not a folder", where=str(destination), hint="remove it, or choose another -o"
            )
        if destination.is_dir() and any(destination.iterdir()) and not (destination / MARKER).is_file():
            raise OutputError(
                f"exists and is not a generated project (it has no {MARKER})",
                where=str(destination),
                hint="remove it, or choose another -o",
            )
    except (OSError, RuntimeError, ValueError) as error:  # no permission, a loop of links, a NUL
        raise _cannot_write(destination, error) from error


def remove(folder: Path) -> None:
    """Remove a former project, if it is one."""
    if folder.is_dir() and not folder.is_symlink() and (folder / MARKER).is_file():
        shutil.rmtree(folder, ignore_errors=True)


def _swap(folder: Path, target: Path, aside: Path) -> None:
    """Rename ``folder`` to ``target``; what stood there is restored on failure and removed on success."""
    try:
        if target.exists():
            target.rename(aside)
        folder.rename(target)
    except BaseException:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _make_parents(parent: Path, destination: Path) -> list[Path]:
    """Create ``parent`` and return the folders that were new, deepest first."""
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise _cannot_write(destination, error) from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _cannot_write(destination: Path, error: Exception) -> OutputError:
    return OutputError(
        f"cannot be written: {getattr(error, 'strerror', None) or error}",
        where=str(destination),
        hint="choose a folder that you may write with -o",
    )
