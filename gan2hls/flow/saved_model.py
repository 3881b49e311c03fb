"""A saved integer model: JSON beside an ``.npz`` of its arrays.

Writing is deterministic byte for byte.  Reading takes nothing for granted: no pickles, no compression, every array's
type and size checked before it is built, every name checked before it can reach a path or a line of code.  Version 2
names the operation of a layer and the types of all that it reads; version 1, of layers with one input, is still read.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Literal, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from gan2hls.codecs import CODECS
from gan2hls.flow.arrays import Array, dump_arrays, load_arrays
from gan2hls.flow.saved import MODEL_JSON, MODEL_NPZ, READ_ERRORS, Count, Hwc, Name, Part, broken
from gan2hls.kinds import KINDS
from gan2hls.model import IntegerModel, IntLayer, Origin, Port, verify_integer_model
from gan2hls.numbers import IntType, QuantType, Requant, Table, Ties
from gan2hls.ops import AxisTaps, IntLinear, IntOp, IntWeight, LinearGeometry, StreamOperation

#: Operations without weights by kind, whose fields are what is saved of them.
UNITS = {kind.name: kind.saved for kind in KINDS if kind.saved is not None}
_FIELDS = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class _IntType(Part):
    bits: Annotated[int, Field(ge=1, le=64)]
    signed: bool

    def make(self) -> IntType:
        return IntType(self.bits, self.signed)


class _QuantType(Part):
    int_type: _IntType
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    zero_point: int
    ties: Ties = "up"

    def make(self) -> QuantType:
        return QuantType(self.int_type.make(), self.scale, self.zero_point, self.ties)


class _Port(Part):
    name: Name
    onnx_name: str
    onnx_shape: tuple[Count, ...]
    shape: Hwc
    labels: Annotated[int, Field(ge=0, le=1 << 16)] = 0


class _Requant(Part):
    shift: Annotated[int, Field(ge=0, le=62)]
    zero_point: int
    lo: int
    hi: int
    out_type: _IntType
    half_even: bool = False


class _Table(Part):
    index_type: _IntType
    out_type: _IntType


class _Axis(Part):
    in_size: Count
    kernel: Count
    taps: tuple[tuple[tuple[int, int], ...], ...]

    def make(self) -> AxisTaps:
        return AxisTaps(self.in_size, self.kernel, self.taps)


class _Geometry(Part):
    y: _Axis
    x: _Axis
    in_channels: Count
    out_channels: Count
    groups: Count
    stride: tuple[Count, Count]
    transposed: bool
    row_phases: Count = 1


class _Weight(Part):
    type: _IntType
    codec: Literal[tuple(CODECS)]  # type: ignore[valid-type]
    precision: Annotated[str, Field(pattern=r"^[a-z0-9_<>,/\-]{1,40}$")]
    books: Annotated[int, Field(ge=1, le=1 << 24)] = 1
    block: Annotated[int, Field(ge=0, le=1 << 24)] = 0


class _Linear(Part):
    kind: Literal[tuple(kind.name for kind in KINDS if kind.saved is None)]  # type: ignore[valid-type]
    geometry: _Geometry
    weight: _Weight


class _Unit(Part):
    """An operation without weights: its numbers; arrays stand beside them."""

    kind: Literal[tuple(UNITS)]  # type: ignore[valid-type]
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_operation(cls, data: Any) -> Any:
        if not is_dataclass(data) or isinstance(data, type):
            return data
        values = {item.name: getattr(data, item.name) for item in fields(data)}
        return {"kind": data.kind, "parameters": {k: v for k, v in values.items() if not isinstance(v, np.ndarray)}}  # type: ignore[attr-defined]


class _Layer(Part):
    name: Name
    source: str
    inputs: tuple[Name, ...]
    input_types: tuple[_QuantType, ...]
    output_type: _QuantType
    shape: Hwc
    op: Annotated[_Linear | _Unit, Field(discriminator="kind")]
    acc_type: _IntType
    requant: _Requant
    table: _Table | None
    probe: _Port

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, data: Any) -> Any:
        """Return a layer of version 1, of one input and with geometry and weight or without, as it is now."""
        if not isinstance(data, dict) or "op" in data:
            return data
        layer = dict(data)
        op = {key: layer.pop(key, None) for key in ("kind", "geometry", "weight")}
        types = {"input_types": [layer.pop("input_type", None)]}
        return {**layer, **types, "op": {key: value for key, value in op.items() if value is not None}}


class _Model(Part):
    name: Name
    inputs: tuple[_Port, ...]
    input_types: tuple[_QuantType, ...]
    layers: tuple[_Layer, ...]
    outputs: tuple[_Port, ...]


class _ModelFile(Part):
    format: Literal["gan2hls.integer_model"] = "gan2hls.integer_model"
    version: Literal[1, 2] = 2
    origin: Origin
    model: _Model


class _OriginOnly(BaseModel):
    origin: Origin


def dump_model(model: IntegerModel, origin: Origin) -> dict[str, bytes]:
    """Return the files that hold ``model`` and where it came from, by name."""
    arrays: dict[str, Array] = {}
    for role, ports in (("input", model.inputs), ("output", model.outputs)):
        arrays |= {f"{role}.{n}.order": port.order for n, port in enumerate(ports)}
    for layer in model.layers:
        arrays[f"{layer.name}.probe.order"] = layer.probe.order
        arrays[f"{layer.name}.probe_gain"] = layer.probe_gain
        arrays[f"{layer.name}.requant.mult"] = layer.requant.mult
        arrays[f"{layer.name}.requant.bias"] = layer.requant.bias
        arrays[f"{layer.name}.requant.threshold"] = layer.requant.threshold
        if layer.table is not None:
            values = layer.table.values
            arrays[f"{layer.name}.table"] = values[0] if layer.table.sets == 1 else values
        if isinstance(layer.op, IntLinear):
            weight = layer.op.weight
            arrays[f"{layer.name}.weight"] = weight.values
            arrays[f"{layer.name}.weight.scale"] = weight.scale
            if weight.factors is not None:
                arrays[f"{layer.name}.weight.factors"] = weight.factors
        elif is_dataclass(layer.op):
            values = {item.name: getattr(layer.op, item.name) for item in fields(layer.op)}
            arrays |= {f"{layer.name}.op.{k}": value for k, value in values.items() if isinstance(value, np.ndarray)}
    parsed = _ModelFile(origin=origin, model=_Model.model_validate(model, from_attributes=True))
    return {MODEL_JSON: parsed.model_dump_json(ensure_ascii=True).encode() + b"\n", MODEL_NPZ: dump_arrays(arrays)}


def load_model(json_bytes: bytes, npz_bytes: bytes, *, where: str = MODEL_JSON) -> tuple[IntegerModel, Origin]:
    """Read what ``dump_model`` wrote.

    Raises:
        ModelError: anything that ``dump_model`` would not have written.
    """
    try:
        arrays = load_arrays(npz_bytes)
        parsed = _ModelFile.model_validate_json(json_bytes)
        model = _build_model(parsed.model, arrays)
        verify_integer_model(model)
    except READ_ERRORS as error:
        raise broken(where, error) from error
    return model, parsed.origin


def load_origin(json_bytes: bytes) -> Origin | None:
    """Return where a saved integer model came from, or None where that cannot be read."""
    try:
        return _OriginOnly.model_validate_json(json_bytes).origin
    except ValidationError:
        return None


def _build_model(parsed: _Model, arrays: dict[str, Any]) -> IntegerModel:
    inputs = tuple(_build_port(port, arrays[f"input.{n}.order"]) for n, port in enumerate(parsed.inputs))
    outputs = tuple(_build_port(port, arrays[f"output.{n}.order"]) for n, port in enumerate(parsed.outputs))
    types = tuple(quant.make() for quant in parsed.input_types)
    layers = tuple(_build_layer(layer, arrays) for layer in parsed.layers)
    return IntegerModel(parsed.name, inputs, types, layers, outputs)


def _build_port(port: _Port, order: Any, *, part: bool = False) -> Port:
    """Return a port; with ``part`` its stream may leave elements of the ONNX tensor out."""
    size, whole = math.prod(port.shape), math.prod(port.onnx_shape)
    if order.shape != (size,) or order.dtype.kind != "i" or not np.diff(np.sort(order)).all():
        raise ValueError(f"order of {port.name} does not name {size} different elements")
    if size and not 0 <= int(order.min()) <= int(order.max()) < whole:
        raise ValueError(f"order of {port.name} names elements beyond {whole}")
    if size != whole and not part:
        raise ValueError(f"{port.name}: {port.onnx_shape} and {port.shape} differ in size")
    return Port(port.name, port.onnx_name, port.onnx_shape, port.shape, order, port.labels)


def _build_layer(layer: _Layer, arrays: dict[str, Any]) -> IntLayer:
    name, r = layer.name, layer.requant
    mult, bias, threshold = (arrays[f"{name}.requant.{part}"] for part in ("mult", "bias", "threshold"))
    requant = Requant(mult, bias, threshold, r.shift, r.zero_point, r.lo, r.hi, r.out_type.make(), r.half_even)
    table = None
    if layer.table is not None:
        values = np.atleast_2d(arrays[f"{name}.table"])  # a single function has one axis
        table = Table(layer.table.index_type.make(), values, layer.table.out_type.make())
    return IntLayer(
        name=name,
        source=layer.source,
        inputs=layer.inputs,
        input_types=tuple(given.make() for given in layer.input_types),
        output_type=layer.output_type.make(),
        shape=layer.shape,
        op=_build_op(layer.op, name, arrays),
        acc_type=layer.acc_type.make(),
        requant=requant,
        table=table,
        probe=_build_port(layer.probe, arrays[f"{name}.probe.order"], part=True),
        probe_gain=arrays[f"{name}.probe_gain"],
    )


def _build_op(op: _Linear | _Unit, layer: str, arrays: dict[str, Any]) -> IntOp:
    """Return the operation of ``layer``."""
    if isinstance(op, _Unit):
        own = f"{layer}.op."
        beside = {name.removeprefix(own): array for name, array in arrays.items() if name.startswith(own)}
        return _build_unit(UNITS[op.kind], op.parameters | beside)
    g = op.geometry
    geometry = LinearGeometry(
        g.y.make(), g.x.make(), g.in_channels, g.out_channels, g.groups, g.stride, g.transposed, g.row_phases
    )
    return IntLinear(op.kind, geometry, _build_weight(op.weight, f"{layer}.weight", arrays))


def _build_unit(kind: type[StreamOperation], values: dict[str, Any]) -> StreamOperation:
    """Return an operation of ``kind`` with fields ``values``, whose types, and defaults, are those that it declares."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if get_origin(hint) is not ClassVar}
    defaults = {item.name: ... if item.default is MISSING else item.default for item in fields(kind)}  # type: ignore[arg-type]
    parsed = create_model(kind.__name__, __config__=_FIELDS, **{n: (hint, defaults[n]) for n, hint in hints.items()})  # type: ignore[call-overload]
    checked = parsed.model_validate(values)
    return kind(**{name: getattr(checked, name) for name in hints})


def _build_weight(weight: _Weight, name: str, arrays: dict[str, Any]) -> IntWeight:
    factors = arrays[f"{name}.factors"] if weight.block else None
    values, scale = arrays[name], arrays[f"{name}.scale"]
    kind = weight.type.make()
    return IntWeight(values, kind, scale, weight.codec, weight.precision, weight.books, weight.block, factors)
