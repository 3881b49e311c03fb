"""Random chains of layers, activations and layouts, held to ONNX Runtime."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.float_evaluator import check

CURVES = ["Tanh", "Sigmoid", "Softplus", "Softsign", "HardSwish", "Elu", "Selu"]


@dataclass
class Writer:
    """A model under construction; ``shape`` is the current tensor's, NCHW unless ``nhwc``."""

    rng: np.random.Generator
    shape: tuple[int, ...]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    current: str = "x"
    nhwc: bool = False

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, *shape: int) -> str:
        return self.constant((self.rng.normal(size=shape) / max(1, np.prod(shape[1:]) ** 0.5)).astype(np.float32))

    def add(self, op: str, *constants: str, swap: bool = False, **attributes: object) -> None:
        output = f"t{len(self.nodes)}"
        inputs = [*constants, self.current] if swap else [self.current, *constants]
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"{op}_{len(self.nodes)}", **attributes))
        self.current = output

    @property
    def channels(self) -> int:
        return self.shape[1]

    def to_nchw(self) -> None:
        if self.nhwc:
            self.add("Transpose", perm=[0, 3, 1, 2])
            self.nhwc = False


def linear(draw: st.DrawFn, w: Writer) -> None:
    w.to_nchw()
    groups = draw(st.sampled_from([1, 1, w.channels]))
    out = groups * draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    stride = [draw(st.integers(1, 3)) for _ in range(2)]
    size = w.shape[2:]
    if draw(st.booleans()) and max(size) <= 8:
        pads = [draw(st.integers(0, (k - 1) // 2)) for k in kernel * 2]
        extra = [draw(st.integers(0, s - 1)) for s in stride]
        made = [
            (n - 1) * s + k + e - b - a
            for n, s, k, e, b, a in zip(size, stride, kernel, extra, pads[:2], pads[2:], strict=True)
        ]
        if min(made) < 1:
            return
        weights = w.weight(w.channels, out // groups, *kernel), w.weight(out)
        w.add("ConvTranspose", *weights, strides=stride, pads=pads, output_padding=extra, group=groups)
    else:
        pads = [draw(st.integers(0, k - 1)) for k in kernel * 2]
        made = [
            (n + b + a - k) // s + 1 for n, s, k, b, a in zip(size, stride, kernel, pads[:2], pads[2:], strict=True)
        ]
        if min(made) < 1:
            return
        weights = w.weight(out, w.channels // groups, *kernel), w.weight(out)
        w.add("Conv", *weights, strides=stride, pads=pads, group=groups)
    w.shape = (1, out, *made)


def pointwise(draw: st.DrawFn, w: Writer) -> None:
    kind = draw(st.sampled_from(["affine", "scalar", "leaky", "prelu", "clip", "curve", "norm"]))
    axis = w.channels if len(w.shape) == 2 or w.nhwc else (w.channels, 1, 1)
    per_channel = axis if isinstance(axis, tuple) else (axis,)
    if kind == "affine":
        op = draw(st.sampled_from(["Add", "Mul", "Sub"]))
        w.add(op, w.weight(*per_channel), swap=draw(st.booleans()))
    elif kind == "scalar":
        w.add(
            draw(st.sampled_from(["Add", "Mul", "Div"])), w.constant(np.float32(draw(st.sampled_from([-1.5, 0.5, 2]))))
        )
    elif kind == "leaky":
        w.add(*draw(st.sampled_from([("Relu",), ("LeakyRelu",), ("Neg",)])))
    elif kind == "prelu":
        w.add("PRelu", w.weight(*per_channel))
    elif kind == "clip":
        w.add("Clip", w.constant(np.float32(-0.5)), w.constant(np.float32(0.75)))
    elif kind == "curve":
        w.add(draw(st.sampled_from(CURVES)))
    elif not w.nhwc:
        variance = w.constant(w.rng.uniform(0.5, 2, w.channels).astype(np.float32))
        w.add("BatchNormalization", *(w.weight(w.channels) for _ in range(3)), variance)


def layout(draw: st.DrawFn, w: Writer) -> None:
    if len(w.shape) == 4 and not w.nhwc:
        w.add("Transpose", perm=[0, 2, 3, 1])
        w.nhwc = True
    elif draw(st.booleans()):
        w.add("Identity")


@st.composite
def chains(draw: st.DrawFn) -> onnx.ModelProto:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    start = draw(st.sampled_from(["dense", "image", "vector"]))
    size, channels = (draw(st.integers(1, 4)), draw(st.integers(1, 4))), draw(st.integers(1, 3))
    if start == "dense":
        features = draw(st.integers(1, 5))
        w = Writer(rng, (1, features))
        if draw(st.booleans()):
            pointwise(draw, w)
        count = channels * size[0] * size[1]
        w.add("Gemm", w.weight(features, count), w.weight(count))
        w.shape = (1, count)
        for _ in range(draw(st.integers(0, 2))):
            pointwise(draw, w)
        w.shape = (1, channels, *size)
        w.nhwc = draw(st.booleans())
        shape = (1, *size, channels) if w.nhwc else w.shape
        w.add("Reshape", w.constant(np.array(shape)))
        first: tuple[int, ...] = (1, features)
    elif start == "image":
        w = Writer(rng, (1, channels, *size), nhwc=draw(st.booleans()))
        first = (1, *size, channels) if w.nhwc else w.shape
    else:
        w = Writer(rng, (1, channels, 1, 1))
        first = w.shape
    for step in draw(st.lists(st.sampled_from([linear, pointwise, pointwise, layout]), min_size=1, max_size=8)):
        step(draw, w)
    if draw(st.booleans()) and w.nodes:
        w.add("Flatten")
        w.add("MatMul", w.weight(int(np.prod(w.shape)), 3))
    w.add("Tanh")
    graph = helper.make_graph(
        w.nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, first)],
        [helper.make_tensor_value_info(w.current, TensorProto.FLOAT, None)],
        w.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains())
def test_random_chains_match_onnx_runtime(model: onnx.ModelProto):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.onnx"
        onnx.save(model, path)
        loaded, final = check(path)
    event(f"{len(loaded.graph.layers)} layers read, {len(final.layers)} left")
    assert len(final.layers) <= len(loaded.graph.layers)
