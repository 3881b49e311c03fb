"""Let a layer compute the pointwise layers behind it, as far as one requantizer and one table reach."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gan2hls.kinds import map_parameters
from gan2hls.model import Graph, Layer, Point, readings, rewired, split, with_layers
from gan2hls.numbers import FloatArray
from gan2hls.ops import Identity, unshuffled
from gan2hls.passes.simplify import simplified


def fuse_points(graph: Graph) -> Graph:
    """Append each pointwise layer to the layer before it where ``points.split`` leaves no rest."""
    read = readings(graph)
    layers: dict[str, Layer] = {}
    renamed: dict[str, str] = {}
    for original in graph.layers:
        layer = rewired(original, renamed)
        fused = None
        if isinstance(layer.op, Identity) and read[original.inputs[0]] == 1 and layer.inputs[0] in layers:
            fused = _fuse(layers[layer.inputs[0]], layer)
        if fused is None:
            layers[layer.name] = layer
        else:
            layers[fused.name] = fused
            renamed[layer.name] = fused.name
    return with_layers(graph, layers.values(), renamed)


def _fuse(before: Layer, layer: Layer) -> Layer | None:
    """Return ``before`` with the points of ``layer``, or None where one engine cannot compute both."""
    channels = before.channels
    fitted = _fit(layer.points, layer.shape[2], before)
    if fitted is None:
        return None
    points = simplified((*before.points, *fitted))
    if split(points, channels).rest:
        return None
    source = " + ".join(text for text in (before.source, layer.source) if text)
    probe = replace(layer.probe, name=before.name, shape=before.shape)
    return replace(before, source=source, points=points, probe=probe)


def _fit(points: tuple[Point, ...], have: int, before: Layer) -> tuple[Point, ...] | None:
    """Return points over ``have`` channels as points over those of ``before``, or None where its pixels differ.

    What stands in front of a pixel shuffle in the file has parameters for each channel of the convolution.
    """
    fits = True

    def change(value: FloatArray) -> FloatArray:
        nonlocal fits
        if value.size == 1:
            return value
        if have == before.shape[2]:
            return np.tile(value, before.channels // have)
        by_element = np.tile(value, math.prod(before.shape) // have).reshape(1, *before.shape)
        shape = before.op.sums_shape(before.shape)
        pixels: FloatArray = unshuffled(by_element, shape).reshape(-1, before.channels)
        fits = fits and bool((pixels == pixels[0]).all())
        first: FloatArray = pixels[0].copy()
        return first

    made = tuple(map_parameters(point, change) for point in points)
    return made if fits else None
