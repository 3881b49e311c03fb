from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import gan2hls
from gan2hls.base import errors
from gan2hls.cli import commands as cli
from gan2hls.flow.pipeline import RESUMABLE, STAGES
from gan2hls.flow.project_folder import load_saved
from tests.tiny_onnx import save_tiny

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = {command.name: command for command in cli.app.registered_commands}
SAVED = {"config.yaml", "integer_model.json", "integer_model.npz"}


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli.app, list(arguments))
    assert result.exit_code == 0, result.stderr
    return result.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return save_tiny(tmp_path / "tiny.onnx")


@pytest.mark.parametrize("command", ["build", "verify", "inspect", "generate", "compress"])
def test_every_command_has_help_with_examples_and_exit_codes(command: str) -> None:
    text = run(command, "--help")
    assert "Examples" in text
    assert f"gan2hls {command} " in text
    assert "Exit codes" in text
    assert command in COMMANDS


def test_every_option_and_exit_code_is_documented() -> None:
    text = (DOCS / "cli.md").read_text()
    group = typer.main.get_command(cli.app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert f"gan2hls {name}" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("-") or f"`{option}`" in text or f"`{option} " in text, (name, option)
    for stage in STAGES:
        assert f"`{stage}`" in text
    for kind in errors.Gan2HlsError.__subclasses__():
        assert f"| {kind.exit_code} |" in text


def test_version() -> None:
    assert run("--version") == f"gan2hls {gan2hls.__version__}\n"


def test_control_characters_never_reach_a_terminal() -> None:
    assert cli.printable("a\x1b[2Jb\x07\u202ec\u00e9\n") == "a?[2Jb??c\u00e9\n"


def test_inspect_prints_shapes_and_macs(tiny: Path) -> None:
    text = run("inspect", str(tiny))
    assert "input z: [1, 4]" in text and "zeros" in text
    facts = json.loads(run("inspect", str(tiny), "--json"))
    assert [layer["kind"] for layer in facts["layers"]] == ["dense", "conv_transpose"]
    assert facts["params"] == 4 * 32 + 32 + 8 * 3 * 16 + 3
    up = facts["layers"][1]
    assert up["zero_insertion_macs"] == 4 * 4 * 16 * 8 * 3
    assert up["useful_macs"] == 6 * 6 * 8 * 3  # 2 -> 4 with kernel 4, stride 2, pad 1: 6 taps an axis
    assert facts["totals"]["useful_macs"] == sum(layer["useful_macs"] for layer in facts["layers"])


def test_build_writes_a_project_and_again_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    run("build", str(tiny), "--verify", "float")
    first = files(tmp_path / "hls_out" / "tiny")
    assert SAVED | {"README.md", "report.json", "design.json", "picture.png"} <= first.keys()
    assert {path.split("/")[0] for path in first} >= {"hls", "rtl", "testbench"}
    run("build", str(tiny), "--verify", "float")
    second = files(tmp_path / "hls_out" / "tiny")
    reports = [json.loads(made.pop("report.json")) for made in (first, second)]
    assert first == second
    assert all(report.pop("seconds").keys() == set(STAGES) for report in reports)
    assert reports[0] == reports[1]
    assert str(tmp_path).encode() not in b"".join(first.values())
    assert {path.name for path in (tmp_path / "hls_out").iterdir()} == {"tiny"}


def test_stopping_early_saves_what_a_later_build_resumes_from(tiny: Path, tmp_path: Path) -> None:
    project = tmp_path / "hls_out" / "tiny"
    run("build", str(tiny), "--to", "passes")
    assert not project.exists()
    run("build", str(tiny), "--to", "lower")
    assert files(project).keys() == SAVED
    run("build", str(project), "--from", "schedule", "--to", "schedule", "--fps", "1000")
    assert files(project).keys() == SAVED | {"design.json"}
    saved = load_saved(project)
    assert saved.config.target.fps == 1000.0
    run("build", str(project), "--from", "emit", "--no-verify")
    resumed = files(project)
    run("build", str(tiny), "--fps", "1000", "--no-verify", "-o", "other")
    whole = files(tmp_path / "other" / "tiny")
    for made in (resumed, whole):
        made.pop("report.json")
        made.pop("picture.png", None)
        made.pop("README.md")
    assert resumed == whole


def test_resuming_takes_new_foldings_and_checks_their_patterns(tiny: Path, tmp_path: Path) -> None:
    project = tmp_path / "hls_out" / "tiny"
    run("build", str(tiny), "--to", "lower")
    (tmp_path / "fold.yaml").write_text("layers: {l0_dense: {pe: 4, simd: 2}}\n")
    run("build", str(project), "--from", "schedule", "--to", "schedule", "-c", "fold.yaml")
    design = load_saved(project).design
    assert design is not None
    assert (design.engines[0].folding.pe, design.engines[0].folding.simd) == (4, 2)
    (tmp_path / "typo.yaml").write_text("layers: {l9_dense: {pe: 4}}\n")
    result = CliRunner().invoke(cli.app, ["build", str(project), "--from", "schedule", "-c", "typo.yaml"])
    assert result.exit_code == 5
    assert "l9_dense" in result.stderr


def test_resuming_keeps_the_quality_of_the_same_integers(tiny: Path, tmp_path: Path) -> None:
    run("build", str(tiny), "--verify", "float")
    project = tmp_path / "hls_out" / "tiny"
    first = load_saved(project).report
    run("build", str(project), "--from", "schedule", "--fps", "1000")
    second = load_saved(project).report
    assert first is not None and second is not None
    assert second.quality == first.quality
    assert second.verification["float"] == first.verification["float"]
    assert [layer.sqnr_db for layer in second.layers] == [layer.sqnr_db for layer in first.layers]


@pytest.mark.parametrize(
    ("start", "arguments", "key"),
    [
        ("schedule", ["--calibration", "x.npy"], "calibration"),
        ("emit", ["--fps", "9"], "target"),
    ],
)
def test_resuming_refuses_settings_that_came_too_late(
    tiny: Path, tmp_path: Path, start: str, arguments: list[str], key: str
) -> None:
    run("build", str(tiny), "--to", "schedule")
    project = tmp_path / "hls_out" / "tiny"
    result = CliRunner().invoke(cli.app, ["build", str(project), "--from", start, *arguments])
    assert result.exit_code == 5
    assert f"error: {key}: cannot change" in result.stderr


def test_resuming_refuses_another_onnx_file(tiny: Path) -> None:
    run("build", str(tiny), "--to", "schedule")
    save_tiny(tiny, seed=1)
    result = CliRunner().invoke(cli.app, ["build", str(tiny), "--from", "schedule"])
    assert result.exit_code == 5
    assert "another ONNX file" in result.stderr


def test_verify_changes_nothing_and_needs_the_model_for_the_float_step(tiny: Path, tmp_path: Path) -> None:
    run("build", str(tiny), "--no-verify")
    project = tmp_path / "hls_out" / "tiny"
    before = files(project)
    assert "skipped  the ONNX model" in run("verify", str(project), "--verify", "float")
    assert "passed" in run("verify", str(project), "--verify", "float", "--model", str(tiny))
    assert files(project) == before


@pytest.mark.cosim
def test_generate_draws_float_golden_and_csim(tiny: Path, tmp_path: Path) -> None:
    text = run("generate", str(tiny), "-o", "grid.png", "-n", "5")
    assert "rows: float, golden, csim" in text
    with Image.open(tmp_path / "grid.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape[0] % 3 == 0
    third = pixels.shape[0] // 3
    assert np.array_equal(pixels[third : 2 * third, 60:], pixels[2 * third :, 60:])
    run("build", str(tiny), "--no-verify")
    assert "rows: golden, csim" in run("generate", "hls_out/tiny", "-o", "grid.png")


def test_python_interface(tiny: Path) -> None:
    result = gan2hls.build(tiny, config={"verify": {"steps": ["float"]}}, write=False)
    assert result.path is None
    assert result.report is not None and result.project is not None and result.integer_model is not None
    assert not Path("hls_out").exists()
    latents = np.random.default_rng(5).normal(size=(3, 4))
    images = result.golden(latents)
    assert images.shape == (3, 3, 4, 4) and images.dtype == np.float64
    codes = result.integer_model.input_types[0].quantize(latents)
    assert np.array_equal(images, result.golden({"z": codes}))
    assert "report.json" in result.project
    assert result.report.quality.psnr_db is None or result.report.quality.psnr_db > 25
    with pytest.raises(errors.ConfigError, match="does not fit"):
        result.golden(np.zeros((1, 5)))
    with pytest.raises(errors.ConfigError, match="no array"):
        result.golden({"y": latents})


def test_only_saved_stages_can_be_started_from() -> None:
    assert set(RESUMABLE) < set(STAGES)
    with pytest.raises(errors.ConfigError, match="not saved"):
        gan2hls.build("x.onnx", start="verify")
    with pytest.raises(errors.ConfigError, match="cannot stop"):
        gan2hls.build("x", start="emit", stop="lower")
