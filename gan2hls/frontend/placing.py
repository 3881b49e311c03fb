"""How a linear layer reads a view: by its taps and weights, or by a stream that is made in another order for it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gan2hls.frontend.reading import by_rows_and_columns, compacted, in_place
from gan2hls.frontend.streams import Streams
from gan2hls.frontend.views import View, images, inverse, repeats, shuffles
from gan2hls.kinds import KIND_BY_NAME, Reading
from gan2hls.numbers import Int64Array
from gan2hls.ops import Linear


def placed(streams: Streams, view: View, reading: Reading) -> Linear | None:
    """Return what reads the stream of ``view``, which may be made in another order for it; None: not placed."""
    linear, shape = reading.op, streams.shape(view.tensor)
    as_it_is = streams.is_made(view) and linear.geometry.in_shape == shape
    if as_it_is and np.array_equal(inverse(view.index), reading.in_order):
        return linear
    order = view.index.ravel()[reading.in_order]
    if KIND_BY_NAME[linear.kind].absorbs_input_order:
        return _any_order(streams, view.tensor, linear, order)
    image = order.reshape(linear.geometry.in_shape)
    straight = by_rows_and_columns(linear, image, shape)
    if straight is not None:
        return straight
    raster = _on_raster(streams, view.tensor, linear, image)
    if raster is not None and streams.provide(view.tensor, raster[1]):
        return raster[0]
    once = compacted(linear, image)
    if once is not None and streams.provide(view.tensor, once[1]):
        return once[0]
    for seen in (shape, *streams.rasters(view.tensor)):
        read = in_place(linear, image, seen)
        if read is not None:
            return read
    return _behind_shuffle(streams, view.tensor, linear, image)


def _behind_shuffle(streams: Streams, tensor: str, linear: Linear, image: Int64Array) -> Linear | None:
    """Return how ``linear`` reads rows, columns and channels of what a pixel shuffle makes of a stream."""
    for larger in shuffles(streams.shape(tensor)):
        read = in_place(linear, np.where(image >= 0, inverse(larger)[image], image), larger.shape)
        if read is not None and streams.provide(tensor, larger):
            return read
    return None


def _any_order(streams: Streams, tensor: str, linear: Linear, order: Int64Array) -> Linear:
    """Return a linear layer whose columns follow the stream, of which it reads ``order``.

    Columns that read the same element are summed.
    """
    live = order >= 0
    weight = np.zeros((*linear.weight.shape[:2], math.prod(streams.shape(tensor))))
    if repeats(order):
        for element, column in zip(order[live], np.flatnonzero(live), strict=True):
            weight[..., element] += linear.weight[..., column]
    else:
        weight[..., order[live]] = linear.weight[..., live]
    return replace(linear, geometry=replace(linear.geometry, in_channels=weight.shape[2]), weight=weight)


def _on_raster(streams: Streams, tensor: str, linear: Linear, image: Int64Array) -> tuple[Linear, Int64Array] | None:
    """Return how ``linear`` reads inputs of the model whose order is open still as an image, and that image.

    Functions of each element, and sums, may stand in between.
    """
    ports = [streams.inputs.get(root) for root in streams.roots(tensor)]
    if any(port is None or port.shape[:2] != (1, 1) for port in ports):
        return None
    port = ports[0]
    if port is None or len(port.onnx_shape) not in (3, 4):
        return None
    for raster in images(port.order.reshape(port.onnx_shape)):
        seen = np.where(image >= 0, inverse(raster)[image], image)
        read = in_place(linear, seen, raster.shape)
        if read is not None:
            return read, raster
    return None
