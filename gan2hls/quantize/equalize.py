"""Cross-layer equalization: move channel scales from activations into the weights of the layers that read them.

An activation tensor has one scale for all channels.  Where channels differ widely (BatchNormalization behind a ReLU),
most of them would use a few codes only.  Dividing channel ``c`` by a positive gain and multiplying its readers'
weights of input channel ``c`` by it changes nothing in real numbers, costs nothing in hardware (the requantizer has a
multiplier per channel anyway), and evens the channels out.

Source: Nagel et al. 2019 (data-free quantization, section 4.1); the exponent is that of SmoothQuant (Xiao et al. 2023).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gan2hls.model import Affine, Graph, Layer, split
from gan2hls.numbers import Float32Array, FloatArray
from gan2hls.ops import Linear

#: Gains beyond this ratio to the median would only amplify noise of channels that hardly live.
_MOST = 2.0**10


def find_gains(
    graph: Graph, streams: Mapping[str, Float32Array], alpha: float, coded: Collection[str] = ()
) -> dict[str, FloatArray]:
    """Return a gain per channel of every layer whose readers are all linear; float64 ``[shape[2]]`` or a divisor of it.

    ``gain = range_of_activation**alpha / range_of_weights**(1 - alpha)``, normalized to a median of 1.  The weights are
    those of all readers together, since a gain applies to every one of them: what a join reads has none.

    Args:
        graph: after the passes.
        streams: float values of every tensor, in which activation ranges are measured.
        alpha: 0 evens out the weights, 1 the activations.
        coded: layers whose weights keep the codes of the file: nothing may be multiplied into them.
    """
    outputs = {port.name for port in graph.outputs}
    gains = {}
    for layer in graph.layers:
        readers = [other for other in graph.layers if layer.name in other.inputs]
        linear = [reader.op for reader in readers if isinstance(reader.op, Linear)]
        if layer.name in outputs or not linear or len(linear) < len(readers):
            continue
        if layer.name in graph.pinned:
            continue  # its scale is the file's
        if any(reader.name in coded for reader in readers):
            continue
        units = _units(layer, linear)
        if units == 0 or split((*layer.points, Affine(np.ones(layer.channels), np.zeros(1))), layer.channels).rest:
            continue
        if split(layer.points, layer.channels).curve:
            continue  # one table serves all channels
        activation = np.abs(streams[layer.name].reshape(-1, units)).max(axis=0).astype(np.float64)
        weight = np.max([_weight_ranges(reader).reshape(-1, units).max(axis=0) for reader in linear], axis=0)
        alive = (activation > 0) & (weight > 0)
        if not alive.any():
            continue
        gain = np.ones(units)
        gain[alive] = activation[alive] ** alpha / weight[alive] ** (1 - alpha)
        gain[alive] /= np.median(gain[alive])
        gains[layer.name] = np.clip(gain, 1 / _MOST, _MOST)
    return gains


def apply_gains(graph: Graph, gains: Mapping[str, FloatArray]) -> Graph:
    """Return ``graph`` with each named layer's output divided by its gain, and all its readers' weights times it."""
    layers = []
    for layer in graph.layers:
        out = gains.get(layer.name)
        for gain in [gains[name] for name in layer.inputs if name in gains]:
            assert isinstance(layer.op, Linear), f"{layer.name} reads a tensor of gains"
            layer = replace(layer, op=replace(layer.op, weight=_scaled_inputs(layer.op, gain)))
        if out is not None:
            scale = np.tile(1 / out, layer.channels // out.size)
            layer = replace(layer, points=(*layer.points, Affine(scale, np.zeros(1))))
        layers.append(layer)
    return replace(graph, layers=tuple(layers))


def apply_to_streams(streams: Mapping[str, Float32Array], gains: Mapping[str, FloatArray]) -> dict[str, Float32Array]:
    """Return ``streams`` as the graph of ``apply_gains`` would make them."""
    return {
        name: (values.reshape(-1, gains[name].size) / gains[name]).reshape(values.shape).astype(np.float32)
        if name in gains
        else values
        for name, values in streams.items()
    }


def _units(layer: Layer, readers: Sequence[Linear]) -> int:
    """Return the number of gains that all sides can tell apart, 0 when their channels do not nest."""
    channels = [layer.shape[2], *(reader.geometry.in_channels for reader in readers)]
    units = min(channels)
    return units if all(count % units == 0 for count in (*channels, layer.channels)) else 0


def _weight_ranges(reader: Linear) -> FloatArray:
    """Return per input channel its greatest weight, relative to the greatest of the output channel it adds to."""
    g, weight = reader.geometry, reader.weight
    peak = np.abs(weight).max(axis=0)  # [CO, CI / groups]
    relative = peak / np.maximum(peak.max(axis=1, keepdims=True), 1e-30)
    ranges: FloatArray = relative.reshape(g.groups, g.group_out, g.group_in).max(axis=1).reshape(-1)
    return ranges


def _scaled_inputs(reader: Linear, gain: FloatArray) -> FloatArray:
    g, weight = reader.geometry, reader.weight
    per_channel = np.tile(gain, g.in_channels // gain.size).reshape(g.groups, 1, g.group_in)
    scaled: FloatArray = weight.reshape(-1, g.groups, g.group_out, g.group_in) * per_channel
    return scaled.reshape(weight.shape)
