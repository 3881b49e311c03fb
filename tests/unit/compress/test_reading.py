"""Files that ONNX Runtime does not take as they are, and quantized ones, are compressed as they are built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

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


@pytest.mark.parametrize("make", [swish, four_numbers, batch, quantized])
def test_compressed(tmp_path: Path, make: Callable[[Path], Path]):
    shapes = {"x": (1, 6)} if make is batch else {}
    recipe = validate(Recipe, {"layers": {"*": {"weight": "ternary"}}, "calibration": {"samples": 64}}, where="test")
    source, output = make(tmp_path), tmp_path / "small.onnx"
    compress(source, recipe, output, input_shapes=shapes)
    onnx.load(output)
    for layer in load(output, input_shapes=shapes).graph.layers:
        if layer.op.kind != "pointwise":
            found = find_structure(layer.op.weight)
            assert found is not None and found.weight.codec == "ternary"
