"""Whose project a folder holds: rebuilding one's own is free, replacing another's needs saying so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gan2hls
from gan2hls.base.errors import OutputError, ToolError
from gan2hls.flow.project_folder import check_source, load_saved
from gan2hls.flow.saved_model import load_origin
from gan2hls.model.origin import Origin
from gan2hls.timing import clocks
from tests.tiny_onnx import save_tiny

A, B = "a" * 64, "b" * 64


def project(folder: Path, origin: dict[str, object]) -> Path:
    folder.mkdir(parents=True)
    (folder / "integer_model.json").write_text(json.dumps({"format": "gan2hls.integer_model", "origin": origin}))
    return folder


def own(file: str | None, sha256: str) -> Origin:
    return Origin(sha256=sha256, params=1, file=file)


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ({"sha256": A, "params": 1, "file": "net.onnx"}, own("net.onnx", A)),
        ({"sha256": A, "params": 1, "file": "net.onnx"}, own("net.onnx", B)),
        ({"sha256": A, "params": 1, "file": "net.onnx"}, own("Net.onnx", A)),
        ({"sha256": A, "params": 1}, own("net.onnx", B)),
        ({"sha256": A, "params": 1, "file": None}, own("net.onnx", B)),
        ({"broken": True}, own("net.onnx", B)),
    ],
    ids=["rebuilt", "edited", "renamed", "before names were saved", "null", "broken"],
)
def test_the_project_of_the_same_model_is_replaced(tmp_path: Path, former: dict[str, object], now: Origin) -> None:
    check_source(project(tmp_path / "net", former), now, replace=False)


@pytest.mark.parametrize("now", [own("Net.onnx", B), own(None, B)])
def test_that_of_another_model_is_not_unless_told_so(tmp_path: Path, now: Origin) -> None:
    folder = project(tmp_path / "net", {"sha256": A, "params": 1, "file": "net.onnx"})
    with pytest.raises(OutputError, match=r"another model file, 'net\.onnx'") as found:
        check_source(folder, now, replace=False)
    assert found.value.where == str(folder)
    assert all(way in found.value.hint for way in ("-o", "another name", "--replace", "replace=True"))
    check_source(folder, now, replace=True)
    check_source(tmp_path / "none", now, replace=False)


def test_a_project_remembers_its_file(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "tiny \u0416\udcff.onnx")
    result = gan2hls.build(model, stop="lower", output=tmp_path / "out")
    assert result.path is not None
    origin = load_saved(result.path).origin
    assert origin.file == "tiny \u0416\\xff.onnx"
    assert load_origin((result.path / "integer_model.json").read_bytes()) == origin
    gan2hls.build(result.path, start="schedule", stop="schedule")
    assert load_saved(result.path).origin == origin
    assert gan2hls.build(model, stop="lower", output=tmp_path / "out").path == result.path


def test_a_model_is_lowered_where_nothing_can_be_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ToolError("no C++ compiler")

    monkeypatch.setattr(clocks, "load", fail)
    model = save_tiny(tmp_path / "tiny.onnx")
    assert gan2hls.build(model, stop="lower", output=tmp_path / "out").integer_model is not None


def test_resuming_a_project_without_a_file_name_saves_it(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "tiny.onnx")
    folder = gan2hls.build(model, stop="lower", output=tmp_path).path
    assert folder is not None
    path = folder / "integer_model.json"
    path.write_text(path.read_text().replace(',"file":"tiny.onnx"', ""))
    assert load_saved(folder).origin.file is None
    gan2hls.build(folder, start="schedule", stop="schedule")
    assert load_saved(folder).origin.file is None
    gan2hls.build(model, start="schedule", stop="schedule", output=tmp_path)
    assert load_saved(folder).origin.file == "tiny.onnx"


def test_two_files_of_one_name_never_replace_each_other_without_a_word(tmp_path: Path) -> None:
    first, second = save_tiny(tmp_path / "net-G.onnx"), save_tiny(tmp_path / "net_G.onnx", seed=1)
    folder = gan2hls.build(first, stop="lower", output=tmp_path / "out").path
    assert folder is not None
    before = (folder / "integer_model.json").read_bytes()
    with pytest.raises(OutputError, match=r"'net-G\.onnx'"):
        gan2hls.build(second, stop="lower", output=tmp_path / "out")
    assert (folder / "integer_model.json").read_bytes() == before
    save_tiny(first, seed=2)
    gan2hls.build(first, stop="lower", output=tmp_path / "out")
    assert (folder / "integer_model.json").read_bytes() != before, "an edited model replaces its own project"
    gan2hls.build(second, stop="lower", output=tmp_path / "out", replace=True)
    assert load_saved(folder).origin.file == "net_G.onnx"


def test_the_failed_project_of_another_model_stays(tmp_path: Path) -> None:
    first, second = save_tiny(tmp_path / "net-G.onnx"), save_tiny(tmp_path / "net_G.onnx", seed=1)
    options = {"output": tmp_path / "out", "overrides": {"verify": {"steps": []}}}
    folder = gan2hls.build(first, **options).path
    assert folder is not None
    folder.rename(folder.with_name("net_g.failed"))
    gan2hls.build(second, **options)
    assert (tmp_path / "out" / "net_g.failed").is_dir()
    gan2hls.build(first, replace=True, **options)
    assert not (tmp_path / "out" / "net_g.failed").exists()
