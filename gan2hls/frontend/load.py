"""From an ONNX file to the float graph."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import onnx
from onnx import TensorProto, helper

from gan2hls.base import Gan2HlsError, ModelError, UnsupportedError
from gan2hls.frontend.added import beside
from gan2hls.frontend.batch import fixed_batch, hint_of
from gan2hls.frontend.builder import Builder
from gan2hls.frontend.codes import Codes, quantize_linear, truncated
from gan2hls.frontend.duplicates import without_duplicates
from gan2hls.frontend.fusion import find_fused
from gan2hls.frontend.input_layouts import best_graph
from gan2hls.frontend.layout import VIEWS, computed_lookup, concat
from gan2hls.frontend.naming import at, describe, model_name, port_names, type_name
from gan2hls.frontend.normalize import Normalized, normalize
from gan2hls.frontend.norms import NORM_DOMAIN, Found
from gan2hls.frontend.operators import SUPPORTED, check_supported
from gan2hls.frontend.plain_quant import plain_quantizers
from gan2hls.frontend.prepare import prepare
from gan2hls.frontend.quantizers import QONNX_READERS, is_qdq, is_qonnx
from gan2hls.frontend.read import read_model
from gan2hls.frontend.reads import RANDOM
from gan2hls.frontend.refused import check_finite, not_joined, reads_codes
from gan2hls.frontend.rewritten import rewritten
from gan2hls.frontend.sums import spelled_out
from gan2hls.frontend.tensor_type import TensorType
from gan2hls.frontend.views import View, ends_in_channels, has_channels_last, is_rows_of_channels
from gan2hls.kinds import (
    JOINS,
    MAX_SEEN,
    READERS,
    Array,
    Normalization,
    Reading,
    StreamReading,
    Tensor,
    check_size,
    parameters,
)
from gan2hls.model import Graph, Point, verify_graph

_log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, eq=False)
class Loaded:
    """A model that was read.

    Attributes:
        graph: one layer per linear or pointwise operator.
        onnx_model: the normalized model, in ONNX's own operators; ``Port.onnx_name`` names its tensors.
        sha256: of the file, followed by its external data if it has any.
        params: number of constants of floating type that its nodes read.
    """

    graph: Graph
    onnx_model: onnx.ModelProto
    sha256: str
    params: int


def load(path: Path, *, input_shapes: Mapping[str, tuple[int, ...]] | None = None) -> Loaded:
    """Read an ONNX file.

    Args:
        path: the file; external data is read from its folder only.
        input_shapes: shapes of inputs by ONNX name, or of the only one by an empty name.

    Raises:
        ModelError: the file is broken, unsafe or empty, or ``input_shapes`` contradict it.
        UnsupportedError: something in it cannot be built; says what, where, and the way out.
    """
    path = Path(path)
    model, sha256 = read_model(path)
    batch = 1
    try:
        model, shapes = prepare(model, input_shapes or {})  # under one name, for the weights to stand in memory once
        batch = fixed_batch(model)
        plain = normalize(model, shapes, {*SUPPORTED, *RANDOM}, check_supported)
        del model
        plain = spelled_out(without_duplicates(plain))
        for port in plain.model.graph.input:
            _check_port(port.name, "input", plain.types[port.name])
        built, norms = rewritten(plain)
        name = model_name(path)
        graph = best_graph(built, lambda *ways: _Reader(built, norms, *ways).graph(name))
        reference = beside(plain_quantizers(plain), built)
    except Gan2HlsError as error:
        more = hint_of(batch) if batch > 1 else _own_shapes(path, input_shapes)
        if more and more != error.hint:
            hint = "; or ".join(filter(None, (error.hint, more)))
            raise type(error)(error.message, where=error.where or str(path), hint=hint) from error
        raise at(error, str(path)) from error
    verify_graph(graph)
    params = sum(value.size for value in plain.constants.values() if value.dtype.kind not in "biu")
    _log.info(
        "%s: %d nodes, %d layers, %d parameters", path.name, len(plain.model.graph.node), len(graph.layers), params
    )
    return Loaded(graph, reference, sha256, params)


def _own_shapes(path: Path, given: Mapping[str, tuple[int, ...]] | None) -> str:
    """Return a hint that the file is read with shapes of its own, if it is; empty: it is not, or none are ``given``."""
    if not given:
        return ""
    try:
        inputs = load(path).onnx_model.graph.input
    except Gan2HlsError:
        return ""
    shapes = ", ".join(f"{[d.dim_value for d in i.type.tensor_type.shape.dim]} of {i.name!r}" for i in inputs)
    return f"with its own {shapes} the file is read: leave --input-shape out, or correct it"


def _check_port(name: str, what: str, found: TensorType) -> None:
    check_size(found.shape, f"the {what} {name!r}")
    least = 2 if found.elem == TensorProto.FLOAT else 1  # a label has a batch axis alone
    shape = f"the {what} {name!r} has shape {list(found.shape)}"
    if len(found.shape) < least and found.shape == (1,):
        raise UnsupportedError(
            f"{shape}: an axis must stand behind the batch",
            hint="one number a frame has the shape [1, 1]: export it so, and view() it as [1] inside",
        )
    if len(found.shape) < least or found.shape[0] != 1 or not all(found.shape):
        raise UnsupportedError(
            f"{shape}: a batch axis of 1 must lead, and no size be 0",
            hint="export the model with a batch axis of 1 in front; squeeze() without an axis drops it",
        )


@final
class _Reader:
    """Reads the nodes of a normalized model one by one.

    Attributes:
        builder: the graph so far.
        views: of the ONNX tensors so far that are still to be read, by name.
        given: of those that the present node reads.
        codes: what those between QuantizeLinear and DequantizeLinear mean, by name.
    """

    def __init__(self, plain: Normalized, norms: Mapping[str, Found], layout: int | None, rearranges: bool) -> None:
        self.plain, self.norms, self.builder = plain, norms, Builder(rearranges=rearranges)
        self.codes: dict[str, Codes] = {}
        self.views = self.builder.streams.waiting
        self.given: dict[str, View] = {}
        for port, name in zip(plain.model.graph.input, port_names(plain.model.graph.input), strict=True):
            self.views[port.name] = self.builder.add_input(name, port.name, plain.types[port.name].shape, layout)

    def _read(self) -> None:
        """Read every node."""
        nodes = list(self.plain.model.graph.node)
        for node in nodes:
            if node.op_type == "Gather" and node.input[0] not in self.plain.types and node.input[1] not in self.views:
                raise at(computed_lookup(), describe(node))
        fusion = find_fused(self.plain)
        groups = fusion.groups
        reads = {
            n: [groups[n].input] if n in groups else list(node.input)
            for n, node in enumerate(nodes)
            if n not in fusion.hidden
        }
        unread = Counter(name for names in reads.values() for name in names)
        unread.update(port.name for port in self.plain.model.graph.output)  # which are read last
        for n, names in reads.items():
            unread.subtract(names)
            self.given = {name: self.views[name] for name in names if name in self.views}
            for name in self.given:
                if not unread[name]:
                    del self.views[name]
            try:
                if n in groups:
                    source = " + ".join(nodes[m].name for m in groups[n].nodes)
                    self._points(groups[n].input, groups[n].points, source, nodes[n].output[0])
                else:
                    self._node(nodes[n])
            except Gan2HlsError as error:
                raise at(error, describe(nodes[n])) from error

    def graph(self, name: str) -> Graph:
        """Read every node and return the graph; what is still codes at an output becomes numbers."""
        self._read()
        outputs = [port.name for port in self.plain.model.graph.output]
        for output in outputs:
            _check_port(output, "output", self.plain.types[output])
        for output in outputs:
            codes = self.codes.pop(output, None)
            if codes is not None:
                self.given = {output: self.views.pop(output)}
                self._points(output, codes.numbers(), codes.source, output)
        if not self.builder.streams.layers:
            raise ModelError("nothing to build: it only passes its input on", hint="export the whole generator")
        return self.builder.finish(name, outputs)

    def _points(self, source: str, points: tuple[Point, ...], nodes: str, output: str) -> None:
        view, shape = self.given[source], self.plain.types[output].shape
        self.views[output] = self.builder.add_points(view, points, nodes, output, shape)

    def _node(self, node: onnx.NodeProto) -> None:
        attributes = {a.name: _attribute(a) for a in node.attribute}
        made = self.plain.types[node.output[0]]
        check_size(made.shape, "its output", *([MAX_SEEN] if node.op_type in VIEWS else []))
        constants = [self.plain.constants.get(name) for name in node.input[1:]]
        codes = self.codes.get(node.input[0])
        if node.op_type == "Cast" and codes is None and made.elem != TensorProto.FLOAT:
            self.views[node.output[0]] = self.given[node.input[0]]
            self.codes[node.output[0]] = truncated(made.elem, node.name)
        elif node.domain == NORM_DOMAIN:
            if codes is not None:
                raise reads_codes()
            norm, view = self.norms[node.output[0]], self.given[node.input[0]]
            self.views[norm.output] = self.builder.add_norm(view, norm.reading, norm.source, norm.output, norm.places)
        elif node.op_type == "Concat":
            self._concat(node, **attributes)
        elif _is_view(node, attributes) and node.input[0] in self.given and (codes is None or node.op_type != "Cast"):
            self._rearrange(node, made.shape, constants, attributes)
        elif codes is not None:
            self._codes_node(node, codes, made, constants)
        elif len({*node.input} & self.plain.types.keys()) > 1 and not is_qdq(node) and not is_qonnx(node):
            self._join(node, made, attributes)
        elif node.op_type not in READERS and not is_qdq(node) and not is_qonnx(node):
            raise UnsupportedError(
                f"operator {node.op_type!r} makes {type_name(made.elem)} here, of which no function is built",
                hint="only a region of elementwise operators of one computed tensor, floats at both ends, is one",
            )
        elif is_qdq(node):
            self._open(node, made.elem, constants, attributes)
        else:
            self._layer(node, made, attributes)

    def _rearrange(
        self,
        node: onnx.NodeProto,
        shape: tuple[int, ...],
        constants: list[Array | None],
        attributes: Mapping[str, Any],
    ) -> None:
        """Read a node that makes views of the stream that its input is a view of."""
        view = self.given[node.input[0]]
        if node.op_type == "Reshape" and math.prod(shape) != view.index.size:
            raise ModelError(
                f"{view.index.size} elements do not fit shape {list(shape)}",
                hint=f"it must have {view.index.size} elements",
            )
        made = VIEWS[node.op_type](view.index, shape, *constants, **attributes)
        for name, index in zip(node.output, made if isinstance(made, list) else [made], strict=True):
            if not index.size:
                raise UnsupportedError("leaves nothing of its input", hint="crop less")
            if name:
                self.views[name] = View(view.tensor, name, index)
                self._pass_codes_on(node.input[0], name)

    def _pass_codes_on(self, source: str, output: str) -> None:
        """Note that ``output`` has the codes of ``source``, if that has codes."""
        if source not in self.codes:
            return
        if (self.views[output].index < 0).any():
            raise UnsupportedError(
                "pads quantized codes with zeros", hint="put it in front of QuantizeLinear or behind DequantizeLinear"
            )
        self.codes[output] = self.codes[source]

    def _concat(self, node: onnx.NodeProto, *, axis: int) -> None:
        """Read Concat: of views of one stream, and of zeros, a view; of several streams a layer."""
        if any(name in self.codes for name in node.input):
            raise reads_codes()
        views = [self.given[name] for name in node.input if name in self.given]
        output, shape = node.output[0], self.plain.types[node.output[0]].shape
        if len({view.tensor for view in views}) == 1:
            parts = [
                self.given[name].index if name in self.given else np.asarray(self.plain.constants[name], np.float64)
                for name in node.input
            ]
            self.views[output] = View(views[0].tensor, output, concat(parts, axis=axis))
            return
        assert len(views) == len(node.input), f"{output}: constants are joined with several tensors"
        streams = self.builder.streams
        last = axis % len(shape) == len(shape) - 1 and all(
            ends_in_channels(view.index, streams.shape(view.tensor)[2]) for view in views
        )
        shapes = [view.index.shape for view in views]
        self._streams(JOINS["Concat"](shapes, shape, axis=axis, channels_last=last), views, node)

    def _open(
        self, node: onnx.NodeProto, elem: int, constants: list[Array | None], attributes: Mapping[str, Any]
    ) -> None:
        """Read QuantizeLinear; what it makes are codes."""
        if node.op_type != "QuantizeLinear" or node.input[0] not in self.plain.types:
            raise ModelError("dequantizes what was never quantized", hint="put a QuantizeLinear in front of it")
        scale, zero_point = (*constants, None)[:2]
        self.codes[node.output[0]] = quantize_linear(elem, node.name, scale, zero_point, **attributes)
        self.views[node.output[0]] = self.given[node.input[0]]

    def _codes_node(self, node: onnx.NodeProto, codes: Codes, made: TensorType, constants: list[Array | None]) -> None:
        """Read a node whose input are codes."""
        first, second = (*constants, None, None)[:2]
        source, output = node.input[0], node.output[0]
        if node.op_type == "Clip":
            self.codes[output], self.views[output] = codes.clipped(first, second, node.name), self.given[source]
        elif node.op_type == "Cast" and made.elem == TensorProto.FLOAT:
            self._points(source, codes.numbers(), f"{codes.source} + {node.name}", output)
        elif node.op_type == "Cast":
            self.codes[output], self.views[output] = codes.cast(made.elem), self.given[source]
        elif is_qdq(node) and node.op_type == "DequantizeLinear":
            self._points(source, codes.points(first, second), f"{codes.source} + {node.name}", output)
        else:
            raise UnsupportedError(
                "reads quantized codes",
                hint="between QuantizeLinear and DequantizeLinear can stand Clip, Cast, and what only rearranges",
            )

    def _join(self, node: onnx.NodeProto, made: TensorType, attributes: Mapping[str, Any]) -> None:
        """Read a node of which several inputs are computed."""
        if node.op_type not in JOINS or made.elem != TensorProto.FLOAT:
            raise not_joined(node, self.given)
        if any(name in self.codes for name in node.input):
            raise reads_codes()
        views = [self.given[name] for name in node.input]
        shapes, shape = [view.index.shape for view in views], made.shape
        if any(is_rows_of_channels(view.index, self.builder.streams.shape(view.tensor)[2]) for view in views):
            shapes, shape = [(1, *(1,) * (3 - len(given)), *given) for given in shapes], (1, *shape)
        self._streams(JOINS[node.op_type](shapes, shape, **attributes), views, node)

    def _streams(self, reading: StreamReading, views: list[View], node: onnx.NodeProto) -> None:
        """Add the layer of a node that reads ``views`` as streams."""
        output = node.output[0]
        shape = self.plain.types[output].shape
        self.views[output] = self.builder.add_streams(views, reading, node.name, output, shape)

    def _layer(self, node: onnx.NodeProto, made: TensorType, attributes: Mapping[str, Any]) -> None:
        plain = self.plain
        if sum(name in plain.types for name in node.input) > 1:
            raise not_joined(node, self.given)
        position = next(n for n, name in enumerate(node.input) if name in plain.types)
        if node.input[position] in self.codes:
            raise reads_codes()
        view = self.given[node.input[position]]
        channels = self.builder.streams.shape(view.tensor)[2]
        last = node.op_type.startswith("Reduce") and has_channels_last(view.index, channels)
        tensor = Tensor(view.index.shape, position, made.shape, channels_last=last)
        values = [plain.constants.get(name) for name in node.input]
        readers = QONNX_READERS if is_qonnx(node) else READERS
        read = readers[node.op_type](tensor, *values, **attributes)
        if isinstance(read, Reading):
            if read.out_index.shape != made.shape:
                raise UnsupportedError(
                    f"its output has shape {list(read.out_index.shape)}, onnx says {list(made.shape)}",
                    hint="onnx reads its attributes otherwise: give it explicit pads and sizes",
                )
            check_finite((read.op.weight, read.bias), node, plain)
            self.views[node.output[0]] = self.builder.add_linear(view, read, node.name, node.output[0])
        elif isinstance(read, Normalization):
            check_finite((value for point in read.points for value in parameters(point)), node, plain)
            self.views[node.output[0]] = self.builder.add_norm(view, read, node.name, node.output[0])
        elif isinstance(read, StreamReading):
            self._streams(read, [view], node)
        else:
            check_finite((value for point in read for value in parameters(point)), node, plain)
            self._points(node.input[position], read, node.name, node.output[0])


def _is_view(node: onnx.NodeProto, attributes: Mapping[str, Any]) -> bool:
    """Whether a node only rearranges; of resampling that is so in mode ``nearest``."""
    return node.op_type in VIEWS and (node.op_type not in READERS or attributes.get("mode", "nearest") == "nearest")


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
