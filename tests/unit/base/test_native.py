"""C++ of ours that is compiled when it is first needed: where it is kept, when it is compiled anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls.base import ToolError, native, native_library

SOURCE = '#include "number.hpp"\n#include "sum.hpp"\nextern "C" long sum(long a) { return gan2hls::sum(a, NUMBER); }\n'
HEADER = "namespace gan2hls { inline long sum(long a, long b) { return a + b; } }\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "native"
    folder.mkdir()
    (folder / "sum.hpp").write_text(HEADER)
    (folder / "sum.cpp").write_text(SOURCE)
    return folder / "sum.cpp"


def sum_of(source: Path, number: int) -> int:
    made: int = native_library(source, {"number.hpp": f"#define NUMBER {number}\n"}).sum(5)
    return made


def libraries(folder: Path) -> list[Path]:
    assert all(path.suffix == ".so" for path in folder.iterdir()), "something is left"
    return sorted(folder.iterdir())


@pytest.mark.cosim
def test_it_is_compiled_anew_where_anything_of_it_changes(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum_of(source, 2) == 7
    kept = source.parent / "__pycache__"
    assert len(libraries(kept)) == 1
    with monkeypatch.context() as context:
        context.setattr(native, "_compile", lambda *_: pytest.fail("compiled though nothing changed"))
        assert sum_of(source, 2) == 7
    assert sum_of(source, 3) == 8
    (source.parent / ".sum.hpp.swp").write_bytes(b"\xff of an editor")
    assert sum_of(source, 3) == 8 and len(libraries(kept)) == 2
    (source.parent / "sum.hpp").write_text(HEADER.replace("a + b", "a - b"))
    assert sum_of(source, 3) == 2
    assert len(libraries(kept)) == 3


@pytest.mark.cosim
def test_it_is_kept_for_the_user_where_the_sources_cannot_be_written(source: Path) -> None:
    (source.parent / "__pycache__").write_text("in the way")
    assert sum_of(source, 2) == 7
    assert len(libraries(source.parents[1] / "cache" / "gan2hls")) == 1


@pytest.mark.cosim
def test_no_folder_is_no_error(source: Path) -> None:
    for path in (source.parent / "__pycache__", source.parents[1] / "cache"):
        path.write_text("in the way")
    assert sum_of(source, 2) == 7
    assert {path.name for path in source.parent.iterdir()} == {"__pycache__", "sum.cpp", "sum.hpp"}


@pytest.mark.cosim
def test_what_does_not_compile_is_told(source: Path) -> None:
    source.write_text(SOURCE.replace("NUMBER", "MISSING"))
    with pytest.raises(ToolError, match=r"cannot compile sum\.cpp: (.|\n)*MISSING"):
        sum_of(source, 2)
    assert libraries(source.parent / "__pycache__") == []


@pytest.mark.cosim
def test_a_library_that_cannot_be_loaded_is_not_the_end(source: Path) -> None:
    assert sum_of(source, 2) == 7
    (library,) = libraries(source.parent / "__pycache__")
    library.unlink()
    library.write_bytes(b"cut off")
    assert sum_of(source, 2) == 7


def test_no_compiler_is_told(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match=r"no C\+\+ compiler.*\n.*g\+\+"):
        sum_of(source, 2)
