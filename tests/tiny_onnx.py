"""A tiny generator as an ONNX file, for tests of the whole road."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: A node name that must reach neither a path nor a line of code.
NASTY = '../../x"; DROP\n`include "y" */ int z;'


def tiny_model(seed: int = 0, *, prefix: str = "", batch: int | str = 1, latent: int | str = 4) -> onnx.ModelProto:
    """Gemm 4 -> 32, Reshape to 8 x 2 x 2, ConvTranspose to 3 x 4 x 4, Tanh; names start with ``prefix``."""
    rng = np.random.default_rng(seed)
    weights = {
        "dense.w": rng.normal(0, 0.5, (4, 32)),
        "dense.b": rng.normal(0, 0.1, 32),
        "up.w": rng.normal(0, 0.2, (8, 3, 4, 4)),
        "up.b": rng.normal(0, 0.1, 3),
    }
    initializers = [numpy_helper.from_array(v.astype(np.float32), prefix + k) for k, v in weights.items()]
    initializers.append(numpy_helper.from_array(np.array([-1, 8, 2, 2], np.int64), prefix + "shape"))
    nodes = [
        helper.make_node("Gemm", ["z", prefix + "dense.w", prefix + "dense.b"], [prefix + "a"], prefix + "dense"),
        helper.make_node("Relu", [prefix + "a"], [prefix + "b"], prefix + "relu"),
        helper.make_node("Reshape", [prefix + "b", prefix + "shape"], [prefix + "c"], prefix + "reshape"),
        helper.make_node(
            "ConvTranspose",
            [prefix + "c", prefix + "up.w", prefix + "up.b"],
            [prefix + "d"],
            prefix + "up",
            kernel_shape=[4, 4],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
        ),
        helper.make_node("Tanh", [prefix + "d"], ["image"], prefix + "tanh"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [batch, latent])],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, 4, 4])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def save_tiny(path: Path, **options: object) -> Path:
    """Write ``tiny_model(**options)`` to ``path`` and return it."""
    path.write_bytes(tiny_model(**options).SerializeToString())  # type: ignore[arg-type]
    return path
