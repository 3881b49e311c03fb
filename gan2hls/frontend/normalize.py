"""Make a model plain: batch 1, static shapes, constants folded, nothing unused.

Every node is inferred on its own, in order, with the values of its small constant inputs at hand.  So shapes that are
computed from shapes become constants on the way, and the size of a constant is known before it is computed.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gan2hls.base import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend.assemble import assemble
from gan2hls.frontend.branches import depends_on_values, is_branch, names_read, taken
from gan2hls.frontend.constants import Array, Constants
from gan2hls.frontend.einsum import einsum
from gan2hls.frontend.evaluating import NEWEST_RUN, Computation, evaluated
from gan2hls.frontend.expand import SOFTMAX_OF_ONE_AXIS, expanded, flat_softmax, has_body
from gan2hls.frontend.identities import gathered, identity
from gan2hls.frontend.labels import Labels
from gan2hls.frontend.naming import at, describe
from gan2hls.frontend.nbits import is_nbits, matmul, unpacked
from gan2hls.frontend.quantizers import QDQ_DOMAINS, check_qonnx, is_qdq, is_qonnx, quantizer_elem
from gan2hls.frontend.read import check_constant, check_numbers
from gan2hls.frontend.reads import (
    OF_ONE_SHAPE,
    RANDOM,
    is_multiplied_away,
    not_computed,
    random_numbers,
    valued,
    values_read,
)
from gan2hls.frontend.spelling import plain_spelling, with_counted_axes
from gan2hls.frontend.split import SPLIT
from gan2hls.frontend.tensor_type import TensorType, static_type

#: Constant inputs up to this size are shown to shape inference with their values.
_SHOWN = 4096
_LARGER = "enlarge the input: the kernels in front of it are larger than what they read"
#: Elements of a computed constant that are worth collecting garbage: onnx's evaluator is a cycle that holds its inputs.
_LARGE = 1 << 22


@final
@dataclass(frozen=True, eq=False)
class Normalized:
    """A plain model and what is known of its tensors.

    Attributes:
        model: nodes that depend on the input, in order; ONNX Runtime runs it.
        constants: values of the constant tensors that nodes read.
        types: of the tensors that depend on the input.
    """

    model: onnx.ModelProto
    constants: Mapping[str, Array]
    types: Mapping[str, TensorType]


def normalize(
    model: onnx.ModelProto,
    inputs: Mapping[str, tuple[int, ...]],
    known: Container[str],
    check_node: Callable[[onnx.NodeProto], None],
) -> Normalized:
    """Fold and prune ``model``.

    Args:
        model: in topological order, functions inlined, only nodes that the output needs.
        inputs: shapes of the inputs.
        known: operators that stay as they are where ONNX defines them by others.
        check_node: called with each node that stays, before its shape is inferred; raises if it is not supported.

    Raises:
        ModelError: constants that are broken, or a graph that onnx finds inconsistent.
        UnsupportedError: sizes beyond the bounds or not known beforehand.
    """
    for drops_zeros in (True, False):  # where nothing would be left, products by 0 stay
        folder = _Folder(model, inputs, known, drops_zeros)
        for node in model.graph.node:
            folder.take(node, check_node)
        if all(output.name in folder.types for output in model.graph.output):
            break
    return folder.finish(check_node)


def _names(graph: onnx.GraphProto) -> set[str]:
    """Return the names of all tensors of ``graph``, and of those that its branches and loops read."""
    made = {name for node in graph.node for name in node.output}
    read = {name for node in graph.node for name in names_read(node)}
    return made | read | {tensor.name for tensor in (*graph.initializer, *graph.input)}


@final
class _Folder:
    def __init__(
        self, model: onnx.ModelProto, inputs: Mapping[str, tuple[int, ...]], known: Container[str], drops_zeros: bool
    ) -> None:
        self.model, self.known, self.drops_zeros = model, known, drops_zeros
        self.opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        self.constants = Constants(_names(model.graph))
        self.initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        elems = {info.name: info.type.tensor_type.elem_type for info in model.graph.input}
        self.types = {name: TensorType(elems[name], shape) for name, shape in inputs.items()}
        self.inputs = tuple(inputs)
        self.nodes: list[onnx.NodeProto] = []
        self.folded = 0
        #: How many nodes that are not folded yet read a name.
        self.unread = Counter(name for node in model.graph.node for name in names_read(node))
        self.valued = valued(model.graph, drops_zeros)
        self.labels = Labels(self.types, self.constants, self._infer, model.opset_import)

    def take(self, node: onnx.NodeProto, check_node: Callable[[onnx.NodeProto], None]) -> None:
        if is_branch(node):
            self._take_branch(node, check_node)
            return
        dynamic = [name for name in values_read(node) if name in self.types]
        for name in node.input:
            if name and name not in self.types:
                self._constant(name)
        if node.domain in ("", "ai.onnx") and node.input and node.input[0]:
            node = with_counted_axes(node, len(self._type(node.input[0]).shape))
        if is_qonnx(node):
            try:
                check_qonnx(node)
            except Gan2HlsError as error:
                raise at(error, describe(node)) from error
        if is_nbits(node) and not self.types.keys() & set(node.input[1:]):
            self._take_all(self._unpacked(node), check_node)
        elif node.op_type in ("Shape", "Size") and node.input[0] in self.types:
            self._measure(node)
        elif self.valued.isdisjoint(node.output) and (dynamic or node.op_type in RANDOM):
            for name, made in zip(filter(None, node.output), self._infer(node), strict=True):
                self.types[name] = made  # nothing but its shape or type is read
        elif dynamic and self.drops_zeros and is_multiplied_away(node, self.constants):
            (made,) = self._infer(node)
            self.constants[node.output[0]] = np.zeros(made.shape, helper.tensor_dtype_to_np_dtype(made.elem))
        elif dynamic and self.labels.take(node, dynamic):
            return
        elif dynamic and (parts := self._parts(node)):
            self._take_all(parts, check_node)
        elif dynamic:
            self._keep_tables(dynamic, check_node)
            self._keep(node, check_node)
        else:
            self._fold(node)
            self._forget(node)

    def _take_branch(self, node: onnx.NodeProto, check_node: Callable[[onnx.NodeProto], None]) -> None:
        (condition,) = node.input
        if condition in self.types:
            raise depends_on_values(node)
        self._constant(condition)
        parts, tensors = taken(node, bool(self.constants[condition].any()))
        self.initializers.update(tensors)
        self.constants.reserve(tensors)
        self._take_all(parts, check_node)

    def _keep_tables(self, names: Iterable[str], check_node: Callable[[onnx.NodeProto], None]) -> None:
        """Keep what makes tensors that depend on a label alone, now that something else reads them."""
        for name in names:
            for node in self.labels.written(name):
                self._keep(node, check_node)

    def _take_all(self, parts: list[onnx.NodeProto], check_node: Callable[[onnx.NodeProto], None]) -> None:
        """Take the nodes that one node stands for."""
        self.valued.update(name for part in parts for name in part.output)
        self.constants.reserve(name for part in parts for name in part.output)
        for part in parts:
            self.take(part, check_node)

    def _parts(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Return the nodes that ``node`` stands for; none if it is read as it is, or they are not supported either."""
        if node.op_type == "Einsum" and node.domain in ("", "ai.onnx"):
            return einsum(node, self.types, self.constants, self.opset)
        if node.op_type in SPLIT and node.domain in ("", "ai.onnx"):
            try:
                return SPLIT[node.op_type](node, self.types, self.constants, self._infer)
            except UnsupportedError as error:
                raise at(error, describe(node)) from error
        if node.op_type == "Softmax" and self.opset < SOFTMAX_OF_ONE_AXIS and node.domain in ("", "ai.onnx"):
            maker = next((made for made in self.nodes if made.output[0] == node.input[0]), None)
            return flat_softmax(node, len(self._type(node.input[0]).shape), maker)
        if node.op_type in self.known or not has_body(node, self.opset):
            return []
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        parts = expanded(self._single(node, outputs, False))
        computed = set(self.types)
        for part in parts:
            if not computed.isdisjoint(values_read(part)):
                computed.update(part.output)
                if part.op_type not in self.known and not has_body(part, self.opset):
                    return []
        return parts

    def _keep(self, node: onnx.NodeProto, check_node: Callable[[onnx.NodeProto], None]) -> None:
        """Keep a node that reads computed values."""
        kept = onnx.NodeProto()
        known = identity(node, self.types, self.constants, self._infer) or gathered(node, self.constants)
        kept.CopyFrom(known or node)
        if node.domain in ("", "ai.onnx"):
            try:
                plain_spelling(kept, lambda name: self._type(name).shape, lambda name: self._type(name).elem)
            except Gan2HlsError as error:
                raise at(error, describe(node)) from error
        check_node(kept)
        kept.name = kept.name or kept.output[0]  # what stands in its place is named after it
        if kept.op_type != "Split":
            del kept.output[1:]
        self.types.update(zip(filter(None, kept.output), self._infer(kept), strict=True))
        self.nodes.append(kept)

    def _type(self, name: str) -> TensorType:
        if name in self.types:
            return self.types[name]
        value = self.constants[name]
        return TensorType(helper.np_dtype_to_tensor_dtype(value.dtype), tuple(value.shape))

    def _constant(self, name: str) -> None:
        """Read an initializer the first time that a node reads it."""
        if name in self.constants:
            return
        tensor = self.initializers.get(name)
        if tensor is None:
            raise ModelError(
                f"tensor {name!r} is read and never made",
                hint=f"give it a value: model.graph.initializer.append(onnx.numpy_helper.from_array(value, {name!r}))",
            )
        try:
            value = np.asarray(numpy_helper.to_array(tensor))
        except Exception as error:  # onnx raises ValueError, TypeError, KeyError or its own for broken tensors
            raise ModelError(
                f"is broken: {error}",
                where=f"initializer {name!r}",
                hint=f"replace it: onnx.numpy_helper.from_array(value, {name!r}) makes one of the right length",
            ) from error
        check_numbers(value, f"initializer {name!r}")
        self.constants[name] = value

    def _forget(self, node: onnx.NodeProto) -> None:
        """Drop the constants that no node but the folded ``node`` was still to read."""
        for name in node.input:
            self.unread[name] -= 1
            if not self.unread[name]:
                self.constants.pop(name, None)

    def _unpacked(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Return what MatMulNBits is in ONNX's own operators; its weights become a constant."""
        values = [self.constants[name] if name else None for name in node.input[1:5]]
        try:
            weight = unpacked(*values, **{a.name.lower(): a.i for a in node.attribute})
        except Gan2HlsError as error:
            raise at(error, describe(node)) from error
        self.folded += check_constant(weight.shape, describe(node), self.folded)
        return matmul(node, self.constants.add(f"{node.output[0]}/weight", weight))

    def _measure(self, node: onnx.NodeProto) -> None:
        shape = self.types[node.input[0]].shape
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Size":
            self.constants[node.output[0]] = np.array(int(np.prod(shape)), np.int64)
        else:
            part = shape[slice(attributes.get("start", 0), attributes.get("end"))]
            self.constants[node.output[0]] = np.array(part, np.int64)

    def _fold(self, node: onnx.NodeProto) -> None:
        if node.op_type in RANDOM:
            raise random_numbers(node)
        if node.domain not in ("", "ai.onnx") and not is_qdq(node) and not is_qonnx(node):
            raise UnsupportedError(
                f"computes a constant by an operator of the domain {node.domain!r}",
                where=describe(node),
                hint=f"store what it makes as the initializer {node.output[0]!r} in its place",
            )
        try:
            types = self._infer(node)
        except UnsupportedError as error:
            hint = f"store what it makes as the initializer {node.output[0]!r} in its place: its inputs are constant"
            raise UnsupportedError(error.message, where=error.where, hint=hint) from error
        for made in types:
            self.folded += check_constant(made.shape, describe(node), self.folded)
        value = evaluated(node, self.constants)
        if value is not None:
            self.constants[node.output[0]] = value
            return
        single = self._single(node, [helper.make_empty_tensor_value_info(name) for name in node.output if name], True)
        given = {port.name: self.constants[port.name] for port in single.graph.input}
        try:
            values = Computation(single)(given)
        except Exception as error:  # onnx's reference operators raise whatever NumPy raises
            raise not_computed(node, error) from error
        for name, value in zip((name for name in node.output if name), values, strict=True):
            self.constants[name] = value
            if value.size >= _LARGE:
                gc.collect()

    def _infer(self, node: onnx.NodeProto) -> list[TensorType]:
        """Return the types of a node's outputs."""
        if is_qonnx(node) or is_qdq(node):
            return [self._quantized(node)]
        if node.op_type in OF_ONE_SHAPE:
            return [self._type(node.input[0])]
        read = {name: self._type(name).shape for name in node.input if name}
        empty = any(min(shape, default=1) <= 0 for shape in read.values())
        if node.op_type == "Slice" and empty:  # that would end onnx
            shape = list(read[node.input[0]])
            raise ModelError(
                f"takes a part of nothing: {node.input[0]!r} is {shape}", where=describe(node), hint=_LARGER
            )
        single = self._single(node, [helper.make_empty_tensor_value_info(name) for name in node.output if name], False)
        try:
            inferred = onnx.shape_inference.infer_shapes(single, check_type=True, strict_mode=True, data_prop=True)
        except Exception as error:  # InferenceError and, from the checker, ValidationError or RuntimeError
            text = str(error).splitlines()[0]
            shapes = ", ".join(f"{name!r} {list(shape)}" for name, shape in read.items())
            way = _LARGER if empty else "correct its attributes, or the shape that does not belong there"
            raise ModelError(
                f"does not fit its inputs: {text}",
                where=describe(node),
                hint=f"it reads {shapes or 'nothing'}; {way}",
            ) from error
        return [static_type(output, node) for output in inferred.graph.output]

    def _quantized(self, node: onnx.NodeProto) -> TensorType:
        """Return the type of what a quantizer makes, which is shaped as its input; onnx knows no QONNX."""
        known = {name: self._type(name).elem for name in node.input if name}
        return TensorType(quantizer_elem(node, known), self._type(node.input[0]).shape)

    def _single(self, node: onnx.NodeProto, outputs: list[onnx.ValueInfoProto], folded: bool) -> onnx.ModelProto:
        """Return a model of one node; constants are initializers when small, else inputs.

        Of one that is ``folded`` nothing is computed: where it reads the type or shape of a computed tensor alone,
        another stands there.
        """
        inputs, initializers = [], []
        for name in dict.fromkeys(name for name in node.input if name):
            if name in self.types and not folded:
                inputs.append(helper.make_tensor_value_info(name, self.types[name].elem, self.types[name].shape))
                continue
            value = self.constants[name] if name in self.constants else self._stand_in(name, node)
            if value.size <= _SHOWN or name not in self.constants:
                initializers.append(numpy_helper.from_array(value, name))
            else:
                elem = helper.np_dtype_to_tensor_dtype(value.dtype)
                inputs.append(helper.make_tensor_value_info(name, elem, value.shape))
        graph = helper.make_graph([node], "node", inputs, outputs, initializers)
        return helper.make_model(graph, opset_imports=self.model.opset_import, ir_version=self.model.ir_version)

    def _stand_in(self, name: str, node: onnx.NodeProto) -> Array:
        """Return zeros in the place of a computed tensor of which a folded node reads type or shape alone."""
        made = self.types[name]
        return np.zeros(made.shape if node.op_type == "EyeLike" else (), helper.tensor_dtype_to_np_dtype(made.elem))

    def finish(self, check_node: Callable[[onnx.NodeProto], None]) -> Normalized:
        self._keep_tables([output.name for output in self.model.graph.output], check_node)
        read = {name for node in self.nodes for name in node.input if name and name not in self.types}
        constants = {name: self.constants[name] for name in sorted(read)}
        for name, value in constants.items():
            check_numbers(value, f"constant {name!r}")
            if value.dtype.kind in "SUOM":
                raise ModelError("holds text", where=f"constant {name!r}", hint="store numbers; weights are FLOAT")
        outputs = [output.name for output in self.model.graph.output]
        for name in outputs:
            if name not in self.types:
                raise ModelError(
                    f"the output {name!r} does not depend on the input",
                    hint="export the whole generator: its image must be the output",
                )
        graph = helper.make_graph(
            self.nodes,
            "normalized",
            [self._info(name) for name in self.inputs],
            [self._info(name) for name in outputs],
            value_info=[
                self._info(name)
                for node in self.nodes
                for name in node.output
                if name and name not in (*self.inputs, *outputs)
            ],
        )
        opset = [
            helper.make_opsetid(o.domain, min(o.version, NEWEST_RUN) if o.domain in ("", "ai.onnx") else o.version)
            for o in self.model.opset_import
            if o.domain in QDQ_DOMAINS
        ]
        tensors = (numpy_helper.from_array(value, name) for name, value in constants.items())
        made = assemble(graph, tensors, opset, self.model.ir_version)
        return Normalized(made, constants, dict(self.types))

    def _info(self, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, self.types[name].elem, self.types[name].shape)
