"""Hints of what files hold beside operators: versions, pads, external data; each is tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from gan2hls.base import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend import load
from tests.errors.test_hints import IMAGE, C, Model, Row, swapped, tried
from tests.onnx_models import make_model

# --- operator sets


def old(opset: int, ir_version: int, *, listed: bool) -> Model:
    """A model of an old operator set, its weights listed among the inputs or not."""
    model = make_model("h = Gemm(x, w, z4) y = Relu(h)", (1, 6), {"w": C["w"], "z4": C["z4"]})
    model.opset_import[0].version, model.ir_version = opset, ir_version
    for tensor in model.graph.initializer if listed else ():
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return model


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("ir_version", [3, 4, 8])
@pytest.mark.parametrize("opset", [6, 7, 8])
def test_what_converts_an_old_file(tmp_path: Path, opset: int, ir_version: int, listed: bool):
    path, new = tmp_path / "m.onnx", tmp_path / "new.onnx"
    path.write_bytes(old(opset, ir_version, listed=listed).SerializeToString())
    with pytest.raises(UnsupportedError, match=f"opset {opset} is older than 9") as caught:
        load(path)
    code = caught.value.hint.removeprefix("convert it: ").replace("NEW_PATH", repr(str(new)))
    exec(code.replace("PATH", repr(str(path))), {"onnx": onnx})
    load(new)


@pytest.mark.parametrize("opset", [1, 5])
def test_what_onnx_does_not_convert_is_exported_again(tmp_path: Path, opset: int):
    path = tmp_path / "m.onnx"
    path.write_bytes(old(opset, 3, listed=True).SerializeToString())
    with pytest.raises(UnsupportedError) as caught:
        load(path)
    assert "export it again with opset 17" in caught.value.hint and "convert" not in caught.value.hint


@pytest.mark.parametrize("opset", [0, -1])
def test_an_opset_that_does_not_exist(tmp_path: Path, opset: int):
    row = Row(
        "y = Relu(x)",
        "model.opset_import[0].version = 17",
        spoil=lambda m: setattr(m.opset_import[0], "version", opset),
        edit=lambda m: setattr(m.opset_import[0], "version", 17),
    )
    error = tried(row, tmp_path / "m.onnx")
    assert isinstance(error, ModelError) and f"names opset {opset}" in error.message


# --- convolutions


def test_pads_that_leave_nothing_of_a_transposed_convolution(tmp_path: Path):
    pads, fewer = "ConvTranspose<pads = [4, 0, 4, 0]>", "ConvTranspose<pads = [4, 0, 3, 0]>"
    row = Row(f"y = {pads}(x, k)", "may sum to 7 here", shape=IMAGE, fix=swapped(pads, fewer))
    error = tried(row, tmp_path / "m.onnx")
    assert "enlarge" not in error.hint


def test_a_kernel_shape_that_is_not_the_weights_is_a_broken_file(tmp_path: Path):
    body = "y = Conv<kernel_shape = [2, 2]>(x, conv)"
    row = Row(body, "leave kernel_shape out", shape=IMAGE, fix=swapped("<kernel_shape = [2, 2]>", ""))
    assert isinstance(tried(row, tmp_path / "m.onnx"), ModelError)


# --- constants


@pytest.mark.parametrize("values", [{}, {"value_float": 1.0, "value_int": 1}])
def test_a_constant_of_no_value_or_of_two(tmp_path: Path, values: dict[str, float]):
    path = tmp_path / "m.onnx"
    model = make_model("y = Add(x, k)", (1, 6))
    model.graph.node.insert(0, helper.make_node("Constant", [], ["k"], "k", **values))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        load(path)
    assert "node 'k' (Constant)" in caught.value.where and "inference" not in caught.value.message.lower()
    assert caught.value.message == ("has 2 values: value_float, value_int" if values else "has no value")
    code = caught.value.hint.removeprefix("give it one: ")
    node = eval(code, {"onnx": onnx, "array": np.ones(6, np.float32)})
    model.graph.node[0].CopyFrom(node)
    path.write_bytes(model.SerializeToString())
    load(path)


# --- others


def test_a_file_that_onnx_runtime_optimized(tmp_path: Path):
    """The hint's option makes ONNX Runtime write what was in the file."""
    source, saved = tmp_path / "m.onnx", tmp_path / "saved.onnx"
    model = make_model("h = Conv(x, conv) y = LeakyRelu<alpha = 0.2>(h)", IMAGE, C)
    source.write_bytes(model.SerializeToString())

    def save(level: onnxruntime.GraphOptimizationLevel) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(saved)
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    save(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
    with pytest.raises(Gan2HlsError) as caught:
        load(saved)
    assert "GraphOptimizationLevel.ORT_DISABLE_ALL" in caught.value.hint
    save(onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    load(saved)
    load(source)


def test_no_hint_of_the_front_end_is_an_export_again_alone():
    """What is wrong with the file is said, or the hint is none."""
    files = sorted((Path(__file__).parents[2] / "gan2hls/frontend").glob("*.py"))
    assert files
    for file in files:
        for text in ('"export again"', '"export the model again"', "train or export", "in evaluation mode"):
            assert text not in file.read_text(), f"{file.name}: {text}"
