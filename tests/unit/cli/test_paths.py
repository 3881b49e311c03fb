"""Paths that are no regular files, or no paths at all: words of ours and an exit code, at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gan2hls.cli import commands as cli
from tests.tiny_onnx import save_tiny

LONG = "q" * 300


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("recipe.yaml").write_text("layers: {'*': {weight: int8}}\n")
    return str(save_tiny(Path("tiny.onnx")))


def refused(*arguments: str, code: int) -> str:
    result = CliRunner().invoke(cli.app, list(arguments))
    assert result.exit_code == code, result.stderr
    assert "bug of gan2hls" not in result.stderr
    return result.stderr


@pytest.mark.parametrize("special", ["pipe", "/dev/zero"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "tiny.onnx", "--calibration"),
        ("build", "tiny.onnx", "-c"),
        ("generate", "tiny.onnx", "-c"),
        ("compress", "tiny.onnx", "-o", "small.onnx", "-r"),
    ],
    ids=" ".join,
)
def test_what_may_never_end_is_not_opened(tiny: str, arguments: tuple[str, ...], special: str) -> None:
    assert f"{special}: is no regular file" in refused(*arguments, special, code=5)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("build", f"{LONG}.onnx"), 3),
        (("build", LONG, "--from", "schedule"), 3),
        (("inspect", f"{LONG}.onnx"), 3),
        (("generate", f"{LONG}.onnx"), 3),
        (("verify", LONG), 3),
        (("compress", f"{LONG}.onnx", "-r", "recipe.yaml", "-o", "small.onnx"), 3),
        (("build", "tiny.onnx", "-c", LONG), 5),
        (("build", "tiny.onnx", "--calibration", LONG), 5),
        (("compress", "tiny.onnx", "-r", LONG, "-o", "small.onnx"), 5),
        (("build", "tiny.onnx", "-o", LONG, "--no-verify"), 9),
        (("generate", "tiny.onnx", "-n", "1", "-o", LONG), 9),
        (("compress", "tiny.onnx", "-r", "recipe.yaml", "-o", LONG), 9),
        (("compress", "tiny.onnx", "-r", "recipe.yaml", "-o", f"{LONG}/small.onnx"), 9),
        (("compress", "tiny.onnx", "-r", "recipe.yaml", "-o", "."), 9),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, tuple) else str(value),
)
def test_names_that_are_too_long(tiny: str, arguments: tuple[str, ...], code: int) -> None:
    assert LONG in refused(*arguments, code=code) or arguments[-1] == "."
