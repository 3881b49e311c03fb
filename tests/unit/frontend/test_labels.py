"""Inputs of whole numbers, by which a Gather takes rows of a constant table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gan2hls import passes
from gan2hls.base import ConfigError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.kinds.gather import Gather
from gan2hls.numbers import IntType, QuantType
from gan2hls.quantize.float_runs import Source, draw
from tests.float_evaluator import assert_near, evaluate, run_onnx
from tests.onnx_models import f32, make_model
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(36)
K = {
    "table": f32(RNG, 7, 5),
    "other": f32(RNG, 6, 3),
    "deep": f32(RNG, 7, 2, 2),
    "w": f32(RNG, 9, 4),
    "v": f32(RNG, 8, 4),
    "u": f32(RNG, 15, 4),
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
        ("f = Cast<to = 1>(label) g = Gather(table, label) y = Add(g, f)", "the input 'label' is INT64"),
        ("g = Gather<axis = 1>(table, label) y = Relu(g)", "along axis 1"),
    ],
)
def test_what_else_reads_labels_is_refused(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load(conditional(tmp_path, body, latent=False))
    assert words in caught.value.message and caught.value.hint


def test_codes_beyond_the_table_are_its_last_row() -> None:
    op, scale = Gather(np.array([[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]])).lower(
        [QuantType(IntType(2, signed=False), 1.0)], (1, 1, 2), None
    )
    assert op.table.shape == (4, 2) and (op.table[3] == op.table[2]).all()
    assert np.allclose(op.table[:3] * scale, [[1, 2], [3, -4], [0.5, 0.25]], atol=float(scale[0]))
