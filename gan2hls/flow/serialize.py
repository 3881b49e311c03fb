"""Saved stage values: an integer model as JSON beside an ``.npz`` of its arrays, a design as JSON.

Writing is deterministic byte for byte.  Reading takes nothing for granted: no pickles, no compression, every array's
type and size checked before it is built, every name checked before it can reach a path or a line of code.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gan2hls.base import ModelError
from gan2hls.codecs import CODECS
from gan2hls.hardware import Design, EngineDesign, Folding, legal_pe, legal_simd, make_engine, verify_design
from gan2hls.model import (
    AxisTaps,
    IntegerModel,
    IntLayer,
    IntWeight,
    LinearGeometry,
    Origin,
    Port,
    verify_integer_model,
)
from gan2hls.numbers import IntType, QuantType, Requant, Table, Ties

#: File names inside a project.
MODEL_JSON, MODEL_NPZ, DESIGN_JSON = "integer_model.json", "integer_model.npz", "design.json"
_MAX_BYTES = 1 << 30
_DTYPES = ("|i1", "<i2", "<i4", "<i8", "<f8")
#: What broken bytes make pydantic, NumPy, zipfile and the checks of the stage values raise.
_READ_ERRORS = (
    ValidationError,
    AssertionError,
    ArithmeticError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,
    OSError,
    struct.error,
    zipfile.BadZipFile,
)
_EPOCH = (1980, 1, 1, 0, 0, 0)

Array = npt.NDArray[np.generic]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_Count = Annotated[int, Field(ge=1, le=1 << 31)]
_Hwc = tuple[_Count, _Count, _Count]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _IntType(_Part):
    bits: Annotated[int, Field(ge=1, le=64)]
    signed: bool

    def make(self) -> IntType:
        return IntType(self.bits, self.signed)


class _QuantType(_Part):
    int_type: _IntType
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    zero_point: int
    ties: Ties = "up"

    def make(self) -> QuantType:
        return QuantType(self.int_type.make(), self.scale, self.zero_point, self.ties)


class _Port(_Part):
    name: _Name
    onnx_name: str
    onnx_shape: tuple[_Count, ...]
    shape: _Hwc


class _Requant(_Part):
    shift: Annotated[int, Field(ge=0, le=62)]
    zero_point: int
    lo: int
    hi: int
    out_type: _IntType
    half_even: bool = False


class _Table(_Part):
    index_type: _IntType
    out_type: _IntType


class _Axis(_Part):
    in_size: _Count
    kernel: _Count
    taps: tuple[tuple[tuple[int, int], ...], ...]

    def make(self) -> AxisTaps:
        return AxisTaps(self.in_size, self.kernel, self.taps)


class _Geometry(_Part):
    y: _Axis
    x: _Axis
    in_channels: _Count
    out_channels: _Count
    groups: _Count
    stride: tuple[_Count, _Count]
    transposed: bool
    row_phases: _Count = 1


class _Weight(_Part):
    type: _IntType
    codec: Literal[tuple(CODECS)]  # type: ignore[valid-type]
    precision: Annotated[str, Field(pattern=r"^[a-z0-9_<>,/\-]{1,40}$")]
    books: Annotated[int, Field(ge=1, le=1 << 24)] = 1
    block: Annotated[int, Field(ge=0, le=1 << 24)] = 0


class _Layer(_Part):
    name: _Name
    kind: _Name
    source: str
    inputs: tuple[_Name, ...]
    input_type: _QuantType
    output_type: _QuantType
    shape: _Hwc
    acc_type: _IntType
    requant: _Requant
    table: _Table | None
    geometry: _Geometry | None
    weight: _Weight | None
    probe: _Port


class _Model(_Part):
    name: _Name
    inputs: tuple[_Port, ...]
    input_types: tuple[_QuantType, ...]
    layers: tuple[_Layer, ...]
    outputs: tuple[_Port, ...]


class _ModelFile(_Part):
    format: Literal["gan2hls.integer_model"] = "gan2hls.integer_model"
    version: Literal[1] = 1
    origin: Origin
    model: _Model


class _OriginOnly(BaseModel):
    origin: Origin


class _Engine(_Part):
    layer: _Name
    pe: _Count
    simd: _Count
    lanes: _Count
    rows: Annotated[int, Field(ge=0)]
    skip: bool = False


class _Design(_Part):
    format: Literal["gan2hls.design"] = "gan2hls.design"
    version: Literal[1] = 1
    part: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,63}$")]
    clock_ns: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    engines: tuple[_Engine, ...]


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
            arrays[f"{layer.name}.table"] = layer.table.values
        if layer.weight is not None:
            arrays[f"{layer.name}.weight"] = layer.weight.values
            arrays[f"{layer.name}.weight.scale"] = layer.weight.scale
            if layer.weight.factors is not None:
                arrays[f"{layer.name}.weight.factors"] = layer.weight.factors
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
    except _READ_ERRORS as error:
        raise _broken(where, error) from error
    return model, parsed.origin


def load_origin(json_bytes: bytes) -> Origin | None:
    """Return where a saved integer model came from, or None where that cannot be read."""
    try:
        return _OriginOnly.model_validate_json(json_bytes).origin
    except ValidationError:
        return None


def dump_design(design: Design) -> dict[str, bytes]:
    """Return the file that holds the choices of ``design``; the rest follows from the integer model."""
    engines = tuple(
        _Engine(
            layer=e.layer.name,
            pe=e.folding.pe,
            simd=e.folding.simd,
            lanes=e.folding.lanes,
            rows=e.rows,
            skip=e.skip is not None,
        )
        for e in design.engines
    )
    parsed = _Design(part=design.part, clock_ns=design.clock_ns, engines=engines)
    return {DESIGN_JSON: parsed.model_dump_json(indent=2, ensure_ascii=True).encode() + b"\n"}


def load_design(model: IntegerModel, json_bytes: bytes, *, where: str = DESIGN_JSON) -> Design:
    """Read what ``dump_design`` wrote and lay the weights of ``model`` out for it.

    Raises:
        ModelError: anything that ``dump_design`` would not have written for ``model``.
    """
    try:
        parsed = _Design.model_validate_json(json_bytes)
        engines = tuple(
            _build_engine(layer, engine) for layer, engine in zip(model.layers, parsed.engines, strict=True)
        )
        design = Design(model, engines, parsed.part, parsed.clock_ns)
        verify_design(design)
    except _READ_ERRORS as error:
        raise _broken(where, error) from error
    return design


def dump_arrays(arrays: dict[str, Array]) -> bytes:
    """Return an uncompressed ``.npz`` that is equal for equal arrays; integers are stored in their narrowest type."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, _narrow(np.ascontiguousarray(array)), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue())
    return buffer.getvalue()


def load_arrays(npz_bytes: bytes) -> dict[str, Array]:
    """Read what ``dump_arrays`` wrote; integers come back as int64.

    Raises:
        ValueError: compressed, too large, of another type, or a size that is not the header's.
        BadZipFile: not a zip file.
    """
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(io.BytesIO(npz_bytes)) as archive:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > _MAX_BYTES:
                raise ValueError(f"array {info.filename!r} is compressed or too large")
            arrays[info.filename.removesuffix(".npy")] = _read_array(info.filename, archive.read(info))
    return arrays


def _read_array(name: str, raw: bytes) -> Array:
    content = io.BytesIO(raw)
    if np.lib.format.read_magic(content) != (1, 0):
        raise ValueError(f"array {name!r} is not of .npy version 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    body = raw[content.tell() :]
    if fortran or dtype.str not in _DTYPES or len(shape) > 4:
        raise ValueError(f"array {name!r} has type {dtype.str} and shape {shape}")
    count = 1
    for size in shape:
        count *= size
    if count * dtype.itemsize != len(body):
        raise ValueError(f"array {name!r} of shape {shape} has {len(body)} bytes")
    flat = np.frombuffer(body, dtype).reshape(shape)
    if dtype.kind == "f":
        if not np.isfinite(flat).all():
            raise ValueError(f"array {name!r} has values that are not finite")
        return flat.astype(np.float64)
    return flat.astype(np.int64)


def _narrow(array: Array) -> Array:
    if array.dtype.kind == "f":
        return array.astype("<f8")
    lo, hi = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in ("|i1", "<i2", "<i4"):
        limits = np.iinfo(dtype)
        if limits.min <= lo and hi <= limits.max:
            return array.astype(dtype)
    return array.astype("<i8")


def _build_model(parsed: _Model, arrays: dict[str, Any]) -> IntegerModel:
    inputs = tuple(_build_port(port, arrays[f"input.{n}.order"]) for n, port in enumerate(parsed.inputs))
    outputs = tuple(_build_port(port, arrays[f"output.{n}.order"]) for n, port in enumerate(parsed.outputs))
    types = tuple(quant.make() for quant in parsed.input_types)
    layers = tuple(_build_layer(layer, arrays) for layer in parsed.layers)
    return IntegerModel(parsed.name, inputs, types, layers, outputs)


def _build_port(port: _Port, order: Any, *, part: bool = False) -> Port:
    """Return a port; with ``part`` its stream may leave elements of the ONNX tensor out."""
    size, whole = math.prod(port.shape), math.prod(port.onnx_shape)
    if order.shape != (size,) or order.dtype.kind != "i" or np.unique(order).size != size:
        raise ValueError(f"order of {port.name} does not name {size} different elements")
    if size and not 0 <= int(order.min()) <= int(order.max()) < whole:
        raise ValueError(f"order of {port.name} names elements beyond {whole}")
    if size != whole and not part:
        raise ValueError(f"{port.name}: {port.onnx_shape} and {port.shape} differ in size")
    return Port(port.name, port.onnx_name, port.onnx_shape, port.shape, order)


def _build_layer(layer: _Layer, arrays: dict[str, Any]) -> IntLayer:
    name, r, g = layer.name, layer.requant, layer.geometry
    mult, bias, threshold = (arrays[f"{name}.requant.{part}"] for part in ("mult", "bias", "threshold"))
    requant = Requant(mult, bias, threshold, r.shift, r.zero_point, r.lo, r.hi, r.out_type.make(), r.half_even)
    table = weight = geometry = None
    if layer.table is not None:
        table = Table(layer.table.index_type.make(), arrays[f"{name}.table"], layer.table.out_type.make())
    if g is not None:
        geometry = LinearGeometry(
            g.y.make(), g.x.make(), g.in_channels, g.out_channels, g.groups, g.stride, g.transposed, g.row_phases
        )
    if layer.weight is not None:
        weight = _build_weight(layer.weight, f"{name}.weight", arrays)
    return IntLayer(
        name=name,
        kind=layer.kind,
        source=layer.source,
        inputs=layer.inputs,
        input_type=layer.input_type.make(),
        output_type=layer.output_type.make(),
        shape=layer.shape,
        acc_type=layer.acc_type.make(),
        requant=requant,
        table=table,
        geometry=geometry,
        weight=weight,
        probe=_build_port(layer.probe, arrays[f"{name}.probe.order"], part=True),
        probe_gain=arrays[f"{name}.probe_gain"],
    )


def _build_weight(weight: _Weight, name: str, arrays: dict[str, Any]) -> IntWeight:
    factors = arrays[f"{name}.factors"] if weight.block else None
    values, scale = arrays[name], arrays[f"{name}.scale"]
    kind = weight.type.make()
    return IntWeight(values, kind, scale, weight.codec, weight.precision, weight.books, weight.block, factors)


def _build_engine(layer: IntLayer, engine: _Engine) -> EngineDesign:
    if engine.layer != layer.name:
        raise ValueError(f"engine {engine.layer!r} stands where layer {layer.name!r} is due")
    folding = Folding(engine.pe, engine.simd, engine.lanes)
    if layer.weight is None or layer.geometry is None:
        return EngineDesign(layer, folding, engine.rows, None)
    if folding.pe not in legal_pe(layer.geometry) or folding.simd not in legal_simd(layer.geometry, folding.pe):
        raise ValueError(f"{layer.name}: folding {folding} does not divide the channels")
    return make_engine(layer, folding, engine.rows, skip=engine.skip)


def _broken(where: str, error: Exception) -> ModelError:
    what = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
    return ModelError(
        f"the saved stage is broken: {what}", where=where, hint="build the project again from the ONNX model"
    )
