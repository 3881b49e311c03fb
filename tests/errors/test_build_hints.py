"""Every hint around a build is tried: provoke the error, do what the hint says, and see that it works."""

from __future__ import annotations

import pickle
import re
import shutil
import zipfile
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
from gan2hls.model.ir import Graph
from gan2hls.quantize.float_runs import Source, draw
from tests.randomized import port
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


# --- data files: the call that the hint spells is made ---

ONE = Graph("one", (port("z", (1, 1, 6)),), (), ())
TWO = Graph("two", (port("a", (1, 1, 2)), port("b", (2, 2, 1))), (), ())
IMAGE = Graph("image", (port("z", (8, 8, 3)),), (), ())
GOOD = np.random.default_rng(0).normal(size=(20, 6))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(GOOD))


def archived(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")


def cut(path: Path) -> None:
    np.save(path, GOOD)
    path.write_bytes(path.read_bytes()[:-99])


def with_nan() -> np.ndarray:
    values = GOOD.copy()
    values[3, 2], values[9, 1] = np.nan, np.inf
    return values


def table(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text)


DATA: dict[str, tuple[Graph, str, Callable[[Path], object], object]] = {
    "empty": (ONE, "z.npy", lambda path: path.write_bytes(b""), GOOD),
    "pickle": (ONE, "z.pkl", pickled, GOOD),
    "checkpoint": (ONE, "z.pt", archived, GOOD),
    "picture": (ONE, "z.png", lambda path: path.write_bytes(b"\x89PNG\r\n"), GOOD),
    "prose": (ONE, "z.txt", table("hello"), GOOD),
    "csv": (ONE, "z.csv", table("1,2,3,4,5,6\n7,8,9,10,11,12\n"), None),
    "csv with a header": (ONE, "z.csv", table("a,b,c,d,e,f\n7,8,9,10,11,12\n"), None),
    "semicolons": (ONE, "z.csv", table("1;2;3;4;5;6\n"), None),
    "blanks": (ONE, "z.txt", table("1 2 3 4 5 6\n1 2 3 4 5 7\n"), None),
    "cut off": (ONE, "z.npy", cut, GOOD),
    "objects": (ONE, "z.npy", lambda path: np.save(path, GOOD.astype(object), allow_pickle=True), GOOD.astype(object)),
    "complex": (ONE, "z.npy", lambda path: np.save(path, GOOD + 1j), GOOD + 1j),
    "bool": (ONE, "z.npy", lambda path: np.save(path, GOOD > 0), GOOD > 0),
    "text": (ONE, "z.npy", lambda path: np.save(path, GOOD.astype(str)), GOOD.astype(str)),
    "bytes": (ONE, "z.npy", lambda path: np.save(path, GOOD.astype("S9")), GOOD.astype("S9")),
    "spans": (ONE, "z.npy", lambda path: np.save(path, GOOD.astype("m8[s]")), GOOD.astype("m8[s]")),
    "structured": (ONE, "z.npy", lambda path: np.save(path, np.zeros(4, "f4,i4")), GOOD),
    "columns": (ONE, "z.npy", lambda path: np.save(path, GOOD.T), GOOD.T),
    "channels last": (IMAGE, "z.npy", lambda path: np.save(path, np.zeros((4, 8, 8, 3))), np.ones((4, 8, 8, 3))),
    "other size": (ONE, "z.npy", lambda path: np.save(path, np.zeros((4, 7))), np.ones((4, 6, 1, 1))),
    "nan": (ONE, "z.npy", lambda path: np.save(path, with_nan()), with_nan()),
    "other name": (ONE, "z.npz", lambda path: np.savez(path, noise=GOOD), GOOD),
    "one for two": (TWO, "z.npy", lambda path: np.save(path, np.zeros((4, 2))), None),
    "missing of two": (TWO, "z.npz", lambda path: np.savez(path, a=np.zeros((4, 2))), None),
}


@pytest.mark.parametrize(("graph", "name", "make", "frames"), DATA.values(), ids=DATA.keys())
def test_a_data_file_can_be_made_as_its_hint_says(
    here: Path, graph: Graph, name: str, make: Callable[[Path], object], frames: object
) -> None:
    make(here / name)
    with pytest.raises(ConfigError) as found:
        draw(graph.inputs, Source(here / name))
    hint = found.value.hint
    if frames is None and graph is TWO:
        shapes = re.search(r"of shape (\[.*?\]) and (\[.*?\])$", hint)
        assert shapes is not None, hint
        first, second = (np.ones([4, *eval(shape.replace("N", "4"))[1:]]) for shape in shapes.groups())
        call = hint[hint.index("numpy.savez") : hint.index(", frames being")]
        call = call.replace("'a': frames", "'a': first").replace("'b': frames", "'b': second")
        exec(call, {"numpy": np, "first": first, "second": second})
        path = here / "z.npz"
    else:
        exec(statement(hint), {"numpy": np, "frames": frames})
        path = next(p for p in (here / "z.npy", here / "z.npz") if p.exists() and p.stat().st_mtime_ns)
    inputs = draw(graph.inputs, Source(path))
    assert set(inputs) == {port.onnx_name for port in graph.inputs}
    assert all(np.isfinite(values).all() and len(values) for values in inputs.values())


def statement(hint: str) -> str:
    """Return the statement that ``hint`` spells: a whole call, or what to save in place of the frames."""
    call = re.search(r"numpy\.savez?\(.*\)(?=, frames being|$)", hint)
    if call is not None:
        return call[0]
    value = re.search(r"save (frames.*|numpy\..*)$", hint)
    if value is not None:
        return f"numpy.save('z.npy', {value[1]})"
    assert "expected numbers of shape [N, 6, 1, 1]" in hint, hint
    return "numpy.save('z.npy', frames)"


def test_arrays_of_different_length_are_cut_as_the_hint_says(here: Path) -> None:
    a, b = np.ones((4, 2)), np.ones((3, 4))
    np.savez(here / "z.npz", a=a, b=b)
    with pytest.raises(ConfigError, match="different numbers") as found:
        draw(TWO.inputs, Source(here / "z.npz"))
    cut_to = found.value.hint.rpartition(": ")[2]
    assert cut_to == "frames[:3]"
    np.savez(here / "z.npz", a=eval(cut_to, {"frames": a}), b=eval(cut_to, {"frames": b}))
    assert len(draw(TWO.inputs, Source(here / "z.npz"))["a"]) == 3


def test_a_stage_that_is_not_saved_cannot_be_started_from() -> None:
    with pytest.raises(ConfigError) as found:
        gan2hls.build("tiny.onnx", start="lower")
    legal = found.value.hint.removeprefix("legal: ").partition(";")[0].split(", ")
    scheduled()
    for stage in legal:
        assert gan2hls.build("tiny.onnx", start=stage, stop="emit").path is not None  # type: ignore[arg-type]
    assert run(f"verify {PROJECT} --verify float")[0] == 0, "as the hint says"
