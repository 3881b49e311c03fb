"""Maps of one row become maps of one column, where a layer makes the same of both, and compute the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.frontend import load
from gan2hls.passes.upright import upright
from tests.float_evaluator import check
from tests.onnx_models import f32, save

RNG = np.random.default_rng(41)

#: A body, its constants, the shape of ``x``, and rows and columns of every layer.
CASES = {
    "a signal": (
        "a = Conv<pads = [2, 2], dilations = [2]>(x, w) b = LeakyRelu(a) c = ConvTranspose<strides = [2]>(b, v) "
        "d = InstanceNormalization(c, s, o) p = AveragePool<kernel_shape = [2], strides = [2]>(d) y = Add(p, p)",
        {"w": f32(RNG, 4, 3, 3), "v": f32(RNG, 4, 2, 2), "s": f32(RNG, 2), "o": f32(RNG, 2)},
        (1, 3, 9),
        {(9, 1), (18, 1)},
    ),
    "reflected and repeated": (
        'p = Pad<mode = "reflect">(x, n) c = Conv(p, w) u = Resize<mode = "nearest">(c, , f) y = Tanh(u)',
        {"n": np.array([0, 0, 2, 0, 0, 2]), "w": f32(RNG, 4, 3, 5), "f": np.array([1, 1, 3], np.float32)},
        (1, 3, 8),
        {(8, 1), (24, 1)},
    ),
    "a kernel of several rows over one": (
        "a = Conv<pads = [1, 1, 1, 1]>(x, w) y = Relu(a)",
        {"w": f32(RNG, 4, 3, 3, 3)},
        (1, 3, 1, 9),
        {(9, 1)},
    ),
    "a mean over all": (
        "a = Conv(x, w) m = GlobalAveragePool(a) g = Sigmoid(m) y = Mul(a, g)",
        {"w": f32(RNG, 4, 3, 3)},
        (1, 3, 9),
        {(7, 1), (1, 1)},
    ),
    "features that become a signal": (
        "a = Gemm(x, w) r = Reshape(a, n) y = Conv(r, v)",
        {"w": f32(RNG, 5, 24), "n": np.array([1, 3, 8]), "v": f32(RNG, 2, 3, 3)},
        (1, 5),
        {(8, 1), (6, 1)},
    ),
    "one row that becomes several": (
        "a = Conv(x, w) y = ConvTranspose<strides = [2, 2]>(a, v)",
        {"w": f32(RNG, 4, 3, 1, 3), "v": f32(RNG, 4, 2, 2, 2)},
        (1, 3, 1, 9),
        {(7, 1), (2, 14)},
    ),
    "rows of an image": (
        "a = Conv<pads = [1, 1, 1, 1]>(x, w) y = Relu(a)",
        {"w": f32(RNG, 4, 3, 3, 3)},
        (1, 3, 2, 9),
        {(2, 9)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_signals_stand_on_end(tmp_path: Path, case: str) -> None:
    body, constants, shape, wanted = CASES[case]
    _, final = check(save(tmp_path, body, shape, constants))
    assert {layer.shape[:2] for layer in final.layers} == wanted


def test_elements_keep_their_order(tmp_path: Path) -> None:
    """Streams have the same elements one after the other: no layer is added, and ports read the file alike."""
    body, constants, shape, _ = CASES["a signal"]
    lying = load(save(tmp_path, body, shape, constants)).graph
    standing = upright(lying)
    assert len(standing.layers) == len(lying.layers) and upright(standing).layers[0].shape == standing.layers[0].shape
    for before, after in zip(lying.layers, standing.layers, strict=True):
        height, width, channels = before.shape
        assert (height, after.shape) == (1, (width, 1, channels)) and after.inputs == before.inputs
        assert after.probe.order is before.probe.order
    assert standing.inputs[0].shape == (9, 1, 3) and standing.inputs[0].order is lying.inputs[0].order


def test_a_map_between_signals_stays_as_it_is(tmp_path: Path) -> None:
    """Layers between which an image stands: those of one column, those that make it, and those of one column again."""
    body = "a = Conv(x, w) r = Reshape(a, n) b = Conv<pads = [1, 1, 1, 1]>(r, v) s = Reshape(b, m) y = Conv(s, u)"
    constants = {
        "w": f32(RNG, 4, 3, 3),
        "n": np.array([1, 4, 2, 4]),
        "v": f32(RNG, 4, 4, 3, 3),
        "m": np.array([1, 4, 8]),
        "u": f32(RNG, 2, 4, 3),
    }
    _, final = check(save(tmp_path, body, (1, 3, 10), constants))
    assert [layer.shape[:2] for layer in final.layers] == [(8, 1), (2, 4), (6, 1)]
