"""Tensors end with their last reader."""

from __future__ import annotations

from gan2hls.model import done_with
from tests.graph_models import residual


def test_tensors_end_with_their_last_reader_and_unread_ones_with_their_maker() -> None:
    net, outputs = residual()
    unread = net.conv("z0", 2)
    ends = done_with(net.graph(*outputs).layers, outputs)
    by_tensor = {tensor: layer for layer, tensors in ends.items() for tensor in tensors}
    assert by_tensor == {
        "z0": unread,
        "l0_conv": "l8_add",  # the long skip
        "l1_conv": "l2_conv",
        "l2_conv": "l3_add",
        "l3_add": "l6_add",
        "l4_conv": "l5_conv",
        "l5_conv": "l6_add",
        "l6_add": "l7_conv",
        "l7_conv": "l8_add",
        "l8_add": "l9_conv",
        unread: unread,
    }
    assert set(ends) == {layer.name for layer in net.layers}
