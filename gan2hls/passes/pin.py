"""Turn the quantizers of the file into types: what ends an engine is not computed, it says what the codes mean.

A quantizer directly on an input is the input's own type: the codes that enter the hardware are the file's.  A scale in
front of it (of an image, say) goes into that type too, and what else stands between stays a layer.
"""

from __future__ import annotations

from dataclasses import replace

from gan2hls.model import Affine, Clip, Graph, Layer, Quantize, readings, rewired, with_layers
from gan2hls.numbers import IntType, QuantType
from gan2hls.ops import Identity

#: Zero points beyond this are no part of a code any more.
_MOST_ZERO_POINT = 1 << 16
#: Bits of an input on a finer grid than its quantizer's.
_WIDE = 16


def pin(graph: Graph) -> Graph:
    """Move every quantizer at the end of a chain to ``Graph.pinned``."""
    pinned = dict(graph.pinned)
    renamed: dict[str, str] = {}
    kept: list[Layer] = []
    outputs = {port.name for port in graph.outputs}
    for original in graph.layers:
        layer = rewired(original, renamed)
        quantizer = layer.points[-1] if layer.points else None
        if isinstance(quantizer, Quantize):
            layer = replace(layer, points=layer.points[:-1])
            source = layer.inputs[0]
            inherited = _before(layer, quantizer.type) if source in _open_inputs(graph, pinned) else None
            if inherited is not None:
                pinned[source] = inherited
                if not layer.points and inherited == quantizer.type and layer.name not in outputs:
                    renamed[layer.name] = source
                    continue
            pinned[layer.name] = quantizer.type
        kept.append(layer)
    return replace(with_layers(graph, kept), pinned=pinned)


def _open_inputs(graph: Graph, pinned: dict[str, QuantType]) -> set[str]:
    """Return the inputs whose type is open still and that one layer alone reads."""
    read = readings(graph)
    return {port.name for port in graph.inputs if port.name not in pinned and read[port.name] == 1}


def _before(layer: Layer, quant: QuantType) -> QuantType | None:
    """Return a type of the input under which ``layer``, quantized to ``quant``, loses nothing, or None.

    Where levels of ``quant`` are values of the input, they are the levels of the input too; where they lie between (a
    quantizer that rounds down), the input gets 16 bits on a grid that has them.
    """
    if not isinstance(layer.op, Identity):
        return None
    scale, zero_point = quant.scale, float(quant.zero_point)
    for point in reversed(layer.points):
        match point:
            case Clip():
                continue
            case Affine() if point.scale.size == point.bias.size == 1 and point.scale[0] > 0:
                zero_point += float(point.bias[0]) / scale
                scale /= float(point.scale[0])
            case _:
                return None
    if abs(zero_point) > _MOST_ZERO_POINT:
        return None
    if abs(zero_point - round(zero_point)) <= 1e-6 * max(1.0, abs(zero_point)):
        return replace(quant, scale=scale, zero_point=round(zero_point))
    spare = _WIDE - quant.int_type.bits - 2  # a sign, and room on both sides
    if spare < 1:
        return None
    return QuantType(IntType(_WIDE, signed=True), scale / 2**spare, round(zero_point * 2**spare))
