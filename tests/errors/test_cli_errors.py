"""Bad input on the command line: a clear error, the documented exit code, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from gan2hls.base.errors import ToolError
from gan2hls.cli import commands as cli
from gan2hls.flow import ladder
from gan2hls.report.schema import StepReport
from tests.tiny_onnx import NASTY, save_tiny, tiny_model

Files = dict[str, bytes]


def tree(folder: Path) -> Files:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    """Run the command line in this process; returns exit code and standard error."""
    result = CliRunner().invoke(cli.app, list(arguments))
    return result.exit_code, result.stderr


def build(*arguments: str) -> tuple[int, str]:
    return run("build", *arguments)


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ("precison: {}", 5, "unknown key 'precison'"),
        ("precision: {weight: int1}", 5, "2..16"),
        ("precision: {weight: int17}", 5, "2..16"),
        ("layers: {nowhere: {pe: 2}}", 5, "nowhere"),
        ("layers: {'*conv_transpose*': {pe: 2}}", 6, "does not divide"),
        ("target: {part: xc9z999}", 5, "xc9z999"),
        ("calibration: {data: missing.npy}", 5, "missing.npy"),
        ("verify: {steps: [flaot]}", 5, "flaot"),
        ("a: [", 5, "YAML"),
    ],
)
def test_bad_configs(here: Path, config: str, code: int, message: str) -> None:
    save_tiny(here / "tiny.onnx")
    (here / "c.yaml").write_text(config)
    before = tree(here)
    found, text = build("tiny.onnx", "-c", "c.yaml", "--no-verify")
    assert (found, message in text) == (code, True), text
    assert text.startswith("error: ")
    assert "Traceback" not in text
    assert tree(here) == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--bogus"], 2, "--bogus"),
        (["--no-verify", "--verify", "rtl"], 2, "exclude"),
        (["--verify", "flaot"], 5, "flaot"),
        (["--input-shape", "z"], 5, "NAME:D,D"),
        (["--input-shape", "z:0,4"], 5, "NAME:D,D"),
        (["--input-shape", ":1,4"], 5, "NAME:D,D"),
        (["--input-shape", "1,5"], 3, "[1, 5]"),
        (["--from", "lower"], 5, "lower"),
        (["--to", "nowhere"], 5, "nowhere"),
        (["--fps", "1e8"], 6, "frames/s"),
        (["--clock", "-3"], 5, "clock_mhz"),
        (["--part", "../x"], 5, "part"),
        (["--pe", "0"], 5, "target.pe"),
        (["--calibration", "tiny.onnx"], 5, "tiny.onnx"),
        (["--from", "schedule"], 3, "not a generated project"),
    ],
)
def test_bad_options(here: Path, arguments: list[str], code: int, message: str) -> None:
    save_tiny(here / "tiny.onnx")
    before = tree(here)
    found, text = build("tiny.onnx", *([] if "--verify" in arguments else ["--no-verify"]), *arguments)
    assert (found, message in text) == (code, True), text
    assert tree(here) == before


def test_a_part_that_is_passed_on_is_told_once(here: Path) -> None:
    save_tiny(here / "tiny.onnx")
    (here / "c.yaml").write_text("target: {part: xc7z020clg999-1, dsp: 9}")
    code, text = build("tiny.onnx", "-c", "c.yaml", "--no-verify")
    assert (code, text.count("clg999-1")) == (0, 1), text
    assert "set_part xc7z020clg999-1" in (here / "hls_out" / "tiny" / "hls" / "run_hls.tcl").read_text()
    assert build("tiny.onnx", "--part", "XC7Z020-1CLG400C", "--no-verify") == (0, "")
    assert "set_part xc7z020clg400-1\n" in (here / "hls_out" / "tiny" / "hls" / "run_hls.tcl").read_text()


def truncated(path: Path) -> None:
    path.write_bytes(tiny_model().SerializeToString()[:-100])


def not_finite(path: Path) -> None:
    model = tiny_model()
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[0, 0] = np.nan
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weight, model.graph.initializer[0].name))
    path.write_bytes(model.SerializeToString())


def unsupported(path: Path) -> None:
    model = tiny_model()
    model.graph.node[1].op_type = "LogSoftmax"
    path.write_bytes(model.SerializeToString())


def escaping(path: Path) -> None:
    model = tiny_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret.bin"
    path.write_bytes(model.SerializeToString())


def empty_graph(path: Path) -> None:
    graph = onnx.helper.make_graph([], "nothing", [], [])
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.write_bytes(b"not ONNX at all"), 3),
        (lambda path: path.write_bytes(b""), 3),
        (truncated, 3),
        (not_finite, 3),
        (escaping, 3),
        (empty_graph, 3),
        (unsupported, 4),
        (lambda path: save_tiny(path, latent="n"), 4),
        (lambda path: None, 3),
    ],
    ids=["text", "empty", "truncated", "nan", "escaping", "empty-graph", "unsupported", "dynamic", "missing"],
)
def test_bad_models(here: Path, make: Callable[[Path], object], code: int) -> None:
    make(here / "tiny.onnx")
    before = tree(here)
    found, text = build("tiny.onnx", "--no-verify")
    assert found == code, text
    assert text.startswith("error: ")
    assert "Traceback" not in text
    assert tree(here) == before
    assert not (here / "hls_out").exists()


def test_a_parent_that_is_a_file(here: Path) -> None:
    save_tiny(here / "tiny.onnx")
    (here / "out").write_text("mine")
    before = tree(here)
    code, text = build("tiny.onnx", "-o", "out", "--no-verify")
    assert (code, "cannot be written" in text) == (9, True), text
    assert tree(here) == before


def test_a_folder_that_is_not_ours_is_not_replaced(here: Path) -> None:
    save_tiny(here / "tiny.onnx")
    (here / "hls_out" / "tiny").mkdir(parents=True)
    (here / "hls_out" / "tiny" / "thesis.tex").write_text("mine")
    before = tree(here)
    code, text = build("tiny.onnx", "--no-verify")
    assert (code, "not a generated project" in text) == (9, True), text
    assert tree(here) == before


def test_a_node_name_reaches_neither_a_path_nor_a_line_of_code(here: Path) -> None:
    save_tiny(here / "tiny.onnx", prefix=NASTY)
    code, text = build("tiny.onnx", "--no-verify")
    assert code == 0, text
    written = tree(here / "hls_out")
    for path, content in written.items():
        assert "DROP" not in path and ".." not in path
        if path.endswith((".json", ".npz")):
            continue  # escaped by their formats
        assert b'"; DROP' not in content and b'`include "y"' not in content and b"*/ int z" not in content, path
    assert {path.name for path in here.iterdir()} == {"tiny.onnx", "hls_out"}


def test_a_failed_verification_keeps_the_former_output_and_the_failed_project(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(here / "tiny.onnx")
    assert build("tiny.onnx", "--no-verify")[0] == 0
    before = tree(here / "hls_out" / "tiny")
    wrong = StepReport(status="failed", mismatches=1, first_mismatch="l0_dense: frame 0: expected 1, got 2")
    monkeypatch.setattr(ladder, "_run", lambda *_: (wrong, None))
    code, text = build("tiny.onnx", "--verify", "csim")
    assert (code, "l0_dense: frame 0: expected 1, got 2" in text) == (7, True), text
    assert tree(here / "hls_out" / "tiny") == before
    assert (here / "hls_out" / "tiny.failed" / "report.json").is_file()
    assert run("verify", "hls_out/tiny", "--verify", "csim")[0] == 7
    monkeypatch.undo()
    assert build(str(here / "tiny.onnx"), "-o", str(here / "hls_out"), "--no-verify")[0] == 0
    assert not (here / "hls_out" / "tiny.failed").exists()


def test_a_missing_tool_is_an_error_only_when_its_step_was_asked_for(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(here / "tiny.onnx")

    def missing(*_: object) -> None:
        raise ToolError("g++ is missing", hint="apt-get install g++")

    for step in ("run_hls", "run_rtl", "run_vendor"):
        monkeypatch.setattr(ladder.verify, step, missing)
    monkeypatch.setattr(ladder, "check_csim", missing)
    code, text = build("tiny.onnx", "--verify", "csim")
    assert (code, "g++ is missing" in text) == (8, True), text
    assert not (here / "hls_out").exists()
    result = CliRunner().invoke(cli.app, ["build", "tiny.onnx"])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("skipped") == 4
    assert "g++ is missing (apt-get install g++)" in result.stdout


def test_a_bug_says_so_and_shows_no_traceback(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops \x1b[31m")

    monkeypatch.setattr(cli, "build", broken)
    code, text = build("tiny.onnx")
    assert code == 1
    assert "a bug of gan2hls: ZeroDivisionError: oops ?[31m" in text
    assert "Traceback" not in text
    assert "Traceback" in build("tiny.onnx", "-v", "-v")[1]


@pytest.mark.slow
def test_an_interrupt_leaves_the_former_output(here: Path) -> None:
    save_tiny(here / "tiny.onnx")
    assert build("tiny.onnx", "--no-verify")[0] == 0
    before = tree(here)
    code = (
        "import time; from gan2hls import __main__; from gan2hls.flow import pipeline; "
        "pipeline.climb = lambda *a, **k: (print('running', flush=True), time.sleep(60)); __main__.main()"
    )
    # SIGINT is ignored below a shell's background job, and children inherit that
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {code}"
    command = [sys.executable, "-c", code, "build", "tiny.onnx"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"running\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        text = process.stderr.read().decode()
    assert (process.returncode, "interrupted" in text) == (130, True), text
    assert tree(here) == before
