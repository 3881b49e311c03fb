"""Convolution, 1-D and 2-D."""

from __future__ import annotations

import numpy as np

from gan2hls.base import ModelError, UnsupportedError
from gan2hls.kinds.base import (
    Array,
    Kind,
    Reading,
    Tensor,
    axes,
    check_axis,
    check_size,
    constant,
    fixed_shape,
    image_index,
    image_order,
    raw_constant,
    select_outputs,
)
from gan2hls.numbers import FloatArray
from gan2hls.ops import Linear, LinearGeometry, conv_axis


def image_of(x: Tensor, weight: Array, what: str) -> tuple[tuple[int, int, int], Array]:
    """Return ``(C, H, W)`` and the weight in 2-D; a 1-D convolution has ``H = 1``.

    Raises:
        UnsupportedError: neither 1-D nor 2-D, or not applied to the first input.
    """
    if x.position != 0:
        raise UnsupportedError("the weights are computed by the network", hint="only constant weights are supported")
    if len(x.shape) not in (3, 4) or weight.ndim != len(x.shape) or weight.size == 0:
        raise UnsupportedError(
            f"input of shape {list(x.shape)} with weights of shape {list(weight.shape)}",
            hint=f"{what} is supported in 1-D ([1, C, W]) and 2-D ([1, C, H, W])",
        )
    if x.shape[0] != 1:
        raise UnsupportedError(f"works on a batch of {x.shape[0]}", hint="only a batch of 1 is supported")
    channels, size = x.shape[1], x.shape[2:]
    if len(size) == 1:
        return (channels, 1, size[0]), weight[:, :, None, :]
    return (channels, size[0], size[1]), weight


def spatial(values: object, rank: int, default: int, what: str) -> tuple[int, int]:
    """Return an attribute with one value per spatial axis as ``(y, x)``."""
    found = axes(values, rank - 2, default, what)
    return (default, found[0]) if rank == 3 else (found[0], found[1])


def pads_of(pads: object, rank: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ``pads`` as ``((top, bottom), (left, right))``."""
    found = axes(pads, 2 * (rank - 2), 0, "pads")
    return ((0, 0), (found[0], found[1])) if rank == 3 else ((found[0], found[2]), (found[1], found[3]))


def check_kernel(kernel_shape: object, weight: Array, groups: int, channels: tuple[int, int], rank: int) -> None:
    """Check what the attributes say of the weights.

    Raises:
        ModelError: the kernel's size is not that of the weights.
        UnsupportedError: groups that do not divide the channels.
    """
    kernel = weight.shape[6 - rank :]
    if kernel_shape is not None and axes(kernel_shape, rank - 2, 0, "kernel_shape") != kernel:
        raise ModelError(
            f"kernel_shape {kernel_shape} does not fit a kernel of {list(kernel)}",
            hint="leave kernel_shape out, or correct it",
        )
    if groups < 1 or any(c % groups for c in channels) or min(channels) < 1:
        raise UnsupportedError(
            f"{groups} groups do not divide {channels[0]} input and {channels[1]} output channels",
            hint="correct the attribute group: it must divide both",
        )


def bias_of(bias: Array | None, channels: int) -> FloatArray | None:
    """Return the bias as float64.

    Raises:
        ModelError: it is not one number per output channel.
    """
    if bias is None:
        return None
    if bias.shape != (channels,):
        raise ModelError(
            f"its bias has shape {list(bias.shape)} for {channels} output channels",
            hint=f"it must have shape [{channels}]",
        )
    return constant(bias, "the bias")


def conv(
    x: Tensor,
    _: Array | None = None,
    w: Array | None = None,
    b: Array | None = None,
    *,
    dilations: object = None,
    group: int = 1,
    kernel_shape: object = None,
    pads: object = None,
    strides: object = None,
) -> Reading:
    """Read Conv with explicit pads (``frontend.spelling``)."""
    rank = len(x.shape)
    (channels, *size), weight = image_of(x, raw_constant(w, "the weight"), "Conv")
    out_channels = weight.shape[0]
    check_kernel(kernel_shape, weight, group, (channels, out_channels), rank)
    if weight.shape[1] * group != channels:
        raise UnsupportedError(
            f"{channels} input channels do not fit weights of shape {list(weight.shape)}",
            hint=f"their second size must be {channels} / group; correct the attribute group",
        )
    stride, dilation = spatial(strides, rank, 1, "strides"), spatial(dilations, rank, 1, "dilations")
    given = pads_of(pads, rank)
    programs = []
    for n, kernel, s, d, pad in zip(size, weight.shape[2:], stride, dilation, given, strict=True):
        check_axis(1, kernel, s, d)
        reach = (kernel - 1) * d + 1
        check_axis((n + sum(pad) - reach) // s + 1, kernel, s, d)
        programs.append(conv_axis(n, kernel, s, d, pad))
    geometry = LinearGeometry(programs[0], programs[1], channels, out_channels, group, stride)
    out = geometry.out_shape
    shape = (1, out_channels, *out[4 - rank : 2])
    check_size(shape, "its output")
    taps = np.array(weight.transpose(2, 3, 0, 1), np.float64, order="C").reshape(geometry.weight_shape)
    return Reading(
        Linear("conv", geometry, taps),
        bias_of(b, out_channels),
        image_order(channels, size[0], size[1]),
        image_index(out_channels, out[0], out[1], shape),
    )


KIND = Kind("conv", {"Conv": conv}, select_outputs, fixed_shape)
