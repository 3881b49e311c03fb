"""Write compressed weights into an ONNX model, as operators that every runtime has and that fold back to the codes.

==============  ==========================================================================================
codebook        8-, 16- or 32-bit indices, ``Cast``, ``Gather`` from the centroids, ``Mul`` by the channels' scale
other codes     ``DequantizeLinear`` of the codes; before opset 13, of more than 8 bits, or where the scale
                varies along two axes (ConvTranspose with groups): ``Cast`` and ``Mul``
float           the constant itself
==============  ==========================================================================================

From opset 21 on, codes and indices of 4 bits are packed two in a byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from gan2hls.compress.weight_origin import Traced
from gan2hls.numbers import FloatArray
from gan2hls.ops import IntWeight

#: First opsets of per-axis DequantizeLinear, and of 4-bit and 16-bit integers.
_PER_AXIS_OPSET, _INT4_OPSET = 13, 21
_MOST_BITS = 16
Array = npt.NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class Codes:
    """The codes of a layer that is done, held as narrow as they are.

    Attributes:
        values: int16 ``[T, CO, CI / groups]``.
        bits: of a code.
        scale: float64 ``[CO]`` or ``[1]``.
        codec: as in ``IntWeight``.
        books: as there.
    """

    values: npt.NDArray[np.int16]
    bits: int
    scale: FloatArray
    codec: str
    books: int

    @staticmethod
    def of(weight: IntWeight) -> Codes:
        """Return the codes of ``weight``."""
        assert weight.type.bits <= _MOST_BITS, f"codes of {weight.type.bits} bits"
        return Codes(weight.values.astype(np.int16), weight.type.bits, weight.scale, weight.codec, weight.books)


@final
@dataclass(frozen=True, eq=False)
class Written:
    """What a layer's weight becomes in the file.

    Attributes:
        codes: None for plain float values.
        values: float64 ``[T, CO, CI / groups]``, plain float weights of the layer; None beside codes.
        bias: float64 ``[CO]``, what is added to the linear map's result.
    """

    codes: Codes | None
    values: FloatArray | None
    bias: FloatArray


def write_layers(
    model: onnx.ModelProto, normalized: onnx.ModelProto, layers: Mapping[str, tuple[Traced, Written]]
) -> onnx.ModelProto:
    """Return ``model`` with the weights and biases of ``layers`` (by layer name), everything else as it is.

    Args:
        model: one in which ``holds`` finds the nodes of all layers.
        normalized: the normalized model, for the values of biases.
        layers: where each weight stands and what it becomes.
    """
    writer = _Writer(model, normalized)
    for traced, written in layers.values():
        writer.write(traced, written)
    return writer.finish()


def holds(model: onnx.ModelProto, traced: Traced) -> bool:
    """Whether ``model`` has the node whose weight ``traced`` describes."""
    return any(node.output and node.output[0] == traced.node and node.op_type == traced.op for node in model.graph.node)


def real_values(traced: Traced, weight: IntWeight | Codes) -> FloatArray:
    """Return the layer's weights as they fold from the file: float32 products of scale and code, then the factor."""
    scale = _file_scale(traced, weight)[:, None]
    made = np.empty(weight.values.shape)
    for tap, codes in zip(made, weight.values, strict=True):
        tap[:] = codes.astype(np.float32) * scale
        tap *= traced.factor
    return made


def as_read(traced: Traced, written: Written) -> FloatArray:
    """Return the layer's weights as the front end reads them in the written file, float64 ``[T, CO, CI / groups]``."""
    if written.codes is not None:
        return real_values(traced, written.codes)
    assert written.values is not None
    return (written.values / traced.factor).astype(np.float32).astype(np.float64) * traced.factor


def _file_scale(traced: Traced, weight: IntWeight | Codes) -> npt.NDArray[np.float32]:
    """Return the scale in the file, float32 ``[CO]`` or ``[1]``."""
    return (weight.scale / traced.factor).astype(np.float32)


@final
class _Writer:
    def __init__(self, model: onnx.ModelProto, normalized: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.nodes = list(self.model.graph.node)
        self.constants = {tensor.name: tensor for tensor in normalized.graph.initializer}
        self.normalized = {node.output[0]: node for node in normalized.graph.node}
        self.opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        graph = self.model.graph
        self.names = {name for node in self.nodes for name in (*node.input, *node.output, node.name)}
        self.names |= {part.name for part in (*graph.initializer, *graph.input, *graph.output)}
        self.replaced: set[str] = set()

    def write(self, traced: Traced, written: Written) -> None:
        """Give the node of ``traced`` its new weight and bias."""
        node = next(n for n in self.nodes if n.output and n.output[0] == traced.node)
        base = node.input[traced.position] or node.output[0]
        before: list[onnx.NodeProto] = []
        if written.codes is None:
            assert written.values is not None
            values = traced.to_constant((written.values / traced.factor).astype(np.float32))
            made = self._constant(numpy_helper.from_array(values), f"{base}.pruned", before)
        elif written.codes.codec == "codebook":
            made = self._codebook(traced, written.codes, base, before)
        else:
            made = self._codes(traced, written.codes, base, before)
        self.replaced.add(node.input[traced.position])
        node.input[traced.position] = made
        after: list[onnx.NodeProto] = []
        if written.bias.any():
            self._add_bias(node, traced, written.bias, before, after)
        at = self.nodes.index(node)
        self.nodes[at : at + 1] = [*before, node, *after]

    def _codebook(self, traced: Traced, weight: Codes, base: str, before: list[onnx.NodeProto]) -> str:
        books = np.split(weight.values, weight.books, axis=1)
        tables = [np.unique(book) for book in books]
        starts = np.cumsum([0, *(table.size for table in tables[:-1])])
        index = np.empty(weight.values.shape, np.int32)
        parts = np.split(index, weight.books, axis=1)
        for start, own, book, place in zip(starts, tables, books, parts, strict=True):
            for tap, codes in zip(place, book, strict=True):
                tap[:] = start + np.searchsorted(own, codes)
        entries = np.concatenate(tables).astype(np.float32)
        scale = _file_scale(traced, weight)
        if scale.size == 1:
            entries = entries * scale
        bits = (entries.size - 1).bit_length()
        narrow = self.opset >= _INT4_OPSET and bits <= 4
        wide = TensorProto.UINT16 if bits <= _MOST_BITS else TensorProto.INT32
        kind = TensorProto.UINT4 if narrow else TensorProto.UINT8 if bits <= 8 else wide
        stored = self._constant(_tensor(traced.to_constant(index), kind), f"{base}.indices", before)
        places = self._node("Cast", [stored], f"{base}.wide", before, to=TensorProto.INT32)  # Gather reads no others
        table = self._constant(numpy_helper.from_array(entries), f"{base}.centroids", before)
        made = self._node("Gather", [table, places], f"{base}.gathered", before, axis=0)
        return made if scale.size == 1 else self._scaled(made, _spread(traced, scale), base, before)

    def _codes(self, traced: Traced, weight: Codes, base: str, before: list[onnx.NodeProto]) -> str:
        codes = traced.to_constant(weight.values)
        scale = _spread(traced, _file_scale(traced, weight))
        axes = [axis for axis, size in enumerate(scale.shape) if size > 1]
        bits = 4 if weight.bits <= 4 else 8 if weight.bits <= 8 else _MOST_BITS
        if bits == 4 and self.opset < _INT4_OPSET:
            bits = 8
        kind = {4: TensorProto.INT4, 8: TensorProto.INT8, 16: TensorProto.INT16}[bits]
        stored = self._constant(_tensor(codes, kind), f"{base}.codes", before)
        linear = self.opset >= (_INT4_OPSET if bits == 16 else _PER_AXIS_OPSET) and len(axes) < 2
        if not linear:
            return self._scaled(self._node("Cast", [stored], f"{base}.cast", before, to=1), scale, base, before)
        factor = self._constant(numpy_helper.from_array(scale.reshape(-1 if axes else ())), f"{base}.scale", before)
        along = {"axis": axes[0]} if axes else {}
        return self._node("DequantizeLinear", [stored, factor], f"{base}.real", before, **along)

    def _scaled(self, name: str, scale: Array, base: str, before: list[onnx.NodeProto]) -> str:
        factor = self._constant(numpy_helper.from_array(scale), f"{base}.scale", before)
        return self._node("Mul", [name, factor], f"{base}.real", before)

    def _add_bias(
        self,
        node: onnx.NodeProto,
        traced: Traced,
        bias: FloatArray,
        before: list[onnx.NodeProto],
        after: list[onnx.NodeProto],
    ) -> None:
        made = np.zeros(_channel_count(node, traced))
        made[traced.channel] = bias
        base = f"{traced.node}.bias"
        if traced.op not in ("Conv", "ConvTranspose") and traced.position == 0:
            made = made[:, None]
        if traced.op == "MatMul":
            shift = self._constant(numpy_helper.from_array(made.astype(np.float32)), base, before)
            node.output[0] = self._fresh(f"{traced.node}.product")
            after.append(helper.make_node("Add", [node.output[0], shift], [traced.node], self._fresh(f"{base}.add")))
            return
        beta = next((a.f for a in node.attribute if a.name == "beta"), 1.0)
        old = self._old_bias(traced)
        if beta == 0.0:
            kept = [a for a in node.attribute if a.name != "beta"]
            del node.attribute[:]
            node.attribute.extend(kept)
            beta, old = 1.0, np.zeros(1)
        made = old + made / beta
        shift = self._constant(numpy_helper.from_array(made.astype(np.float32)), base, before)
        if len(node.input) > 2:
            self.replaced.add(node.input[2])
            node.input[2] = shift
        else:
            node.input.append(shift)

    def _old_bias(self, traced: Traced) -> FloatArray:
        inputs = self.normalized[traced.node].input
        if len(inputs) < 3 or not inputs[2]:
            return np.zeros(1)
        return np.asarray(numpy_helper.to_array(self.constants[inputs[2]])).astype(np.float64)

    def _constant(self, tensor: onnx.TensorProto, name: str, before: list[onnx.NodeProto]) -> str:
        tensor.name = self._fresh(name)
        if self.model.ir_version >= 4:
            self.model.graph.initializer.append(tensor)
        else:  # an initializer would have to be an input too
            before.append(helper.make_node("Constant", [], [tensor.name], value=tensor))
        return tensor.name

    def _node(self, op: str, inputs: list[str], name: str, before: list[onnx.NodeProto], **attributes: Any) -> str:
        made = self._fresh(name)
        before.append(helper.make_node(op, inputs, [made], self._fresh(f"{name}.{op}"), **attributes))
        return made

    def _fresh(self, name: str) -> str:
        made, n = name, 1
        while made in self.names:
            made, n = f"{name}.{n}", n + 1
        self.names.add(made)
        return made

    def finish(self) -> onnx.ModelProto:
        """Return the model without what only the old weights needed."""
        graph = self.model.graph
        outputs = {output.name for output in graph.output}
        gone = set(self.replaced)
        while True:
            read = {name for node in self.nodes for name in _reads(node)} | outputs
            unread = [n for n in self.nodes if gone.intersection(n.output) and not read.intersection(n.output)]
            if not unread:
                break
            for node in unread:
                gone.update(node.input)
            self.nodes = [node for node in self.nodes if node not in unread]
        dropped = gone - read
        for part in (graph.initializer, graph.input, graph.value_info):
            kept = [entry for entry in part if entry.name not in dropped]
            del part[:]
            part.extend(kept)
        del graph.node[:]
        graph.node.extend(self.nodes)
        return self.model


def _reads(node: onnx.NodeProto) -> list[str]:
    """Return the names that a node reads, those in its sub-graphs included."""
    inner = [g for a in node.attribute for g in (*([a.g] if a.HasField("g") else ()), *a.graphs)]
    return [*node.input, *(name for g in inner for n in g.node for name in _reads(n))]


def _channel_count(node: onnx.NodeProto, traced: Traced) -> int:
    shape = traced.shape
    if traced.op == "Conv":
        return int(shape[0])
    if traced.op == "ConvTranspose":
        return int(shape[1]) * next((int(a.i) for a in node.attribute if a.name == "group"), 1)
    swapped = any(a.i for a in node.attribute if a.name == ("transA" if traced.position == 0 else "transB"))
    return int(shape[len(shape) - (1 if (traced.position == 1) != swapped else 2)])


def _tensor(values: Array, kind: int) -> onnx.TensorProto:
    return helper.make_tensor("", kind, values.shape, _packed(values, kind), raw=True)


def _packed(values: Array, kind: int) -> bytes:
    """Return the bytes of integers; of 4 bits two share a byte, the first in its lower half."""
    if kind not in (TensorProto.INT4, TensorProto.UINT4):
        return values.astype(helper.tensor_dtype_to_np_dtype(kind)).tobytes()
    nibbles = (values.ravel() & 15).astype(np.uint8)
    nibbles = np.append(nibbles, np.zeros(nibbles.size % 2, np.uint8))
    return (nibbles[::2] | nibbles[1::2] << 4).tobytes()


def _spread(traced: Traced, scale: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a scale per channel in the constant's axes, of size 1 where it does not vary."""
    per_weight = np.broadcast_to(scale[:, None] if scale.size > 1 else scale, traced.index.shape)
    made = traced.to_constant(per_weight, np.nan)
    for axis in range(made.ndim):
        low = np.fmin.reduce(made, axis=axis, keepdims=True)
        high = np.fmax.reduce(made, axis=axis, keepdims=True)
        if np.array_equal(low, high, equal_nan=True):
            made = low
    return np.where(np.isnan(made), np.float32(1), made)
