"""Einsum: of a computed tensor and a constant a product that layers are, of two that sums over nothing a Mul."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(41)
MAP, VECTOR = (1, 3, 4, 5), (1, 6)
MAPS = "k = Conv<pads = [1, 1, 1, 1]>(x, conv) h = Tanh(k)"
C = {
    "conv": f32(RNG, 6, 3, 3, 3),
    "last": f32(RNG, 6, 3, 1, 1),
    "one": f32(RNG, 6, 4),
    "other": f32(RNG, 4, 6),
    "grouped": f32(RNG, 2, 3, 4),
    "whole": f32(RNG, 6, 4, 5, 2),
    "three": f32(RNG, 6, 4, 3),
    "scale": f32(RNG, 6),
    "parts": np.array([1, 2, 3, 4, 5]),
    "pixels": np.array([20, 6]),
    "rows": np.array([1, 4, 5, 4]),
    "wide": np.array([1, 2, 3]),
}


@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        ('y = Einsum<equation = "bchw, cd -> bdhw">(h, one)', "conv conv"),
        ('y = Einsum<equation = "dc, bchw -> bdhw">(other, h)', "conv conv"),
        ('y = Einsum<equation = "bchw, cd -> bhwd">(h, one)', "conv conv"),
        ('y = Einsum<equation = "b c h w, c d e -> b e d h w">(h, three)', "conv conv"),
        ('g = Reshape(h, parts) y = Einsum<equation = "bgchw, gcd -> bgdhw">(g, grouped)', "conv conv"),
        ('y = Einsum<equation = "bchw, chwd -> bd">(h, whole)', "conv dense"),
        ('y = Einsum<equation = "bchw, c -> bchw">(h, scale)', "conv pointwise"),
        ('y = Einsum<equation = "...chw, dc -> ...dhw">(h, other)', "conv conv"),
        (
            't = Transpose<perm = [0, 2, 3, 1]>(h) p = Reshape(t, pixels) e = Einsum<equation = "ij, jk->ik">(p, one) '
            "u = Reshape(e, rows) y = Transpose<perm = [0, 3, 1, 2]>(u)",
            "conv conv",
        ),
    ],
)
def test_products_of_a_map_by_constants(tmp_path: Path, call: str, kinds: str) -> None:
    _, final = check(save(tmp_path, f"{MAPS} {call}", MAP, C))
    assert " ".join(layer.op.kind for layer in final.layers if not layer.is_copy) == kinds


@pytest.mark.parametrize(
    "call",
    [
        'y = Einsum<equation = "bc, cd -> bd">(x, one)',
        'y = Einsum<equation = "...c, dc -> ...d">(x, other)',
        'r = Reshape(x, wide) y = Einsum<equation = "bgc, gcd -> bgd">(r, grouped)',
        'r = Reshape(x, wide) y = Einsum<equation = "bgc, gcd -> bd">(r, grouped)',
        'r = Reshape(x, wide) y = Einsum<equation = "bgc, gcd -> bdg">(r, grouped)',
    ],
)
def test_products_of_a_vector_by_constants(tmp_path: Path, call: str) -> None:
    check(save(tmp_path, call, VECTOR, C))


@pytest.mark.parametrize(
    ("other", "equation", "kinds"),
    [
        ("n = GlobalAveragePool(k) o = Flatten(n)", "bchw, bc -> bchw", "conv pool pointwise mul"),
        ("n = ReduceMean<axes = [1], keepdims = 0>(k) o = Abs(n)", "bchw, bhw -> bchw", "conv pool pointwise mul"),
        ("o = Sigmoid(k)", "bchw, bchw -> bchw", "conv"),
        ("o = Conv(x, last)", "bchw, bchw -> bchw", "conv conv mul"),
    ],
)
def test_products_of_two_tensors_that_sum_over_nothing(tmp_path: Path, other: str, equation: str, kinds: str) -> None:
    _, final = check(save(tmp_path, f'{MAPS} {other} y = Einsum<equation = "{equation}">(h, o)', MAP, C))
    assert " ".join(sorted(layer.op.kind for layer in final.layers)) == " ".join(sorted(kinds.split()))


@pytest.mark.parametrize("opset", [12, 17])
@pytest.mark.parametrize(
    "equation", ["bchw, bchw -> bhw", "bchw, bchw -> bc", "bchw, bchw -> bwh", "...hw, ...hw -> ..."]
)
def test_products_of_two_tensors_that_are_summed(tmp_path: Path, equation: str, opset: int) -> None:
    check(save(tmp_path, f'{MAPS} y = Einsum<equation = "{equation}">(h, k)', MAP, C, opset=opset))


@pytest.mark.parametrize(
    "call",
    [
        'y = Einsum<equation = "bchw, bdhw -> bcd">(h, k)',
        'y = Einsum<equation = "bcwh, bchw, cd -> bd">(h, k, one)',
        'y = Einsum<equation = "bchh -> bch">(h)',
        'y = Einsum<equation = "bchw, cd -> bdh">(h, one)',
    ],
)
def test_other_products_are_refused(tmp_path: Path, call: str) -> None:
    with pytest.raises(UnsupportedError, match="'Einsum' is not supported") as caught:
        load(save(tmp_path, f"{MAPS} {call}", (1, 3, 5, 5), C))
    assert "one is constant" in str(caught.value.hint)
