"""The committed example project is what the emitters make today."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import gan2hls

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "hls_out" / "tiny_dcgan"
GENERATED = ("hls", "rtl", "testbench")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.snapshot
def test_committed_project_is_current() -> None:
    """Emit again from the committed integer model: free of the last bits of another machine's float arithmetic."""
    if os.environ.get("GAN2HLS_REWRITE_SNAPSHOTS"):
        gan2hls.build(ROOT / "models" / "tiny_dcgan.onnx", output=PROJECT.parent)
    result = gan2hls.build(PROJECT, start="schedule", overrides={"verify": {"steps": []}}, write=False)
    made = {name: data for name, data in result.project.files if name.startswith(GENERATED)}
    committed = {name: data for name, data in files(PROJECT).items() if name.startswith(GENERATED)}
    assert sorted(made) == sorted(committed), "run make snapshot"
    changed = [name for name in made if made[name] != committed[name]]
    assert not changed, "run make snapshot and look at the difference"


def test_equal_input_gives_equal_output(tmp_path: Path) -> None:
    """Two builds of the same file differ in nothing but the seconds of the report."""
    trees = []
    for name in ("first", "second"):
        steps = {"verify": {"steps": ["float"]}}
        gan2hls.build(ROOT / "models" / "tiny_dcgan.onnx", overrides=steps, output=tmp_path / name)
        trees.append(files(tmp_path / name / "tiny_dcgan"))
    assert trees[0].keys() == trees[1].keys()
    assert [name for name in trees[0] if trees[0][name] != trees[1][name]] in ([], ["report.json"])
