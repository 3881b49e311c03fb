"""The integer model: what the hardware computes, integers only.

This is the one thing that the golden model, the HLS C++ and the RTL must agree on, at every layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from gan2hls.model.ir import IDENTIFIER, Port
from gan2hls.numbers import FloatArray, Int64Array, IntType, QuantType, Requant, Table
from gan2hls.ops import IntOp, Shape


@final
@dataclass(frozen=True, eq=False)
class IntLayer:
    """One layer in integers: ``op -> requant -> table``.

    Attributes:
        name: unique identifier; also names the output tensor.
        source: ONNX nodes, untrusted text.
        inputs: names of the tensors it reads.
        input_types: meaning of the codes of each.
        output_type: meaning of the output codes.
        shape: output ``(H, W, C)``.
        op: what makes the accumulators.
        acc_type: exact range of every accumulator.
        requant: accumulator to code (or to table index).
        table: the curve after the requantizer, or None.
        probe: the ONNX tensor that the output stands for.
        probe_gain: float64 ``[G]``, ``G`` dividing ``shape[2]``: channel ``c`` of that tensor is ``probe_gain[c % G]``
            times the real value of the output.
    """

    name: str
    source: str
    inputs: tuple[str, ...]
    input_types: tuple[QuantType, ...]
    output_type: QuantType
    shape: Shape
    op: IntOp
    acc_type: IntType
    requant: Requant
    table: Table | None
    probe: Port
    probe_gain: FloatArray = field(default_factory=lambda: np.ones(1))

    @property
    def input_type(self) -> QuantType:
        """Meaning of the codes of its one input."""
        (given,) = self.input_types
        return given

    @property
    def channels(self) -> int:
        """What the requantizer tells apart: output channels of every row phase (of a Dense layer all features)."""
        return self.requant.channels


@final
@dataclass(frozen=True, eq=False)
class IntegerModel:
    """A whole generator in integers; layers in topological order, tensors named by their producers.

    Attributes:
        batch: frames of the generator that a frame of it is, one below the other (``batched``).
        single: where that is several, the model of one.
    """

    name: str
    inputs: tuple[Port, ...]
    input_types: tuple[QuantType, ...]
    layers: tuple[IntLayer, ...]
    outputs: tuple[Port, ...]
    batch: int = 1
    single: IntegerModel | None = field(default=None, repr=False)

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


def verify_integer_model(model: IntegerModel) -> None:
    """Check what golden model, codecs, engines and reports rely on.

    Raises:
        AssertionError: a stage of gan2hls made an illegal model.
    """
    assert IDENTIFIER.match(model.name), f"model name {model.name!r}"
    types = {port.name: quant for port, quant in zip(model.inputs, model.input_types, strict=True)}
    for layer in model.layers:
        assert IDENTIFIER.match(layer.name) and layer.name not in types, f"layer name {layer.name!r}"
        assert tuple(types[name] for name in layer.inputs) == layer.input_types, f"{layer.name}: input types"
        produced = layer.table.out_type if layer.table else layer.requant.out_type
        assert produced == layer.output_type.int_type, f"{layer.name}: {produced} is not {layer.output_type}"
        assert layer.probe_gain.ndim == 1 and layer.shape[2] % layer.probe_gain.size == 0, f"{layer.name}: probe gain"
        if layer.table:
            assert layer.table.index_type == layer.requant.out_type, f"{layer.name}: table index type"
            assert layer.channels % layer.table.sets == 0, f"{layer.name}: {layer.table.sets} functions"
        try:
            layer.op.verify(layer.input_types, layer.requant.channels)
        except AssertionError as error:
            raise AssertionError(f"{layer.name}: {error}") from error
        low, high = layer.op.bounds(layer.input_types)
        assert layer.acc_type.lo <= low and high <= layer.acc_type.hi, f"{layer.name}: {layer.acc_type} overflows"
        layer.requant.sum_type(layer.acc_type)
        types[layer.name] = layer.output_type
    for port in model.outputs:
        assert port.name in types, f"output {port.name!r}"
