"""Copies that put channels in another order, or leave some out, are choices in integers; other copies stay."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.numbers import IntType
from gan2hls.ops import COPY, IntLinear, IntSelect
from tests.unit.ops.test_crop import GIVEN, axis, copy, lowered


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 4), st.integers(2, 7), st.integers(0, 1 << 32))
def test_any_choice_is_that_of_onnxruntime_and_of_the_copy(
    data: st.DataObject, height: int, width: int, channels: int, seed: int
) -> None:
    taken = data.draw(st.lists(st.integers(0, channels - 1), min_size=1, max_size=channels + 2))
    if taken == list(range(channels)):
        taken.reverse()  # all of them in order are a crop
    axes = [axis(size, list(range(size))) for size in (height, width)]
    op, weight = copy(axes[0], axes[1], np.eye(channels)[taken])
    made, stays = lowered((op, weight)), IntLinear(COPY, op.geometry, weight)
    assert made == IntSelect(tuple(taken), channels)
    made.verify([GIVEN], len(taken))
    assert made.bounds([GIVEN]) == stays.bounds([GIVEN]) == (-32, 31)
    codes = np.random.default_rng(seed).integers(0, 32, (2, height, width, channels))
    acc_type = IntType.covering(-32, 31)
    found = made.program([GIVEN], acc_type)(codes)
    assert np.array_equal(found.reshape(gathered(codes - 7, taken).shape), gathered(codes - 7, taken))
    assert np.array_equal(found, stays.program([GIVEN], acc_type)(codes).reshape(found.shape))


def gathered(x: np.ndarray, channels: list[int]) -> np.ndarray:
    """Return Gather of the last axis of ``x`` by ONNX Runtime."""
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["x", "n"], ["y"], axis=3)],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.INT64, x.shape)],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT64, None)],
        [onnx.numpy_helper.from_array(np.array(channels, np.int64), "n")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    (made,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    return np.asarray(made)


WHOLE = axis(4, [0, 1, 2, 3])


@pytest.mark.parametrize(
    "made",
    [
        copy(axis(4, [1, 2]), WHOLE, np.eye(6)[[1, 0, 2, 3, 4, 5]]),
        copy(WHOLE, axis(4, [3, 2, 1, 0]), np.eye(6)),
        copy(WHOLE, WHOLE, np.eye(6)[[0, 1, 0]] + np.eye(6)[[1, 2, 3]]),
        copy(WHOLE, WHOLE, -np.eye(6)),
        copy(WHOLE, WHOLE, np.zeros((3, 6))),
    ],
    ids=["window", "flip", "sums", "negated", "zeros"],
)
def test_what_a_choice_is_not(made: object) -> None:
    assert isinstance(lowered(made), IntLinear)


def test_groups_have_channels_of_their_own() -> None:
    op, weight = copy(WHOLE, WHOLE, np.eye(3)[[2, 0, 1, 0]], groups=2)
    assert lowered((op, weight)) == IntSelect((2, 0, 4, 3), 6)


@pytest.mark.parametrize("channels", [(0, 6), (-1, 0), (0, 1, 2)])
def test_channels_that_there_are_not_are_refused(channels: tuple[int, ...]) -> None:
    IntSelect((5, 0), 6).verify([GIVEN], 2)
    with pytest.raises(AssertionError, match="channels"):
        IntSelect(channels, 6).verify([GIVEN], 2)
