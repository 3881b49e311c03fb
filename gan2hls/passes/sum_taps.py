"""Sum the weights of taps that read the same pixel, as a convolution behind a nearest-neighbour upsampling has them.

With a factor of 2 and a kernel of 3 x 3 an output reads 2 x 2 different pixels: 4 products in place of 9, by weights
that are sums of one or two per axis.  There are more of these than there were weights, 4 x 4, so sums are taken only
where they save more products than they add weights; and never where the codes of weights are known: a sum has others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan2hls.model import Graph, Layer, with_layers
from gan2hls.numbers import FloatArray
from gan2hls.ops import AxisTaps, Linear

#: Kernel indices that are summed.
_Sums = tuple[tuple[int, ...], ...]


def sum_taps(graph: Graph) -> Graph:
    """Sum taps wherever it saves more products than it adds weights."""
    return with_layers(graph, (_summed(layer) for layer in graph.layers))


def _summed(layer: Layer) -> Layer:
    if not isinstance(layer.op, Linear) or layer.op.structure is not None:
        return layer
    geometry, weight = layer.op.geometry, layer.op.weight
    (y, rows), (x, columns) = _shared(geometry.y), _shared(geometry.x)
    changed = replace(geometry, y=y, x=x)
    if changed.pixel_taps * y.kernel * x.kernel >= geometry.pixel_taps * geometry.y.kernel * geometry.x.kernel:
        return layer
    kernels = weight.reshape(*geometry.kernel, *weight.shape[1:])
    kernels = _sums(_sums(kernels, rows), columns, axis=1)
    return replace(layer, op=replace(layer.op, geometry=changed, weight=kernels.reshape(changed.weight_shape)))


def _shared(axis: AxisTaps) -> tuple[AxisTaps, _Sums]:
    """Return the taps of an axis in which no output reads an input twice, and what each of its kernel indices sums."""
    by_output: list[dict[int, tuple[int, ...]]] = []
    for pairs in axis.taps:
        together: dict[int, tuple[int, ...]] = {}
        for i, k in pairs:
            together[i] = (*together.get(i, ()), k)
        by_output.append(together)
    sums = tuple(sorted({kernel for together in by_output for kernel in together.values()})) or ((0,),)
    place = {kernel: n for n, kernel in enumerate(sums)}
    taps = tuple(
        tuple(sorted(((i, place[kernel]) for i, kernel in together.items()), key=lambda pair: pair[1]))
        for together in by_output
    )
    return AxisTaps(axis.in_size, len(sums), taps), sums


def _sums(kernels: FloatArray, sums: _Sums, axis: int = 0) -> FloatArray:
    return np.stack([kernels.take(kernel, axis=axis).sum(axis=axis) for kernel in sums], axis=axis)
