"""Copies that leave out rows and columns only are crops in integers; other copies stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import COPY, AxisTaps, IntCrop, IntLinear, IntWeight, Linear, LinearGeometry, Shape

GIVEN = QuantType(IntType(5, signed=False), 0.5, 7)


def axis(size: int, places: list[int]) -> AxisTaps:
    """Return the taps of outputs that are the inputs at these places; -1: of one that is 0."""
    return AxisTaps(size, 1, tuple(((n, 0),) if n >= 0 else () for n in places))


def copy(y: AxisTaps, x: AxisTaps, values: np.ndarray, groups: int = 1) -> tuple[Linear, IntWeight]:
    """Return a copy by ``values`` ``[CO, CI / groups]``, and its weights with a scale of 2."""
    co, ci = values.shape
    geometry = LinearGeometry(y, x, ci * groups, co, groups)
    weight = IntWeight(values[None].astype(np.int64), IntType(2, signed=True), np.full(1, 2.0), "ternary", "ternary")
    return Linear(COPY, geometry, 2.0 * values[None]), weight


def lowered(copy: tuple[Linear, IntWeight], shape: Shape | None = None) -> IntLinear | IntCrop:
    op, weight = copy
    made, scale = op.lower([GIVEN], shape or op.geometry.out_shape, weight)
    assert scale.tolist() == [1.0], "2 of the weights times 0.5 of the codes"
    return made


@st.composite
def windows(draw: st.DrawFn, most: int = 6) -> tuple[int, int, int]:
    """Return the size of an axis, the first of a window along it and the one behind its last."""
    size = draw(st.integers(1, most))
    start = draw(st.integers(0, size - 1))
    return size, start, draw(st.integers(start + 1, size))


@settings(max_examples=60, deadline=None)
@given(windows(), windows(), st.integers(1, 4), st.booleans(), st.integers(0, 1 << 32))
def test_any_window_is_that_of_onnxruntime_and_of_the_copy(
    y: tuple[int, int, int], x: tuple[int, int, int], channels: int, apart: bool, seed: int
) -> None:
    axes = [axis(size, list(range(start, stop))) for size, start, stop in (y, x)]
    values = np.ones((channels, 1)) if apart else np.eye(channels)
    op, weight = copy(axes[0], axes[1], values, channels if apart else 1)
    made, stays = lowered((op, weight)), IntLinear(COPY, op.geometry, weight)
    assert isinstance(made, IntCrop)
    made.verify([GIVEN], channels)
    assert made.bounds([GIVEN]) == stays.bounds([GIVEN]) == (-32, 31)
    codes = np.random.default_rng(seed).integers(0, 32, (2, y[0], x[0], channels))
    acc_type = IntType.covering(-32, 31)
    found = made.program([GIVEN], acc_type)(codes)
    assert np.array_equal(found, sliced(codes - 7, y[1:], x[1:]))
    assert np.array_equal(found, stays.program([GIVEN], acc_type)(codes).reshape(found.shape))


def sliced(x: np.ndarray, rows: tuple[int, ...], columns: tuple[int, ...]) -> np.ndarray:
    """Return Slice of ``[N, H, W, C]`` by ONNX Runtime."""
    constants = {"b": [rows[0], columns[0]], "e": [rows[1], columns[1]], "a": [1, 2]}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Slice", ["x", *constants], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.INT64, x.shape)],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT64, None)],
        [onnx.numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    (y,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    return np.asarray(y)


WHOLE, ONES = axis(4, [0, 1, 2, 3]), np.ones((6, 1))


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        (copy(axis(4, [0, 2]), WHOLE, ONES, 6), None),
        (copy(WHOLE, axis(4, [2, 1]), ONES, 6), None),
        (copy(WHOLE, axis(4, [1, 1]), ONES, 6), None),
        (copy(axis(4, [-1, 0, 1]), WHOLE, ONES, 6), None),
        (copy(axis(4, [1, 2]), WHOLE, np.eye(6)[[1, 0, 2, 3, 4, 5]]), None),
        (copy(axis(4, [1, 2]), WHOLE, np.eye(6)[:3]), None),
        (copy(axis(4, [1, 2]), WHOLE, -ONES, 6), None),
        (copy(axis(4, [1, 2]), WHOLE, np.eye(4)), (4, 8, 1)),
    ],
    ids=["stride", "flip", "repetition", "pad", "channels", "fewer channels", "negated", "pixel shuffle"],
)
def test_what_a_crop_is_not(made: tuple[Linear, IntWeight], shape: Shape | None) -> None:
    assert isinstance(lowered(made, shape), IntLinear)


def test_a_convolution_by_ones_stays_one() -> None:
    op, weight = copy(axis(4, [1, 2]), WHOLE, ONES, 6)
    assert isinstance(lowered((op, weight)), IntCrop)
    assert isinstance(lowered((replace(op, kind="conv"), weight)), IntLinear)


@pytest.mark.parametrize(
    ("rows", "columns"), [((-1, 2), (0, 1)), ((0, 4), (0, 1)), ((0, 1), (1, 1)), ((2, 1), (0, 1)), ((0, 1), (4, 6))]
)
def test_windows_beyond_the_map_are_refused(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    IntCrop((0, 3), (0, 5), (3, 5)).verify([GIVEN], 1)
    with pytest.raises(AssertionError, match=r"rows or columns -?\d to \d of \d"):
        IntCrop(rows, columns, (3, 5)).verify([GIVEN], 1)
