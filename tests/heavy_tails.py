"""Small generators whose activations need more than 8 bits somewhere, as a Keras DCGAN with SELU does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnx

from tests.onnx_models import make_model


def selu_generator(spread: float = 1.0, seed: int = 0) -> onnx.ModelProto:
    """Gemm 12 -> 128, SELU, BatchNormalization, ConvTranspose to 8 x 8 with SELU, then to 1 x 16 x 16 with Tanh.

    Gains of BatchNormalization behind a SELU spread by ``exp(spread * normal)``: a heavy tail.
    """
    rng = np.random.default_rng(seed)

    def weights(*shape: int, fan_in: int) -> Any:
        return (rng.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32)

    def norm(channels: int) -> list[Any]:
        gain, var = (np.exp(spread * rng.normal(size=channels)) for _ in range(2))
        return [value.astype(np.float32) for value in (gain, rng.normal(size=channels), np.zeros(channels), var)]

    constants = {"w0": weights(12, 128, fan_in=12), "w1": weights(8, 8, 4, 4, fan_in=32)}
    constants |= {"w2": weights(8, 1, 4, 4, fan_in=32) * np.float32(0.5), "r": np.array([1, 8, 4, 4])}
    for n in (0, 1):
        constants |= {f"{name}{n}": value for name, value in zip(("g", "s", "m", "v"), norm(8), strict=True)}
    body = """
        a0 = Gemm(x, w0)  b0 = Selu(a0)  c0 = Reshape(b0, r)  d0 = BatchNormalization(c0, g0, s0, m0, v0)
        a1 = ConvTranspose <kernel_shape = [4, 4], strides = [2, 2], pads = [1, 1, 1, 1]> (d0, w1)
        b1 = Selu(a1)  d1 = BatchNormalization(b1, g1, s1, m1, v1)
        a2 = ConvTranspose <kernel_shape = [4, 4], strides = [2, 2], pads = [1, 1, 1, 1]> (d1, w2)
        y = Tanh(a2)
    """
    return make_model(body, [1, 12], constants)


def dense_generator(spread: float = 1.2, seed: int = 0) -> onnx.ModelProto:
    """Gemm 32 -> 64 -> 128 -> 128 -> 64 with Tanh; behind the others LeakyRelu and BatchNormalization of a heavy tail.

    Its sums are so wide that more bits take DSP blocks.
    """
    rng = np.random.default_rng(seed)
    widths, nodes, source = (32, 64, 128, 128, 64), [], "x"
    constants: dict[str, Any] = {}
    for n, (inputs, outputs) in enumerate(pairwise(widths)):
        weight = rng.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs)
        constants[f"w{n}"] = weight.astype(np.float32)
        nodes.append(f"a{n} = Gemm({source}, w{n})")
        if n < len(widths) - 2:
            values = (
                np.exp(spread * rng.normal(size=outputs)),
                *rng.normal(0, 0.3, (2, outputs)),
                np.exp(0.4 * rng.normal(size=outputs)),
            )
            constants |= {f"{name}{n}": value.astype(np.float32) for name, value in zip("gsmv", values, strict=True)}
            nodes.append(f"b{n} = LeakyRelu <alpha = 0.2> (a{n})")
            nodes.append(f"c{n} = BatchNormalization(b{n}, g{n}, s{n}, m{n}, v{n})")
        source = f"c{n}"
    return make_model("\n".join([*nodes, f"y = Tanh(a{len(widths) - 2})"]), [1, 32], constants)
