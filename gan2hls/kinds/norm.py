"""Normalization by statistics of the tensor itself: of a channel, a group of channels, a pixel, or all of it.

    (x - mean) / sqrt(variance + epsilon), or x / sqrt(mean of squares + epsilon)

over sets of elements.  Scale and bias of channels are points behind it.  The integers stand in ``int_norm``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from gan2hls.base import ConfigError, ModelError, UnsupportedError
from gan2hls.kinds.base import Array, Kind, Normalization, Tensor, constant, fixed_shape
from gan2hls.kinds.int_norm import IntNorm, by_sets
from gan2hls.kinds.norm_plan import set_size
from gan2hls.model import Affine, Layer, Point
from gan2hls.numbers import MOST_BITS, Float32Array, FloatArray, Int64Array, QuantType
from gan2hls.ops import IntWeight, Operation, Shape


@final
@dataclass(frozen=True)
class Norm(Operation):
    """Normalization over sets of elements.

    Attributes:
        shape: ``(H, W, C)`` of the stream.
        groups: equal runs of channels, each a set; 1: all channels are one.
        by_pixel: whether each pixel has sets of its own; else they reach over all pixels.
        centred: whether the mean is subtracted.
        epsilon: added to the variance.
        outside: added to its root.
    """

    shape: Shape
    groups: int
    by_pixel: bool
    centred: bool
    epsilon: float
    outside: float = 0.0
    kind: ClassVar[str] = "norm"

    def upright(self) -> Norm:
        """Return it on maps of one column in place of maps of one row."""
        height, width, channels = self.shape
        return replace(self, shape=(width, height, channels)) if height == 1 else self

    def evaluate(self, inputs: Sequence[Float32Array]) -> Float32Array:
        """Return what the points act on, float32 ``[N, H, W, C]``."""
        centred, deviation = self._parts(inputs[0])
        made: Float32Array = (centred / deviation).reshape(-1, *self.shape)
        return made

    def backward(self, inputs: Sequence[Float32Array], gradient: Float32Array) -> tuple[Float32Array, ...]:
        """Return the gradient at its input."""
        centred, deviation = self._parts(inputs[0])
        made = centred / deviation
        g = gradient.reshape(made.shape)
        root = deviation - np.float32(self.outside)
        along = (g * made).mean(axis=(2, 4), keepdims=True) * centred / np.maximum(root, np.finfo(np.float32).tiny)
        back = (g - along) / deviation
        if self.centred:
            back = back - (g / deviation).mean(axis=(2, 4), keepdims=True)
        found: Float32Array = back.reshape(inputs[0].shape).astype(np.float32)
        return (found,)

    def _parts(self, x: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Return the input, less its mean, by sets, and what divides it; the sum runs in float64."""
        sets = by_sets(x, self.shape, self.groups, self.by_pixel)
        axes = (2, 4)
        if self.centred:
            sets = sets - sets.mean(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
        power = np.mean(np.square(sets, dtype=np.float64), axis=axes, keepdims=True)
        return sets, (np.sqrt(power + self.epsilon) + self.outside).astype(np.float32)

    def lower(self, inputs: Sequence[QuantType], shape: Shape, weight: IntWeight | None) -> tuple[IntNorm, FloatArray]:
        """Return it on integers, and what an accumulator of 1 means, float64 ``[1]``.

        What is added to the root goes below it, squared: an ``outside`` much less than the deviation.

        Raises:
            ConfigError: sums beyond 62 bits.
        """
        assert weight is None and shape == self.shape, "a norm has no weights, and the shape of its input"
        (given,) = inputs
        count = set_size(self.shape, self.groups, self.by_pixel)
        epsilon = (self.epsilon + self.outside**2) * (count / given.scale) ** 2
        made = IntNorm(self.shape, self.groups, self.by_pixel, self.centred, 1)
        most = (1 << MOST_BITS) - 1 - made.power(given)
        if epsilon > most:
            raise ConfigError(
                f"its sums over {count} elements of {given.int_type}, with epsilon, have more than {MOST_BITS} bits",
                hint="take an activation of fewer bits, or build for a smaller image; and an epsilon far below the "
                "variance",
            )
        made = IntNorm(self.shape, self.groups, self.by_pixel, self.centred, max(1, round(epsilon)))
        return made, np.array([2.0**-made.fraction])

    def fits(self, inputs: Sequence[Shape], shape: Shape) -> bool:
        """Return whether it makes a stream of ``shape`` of ``inputs``."""
        return list(inputs) == [shape] == [self.shape] and self.shape[2] % self.groups == 0


def instance_normalization(
    x: Tensor,
    _: Array | None = None,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
) -> Normalization:
    """Read InstanceNormalization: a set for each channel, axis 1."""
    channels = _channels(x)
    sets = _along(np.arange(channels), x.shape, 1)
    return Normalization(sets, True, epsilon, points=_affine(x, channels, scale, bias))


def group_normalization(
    x: Tensor,
    _: Array | None = None,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Normalization:
    """Read GroupNormalization, of opset 21 on: scale and bias are those of channels."""
    del stash_type
    channels = _channels(x)
    if num_groups < 1 or channels % num_groups:
        raise ModelError(f"has {num_groups} groups of {channels} channels", hint=f"num_groups must divide {channels}")
    of_group = np.arange(channels) // (channels // num_groups)
    return Normalization(_along(of_group, x.shape, 1), True, epsilon, points=_affine(x, channels, scale, bias))


def layer_normalization(
    x: Tensor,
    _: Array | None = None,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Normalization:
    """Read LayerNormalization: sets over ``axis`` and all behind it."""
    del stash_type
    return _over_last(x, scale, bias, axis, epsilon, centred=True)


def rms_normalization(
    x: Tensor,
    _: Array | None = None,
    scale: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Normalization:
    """Read RMSNormalization: LayerNormalization without the mean."""
    del stash_type
    return _over_last(x, scale, None, axis, epsilon, centred=False)


def mean_variance_normalization(x: Tensor, _: Array | None = None, *, axes: Sequence[int] = (0, 2, 3)) -> Normalization:
    """Read MeanVarianceNormalization, whose epsilon, 1e-9, ONNX adds to the deviation."""
    kept = [n not in {axis % len(x.shape) for axis in axes} for n in range(len(x.shape))]
    counts = [size if keep else 1 for size, keep in zip(x.shape, kept, strict=True)]
    sets = np.broadcast_to(np.arange(int(np.prod(counts))).reshape(counts), x.shape)
    return Normalization(sets, True, 0.0, outside=1e-9)


def _over_last(
    x: Tensor, scale: Array | None, bias: Array | None, axis: int, epsilon: float, *, centred: bool
) -> Normalization:
    first = axis % len(x.shape)
    before = x.shape[:first]
    sets = np.broadcast_to(np.arange(int(np.prod(before))).reshape(*before, *(1,) * (len(x.shape) - first)), x.shape)
    factor = constant(scale, "the scale")
    added = np.zeros(1) if bias is None else constant(bias, "the bias")
    return Normalization(sets, centred, epsilon, points=_points(factor, added))


def _channels(x: Tensor) -> int:
    if x.position != 0 or len(x.shape) < 3:
        raise UnsupportedError(
            f"reads a tensor of shape {list(x.shape)}" if x.position == 0 else "its parameters are computed",
            hint="it normalizes a map [1, C, ...] with at least one axis behind the channels, by a constant scale and "
            "bias; where the network computes these, let it multiply and add them behind",
        )
    return x.shape[1]


def _along(values: Int64Array, shape: tuple[int, ...], axis: int) -> Int64Array:
    """Return ``values`` along an axis of ``shape``."""
    return np.broadcast_to(values.reshape(-1, *(1,) * (len(shape) - axis - 1)), shape)


def _affine(x: Tensor, channels: int, scale: Array | None, bias: Array | None) -> tuple[Point, ...]:
    named = {"scale": constant(scale, "the scale"), "bias": constant(bias, "the bias")}
    for name, value in named.items():
        if value.shape != (channels,):
            raise ModelError(
                f"its {name} has shape {list(value.shape)} for a tensor of shape {list(x.shape)}",
                hint=f"it must have shape [{channels}], one number per channel",
            )
    factor, added = (value.reshape(-1, *(1,) * (len(x.shape) - 2)) for value in named.values())
    return _points(factor, added)


def _points(factor: FloatArray, added: FloatArray) -> tuple[Point, ...]:
    """Return scale and bias as points; none where they are 1 and 0."""
    return () if (factor == 1).all() and not added.any() else (Affine(factor, added),)


def reorder(layer: Layer, image: Int64Array) -> None:
    """Say that a norm's stream keeps its order (an entry of ``Kind.reorder``)."""
    del layer, image


KIND = Kind(
    "norm",
    {
        "InstanceNormalization": instance_normalization,
        "GroupNormalization": group_normalization,
        "LayerNormalization": layer_normalization,
        "RMSNormalization": rms_normalization,
        "MeanVarianceNormalization": mean_variance_normalization,
    },
    reorder,
    fixed_shape,
    saved=IntNorm,
)
