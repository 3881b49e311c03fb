"""Tensors in orders that no reader's taps and no maker's order have: a layer holds the map and gives it so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.model import Graph
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(0)
#: Convolutions of 1 x 1 and 3 x 3, products by matrices, and shapes.
CONSTANTS = {
    "a": f32(RNG, 4, 3, 1, 1),
    "k": f32(RNG, 4, 4, 3, 3),
    "o": f32(RNG, 3, 4, 1, 1),
    "m6": f32(RNG, 6, 6),
    "m8": f32(RNG, 8, 8),
    "m48": f32(RNG, 48, 48),
    "tokens": np.array([1, 4, 48]),
    "image": np.array([1, 4, 6, 8]),
    "down": np.array([-1]),
    "zero": np.array([0]),
    "four": np.array([4]),
    "axis2": np.array([2]),
    "above": np.array([0, 0, 1, 0, 0, 0, 0, 0]),
}

#: What stands between ``h``, a map of 6 rows, 8 columns and 4 channels, and ``g``.
BODIES = {
    "rows and columns exchanged": "g = Transpose<perm = [0, 1, 3, 2]>(h)",
    "a product along columns": "g = MatMul(h, m8)",
    "a product along rows": """
        t = Transpose<perm = [0, 1, 3, 2]>(h) p = MatMul(t, m6) g = Transpose<perm = [0, 1, 3, 2]>(p)
    """,
    "tokens that are mixed": "t = Reshape(h, tokens) p = MatMul(t, m48) q = Relu(p) g = Reshape(q, image)",
}


def read(folder: Path, between: str) -> Graph:
    body = f"e = Conv(x, a) h = Relu(e) {between} r = Conv<pads = [1, 1, 1, 1]>(g, k) s = Tanh(r) y = Conv(s, o)"
    _, final = check(save(folder, body, (1, 3, 6, 8), CONSTANTS))
    return final


@pytest.mark.parametrize("name", BODIES)
def test_a_map_is_held(name: str, tmp_path: Path) -> None:
    """Once in front of what reads it, and once behind a product that mixes what no pixel has."""
    kinds = [layer.op.kind for layer in read(tmp_path, BODIES[name]).layers]
    assert kinds.count("rearrange") == (1 if name == "rows and columns exchanged" else 2)


def test_it_has_the_type_of_what_it_copies(tmp_path: Path) -> None:
    final = read(tmp_path, BODIES["rows and columns exchanged"])
    (held,) = (layer for layer in final.layers if layer.op.kind == "rearrange")
    assert held.is_copy and not held.points


@pytest.mark.parametrize(
    "between",
    [
        "g = Identity(h)",
        "t = Transpose<perm = [0, 2, 3, 1]>(h) u = Relu(t) g = Transpose<perm = [0, 3, 1, 2]>(u)",
        "t = Slice(h, zero, down, axis2) g = Pad(t, above)",
    ],
)
def test_nothing_is_held_that_can_be_placed(between: str, tmp_path: Path) -> None:
    final = read(tmp_path, between)
    assert "rearrange" not in [layer.op.kind for layer in final.layers]


def test_an_order_goes_into_the_one_before(tmp_path: Path) -> None:
    """Of two exchanges with a function in between the product reads one."""
    between = "t = Transpose<perm = [0, 1, 3, 2]>(h) u = LeakyRelu(t) g = MatMul(u, m6)"
    kinds = [layer.op.kind for layer in read(tmp_path, between).layers]
    assert kinds == ["conv", "rearrange", "conv", "rearrange", "conv", "conv"]
