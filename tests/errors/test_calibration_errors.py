"""Calibration files that do not fit: every one named, with what would fit."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import ConfigError
from gan2hls.config.schema import parse_config
from gan2hls.flow.inputs import read_inputs
from gan2hls.model.ir import Graph
from gan2hls.quantize.float_runs import Source, draw
from tests.randomized import port

ONE = Graph("one", (port("z", (1, 1, 6)),), (), ())
TWO = Graph("two", (port("a", (1, 1, 2)), port("b", (2, 2, 1))), (), ())


def refused(graph: Graph, path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as found:
        draw(graph.inputs, Source(path))
    assert found.value.exit_code == 5 and found.value.where == str(path)
    return found.value


def test_missing_file(tmp_path: Path) -> None:
    error = refused(ONE, tmp_path / "none.npy")
    assert error.message == "does not exist" and ".npy or .npz" in error.hint


def test_a_folder(tmp_path: Path) -> None:
    assert refused(ONE, tmp_path).message == "is a folder"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"hello", "is no .npy or .npz file: it holds text"),
        (b"1.0,2.0\n", "it holds text"),
        (b"\x89PNG\r\n\x1a\n\x00", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"\x80\x04\x95", "a pickle"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\xef\xbb\xbf\nversion https://hawser.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x00" * 64, "bytes of another kind"),
        (b"\x93NUMPY\x01\x00", "is damaged or cut off"),
        (b"\x93NUMPY\x03\x00" + b"\x00" * 99, "is damaged or cut off"),
        (b"\x93NUMPY\x09\x09" + b"\x00" * 99, "is damaged or cut off"),
        (b"PK\x03\x04broken", "is damaged or cut off"),
    ],
)
def test_a_file_that_is_not_numpy(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    error = refused(ONE, tmp_path / "x.npy")
    assert what in error.message and error.hint
    assert "pickle" not in f"{error.message} {error.hint}".replace("holds a pickle", ""), "numpy's words leak"


def test_a_truncated_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((50, 6)))
    whole = (tmp_path / "x.npy").read_bytes()
    for size in (len(whole) // 2, len(whole) - 1, 100, 9):
        (tmp_path / "x.npy").write_bytes(whole[:size])
        assert "is damaged or cut off" in refused(ONE, tmp_path / "x.npy").message
    (tmp_path / "x.npy").write_bytes(whole + b"more")
    assert "2404 bytes of values where 2400 belong" in refused(ONE, tmp_path / "x.npy").message


def test_a_header_that_promises_terabytes_is_not_believed(tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (5_000_000_000_000, 6)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "0 bytes of values where 240000000000000 belong" in refused(ONE, tmp_path / "x.npy").message


def test_any_byte_of_a_header_may_be_wrong(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((5, 6), np.float32))
    whole = (tmp_path / "x.npy").read_bytes()
    for position in range(6, 128):
        for value in (0, 40, 39, 255):
            broken = whole[:position] + bytes([value]) + whole[position + 1 :]
            (tmp_path / "x.npy").write_bytes(broken)
            with contextlib.suppress(ConfigError):  # what still reads is fine
                draw(ONE.inputs, Source(tmp_path / "x.npy"))


def test_a_truncated_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", z=np.zeros((50, 6)))
    whole = bytearray((tmp_path / "x.npz").read_bytes())
    whole[300:600] = b"\x55" * 300  # the directory is whole, the array is not
    (tmp_path / "x.npz").write_bytes(bytes(whole))
    assert "is damaged or cut off" in refused(ONE, tmp_path / "x.npz").message
    (tmp_path / "x.npz").write_bytes(bytes(whole[:300]))
    assert "is damaged or cut off" in refused(ONE, tmp_path / "x.npz").message


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    assert "it holds a PyTorch file without arrays" in refused(ONE, tmp_path / "x.pt").message
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "it holds a zip archive without arrays" in refused(ONE, tmp_path / "x.npz").message


def test_arrays_that_no_input_needs_may_be_anything(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", z=np.ones((5, 6)), names=np.array([{"a": 1}], object))
    assert draw(ONE.inputs, Source(tmp_path / "x.npz"))["z"].shape == (5, 6, 1, 1)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], object), allow_pickle=True)
    error = refused(ONE, tmp_path / "x.npy")
    assert "type object does not fit" in error.message and "Python objects are no numbers" in error.hint


def test_pickled_objects_in_an_archive_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", z=np.array([{"a": 1}], object))
    assert "type object does not fit" in refused(ONE, tmp_path / "x.npz").message


@pytest.mark.parametrize("shape", [(4, 7), (5,), (0, 6), ()])
def test_wrong_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", np.zeros(shape))
    error = refused(ONE, tmp_path / "x.npy")
    assert str(shape) in error.message and "'z'" in error.message and "[N, 6, 1, 1]" in error.hint


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 1, 1), (4, 6, 2), (2, 3, 4), (12,)])
def test_another_layout_of_as_many_values(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Taking it would only scramble the frames."""
    np.save(tmp_path / "x.npy", np.zeros(shape))
    assert str(shape) in refused(ONE, tmp_path / "x.npy").message


def test_channels_last_for_a_channels_first_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8, 3)))
    error = refused(Graph("image", (port("z", (8, 8, 3)),), (), ()), tmp_path / "x.npy")
    assert "[N, 3, 8, 8]" in error.hint


@pytest.mark.parametrize("value", [True, 1j, "text"])
def test_wrong_type(tmp_path: Path, value: object) -> None:
    np.save(tmp_path / "x.npy", np.full((4, 6), value))
    assert "does not fit" in refused(ONE, tmp_path / "x.npy").message


def test_text_is_no_number_unless_every_text_spells_one(tmp_path: Path) -> None:
    frames = np.full((4, 6), "1.5")
    np.save(tmp_path / "x.npy", frames)
    assert "where every one spells one, save frames.astype('float32')" in refused(ONE, tmp_path / "x.npy").hint
    np.save(tmp_path / "x.npy", frames.astype("float32"))
    assert (draw(ONE.inputs, Source(tmp_path / "x.npy"))["z"] == 1.5).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_finite_in_float32(tmp_path: Path, value: float) -> None:
    values = np.zeros((4, 6))
    values[3, 5] = value
    np.save(tmp_path / "x.npy", values)
    assert "NaN or infinite values in 1 of 4 frames of the input 'z'" in refused(ONE, tmp_path / "x.npy").message


def test_wrong_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", noise=np.zeros((4, 6)), label=np.zeros(4))
    error = refused(ONE, tmp_path / "x.npz")
    assert "'z'" in error.message and "label" in error.hint and "noise" in error.hint


def test_one_array_does_not_serve_two_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    assert "'b'" in refused(TWO, tmp_path / "x.npy").message


def test_arrays_of_different_length(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros((4, 2)), b=np.zeros((3, 4)))
    assert "different numbers of frames: 'a' 4, 'b' 3" in refused(TWO, tmp_path / "x.npz").message


@pytest.mark.parametrize("section", ["calibration", "evaluation"])
def test_both_sections_of_the_config_report_their_file(tmp_path: Path, section: str) -> None:
    with pytest.raises(ConfigError, match="does not exist") as found:
        read_inputs(ONE.inputs, parse_config({section: {"data": str(tmp_path / "none.npz")}}))
    assert found.value.where == str(tmp_path / "none.npz")
