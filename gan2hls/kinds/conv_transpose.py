"""Transposed convolution, 1-D and 2-D."""

from __future__ import annotations

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.kinds.base import (
    Array,
    Kind,
    Reading,
    Tensor,
    check_axis,
    check_size,
    fixed_shape,
    image_index,
    image_order,
    raw_constant,
    select_outputs,
)
from gan2hls.kinds.conv import bias_of, check_kernel, image_of, pads_of, spatial
from gan2hls.numbers import FloatArray
from gan2hls.ops import Linear, LinearGeometry, conv_transpose_axis


def conv_transpose(
    x: Tensor,
    _: Array | None = None,
    w: Array | None = None,
    b: Array | None = None,
    *,
    dilations: object = None,
    group: int = 1,
    kernel_shape: object = None,
    output_padding: object = None,
    pads: object = None,
    strides: object = None,
) -> Reading:
    """Read ConvTranspose with explicit pads (``frontend.spelling``)."""
    rank = len(x.shape)
    (channels, *size), weight = image_of(x, raw_constant(w, "the weight"), "ConvTranspose")
    out_channels = weight.shape[1] * group
    check_kernel(kernel_shape, weight, group, (channels, out_channels), rank)
    if weight.shape[0] != channels:
        raise UnsupportedError(
            f"{channels} input channels do not fit weights of shape {list(weight.shape)}",
            hint=f"their first size must be {channels}",
        )
    stride, dilation = spatial(strides, rank, 1, "strides"), spatial(dilations, rank, 1, "dilations")
    extra, given = spatial(output_padding, rank, 0, "output_padding"), pads_of(pads, rank)
    programs = []
    for axis, (n, kernel, s, d) in enumerate(zip(size, weight.shape[2:], stride, dilation, strict=True)):
        check_axis(1, kernel, s, d)
        full = (n - 1) * s + (kernel - 1) * d + 1 + extra[axis]
        begin, end = given[axis]
        out = full - begin - end
        check_axis(out, kernel, s, d, f"make its pads smaller: those of one axis may sum to {full - 1} here")
        programs.append(conv_transpose_axis(n, kernel, s, d, begin, out))
    geometry = LinearGeometry(programs[0], programs[1], channels, out_channels, group, stride, transposed=True)
    out_shape = geometry.out_shape
    shape = (1, out_channels, *out_shape[4 - rank : 2])
    check_size(shape, "its output")
    return Reading(
        Linear("conv_transpose", geometry, _by_tap(weight, geometry)),
        bias_of(b, out_channels),
        image_order(channels, size[0], size[1]),
        image_index(out_channels, out_shape[0], out_shape[1], shape),
    )


def _by_tap(weight: Array, geometry: LinearGeometry) -> FloatArray:
    """Return ``[CI, CO / groups, KH, KW]`` as ``[KH * KW, CO, CI / groups]``."""
    grouped = weight.reshape(geometry.groups, geometry.group_in, geometry.group_out, *geometry.kernel)
    return np.array(grouped.transpose(3, 4, 0, 2, 1), np.float64, order="C").reshape(geometry.weight_shape)


KIND = Kind("conv_transpose", {"ConvTranspose": conv_transpose}, select_outputs, fixed_shape)
