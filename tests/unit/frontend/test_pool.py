"""Pooling in every way that ONNX has, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import PADS, K, kinds, last_channels

RNG = np.random.default_rng(35)
AXES = {"rows": np.array([2, 3]), "ends": np.array([-1, -2]), "last": np.array([1, 2])}


def pooled(tmp_path: Path, call: str, opset: int = 17, shape: tuple[int, ...] = (1, 3, 7, 8)) -> dict[str, int]:
    """Hold a pool between two layers to ONNX Runtime; return the kinds of layers."""
    body = f"h = Conv(x, w) p = {call} y = Relu(p)"
    constants = {"w": f32(RNG, 4, 3, *(1,) * (len(shape) - 2)), **AXES}
    return kinds(check(save(tmp_path, body, shape, constants, opset=opset))[1])


@pytest.mark.parametrize(
    ("call", "opset"),
    [
        ("GlobalAveragePool(h)", 17),
        ("GlobalMaxPool(h)", 17),
        ("ReduceMean<axes = [2, 3]>(h)", 13),
        ("ReduceMean<axes = [-1, -2], keepdims = 0>(h)", 17),
        ("ReduceMean(h, rows)", 18),
        ("ReduceMean<keepdims = 0>(h, ends)", 20),
        ("ReduceMax<axes = [2, 3], keepdims = 0>(h)", 17),
        ("ReduceMax(h, rows)", 20),
        ("AveragePool<kernel_shape = [7, 8]>(h)", 17),
        ("ReduceSum(h, rows)", 17),
        ("ReduceSum<axes = [2, 3], keepdims = 0>(h)", 11),
    ],
)
def test_all_of_a_map(tmp_path: Path, call: str, opset: int) -> None:
    assert pooled(tmp_path, call, opset) == {"conv": 1, "pool": 1}


@pytest.mark.parametrize("call", ["ReduceMean<axes = [2, 3]>(g)", "GlobalAveragePool(g)", "ReduceMax<axes = [3]>(g)"])
def test_groups_of_channels_on_the_batch_axis(tmp_path: Path, call: str) -> None:
    """A gate for each channel, of a map whose groups are frames, as shuffle attention has them."""
    body = f"""h = Conv<{PADS}>(x, first) g = Reshape(h, groups) m = {call} s = Sigmoid(m) t = Mul(g, s)
        f = Reshape(t, whole) y = Conv<{PADS}>(f, w0)"""
    constants = {**K, "groups": np.array([2, 2, 5, 6]), "whole": np.array([1, 4, 5, 6])}
    _, final = check(save(tmp_path, body, (1, 3, 5, 6), constants))
    assert kinds(final)["pool"] == kinds(final)["mul"] == 1


def test_channels_of_pixels_on_the_batch_axis(tmp_path: Path) -> None:
    body = f"""h = Conv<{PADS}>(x, first) t = Transpose<perm = [2, 3, 0, 1]>(h) m = ReduceMax<axes = [3]>(t)
        y = Transpose<perm = [2, 3, 0, 1]>(m)"""
    _, final = check(save(tmp_path, body, (1, 3, 5, 6), K))
    assert kinds(final)["pool"] == 1


def test_all_of_a_map_whose_channels_are_last(tmp_path: Path) -> None:
    body = f"""
        {last_channels("x", "h", f"Conv<{PADS}>(@, first)")} m = ReduceMean<axes = [1, 2]>(h) g = Sigmoid(m)
        s = Mul(h, g) {last_channels("s", "y", f"Conv<{PADS}>(@, w0)")}
    """
    assert kinds(check(save(tmp_path, body, (1, 6, 8, 3), K))[1]) == {"conv": 2, "pool": 1, "mul": 1}


@pytest.mark.parametrize(
    "call",
    [
        "ReduceMean<axes = [1]>(h)",
        "ReduceMax<axes = [1]>(h)",
        "ReduceSum<axes = [2]>(h)",
        "ReduceMax<axes = [3], keepdims = 0>(h)",
        "ReduceMin<axes = [1]>(h)",
        "ReduceMean<axes = [1, 3]>(h)",
        "ReduceMean<axes = [1, 2, 3]>(h)",
    ],
)
def test_all_of_some_axes(tmp_path: Path, call: str) -> None:
    assert pooled(tmp_path, call, opset=11) == {"conv": 1, "pool": 1}


def test_columns_and_then_rows(tmp_path: Path) -> None:
    """As the contrast of IMDN's attention sums them: what the first leaves has one column, and no channels last."""
    body = f"""
        h = Conv<{PADS}>(x, first) c = ReduceSum<axes = [3]>(h) m = ReduceSum<axes = [2]>(c) g = Sigmoid(m)
        y = Mul(h, g)
    """
    assert kinds(check(save(tmp_path, body, (1, 3, 6, 8), K, opset=11))[1]) == {"conv": 1, "pool": 2, "mul": 1}


@pytest.mark.parametrize("keepdims", [0, 1])
def test_the_channels_of_a_tensor_that_has_them_last(tmp_path: Path, keepdims: int) -> None:
    body = f"""
        {last_channels("x", "h", f"Conv<{PADS}>(@, first)")} y = ReduceMax<axes = [3], keepdims = {keepdims}>(h)
    """
    assert kinds(check(save(tmp_path, body, (1, 6, 8, 3), K))[1]) == {"conv": 1, "pool": 1}


@pytest.mark.parametrize(
    ("call", "made"),
    [
        ("MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(h)", 2),
        ("MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]>(h)", 2),
        ("MaxPool<kernel_shape = [5, 3], pads = [2, 1, 2, 1]>(h)", 2),
        ("MaxPool<kernel_shape = [3, 2], strides = [1, 2]>(h)", 2),
        ("MaxPool<kernel_shape = [3, 1], strides = [2, 1], ceil_mode = 1>(h)", 1),
        ("MaxPool<kernel_shape = [2, 2], strides = [3, 3], dilations = [2, 2]>(h)", 2),
        ('MaxPool<kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_LOWER">(h)', 2),
    ],
)
def test_greatest_values_of_windows_that_overlap_take_a_pool_for_each_axis(
    tmp_path: Path, call: str, made: int
) -> None:
    layers = pooled(tmp_path, call)
    assert layers["pool"] == made and layers.keys() <= {"conv", "pool", "reorder"}


@pytest.mark.parametrize(
    "call",
    [
        "MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(h)",
        "MaxPool<kernel_shape = [2, 3], strides = [3, 3]>(h)",
        "MaxPool<kernel_shape = [2, 2], strides = [2, 2], pads = [1, 0, 0, 1]>(h)",
        "MaxPool<kernel_shape = [2, 3], strides = [2, 3], ceil_mode = 1>(h)",
        'MaxPool<kernel_shape = [3, 3], strides = [3, 3], auto_pad = "SAME_UPPER">(h)',
        "AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(h)",
        "AveragePool<kernel_shape = [3, 2], strides = [4, 3]>(h)",
    ],
)
def test_windows_that_do_not_overlap(tmp_path: Path, call: str) -> None:
    assert pooled(tmp_path, call) == {"conv": 1, "pool": 1}


@pytest.mark.parametrize(
    ("call", "opset"),
    [
        ("AveragePool<kernel_shape = [3, 3]>(h)", 17),
        ("AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]>(h)", 17),
        ("AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1>(h)", 17),
        ("AveragePool<kernel_shape = [2, 3], strides = [2, 3], ceil_mode = 1>(h)", 19),
        ("AveragePool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1, count_include_pad = 1>(h)", 19),
        ('AveragePool<kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER">(h)', 17),
        ('AveragePool<kernel_shape = [2, 2], strides = [2, 2], auto_pad = "SAME_LOWER">(h)', 17),
        ("AveragePool<kernel_shape = [2, 2], dilations = [2, 3]>(h)", 19),
    ],
)
def test_means_of_windows_that_overlap_are_convolutions(tmp_path: Path, call: str, opset: int) -> None:
    assert pooled(tmp_path, call, opset) == {"conv": 1, "average_pool": 1}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("GlobalAveragePool(h)", "pool"),
        ("MaxPool<kernel_shape = [3], strides = [3]>(h)", "pool"),
        ("AveragePool<kernel_shape = [3]>(h)", "average_pool"),
        ("ReduceMean<axes = [2]>(h)", "pool"),
    ],
)
def test_one_axis(tmp_path: Path, call: str, kind: str) -> None:
    assert pooled(tmp_path, call, shape=(1, 3, 9)) == {"conv": 1, kind: 1}


@pytest.mark.parametrize(
    ("call", "shape", "words"),
    [
        ("MaxPool<kernel_shape = [2, 2], dilations = [5, 5], pads = [1, 1, 1, 1]>(h)", (1, 3, 4, 4), "read nothing"),
        ("ReduceMean<axes = [1, 2]>(t)", (1, 6, 3, 4, 5), "reduces axes [1, 2]"),
    ],
)
def test_what_is_not_pooled(tmp_path: Path, call: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load(save(tmp_path, f"h = Relu(x) t = Neg(h) y = {call}", shape))
    assert words in caught.value.message and "node '/g/" in (caught.value.where or "")


def test_rows_and_channels_are_reduced_one_after_the_other(tmp_path: Path) -> None:
    """As the message for both at once says."""
    first = last_channels("x", "h", f"Conv<{PADS}>(@, first)")
    with pytest.raises(UnsupportedError, match=r"reduces axes \[1, 3\]") as caught:
        load(save(tmp_path, f"{first} y = ReduceMax<axes = [1, 3]>(h)", (1, 6, 8, 3), K))
    assert "reduce one of the two first" in (caught.value.hint or "")
    body = f"{first} c = ReduceMax<axes = [3]>(h) y = ReduceMax<axes = [1]>(c)"
    assert kinds(check(save(tmp_path, body, (1, 6, 8, 3), K))[1]) == {"conv": 1, "pool": 2}
