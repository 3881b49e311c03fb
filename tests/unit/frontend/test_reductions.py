"""Reductions and products that are spelled by others: norms alone, windows of a view, statistics of the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.float_evaluator import check
from tests.onnx_models import f32, save
from tests.unit.frontend.test_graphs import kinds

RNG = np.random.default_rng(39)
PADS = "pads = [1, 1, 1, 1]"
K = {
    "k": f32(RNG, 4, 3, 3, 3),
    "v": f32(RNG, 2, 4, 1, 1),
    "windows": np.array([1, 4, 3, 2, 2, 4]),
    "inside": np.array([3, 5]),
    "map": np.array([0, 2, 3]),
    "scale": f32(RNG, 4),
    "bias": f32(RNG, 4),
    "each": f32(RNG, 6, 8, 5),
    "flat": np.array([1, 6, 1, 8]),
    "size": np.array([6, 8]),
    "block": np.array([2, 2]),
    "columns": np.array([1, 12, 12]),
}


def built(tmp_path: Path, body: str, shape: tuple[int, ...] = (1, 3, 6, 8), opset: int = 17) -> dict[str, int]:
    """Hold the model to ONNX Runtime; return the kinds of its layers."""
    return kinds(check(save(tmp_path, body, shape, K, opset=opset))[1])


@pytest.mark.parametrize(
    "norm",
    [
        "ReduceL1<axes = [2, 3]>(h)",
        "ReduceL2<axes = [2, 3]>(h)",
        "ReduceSumSquare<axes = [2, 3]>(h)",
        "ReduceLogSumExp<axes = [2, 3]>(h)",
    ],
)
def test_norms_of_a_map_alone(tmp_path: Path, norm: str) -> None:
    """As the global response normalization of ConvNeXt V2 has them, which divides by a mean of such norms."""
    body = f"h = Conv<{PADS}>(x, k) n = {norm} m = Mul(h, n) y = Conv(m, v)"
    found = built(tmp_path, body)
    assert found["conv"] == 2 and found["pool"] == 1 and found["mul"] == 1


def test_the_quotient_by_a_sum_of_magnitudes(tmp_path: Path) -> None:
    body = f"h = Conv<{PADS}>(x, k) n = LpNormalization<axis = 1, p = 1>(h) y = Conv(n, v)"
    assert built(tmp_path, body)["conv"] == 2


def test_the_logarithm_of_a_sum(tmp_path: Path) -> None:
    body = f"h = Conv<{PADS}>(x, k) s = Sigmoid(h) n = ReduceLogSum<axes = [1]>(s) y = Mul(h, n)"
    assert built(tmp_path, body)["pool"] == 1


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax", "ReduceSum"])
@pytest.mark.parametrize("kept", [0, 1])
def test_windows_of_a_view_are_a_pool(tmp_path: Path, op: str, kept: int) -> None:
    """``x.view(B, C, H / 2, 2, W / 4, 4).mean((3, 5))`` and its like."""
    behind = "y = Relu(p)" if kept else "y = Conv(p, v)"
    body = f"h = Conv<{PADS}>(x, k) w = Reshape(h, windows) p = {op}<keepdims = {kept}>(w, inside) {behind}"
    found = built(tmp_path, body, opset=18)
    assert found["pool"] == 1 and found["conv"] == 2 - kept and "reorder" not in found


def test_statistics_of_the_batch_that_are_spelled_out(tmp_path: Path) -> None:
    """BatchNormalization without running statistics, as PyTorch's newer exporter writes it."""
    body = f"""h = Conv<{PADS}>(x, k) m = ReduceMean<keepdims = 0>(h, map) a = ReduceMean(h, map) d = Sub(h, a)
        q = Mul(d, d) r = ReduceMean<keepdims = 0>(q, map)
        n = BatchNormalization(h, scale, bias, m, r) y = Conv(n, v)"""
    assert built(tmp_path, body, opset=18) == {"conv": 2, "norm": 1}


def test_a_matrix_for_each_row(tmp_path: Path) -> None:
    """``torch.bmm`` by a constant: groups of channels that are multiplied apart."""
    assert built(tmp_path, "r = Reshape(x, flat) y = MatMul(r, each)", (1, 6, 8))["conv"] == 1


@pytest.mark.parametrize(
    ("attributes", "columns"),
    [("strides = [2, 2]", 12), ("strides = [2, 2], pads = [1, 1, 1, 1]", 20), ("strides = [1, 1]", 35)],
)
def test_columns_that_are_folded_to_an_image(tmp_path: Path, attributes: str, columns: int) -> None:
    """``F.fold`` of blocks side by side, and of blocks that overlap, which add up."""
    found = built(tmp_path, f"r = Relu(x) y = Col2Im<{attributes}>(r, size, block)", (1, 12, columns), opset=18)
    assert found["conv_transpose"] == 1
