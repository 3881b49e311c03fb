"""Bias correction: take the mean error that quantization makes out of every linear layer.

Where most values of a channel are equal (a ReLU that is off, before a BatchNormalization), rounding that value shifts
the next layer's sums by a constant.  The mean of a linear layer's sums needs no convolution: it is linear in the sums
of its inputs over the pixels that each tap sees.  Where places matter differently (codes of few bits), sums are weighed
one by one, and that takes the convolution.

What a layer reads is what the integers before it make, on every way that leads to it: errors of branches that a join
adds up are all in there.

Source: Nagel et al. 2019 (data-free quantization, section 4.2), with measured instead of assumed means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gan2hls.model import Affine, Golden, Graph, IntegerModel, Layer, done_with
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, QuantType
from gan2hls.ops import IntWeight, Linear, LinearGeometry, linear
from gan2hls.quantize.lower import lower_layer


def find_biases(
    graph: Graph,
    weights: Mapping[str, IntWeight],
    types: Mapping[str, QuantType],
    streams: Mapping[str, Float32Array],
    places: Mapping[str, FloatArray] | None = None,
    means: dict[str, FloatArray] | None = None,
) -> dict[str, FloatArray]:
    """Return per linear layer what to add to its sums, float64 ``[CO]``, so that their means are those in float.

    A layer whose weights and input have the file's own codes computes what the file says: nothing is added.  Codes of
    few bits leave errors that no bias makes up for everywhere; ``places`` says where they matter.

    Args:
        graph: after the passes (and equalization).
        weights: integer weights by layer name.
        types: of every tensor.
        streams: float values ``[N, H, W, C]`` of every tensor; a few frames suffice.
        places: by layer name, what the error of a sum matters, ``[M, OH, OW, CO]`` of the first ``M`` frames; where
            absent, all count alike.
        means: of the sums in float, by layer name: what is missing is put in.  It goes with ``graph`` and ``streams``.
    """
    means = {} if means is None else means
    codes = {port.name: types[port.name].quantize(streams[port.name]) for port in graph.inputs}
    ends = done_with(graph.layers)
    biases = {}
    for layer in graph.layers:
        op = layer.op
        if isinstance(op, Linear) and not _exact(graph, layer, op, weights[layer.name]):
            (source,) = layer.inputs
            weight = weights[layer.name]
            scale = np.broadcast_to(weight.scale, (op.geometry.out_channels,))[:, None]
            real, made = types[source].dequantize(codes[source]), weight.values * scale
            if places is not None and layer.name in places:
                biases[layer.name] = _mean_lack(op, streams[source], made, real, places[layer.name])
            else:
                if layer.name not in means:
                    means[layer.name] = _mean_sums(op.geometry, op.weight, streams[source])
                biases[layer.name] = means[layer.name] - _mean_sums(op.geometry, made, real)
            layer = replace(layer, points=(Affine(np.ones(1), biases[layer.name]), *layer.points))
        codes[layer.name] = _run(graph, layer, weights.get(layer.name), types, codes)
        for name in ends[layer.name]:
            del codes[name]
    return biases


def _mean_lack(
    op: Linear, wanted: Float32Array, weight: FloatArray, found: FloatArray, places: FloatArray
) -> FloatArray:
    """Return the mean of what sums of ``weight`` on ``found`` lack, each weighted by its place, float64 ``[CO]``."""
    frames = min(len(wanted), len(places))
    sums = linear(op.geometry, op.weight, wanted[:frames])
    lack = sums - linear(op.geometry, weight, found[:frames].astype(np.float32))
    by = places[:frames]
    mean: FloatArray = (by * lack).sum(axis=(0, 1, 2)) / np.maximum(by.sum(axis=(0, 1, 2)), 1e-30)
    return mean


def _exact(graph: Graph, layer: Layer, op: Linear, weight: IntWeight) -> bool:
    """Whether a linear layer's sums are the file's own integers, or those of its input."""
    if layer.is_copy:
        return True
    kept = op.structure is not None and op.structure.exact and weight is op.structure.weight
    return kept and all(name in graph.pinned for name in layer.inputs)


def _run(
    graph: Graph,
    layer: Layer,
    weight: IntWeight | None,
    types: Mapping[str, QuantType],
    codes: Mapping[str, Int64Array],
) -> Int64Array:
    input_types = [types[name] for name in layer.inputs]
    made = lower_layer(layer, input_types, weight, types[layer.name], pinned=layer.name in graph.pinned)
    model = IntegerModel(graph.name, (), (), (made,), ())
    return Golden(model).run_layers({name: codes[name] for name in layer.inputs}, [layer.name])[layer.name]


def _mean_sums(g: LinearGeometry, weight: FloatArray, x: npt.NDArray[np.generic]) -> FloatArray:
    """Return the linear map's mean over frames and output pixels, float64 ``[CO]``.

    ``weight`` is ``[KH * KW, CO, CI / groups]``, ``x`` are frames of ``(H, W, CI)`` in any shape.
    """
    frames = x.reshape(-1, *g.in_shape).astype(np.float64).sum(axis=0)
    count = x.size // int(np.prod(g.in_shape))
    seen_y = _uses(g.y.taps, g.y.in_size, g.y.kernel)
    seen_x = _uses(g.x.taps, g.x.in_size, g.x.kernel)
    sums = np.einsum("ay,yxc,bx->abc", seen_y, frames, seen_x, optimize=True).reshape(-1, g.groups, g.group_in)
    per_group = weight.reshape(-1, g.groups, g.group_out, g.group_in)
    total: FloatArray = np.einsum("tgc,tgoc->go", sums, per_group, optimize=True).reshape(-1)
    return total / (count * g.y.out_size * g.x.out_size)


def _uses(taps: tuple[tuple[tuple[int, int], ...], ...], in_size: int, kernel: int) -> FloatArray:
    """Return how often each kernel index meets each input index, float64 ``[kernel, in_size]``."""
    uses = np.zeros((kernel, in_size))
    for pairs in taps:
        for i, k in pairs:
            uses[k, i] += 1
    return uses
