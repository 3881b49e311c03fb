"""What ``inspect`` says of a model's layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gan2hls.ops import Linear
from gan2hls.report import inspect_model
from gan2hls.report.inspect import _model_facts
from tests.graph_models import Net, residual
from tests.onnx_models import f32, save

RNG = np.random.default_rng(5)


def test_summed_taps_are_no_dead_channels_and_these_are_counted(tmp_path: Path) -> None:
    """Behind a nearest-neighbour upsampling 3 x 3 weights become 4 x 4 sums."""
    body = 'u = Resize<mode = "nearest">(x, , s) c = Conv<pads = [1, 1, 1, 1]>(u, w) y = Conv(c, v)'
    constants = {"s": np.array([1, 1, 2, 2], np.float32), "w": f32(RNG, 4, 3, 3, 3), "v": f32(RNG, 2, 4, 1, 1)}
    assert inspect_model(save(tmp_path, body, (1, 3, 4, 4), constants)).removed_weights == 0
    constants["v"][:, 1] = 0
    facts = inspect_model(save(tmp_path, body, (1, 3, 4, 4), constants))
    assert facts.removed_weights == 3 * 9 + 2
    assert [layer.kernel for layer in facts.layers] == [(4, 4), (1, 1)]


def test_layers_of_a_graph_say_what_they_read() -> None:
    net, outputs = residual()
    facts = _model_facts(net.graph(*outputs), "", 0)
    reads = {layer.name: layer.inputs for layer in facts.layers}
    assert reads["l3_add"] == ("l0_conv", "l2_conv") and reads["l8_add"] == ("l7_conv", "l0_conv")
    join = facts.layers[3]
    assert (join.kind, join.in_shapes, join.out_shape, join.points) == ("add", 2 * ((5, 5, 6),), (5, 5, 6), ("relu",))
    assert join.weights is None and facts.removed_weights == 0
    assert [port["onnx_name"] for port in facts.outputs] == [net.graph(*outputs).outputs[0].onnx_name]


def test_channels_that_are_removed_are_those_of_the_same_layer() -> None:
    """Two branches of other sizes, one of which loses a channel."""
    net = Net()
    body = net.input(3, 3, 2)
    a, b = net.conv(net.conv(body, 5, "Relu"), 4), net.conv(net.conv(body, 3, "Relu", size=1), 4, size=1)
    graph = net.graph(net.add(a, b))
    unread = graph.layers[3]
    assert isinstance(unread.op, Linear)
    weight = unread.op.weight.copy()
    weight[..., 1] = 0
    layers = [replace(one, op=replace(unread.op, weight=weight)) if one is unread else one for one in graph.layers]
    assert _model_facts(replace(graph, layers=tuple(layers)), "", 0).removed_weights == 2 + 4
