from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls.base.errors import OutputError
from gan2hls.emit.project import MARKER, Project, check_replaceable, remove, staged, write

FIRST = Project.of({MARKER: b"{}", "rtl/lib/a.sv": b"module a;\n"})
SECOND = Project.of({MARKER: b"{}", "hls/b.cpp": b"int b;\n"})


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/x", "a/../b", "a//b", "", "a/", '../../x"; DROP', "a b", "a\n", ".x", "-x", "a/.git", "ä", "a\\b"],
)
def test_unsafe_paths_never_become_a_project(path: str) -> None:
    with pytest.raises(AssertionError, match="unsafe path"):
        Project.of({path: b""})


def test_digest_depends_on_every_path_and_byte_and_on_nothing_else() -> None:
    assert Project.of({"a": b"1", "b": b"2"}).digest == Project.of({"b": b"2", "a": b"1"}).digest
    others = [{"a": b"12", "b": b""}, {"a": b"1", "c": b"2"}, {"a": b"1"}, {"ab": b"12"}]
    digests = {Project.of(files).digest for files in others}
    assert len(digests) == len(others)
    assert Project.of({"a": b"1", "b": b"2"}).digest not in digests


def test_write_replaces_a_former_project_whole(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "out" / "net")
    write(SECOND, tmp_path / "out" / "net")
    assert tree(tmp_path) == {f"out/net/{path}": content for path, content in SECOND.files}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_former_project_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write(FIRST, tmp_path / "net")

    def interrupted() -> None:
        with staged(tmp_path / "net") as staging:
            staging.add(SECOND)
            raise error

    with pytest.raises(error):
        interrupted()
    assert tree(tmp_path) == {f"net/{path}": content for path, content in FIRST.files}


def test_a_failed_rename_puts_the_former_project_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(FIRST, tmp_path / "net")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        write(SECOND, tmp_path / "net")
    assert tree(tmp_path) == {f"net/{path}": content for path, content in FIRST.files}


def test_folders_made_for_a_failed_write_are_removed_again(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staged(tmp_path / "a" / "b" / "net"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        write(FIRST, tmp_path / "file" / "deep" / "net")
    assert tree(tmp_path) == {"file": b"mine"}


def test_what_is_not_a_project_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    for name in ("thesis", "file", "link"):
        with pytest.raises(OutputError, match="exists and is not"):
            write(FIRST, tmp_path / name)
        remove(tmp_path / name)
    assert tree(tmp_path)["thesis/chapter.tex"] == b"mine"
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "empty").mkdir()
    check_replaceable(tmp_path / "empty")


def test_commit_elsewhere_leaves_the_destination_alone(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "net")
    with staged(tmp_path / "net") as staging:
        staging.add(SECOND)
        staging.commit(tmp_path / "net.failed")
    assert {path.name for path in tmp_path.iterdir()} == {"net", "net.failed"}
    assert tree(tmp_path / "net") == dict(FIRST.files)
