"""Files as they lie about: old formats, versions ahead, operators that read a shape or a type alone."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from gan2hls.base.errors import ModelError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.model.ir import Graph
from gan2hls.quantize.float_runs import FloatModel
from tests.float_evaluator import check, evaluate
from tests.onnx_models import f32, make_model, save
from tests.tiny_onnx import save_tiny, tiny_model

RNG = np.random.default_rng(7)


def edited(path: Path, edit: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


def hold(path: Path, shape: tuple[int, ...], function: Callable[[np.ndarray], np.ndarray]) -> Graph:
    """Hold the reference and the graph to ``function`` of float64, where ONNX Runtime takes the file or not."""
    loaded = load(path)
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    wanted = function(x.astype(np.float64))
    (port,) = loaded.graph.outputs
    reference = port.from_stream(FloatModel(loaded.onnx_model, [port]).run({"x": x})[port.name])
    np.testing.assert_allclose(reference, wanted, rtol=1e-5, atol=1e-6)
    stream = evaluate(loaded.graph, {"x": x})[port.name]
    np.testing.assert_allclose(port.from_stream(stream[None]), wanted, rtol=1e-5, atol=1e-6)
    return loaded.graph


# --- formats and versions


@pytest.mark.parametrize("listed", ["all", "none", "some"])
def test_format_3_with_weights_listed_among_the_inputs_or_not(tmp_path: Path, listed: str):
    def edit(model: onnx.ModelProto) -> None:
        model.ir_version, model.opset_import[0].version = 3, 9
        for n, tensor in enumerate(model.graph.initializer):
            if listed == "all" or (listed == "some" and n % 2):
                model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))

    loaded, _ = check(edited(save_tiny(tmp_path / "m.onnx"), edit))
    assert loaded.params == load(save_tiny(tmp_path / "n.onnx")).params
    assert [port.onnx_name for port in loaded.graph.inputs] == ["z"]


def test_inputs_that_are_weights_may_come_first(tmp_path: Path):
    def edit(model: onnx.ModelProto) -> None:
        z = model.graph.input.pop()
        tensor = model.graph.initializer[0]
        model.graph.input.extend([helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims), z])

    check(edited(save_tiny(tmp_path / "m.onnx"), edit))


def test_format_ahead_with_nothing_new_in_it(tmp_path: Path):
    path = edited(save_tiny(tmp_path / "m.onnx"), lambda m: setattr(m, "ir_version", onnx.IR_VERSION + 1))
    x = {"z": f32(RNG, 1, 4)}
    outputs = []
    for file in (path, save_tiny(tmp_path / "n.onnx")):
        loaded = load(file)
        outputs.append(next(iter(FloatModel(loaded.onnx_model, loaded.graph.outputs).run(x).values())))
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("imported", ["", "ai.onnx", "both"])
def test_the_long_name_of_the_default_domain(tmp_path: Path, imported: str):
    def edit(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.domain = "ai.onnx"
        if imported == "both":
            model.opset_import.append(helper.make_opsetid("ai.onnx", 17))
        else:
            model.opset_import[0].domain = imported

    check(edited(save_tiny(tmp_path / "m.onnx"), edit))


@pytest.mark.parametrize("where", ["model", "node"])
def test_format_ahead_with_parts_that_are_not_known(tmp_path: Path, where: str):
    model = tiny_model()
    model.ir_version = onnx.IR_VERSION + 1
    unknown = b"\xaa\x06\x03abc"  # field 101, three bytes
    if where == "node":
        model.graph.node[0].MergeFromString(unknown)
    data = model.SerializeToString() + (unknown if where == "model" else b"")
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(UnsupportedError, match=f"file format {onnx.IR_VERSION + 1}"):
        load(path)


@pytest.mark.parametrize("kind", ["model", "external"])
@pytest.mark.parametrize(
    "first",
    [
        b"version https://git-lfs.github.com/spec/v1\n",
        b"\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\r\n",
        b"\n version https://git-lfs.github.com/spec/v1\n",
        b"version https://hawser.github.com/spec/v1\n",
    ],
)
def test_pointers_of_git_lfs(tmp_path: Path, kind: str, first: bytes):
    pointer = first + b"oid sha256:" + b"0" * 64 + b"\nsize 1234567\n"
    path = save_tiny(tmp_path / "m.onnx")
    if kind == "model":
        path.write_bytes(pointer)
    else:
        onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="m.data", size_threshold=0)
        (tmp_path / "m.data").write_bytes(pointer)
    with pytest.raises(ModelError, match="Git LFS pointer") as caught:
        load(path)
    assert "git lfs pull" in caught.value.hint


# --- external data: whatever the file names is no bug of ours


def external(folder: Path, location: str) -> Path:
    path = save(folder, "y = MatMul(x, w)", (1, 6), {"w": f32(RNG, 6, 4)})

    def edit(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return edited(path, edit)


@pytest.mark.parametrize(
    "location", ["x" * 300, "x/" * 3000 + "y", "folder", "fifo", "loop", "a\0b", ".", "m\n.data", "file/w.data", " "]
)
def test_external_data_that_is_no_file(tmp_path: Path, location: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ModelError) as caught:
        load(external(tmp_path, location))
    assert "tensor 'w'" in caught.value.where and caught.value.hint


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_external_data_whose_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError):
    (tmp_path / "w.data").write_bytes(bytes(96))
    path = external(tmp_path, "w.data")
    plain_open = Path.open

    def fail(self: Path, *args: object, **more: object) -> object:
        if self.name == "w.data":
            raise error
        return plain_open(self, *args, **more)

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ModelError, match=str(error.strerror)):
        load(path)


@pytest.mark.parametrize("name", ["x" * 300 + ".onnx", "a\0b.onnx", "fifo"])
def test_models_that_are_no_file(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ModelError):
        load(tmp_path / name)


# --- what reads the shape or the type of a computed tensor alone


@pytest.mark.parametrize(
    ("body", "function"),
    [
        ("c = CastLike(i, x) y = Mul(x, c)", lambda x: 2 * x),
        ("c = CastLike(x, i) d = CastLike(x, one) y = Mul(d, two)", lambda x: 2 * x),
        ("e = EyeLike<k = 1>(x) y = Add(x, e)", lambda x: x + np.eye(3, 4, 1)),
        ("a = Shape<start = -1>(x) c = ConstantOfShape<value = float[1] {2.0}>(a) y = Mul(x, c)", lambda x: 2 * x),
        ("n = Size(x) c = CastLike(n, x) y = Div(x, c)", lambda x: x / 12),
        ("a = Shape(x) c = Expand(one, a) y = Add(x, c)", lambda x: x + 1),
        ("a = Size(x) r = Range(zero, a, step) f = Cast<to = 1>(r) s = Shape(x) c = Reshape(f, s) y = Add(x, c)",
         lambda x: x + np.arange(12).reshape(3, 4)),
        ("t = Transpose(x) s = Shape(t) e = Expand(one, s) u = Transpose(e) y = Add(x, u)", lambda x: x + 1),
        ("q = Erf(x) s = Shape(q) m = Softmax(x) z = Size(m) f = Cast<to = 1>(z) e = Expand(f, s) y = Add(x, e)",
         lambda x: x + 12),
        ("k = Resize<mode = \"nearest\">(x, , sc) s = Shape(k) r = ReduceProd<keepdims = 0>(s) f = CastLike(r, k) "
         "y = Div(x, f)", lambda x: x / 24),
        ("n = RandomNormalLike(x) s = Shape(n) e = Expand(one, s) y = Add(x, e)", lambda x: x + 1),
    ],
)  # fmt: skip
def test_shapes_and_types_of_computed_tensors_are_constants(tmp_path: Path, body: str, function: Callable):
    constants = {
        "i": np.int64(2),
        "one": np.ones(1, np.float32),
        "two": np.float32(2),
        "zero": np.int64(0),
        "step": np.int64(1),
        "sc": np.array([1, 2], np.float32),
    }
    batched = body.replace("y = ", "yy = ") + " y = Unsqueeze(yy, ax)"
    whole = "x = Squeeze(xx, ax) " + batched
    model = make_model(whole.replace("xx", "x0"), (1, 3, 4), {**constants, "ax": np.array([0])})
    model.graph.input[0].name = "x0"
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    x = np.random.default_rng(3).normal(size=(1, 3, 4)).astype(np.float32)
    loaded = load(path)
    (port,) = loaded.graph.outputs
    reference = port.from_stream(FloatModel(loaded.onnx_model, [port]).run({"x0": x})[port.name])
    np.testing.assert_allclose(reference[0], function(x[0].astype(np.float64)), rtol=1e-5, atol=1e-6)
    assert not {node.op_type for node in loaded.onnx_model.graph.node} & {"Erf", "Softmax", "Resize", "CastLike"}


# --- operators that ONNX Runtime lacks, and operator sets ahead of it


@pytest.mark.parametrize("opset", [24, 26, 28])
@pytest.mark.parametrize("alpha", ["", "<alpha = 1.7>"])
def test_swish_is_what_it_expands_to(tmp_path: Path, opset: int, alpha: str):
    beta = 1.7 if alpha else 1.0
    path = save(tmp_path, f"a = Swish{alpha}(x) y = Mul(a, two)", (1, 8), {"two": np.float32(2)}, opset=opset)
    hold(path, (1, 8), lambda x: 2 * x / (1 + np.exp(-beta * x)))


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize(
    ("body", "shape", "kinds"),
    [
        ("c = Conv(x, k) s = Softmax<axis = 1>(c) y = Mul(s, two)", (1, 2, 3, 4), "conv pool add pool mul"),
        ("c = Gemm(x, w) y = Softmax(c)", (1, 6), "dense pool add pool mul"),
        (
            "c = Conv(x, k) r = Reshape(c, line) s = Softmax<axis = 2>(r) p = Reshape(s, map) y = Mul(c, p)",
            (1, 2, 3, 4),
            "conv pool add pool mul reorder mul",
        ),
    ],
)
def test_softmax_is_what_it_expands_to(tmp_path: Path, body: str, shape: tuple[int, ...], kinds: str, opset: int):
    constants = {"two": np.float32(2), "k": f32(RNG, 5, 2, 1, 1), "w": f32(RNG, 6, 7)}
    constants |= {"line": np.array([1, 5, 12]), "map": np.array([1, 5, 3, 4])}
    _, final = check(save(tmp_path, body, shape, constants, opset=opset))
    assert " ".join(layer.op.kind for layer in final.layers) == kinds


@pytest.mark.parametrize("opset", [9, 11, 12])
@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ("c = Conv(x, k) s = Softmax(c) y = Mul(s, two)", (1, 2, 3, 4)),
        ("h = Gemm(x, w, b) y = Softmax<axis = 1>(h)", (1, 6)),
        ("t = Transpose<perm = [0, 2, 3, 1]>(x) y = Softmax<axis = 3>(t)", (1, 5, 3, 4)),
        (
            "c = Conv(x, k) t = Transpose<perm = [0, 3, 2, 1]>(c) s = Softmax<axis = 3>(t) "
            "u = Transpose<perm = [0, 3, 2, 1]>(s) y = Mul(u, two)",
            (1, 2, 3, 4),
        ),
    ],
)
def test_softmax_of_older_operator_sets_is_of_its_axis_and_all_behind(
    tmp_path: Path, body: str, shape: tuple[int, ...], opset: int
):
    constants = {"two": np.float32(2), "k": f32(RNG, 5, 2, 1, 1), "w": f32(RNG, 6, 7), "b": f32(RNG, 7)}
    check(save(tmp_path, body, shape, constants, opset=opset))


def test_what_erf_leaves_of_one_is_read_as_such(tmp_path: Path):
    """ONNX has no Erfc, and tf2onnx writes it: x * Erfc(-x / sqrt(2)) / 2 is the exact GELU."""
    body = "s = Mul(x, root) n = Neg(s) e = Erfc(n) p = Mul(x, e) y = Mul(p, half)"
    constants = {"root": np.float32(0.5**0.5), "half": np.float32(0.5)}
    hold(save(tmp_path, body, (1, 8), constants), (1, 8), lambda x: x * (1 + np.vectorize(math.erf)(x / 2**0.5)) / 2)


def test_newest_operator_sets_run(tmp_path: Path):
    """At opset 28 ONNX Runtime lacks QuantizeLinear and DequantizeLinear, which changed in types alone."""
    body = "h = Gemm(x, w) c = Cast<to = 1>(h) r = Relu(c) q = QuantizeLinear(r, s, z) y = DequantizeLinear(q, s, z)"
    constants = {"w": f32(RNG, 6, 4), "s": np.float32(0.25), "z": np.uint8(0)}
    outputs = []
    for opset in (17, onnx.defs.onnx_opset_version()):
        loaded = load(save(tmp_path, body, (1, 6), constants, opset=opset))
        x = {"x": f32(np.random.default_rng(1), 1, 6)}
        outputs.append(next(iter(FloatModel(loaded.onnx_model, loaded.graph.outputs).run(x).values())))
    np.testing.assert_array_equal(*outputs)


# --- what ONNX Runtime refuses is no bug of ours


def test_refusals_of_onnx_runtime_name_the_node():
    model = make_model("y = ConvTranspose<output_padding = [3]>(x, w)", (1, 2, 4), {"w": np.ones((2, 2, 3), "f4")})
    graph = load_ports()
    with pytest.raises(ModelError, match="cannot run the model") as caught:
        FloatModel(model, graph.outputs).run({"x": np.zeros((1, 2, 4), np.float32)})
    assert caught.value.where == "node '/g/ConvTranspose_0'" and caught.value.hint
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="refuses the model") as caught:
        FloatModel(model, graph.outputs)
    assert onnxruntime.__version__ in str(caught.value)


def load_ports() -> Graph:
    from gan2hls.model.ir import Port

    port = Port("y", "y", (1, 2, 9), (1, 9, 2), np.arange(18))
    return Graph("g", (), (), (port,))
