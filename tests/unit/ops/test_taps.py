"""Tap programs against matrices made the slow way: a convolution of unit impulses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.ops.taps import AxisTaps, LinearGeometry, conv_axis, conv_transpose_axis, dense_geometry
from tests.strategies import OnnxConv, convolutions


def dense_taps(axis: AxisTaps) -> np.ndarray:
    """``[out, in, kernel]``, 1 where a tap is."""
    found = np.zeros((axis.out_size, axis.in_size, axis.kernel), int)
    for o, pairs in enumerate(axis.taps):
        for i, k in pairs:
            found[o, i, k] += 1
    return found


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 7), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.tuples(*[st.integers(0, 4)] * 2))
def test_convolution_reads_the_padded_input(
    size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]
) -> None:
    reach = (kernel - 1) * dilation + 1
    if size + sum(pads) < reach:
        return
    # Number the inputs; what a window holds besides -1 (padding) are the taps.
    padded = np.pad(np.arange(size), pads, constant_values=-1)
    windows = [padded[at : at + reach : dilation] for at in range(0, len(padded) - reach + 1, stride)]
    expected = tuple(tuple((int(i), k) for k, i in enumerate(window) if i >= 0) for window in windows)
    assert conv_axis(size, kernel, stride, dilation, pads).taps == expected


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 7), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.integers(1, 20)
)
def test_transposed_convolution_scatters_and_crops(
    size: int, kernel: int, stride: int, dilation: int, pad: int, out_size: int
) -> None:
    full = (size - 1) * stride + (kernel - 1) * dilation + 1
    expected = np.zeros((pad + out_size + full, size, kernel), int)
    for i in range(size):
        for k in range(kernel):
            expected[i * stride + k * dilation, i, k] = 1
    axis = conv_transpose_axis(size, kernel, stride, dilation, pad, out_size)
    assert (dense_taps(axis) == expected[pad : pad + out_size]).all()


def test_transposed_is_the_adjoint_of_convolution() -> None:
    forward = dense_taps(conv_axis(9, 4, 2, 1, (1, 1)))
    backward = dense_taps(conv_transpose_axis(len(forward), 4, 2, 1, 1, 9))
    assert (forward.transpose(1, 0, 2) == backward).all()


def test_dcgan_axis_by_hand() -> None:
    axis = conv_transpose_axis(3, 4, 2, 1, 1, 6)
    assert axis.taps == (
        ((0, 1),),
        ((1, 0), (0, 2)),
        ((1, 1), (0, 3)),
        ((2, 0), (1, 2)),
        ((2, 1), (1, 3)),
        ((2, 2),),
    )
    assert axis.count == 10
    assert axis.need == (1, 2, 2, 3, 3, 3)
    assert axis.base == (0, 0, 0, 1, 1, 2)
    assert axis.released == (0, 0, 1, 0, 1, 1)
    assert axis.window == 2
    assert [entry.last for entry in axis.entries] == [True, False, True, False, True, False, True, False, True, True]


@settings(max_examples=100, deadline=None)
@given(convolutions())
def test_a_line_buffer_that_follows_need_and_base_never_misses(conv: OnnxConv) -> None:
    """Walk the outputs with a set of live inputs: every tap finds its input, no more than ``window`` are alive."""
    for axis in (conv.geometry.y, conv.geometry.x):
        alive: set[int] = set()
        arrived = freed = 0
        for n, o in enumerate(axis.outputs):
            alive |= set(range(arrived, axis.need[n]))
            arrived = axis.need[n]
            assert {i for i, _ in axis.taps[o]} <= alive
            alive -= set(range(axis.base[n]))
            assert {i for i, _ in axis.taps[o]} <= alive
            assert len(alive) <= axis.window
            freed += axis.released[n]
        if axis.outputs:
            assert freed == axis.in_size
        assert len(axis.entries) == axis.count == dense_taps(axis).sum()
        assert sum(entry.last for entry in axis.entries) == len(axis.outputs)


def test_outputs_without_taps_are_left_out() -> None:
    axis = conv_transpose_axis(2, 1, 3, 1, 0, 6)
    assert axis.outputs == (0, 3) and axis.out_size == 6 and axis.count == 2
    assert axis.need == (1, 2) and axis.released == (1, 1)


@pytest.mark.parametrize("taps", [(((2, 0),),), (((-1, 0),),), (((0, 3),),), (((0, 1), (1, 0)),), (((0, 1), (1, 1)),)])
def test_illegal_programs_are_refused(taps: tuple) -> None:
    with pytest.raises(AssertionError):
        AxisTaps(2, 3, taps)


def test_macs_of_the_design_note() -> None:
    """DCGAN-64's numbers: 90.5 M useful, 117 M in padded phases, 428 M with zeros."""
    channels, sizes, total = (100, 512, 256, 128, 64, 3), (1, 4, 8, 16, 32, 64), np.zeros(3, int)
    for n in range(5):
        stride, pad = (1, 0) if n == 0 else (2, 1)
        axis = conv_transpose_axis(sizes[n], 4, stride, 1, pad, sizes[n + 1])
        g = LinearGeometry(axis, axis, channels[n], channels[n + 1], 1, (stride, stride), transposed=True)
        total += np.array([g.useful_macs, g.padded_phase_macs, g.zero_insertion_macs])
    # The first layer's one input pixel meets every tap once; in all others, only borders lose anything.
    assert total[0] == 819_200 + sum((2 * 2 * sizes[n] - 2) ** 2 * channels[n] * channels[n + 1] for n in range(1, 5))
    assert total[2] == sum(sizes[n + 1] ** 2 * 16 * channels[n] * channels[n + 1] for n in range(5))
    assert total[1] == (total[2] - 16 * 819_200) // 4 + 16 * 819_200


def test_groups_divide_macs_and_weights() -> None:
    axis = conv_axis(4, 3, 1, 1, (1, 1))
    whole, grouped = LinearGeometry(axis, axis, 6, 12), LinearGeometry(axis, axis, 6, 12, 3)
    assert whole.useful_macs == 3 * grouped.useful_macs == 10 * 10 * 72
    assert grouped.weight_shape == (9, 12, 2) and (grouped.group_in, grouped.group_out) == (2, 4)
    with pytest.raises(AssertionError, match="groups must divide"):
        LinearGeometry(axis, axis, 6, 12, 4)


def test_dense_is_one_pixel_with_one_tap() -> None:
    g = dense_geometry(5, 7)
    assert (g.in_shape, g.out_shape, g.useful_macs, g.weight_shape) == ((1, 1, 5), (1, 1, 7), 35, (1, 7, 5))
