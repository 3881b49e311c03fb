"""Remove channels that pruning emptied: outputs whose weights are all zero, and outputs that nobody reads.

A channel without weights is the constant that its bias and activation make.  Where that is 0, or where every output of
the next layer sees every tap, so that it is a constant there too, the channel and the taps that read it go.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gan2hls.kinds import select_channels
from gan2hls.model import Affine, Graph, Layer, readings, with_layers
from gan2hls.numbers import FloatArray
from gan2hls.ops import Linear

Mask = npt.NDArray[np.bool_]


def drop_dead_channels(graph: Graph) -> Graph:
    """Remove dead channels between linear layers until none is left."""
    read = readings(graph)
    layers = {layer.name: layer for layer in graph.layers}
    again = True
    while again:
        again = False
        for name in layers:
            maker = layers.get(layers[name].inputs[0])
            if maker is None or len(layers[name].inputs) != 1 or read[maker.name] != 1:
                continue
            pruned = _pruned(maker, layers[name])
            if pruned is not None:
                layers[maker.name], layers[name] = pruned
                again = True
    return with_layers(graph, layers.values())


def _pruned(maker: Layer, reader: Layer) -> tuple[Layer, Layer] | None:
    """Return both without the channels between them that are dead, or None where there are none."""
    if not isinstance(maker.op, Linear) or not isinstance(reader.op, Linear):
        return None
    before, after = maker.op.geometry, reader.op.geometry
    channels = after.in_channels
    pixels = before.out_channels * math.prod(before.out_shape[:2]) // channels
    if before.groups != 1 or after.groups != 1 or after.in_shape != maker.shape:
        return None
    constant = _constants(maker, maker.op)  # [CO], NaN where the channel lives
    per_channel = np.tile(constant, pixels * channels // constant.size).reshape(pixels, channels)
    empty = ~np.isnan(per_channel).any(axis=0) & (per_channel == per_channel[0]).all(axis=0)
    value = np.where(empty, np.nan_to_num(per_channel[0]), 0.0)
    whole = after.y.count * after.x.count == np.prod(after.kernel) * np.prod(after.out_shape[:2])
    unread = ~reader.op.weight.any(axis=(0, 1))
    dead = unread | (empty & ((value == 0) | whole))
    if dead.all():
        dead[0] = False
    if not dead.any():
        return None
    return select_channels(maker, ~dead), _without_inputs(
        reader, reader.op, ~dead, np.where(dead & ~unread, value, 0.0)
    )


def _constants(layer: Layer, op: Linear) -> FloatArray:
    """Return the value of each output channel that has no weights, NaN for the others."""
    x: FloatArray = np.zeros(op.geometry.out_channels)
    for point in layer.points:
        x = np.broadcast_to(point(x), x.shape)
    return np.where(op.weight.any(axis=(0, 2)), np.nan, x)


def _without_inputs(layer: Layer, op: Linear, kept: Mask, value: FloatArray) -> Layer:
    """Return ``layer`` without the input channels not ``kept``, which are ``value`` everywhere."""
    bias = (op.weight * value).sum(axis=(0, 2))
    points = (Affine(np.ones(1), bias), *layer.points) if bias.any() else layer.points
    geometry = replace(op.geometry, in_channels=int(kept.sum()))
    return replace(
        layer, op=replace(op, geometry=geometry, weight=np.ascontiguousarray(op.weight[..., kept])), points=points
    )
