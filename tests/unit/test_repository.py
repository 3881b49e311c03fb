"""What the repository promises about itself."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
MANIFEST = json.loads((ROOT / "models" / "MANIFEST.json").read_text())["files"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["name"])
def test_models_are_those_of_the_manifest(entry: dict[str, object]) -> None:
    raw = (ROOT / "models" / str(entry["name"])).read_bytes()
    assert (len(raw), hashlib.sha256(raw).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert entry["origin"] and entry["licence"]


def test_manifest_lists_every_data_file() -> None:
    listed = {entry["name"] for entry in MANIFEST}
    assert listed == {p.name for p in (ROOT / "models").iterdir() if p.suffix in (".onnx", ".npy", ".npz")}


def test_every_dependency_has_a_lower_bound_and_a_pin_that_meets_it() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras) == {"verify", "synth", "train", "draw", "dev"}
    for text in (*PROJECT["project"]["dependencies"], *(line for lines in extras.values() for line in lines)):
        requirement = Requirement(text)
        assert [spec.operator for spec in requirement.specifier] == [">="], text
        assert requirement.specifier.contains(pins[requirement.name.lower()]), text


def test_every_package_is_listed_for_the_wheel() -> None:
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "gan2hls").rglob("__init__.py")}
    assert found | {"gan2hls.templates", "gan2hls.testbench"} == set(PROJECT["tool"]["setuptools"]["packages"])


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1].removeprefix("exec ")
    assert re.search(rf"^\s*{re.escape(command)}\b", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_version_is_one() -> None:
    import gan2hls

    assert PROJECT["project"]["version"] == gan2hls.__version__
    assert f"## {gan2hls.__version__}" in (ROOT / "CHANGELOG.md").read_text()
