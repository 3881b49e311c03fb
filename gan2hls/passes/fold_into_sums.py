"""Fold an affine map between a tensor that others read too and a sum into the sum: ``x + 0.2 * f(x)``.

A scale becomes the operand's factor, a shift a point behind the sum.  What maps a tensor that nobody else reads has
joined the layer that makes it before, which costs nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.kinds import Add
from gan2hls.model import Affine, Graph, Layer, readings, split, with_layers
from gan2hls.ops import Identity, Shape
from gan2hls.passes.simplify import simplified


def fold_into_sums(graph: Graph) -> Graph:
    """Fold pointwise layers that are one affine map, of one scale, into the sums that alone read them."""
    read = readings(graph)
    shapes = {port.name: port.shape for port in graph.inputs} | {layer.name: layer.shape for layer in graph.layers}
    layers: dict[str, Layer] = {}
    for original in graph.layers:
        layer = original
        for n, name in enumerate(original.inputs):
            before = layers.get(name)
            if before is not None and read[name] == 1 and isinstance(layer.op, Add):
                folded = _fold(before, layer, layer.op, n, shapes)
                if folded is not None:
                    del layers[name]
                    layer = folded
        layers[layer.name] = layer
    return with_layers(graph, layers.values())


def _fold(before: Layer, layer: Layer, op: Add, n: int, shapes: dict[str, Shape]) -> Layer | None:
    """Return the sum ``layer`` of which operand ``n`` is what ``before`` reads, or None where that cannot be."""
    if not isinstance(before.op, Identity) or len(before.points) != 1 or shapes[before.inputs[0]] != layer.shape:
        return None
    point = before.points[0]
    if not isinstance(point, Affine) or (point.scale != point.scale[0]).any() or point.scale[0] == 0:
        return None
    shift = Affine(np.ones(1), op.factors[n] * point.bias)
    p, q = (factor * float(point.scale[0]) if m == n else factor for m, factor in enumerate(op.factors))
    points = simplified((shift, *layer.points))
    if split(points, layer.channels).rest:
        return None
    inputs = (*layer.inputs[:n], before.inputs[0], *layer.inputs[n + 1 :])
    source = " + ".join(text for text in (before.source, layer.source) if text)
    return replace(layer, source=source, inputs=inputs, op=replace(op, factors=(p, q)), points=points)
