"""Models that cannot be read: a clear error of the right class, with a place and a way out, and in good time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gan2hls.base.errors import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend import load
from tests.onnx_models import f32, make_model, save

RNG = np.random.default_rng(1)
W = {"w": f32(RNG, 6, 4)}


def refused(path: Path, kind: type[Gan2HlsError], *words: str, **shapes: tuple[int, ...]) -> Gan2HlsError:
    """Load ``path`` and hold the error to its class, its words and its having a place and a hint."""
    with pytest.raises(Gan2HlsError) as caught:
        load(path, input_shapes=shapes)
    error = caught.value
    assert type(error) is kind, error
    assert error.where and error.hint, error
    for word in words:
        assert word in str(error), f"{word!r} is not in: {error}"
    return error


def edited(path: Path, edit: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


# --- the file


@pytest.mark.parametrize("data", [b"hello, I am a text", b"\x89PNG\r\n\x1a\n" + bytes(100), b"PK\x03\x04abc"])
def test_not_onnx(tmp_path: Path, data: bytes):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    refused(path, ModelError, "not an ONNX file")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_truncated(tmp_path: Path, keep: float):
    path = save(tmp_path, "y = MatMul(x, w)", (1, 6), W)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    refused(path, ModelError)


def test_empty_missing_and_folder(tmp_path: Path):
    path = tmp_path / "m.onnx"
    refused(path, ModelError, "does not exist")
    path.write_bytes(b"")
    refused(path, ModelError, "empty")
    refused(tmp_path, ModelError, "folder")


def test_no_graph_and_no_nodes(tmp_path: Path):
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())
    refused(path, ModelError, "no graph")
    refused(save(tmp_path, "", (1, 6)), ModelError, "no nodes")
    refused(save(tmp_path, "y = Identity(x)", (1, 6)), ModelError, "nothing to build")


def test_output_that_does_not_depend_on_the_input(tmp_path: Path):
    refused(save(tmp_path, "a = Relu(x) y = Neg(w)", (1, 6), W), UnsupportedError, "no input")


# --- numbers and sizes


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(tmp_path: Path, value: float):
    weight = f32(RNG, 6, 4)
    weight[2, 3] = value
    refused(save(tmp_path, "y = MatMul(x, w)", (1, 6), {"w": weight}), ModelError, "initializer 'w'", "1 NaN or inf")


@pytest.mark.parametrize(
    ("body", "constants", "words"),
    [
        ("y = Mul(x, c)", {"c": np.float32(np.inf)}, ["'c'", "infinite"]),
        ("y = Div(x, c)", {"c": np.zeros(6, np.float32)}, ["zero"]),
        (
            "d = Div(x0, c) y = Mul(x, d)",
            {"x0": np.ones(6, np.float32), "c": np.zeros(6, np.float32)},
            ["constant 'd'"],
        ),
        ("y = BatchNormalization(x, c, c, c, n)", {"c": np.ones(6), "n": -np.ones(6)}, ["variance"]),
        ("y = Elu<alpha = nan>(x)", {}, ["NaN"]),
        ("y = LeakyRelu<alpha = inf>(x)", {}, ["infinite"]),
        ("y = Clip(x, lo, hi)", {"lo": np.float32(2), "hi": np.float32(1)}, ["clips to"]),
    ],
)
def test_constants_that_make_no_sense(tmp_path: Path, body: str, constants: dict, words: list[str]):
    given = {name: np.asarray(value, np.float32) for name, value in constants.items()}
    refused(save(tmp_path, body, (1, 6), given), ModelError, *words)


HUGE = 100_000


@pytest.mark.parametrize(
    "body",
    [
        "c = ConstantOfShape(n) y = Add(x, c)",
        "c = Expand(one, n) y = Add(x, c)",
        "c = Tile(t, n) y = Add(x, c)",
        "a = Expand(one, k) b = Expand(a, k) c = Concat<axis = 0>(a, a) d = Expand(one, n) y = Add(x, d)",
        "c = Range(r0, r1, r2) y = Add(x, c)",
        "c = EyeLike(e) d = ConstantOfShape(n) y = Add(x, d)",
    ],
)
def test_constants_larger_than_the_machine(tmp_path: Path, body: str):
    constants = {
        "n": np.array([HUGE, HUGE]),
        "k": np.array([10, 10]),
        "one": np.ones((1, 1), np.float32),
        "t": np.ones((1, 1), np.float32),
        "e": np.ones((2, 2), np.float32),
        "r0": np.float32(0),
        "r1": np.float32(1e9),
        "r2": np.float32(1),
    }
    refused(save(tmp_path, body, (1, 6), constants), UnsupportedError, "elements")


def test_initializer_that_declares_more_than_it_holds(tmp_path: Path):
    path = save(tmp_path, "y = MatMul(x, w)", (1, 6), W)
    refused(edited(path, lambda m: m.graph.initializer[0].dims.__setitem__(0, 10**10)), UnsupportedError, "elements")
    path = save(tmp_path, "y = MatMul(x, w)", (1, 6), W)
    refused(edited(path, lambda m: m.graph.initializer[0].dims.__setitem__(0, 7)), ModelError)
    path = save(tmp_path, "y = MatMul(x, w)", (1, 6), W)
    refused(edited(path, lambda m: m.graph.initializer[0].dims.__setitem__(0, -6)), ModelError, "'w'")


K = {"w": f32(RNG, 2, 2, 3, 3)}


@pytest.mark.parametrize(
    "body",
    [
        "y = ConvTranspose<strides = [1000000000, 1]>(x, w)",
        "y = ConvTranspose<dilations = [1000000000, 1]>(x, w)",
        "y = Conv<pads = [1000000, 1000000, 1000000, 1000000]>(x, w)",
        "y = Conv<pads = [4000, 4000, 4000, 4000]>(x, w)",
    ],
)
def test_convolutions_larger_than_the_machine(tmp_path: Path, body: str):
    refused(save(tmp_path, body, (1, 2, 4, 4), K), UnsupportedError, "node '/g/")


def test_input_larger_than_the_machine(tmp_path: Path):
    refused(save(tmp_path, "y = Relu(x)", (1, 3, HUGE, HUGE)), UnsupportedError, "elements")
    path = save(tmp_path, "y = Relu(x)", (1, 3, "h", "w"))
    refused(path, UnsupportedError, "elements", x=(1, 3, HUGE, HUGE))


def test_functions_that_explode_or_call_themselves(tmp_path: Path):
    def bomb(last: str) -> str:
        bodies = [
            f'<domain: "l", opset_import: ["" : 17, "l" : 1]> f{n} (a) => (b) '
            f"{{ c = l.f{n + 1}(a) d = l.f{n + 1}(c) e = l.f{n + 1}(d) b = l.f{n + 1}(e) }}"
            for n in range(20)
        ]
        head = '<ir_version: 8, opset_import: ["" : 17, "l" : 1]> g (float[1, 4] x) => (float[1, 4] y) { y = l.f0(x) }'
        return "\n".join(
            [head, *bodies, f'<domain: "l", opset_import: ["" : 17, "l" : 1]> f20 (a) => (b) {{ {last} }}']
        )

    path = tmp_path / "m.onnx"
    onnx.save(onnx.parser.parse_model(bomb("b = Relu(a)")), path)
    refused(path, UnsupportedError, "nodes")
    onnx.save(onnx.parser.parse_model(bomb("b = l.f3(a)")), path)
    refused(path, ModelError, "calls itself")


# --- operators, opsets, graphs


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("y = LRN<size = 3>(x)", ["'LRN'", "/g/LRN_0", "docs/limits.md"]),
        ("y = LpNormalization<p = 3>(x)", ["'LpNormalization'", "/g/LpNormalization_0", "docs/limits.md"]),
        ("y = LogSoftmax(x)", ["'LogSoftmax'"]),
        ("y = InstanceNormalization(x, s, s)", ["a tensor of shape [1, 4]", "one axis behind the channels"]),
        ("a = Gemm(x, sq) y = Concat<axis = 0>(a, x)", ["/g/Concat_1", "along axis 0", "any axis but the batch"]),
        ("a = Gemm(x, sq) y = Gemm<transB = 1>(a, x)", ["joins the computed tensors", "Mul, Sub, Sum alone"]),
        ("y = Gemm<transB = 1>(x, x)", ["reads the computed tensor 'x' twice", "all but one a constant"]),
        ("y = NoSuchOperator(x)", ["'NoSuchOperator'"]),
        ("a = Gemm(x, sq) b = Gemm(a, sq) y = Pow(a, b)", ["/g/Pow_2", "joins the computed tensors ['a', 'b']"]),
        (
            "a = Gemm(x, sq) b = Greater(a, s) c = Less(x, s) d = And(b, c) y = Where(d, a, x)",
            ["'Greater' makes BOOL", "of one computed tensor"],
        ),
        ("y = Cast<to = 7>(x)", ["INT64"]),
        ("n = RandomNormal<shape = [1, 4]>() y = Add(x, n)", ["random", "initializer of zeros named 'n'"]),
        ("y = Dropout(x, h, t)", ["model.eval()"]),
        ("y, a, b = BatchNormalization<training_mode = 1>(x, s, s, s, s)", ["statistics of the batch", "model.eval()"]),
        ("y = Add(x, big)", ["grows its input"]),
    ],
)  # fmt: skip
def test_operators_that_cannot_be_built(tmp_path: Path, body: str, words: list[str]):
    constants = {
        "s": np.ones(4, np.float32),
        "sq": np.ones((4, 4), np.float32),
        "h": np.float32(0.5),
        "t": np.array(True),
        "big": np.ones((3, 4), np.float32),
    }
    refused(save(tmp_path, body, (1, 4), constants), UnsupportedError, *words)


def test_other_domain(tmp_path: Path):
    path = save(tmp_path, "y = Relu(x)", (1, 4))

    def edit(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "qonnx.custom_op.general"
        model.graph.node[0].op_type = "Im2Col"
        model.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))

    refused(edited(path, edit), UnsupportedError, "'Im2Col'", "qonnx.custom_op.general")


@pytest.mark.parametrize("opset", [1, 8, 999])
def test_opset(tmp_path: Path, opset: int):
    path = save(tmp_path, "y = Relu(x)", (1, 4))
    refused(edited(path, lambda m: setattr(m.opset_import[0], "version", opset)), UnsupportedError, f"opset {opset}")


def test_opset_missing(tmp_path: Path):
    path = save(tmp_path, "y = Relu(x)", (1, 4))
    refused(edited(path, lambda m: m.ClearField("opset_import")), ModelError, "opset")


@pytest.mark.parametrize(
    "body", ["y = Relu(q)", "y = Relu(z) z = Relu(y)", "y = Relu(x) y = Tanh(x)", "y = Relu(x, x)"]
)
def test_illegal_graphs(tmp_path: Path, body: str):
    refused(save(tmp_path, body, (1, 4)), ModelError)


@pytest.mark.parametrize(
    "body",
    [
        "y = MatMul(x, w)",
        "y = Gemm(x, w)",
        "y = Reshape(x, n)",
        "y = Add(x, w)",
        "y = Conv(x, w)",
        "y = BatchNormalization(x, w, w, w, w)",
    ],
)
def test_shapes_that_do_not_fit(tmp_path: Path, body: str):
    refused(save(tmp_path, body, (1, 5), {**W, "n": np.array([2, 2])}), ModelError, "node '/g/")


def test_kernel_shape_that_does_not_fit(tmp_path: Path):
    with pytest.raises((ModelError, UnsupportedError)):
        load(save(tmp_path, "y = Conv<kernel_shape = [2, 2]>(x, w)", (1, 2, 4, 4), K))
    with pytest.raises((ModelError, UnsupportedError)):
        load(save(tmp_path, "y = Conv<group = 2>(x, w)", (1, 2, 4, 4), K))


# --- inputs and outputs


def test_an_output_twice(tmp_path: Path):
    path = save(tmp_path, "y = Relu(x)", (1, 4))
    refused(edited(path, lambda m: m.graph.output.append(m.graph.output[0])), ModelError, "the output 'y' twice")


@pytest.mark.parametrize("elem", [TensorProto.INT64, TensorProto.INT8, TensorProto.BOOL, TensorProto.STRING])
def test_inputs_that_are_not_float(tmp_path: Path, elem: int):
    path = save(tmp_path, "y = Identity(x)", (1, 4), elem=elem)
    refused(path, UnsupportedError, "'x'", TensorProto.DataType.Name(elem))


def test_dynamic_sizes_name_the_option(tmp_path: Path):
    path = save(tmp_path, "y = Conv(x, w)", ("n", 2, "height", None), K)
    refused(path, UnsupportedError, "'height'", "--input-shape x:1,2,64,64")
    refused(save(tmp_path, "y = Relu(x)", None), UnsupportedError, "--input-shape x:")


def test_a_shape_without_a_name_is_that_of_the_only_input(tmp_path: Path):
    path = save(tmp_path, "y = Conv(x, w)", ("n", 2, "height", None), K)
    assert load(path, input_shapes={"": (1, 2, 9, 8)}).graph.inputs[0].onnx_shape == (1, 2, 9, 8)
    shapes = {"": (1, 2, 9, 8), "x": (1, 2, 9, 8)}
    with pytest.raises(ModelError, match="of which one is") as caught:
        load(path, input_shapes=shapes)
    assert "--input-shape x:" in str(caught.value.hint)


def test_fixed_batch_and_missing_batch_axis(tmp_path: Path):
    path = save(tmp_path, "y = MatMul(x, w)", (16, 6), W)
    refused(path, UnsupportedError, "batch of 16", "--input-shape x:1,6")
    assert load(path, input_shapes={"x": (1, 6)}).graph.inputs[0].onnx_shape == (1, 6)
    path = save(tmp_path, "y = Relu(x)", (6,))
    with pytest.raises(UnsupportedError):
        load(path)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"z": (1, 6)}, ["'z'", "['x']"]),
        ({"x": (1, 7)}, ["[1, 7]", "(MatMul)"]),
        ({"x": (1, 6, 1)}, ["[1, 6, 1]"]),
        ({"x": (2, 6)}, ["batch must be 1"]),
        ({"x": (1, 0)}, ["[1, 0]"]),
        ({"x": ()}, ["[]"]),
    ],
)
def test_input_shapes_that_contradict_the_model(tmp_path: Path, shapes: dict, words: list[str]):
    refused(save(tmp_path, "y = MatMul(x, w)", ("n", 6), W), ModelError, *words, **shapes)


def test_every_byte_of_damage_is_an_error_of_ours_or_none(tmp_path: Path):
    """Flip bytes all over a small model: whatever happens, it is no crash and no foreign exception."""
    model = make_model("a = Gemm(x, w) r = Reshape(a, n) y = ConvTranspose(r, k)", (1, 6), {
        "w": f32(RNG, 6, 4), "n": np.array([1, 1, 2, 2]), "k": f32(RNG, 1, 1, 2, 2),
    })  # fmt: skip
    data = model.SerializeToString()
    path = tmp_path / "m.onnx"
    rng = np.random.default_rng(0)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(ModelError, UnsupportedError):
            load(path)


@pytest.mark.parametrize(
    ("body", "constants", "words"),
    [
        ("y = Conv(x, w, b)", {"b": np.ones(3)}, ["bias has shape [3]", "[2]"]),
        ("y = ConvTranspose<group = 2>(x, w, b)", {"b": np.ones(2)}, ["bias has shape [2]", "[4]"]),
        ("y = Conv(x, w, b)", {"b": np.ones(())}, ["'/g/Conv_0'"]),
        ("y = BatchNormalization(x, b, b, b, b)", {"b": np.ones(3)}, ["'/g/BatchNormalization_0'", "[1, 2, 4, 4]"]),
        ("y = Clip(x, b)", {"b": np.ones(2)}, ["'/g/Clip_0'", "min has shape [2]"]),
    ],
)
def test_parameters_that_do_not_fit(tmp_path: Path, body: str, constants: dict, words: list[str]):
    """Neither onnx's checker nor its shape inference holds these to the channels."""
    given = {name: value.astype(np.float32) for name, value in constants.items()}
    refused(save(tmp_path, body, (1, 2, 4, 4), {**K, **given}), ModelError, *words)


def test_constants_that_are_complex(tmp_path: Path):
    refused(save(tmp_path, "y = Mul(x, c)", (1, 4), {"c": np.ones(4, np.complex64)}), ModelError, "complex", "'c'")


def test_attributes_that_are_no_text(tmp_path: Path):
    path = save(tmp_path, 'y = Conv<auto_pad = "VALID">(x, w)', (1, 2, 4, 4), K)
    refused(edited(path, lambda m: setattr(m.graph.node[0].attribute[0], "s", b"\xff")), ModelError, "auto_pad")
