"""Files that ONNX Runtime does not take as they are, and quantized ones, are compressed as they are built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from gan2hls.base import UnsupportedError
from gan2hls.compress import compress
from gan2hls.compress.recipe import Recipe
from gan2hls.config.schema import validate
from gan2hls.detect.split import find_structure
from gan2hls.frontend import load
from tests.onnx_models import f32, save
from tests.quantized_models import Network

RNG = np.random.default_rng(17)
W = {"w": f32(RNG, 6, 32), "k": f32(RNG, 8, 3, 4, 4), "shape": np.array([1, 8, 2, 2]), "four": np.array([4, 8, 2, 2])}


def swish(folder: Path) -> Path:
    body = "h = Gemm(x, w) a = Swish(h) r = Reshape(a, shape) y = ConvTranspose<strides = [2, 2]>(r, k)"
    return save(folder, body, (1, 6), W, opset=28)


def four_numbers(folder: Path) -> Path:
    body = "h = Gemm(x, w) r = Reshape(h, shape) y = ConvTranspose<strides = [2, 2], output_shape = [1, 3, 4, 4]>(r, k)"
    return save(folder, body, (1, 6), W)


def batch(folder: Path) -> Path:
    return save(folder, "h = Gemm(x, w) r = Reshape(h, four) y = ConvTranspose<strides = [2, 2]>(r, k)", (4, 6), W)


def quantized(folder: Path) -> Path:
    net = Network((1, 6))
    net.quant(0.25, 8).gemm(net.constant(W["w"])).then("Relu").quant(0.125, 8, signed=0)
    net.gemm(net.constant(f32(RNG, 32, 12)))
    return net.save(folder)


def views(folder: Path) -> Path:
    """Both pixel shuffles, a reflection, a repetition that taps share, and a copy."""
    body = """
        a = Conv<pads = [1, 1, 1, 1]>(x, a0) d = DepthToSpace<blocksize = 2, mode = "CRD">(a) p = PRelu(d, k)
        q = Pad<mode = "reflect">(p, n) b = Conv(q, a1) s = SpaceToDepth<blocksize = 2>(b) r = Relu(s)
        c = Conv(r, a2) u = Resize<mode = "nearest">(c, , f) e = Conv(u, a3) y = Resize<mode = "nearest">(e, , f)
    """
    constants = {
        "a0": f32(RNG, 16, 3, 3, 3),
        "k": np.abs(f32(RNG, 4, 1, 1)),
        "n": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "a1": f32(RNG, 4, 4, 3, 3),
        "a2": f32(RNG, 6, 16, 1, 1),
        "f": np.array([1, 1, 2, 2], np.float32),
        "a3": f32(RNG, 3, 6, 3, 3),
    }
    return save(folder, body, (1, 3, 4, 6), constants)


@pytest.mark.parametrize("make", [views, swish, four_numbers, batch, quantized])
def test_compressed(tmp_path: Path, make: Callable[[Path], Path]):
    shapes = {"x": (1, 6)} if make is batch else {}
    recipe = validate(Recipe, {"layers": {"*": {"weight": "ternary"}}, "calibration": {"samples": 64}}, where="test")
    source, output = make(tmp_path), tmp_path / "small.onnx"
    compress(source, recipe, output, input_shapes=shapes)
    onnx.load(output)
    for layer in load(output, input_shapes=shapes).graph.layers:
        if layer.op.kind not in ("pointwise", "reorder"):
            found = find_structure(layer.op.weight)
            assert found is not None and found.weight.codec == "ternary"


@pytest.mark.parametrize(
    "body",
    [
        "a = Conv(x, v) d = DepthToSpace<blocksize = 2>(a) e = Concat<axis = 1>(d, d) y = Conv(e, w)",
        "s = Slice(x, one, three, one) y = Conv(s, w)",
    ],
    ids=["repeated", "unread"],
)
def test_weights_that_are_not_the_files_are_refused(tmp_path: Path, body: str):
    constants = {
        "v": f32(RNG, 4, 3, 1, 1),
        "w": f32(RNG, 5, 2, 3, 3),
        "one": np.array([1]),
        "three": np.array([3]),
    }
    recipe = validate(Recipe, {"layers": {"*": {"weight": "ternary"}}, "calibration": {"samples": 64}}, where="test")
    with pytest.raises(UnsupportedError, match="not those of the file") as caught:
        compress(save(tmp_path, body, (1, 3, 6, 6), constants), recipe, tmp_path / "small.onnx")
    assert "Conv" in caught.value.where
