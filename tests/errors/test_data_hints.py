"""Every hint about a data file is tried: the call that it spells is made, and its result is read."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import ConfigError
from gan2hls.model.ir import Graph
from gan2hls.quantize.float_runs import Source, draw
from tests.randomized import port

ONE = Graph("one", (port("z", (1, 1, 6)),), (), ())
TWO = Graph("two", (port("a", (1, 1, 2)), port("b", (2, 2, 1))), (), ())
IMAGE = Graph("image", (port("z", (8, 8, 3)),), (), ())
GOOD = np.random.default_rng(0).normal(size=(20, 6))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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
    tmp_path: Path, graph: Graph, name: str, make: Callable[[Path], object], frames: object
) -> None:
    make(tmp_path / name)
    with pytest.raises(ConfigError) as found:
        draw(graph.inputs, Source(tmp_path / name))
    hint = found.value.hint
    if frames is None and graph is TWO:
        shapes = re.search(r"of shape (\[.*?\]) and (\[.*?\])$", hint)
        assert shapes is not None, hint
        first, second = (np.ones([4, *eval(shape.replace("N", "4"))[1:]]) for shape in shapes.groups())
        call = hint[hint.index("numpy.savez") : hint.index(", frames being")]
        call = call.replace("'a': frames", "'a': first").replace("'b': frames", "'b': second")
        exec(call, {"numpy": np, "first": first, "second": second})
        path = tmp_path / "z.npz"
    else:
        exec(statement(hint), {"numpy": np, "frames": frames})
        path = next(p for p in (tmp_path / "z.npy", tmp_path / "z.npz") if p.exists() and p.stat().st_mtime_ns)
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


def test_arrays_of_different_length_are_cut_as_the_hint_says(tmp_path: Path) -> None:
    a, b = np.ones((4, 2)), np.ones((3, 4))
    np.savez(tmp_path / "z.npz", a=a, b=b)
    with pytest.raises(ConfigError, match="different numbers") as found:
        draw(TWO.inputs, Source(tmp_path / "z.npz"))
    cut_to = found.value.hint.rpartition(": ")[2]
    assert cut_to == "frames[:3]"
    np.savez(tmp_path / "z.npz", a=eval(cut_to, {"frames": a}), b=eval(cut_to, {"frames": b}))
    assert len(draw(TWO.inputs, Source(tmp_path / "z.npz"))["a"]) == 3
