"""The different functions that a chain of points is, channel by channel."""

from __future__ import annotations

from typing import final

import numpy as np

from gan2hls.kinds import map_parameters
from gan2hls.model import Point
from gan2hls.numbers import FloatArray, Int64Array


@final
class Curves:
    """The different functions of points.

    Attributes:
        points: of a chain.
        of_channel: int64 ``[C]``, which function each channel has.
        first: int64 ``[S]``, the first channel of each.
    """

    def __init__(self, points: tuple[Point, ...], channels: int) -> None:
        words = [np.zeros(channels)]

        def collect(value: FloatArray) -> FloatArray:
            words.extend([value] if value.size > 1 else [])
            return value

        for point in points:
            map_parameters(point, collect)
        _, first, which = np.unique(np.stack(words), axis=1, return_index=True, return_inverse=True)
        self.points, self.first, self.of_channel = points, first, which.reshape(-1)
        assert self.of_channel.shape == (channels,), f"{self.of_channel.shape} functions of {channels} channels"

    @property
    def count(self) -> int:
        """Number of different functions."""
        return int(self.first.size)

    def of(self, sets: Int64Array) -> tuple[Point, ...]:
        """Return the points of the functions ``sets`` alone, which read ``[N, len(sets)]``."""
        kept = self.first[sets]
        return tuple(map_parameters(point, lambda v: v[kept] if v.size > 1 else v) for point in self.points)

    def least(self, values: FloatArray) -> FloatArray:
        """Return the least of ``values`` ``[C]`` over the channels of each function."""
        made = np.full(self.count, np.inf)
        np.minimum.at(made, self.of_channel, values)
        return made

    def same(self, values: FloatArray) -> bool:
        """Whether ``values`` ``[..., C]`` are the same for all channels of each function."""
        return bool((values == values[..., self.first[self.of_channel]]).all())
