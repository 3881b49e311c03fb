"""Inputs of whole numbers, by which a Gather takes rows of a constant table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gan2hls import passes
from gan2hls.base import ConfigError, Gan2HlsError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.kinds.gather import Gather
from gan2hls.numbers import IntType, QuantType
from gan2hls.quantize.float_runs import Source, draw
from tests.float_evaluator import assert_near, evaluate, run_onnx
from tests.onnx_models import f32, make_model
from tests.unit.frontend.test_graphs import kinds, with_ports

RNG = np.random.default_rng(36)
K = {
    "table": f32(RNG, 7, 5),
    "other": f32(RNG, 6, 3),
    "deep": f32(RNG, 7, 2, 2),
    "w": f32(RNG, 9, 4),
    "v": f32(RNG, 8, 4),
    "u": f32(RNG, 15, 4),
    "c10": f32(RNG, 10, 4),
    "c7": f32(RNG, 7, 4),
    "wide": f32(RNG, 6, 12),
    "narrow": f32(RNG, 6, 4),
    "widest": f32(RNG, 3, 40),
    "eye": np.eye(6, dtype=np.float32),
    "six": np.array(6),
    "sixes": np.array([6]),
    "ends": np.array([0, 1], np.float32),
    "whole": np.array([0, 1]),
    "whole1": np.array([1]),
    "two_rows": np.array([5, 3]),
    "minus": np.array([-1]),
    "range": np.arange(6),
    "zeros": np.zeros((1, 6), np.float32),
    "one": np.ones((1, 1), np.float32),
    "nought": np.zeros((1, 1), np.int64),
    "flat": np.ones(1, np.float32),
    "square": np.array([1, 2, 2]),
    "line": np.array([1, 4]),
}


def conditional(
    tmp_path: Path, body: str, label: tuple[int, ...] = (1,), elem: int = TensorProto.INT64, latent: bool = True
) -> Path:
    """Write a model of a latent ``z`` of 4 numbers and a ``label``."""
    model = make_model(body, (1, 1), K)
    del model.graph.input[:]
    if latent:
        model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, (1, 4)))
    model.graph.input.append(helper.make_tensor_value_info("label", elem, label))
    path = tmp_path / "conditional.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("body", "label", "elem"),
    [
        ("e = Gather(table, label) c = Concat<axis = 1>(z, e) y = Gemm(c, w)", (1,), TensorProto.INT64),
        ("e = Gather(table, label) c = Concat<axis = 1>(z, e) y = Gemm(c, w)", (1,), TensorProto.INT32),
        ("e = Gather(deep, label) f = Flatten(e) c = Concat<axis = 1>(z, f) y = Gemm(c, v)", (1,), TensorProto.INT64),
        ("e = Gather(table, label) f = Flatten(e) g = Gemm(f, u) y = Add(g, z)", (1, 3), TensorProto.INT64),
    ],
)
def test_rows_of_a_table(tmp_path: Path, body: str, label: tuple[int, ...], elem: int) -> None:
    path = conditional(tmp_path, body, label, elem)
    loaded = load(path)
    final = passes.run(loaded.graph)
    assert kinds(final)["gather"] == 1 and final.inputs[1].labels == 7
    assert final.pinned == {final.inputs[1].name: QuantType(IntType(3, signed=False), 1.0)}
    inputs = {"z": f32(RNG, 1, 4), "label": RNG.integers(0, 7, label).astype(helper.tensor_dtype_to_np_dtype(elem))}
    (wanted,) = run_onnx(path, inputs)
    for graph in (loaded.graph, final):
        (port,) = graph.outputs
        assert_near(port.from_stream(evaluate(graph, inputs)[port.name][None]), wanted, "output", 1e-4)


def test_the_smallest_of_several_tables_says_what_is_drawn(tmp_path: Path) -> None:
    body = "e = Gather(table, label) f = Gather(other, label) c = Concat<axis = 1>(f, e) y = Relu(c)"
    (port,) = load(conditional(tmp_path, body, latent=False)).graph.inputs
    assert port.labels == 6
    drawn = draw([port], Source(samples=200))["label"]
    assert drawn.shape == (200,) and set(drawn.tolist()) == set(range(6))


@pytest.mark.parametrize("wrong", [7.0, -1.0, 2.5])
def test_data_that_is_no_row_is_refused_and_the_hint_helps(tmp_path: Path, wrong: float) -> None:
    (port,) = load(conditional(tmp_path, "e = Gather(table, label) y = Relu(e)", latent=False)).graph.inputs
    frames = np.array([0, 3, wrong, 6], np.float32)
    np.save(tmp_path / "labels.npy", frames)
    with pytest.raises(ConfigError, match=rf"holds {wrong:g} for the input 'label'") as caught:
        draw([port], Source(tmp_path / "labels.npy"))
    assert "0 to 6" in caught.value.hint and "frames % 7" in caught.value.hint
    np.save(tmp_path / "labels.npy", np.floor(frames % 7))
    assert draw([port], Source(tmp_path / "labels.npy"))["label"].tolist() == [0, 3, np.floor(wrong % 7), 6]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("f = Cast<to = 1>(label) y = Relu(f)", "takes the label 'label', which is INT64, as a number"),
        ("f = Cast<to = 1>(label) y = Add(f, z)", "takes the label 'label', which is INT64, as a number"),
    ],
)
def test_what_else_reads_labels_is_refused(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load(conditional(tmp_path, body, latent="z)" in body))
    assert words in caught.value.message and "makes it FLOAT" in caught.value.hint
    assert load(conditional(tmp_path, body, (1, 1), TensorProto.FLOAT, "z)" in body)).graph.layers


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("e = Gather(table, label) y = Concat<axis = 1>(z, e)", {"table": np.zeros((0, 4), np.float32)}),
        ("o = OneHot(label, depth, ends) y = Concat<axis = 1>(z, o)", {"depth": np.array(-3)}),
        ("o = OneHot(label, depth, ends) y = Concat<axis = 1>(z, o)", {"depth": np.zeros(0, np.int64)}),
        ("o = OneHot(label, depth, ends) y = Concat<axis = 1>(z, o)", {"depth": np.array(10**9)}),
    ],
)
def test_tables_of_nothing_and_of_too_much_are_errors_of_ours(
    tmp_path: Path, body: str, values: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in values.items():
        monkeypatch.setitem(K, name, value)
    with pytest.raises(Gan2HlsError) as caught:
        load(conditional(tmp_path, body))
    assert caught.value.hint


def test_an_index_may_come_from_another_table(tmp_path: Path) -> None:
    body = "k = Gather(two_rows, label) e = Gather(table, k) c = Concat<axis = 1>(z, e) y = Relu(c)"
    path = conditional(tmp_path, body)
    loaded = load(path)
    assert loaded.graph.inputs[1].labels == 2
    for row in range(2):
        inputs = {"z": f32(RNG, 1, 4), "label": np.array([row])}
        (port,) = loaded.graph.outputs
        made = port.from_stream(evaluate(loaded.graph, inputs)[port.name][None])
        assert_near(made, run_onnx(path, inputs)[0], "output", 1e-4)


def test_several_numbers_are_rows_alone(tmp_path: Path) -> None:
    body = "o = Cast<to = 1>(label) r = ReduceMean<axes = [1]>(o) y = Relu(r)"
    with pytest.raises(UnsupportedError, match="the input 'label' is INT64") as caught:
        load(conditional(tmp_path, body, (1, 2), latent=False))
    assert "one-hot or embedded vectors" in caught.value.hint


#: Spellings of what a label makes; the first of each pair of layers that is left is a Gather.
SPELLINGS = {
    "OneHot": "o = OneHot(label, six, ends) c = Concat<axis = 1>(z, o) y = Gemm(c, c10)",
    "OneHot of a depth with an axis": "o = OneHot(label, sixes, ends) c = Concat<axis = 1>(z, o) y = Gemm(c, c10)",
    "OneHot of integers": "i = OneHot(label, six, whole) "
    "o = Cast<to = 1>(i) c = Concat<axis = 1>(o, z) y = Gemm(c, c10)",
    "Equal": "k = Unsqueeze(label, minus) e = Equal(k, range) "
    "o = Cast<to = 1>(e) c = Concat<axis = 1>(o, z) y = Gemm(c, c10)",
    "rows of the identity": "k = Unsqueeze(label, minus) o = GatherND(eye, k) "
    "c = Concat<axis = 1>(z, o) y = Gemm(c, c10)",
    "ScatterElements": "k = Unsqueeze(label, minus) o = ScatterElements<axis = 1>(zeros, k, one) "
    "c = Concat<axis = 1>(z, o) y = Gemm(c, c10)",
    "ScatterND": "k = Unsqueeze(label, minus) i = Concat<axis = 1>(nought, k) o = ScatterND(zeros, i, flat) "
    "c = Concat<axis = 1>(z, o) y = Gemm(c, c10)",
    "columns": "g = Gather<axis = 1>(other, label) t = Transpose(g) c = Concat<axis = 1>(z, t) y = Gemm(c, c10)",
    "a number beside it": "k = Add(label, whole1) e = Gather(table, k) c = Concat<axis = 1>(z, e) y = Gemm(c, w)",
    "a softmax of opset 11, over all axes from its own on": "o = OneHot(label, six, ends) m = MatMul(o, narrow) "
    "r = Reshape(m, square) s = Softmax<axis = 1>(r) f = Reshape(s, line) c = Concat<axis = 1>(z, f) y = Relu(c)",
    "two embeddings": "a = Gather(table, label) b = Gather(other, label) e = Concat<axis = 1>(a, b) f = Tanh(e) "
    "c = Concat<axis = 1>(z, f) y = Relu(c)",
}


@pytest.mark.parametrize("body", SPELLINGS.values(), ids=SPELLINGS)
def test_however_a_label_is_spelled_it_is_one_table(tmp_path: Path, body: str) -> None:
    path = conditional(tmp_path, body)
    if "square" in body:
        old = onnx.load(path)
        old.opset_import[0].version = 11
        onnx.save(old, path)
    loaded = load(path)
    assert kinds(loaded.graph)["gather"] == 1
    rows = next(port.labels for port in loaded.graph.inputs if port.labels)
    assert rows == (3 if "axis = 1>(other, label)" in body else 6)
    for row in range(rows):
        inputs = {"z": f32(RNG, 1, 4), "label": np.array([row])}
        (wanted,) = run_onnx(path, inputs)
        (port,) = loaded.graph.outputs
        assert_near(port.from_stream(evaluate(loaded.graph, inputs)[port.name][None]), wanted, "output", 1e-4)


@pytest.mark.parametrize(
    ("body", "layers"),
    [
        (
            "o = OneHot(label, six, ends) g = Gemm(o, narrow) r = Relu(g) f = Flatten(r) y = Mul(f, z3)",
            ["gather", "mul"],
        ),
        ("o = OneHot(label, six, ends) g = Gemm(o, wide) r = Relu(g) y = Identity(r)", ["gather"]),
        ("e = Gather(other, label) g = Gemm(e, widest) y = Relu(g)", ["gather", "dense"]),
    ],
)
def test_a_matrix_behind_a_table_joins_it_unless_that_takes_more(tmp_path: Path, body: str, layers: list[str]) -> None:
    path = conditional(tmp_path, body.replace("z3", "z"), latent="z3" in body)
    assert [layer.op.kind for layer in load(path).graph.layers if layer.op.kind != "pointwise"] == layers


def test_halves_of_an_embedding_are_two_tables(tmp_path: Path) -> None:
    body = "e = Gather(narrow, label) a, b = Split<axis = 1>(e) c = Concat<axis = 1>(a, z, b) y = Relu(c)"
    path = conditional(tmp_path, body)
    loaded = load(path)
    names = [node.name for node in loaded.onnx_model.graph.node]
    assert kinds(loaded.graph)["gather"] == 2 and len(set(names)) == len(names)
    inputs = {"z": f32(RNG, 1, 4), "label": np.array([4])}
    (port,) = loaded.graph.outputs
    made = port.from_stream(evaluate(loaded.graph, inputs)[port.name][None])
    assert_near(made, run_onnx(path, inputs)[0], "output", 1e-4)


def test_a_float_that_is_cast_to_an_integer_first_is_a_label(tmp_path: Path) -> None:
    body = "i = Cast<to = 6>(label) e = Gather(table, i) f = Flatten(e) c = Concat<axis = 1>(z, f) y = Gemm(c, w)"
    path = conditional(tmp_path, body, (1, 1), TensorProto.FLOAT)
    loaded = load(path)
    assert kinds(loaded.graph)["gather"] == 1 and loaded.graph.inputs[1].labels == 7
    inputs = {"z": f32(RNG, 1, 4), "label": np.array([[5.0]], np.float32)}
    (port,) = loaded.graph.outputs
    made = port.from_stream(evaluate(loaded.graph, inputs)[port.name][None])
    assert_near(made, run_onnx(path, inputs)[0], "output", 1e-4)


def test_a_label_of_an_open_batch_is_one_number(tmp_path: Path) -> None:
    path = conditional(tmp_path, "e = Gather(table, label) c = Concat<axis = 1>(z, e) y = Gemm(c, w)")
    model = onnx.load(path)
    for info in model.graph.input:
        info.type.tensor_type.shape.dim[0].dim_param = "batch"
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    assert load(path).graph.inputs[1].onnx_shape == (1,)


def test_codes_beyond_the_table_are_its_last_row() -> None:
    op, scale = Gather(np.array([[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]])).lower(
        [QuantType(IntType(2, signed=False), 1.0)], (1, 1, 2), None
    )
    assert op.table.shape == (4, 2) and (op.table[3] == op.table[2]).all()
    assert np.allclose(op.table[:3] * scale, [[1, 2], [3, -4], [0.5, 0.25]], atol=float(scale[0]))


def test_codes_of_several_tables_are_inputs_of_their_own(tmp_path: Path) -> None:
    """As a decoder of sound has them, of a quantizer for each table."""
    split = "p, q = Split<axis = 1>(codes) a = Squeeze(p, whole1) b = Squeeze(q, whole1) "
    sums = "r = Gather(table, a) s = Gather(deep5, b) t = Add(r, s) y = Relu(t)"
    constants = K | {"deep5": f32(RNG, 7, 5)}
    label = {"codes": TensorProto.INT64}
    path = with_ports(tmp_path, split + sums, {"codes": (1, 2, 4)}, ("y",), constants, label)
    with pytest.raises(UnsupportedError, match="'codes' is INT64") as caught:
        load(path)
    assert "those of each table as an input of their own" in caught.value.hint
    labels = dict.fromkeys(("a", "b"), TensorProto.INT64)
    path = with_ports(tmp_path, sums, dict.fromkeys(labels, (1, 4)), ("y",), constants, labels)
    assert kinds(load(path).graph)["gather"] == 2
