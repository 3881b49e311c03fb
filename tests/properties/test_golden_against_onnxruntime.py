"""The golden model's linear layers equal ONNX Runtime on integers, for any geometry."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.model import IntegerModel, IntLayer, verify_integer_model
from gan2hls.model.golden import Golden
from gan2hls.numbers.numerics import IntType, QuantType, Requant
from gan2hls.ops import IntLinear
from gan2hls.ops.taps import LinearGeometry
from gan2hls.ops.weights import IntWeight
from tests.randomized import port
from tests.strategies import OnnxConv, convolutions


def identity_requant(acc_type: IntType, channels: int) -> Requant:
    return Requant(
        np.ones((1, channels), np.int64),
        np.zeros((1, channels), np.int64),
        np.zeros(channels, np.int64),
        0,
        0,
        acc_type.lo,
        acc_type.hi,
        acc_type,
    )


def accumulators(geometry: LinearGeometry, weight: np.ndarray, x: np.ndarray, zero_point: int) -> np.ndarray:
    """Run one layer whose output codes are its accumulators."""
    input_type = QuantType(IntType(4, signed=False), 1.0, zero_point)
    op = IntLinear("conv", geometry, IntWeight(weight, IntType(4, signed=True), np.ones(1), "raw", "int4"))
    acc_type = IntType.covering(*op.bounds([input_type]))
    layer = IntLayer(
        "l0", "l0", ("z",), (input_type,), QuantType(acc_type, 1.0), geometry.out_shape,
        op, acc_type, identity_requant(acc_type, geometry.out_channels), None, port("l0", geometry.out_shape),
    )  # fmt: skip
    model = IntegerModel("m", (port("z", geometry.in_shape),), (input_type,), (layer,), (layer.probe,))
    verify_integer_model(model)
    return Golden(model).run({"z": x})["l0"]


def onnxruntime_accumulators(conv: OnnxConv, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The same by ONNX Runtime in float32, which is exact at these sizes."""
    g = conv.geometry
    kernel = weight.reshape(*g.kernel, g.out_channels, g.group_in).astype(np.float32)
    if conv.op == "Conv":
        onnx_weight = kernel.transpose(2, 3, 0, 1)
    else:  # [CI, CO / groups, KH, KW]
        grouped = kernel.reshape(*g.kernel, g.groups, g.group_out, g.group_in)
        onnx_weight = grouped.transpose(2, 4, 3, 0, 1).reshape(g.in_channels, g.group_out, *g.kernel)
    node = onnx.helper.make_node(conv.op, ["x", "w"], ["y"], **conv.attributes)
    graph = onnx.helper.make_graph(
        [node],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [len(x), g.in_channels, *g.in_shape[:2]])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(onnx_weight), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x.transpose(0, 3, 1, 2).astype(np.float32)})
    return y.transpose(0, 2, 3, 1).astype(np.int64)


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.integers(0, 2**32 - 1), st.integers(0, 15))
def test_any_geometry_equals_onnxruntime(conv: OnnxConv, seed: int, zero_point: int) -> None:
    rng = np.random.default_rng(seed)
    g = conv.geometry
    weight = rng.integers(-8, 8, g.weight_shape)
    x = rng.integers(0, 16, (2, *g.in_shape))
    expected = onnxruntime_accumulators(conv, weight, x - zero_point)
    assert expected.shape[1:] == g.out_shape
    assert (accumulators(g, weight, x, zero_point) == expected).all()


@settings(max_examples=100, deadline=None)
@given(convolutions())
def test_useful_macs_count_only_real_products(conv: OnnxConv) -> None:
    """Feed ones through a kernel of ones without bias: the sum of all outputs is the number of useful MACs."""
    g = conv.geometry
    ones = onnxruntime_accumulators(conv, np.ones(g.weight_shape, np.int64), np.ones((1, *g.in_shape), np.int64))
    assert int(ones.sum()) == g.useful_macs
    assert g.useful_macs <= g.padded_phase_macs <= g.zero_insertion_macs or not g.transposed
