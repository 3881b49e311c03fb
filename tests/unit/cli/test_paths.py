"""Paths that are no regular files, or no paths at all: words of ours and an exit code, at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import gan2hls
from gan2hls.base import ConfigError, Gan2HlsError, ModelError, OutputError
from gan2hls.cli import commands as cli
from gan2hls.compress import compress
from gan2hls.flow import generate
from tests.tiny_onnx import save_tiny

LONG = "q" * 300


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    np.save("data.npy", np.ones((4, 4), np.float32))
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
        (("build", "tiny.onnx", "-o", "loop", "--calibration", "data.npy", "--no-verify"), 9),
        (("generate", "tiny.onnx", "-n", "1", "-o", LONG), 9),
        (("compress", "tiny.onnx", "-r", "recipe.yaml", "-o", LONG), 9),
        (("compress", "tiny.onnx", "-r", "recipe.yaml", "-o", f"{LONG}/small.onnx"), 9),
        (("compress", "tiny.onnx", "-r", "recipe.yaml", "-o", "."), 9),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, tuple) else str(value),
)
def test_names_that_lead_nowhere(tiny: str, arguments: tuple[str, ...], code: int) -> None:
    assert next((name for name in arguments if LONG in name), "") in refused(*arguments, code=code)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: gan2hls.build("a\0b.onnx"), ModelError),
        (lambda: gan2hls.build("tiny.onnx", config="a\0b.yaml"), ConfigError),
        (lambda: gan2hls.build("tiny.onnx", overrides={"calibration": {"data": "a\0b.npy"}}), ConfigError),
        (lambda: gan2hls.build("tiny.onnx", output="a\0b", stop="lower"), OutputError),
        (lambda: generate(Path("tiny.onnx"), Path("a\0b.png"), count=1), OutputError),
        (lambda: compress(Path("tiny.onnx"), Path("recipe.yaml"), Path("a\0b.onnx")), OutputError),
        (lambda: gan2hls.build(LONG), ModelError),
        (lambda: gan2hls.build("tiny.onnx", output=LONG, stop="lower"), OutputError),
        (lambda: compress(Path(LONG), Path("recipe.yaml"), Path("small.onnx")), ModelError),
    ],
)
def test_names_that_are_none_in_python(tiny: str, call: Callable[[], object], kind: type[Gan2HlsError]) -> None:
    with pytest.raises(kind):
        call()


def test_a_picture_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError):  # the model does not even exist
        generate(Path("none.onnx"), Path("none") / "x.png", count=1)
