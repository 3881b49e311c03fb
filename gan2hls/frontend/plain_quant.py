"""Spell the quantizers of QONNX in ONNX's own operators, so that ONNX Runtime can run the model as float reference.

The arithmetic is that of QONNX, step by step in float32; the tensors keep their names.
"""

from __future__ import annotations

from typing import final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gan2hls.base import UnsupportedError
from gan2hls.frontend.constants import Array
from gan2hls.frontend.naming import describe
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.quantizers import check_bits, check_rounding, code_range, is_qonnx

#: ONNX has Round since this operator set.
_OLDEST = 11


def plain_quantizers(plain: Normalized) -> onnx.ModelProto:
    """Return the model of ``plain`` without operators of QONNX.

    Raises:
        UnsupportedError: an operator set without ``Round``.
    """
    model = plain.model
    if not any(is_qonnx(node) for node in model.graph.node):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.node[:]
    for node in model.graph.node:
        if not is_qonnx(node):
            made.graph.node.append(node)
            continue
        if max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")) < _OLDEST:
            raise UnsupportedError(
                "stands in a model of an operator set without Round",
                where=describe(node),
                hint=f"export with opset {_OLDEST} or newer",
            )
        steps = _Steps(node, plain)
        steps.write()
        made.graph.node.extend(steps.nodes)
        made.graph.initializer.extend(steps.initializers)
    return made


@final
class _Steps:
    """The nodes that one quantizer becomes."""

    def __init__(self, node: onnx.NodeProto, plain: Normalized) -> None:
        self.node, self.plain = node, plain
        self.dtype = helper.tensor_dtype_to_np_dtype(plain.types[node.input[0]].elem)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.taken = {*plain.types, *plain.constants}
        self.modes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def write(self) -> None:
        """Write the nodes."""
        x, values = self.node.input[0], [self.plain.constants[name] for name in self.node.input[1:]]
        if self.node.op_type == "BipolarQuant":
            x = self._bipolar(x, values[0])
        elif self.node.op_type == "Trunc":
            x = self._trunc(x, values)
        else:
            x = self._quant(x, *values)
        self.nodes[-1].output[0] = self.node.output[0]

    def _quant(self, x: str, scale: Array, zero_point: Array, bits: Array) -> str:
        width, signed = check_bits(bits, 32), bool(self.modes.get("signed", 1))
        x = self._op("Div", x, scale)
        x = self._op("Add", x, zero_point)
        if width == 1 and signed:
            x = self._bipolar(x, np.ones(1))
        else:
            x = self._clamp(x, width)
            x = self._round(x, self.modes.get("rounding_mode", b"ROUND"))
        x = self._op("Sub", x, zero_point)
        return self._op("Mul", x, scale)

    def _bipolar(self, x: str, scale: Array) -> str:
        negative = self._op("Less", x, np.zeros(1))
        return self._op("Where", negative, -scale, scale)

    def _trunc(self, x: str, values: list[Array]) -> str:
        scale, zero_point, in_bits, *more = values
        x = self._op("Div", x, scale)
        x = self._op("Add", x, zero_point)
        x = self._op("Round", x)
        width = check_bits(more[-1], 32)
        if len(more) == 1:
            factor = np.asarray(2.0 ** (check_bits(in_bits, 32) - width))
            x = self._op("Div", x, factor)
            x = self._round(x, self.modes.get("rounding_mode", b"FLOOR"))
            return self._op("Mul", self._op("Sub", x, zero_point), scale)
        factor = 2.0 ** np.round(np.log2(more[0].astype(np.float64) / scale))
        x = self._clamp(self._op("Div", x, factor), width)
        x = self._round(x, self.modes.get("rounding_mode", b"FLOOR"))
        return self._op("Mul", self._op("Sub", x, zero_point / factor), more[0])

    def _clamp(self, x: str, width: int) -> str:
        signed, narrow = bool(self.modes.get("signed", 1)), bool(self.modes.get("narrow", 0))
        lo, hi = code_range(width, signed, narrow)
        return self._op("Max", self._op("Min", x, np.asarray(hi)), np.asarray(lo))

    def _round(self, x: str, mode: bytes) -> str:
        match check_rounding(mode.decode("utf-8", "replace")):
            case "CEIL":
                return self._op("Ceil", x)
            case "FLOOR":
                return self._op("Floor", x)
            case "UP":
                return self._signed(x, 0.0, "Ceil")
            case "DOWN":
                return self._signed(x, 0.0, "Floor")
            case "HALF_UP":
                return self._signed(x, 0.5, "Floor")
            case "HALF_DOWN":
                return self._signed(x, -0.5, "Ceil")
            case _:
                return self._op("Round", x)

    def _signed(self, x: str, shift: float, rounding: str) -> str:
        """Round the magnitude of ``x`` and give it its sign."""
        magnitude = self._op("Add", self._op("Abs", x), np.asarray(shift))
        return self._op("Mul", self._op("Sign", x), self._op(rounding, magnitude))

    def _op(self, op_type: str, *inputs: str | Array) -> str:
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        output = self._name(op_type)
        self.nodes.append(helper.make_node(op_type, names, [output], f"{self.node.name}/{op_type}_{len(self.nodes)}"))
        return output

    def _constant(self, value: Array) -> str:
        name = self._name("constant")
        self.initializers.append(numpy_helper.from_array(np.asarray(value).astype(self.dtype), name))
        return name

    def _name(self, what: str) -> str:
        name = f"{self.node.output[0]}/{what}_{len(self.nodes)}_{len(self.initializers)}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name
