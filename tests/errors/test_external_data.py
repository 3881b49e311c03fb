"""External data: from the model's folder alone, as many bytes as the shape needs, and what is wrong in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from gan2hls.base import ModelError
from gan2hls.frontend import load
from tests.onnx_models import f32, save

WEIGHT = f32(np.random.default_rng(0), 6, 4)
DATA = WEIGHT.tobytes()


def external(folder: Path, location: str | None = "w.bin", **more: str) -> Path:
    """A model of one weight of 96 bytes in another file."""
    path = save(folder, "y = MatMul(x, w)", (1, 6), {"w": WEIGHT})
    model = onnx.load(path)
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in ({} if location is None else {"location": location} | more).items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def refused(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(path)
    assert "'w'" in caught.value.where and caught.value.hint
    assert "onnx.checker" not in caught.value.message
    return caught.value


def read(path: Path) -> np.ndarray:
    return numpy_helper.to_array(load(path).onnx_model.graph.initializer[0])


@pytest.mark.parametrize("location", ["../secret.bin", "sub/../../secret.bin", "/etc/passwd", "a\\..\\b", "link.bin"])
def test_outside_of_the_folder(tmp_path: Path, location: str):
    (tmp_path / "secret.bin").write_bytes(DATA)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    assert "not inside the model's folder" in refused(external(folder, location)).message


@pytest.mark.parametrize("location", ["sub/w.bin", "sub/../w.bin"])
def test_in_a_linked_folder(tmp_path: Path, location: str):
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    for file in (other / "w.bin", other / "deep" / "w.bin"):
        file.write_bytes(DATA)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w.bin").write_bytes(DATA)
    (folder / "sub").symlink_to(other / "deep")
    assert "not inside" in refused(external(folder, location)).message


@pytest.mark.parametrize("location", ["w.bin", "./w.bin", "sub/../w.bin", "sub/w.bin", "inside.bin"])
def test_inside_of_the_folder(tmp_path: Path, location: str):
    (tmp_path / "sub").mkdir()
    for file in (tmp_path / "w.bin", tmp_path / "sub" / "w.bin"):
        file.write_bytes(DATA)
    (tmp_path / "inside.bin").symlink_to("w.bin")
    np.testing.assert_array_equal(read(external(tmp_path, location)), WEIGHT)


@pytest.mark.parametrize("kind", ["plain", "offset", "length", "both", "zero"])
def test_a_file_longer_than_the_tensor(tmp_path: Path, kind: str):
    shift = 16 if kind in ("offset", "both") else 0
    keys = ({"offset": "16"} if shift else {}) | ({"length": "96"} if kind in ("length", "both") else {})
    keys |= {"length": "0"} if kind == "zero" else {}
    (tmp_path / "w.bin").write_bytes(bytes(shift) + DATA + b"more")
    np.testing.assert_array_equal(read(external(tmp_path, **keys)), WEIGHT)


@pytest.mark.parametrize(
    ("size", "keys", "what"),
    [
        (None, {}, "'w.bin' is missing"),
        (0, {}, "is truncated: shape [6, 4] needs 96 bytes from offset 0 on, the file has 0"),
        (90, {}, "is truncated: shape [6, 4] needs 96 bytes from offset 0 on, the file has 90"),
        (96, {"offset": "8"}, "is truncated: shape [6, 4] needs 96 bytes from offset 8 on, the file has 96"),
        (96, {"offset": "8", "length": "96"}, "is truncated"),
        (96, {"offset": "-8"}, "has 96 bytes, and its offset there is -8"),
        (96, {"offset": str(10**30)}, f"has 96 bytes, and its offset there is {10**30}"),
        (96, {"length": str(10**12)}, f"has a length of {10**12} bytes, where shape [6, 4] needs 96 bytes"),
        (96, {"length": "40"}, "has a length of 40 bytes"),
        (96, {"length": "-4"}, "has a length of -4 bytes"),
        (96, {"length": "x"}, "illegal offset or length"),
        (96, {"offset": "0x0"}, "illegal offset or length"),
    ],
)
def test_bytes_that_are_not_there(tmp_path: Path, size: int | None, keys: dict[str, str], what: str):
    if size is not None:
        (tmp_path / "w.bin").write_bytes(DATA[:size])
    path = external(tmp_path, **keys)
    assert what in refused(path).message
    if "set its length to 96" in refused(path).hint:
        np.testing.assert_array_equal(read(external(tmp_path, length="96")), WEIGHT)
        np.testing.assert_array_equal(read(external(tmp_path)), WEIGHT)


@pytest.mark.parametrize("location", ["", None])
def test_no_file_named(tmp_path: Path, location: str | None):
    path = external(tmp_path, location)
    assert "names no file" in refused(path).message
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].raw_data = DATA
    path.write_bytes(model.SerializeToString())
    error = refused(path)
    assert "its values stand in the model itself" in error.message
    tensor = model.graph.initializer[0]
    exec(error.hint.partition(": ")[2], {"onnx": onnx, "tensor": tensor})  # what the hint says
    del tensor.external_data[:]
    path.write_bytes(model.SerializeToString())
    np.testing.assert_array_equal(read(path), WEIGHT)


def test_saving_anew_as_hints_say(tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(DATA)
    path = external(tmp_path, offset="-8")
    assert "onnx.save_model(model, path, save_as_external_data=True)" in refused(path).hint
    model = onnx.load(external(tmp_path))
    onnx.save_model(model, path, save_as_external_data=True, size_threshold=0)
    np.testing.assert_array_equal(read(path), WEIGHT)


def test_codes_of_4_bits_lie_packed(tmp_path: Path):
    codes = np.arange(24).reshape(6, 4) % 16 - 8
    body = "d = DequantizeLinear(w, s) y = MatMul(x, d)"
    path = save(tmp_path, body, (1, 6), {"w": WEIGHT, "s": np.float32(0.5)}, opset=21)
    model = onnx.load(path)
    packed = onnx.helper.make_tensor("w", TensorProto.INT4, (6, 4), codes.ravel().tolist())
    (tmp_path / "w.bin").write_bytes(numpy_helper.from_array(numpy_helper.to_array(packed), "w").raw_data + b"more")
    packed.ClearField("int32_data")
    packed.data_location = TensorProto.EXTERNAL
    packed.external_data.add(key="location", value="w.bin")
    model.graph.initializer[0].CopyFrom(packed)
    path.write_bytes(model.SerializeToString())
    weight = load(path).graph.layers[0].op.weight
    assert weight is not None
    np.testing.assert_array_equal(np.sort(weight.ravel()), np.sort(codes.ravel() * 0.5))
