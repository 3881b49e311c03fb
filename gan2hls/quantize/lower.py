"""Lowering: from the float graph to integers.  Loss happens here and nowhere later.

Weights are quantized per output channel, activations per tensor; every per-channel factor (weight scale, BatchNorm,
bias) goes into the requantizer, so codes stay what the quantizer made them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.base import ConfigError
from gan2hls.fit import (
    MULT_BITS,
    PERCENTILE,
    WIDE_MULT_BITS,
    LayerPrecision,
    RangeRule,
    activation_type,
    fit_weight,
    make_requant,
    range_type,
)
from gan2hls.formats import Precision
from gan2hls.model import (
    Affine,
    Graph,
    IntegerModel,
    IntLayer,
    Layer,
    Piecewise,
    Split,
    linear_layers,
    split,
    verify_integer_model,
)
from gan2hls.numbers import Float32Array, FloatArray, IntType, QuantType, Requant, Table
from gan2hls.ops import IntWeight
from gan2hls.quantize.channel_tables import NARROWEST, channel_tables, reach
from gan2hls.quantize.curves import Curves
from gan2hls.quantize.domains import check_defined

#: Widest accumulator of hardware.
MOST_ACC_BITS = 44
#: Accumulators whose products with wide multipliers are exact in float64.
_WIDE_ACC_BITS = 53 - WIDE_MULT_BITS
#: A table's step is at most this part of an output step, as far as ``TABLE_BITS`` allows; and where the file fixes it.
_TABLE_STEP, _FINE_TABLE_STEP = 1 / 2, 1 / 16
#: Least and greatest index width of a table.
TABLE_BITS = (4, 12)
_CURVE_GRID = 4097
#: Inputs of these bits keep the whole range of the samples.
_FINE_INPUT_BITS = 16
#: A bounded output keeps its whole range when samples use this part of it, else their range and this margin.
_USED_RANGE = 0.5
_MARGIN = 0.1


def quantize_weights(graph: Graph, precisions: Mapping[str, LayerPrecision]) -> dict[str, IntWeight]:
    """Return the integer weights of every linear layer by its name; they depend on no calibration."""
    return {layer.name: _quantized(op.weight, precisions[layer.name]) for layer, op in linear_layers(graph)}


def _quantized(weight: FloatArray, precision: LayerPrecision) -> IntWeight:
    if precision.codes is not None:
        return precision.codes
    assert precision.weight is not None, "auto has been resolved"
    return fit_weight(weight, precision.weight)


def choose_types(
    graph: Graph,
    streams: Mapping[str, Float32Array],
    precisions: Mapping[str, LayerPrecision],
    rule: RangeRule,
    percentile: float = PERCENTILE,
    wide: Collection[str] = (),
    known: Mapping[str, QuantType] | None = None,
) -> dict[str, QuantType]:
    """Return the type of every tensor by name, ranges found by ``rule`` in ``streams`` ``[N, H, W, C]``.

    A type that the file's own quantizer fixes comes first.  The model's output is never cut: it keeps the whole range
    of a bounded curve, or of the samples; nor is a tensor of so many bits that cutting it gains nothing: an input of
    16, and those named in ``wide``.  Types that are ``known`` already are taken over.
    """
    known = known or {}
    outputs = {port.name for port in graph.outputs}
    types = dict(known)
    for port in graph.inputs:
        if port.name in known:
            continue
        precision = precisions[port.name].activation
        at_input = "minmax" if precision.bits >= _FINE_INPUT_BITS or port.name in wide else rule
        types[port.name] = activation_type(streams[port.name], precision, at_input, percentile)
    for layer in graph.layers:
        if layer.name in known:
            continue
        chain = split(layer.points, layer.channels)
        at = "minmax" if layer.name in outputs or layer.name in wide else rule
        if layer.is_copy:
            (source,) = layer.inputs
            types[layer.name] = graph.pinned.get(source, types[source])
            continue
        types[layer.name] = _output_type(chain, streams[layer.name], precisions[layer.name].activation, at, percentile)
    return {**types, **graph.pinned}


def lower(
    graph: Graph,
    weights: Mapping[str, IntWeight],
    types: Mapping[str, QuantType],
    *,
    gains: Mapping[str, FloatArray] | None = None,
    biases: Mapping[str, FloatArray] | None = None,
    former: IntegerModel | None = None,
) -> IntegerModel:
    """Turn ``graph`` into integers.

    Args:
        graph: after the passes.
        weights: from ``quantize_weights``.
        types: of every tensor, inputs included.
        gains: by layer name, what its channels were divided by (``equalize``); absent means 1.
        biases: by layer name, float64 ``[C]`` added to the linear map's result (``correct``); absent means 0.
        former: made of the same but for ``types``: layers whose types are the same are its layers.

    Raises:
        ConfigError: a precision that cannot hold the layer.
    """
    layers: list[IntLayer] = []
    for n, layer in enumerate(graph.layers):
        if former is not None and _has_types(former.layers[n], types):
            layers.append(former.layers[n])
            continue
        bias = (biases or {}).get(layer.name)
        if bias is not None:
            layer = replace(layer, points=(Affine(np.ones(1), bias), *layer.points))
        input_types = [types[name] for name in layer.inputs]
        pinned = layer.name in graph.pinned
        made = lower_layer(layer, input_types, weights.get(layer.name), types[layer.name], pinned=pinned)
        layers.append(replace(made, probe_gain=(gains or {}).get(layer.name, np.ones(1))))
    model = IntegerModel(
        graph.name, graph.inputs, tuple(types[port.name] for port in graph.inputs), tuple(layers), graph.outputs
    )
    verify_integer_model(model)
    return model


def _has_types(layer: IntLayer, types: Mapping[str, QuantType]) -> bool:
    reads = zip(layer.inputs, layer.input_types, strict=True)
    return layer.output_type == types[layer.name] and all(given == types[name] for name, given in reads)


def lower_layer(
    layer: Layer,
    input_types: Sequence[QuantType],
    weight: IntWeight | None,
    output_type: QuantType,
    *,
    pinned: bool = False,
) -> IntLayer:
    """Turn one layer into integers.

    Args:
        layer: after the passes.
        input_types: of the tensors that it reads.
        weight: of a linear layer.
        output_type: of the tensor that it makes.
        pinned: whether a quantizer of the file fixes ``output_type``: its codes are wanted exactly.

    Raises:
        ConfigError: accumulators or biases beyond what hardware has.
    """
    channels, points = layer.channels, layer.points
    try:
        op, scale = layer.op.lower(input_types, layer.shape, weight)
    except ConfigError as error:
        raise ConfigError(error.message, where=f"{layer.name} ({layer.source})", hint=error.hint) from error
    acc_scale = np.broadcast_to(np.abs(scale), (channels,))
    if (scale < 0).any():
        points = (Affine(np.sign(scale), np.zeros(1)), *points)
    acc_type = IntType.covering(*op.bounds(input_types))
    if acc_type.bits > MOST_ACC_BITS:
        raise ConfigError(
            f"needs accumulators of {acc_type.bits} bits, {MOST_ACC_BITS} are supported",
            where=layer.name,
            hint="lower the weight or activation width of this layer",
        )
    chain = split(points, channels)
    assert not chain.rest, f"{layer.name}: the passes leave no rest"
    mult_bits = WIDE_MULT_BITS if pinned and acc_type.bits <= _WIDE_ACC_BITS else MULT_BITS
    table = None
    if not chain.curve:
        requant = make_requant(chain.piecewise, acc_scale, acc_type, output_type, mult_bits=mult_bits, where=layer.name)
    elif not chain.curve_is_common:
        most = _FINE_TABLE_STEP if pinned else _TABLE_STEP
        requant, table = channel_tables(
            chain, acc_scale, acc_type, output_type, where=layer.name, most=most, bits=TABLE_BITS
        )
    elif acc_type.bits <= TABLE_BITS[1] and _is_common(chain.piecewise, acc_scale):
        requant, table = _plain_index(chain, acc_scale, acc_type, output_type)
    else:
        step = _FINE_TABLE_STEP if pinned else _TABLE_STEP
        requant, table = _requant_and_table(chain, acc_scale, acc_type, output_type, layer.name, step)
    return IntLayer(
        name=layer.name,
        source=layer.source,
        inputs=layer.inputs,
        input_types=tuple(input_types),
        output_type=output_type,
        shape=layer.shape,
        op=op,
        acc_type=acc_type,
        requant=requant,
        table=table,
        probe=layer.probe,
    )


def _output_type(
    chain: Split, values: Float32Array, precision: Precision, rule: RangeRule, percentile: float
) -> QuantType:
    """Choose a tensor's type.

    Under ``minmax`` a bounded curve (Tanh, Sigmoid) keeps its whole range, so that white stays white, unless the
    samples use less than ``_USED_RANGE`` of it (a generator of pale images): then their range with a margin.
    """
    low, high = _bounds(chain)
    bounded = np.isfinite(low) and np.isfinite(high) and high > low
    if precision.kind != "int" or not bounded or rule != "minmax":
        return activation_type(values, precision, rule, percentile)
    least, most = float(values.min()), float(values.max())
    if most - least >= _USED_RANGE * (high - low):
        return range_type(low, high, precision)
    margin = _MARGIN * (most - least)
    return range_type(max(low, least - margin), min(high, most + margin), precision)


def _bounds(chain: Split) -> tuple[float, float]:
    """Return what the output can reach at most, infinite or NaN where nothing bounds it."""
    ends = np.array([chain.piecewise.lo, chain.piecewise.hi])
    if chain.curve:
        if np.isfinite(ends).all():  # a curve may turn back in between
            ends = np.linspace(chain.piecewise.lo, chain.piecewise.hi, _CURVE_GRID, dtype=np.float64)
        if not chain.curve_is_common:
            curves = Curves(chain.curve, chain.piecewise.slope.shape[1])
            chain, ends = replace(chain, curve=curves.of(np.arange(curves.count))), ends[:, None]
        with np.errstate(all="ignore"):
            ends = chain.evaluate_curve(ends)
    return float(ends.min()), float(ends.max())


def _is_common(piecewise: Piecewise, acc_scale: FloatArray) -> bool:
    """Whether all channels do the same with an accumulator."""
    words = np.stack([acc_scale, *piecewise.slope, *piecewise.offset, piecewise.knot])
    return bool((words == words[:, :1]).all())


def _plain_index(chain: Split, acc_scale: FloatArray, acc_type: IntType, out: QuantType) -> tuple[Requant, Table]:
    """Return a requantizer that passes an accumulator of few bits on, and a table that does all: nothing is rounded."""
    channels = acc_scale.size
    ones, zeros = np.ones((1, channels), np.int64), np.zeros((1, channels), np.int64)
    accs = np.arange(acc_type.lo, acc_type.hi + 1, dtype=np.float64)[:, None]
    x = chain.piecewise(accs * acc_scale)[:, 0]
    made = chain.evaluate_curve(x)
    check_defined(chain.curve, x, made)
    values = out.quantize(made)
    requant = Requant(ones, zeros, zeros[0], 0, 0, acc_type.lo, acc_type.hi, acc_type)
    return requant, Table(acc_type, values[None], out.int_type)


def _requant_and_table(
    chain: Split, acc_scale: FloatArray, acc_type: IntType, out: QuantType, where: str, most: float
) -> tuple[Requant, Table]:
    """Return the requantizer to a table index and the table of the curve, which moves at most ``most`` codes a step.

    The index spans the inputs over which the output code still changes; outside, the clamp holds the end value.
    """
    least, greatest = reach(chain.piecewise, acc_scale, acc_type)
    low, high = float(least.min()), float(greatest.max())
    low, high = _active_range(chain, low, high, out)
    bits = _table_bits(chain, low, high, out, most)
    step = max((high - low) / ((1 << bits) - 1), 1e-12)
    index_type = IntType(bits, signed=False)
    shifted = replace(chain.piecewise, offset=chain.piecewise.offset - low, lo=-np.inf, hi=np.inf)
    requant = make_requant(shifted, acc_scale, acc_type, QuantType(index_type, step), where=where)
    x = np.clip(low + step * np.arange(1 << bits, dtype=np.float64), chain.piecewise.lo, chain.piecewise.hi)
    made = chain.evaluate_curve(x)
    check_defined(chain.curve, x, made)
    values = out.quantize(made)
    return requant, Table(index_type, values[None], out.int_type)


def _active_range(chain: Split, low: float, high: float, out: QuantType) -> tuple[float, float]:
    """Trim the ends of ``low..high`` over which the output code no longer changes, by bisection-like zooming.

    Around a single step of the output zooming would find no end: what is left there is as wide as one code of it, and
    around a jump ``NARROWEST`` of the whole.
    """
    narrowest = NARROWEST * (high - low)
    for _ in range(64):
        grid: FloatArray = np.linspace(low, high, _CURVE_GRID, dtype=np.float64)
        curve = chain.evaluate_curve(grid)
        codes = out.quantize(curve)
        changes = np.flatnonzero(np.diff(codes))
        if not changes.size:
            return low, low + max(high - low, 1e-6)
        first, last = max(0, changes[0] - 1), min(_CURVE_GRID - 1, changes[-1] + 2)
        narrowed = float(grid[first]), float(grid[last])
        rise = float(np.ptp(curve[first : last + 1]))
        if changes.size == 1 and rise < out.scale:
            width = min((narrowed[1] - narrowed[0]) * out.scale / rise, high - low)
            centre = 0.5 * (narrowed[0] + narrowed[1])
            return centre - 0.5 * width, centre + 0.5 * width
        if narrowed[1] - narrowed[0] > 0.9 * (high - low) or narrowed[1] - narrowed[0] < narrowest:
            return narrowed
        low, high = narrowed
    return low, high


def _table_bits(chain: Split, low: float, high: float, out: QuantType, most: float) -> int:
    """Return the least index width at which one index step moves the output by at most ``most`` codes."""
    grid: FloatArray = np.linspace(low, high, _CURVE_GRID, dtype=np.float64)
    slope = np.abs(np.diff(chain.evaluate_curve(grid))).max() / (grid[1] - grid[0])
    needed = np.log2(max(1.0, slope * (high - low) / (out.scale * most)))
    return int(np.clip(np.ceil(needed), *TABLE_BITS))
