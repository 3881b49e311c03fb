"""Copies that hold a whole map: what stands in no order of rows, columns and channels that a reader or a maker has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from gan2hls.kinds.base import Kind, fixed_shape
from gan2hls.kinds.int_rearrange import IntRearrange, rearrangement
from gan2hls.model import Layer
from gan2hls.numbers import Float32Array, FloatArray, Int64Array, QuantType
from gan2hls.ops import IntWeight, Operation, Shape


@final
@dataclass(frozen=True)
class Rearrange(Operation):
    """Elements of a map at places that rows, columns and channels add, and zeros.

    Attributes:
        places: which; the operation is the same on integers.
    """

    places: IntRearrange
    kind: ClassVar[str] = IntRearrange.kind
    copies: ClassVar[bool] = True

    def upright(self) -> Rearrange | None:
        """Return what makes maps of one column in place of maps of one row, of such or of others."""
        places = self.places
        height, width, channels = places.shape
        if height > 1:
            return self
        found = rearrangement(places.index.reshape(width, 1, channels), places.in_shape)
        return None if found is None else Rearrange(found)

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, H, W, C]``, of frames in any shape."""
        (x,) = inputs
        index = self.places.index
        return np.where(index >= 0, x.reshape(len(x), -1)[:, index], np.float32(0))

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at the map, in its shape: the sum of those at what is made of an element."""
        (x,) = inputs
        index = self.places.index.ravel()
        live = np.flatnonzero(index >= 0)
        found = np.zeros((len(x), x[0].size), np.float32)
        by_element = gradient.reshape(len(x), -1)
        for frame, given in zip(found, by_element, strict=True):
            np.add.at(frame, index[live], given[live])
        return (found.reshape(x.shape),)

    def lower(
        self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None
    ) -> tuple[IntRearrange, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``."""
        del shape
        (given,) = inputs
        assert weight is None, "a rearrangement has no weights"
        return self.places, np.array([given.scale])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        (given,) = inputs
        return math.prod(given) == math.prod(self.places.in_shape) and self.places.shape == shape


def _reorder(layer: Layer, image: Int64Array) -> Layer | None:
    """Return a rearrangement whose stream has the old elements that ``image`` names; None: places do not add up."""
    assert isinstance(layer.op, Rearrange), layer.name
    places = rearrangement(layer.op.places.index.ravel()[image], layer.op.places.in_shape)
    if places is None or layer.points:
        return None
    probe = replace(layer.probe, shape=image.shape, order=layer.probe.order[image.ravel()])
    return replace(layer, shape=image.shape, op=Rearrange(places), probe=probe)


KIND = Kind(Rearrange.kind, {}, _reorder, fixed_shape, saved=IntRearrange)
