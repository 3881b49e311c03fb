"""The hints of quantized and compressed files are tried too: refused, then built as the hint says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from gan2hls.base.errors import Gan2HlsError
from gan2hls.frontend import load
from tests.errors.test_quantized_errors import BAD, W, codes, linear, quant
from tests.quantized_models import QONNX, Network

Build = Callable[[Network], object]


def trunc(net: Network, *values: float, **flags: object) -> Network:
    constants = [net.constant(value) for value in values]
    return net.then("Trunc", *constants, domain=QONNX, rounding_mode="FLOOR", **flags).gemm(net.constant(W))


def gather(net: Network, indices: object, dtype: object = np.int64, op: str = "Gather", **flags: int) -> Network:
    data = np.arange(4.0) if op == "Gather" else np.arange(24.0).reshape(6, 4)
    return net.gemm(net.node(op, net.constant(data), net.constant(indices, dtype), **flags))


def sparse(net: Network, positions: object, dims: tuple[int, ...] = (6, 4), values: object = (1, 2)) -> Network:
    made = helper.make_sparse_tensor(
        numpy_helper.from_array(np.asarray(values, np.float32), "w"),
        numpy_helper.from_array(np.asarray(positions, np.int64), "w_at"),
        dims,
    )
    net.sparse.append(made)
    return net.gemm("w")


def nbits(
    net: Network, *, bits: int = 4, block: int = 16, scales: int = 8, order: bool = False, zeros: int = 0
) -> Network:
    net.domain = "com.microsoft"
    inputs = [net.constant(np.zeros((8, 1, 8)), np.uint8), net.constant(np.ones(scales))]
    if order or zeros:
        inputs.append(net.constant(np.zeros(zeros), np.uint8) if zeros else "")
    if order:
        inputs.append(net.constant(np.zeros(6), np.int32))
    return net.then("MatMulNBits", *inputs, domain="com.microsoft", K=6, N=8, bits=bits, block_size=block)


def computed_scale(net: Network) -> None:
    net.current = net.node(
        "Quant", net.constant(W[:1, :1]), "x", net.constant(0), net.constant(8), domain=QONNX, signed=1, narrow=0
    )


IN_RANGE = np.clip(BAD, -4, 3)
#: What is refused, what its hint says, and what is built.
ROWS: dict[str, tuple[Build, str, Build]] = {
    "scale of 0": (lambda n: quant(n, 0, 0, 8), "finite number other than 0", lambda n: quant(n, 1, 0, 8)),
    "scale of a channel of zeros": (
        lambda n: quant(n, [[1, 0, 1, 1]], 0, 8, x=W * [1, 0, 1, 1]), "any does, such as 1",
        lambda n: quant(n, [[1, 1, 1, 1]], 0, 8, x=W * [1, 0, 1, 1])),
    "negative scale": (lambda n: quant(n, -0.5, 0, 8), "without its sign", lambda n: quant(n, 0.5, 0, 8)),
    "negative scale of weights": (
        lambda n: quant(n, -0.5, 0, 8), "weights may have either", lambda n: quant(n, -0.5, 0, 8, x=W)),
    "scale that is not finite": (lambda n: codes(n, np.inf), "such as 1", lambda n: codes(n, 1)),
    "half a bit": (lambda n: quant(n, 1, 0, 4.5), "whole number in 1..32", lambda n: quant(n, 1, 0, 4)),
    "17 bits": (lambda n: quant(n, 1, 0, 17), "quantize them narrower", lambda n: quant(n, 1, 0, 16)),
    "bits per channel": (
        lambda n: quant(n, 1, 0, [[2, 3, 4, 4]], x=W), "one bit width", lambda n: quant(n, 1, 0, 4, x=W)),
    "scale per channel": (
        lambda n: quant(n, [[1, 2, 1, 1, 1, 1]], 0, 8), "per tensor", lambda n: quant(n, 1, 0, 8)),
    "zero point that is none": (
        lambda n: quant(n, 1, np.inf, 8, x=W), "0 for symmetric codes", lambda n: quant(n, 1, 0, 8, x=W)),
    "half a zero point": (lambda n: quant(n, 1, 0.5, 8), "whole number", lambda n: quant(n, 1, 1, 8)),
    "far zero point": (lambda n: quant(n, 1, 1e6, 8), "within 65536", lambda n: quant(n, 1, 65536, 8)),
    "scale of another shape": (
        lambda n: quant(n, [1, 1, 1], 0, 8, x=W), "must broadcast", lambda n: quant(n, [1, 1, 1, 1], 0, 8, x=W)),
    "rounding": (
        lambda n: quant(n, 1, 0, 8, rounding_mode="NEAREST"), "HALF_EVEN",
        lambda n: quant(n, 1, 0, 8, rounding_mode="HALF_EVEN")),
    "towards zero": (
        lambda n: quant(n, 1, 0, 8, rounding_mode="DOWN"), "unsigned codes",
        lambda n: quant(n, 1, 0, 8, rounding_mode="DOWN", signed=0)),
    "towards zero, by floor": (
        lambda n: quant(n, 1, 0, 8, rounding_mode="DOWN"), "FLOOR",
        lambda n: quant(n, 1, 0, 8, rounding_mode="FLOOR")),
    "an attribute": (lambda n: quant(n, 1, 0, 8, axis=1), "the attributes", lambda n: quant(n, 1, 0, 8)),
    "one code": (
        lambda n: quant(n, 1, 0, 1, signed=0, narrow=1), "2 bits", lambda n: quant(n, 1, 0, 2, signed=0, narrow=1)),
    "bipolar": (lambda n: quant(n, 1, 1, 1), "zero point 0", lambda n: quant(n, 1, 0, 1)),
    "three inputs": (
        lambda n: n.then("Quant", n.constant(1), n.constant(0), domain=QONNX), "Quant has 4 inputs",
        lambda n: quant(n, 1, 0, 8)),
    "computed scale": (computed_scale, "all its inputs but the first constants", lambda n: quant(n, 1, 0, 8)),
    "FloatQuant": (
        lambda n: n.then("FloatQuant", n.constant(1), domain=QONNX), "IntQuant",
        lambda n: n.then("IntQuant", *(n.constant(v) for v in (1, 0, 8)), domain=QONNX)),
    "nothing to cut": (
        lambda n: trunc(n, 1, 0, 4, 8), "fewer than 4 bits", lambda n: trunc(n, 1, 0, 4, 3)),
    "truncates with zero point": (lambda n: trunc(n, 1, 2, 8, 4), "zero point 0", lambda n: trunc(n, 1, 0, 8, 4)),
    "channels": (
        lambda n: codes(n, [1.0, 1, 1], axis=1), "[4]", lambda n: codes(n, [1.0, 1, 1, 1], axis=1)),
    "channels of another axis": (
        lambda n: codes(n, np.ones(6), axis=1), "another axis", lambda n: codes(n, np.ones(6), axis=0)),
    "blocks": (
        lambda n: codes(n, np.ones((2, 4)), axis=0, block_size=2), "[3, 4] for blocks of 2",
        lambda n: codes(n, np.ones((3, 4)), axis=0, block_size=2)),
    "axis": (lambda n: codes(n, np.ones(4), axis=2), "-2..1", lambda n: codes(n, np.ones(4), axis=1)),
    "a clip that leaves nothing": (
        lambda n: linear(linear(n, "QuantizeLinear", 1).then("Clip", n.constant(5, np.int8), n.constant(3, np.int8)),
                         "DequantizeLinear", 1), "two codes or more",
        lambda n: linear(linear(n, "QuantizeLinear", 1).then("Clip", n.constant(3, np.int8), n.constant(5, np.int8)),
                         "DequantizeLinear", 1)),
    "a cast that loses codes": (
        lambda n: linear(linear(n, "QuantizeLinear", 1).then("Cast", to=TensorProto.UINT8), "DequantizeLinear", 1,
                         dtype=np.uint8), "integers that hold every code",
        lambda n: linear(linear(n, "QuantizeLinear", 1).then("Cast", to=TensorProto.INT16), "DequantizeLinear", 1,
                         dtype=np.int16)),
    "indices": (lambda n: gather(n, BAD), "legal: -4..3", lambda n: gather(n, IN_RANGE)),
    "float indices": (lambda n: gather(n, IN_RANGE, np.float32), "correct its attributes",
                      lambda n: gather(n, IN_RANGE)),
    "rows of indices": (
        lambda n: gather(n, IN_RANGE[0], op="GatherElements", axis=1), "as many axes",
        lambda n: gather(n, IN_RANGE, op="GatherElements", axis=1)),
    "sparse position": (lambda n: sparse(n, [3, 24]), "0..23", lambda n: sparse(n, [3, 23])),
    "sparse order": (lambda n: sparse(n, [9, 1]), "ascending and distinct", lambda n: sparse(n, [1, 9])),
    "sparse positions": (lambda n: sparse(n, [9]), "[2] or [2, 2]", lambda n: sparse(n, [[0, 1], [2, 2]])),
    "sparse size": (lambda n: sparse(n, [], (0, 4), []), "1 or more", lambda n: sparse(n, [1, 9])),
    "act_order": (lambda n: nbits(n, order=True), "without act_order", lambda n: nbits(n)),
    "scales of blocks": (lambda n: nbits(n, scales=7), "8 scales", lambda n: nbits(n, scales=8)),
    "zero points of blocks": (lambda n: nbits(n, zeros=9), "8 numbers", lambda n: nbits(n, zeros=8)),
    "block size": (lambda n: nbits(n, block=0), "must be 1 or more", lambda n: nbits(n, block=16)),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_what_the_hint_says_works(tmp_path: Path, name: str):
    bad, says, good = ROWS[name]
    net = Network((1, 6), opset=21)
    bad(net)
    with pytest.raises(Gan2HlsError) as caught:
        load(net.save(tmp_path))
    assert caught.value.hint and says in caught.value.hint, caught.value
    net = Network((1, 6), opset=21)
    good(net)
    load(net.save(tmp_path))


def test_rounding_of_qonnx_needs_an_opset_with_round(tmp_path: Path):
    for opset, fits in ((10, False), (11, True)):
        net = Network((1, 6), opset=opset)
        quant(net, 1, 0, 8).nodes.pop()
        net.current = net.nodes[-1].output[0]
        net.then("MatMul", net.constant(W))
        if fits:
            load(net.save(tmp_path))
        else:
            with pytest.raises(Gan2HlsError) as caught:
                load(net.save(tmp_path))
            assert "opset 11" in caught.value.hint
