"""MatMulNBits of ONNX Runtime, and scales of either sign, which its quantizer writes."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from gan2hls.base.errors import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.detect.split import find_structure
from gan2hls.frontend import load
from gan2hls.quantize.float_runs import FloatModel, probes
from tests.quantized_models import Network

K, N = 40, 8
RNG = np.random.default_rng(0)


def packed(codes: np.ndarray, bits: int) -> np.ndarray:
    """Pack codes ``[..., n]`` into bytes, the first one lowest, each row to whole bytes."""
    each = 8 // bits
    padded = np.concatenate([codes, np.zeros((*codes.shape[:-1], -codes.shape[-1] % each), np.int64)], axis=-1)
    parts = padded.reshape(*codes.shape[:-1], -1, each) << (np.arange(each) * bits)
    return parts.sum(axis=-1).astype(np.uint8)


def network(
    bits: int, block: int, zero: str, bias: bool = False, wrong: dict[str, int] | None = None
) -> tuple[Network, np.ndarray]:
    """Return a MatMulNBits and its weights ``[K, N]``."""
    blocks, net = -(-K // block), Network((1, K))
    net.domain = "com.microsoft"
    codes = RNG.integers(0, 1 << bits, (N, blocks, block))
    scale = (RNG.uniform(0.01, 0.02, (N, blocks)) * RNG.choice([-1, 1], (N, blocks))).astype(np.float32)
    point = np.full((N, blocks), 1 << (bits - 1))
    inputs = [net.constant(packed(codes, bits), np.uint8), net.constant(scale)]
    if zero == "packed":
        point = RNG.integers(0, 1 << bits, (N, blocks))
        inputs.append(net.constant(packed(point, bits), np.uint8))
    elif zero == "float":
        point = RNG.integers(0, 1 << bits, (N, blocks))
        inputs.append(net.constant(point))
    if bias:
        inputs += [""] * (4 - len(inputs)) + [net.constant(net.floats(N))]
    sizes = {"K": K, "N": N, "bits": bits, "block_size": block} | (wrong or {})
    net.then("MatMulNBits", *inputs, domain="com.microsoft", **sizes)
    weight = ((codes - point[:, :, None]).astype(np.float32) * scale[:, :, None]).reshape(N, -1)[:, :K].T
    return net, weight


@pytest.mark.parametrize(
    ("bits", "block", "zero"),
    [*product([2, 4, 8], [16, 64], ["middle", "packed"]), (4, 32, "float")],  # floats of 4 bits are all that it runs
)
def test_weights_are_what_onnxruntime_computes(tmp_path: Path, bits: int, block: int, zero: str):
    net, weight = network(bits, block, zero, bias=zero == "middle")
    path = net.save(tmp_path)
    loaded = load(path)
    assert (weight == loaded.graph.layers[0].op.weight[0].T).all()
    x = RNG.normal(size=(1, K)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (made,) = FloatModel(loaded.onnx_model, probes(loaded.graph)[-1:]).run({"x": x}).values()
    assert made.ravel() == pytest.approx(session.run(None, {"x": x})[0].ravel(), rel=1e-4, abs=1e-5)


def test_one_scale_a_channel_of_either_sign_takes_the_bits_of_the_file(tmp_path: Path):
    """Codes -8..7 times a negative scale are -7..8 times a positive one, which together would take 5 bits."""
    net, weight = network(4, 64, "middle")
    found = find_structure(load(net.save(tmp_path)).graph.layers[0].op.weight)
    assert found is not None and found.exact and found.weight.precision == "int4" and found.weight.type.bits == 4
    assert (found.weight.scale < 0).any() and (found.weight.scale > 0).any()
    assert np.allclose(found.weight.values[0].T * found.weight.scale, weight, rtol=1e-6)


def test_scales_of_either_sign_and_zero_in_dequantize_linear(tmp_path: Path):
    codes, scale = RNG.integers(-8, 8, (12, 4)), np.array([0.5, -0.25, 0.0, 1.0], np.float32)
    net = Network((1, 12), opset=21)
    net.gemm(net.codes_weight(codes, "int4", scale, axis=1))
    assert (codes * scale == load(net.save(tmp_path)).graph.layers[0].op.weight[0].T).all()


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"bits": 3}, UnsupportedError, "has codes of 3 bits"),
        ({"K": 48, "block_size": 16, "N": 9}, ModelError, "need UINT8 of 216 bytes"),
        ({"block_size": 0}, ModelError, "block_size 0"),
        ({"K": 1 << 40}, UnsupportedError, "elements"),
    ],
)
def test_sizes_that_do_not_fit(tmp_path: Path, wrong: dict[str, int], kind: type[Gan2HlsError], words: str):
    net, _ = network(4, 16, "middle", wrong=wrong)
    with pytest.raises(kind, match="MatMulNBits") as caught:
        load(net.save(tmp_path))
    assert words in str(caught.value)


def test_a_scale_that_the_network_computes(tmp_path: Path):
    net = Network((1, 16))
    net.domain = "com.microsoft"
    codes, sizes = net.constant(np.zeros((16, 1, 8)), np.uint8), {"K": 16, "N": 16, "block_size": 16}
    net.then("MatMulNBits", codes, "x", domain="com.microsoft", **sizes)
    with pytest.raises(UnsupportedError, match="MatMulNBits") as caught:
        load(net.save(tmp_path))
    assert "must be constant" in str(caught.value)
