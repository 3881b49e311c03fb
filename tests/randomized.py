"""Random but legal integer models and designs: the common supply of every property test and co-simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gan2hls.codecs import CODECS
from gan2hls.design import Design, EngineDesign, Folding, most_rows, verify_design
from gan2hls.integer import IntegerModel, IntLayer, acc_bounds, verify_integer_model
from gan2hls.ir import Port, Shape
from gan2hls.numerics import IntType, QuantType, Requant, Table
from gan2hls.taps import LinearGeometry, conv_axis, conv_transpose_axis, dense_geometry
from gan2hls.weights import IntWeight

Rng = np.random.Generator


def port(name: str, shape: Shape) -> Port:
    """A port whose ONNX tensor is the NCHW view of the stream."""
    height, width, channels = shape
    order = np.arange(height * width * channels).reshape(channels, height, width).transpose(1, 2, 0).ravel()
    return Port(name, name, (1, channels, height, width), shape, order)


def conv_transpose(
    size: tuple[int, int],
    ci: int,
    co: int,
    *,
    k: int = 4,
    s: int = 2,
    p: int = 1,
    op: int = 0,
    d: int = 1,
    groups: int = 1,
) -> LinearGeometry:
    """The geometry of a square ConvTranspose."""

    def axis(n: int) -> tuple[int, int]:
        return n, (n - 1) * s - 2 * p + d * (k - 1) + op + 1

    y, x = (conv_transpose_axis(n, k, s, d, p, out) for n, out in map(axis, size))
    return LinearGeometry(y, x, ci, co, groups, (s, s), transposed=True)


def conv(
    size: tuple[int, int], ci: int, co: int, *, k: int = 3, s: int = 1, p: int = 1, d: int = 1, groups: int = 1
) -> LinearGeometry:
    """The geometry of a square Conv."""
    y, x = (conv_axis(n, k, s, d, (p, p)) for n in size)
    return LinearGeometry(y, x, ci, co, groups, (s, s))


def dense(ci: int, co: int) -> LinearGeometry:
    """The geometry of a matrix product."""
    return dense_geometry(ci, co)


def linear_layer(
    rng: Rng,
    name: str,
    source: str,
    geometry: LinearGeometry,
    input_type: QuantType,
    *,
    weight_bits: int = 8,
    out: QuantType | None = None,
    pieces: int = 1,
    table_bits: int = 0,
    shape: Shape | None = None,
    kind: str = "",
) -> IntLayer:
    """A linear layer with random weights and a requantizer that uses the whole output range."""
    out = out or QuantType(IntType(8, signed=False), 1.0)
    weight_type = IntType(weight_bits, signed=True)
    values = rng.integers(weight_type.lo, weight_type.hi + 1, geometry.weight_shape)
    acc_type = IntType.covering(*acc_bounds(values, input_type.centred, geometry))
    kind = kind or ("conv_transpose" if geometry.transposed else "conv" if geometry.kernel != (1, 1) else "dense")
    requant, table = finish(rng, acc_type, geometry.out_channels, out, pieces, table_bits)
    return IntLayer(
        name=name,
        kind=kind,
        source=f"/{name}/node",
        inputs=(source,),
        input_type=input_type,
        output_type=out,
        shape=shape or geometry.out_shape,
        acc_type=acc_type,
        requant=requant,
        table=table,
        geometry=geometry,
        weight=IntWeight(values, weight_type, np.ones(1), "raw", f"int{weight_bits}"),
        probe=port(name, shape or geometry.out_shape),
    )


def pointwise_layer(
    rng: Rng, name: str, source: str, shape: Shape, input_type: QuantType, *, pieces: int = 2, table_bits: int = 0
) -> IntLayer:
    """A pointwise layer with random slopes per channel."""
    out = QuantType(IntType(8, signed=True), 1.0)
    centred = input_type.centred
    acc_type = IntType.covering(min(0, centred.lo), max(0, centred.hi))
    requant, table = finish(rng, acc_type, shape[2], out, pieces, table_bits)
    return IntLayer(
        name, "pointwise", f"/{name}/node", (source,), input_type, out, shape, acc_type, requant, table, None, None,
        port(name, shape),
    )  # fmt: skip


def finish(
    rng: Rng, acc_type: IntType, channels: int, out: QuantType, pieces: int, table_bits: int
) -> tuple[Requant, Table | None]:
    """Return a requantizer that spreads ``acc_type`` over the output range, and a random table behind it if asked."""
    target = IntType(table_bits, signed=True) if table_bits else out.int_type
    shift = int(rng.integers(8, 20))
    gain = 4 * (1 << shift) * (target.hi - target.lo) / (acc_type.hi - acc_type.lo + 1)
    while gain < 64:
        shift, gain = shift + 1, gain * 2
    while gain >= 1 << 17:
        shift, gain = shift - 1, gain / 2
    mult = np.floor(gain * rng.uniform(-2.0, 3.0, (pieces, channels))).astype(np.int64)
    bias = rng.integers(-(4 << shift), (4 << shift) + 1, (pieces, channels))
    threshold = rng.integers(acc_type.lo // 8, acc_type.hi // 8 + 1, channels)
    zero_point = 0 if table_bits else out.zero_point
    lo, hi = target.lo + int(rng.integers(0, 2)), target.hi - int(rng.integers(0, 2))
    requant = Requant(mult, bias, threshold, shift, zero_point, lo, hi, target)
    if not table_bits:
        return requant, None
    values = rng.integers(out.int_type.lo, out.int_type.hi + 1, 1 << table_bits)
    return requant, Table(target, values, out.int_type)


def chain(name: str, shape: Shape, input_type: QuantType, layers: Sequence[IntLayer]) -> IntegerModel:
    """A model whose layers follow one another; layer inputs are renamed to fit."""
    source, renamed = "z", []
    for layer in layers:
        renamed.append(replace(layer, inputs=(source,)))
        source = layer.name
    out = port(source, layers[-1].shape)
    model = IntegerModel(name, (port("z", shape),), (input_type,), tuple(renamed), (out,))
    verify_integer_model(model)
    return model


def design(model: IntegerModel, foldings: Sequence[Folding], *, extra_rows: int = 1) -> Design:
    """A design of ``model`` with given foldings and line buffers of ``extra_rows`` beyond the least."""
    engines = []
    for layer, folding in zip(model.layers, foldings, strict=True):
        rows, encoded = 0, None
        if layer.geometry is not None and layer.weight is not None:
            rows = min(layer.geometry.y.window + extra_rows, most_rows(layer))
            encoded = CODECS[layer.weight.codec].encode(layer.weight, folding.pe, folding.simd)
        engines.append(EngineDesign(layer, folding, rows, encoded))
    made = Design(model, tuple(engines), "xc7z020clg400-1", 5.0)
    verify_design(made)
    return made


def tiny_design(seed: int = 0) -> Design:
    """Dense -> ConvTranspose (two-piece) -> Conv with a table: every block of the engine, small enough to read."""
    rng = np.random.default_rng(seed)
    z = QuantType(IntType(8, signed=True), 1.0)
    mid = QuantType(IntType(8, signed=False), 1.0, 17)
    image = QuantType(IntType(8, signed=True), 1.0)
    l0 = linear_layer(rng, "l0_dense", "z", dense(6, 32), z, shape=(2, 2, 8))
    l1 = linear_layer(
        rng, "l1_conv_transpose", "l0_dense", conv_transpose((2, 2), 8, 6), l0.output_type, pieces=2, out=mid
    )
    l2 = linear_layer(rng, "l2_conv", "l1_conv_transpose", conv((4, 4), 6, 3), mid, table_bits=9, out=image)
    model = chain("tiny", (1, 1, 6), z, (l0, l1, l2))
    return design(model, (Folding(4, 3, 2), Folding(6, 4, 3), Folding(3, 2, 1)))


def random_inputs(rng: Rng, model: IntegerModel, frames: int) -> dict[str, np.ndarray]:
    """Random input codes ``[N, H, W, C]`` over the whole type, by input name."""
    return {
        p.name: rng.integers(t.int_type.lo, t.int_type.hi + 1, (frames, *p.shape))
        for p, t in zip(model.inputs, model.input_types, strict=True)
    }
