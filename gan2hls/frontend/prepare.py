"""Before folding: functions inlined, nodes sorted, floats of 32 bits, the unused dropped, inputs' shapes settled."""

from __future__ import annotations

from collections.abc import Container, Mapping

import onnx
from onnx import TensorProto, inliner

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.frontend.assemble import assemble
from gan2hls.frontend.batch import batch_inside, fixed_batch, has_open_batch, take_one_frame
from gan2hls.frontend.branches import check_straight, names_read
from gan2hls.frontend.deprecated import RESPELLED, respell
from gan2hls.frontend.label_maps import with_rows
from gan2hls.frontend.labels import LABELS
from gan2hls.frontend.mend import mend
from gan2hls.frontend.naming import describe, type_name
from gan2hls.frontend.quantizers import is_qdq, is_qonnx
from gan2hls.frontend.read import MAX_NODES
from gan2hls.frontend.reads import RANDOM
from gan2hls.frontend.sizes import has_other_sizes, take_sizes
from gan2hls.frontend.sparse import densify
from gan2hls.frontend.tensor_shapes import declare

#: Inputs of operators that are weights, by position.
_PARAMETERS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (1,),
    "BatchNormalization": (1, 2, 3, 4),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "PRelu": (1,),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (0, 1, 2),
    "Quant": (1, 2, 3),
}
#: Types of inputs that hold pixels, and the way out.
_OF_PIXELS = (TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16)
_PIXELS = (
    "declare it FLOAT, so that the Cast behind it changes nothing: model.graph.input[0].type.tensor_type.elem_type = "
    "1; and say what its numbers are, {distribution: uniform, low: 0, high: 255} as calibration of the config, or data"
)
#: Attributes of a Constant that give its value.
_VALUES = frozenset(onnx.defs.get_schema("Constant").attributes)
#: Operators that add or multiply channels, whose operand of one axis can be no frame.
_PER_CHANNEL = frozenset(("Add", "Sub", "Mul", "Div"))

Shapes = dict[str, tuple[int, ...]]


def prepare(model: onnx.ModelProto, given: Mapping[str, tuple[int, ...]]) -> tuple[onnx.ModelProto, Shapes]:
    """Return the model that is left to read, and its inputs' shapes.

    Raises:
        ModelError: an illegal graph, or ``given`` contradicts it.
        UnsupportedError: no input or output, inputs that are not float, sizes left open.
    """
    if model.functions:
        model = _inline(model)
    _check_known(model)
    densify(model)
    _drop_given(model)
    given = _by_name(model, given)
    mend(model)
    respell(model)
    _name_domains(model)
    unranked = {info.name for info in model.graph.input if not info.type.tensor_type.HasField("shape")}
    for info in (*model.graph.input, *model.graph.output):
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.shape.SetInParent()  # the checker wants one; what is missing comes from inference
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, or ValueError and RuntimeError from below
        text = " ".join(str(error).split())[:300]
        raise ModelError(
            f"onnx.checker refuses it: {text}",
            hint="correct what it names until onnx.checker.check_model takes the file, as it does an exporter's",
        ) from error
    if not model.graph.output:
        raise UnsupportedError("has no output", hint="export the whole generator: its image must be the output")
    names = [output.name for output in model.graph.output]
    if twice := next((name for n, name in enumerate(names) if name in names[:n]), None):
        raise ModelError(f"names the output {twice!r} twice", hint="take one of them out of model.graph.output")
    with_rows(model, given)
    pruned = _prune(model)
    _declare_labels(pruned)
    shapes = _input_shapes(pruned, given, unranked)
    if inside := batch_inside(pruned, shapes):
        batch, node = inside
        left_open = [info for info in pruned.graph.input if has_open_batch(info)]
        for info in left_open:
            if info.name not in given:
                example = _example(info.name, list(shapes[info.name]))
                raise UnsupportedError(
                    f"fixes a batch of {batch}, which the input leaves open",
                    where=describe(node),
                    hint=f"{example} builds one frame of it; or export it with a Reshape to [-1, ...]",
                )
            declare(info, (batch, *shapes[info.name][1:]))
    if (batch := fixed_batch(pruned)) > 1:
        take_one_frame(pruned, batch)
    if any(has_other_sizes(info, shapes[info.name]) for info in pruned.graph.input):
        take_sizes(pruned, shapes)
    return pruned, shapes


def _inline(model: onnx.ModelProto) -> onnx.ModelProto:
    bodies = {(f.domain, f.name): f.node for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(nodes: object, path: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for node in nodes:  # type: ignore[attr-defined]
            key = (node.domain, node.op_type)
            if key in path:
                raise ModelError(
                    f"function {node.op_type!r} calls itself",
                    hint="functions must end: spell the inner call by other operators",
                )
            if key in bodies and key not in sizes:
                sizes[key] = size(bodies[key], (*path, key))
            total += sizes.get(key, 1)
        return total

    count = size(model.graph.node, ())
    if count > MAX_NODES:
        raise UnsupportedError(f"has {count} nodes when its functions are inlined", hint=f"at most {MAX_NODES}")
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # RuntimeError and ValueError from C++
        raise ModelError(
            f"its functions cannot be inlined: {error}",
            hint="inline them before the export: torch.onnx.export(..., export_modules_as_functions=False)",
        ) from error


def _check_known(model: onnx.ModelProto) -> None:
    """Say early, and better than the checker, that an operator does not exist."""
    if len(model.graph.node) > MAX_NODES:
        raise UnsupportedError(f"has {len(model.graph.node)} nodes", hint=f"at most {MAX_NODES} are supported")
    for node in model.graph.node:
        _check_constant(node)
        default = node.domain in ("", "ai.onnx")
        if default and not onnx.defs.has(node.op_type) and node.op_type not in RESPELLED:
            raise UnsupportedError(
                f"operator {node.op_type!r} is not supported: onnx {onnx.__version__} does not know it",
                where=describe(node),
                hint="give it a domain of its own and a function in model.functions that spells it in ONNX's "
                "operators; docs/limits.md says which are built",
            )


def _check_constant(node: onnx.NodeProto) -> None:
    """Say early, and better than inference, that a Constant has not one value."""
    given = [a.name for a in node.attribute if a.name in _VALUES]
    if node.op_type == "Constant" and node.domain == "" and len(given) != 1:
        raise ModelError(
            f"has {len(given)} values: {', '.join(given)}" if given else "has no value",
            where=describe(node),
            hint=f"give it one: onnx.helper.make_node('Constant', [], {list(node.output)!r}, "
            "value=onnx.numpy_helper.from_array(array))",
        )


def _drop_given(model: onnx.ModelProto) -> None:
    """Drop the inputs that have a value in the file, as old files list every weight."""
    given = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in given]
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def _name_domains(model: onnx.ModelProto) -> None:
    """Name the operator sets that exporters of quantized models leave out, for onnx's checker."""
    named = {o.domain for o in model.opset_import}
    used = {node.domain for node in model.graph.node if is_qonnx(node) or is_qdq(node)}
    model.opset_import.extend(onnx.helper.make_opsetid(domain, 1) for domain in sorted(used - named - {"", "ai.onnx"}))


def _prune(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop nodes, initializers and inputs that the outputs do not need."""
    needed = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed.intersection(filter(None, node.output)):
            check_straight(node)
            kept.append(node)
            needed.update(names_read(node))
    initializers = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    inputs = [info for info in model.graph.input if info.name in needed]
    graph = onnx.helper.make_graph(kept[::-1], "pruned", inputs, list(model.graph.output))
    return assemble(graph, initializers, model.opset_import, model.ir_version)


def _by_name(model: onnx.ModelProto, given: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
    """Return ``given`` with the name of the only input for a shape that has none.

    Raises:
        ModelError: there are several inputs, or its shape is given by name too.
    """
    if "" not in given:
        return given
    names = [info.name for info in model.graph.input]
    if len(names) != 1 or len(given) > 1:
        raise ModelError(
            f"has the inputs {names}: of which one is {list(given[''])}?",
            where="--input-shape",
            hint="say the name of each: " + " ".join(f"--input-shape {name}:..." for name in names),
        )
    return {names[0]: given[""]}


def _input_shapes(model: onnx.ModelProto, given: Mapping[str, tuple[int, ...]], unranked: Container[str]) -> Shapes:
    names = [info.name for info in model.graph.input]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ModelError(f"has no input {unknown[0]!r}", hint=f"its inputs are {names}; give --input-shape NAME:1,100")
    if len(names) != 1:
        _check_inputs(model)
    for info in model.graph.input:
        elem = info.type.tensor_type.elem_type if info.type.HasField("tensor_type") else TensorProto.UNDEFINED
        if elem != TensorProto.FLOAT and not (elem in LABELS and (_is_one(info) or _takes_rows(model, info.name))):
            raise UnsupportedError(
                f"the input {info.name!r} is {type_name(elem)}",
                hint=_PIXELS
                if elem in _OF_PIXELS
                else "inputs are FLOAT; a label may be INT64 or INT32, of several numbers where each, as it comes, "
                "becomes a row of a constant table, or one-hot: else give them as one-hot or embedded vectors, or "
                "those of each table as an input of their own",
            )
    return {
        info.name: _input_shape(info, given.get(info.name), info.name not in unranked) for info in model.graph.input
    }


def _declare_labels(model: onnx.ModelProto) -> None:
    """Declare inputs of one float as the whole numbers that a Cast makes of them first, as Keras' Embedding does."""
    for info in model.graph.input:
        dims = info.type.tensor_type.shape.dim
        readers = [node for node in model.graph.node if info.name in node.input]
        casts = all(node.op_type == "Cast" and _casts_to(node) in LABELS for node in readers)
        if info.type.tensor_type.elem_type == TensorProto.FLOAT and len(dims) and _is_one(info) and casts:
            info.type.tensor_type.elem_type = TensorProto.INT64


def _casts_to(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "to"), TensorProto.UNDEFINED)


def _is_one(info: onnx.ValueInfoProto) -> bool:
    """Whether an input is one number a frame."""
    return all(dim.dim_value == 1 for dim in info.type.tensor_type.shape.dim[1:])


def _takes_rows(model: onnx.ModelProto, name: str) -> bool:
    """Whether all that read ``name`` are lookups by it."""
    return all(
        node.op_type == "Gather" and list(node.input).index(name) == 1
        for node in model.graph.node
        if name in node.input
    )


def _check_inputs(model: onnx.ModelProto) -> None:
    """Check that there are inputs, and that none is a weight.

    Raises:
        ModelError: one is.
        UnsupportedError: there are none.
    """
    names = [info.name for info in model.graph.input]
    if not names:
        drawn = next((node.output[0] for node in model.graph.node if node.op_type in RANDOM), None)
        raise UnsupportedError(
            "has no input that its output depends on",
            hint=f"it draws {drawn!r} itself: remove that node and make {drawn!r} the model's input"
            if drawn
            else "export the generator with its latent vector, or image, as the input",
        )
    read: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
    for node in model.graph.node:
        for n, name in enumerate(node.input):
            read.setdefault(name, []).append((node, n))
    ranks = {info.name: len(info.type.tensor_type.shape.dim) for info in model.graph.input}
    numbers = {info.name for info in model.graph.input if [d.dim_value for d in info.type.tensor_type.shape.dim] == [1]}
    labels = {info.name for info in model.graph.input if info.type.tensor_type.elem_type in LABELS}
    for name in (name for name in names if name in read and name not in labels | numbers):
        if all(
            n in _PARAMETERS.get(node.op_type, ()) or (node.op_type in _PER_CHANNEL and ranks[name] == 1)
            for node, n in read[name]
        ):
            raise ModelError(
                f"the weight {name!r} has no value: it is an input without an initializer",
                where=describe(read[name][0][0]),
                hint="put the value into the file: model.graph.initializer.append(onnx.numpy_helper.from_array(value, "
                f"{name!r})); torch.onnx.export does so with export_params=True",
            )


def _input_shape(info: onnx.ValueInfoProto, given: tuple[int, ...] | None, ranked: bool) -> tuple[int, ...]:
    tensor = info.type.tensor_type
    declared = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else 0 for dim in tensor.shape.dim]
    shown = [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in tensor.shape.dim]
    where = f"input {info.name!r}"
    if given is not None:
        if (ranked and len(given) != len(declared)) or not given or given[0] != 1 or min(given) < 1:
            raise ModelError(
                f"--input-shape gives {list(given)}, the model declares {shown if ranked else 'no shape'}",
                where=where,
                hint=f"there must be as many axes, and the batch must be 1: {_example(info.name, declared)}",
            )
        return tuple(given)
    if not ranked or any(size == 0 for size in declared[1:]):
        raise UnsupportedError(
            f"has the dynamic shape {shown}" if ranked else "has no shape",
            where=where,
            hint=f"fix the sizes: {_example(info.name, declared)}",
        )
    if len(declared) == 1:
        return (declared[0] or 1,)
    if declared and declared[0] > 1:
        raise UnsupportedError(
            f"has a fixed batch of {declared[0]}",
            where=where,
            hint=f"{_example(info.name, declared)} builds a batch of 1; or export it with one, in front of {shown} "
            "if those are no frames",
        )
    return (1, *declared[1:]) if declared else ()


def _example(name: str, declared: list[int]) -> str:
    """Return an ``--input-shape`` that would be legal; open sizes show as 64."""
    sizes = [1, *(size or 64 for size in declared[1:])] if declared else [1, 100]
    return f"--input-shape {name}:{','.join(map(str, sizes))}"
