"""Bad recipes and outputs: a clear error, the documented exit code, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gan2hls.cli import commands as cli
from tests.tiny_onnx import save_tiny


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / "tiny.onnx")
    return tmp_path


def run(recipe: str, output: str = "small.onnx", model: str = "tiny.onnx") -> tuple[int, str]:
    Path("r.yaml").write_text(recipe)
    result = CliRunner().invoke(cli.app, ["compress", model, "-r", "r.yaml", "-o", output])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("", "layers"),
        ("layers: {}", "'*' names all"),
        ("layres: {'*': {weight: int4}}", "did you mean 'layers'"),
        ("layers: {'*': {wieght: int4}}", "did you mean 'weight'"),
        ("layers: {'*': {weight: int1}}", "2..16"),
        ("layers: {'*': {weight: uint4}}", "signed"),
        ("layers: {'*': {weight: float16}}", "is not a precision"),
        ("layers: {'*': {weight: codebook<300>}}", "2..256"),
        ("layers: {nowhere: {weight: int4}}", "matches no layer"),
        ("layers: {'*': {}}", "changes no layer"),
        ("layers: {'*': {weight: float}}", "changes no layer"),
        ("layers: {'*': {weight: ternary, threshold: -1.0}}", "magnitude of 0 or more"),
        (
            "layers: {'*': {weight: ternary, threshold: often}}",
            "threshold: must be 'fitted', 'twn' or 'max', or a valid number",
        ),
        ("layers: {'*': {weight: codebook<4>, books: 5}}", "5 books do not divide 32 output channels"),
        ("layers: {'*': {weight: int8, books: channel}}", "int8 does not read books; formats that do: codebook"),
        ("layers: {'*': {weight: float, scale: tensor}}", "float does not read scale; formats that do: binary"),
        ("layers: {'*': {weight: int8}, up: {books: channel}}", "layers.up: l1_conv_transpose"),
        ("layers: {'*': {weight: int8}, up: {threshold: twn}}", "int8 does not read threshold"),
        ("layers: {'*': {weight: codebook<4>, books: 0}}", "'channel', or greater than or equal to 1, not 0"),
        ("layers: {'*': {prune: {sparsity: 0.5}}}", "method"),
        ("layers: {'*': {prune: {method: magnitude}}}", "needs sparsity"),
        ("layers: {'*': {prune: {method: magnitude, sparsity: 1.5}}}", "less than or equal to 1"),
        ("layers: {'*': {prune: {method: magnitude, sparsity: .nan}}}", "sparsity"),
        ("layers: {'*': {prune: {method: magnitude, sparsity: 0.5, n: 2}}}", "does not read n"),
        ("layers: {'*': {prune: {method: nm, n: 5, m: 4}}}", "n must be at most m, not 5 of 4"),
        ("layers: {'*': {prune: {method: nm, n: 2, m: 3}}}", "m = 3 does not divide 4 input channels"),
        ("layers: {'*': {prune: {method: nm, n: 2, m: 3}}}", "legal: 1, 2, 4"),
        ("layers: {'*': {weight: codebook<4>, books: 5}}", "legal: 1, 2, 4, 8, 16, 32, tensor or channel"),
        ("layers: {'*': {prune: {method: block, sparsity: 0.5, block: [4]}}}", "block"),
        ("layers: {up: {prune: {method: block, sparsity: 0.5, block: [2, 4]}}}", "legal: 1, 3"),
        ("layers: {'*': {weight: binary, prune: {method: magnitude, sparsity: 0.5}}}", "use ternary"),
        ("layers: {'*': {weight: binary}, up: {prune: {method: nm, n: 1, m: 2}}}", "use ternary"),
        ("layers: {'*': {weight: int4}}\ncalibration: {data: missing.npy}", "missing.npy"),
        ("layers: {'*': {weight: int4}}\ncalibration: {samples: 0}", "samples"),
        ("layers: [", "not valid YAML"),
        ("- a", "must be a mapping"),
    ],
)
def test_bad_recipes(here: Path, recipe: str, message: str) -> None:
    code, text = run(recipe)
    assert code == 5, text
    assert message in text and ": :" not in text
    assert sorted(path.name for path in here.iterdir()) == ["r.yaml", "tiny.onnx"]


def test_the_model_is_never_overwritten(here: Path) -> None:
    before = (here / "tiny.onnx").read_bytes()
    (here / "link.onnx").symlink_to(here / "tiny.onnx")
    for output in ("tiny.onnx", "./tiny.onnx", "link.onnx"):
        code, text = run("layers: {'*': {weight: int4}}", output)
        assert code == 9 and "is the model itself" in text
    assert (here / "tiny.onnx").read_bytes() == before


def test_no_such_folder(here: Path) -> None:
    code, text = run("layers: {'*': {weight: int4}}\ncalibration: {samples: 4}", "nowhere/small.onnx")
    assert code == 9 and "cannot be written" in text
    assert not (here / "nowhere").exists()


def test_no_such_model_or_recipe(here: Path) -> None:
    assert run("layers: {'*': {weight: int4}}", model="other.onnx")[0] == 3
    result = CliRunner().invoke(cli.app, ["compress", "tiny.onnx", "-r", "other.yaml", "-o", "small.onnx"])
    assert result.exit_code == 5 and "other.yaml" in result.stderr


def test_a_failure_late_leaves_what_stood_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan2hls.compress import run as road

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    (here / "small.onnx").write_bytes(b"former")
    monkeypatch.setattr(road, "_check_onnx", fail)
    code, _ = run("layers: {'*': {weight: int4}}\ncalibration: {samples: 4}")
    assert code == 130
    assert (here / "small.onnx").read_bytes() == b"former"
    assert sorted(path.name for path in here.iterdir()) == ["r.yaml", "small.onnx", "tiny.onnx"]


def test_a_model_that_changes_meanwhile(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan2hls.compress import run as road

    solve = road._Run.solve

    def meddle(self: road._Run) -> object:
        with (here / "tiny.onnx").open("ab") as file:
            file.write(b"\x42\x00")  # a field of length 0
        return solve(self)

    monkeypatch.setattr(road._Run, "solve", meddle)
    code, text = run("layers: {'*': {weight: int4, reconstruct: none}}\ncalibration: {samples: 4}")
    assert code == 3 and "changed while it was compressed" in text
    assert not (here / "small.onnx").exists()
