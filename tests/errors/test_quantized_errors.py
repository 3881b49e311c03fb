"""Quantized and compressed files that are broken or cannot be built: the node, the value, and what is legal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from gan2hls.base.errors import Gan2HlsError, ModelError, UnsupportedError
from tests.errors.test_model_errors import refused
from tests.quantized_models import QONNX, Network

W = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def quant(net: Network, scale: object, zero: object, bits: object, *, x: object = None, **flags: object) -> Network:
    """Quantize the input, or the weight ``x``, by constants."""
    constants = [net.constant(value) for value in (scale, zero, bits)]
    attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"} | flags
    if x is None:
        return net.then("Quant", *constants, domain=QONNX, **attributes).gemm(net.constant(W))
    return net.gemm(net.node("Quant", net.constant(x), *constants, domain=QONNX, **attributes))


Case = tuple[Callable[[Network], object], type[Gan2HlsError], tuple[str, ...]]

QUANT: dict[str, Case] = {
    "zero scale": (lambda n: quant(n, 0, 0, 8), ModelError, ("Quant", "its scale is 0.0", "other than 0")),
    "negative scale": (
        lambda n: quant(n, -0.5, 0, 8), UnsupportedError, ("its scale is -0.5", "above 0", "weights may have either")),
    "NaN scale": (lambda n: quant(n, np.nan, 0, 8), ModelError, ("NaN",)),
    "infinite scale": (lambda n: quant(n, np.inf, 0, 8), ModelError, ("its scale is inf",)),
    "some scales of a weight": (
        lambda n: quant(n, [[1, 0, 0, -1]], 0, 8, x=W), ModelError, ("its scale is 0.0 in 2 of 4 places",)),
    "half a bit": (lambda n: quant(n, 1, 0, 4.5), ModelError, ("its bit width is 4.5", "whole number in 1..32")),
    "no bits": (lambda n: quant(n, 1, 0, 0), ModelError, ("its bit width is 0", "1..32")),
    "33 bits of a weight": (lambda n: quant(n, 1, 0, 33, x=W), ModelError, ("its bit width is 33", "1..32")),
    "17 bits": (lambda n: quant(n, 1, 0, 17), UnsupportedError, ("its bit width is 17", "at most 16 bits")),
    "bits per channel": (
        lambda n: quant(n, 1, 0, [[2, 3, 4, 4]], x=W), UnsupportedError, ("its bit width has 3 values",)),
    "scale per channel": (
        lambda n: quant(n, [[1, 2, 1, 1, 1, 1]], 0, 8), UnsupportedError,
        ("its scale differs from channel to channel (2 values)", "per tensor")),
    "half a zero point": (lambda n: quant(n, 1, 0.5, 8), UnsupportedError, ("its zero point is 0.5", "whole number")),
    "far zero point": (lambda n: quant(n, 1, 1e6, 8), UnsupportedError, ("zero point 1000000", "65536")),
    "scale of another shape": (
        lambda n: quant(n, [1, 1, 1], 0, 8, x=W), ModelError, ("its scale has shape [3], its tensor [6, 4]",)),
    "rounding": (lambda n: quant(n, 1, 0, 8, rounding_mode="NEAREST"), ModelError, ("'NEAREST'", "HALF_EVEN")),
    "towards zero": (lambda n: quant(n, 1, 0, 8, rounding_mode="DOWN"), UnsupportedError, ("by DOWN", "FLOOR")),
    "an attribute": (lambda n: quant(n, 1, 0, 8, axis=1), ModelError, ("attribute 'axis'", "rounding_mode")),
    "one code": (lambda n: quant(n, 1, 0, 1, signed=0, narrow=1), ModelError, ("the one code 0", "2 bits")),
    "bipolar with zero point": (lambda n: quant(n, 1, 1, 1), UnsupportedError, ("bipolar with zero point 1",)),
    "three inputs": (
        lambda n: n.then("Quant", n.constant(1), n.constant(0), domain=QONNX), ModelError,
        ("3 inputs", "Quant has 4 inputs")),
    "scale by the network": (
        lambda n: setattr(n, "current", n.node("Quant", n.constant(W[:1, :1]), "x", *(n.constant(v) for v in (0, 8)),
                                               domain=QONNX)),
        UnsupportedError, ("computed by the network",)),
    "bipolar scale": (
        lambda n: n.then("BipolarQuant", n.constant(0), domain=QONNX), ModelError,
        ("BipolarQuant", "its scale is 0.0")),
    "trunc that grows": (
        lambda n: n.then("Trunc", *(n.constant(v) for v in (1, 0, 4, 8)), domain=QONNX, rounding_mode="FLOOR"),
        ModelError, ("truncates 4 bits to 8",)),
    "float codes": (
        lambda n: n.then("FloatQuant", n.constant(1), domain=QONNX), UnsupportedError, ("FloatQuant", "IntQuant")),
}  # fmt: skip


@pytest.mark.parametrize("case", list(QUANT))
def test_qonnx(tmp_path: Path, case: str):
    build, kind, words = QUANT[case]
    net = Network((1, 6))
    build(net)
    refused(net.save(tmp_path), kind, *words)


def linear(net: Network, op: str, scale: object, zero: object = 0, dtype: object = np.int8) -> Network:
    return net.then(op, net.constant(scale), net.constant(zero, dtype))


def codes(net: Network, scale: object, *zero: object, **attributes: int) -> Network:
    weight = np.arange(24).reshape(6, 4)
    return net.gemm(net.codes_weight(weight, "int8", scale, *zero, **attributes))


QDQ: dict[str, Case] = {
    "zero scale": (lambda n: linear(n, "QuantizeLinear", 0), ModelError, ("QuantizeLinear", "its scale is 0.0")),
    "scale per channel": (
        lambda n: linear(n, "QuantizeLinear", np.arange(1, 7), np.zeros(6)), UnsupportedError,
        ("its scale differs from channel to channel (6 values)", "weights may")),
    "never dequantized": (
        lambda n: linear(n, "QuantizeLinear", 1).then("Relu"), Gan2HlsError, ("quantized codes", "only rearranges")),
    "a clip that leaves nothing": (
        lambda n: linear(linear(n, "QuantizeLinear", 1).then("Clip", n.constant(5, np.int8), n.constant(3, np.int8)),
                         "DequantizeLinear", 1), ModelError, ("clips the codes -128..127 to 5..3",)),
    "channels that do not fit": (
        lambda n: codes(n, [1.0, 1, 1], axis=1), ModelError, ("its scale has shape [3], its tensor [6, 4]", "or [4]")),
    "zero points of no channel": (
        lambda n: codes(n, 0.5, [0, 0, 0], axis=1), ModelError, ("its zero point has shape [3]", "[4]")),
    "blocks that do not fit": (
        lambda n: codes(n, np.ones((2, 4)), axis=0, block_size=2), ModelError, ("legal is [3, 4] for blocks of 2",)),
    "no such axis": (lambda n: codes(n, [1.0, 1], axis=2), ModelError, ("has axis 2", "legal: -2..1")),
    "a scale that is none": (
        lambda n: codes(n, np.inf), ModelError, ("DequantizeLinear", "its scale is not finite")),
    "a negative scale of a computed tensor": (
        lambda n: linear(linear(n, "QuantizeLinear", 1), "DequantizeLinear", -2), UnsupportedError,
        ("its scale is -2.0",)),
    "a cast that loses codes": (
        lambda n: linear(linear(n, "QuantizeLinear", 1).then("Cast", to=TensorProto.UINT8), "DequantizeLinear", 1,
                         dtype=np.uint8), UnsupportedError, ("casts the codes -128..127 to UINT8", "hold every code")),
    "zero points that do not fit": (
        lambda n: codes(n, 0.5, [1, 2], axis=1), ModelError, ("its zero point has shape [2]", "[4]")),
    "dynamic quantization": (
        lambda n: linear(n, "QuantizeLinear", 1).then("MatMulInteger", n.constant(np.ones((6, 4)), np.int8)),
        UnsupportedError, ("MatMulInteger", "QDQ")),
}  # fmt: skip


@pytest.mark.parametrize("case", list(QDQ))
def test_qcdq(tmp_path: Path, case: str):
    build, kind, words = QDQ[case]
    net = Network((1, 6), opset=21)
    build(net)
    if kind is Gan2HlsError:
        kind = UnsupportedError
    refused(net.save(tmp_path), kind, *words)


BAD = np.array([[0, 1, 2, 3]] * 5 + [[0, 4, 2, -5]])


@pytest.mark.parametrize(
    ("op", "data", "indices", "words"),
    [
        ("Gather", np.zeros(0), BAD, ("its data has no entry along axis 0", "give the codebook at least one")),
        ("Gather", np.arange(4.0), BAD, ("its index 4 at [5, 1] is out of range along axis 0, and 1 more", "-4..3")),
        ("GatherElements", np.arange(24.0).reshape(6, 4), BAD, ("its index 4 at [5, 1]", "along axis 1", "-4..3")),
        ("GatherND", np.arange(4.0), BAD[..., None], ("its index 4 at [5, 1]", "-4..3")),
    ],
)
def test_indices_out_of_range(tmp_path: Path, op: str, data: np.ndarray, indices: np.ndarray, words: tuple[str, ...]):
    net = Network((1, 6))
    attributes = {"axis": 1} if op == "GatherElements" else {}
    net.gemm(net.node(op, net.constant(data), net.constant(indices, np.int64), **attributes))
    refused(net.save(tmp_path), ModelError, op, *words)


def test_float_indices(tmp_path: Path):
    net = Network((1, 6))
    net.gemm(net.node("Gather", net.constant(np.arange(4.0)), net.constant(BAD)))
    refused(net.save(tmp_path), ModelError, "Gather")


SPARSE: dict[str, tuple[list[int], object, object, type[Gan2HlsError], tuple[str, ...]]] = {
    "out of range": ([6, 4], [1, 2], [3, 24], ModelError, ("has the position 24", "0..23")),
    "negative": ([6, 4], [1, 2], [-1, 3], ModelError, ("has the position -1",)),
    "out of range in 2-D": ([6, 4], [1, 2], [[0, 0], [3, 4]], ModelError, ("has the position [3, 4]", "below [6, 4]")),
    "twice": ([6, 4], [1, 2, 3], [1, 9, 9], ModelError, ("repeats position [2, 1]",)),
    "out of order": ([6, 4], [1, 2], [9, 1], ModelError, ("not in ascending order at position [0, 1]",)),
    "too few positions": ([6, 4], [1, 2], [9], ModelError, ("has 2 values", "shape [2] or [2, 2]")),
    "no size": ([0, 4], [], [], ModelError, ("illegal shape [0, 4]",)),
    "a bomb": ([1 << 20, 1 << 20], [1], [5], UnsupportedError, ("1099511627776 elements", "at most")),
}


@pytest.mark.parametrize("place", ["initializer", "constant"])
@pytest.mark.parametrize("case", list(SPARSE))
def test_sparse(tmp_path: Path, case: str, place: str):
    dims, values, positions, kind, words = SPARSE[case]
    at = np.asarray(positions, np.int64)
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.asarray(values, np.float32), "w"), numpy_helper.from_array(at, "w_at"), dims
    )
    net = Network((1, 6))
    if place == "initializer":
        net.sparse.append(sparse)
        net.gemm("w")
    else:
        net.gemm(net.node("Constant", sparse_value=sparse))
    refused(net.save(tmp_path), kind, "sparse initializer 'w'" if place == "initializer" else "Constant", *words)


def test_many_sparse_tensors_do_not_add_up(tmp_path: Path):
    """Each is legal, together they would take gigabytes."""
    net = Network((1, 6))
    for n in range(9):
        net.sparse.append(
            helper.make_sparse_tensor(
                numpy_helper.from_array(np.ones(1, np.float32), f"w{n}"),
                numpy_helper.from_array(np.zeros(1, np.int64), f"i{n}"),
                [1 << 13, 1 << 13],
            )
        )
        net.gemm(f"w{n}")
    refused(net.save(tmp_path), UnsupportedError, "sparse initializer 'w", "together")
