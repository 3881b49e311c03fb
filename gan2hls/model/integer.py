"""The integer model: what the hardware computes, integers only.

This is the one thing that the golden model, the HLS C++ and the RTL must agree on, at every layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from gan2hls.model.ir import IDENTIFIER, Port
from gan2hls.model.shuffle import Shape
from gan2hls.model.taps import LinearGeometry
from gan2hls.model.weights import IntWeight
from gan2hls.numbers import FloatArray, Int64Array, IntType, QuantType, Requant, Table


@final
@dataclass(frozen=True, eq=False)
class IntLayer:
    """One layer in integers: ``acc -> requant -> table``.

    A linear layer accumulates ``weight * (code - input.zero_point)`` over its taps; a pointwise layer's accumulator
    is ``code - input.zero_point`` itself.  Output pixels without taps have ``acc = 0``.

    Attributes:
        name: unique identifier; also names the output tensor.
        kind: ``conv``, ``conv_transpose``, ``dense`` or ``pointwise``.
        source: ONNX nodes, untrusted text.
        inputs: names of the tensors it reads (one, in both kinds of engine so far).
        input_type: meaning of the input codes.
        output_type: meaning of the output codes.
        shape: output ``(H, W, C)``.
        acc_type: exact range of every accumulator.
        requant: accumulator to code (or to table index).
        table: the curve after the requantizer, or None.
        geometry: tap program; None for a pointwise layer.
        weight: integer weights; None for a pointwise layer.
        probe: the ONNX tensor that the output stands for.
        probe_gain: float64 ``[G]``, ``G`` dividing ``shape[2]``: channel ``c`` of that tensor is ``probe_gain[c % G]``
            times the real value of the output.
    """

    name: str
    kind: str
    source: str
    inputs: tuple[str, ...]
    input_type: QuantType
    output_type: QuantType
    shape: Shape
    acc_type: IntType
    requant: Requant
    table: Table | None
    geometry: LinearGeometry | None
    weight: IntWeight | None
    probe: Port
    probe_gain: FloatArray = field(default_factory=lambda: np.ones(1))

    @property
    def channels(self) -> int:
        """What the requantizer tells apart: output channels of every row phase (of a Dense layer all features)."""
        return self.requant.channels

    @property
    def useful_macs(self) -> int:
        """MACs that touch a real input and a real weight."""
        return 0 if self.geometry is None else self.geometry.useful_macs


@final
@dataclass(frozen=True, eq=False)
class IntegerModel:
    """A whole generator in integers; layers in topological order, tensors named by their producers."""

    name: str
    inputs: tuple[Port, ...]
    input_types: tuple[QuantType, ...]
    layers: tuple[IntLayer, ...]
    outputs: tuple[Port, ...]

    def layer(self, name: str) -> IntLayer:
        """Return the layer called ``name``."""
        return next(layer for layer in self.layers if layer.name == name)

    def real(self, tensor: str, codes: Int64Array) -> FloatArray:
        """Return the values of the ONNX tensor that ``codes`` ``[N, H, W, C]`` of ``tensor`` stand for."""
        values = self.type_of(tensor).dequantize(codes)
        gains = {layer.name: layer.probe_gain for layer in self.layers}
        gain = gains.get(tensor, np.ones(1))
        return (values.reshape(-1, gain.size) * gain).reshape(values.shape)

    def type_of(self, tensor: str) -> QuantType:
        """Return the meaning of the codes of ``tensor``, an input's or a layer's name."""
        for port, quant in zip(self.inputs, self.input_types, strict=True):
            if port.name == tensor:
                return quant
        return self.layer(tensor).output_type


def acc_bounds(weight: Int64Array, centred: IntType, geometry: LinearGeometry) -> tuple[int, int]:
    """Return the exact interval of every partial and final accumulator, 0 included.

    ``weight`` is int64 ``[KH * KW, CO, CI / groups]`` and ``centred`` the type of ``code - zero_point``.  Each output
    pixel uses a subset of the taps (of its row phase); adding all taps of each sign bounds every subset and every order
    of summation.
    """
    taps = weight.reshape(-1, geometry.row_phases, geometry.x.kernel, *weight.shape[1:])
    phases = [taps[:, phase].reshape(-1, *weight.shape[1:]) for phase in range(geometry.row_phases)]
    positive = np.stack([np.sum([np.clip(tap, 0, None).sum(axis=1) for tap in phase], axis=0) for phase in phases])
    negative = np.stack([np.sum([np.clip(tap, None, 0).sum(axis=1) for tap in phase], axis=0) for phase in phases])
    high = positive * centred.hi + negative * centred.lo
    low = positive * centred.lo + negative * centred.hi
    return min(0, int(low.min())), max(0, int(high.max()))


def verify_integer_model(model: IntegerModel) -> None:
    """Check what golden model, codecs, engines and reports rely on.

    Raises:
        AssertionError: a stage of gan2hls made an illegal model.
    """
    assert IDENTIFIER.match(model.name), f"model name {model.name!r}"
    types = {port.name: quant for port, quant in zip(model.inputs, model.input_types, strict=True)}
    for layer in model.layers:
        assert IDENTIFIER.match(layer.name) and layer.name not in types, f"layer name {layer.name!r}"
        assert all(types[name] == layer.input_type for name in layer.inputs), f"{layer.name}: input type"
        produced = layer.table.out_type if layer.table else layer.requant.out_type
        assert produced == layer.output_type.int_type, f"{layer.name}: {produced} is not {layer.output_type}"
        assert (layer.geometry is None) == (layer.weight is None), f"{layer.name}: geometry without weight"
        assert layer.probe_gain.ndim == 1 and layer.shape[2] % layer.probe_gain.size == 0, f"{layer.name}: probe gain"
        if layer.table:
            assert layer.table.index_type == layer.requant.out_type, f"{layer.name}: table index type"
            assert layer.channels % layer.table.sets == 0, f"{layer.name}: {layer.table.sets} functions"
        if layer.geometry is None or layer.weight is None:
            centred = layer.input_type.centred
            low, high = min(0, centred.lo), max(0, centred.hi)
        else:
            values = layer.weight.values
            assert values.shape == layer.geometry.weight_shape, f"{layer.name}: weight shape {values.shape}"
            assert layer.weight.type.lo <= values.min() and values.max() <= layer.weight.type.hi, layer.name
            scaled = layer.weight.codec == "blockscale"
            assert scaled == (layer.weight.factors is not None), f"{layer.name}: {layer.weight.codec} with factors"
            assert not scaled or _has_factors(layer.weight), f"{layer.name}: factors of blocks"
            channels = layer.geometry.out_channels * layer.geometry.row_phases
            assert layer.requant.channels == channels, f"{layer.name}: requant channels"
            low, high = acc_bounds(values, layer.input_type.centred, layer.geometry)
        assert layer.acc_type.lo <= low and high <= layer.acc_type.hi, f"{layer.name}: {layer.acc_type} overflows"
        layer.requant.sum_type(layer.acc_type)
        types[layer.name] = layer.output_type
    for port in model.outputs:
        assert port.name in types, f"output {port.name!r}"


def _has_factors(weight: IntWeight) -> bool:
    """Whether every block of block-scaled weights has a factor and the weights are its multiples."""
    factors = weight.factors
    assert factors is not None
    taps, co, ci = weight.values.shape
    fits = weight.block > 0 and factors.shape in {(n, co, -(-ci // weight.block)) for n in (1, taps)}
    if not fits or factors.min() < 1:
        return False
    return not (weight.values % np.repeat(factors, weight.block, axis=2)[:, :, :ci]).any()
