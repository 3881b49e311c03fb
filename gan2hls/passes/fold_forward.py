"""Fold an affine map that no layer before it could take into the weights of the linear layer behind it.

A scale folds, but one that differs from channel to channel would spoil weights whose codes are known.  A shift folds
only where every output sees every tap: a padded tap must contribute 0, not the shift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.model import Affine, Graph, Layer, readings, with_layers
from gan2hls.numbers import FloatArray
from gan2hls.ops import Identity, Linear
from gan2hls.passes.simplify import simplified


def fold_forward(graph: Graph) -> Graph:
    """Fold pointwise layers that are one affine map into the linear layer that alone reads them."""
    read = readings(graph)
    layers: dict[str, Layer] = {}
    for layer in graph.layers:
        before = layers.get(layer.inputs[0])
        if before is not None and read[before.name] == 1 and isinstance(layer.op, Linear):
            folded = _fold(before, layer, layer.op)
            if folded is not None:
                del layers[before.name]
                layer = folded
        layers[layer.name] = layer
    return with_layers(graph, layers.values())


def _fold(before: Layer, layer: Layer, op: Linear) -> Layer | None:
    geometry, weight = op.geometry, op.weight
    if not isinstance(before.op, Identity) or len(before.points) != 1:
        return None
    point = before.points[0]
    if not isinstance(point, Affine):
        return None
    scale, shift = (_over_input(value, before.shape[2], geometry.in_channels) for value in (point.scale, point.bias))
    if scale is None or shift is None:
        return None
    whole = geometry.y.count * geometry.x.count == np.prod(geometry.kernel) * np.prod(geometry.out_shape[:2])
    if shift.any() and not whole:
        return None
    structure = op.structure
    if structure is not None:
        if (scale != scale[0]).any() or scale[0] <= 0:
            return None  # codes stay what the file made them
        codes = structure.weight
        structure = replace(structure, weight=replace(codes, scale=codes.scale * scale[0]))
    groups = np.arange(geometry.out_channels) // geometry.group_out
    columns = groups[:, None] * geometry.group_in + np.arange(geometry.group_in)
    bias = (weight * shift[columns]).sum(axis=(0, 2))
    points = simplified((Affine(np.ones(1), bias), *layer.points))
    source = " + ".join(text for text in (before.source, layer.source) if text)
    return replace(
        layer,
        source=source,
        inputs=before.inputs,
        op=replace(op, weight=weight * scale[columns], structure=structure),
        points=points,
    )


def _over_input(value: FloatArray, have: int, channels: int) -> FloatArray | None:
    """Return a parameter over ``have`` channels as one over the reader's ``channels``, or None where pixels differ."""
    if value.size == 1:
        return np.full(channels, value[0])
    if have == channels:
        return value
    return np.tile(value, channels // have) if channels % have == 0 else None
