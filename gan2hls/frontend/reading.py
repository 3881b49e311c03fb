"""Let a linear layer read a view: its taps go where the elements are, its weights follow the channels.

A view is read where it is separable: which row an element comes from depends on its row, and so for columns and
channels.  Rows that repeat (Resize, reflections) are taps that share an input; rows of zeros lose their taps.  What a
SpaceToDepth makes neighbouring channels of are rows and columns of their own: taps of a larger kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from gan2hls.frontend.views import ZERO, is_identity, repeats
from gan2hls.numbers import FloatArray, Int64Array
from gan2hls.ops import AxisTaps, Linear, Shape


def compacted(linear: Linear, image: Int64Array) -> tuple[Linear, Int64Array] | None:
    """Return a layer that reads each element of ``image`` once, and the image that is left.

    Args:
        linear: reads ``[H, W, C]``.
        image: int64 ``[H, W, C]``, which element of a stream each is.

    Returns:
        The layer and the ``[h, w, c]`` that it reads, without zeros and repetitions; None where these are not whole
        rows, columns and (without groups) channels.
    """
    if not (image < 0).any() and not repeats(image):
        return linear, image
    g = linear.geometry
    live = image >= 0
    channels = np.flatnonzero(live.any(axis=(0, 1)))
    if channels.size == 0 or (g.groups != 1 and channels.size < g.in_channels):
        return None
    seen = image[..., channels]
    rows, row_of = _distinct(seen.reshape(seen.shape[0], -1))
    columns, column_of = _distinct(seen.swapaxes(0, 1).reshape(seen.shape[1], -1))
    compact = seen[rows][:, columns]
    again = np.pad(compact, ((0, 1), (0, 1), (0, 0)), constant_values=ZERO)[row_of][:, column_of]
    if (compact < 0).any() or repeats(compact) or not np.array_equal(again, seen):
        return None
    y, x = _mapped(g.y, [row_of], len(rows)), _mapped(g.x, [column_of], len(columns))
    weight = linear.weight
    if channels.size < g.in_channels:
        weight = np.ascontiguousarray(weight[..., channels])
    geometry = replace(g, y=y, x=x, in_channels=channels.size if g.groups == 1 else g.in_channels)
    return replace(linear, geometry=geometry, weight=weight), compact


def by_rows_and_columns(linear: Linear, image: Int64Array, shape: Shape) -> Linear | None:
    """Return a layer that reads a stream of ``shape`` as it is, of which ``image`` is whole rows and columns.

    ``in_place`` where channels stay, in a fraction of its time: rows and columns may repeat, be zeros or be left out.
    None for anything else.

    Args:
        linear: reads ``[H, W, C]``.
        image: int64 ``[H, W, C]``.
        shape: ``(H, W, C)`` of the stream.
    """
    if image.shape[2] != shape[2]:
        return None
    pixels = image[:, :, 0]
    live = pixels >= 0
    row_live, column_live = np.any(live, axis=1), np.any(live, axis=0)
    if not row_live.any():
        return None
    row = np.where(row_live, pixels[:, column_live.argmax()] // (shape[1] * shape[2]), ZERO)
    column = np.where(column_live, pixels[row_live.argmax()] // shape[2] % shape[1], ZERO)
    again = np.where(row_live[:, None] & column_live, (row[:, None] * shape[1] + column) * shape[2], ZERO)
    if not np.array_equal(again, pixels):
        return None
    step = np.where(again >= 0, 1, 0)
    if not all(np.array_equal(again + n * step, image[:, :, n]) for n in range(1, shape[2])):
        return None
    y, x = _mapped(linear.geometry.y, [row], shape[0]), _mapped(linear.geometry.x, [column], shape[1])
    return replace(linear, geometry=replace(linear.geometry, y=y, x=x))


def in_place(linear: Linear, image: Int64Array, shape: Shape) -> Linear | None:
    """Return a layer that reads a stream of ``shape`` as it is, of which ``image`` names the elements.

    Args:
        linear: reads ``[H, W, C]``.
        image: int64 ``[H, W, C]``.
        shape: ``(H, W, C)`` of the stream.

    Returns:
        The layer, or None where ``image`` is not separable.  Weights of a channel that occurs several times are summed.
    """
    if image.shape == shape and is_identity(image):
        return linear
    places = _separated(image, shape)
    if places is None:
        return None
    weight = _by_place(linear, places, shape[2])
    if weight is None:
        return None
    y = _mapped(linear.geometry.y, places.rows, shape[0])
    x = _mapped(linear.geometry.x, places.columns, shape[1])
    rows, columns = linear.geometry.stride  # of blocks, each of as many pixels as there are ways to read them
    stride = (rows * len(places.rows), columns * len(places.columns))
    geometry = replace(linear.geometry, y=y, x=x, in_channels=shape[2], stride=stride)
    return replace(linear, geometry=geometry, weight=weight)


@final
@dataclass(frozen=True, eq=False)
class _Places:
    """Where the elements of a separable image stand.

    Attributes:
        rows: the different ways in which rows of the image are rows of the stream, int64 ``[H]`` each.
        columns: the same of columns.
        row_way: of each channel of the image, which of ``rows``; int64 ``[C]``.
        column_way: of each channel, which of ``columns``.
        channel: of each channel, which one of the stream, or ``ZERO``.
    """

    rows: list[Int64Array]
    columns: list[Int64Array]
    row_way: Int64Array
    column_way: Int64Array
    channel: Int64Array


def _separated(image: Int64Array, shape: Shape) -> _Places | None:
    """Return the places of the elements of ``image`` in a stream of ``shape``, None where they are not separable.

    Rows and columns of zeros may differ from channel to channel, as what pads in front of a pixel unshuffle makes them.
    """
    live = image >= 0
    row_live, column_live = np.any(live, axis=1), np.any(live, axis=0)
    channels = np.flatnonzero(row_live.any(axis=0))
    if channels.size == 0 or not np.array_equal(live, row_live[:, None] & column_live):
        return None
    first_row, first_column = row_live.argmax(axis=0), column_live.argmax(axis=0)
    every = np.arange(image.shape[2])
    row = np.where(row_live, image[:, first_column, every] // (shape[1] * shape[2]), ZERO)
    column = np.where(column_live, image[first_row, :, every].T // shape[2] % shape[1], ZERO)
    channel = np.where(row_live.any(axis=0), image[first_row, first_column, every] % shape[2], ZERO)
    again = (row[:, None] * shape[1] + column) * shape[2] + channel
    if not np.array_equal(np.where(live, again, ZERO), np.where(live, image, ZERO)):
        return None
    row_ways, row_way = np.unique(row[:, channels], axis=1, return_inverse=True)
    column_ways, column_way = np.unique(column[:, channels], axis=1, return_inverse=True)

    def spread(values: Int64Array) -> Int64Array:
        whole = np.full(every.size, ZERO, np.int64)
        whole[channels] = values.reshape(-1)
        return whole

    return _Places(list(row_ways.T), list(column_ways.T), spread(row_way), spread(column_way), channel)


def _by_place(linear: Linear, places: _Places, channels: int) -> FloatArray | None:
    """Return the weights ``[T, CO, CI / groups]`` by the stream's taps and channels; None where they do not fit."""
    g, weight = linear.geometry, linear.weight
    row_ways, column_ways = len(places.rows), len(places.columns)
    if g.groups != 1:
        group = np.arange(g.in_channels) // g.group_in
        moved = places.channel // g.group_in
        stays = channels == g.in_channels and np.array_equal(group, moved) and not repeats(places.channel)
        if row_ways * column_ways > 1 or not stays:
            return None
        by_group = weight.reshape(weight.shape[0], g.groups, g.group_out, g.group_in)
        source = np.argsort(places.channel).reshape(g.groups, 1, g.group_in) % g.group_in
        ordered = np.take_along_axis(by_group, np.broadcast_to(source, by_group.shape[1:])[None], axis=3)
        return np.ascontiguousarray(ordered.reshape(weight.shape))
    live = np.flatnonzero(places.channel >= 0)
    target = (places.row_way[live], places.column_way[live], places.channel[live])
    flat = np.ravel_multi_index(target, (row_ways, column_ways, channels))
    used = np.unique(places.channel[live]).size
    if np.unique(flat).size != row_ways * column_ways * used:
        return None
    by_way = np.zeros((g.y.kernel, row_ways, g.x.kernel, column_ways, g.out_channels, channels))
    kernel = weight.reshape(g.y.kernel, g.x.kernel, g.out_channels, g.in_channels)
    for c, row, column, channel in zip(live, *target, strict=True):
        by_way[:, row, :, column, :, channel] += kernel[..., c]
    return by_way.reshape(-1, g.out_channels, channels)


def _distinct(lines: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return where the different lines that are not all zeros first stand, in stream order, and which each line is.

    A line of zeros is ``ZERO``.
    """
    live = np.flatnonzero((lines >= 0).any(axis=1))
    _, first, which = np.unique(lines[live], axis=0, return_index=True, return_inverse=True)
    whole = np.full(len(lines), ZERO, np.int64)
    whole[live] = which.reshape(-1)
    return live[first], whole


def _mapped(axis: AxisTaps, ways: list[Int64Array], size: int) -> AxisTaps:
    """Return the taps of an axis whose input ``i`` is, in each of ``ways``, one of ``size`` inputs, or a zero.

    Kernel index ``k`` of way ``n`` is ``k * len(ways) + n``.
    """
    count = len(ways)
    sources = [way.tolist() for way in ways]
    taps = tuple(
        tuple((way[i], k * count + n) for i, k in pairs for n, way in enumerate(sources) if way[i] >= 0)
        for pairs in axis.taps
    )
    return AxisTaps(size, axis.kernel * count, taps)
