"""Every hint around a build is tried: provoke the error, do what the hint says, and see that it works."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from typer.testing import CliRunner

import gan2hls
from gan2hls.base.errors import ConfigError
from gan2hls.cli import commands as cli
from tests.tiny_onnx import save_tiny

PROJECT = "hls_out/tiny"
FAST = "--no-verify"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / "tiny.onnx")
    return tmp_path


def run(command: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, command.split())
    return result.exit_code, result.stderr


def nothing() -> None:
    """Do nothing."""


def built() -> None:
    assert run(f"build tiny.onnx {FAST}")[0] == 0


def lowered() -> None:
    assert run("build tiny.onnx --to lower")[0] == 0


def scheduled() -> None:
    assert run("build tiny.onnx --to schedule")[0] == 0


def of_another_file() -> None:
    built()
    save_tiny(Path("Tiny.onnx"), seed=1)


def foreign_folder() -> None:
    Path(PROJECT).mkdir(parents=True)
    Path(PROJECT, "thesis.tex").write_text("mine")


def broken(name: str) -> Callable[[], None]:
    def spoil() -> None:
        built()
        Path(PROJECT, name).write_text("{}")

    return spoil


def flat_output() -> None:
    w = helper.make_tensor("w", TensorProto.FLOAT, (4, 7), np.ones(28, np.float32))
    nodes = [helper.make_node("MatMul", ["z", "w"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("z", 4), ("y", 7))]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [w])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    Path("flat.onnx").write_bytes(model.SerializeToString())


@dataclass(frozen=True)
class Case:
    """A command that fails after ``before``, what its hint says, and the command that works after ``remedy``."""

    command: str
    code: int
    hint: str
    then: str
    before: Callable[[], object] = nothing
    remedy: Callable[[], object] = nothing


CASES = {
    "input shape": Case(
        f"build tiny.onnx {FAST} --input-shape z", 5, "--input-shape z:1,100", "inspect tiny.onnx --input-shape z:1,4"
    ),
    "last stage": Case(
        f"build {PROJECT} --from emit --to lower",
        5,
        "it can at emit",
        f"build {PROJECT} --from emit --to emit",
        scheduled,
    ),
    "folder": Case(f"build {PROJECT}", 3, "--from schedule", f"build {PROJECT} --from schedule {FAST}", built),
    "no project": Case("build empty", 3, "give the file", f"build tiny.onnx {FAST}", lambda: Path("empty").mkdir()),
    "nothing to resume": Case(
        f"build tiny.onnx --from schedule {FAST}",
        3,
        "without --from first",
        f"build tiny.onnx --from schedule {FAST}",
        remedy=built,
    ),
    "nothing to resume here": Case(
        f"build tiny.onnx --from schedule -o other {FAST}",
        3,
        "with -o",
        f"build tiny.onnx --from schedule -o hls_out {FAST}",
        built,
    ),
    "edited model": Case(
        f"build tiny.onnx --from schedule {FAST}",
        5,
        "build without --from",
        f"build tiny.onnx {FAST}",
        lambda: (scheduled(), save_tiny(Path("tiny.onnx"), seed=1)),
    ),
    "no schedule": Case(
        f"build {PROJECT} --from emit {FAST}",
        3,
        "use --from schedule",
        f"build {PROJECT} --from schedule {FAST}",
        lowered,
    ),
    "low quality": Case(
        "build tiny.onnx --verify float -c strict.yaml",
        7,
        "lower verify.min_psnr_db",
        "build tiny.onnx --verify float -c lax.yaml",
        lambda: (
            Path("strict.yaml").write_text("verify: {min_psnr_db: 90}")
            and Path("lax.yaml").write_text("verify: {min_psnr_db: 9}")
        ),
    ),
    "another model's, elsewhere": Case(
        f"build Tiny.onnx {FAST}",
        9,
        "choose another folder with -o",
        f"build Tiny.onnx -o other {FAST}",
        of_another_file,
    ),
    "another model's, renamed": Case(
        f"build Tiny.onnx {FAST}",
        9,
        "give the model file another name",
        f"build other.onnx {FAST}",
        of_another_file,
        lambda: Path("Tiny.onnx").rename("other.onnx"),
    ),
    "another model's, replaced": Case(
        f"build Tiny.onnx {FAST}", 9, "with --replace", f"build Tiny.onnx --replace {FAST}", of_another_file
    ),
    "verify what is no project": Case(
        "verify hls_out", 3, "such as hls_out/NAME", f"verify {PROJECT} --verify float", built
    ),
    "foreign folder, elsewhere": Case(
        f"build tiny.onnx {FAST}", 9, "choose another -o", f"build tiny.onnx -o other {FAST}", foreign_folder
    ),
    "foreign folder, removed": Case(
        f"build tiny.onnx {FAST}",
        9,
        "remove it",
        f"build tiny.onnx {FAST}",
        foreign_folder,
        lambda: shutil.rmtree(PROJECT),
    ),
    "a file in place of the project": Case(
        f"build tiny.onnx {FAST}",
        9,
        "remove it",
        f"build tiny.onnx {FAST}",
        lambda: (Path("hls_out").mkdir(), Path(PROJECT).write_text("mine")),
        lambda: Path(PROJECT).unlink(),
    ),
    "a file in place of the output": Case(
        f"build tiny.onnx {FAST}",
        9,
        "with -o",
        f"build tiny.onnx -o other {FAST}",
        lambda: Path("hls_out").write_text("mine"),
    ),
    "a folder that may not be written": Case(
        f"build tiny.onnx -o /proc/none {FAST}", 9, "with -o", f"build tiny.onnx -o other {FAST}"
    ),
    "unknown part": Case(
        f"build tiny.onnx {FAST} --part xcvu9p-flga2104-2-i",
        5,
        "give target.dsp, or one of",
        f"build tiny.onnx {FAST} --part xcvu9p-flga2104-2-i -c dsp.yaml",
        lambda: Path("dsp.yaml").write_text("target: {dsp: 99}"),
    ),
    "another part": Case(
        f"build tiny.onnx {FAST} --part arty",
        5,
        "such as xc7z020clg400-1",
        f"build tiny.onnx {FAST} --part xc7z020clg400-1",
    ),
    "wrong package": Case(
        f"build tiny.onnx {FAST} --part xc7z020ffg900-1",
        5,
        "packages: clg400, clg484",
        f"build tiny.onnx {FAST} --part xc7z020clg484-1",
    ),
    "no grade": Case(
        f"build tiny.onnx {FAST} --part xczu3eg-sbva484-1",
        5,
        "xczu3eg-sbva484-1-e",
        f"build tiny.onnx {FAST} --part xczu3eg-sbva484-1-e",
    ),
    "resumed with another calibration": Case(
        f"build {PROJECT} --from schedule --calibration z.npy {FAST}",
        5,
        "build from the ONNX file, without --from",
        f"build tiny.onnx --calibration z.npy {FAST}",
        lambda: (scheduled(), np.save("z.npy", np.random.default_rng(0).normal(size=(64, 4)))),
    ),
    "resumed with another target": Case(
        f"build {PROJECT} --from emit --fps 1000 {FAST}",
        5,
        "build with --from schedule",
        f"build {PROJECT} --from schedule --fps 1000 {FAST}",
        scheduled,
    ),
    "resumed with other formats": Case(
        f"build {PROJECT} --from emit -c layers.yaml {FAST}",
        5,
        "build from the ONNX file, without --from",
        f"build tiny.onnx -c layers.yaml {FAST}",
        lambda: ((scheduled(), Path("layers.yaml").write_text("layers: {l0_dense: {precision: {weight: int4}}}"))),
    ),
    "resumed with other foldings": Case(
        f"build {PROJECT} --from emit -c layers.yaml {FAST}",
        5,
        "build with --from schedule",
        f"build {PROJECT} --from schedule -c layers.yaml {FAST}",
        lambda: (scheduled(), Path("layers.yaml").write_text("layers: {l0_dense: {pe: 2}}")),
    ),
    "verify without a design": Case(
        f"verify {PROJECT}",
        3,
        f"gan2hls build {PROJECT} --from schedule",
        f"verify {PROJECT} --verify float",
        lowered,
        lambda: run(f"build {PROJECT} --from schedule {FAST}"),
    ),
    "generate without a design": Case(
        f"generate {PROJECT}",
        3,
        f"gan2hls build {PROJECT} --from schedule",
        f"generate {PROJECT} -n 2",
        lowered,
        lambda: run(f"build {PROJECT} --from schedule {FAST}"),
    ),
    "a picture that is none": Case(
        "generate flat.onnx", 5, "1, 3 or 4 channels", "generate tiny.onnx -n 2", flat_output
    ),
    "a picture nowhere": Case(
        "generate tiny.onnx -n 2 -o none/x.png", 9, "with -o", "generate tiny.onnx -n 2 -o x.png"
    ),
    "another file for the float step": Case(
        f"verify {PROJECT} --verify float --model other.onnx",
        5,
        "give that file, 'tiny.onnx'",
        f"verify {PROJECT} --verify float --model tiny.onnx",
        lambda: (built(), save_tiny(Path("other.onnx"), seed=1)),
    ),
    "broken model": Case(
        f"verify {PROJECT}",
        3,
        "build the project again from the ONNX model",
        f"verify {PROJECT} --verify float",
        broken("integer_model.json"),
        built,
    ),
    "broken design": Case(
        f"verify {PROJECT}",
        3,
        "build the project again from the ONNX model",
        f"verify {PROJECT} --verify float",
        broken("design.json"),
        built,
    ),
    "broken report, removed": Case(
        f"verify {PROJECT}",
        3,
        "remove that file",
        f"verify {PROJECT} --verify float",
        broken("report.json"),
        lambda: Path(PROJECT, "report.json").unlink(),
    ),
    "broken report, built again": Case(
        f"verify {PROJECT}",
        3,
        "or build the project again",
        f"verify {PROJECT} --verify float",
        broken("report.json"),
        built,
    ),
    "no calibration file": Case(
        f"build tiny.onnx {FAST} --calibration none.npy", 5, "or leave it out", f"build tiny.onnx {FAST}"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_a_hint_says_works(case: Case) -> None:
    case.before()
    code, text = run(case.command)
    message, _, hint = text.partition("\n  hint: ")
    assert code == case.code and message.startswith("error: "), text
    assert case.hint in hint, text
    case.remedy()
    code, text = run(case.then)
    assert code == 0, text


def test_a_stage_that_is_not_saved_cannot_be_started_from() -> None:
    with pytest.raises(ConfigError) as found:
        gan2hls.build("tiny.onnx", start="lower")
    legal = found.value.hint.removeprefix("legal: ").partition(";")[0].split(", ")
    scheduled()
    for stage in legal:
        assert gan2hls.build("tiny.onnx", start=stage, stop="emit").path is not None  # type: ignore[arg-type]
    assert run(f"verify {PROJECT} --verify float")[0] == 0, "as the hint says"
