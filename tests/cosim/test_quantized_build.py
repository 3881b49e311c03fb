"""Quantized files end to end: golden = C++ = RTL, and their codes within one of the file's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.flow import pipeline
from gan2hls.model.golden import Golden
from gan2hls.quantize.quantize import quantize_inputs
from tests.quantized_models import QONNX, Network, run_file
from tests.sampling import sampled

pytestmark = pytest.mark.cosim


def qonnx() -> Network:
    """4-bit and ternary weights, an unsigned and a narrow quantizer."""
    net = Network((1, 12)).quant(0.05, 8)
    net.gemm(net.quant_weight(net.floats(12, 32), 4), net.constant(net.floats(32)))
    net.then("Relu").quant(0.13, 4, signed=0).reshape(1, 8, 2, 2)
    return net.up(net.quant_weight(net.floats(8, 3, 4, 4), 2, axis=1)).then("Tanh").quant(1 / 127, 8, narrow=1)


def qcdq() -> Network:
    """Zero points, 16-bit codes in the middle, a quantizer that ends an engine in front of a LeakyRelu."""
    net = Network((1, 12), opset=21).qdq(0.031, "uint8", zero=120)
    net.gemm(net.codes_weight(net.rng.integers(-8, 8, (12, 32)), "int4", net.rng.uniform(0.01, 0.03, 32), axis=1))
    net.qdq(0.0007, "int16", zero=-99).then("LeakyRelu", alpha=0.2).qdq(0.05, "int8", zero=5).reshape(1, 8, 2, 2)
    net.up(net.codes_weight(net.rng.integers(0, 255, (8, 3, 4, 4)), "uint8", 0.003, 128))
    return net.qdq(0.021, "uint8", zero=101)


def bipolar() -> Network:
    """Signs as weights and as activations, 1-bit codes, a quantizer that rounds down."""
    net = Network((1, 12)).quant(0.25, 5)
    net.gemm(net.quant_weight(net.floats(12, 32), 1, op="BipolarQuant"), net.constant(net.floats(32)))
    net.then("BipolarQuant", net.constant(0.5), domain=QONNX).reshape(1, 8, 2, 2)
    net.up(net.quant_weight(net.floats(8, 8, 4, 4), 1, op="BipolarQuant"), net.constant(net.floats(8)))
    net.quant(1.0, 1, signed=0).up(net.quant_weight(net.floats(8, 3, 4, 4), 4), net.constant(net.floats(3)))
    return net.quant(0.057, 6, zero=3, mode="FLOOR")


def blocked() -> Network:
    """A scale per block of 16 input channels, 4-bit codes with a zero point per block, then 8-bit ones."""
    net = Network((1, 48), opset=21).qdq(0.031, "int8")
    codes, scale = net.rng.integers(0, 16, (48, 128)), net.rng.uniform(0.004, 0.02, (3, 128))
    net.gemm(net.codes_weight(codes, "uint4", scale, net.rng.integers(4, 12, (3, 128)), axis=0, block_size=16))
    net.then("Relu").qdq(0.05, "uint8").reshape(1, 32, 2, 2)
    scale = net.rng.uniform(0.0002, 0.0008, (2, 3, 4, 4))
    net.up(net.codes_weight(net.rng.integers(-128, 128, (32, 3, 4, 4)), "int8", scale, axis=0, block_size=16))
    return net.qdq(0.03, "int8")


def shifting() -> Network:
    """Scales that are powers of two, so that ties are common; an odd zero point; a bias finer than the sums."""
    net = Network((1, 12)).qdq(2.0**-4, "int8", zero=3)
    net.gemm(net.codes_weight(net.rng.integers(-2, 2, (12, 32)), "int8", 0.25, 0), net.constant(net.floats(32)))
    net.then("Relu").qdq(0.25, "uint8", clip=(0, 15)).reshape(1, 8, 2, 2)
    net.up(net.codes_weight(net.rng.integers(-2, 2, (8, 3, 4, 4)), "int8", 0.25, 0), net.constant(np.eye(3)[0] / 8))
    return net.qdq(0.5, "int8", zero=-5)


@pytest.mark.parametrize("make", sampled([blocked, bipolar, qcdq, qonnx, shifting], 1))
def test_build(tmp_path: Path, make: type[Network]):
    net = make()
    path = net.save(tmp_path)
    size = net.shape[1]
    built = pipeline.build(path, output=tmp_path / "out", overrides={"verify": {"steps": ["float", "csim", "rtl"]}})
    assert built.report is not None and built.integer_model is not None
    assert {name: step.status for name, step in built.report.verification.items() if step.status != "skipped"} == {
        "float": "passed", "csim": "passed", "rtl": "passed",
    }  # fmt: skip
    layers = built.report.layers
    assert all(layer.file_codes_differ is not None for layer in layers), "the file quantizes every layer"
    assert layers[0].file_codes_max_difference is not None and layers[0].file_codes_max_difference <= 1
    frames = np.random.default_rng(3).normal(size=(16, size)).astype(np.float32)
    (port,) = built.integer_model.outputs
    made = Golden(built.integer_model).run(quantize_inputs(built.integer_model, {"x": frames}))[port.name]
    codes = built.integer_model.type_of(port.name).quantize(run_file(path, frames))
    difference = np.abs(codes - port.from_stream(made))
    assert difference.max() <= 1, f"{np.count_nonzero(difference > 1)} of {difference.size} output codes"
