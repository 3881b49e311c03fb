"""Hand-made quantized models, as exporters spell them: QONNX, QCDQ, and plain codes behind a Gather."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
CODE_TYPES: dict[str, Any] = {
    "int8": np.int8, "uint8": np.uint8, "int16": np.int16, "uint16": np.uint16,
    "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4, "int2": ml_dtypes.int2, "uint2": ml_dtypes.uint2,
}  # fmt: skip


class Network:
    """A chain of nodes that grows: every method appends to the current tensor, or returns the name of a constant."""

    def __init__(self, shape: tuple[int, ...], *, opset: int = 13, seed: int = 0, version: int = 1) -> None:
        self.shape, self.opset, self.domain, self.version = shape, opset, QONNX, version
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.sparse: list[onnx.SparseTensorProto] = []
        self.current = "x"

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value).astype(dtype), name))
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [name], f"/{op}_{len(self.nodes)}", None, domain, **attributes)
        )
        return name

    def then(self, op: str, *constants: str, domain: str = "", **attributes: Any) -> Network:
        self.current = self.node(op, self.current, *constants, domain=domain, **attributes)
        return self

    def gemm(self, weight: str, *bias: str) -> Network:
        return self.then("Gemm", weight, *bias)

    def up(self, weight: str, *bias: str) -> Network:
        return self.then("ConvTranspose", weight, *bias, kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1])

    def reshape(self, *shape: int) -> Network:
        return self.then("Reshape", self.constant(shape, np.int64))

    def floats(self, *shape: int, scale: float = 0.3) -> np.ndarray:
        return self.rng.normal(0, scale, shape).astype(np.float32)

    # --- weights

    def quant_weight(self, value: np.ndarray, bits: int, *, axis: int | None = None, op: str = "Quant") -> str:
        """Return QONNX's quantized ``value``, narrow, with a scale per tensor or along ``axis``."""
        if axis is None:
            peak = np.abs(value).max()
        else:
            peak = np.abs(value).max(axis=tuple(n for n in range(value.ndim) if n != axis), keepdims=True)
        inputs = (self.constant(value), self.constant(peak / max(1, 2 ** (bits - 1) - 1)))
        if op == "BipolarQuant":
            return self.node(op, *inputs, domain=self.domain)
        more = (self.constant(0.0), self.constant(float(bits)))
        return self.node(op, *inputs, *more, domain=self.domain, signed=1, narrow=1, rounding_mode="ROUND")

    def codes_weight(self, codes: np.ndarray, dtype: str, scale: Any, *zero_point: Any, **attributes: int) -> str:
        """Return DequantizeLinear of integer codes."""
        zero = [self.constant(value, CODE_TYPES[dtype]) for value in zero_point]
        return self.node(
            "DequantizeLinear", self.constant(codes, CODE_TYPES[dtype]), self.constant(scale), *zero, **attributes
        )

    # --- activations

    def quant(
        self, scale: float, bits: int, *, zero: float = 0.0, op: str = "Quant", mode: str = "ROUND", **flags: int
    ) -> Network:
        constants = (self.constant(scale), self.constant(zero), self.constant(float(bits)))
        return self.then(op, *constants, domain=self.domain, rounding_mode=mode, **{"signed": 1, "narrow": 0} | flags)

    def qdq(self, scale: float, dtype: str, *, zero: int = 0, clip: tuple[int, int] | None = None) -> Network:
        step, point = self.constant(scale), self.constant(zero, CODE_TYPES[dtype])
        self.then("QuantizeLinear", step, point)
        if clip is not None:
            self.then("Clip", *(self.constant(end, CODE_TYPES[dtype]) for end in clip))
        return self.then("DequantizeLinear", step, point)

    # --- the model

    def model(self) -> onnx.ModelProto:
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            self.initializers,
            sparse_initializer=self.sparse,
        )
        sets = [helper.make_opsetid("", self.opset), helper.make_opsetid(self.domain, self.version)]
        return helper.make_model(graph, opset_imports=sets, ir_version=11)

    def save(self, folder: Path) -> Path:
        path = folder / "quantized.onnx"
        path.write_bytes(self.model().SerializeToString())
        return path


def run_file(path: Path, inputs: np.ndarray) -> np.ndarray:
    """Run the file as it is, frame by frame: by qonnx where it has nodes of QONNX, else by ONNX Runtime."""
    model = onnx.load(path)
    if any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.infer_shapes import InferShapes

        wrapped = ModelWrapper(model).transform(InferShapes())
        made = [execute_onnx(wrapped, {"x": inputs[n : n + 1]})["y"] for n in range(len(inputs))]
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # the file, literally
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        made = [session.run(None, {"x": inputs[n : n + 1]})[0] for n in range(len(inputs))]
    return np.concatenate(made)
