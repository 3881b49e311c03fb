"""Make ``tiny_dcgan.onnx``: a DCGAN of 4 k random weights that has every block of the engine, for tests and snapshots.

``python models/make_tiny_dcgan.py [OUT]``.  Weights come from a fixed seed; the pictures mean nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def make() -> onnx.ModelProto:
    """Return ``z[1,8] -> Gemm -> 2x2x12 -> ConvTranspose k4 s2 -> 4x4x8 -> k3 s2 op1 -> 8x8x6 -> Conv k3 -> 8x8x1``."""
    rng = np.random.default_rng(2021)
    weights: list[onnx.TensorProto] = []

    def constant(name: str, *shape: int, fan_in: int = 1, mean: float = 0.0) -> str:
        values = (mean + rng.normal(0.0, fan_in**-0.5, shape)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, name))
        return name

    weights.append(numpy_helper.from_array(np.array([1, 12, 2, 2], np.int64), "map_shape"))
    weights.append(numpy_helper.from_array(np.abs(rng.normal(1.0, 0.2, 8)).astype(np.float32), "bn_var"))
    nodes = [
        helper.make_node("Gemm", ["z", constant("w0", 8, 48, fan_in=8), constant("b0", 48, fan_in=50)], ["dense"]),
        helper.make_node("Relu", ["dense"], ["dense_relu"]),
        helper.make_node("Reshape", ["dense_relu", "map_shape"], ["map"]),
        helper.make_node(
            "ConvTranspose", ["map", constant("w1", 12, 8, 4, 4, fan_in=48)], ["up1"], strides=[2, 2], pads=[1] * 4
        ),
        helper.make_node(
            "BatchNormalization",
            ["up1", constant("bn_scale", 8, fan_in=25, mean=1.0), constant("bn_bias", 8, fan_in=25),
             constant("bn_mean", 8, fan_in=25), "bn_var"],
            ["up1_bn"],
        ),
        helper.make_node("LeakyRelu", ["up1_bn"], ["up1_act"], alpha=0.2),
        helper.make_node(
            "ConvTranspose", ["up1_act", constant("w2", 8, 6, 3, 3, fan_in=18), constant("b2", 6, fan_in=50)], ["up2"],
            strides=[2, 2], pads=[1] * 4, output_padding=[1, 1],
        ),
        helper.make_node("Relu", ["up2"], ["up2_act"]),
        helper.make_node("Conv", ["up2_act", constant("w3", 1, 6, 3, 3, fan_in=27)], ["conv"], pads=[1] * 4),
        helper.make_node("Tanh", ["conv"], ["image"]),
    ]  # fmt: skip
    inputs = [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [1, 8])]
    outputs = [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 1, 8, 8])]
    graph = helper.make_graph(nodes, "tiny_dcgan", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="gan2hls")
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    onnx.save(make(), sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("tiny_dcgan.onnx"))
