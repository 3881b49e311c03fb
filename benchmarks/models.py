"""Synthetic models for the benchmarks: real shapes, random weights."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
from onnx import helper, numpy_helper

#: Channels of the 64 x 64 DCGAN of Radford et al. 2016 with 3.6 M parameters.
DCGAN64_CHANNELS = (100, 512, 256, 128, 64, 3)


def dcgan64(seed: int = 0) -> onnx.ModelProto:
    """Return ``z[N,100,1,1] -> 4x4x512 -> 8x8x256 -> 16x16x128 -> 32x32x64 -> 64x64x3``, k4, BatchNorm, ReLU, Tanh."""
    rng = np.random.default_rng(seed)
    nodes, weights, source = [], [], "z"
    pairs = list(pairwise(DCGAN64_CHANNELS))
    for n, (ci, co) in enumerate(pairs):
        first, last = n == 0, n == len(pairs) - 1
        fan_in = ci * (1 if first else 4)
        weights.append(numpy_helper.from_array(_normal(rng, (ci, co, 4, 4), fan_in**-0.5), f"w{n}"))
        stride, pad = (1, 0) if first else (2, 1)
        nodes.append(
            helper.make_node(
                "ConvTranspose", [source, f"w{n}"], [f"c{n}"], strides=[stride] * 2, pads=[pad] * 4, kernel_shape=[4, 4]
            )
        )
        source = f"c{n}"
        if not last:
            for name, values in _batch_norm(rng, co).items():
                weights.append(numpy_helper.from_array(values, f"{name}{n}"))
            names = [source, *(f"{name}{n}" for name in ("scale", "shift", "mean", "var"))]
            nodes.append(helper.make_node("BatchNormalization", names, [f"b{n}"]))
            source = f"b{n}"
        nodes.append(helper.make_node("Tanh" if last else "Relu", [source], ["image" if last else f"r{n}"]))
        source = f"r{n}"
    inputs = [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["N", 100, 1, 1])]
    outputs = [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["N", 3, 64, 64])]
    graph = helper.make_graph(nodes, "dcgan64", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def convolution(channels: int, size: int, seed: int = 0) -> onnx.ModelProto:
    """Return one 3 x 3 convolution without padding, ``channels`` to ``channels``, for a comparison of equal MACs."""
    rng = np.random.default_rng(seed)
    weight = numpy_helper.from_array(_normal(rng, (channels, channels, 3, 3), (9 * channels) ** -0.5), "w")
    attributes = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [0] * 4, "dilations": [1, 1], "group": 1}
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", **attributes)
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, channels, size, size])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, channels, size - 2, size - 2])]
    graph = helper.make_graph([node], "convolution", inputs, outputs, [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], std: float) -> np.ndarray:
    return rng.normal(0.0, std, shape).astype(np.float32)


def _batch_norm(rng: np.random.Generator, channels: int) -> dict[str, np.ndarray]:
    made = {
        "scale": rng.normal(1.0, 0.2, channels),
        "shift": rng.normal(0.0, 0.2, channels),
        "mean": rng.normal(0.0, 0.1, channels),
        "var": rng.uniform(0.5, 1.5, channels),
    }
    return {name: values.astype(np.float32) for name, values in made.items()}
