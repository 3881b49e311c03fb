"""What killed builds leave is removed or put back; what belongs to a live one, or to somebody else, stays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gan2hls.base.errors import OutputError
from gan2hls.emit.leftovers import sweep
from gan2hls.emit.project import MARKER, Project, staged, write

FIRST = Project.of({MARKER: b"{}", "a": b"first"})
SECOND = Project.of({MARKER: b"{}", "a": b"second"})
#: Stages SECOND at the folder given and then waits; with ``rename`` it dies between the two renames of the swap.
CHILD = """
import os, signal, sys, time
from pathlib import Path
from gan2hls.emit.project import Project, staged
target, point = Path(sys.argv[1]), sys.argv[2]
rename = Path.rename
def dying(path, to):
    if path.suffix == ".tmp":
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, to)
if point == "rename":
    Path.rename = dying
with staged(target) as staging:
    staging.add(Project.of({"integer_model.json": b"{}", "a": b"second"}))
    print("staged", flush=True)
    if point == "rename":
        staging.commit(target.with_name(sys.argv[3]) if len(sys.argv) > 3 else None)
    sys.stdin.read()
"""


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", CHILD, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"staged\n"
        try:
            yield process
        finally:
            process.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def content(folder: Path) -> bytes:
    return (folder / "a").read_bytes()


@pytest.mark.slow
def test_what_a_killed_build_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "net")
    with child(str(tmp_path / "net"), "stage"), child(str(tmp_path / "other"), "stage"):
        pass
    assert len(names(tmp_path)) == 5, "two folders and their locks"
    write(SECOND, tmp_path / "net")
    assert names(tmp_path) == {"net"} and content(tmp_path / "net") == b"second"


def test_a_live_build_is_left_alone(tmp_path: Path) -> None:
    with child(str(tmp_path / "net"), "stage"):
        hidden = names(tmp_path)
        assert len(hidden) == 2
        write(FIRST, tmp_path / "net")
        sweep(tmp_path)
        assert names(tmp_path) == {"net"} | hidden
    sweep(tmp_path)
    assert names(tmp_path) == {"net"} and content(tmp_path / "net") == b"first"


def test_two_builds_of_one_process_leave_each_other_alone(tmp_path: Path) -> None:
    with staged(tmp_path / "net") as one, staged(tmp_path / "net") as two:
        one.add(FIRST)
        two.add(SECOND)
        one.commit()
        two.commit()
    assert names(tmp_path) == {"net"} and content(tmp_path / "net") == b"second"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["net", "net.failed"])
def test_a_former_project_that_was_moved_aside_is_put_back(tmp_path: Path, target: str) -> None:
    write(FIRST, tmp_path / target)
    with child(str(tmp_path / "net"), "rename", target) as process:
        assert process.wait(60) == -9
    assert target not in names(tmp_path)
    sweep(tmp_path)
    assert names(tmp_path) == {target} and content(tmp_path / target) == b"first"


def test_a_former_project_is_not_put_over_a_newer_one(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "net")
    with child(str(tmp_path / "net"), "rename") as process:
        process.wait(60)
    (old,) = (path for path in tmp_path.iterdir() if path.suffix == ".old")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "mine").write_text("kept")
    sweep(tmp_path)
    assert names(tmp_path) == {"net"} and (tmp_path / "net" / "mine").read_text() == "kept" and not old.exists()


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_while_the_former_project_is_removed_leaves_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Once, the end of the build removes it; twice, as when Ctrl-C is pressed again, the next build does."""
    write(FIRST, tmp_path / "net")
    remove, left = shutil.rmtree, [KeyboardInterrupt()] * times

    def interrupted(path: Path, *rest: object, **more: object) -> None:
        if path.suffix == ".old" and left:
            (path / "a").unlink(missing_ok=True)
            raise left.pop()
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(SECOND, tmp_path / "net")
    assert content(tmp_path / "net") == b"second"
    if times == 2:
        assert len(names(tmp_path)) == 3
        sweep(tmp_path)
    assert names(tmp_path) == {"net"} and content(tmp_path / "net") == b"second"


def test_hidden_files_of_others_are_never_touched(tmp_path: Path) -> None:
    for name in (".net.0123456789ab.tmp", ".net.abc.tmp", ".git", ".net.0123456789ab.old"):
        (tmp_path / name).mkdir()
    (tmp_path / ".net.lock").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / ".net.fedcba987654.lock").symlink_to(tmp_path / "file")
    before = names(tmp_path)
    write(FIRST, tmp_path / "net")
    assert names(tmp_path) == before | {"net"}


def test_a_check_is_made_at_the_beginning_and_again_when_the_folder_is_replaced(tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        if folder.exists() and content(folder) == b"first":
            raise OutputError("is another's", where=str(folder))

    with staged(tmp_path / "net", check) as staging:
        staging.add(SECOND)
        write(FIRST, tmp_path / "net")  # a build that was faster
        with pytest.raises(OutputError, match="another's"):
            staging.commit()
    assert names(tmp_path) == {"net"} and content(tmp_path / "net") == b"first"
    with pytest.raises(OutputError, match="another's"), staged(tmp_path / "net", check):
        pytest.fail("refused before anything is staged")


def test_a_folder_that_is_not_there_has_nothing_to_sweep(tmp_path: Path) -> None:
    sweep(tmp_path / "none")
    assert names(tmp_path) == set()
